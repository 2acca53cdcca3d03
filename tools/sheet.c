#include "tools/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "tools/files.h"

#define COLUMN_WIDTH 16

struct sheet {
    char path[PATH_SIZE_MAX], aside[PATH_SIZE_MAX];
    const char *name;
    const char *const *headings;
    size_t columns;
    lxw_workbook *workbook;
    lxw_worksheet *worksheet;
    lxw_format *text, *heading;
    unsigned sheets;
    lxw_row_t row;
    lxw_col_t column;
    struct buffer cell; /* ends with a zero */
    bool failed;
};

/* Digits that are typed into a text cell later stay as they are typed, too. */
static void sheet_add(struct sheet *sheet)
{
    char name[128];
    if (sheet->sheets++ == 0)
        (void)snprintf(name, sizeof name, "%s", sheet->name);
    else
        (void)snprintf(name, sizeof name, "%s %u", sheet->name, sheet->sheets);
    sheet->worksheet = workbook_add_worksheet(sheet->workbook, name);
    sheet->row = 0;
    sheet->column = 0;
    if (sheet->worksheet == NULL) {
        sheet->failed = true;
        return;
    }
    (void)worksheet_set_column(sheet->worksheet, 0, (lxw_col_t)(sheet->columns - 1),
                               COLUMN_WIDTH, sheet->text);
    worksheet_freeze_panes(sheet->worksheet, 1, 0);
    for (size_t i = 0; i < sheet->columns; i++)
        sheet->failed |=
            worksheet_write_string(sheet->worksheet, 0, (lxw_col_t)i, sheet->headings[i],
                                   sheet->heading) != LXW_NO_ERROR;
    sheet->row = 1;
}

enum status sheet_begin(struct sheet **out, const char *path, const char *name,
                        const char *const *headings, size_t columns)
{
    CHECK(columns > 0);
    *out = NULL;
    if (file_exists(path)) {
        errno = EEXIST;
        return ERR_EXISTS;
    }
    struct sheet *sheet = checked_malloc(sizeof *sheet);
    *sheet = (struct sheet){.name = name, .headings = headings, .columns = columns};
    int size = snprintf(sheet->path, sizeof sheet->path, "%s", path);
    int aside =
        snprintf(sheet->aside, sizeof sheet->aside, "%s.new.%ld", path, (long)getpid());
    if (size < 0 || aside < 0 || (size_t)aside >= sizeof sheet->aside) {
        free(sheet);
        return ERR_LIMIT;
    }
    lxw_workbook_options options = {.constant_memory = LXW_TRUE};
    buffer_init(&sheet->cell, SIZE_MAX);
    sheet->workbook = workbook_new_opt(sheet->aside, &options);
    if (sheet->workbook == NULL) {
        buffer_deinit(&sheet->cell);
        free(sheet);
        errno = ENOMEM;
        return ERR_FILE;
    }
    sheet->text = workbook_add_format(sheet->workbook);
    format_set_num_format_index(sheet->text, 49); /* "@", text */
    sheet->heading = workbook_add_format(sheet->workbook);
    format_set_bold(sheet->heading);
    sheet_add(sheet);
    *out = sheet;
    return OK;
}

void sheet_put(struct sheet *sheet, struct slice text)
{
    lxw_col_t column = sheet->column++;
    if (text.size == 0 || sheet->failed)
        return;
    buffer_clear(&sheet->cell);
    buffer_put(&sheet->cell, text.data, text.size);
    buffer_put_u8(&sheet->cell, 0);
    lxw_error error = worksheet_write_string(sheet->worksheet, sheet->row, column,
                                             (const char *)sheet->cell.data, sheet->text);
    if (error != LXW_NO_ERROR) {
        errno = EFBIG;
        sheet->failed = true;
    }
}

void sheet_end_row(struct sheet *sheet)
{
    sheet->column = 0;
    if (++sheet->row == LXW_ROW_MAX)
        sheet_add(sheet);
}

/* The library writes the file when the workbook is closed, and cannot be told its mode. */
static bool close_private(struct sheet *sheet)
{
    mode_t mask = umask(077);
    bool closed = workbook_close(sheet->workbook) == LXW_NO_ERROR;
    int error = errno;
    (void)umask(mask);
    errno = error;
    return closed && !sheet->failed;
}

static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    (void)close(fd);
    return synced;
}

enum status sheet_end(struct sheet *sheet, bool keep)
{
    errno = EIO;
    bool done = close_private(sheet) && keep && sync_file(sheet->aside) &&
                rename(sheet->aside, sheet->path) == 0;
    int error = errno;
    if (!done)
        (void)unlink(sheet->aside);
    buffer_deinit(&sheet->cell);
    free(sheet);
    errno = error;
    if (done || !keep)
        return OK;
    return error == ENOSPC ? ERR_DISK_FULL : ERR_FILE;
}
