/* import.c - `linli import`: the rows of a spreadsheet, each entered as `add` would enter it.
 *
 * A row is entered whole or not at all. What is refused stands, with the reason, in a file
 * beside the one that was read, in the form in which it can be corrected and imported again.
 * Many rows are under way at once, so that the daemon commits them together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "crdt/text.h"
#include "daemon/api/csv_text.h"
#include "tools/ask.h"
#include "tools/client.h"
#include "tools/csv_write.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/import.h"
#include "tools/json.h"
#include "tools/render.h"

#define IMPORT_SIZE_MAX (256 * 1024 * 1024) /* a million rows are a fifth of it */
#define PROGRESS_ROWS 500
#define PROGRESS_CELLS 24
#define REJECTED_FILES_MAX 99 /* of one file that is imported again and again */
#define REASON_SIZE 800

enum column_use {
    COLUMN_OF_FIELD,
    COLUMN_OF_ID,
    COLUMN_PASSED_OVER,
    COLUMN_WITHOUT_HEADING,
};

struct column_of_file {
    enum column_use use;
    const struct field *field;
};

/* A row that was sent and not answered. */
struct row_under_way {
    unsigned line;
    bool shown;          /* asked for by its id, not entered */
    struct buffer cells; /* as a line of the file of refused rows */
};

struct import {
    const struct invocation *invocation;
    const struct terminal *terminal;
    const struct schema_register *reg;
    struct client *client;
    char add[64], show[64]; /* requests */
    bool trial, anyway;

    bool header_seen;
    struct column_of_file columns[CSV_CELLS_MAX];
    size_t column_count;
    struct buffer mapped; /* of --columns: lines "heading=field" */

    struct row_under_way ring[CLIENT_UNDER_WAY_MAX];
    size_t first, under_way;
    struct buffer args;

    uint64_t rows, lines, entered, known, refused;
    struct buffer refused_rows; /* the file of them */
    struct buffer refusals;     /* the same as encoded maps */
    bool shows_progress;
    bool lost;   /* no more replies come */
    bool failed; /* nothing more is to be read; `failure` says why */
    struct failure failure;
};

/* ---- progress ---- */

static void show_progress(const struct import *import, bool last)
{
    char bar[PROGRESS_CELLS + 1];
    if (!import->shows_progress || (!last && import->rows % PROGRESS_ROWS != 0))
        return;
    uint64_t lines = import->lines > 0 ? import->lines : 1;
    uint64_t done = last ? lines : import->rows;
    size_t filled =
        (size_t)(done < lines ? done * PROGRESS_CELLS / lines : PROGRESS_CELLS);
    for (size_t i = 0; i < PROGRESS_CELLS; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[PROGRESS_CELLS] = '\0';
    (void)fprintf(import->terminal->err, "\r[%s] %llu%s", bar,
                  (unsigned long long)import->rows, last ? "\n" : "");
    (void)fflush(import->terminal->err);
}

/* ---- what is refused ---- */

/* `name` is the field at fault; NULL: the row. */
static void refuse(struct import *import, unsigned line, struct slice cells,
                   const char *name, unsigned number, const char *reason)
{
    const struct field *field =
        name != NULL ? schema_field_named(import->reg, slice_text(name)) : NULL;
    struct buffer *out = &import->refused_rows;
    char text[24];
    import->refused++;
    (void)snprintf(text, sizeof text, "%u", line);
    csv_put_cell(out, true, slice_text(text));
    csv_put_cell(out, false, slice_text(field != NULL ? field->label : ""));
    csv_put_cell(out, false, slice_text(reason));
    buffer_put(out, cells.data, cells.size);
    csv_put_end(out);

    codec_put_map(&import->refusals, 4);
    codec_put_cstring(&import->refusals, "line");
    codec_put_uint(&import->refusals, line);
    codec_put_cstring(&import->refusals, "field");
    if (name != NULL)
        codec_put_cstring(&import->refusals,
                          i18n_chinese() && field != NULL ? field->label : name);
    else
        codec_put_nil(&import->refusals);
    (void)snprintf(text, sizeof text, "LL-E%04u", number);
    codec_put_cstring(&import->refusals, "code");
    codec_put_cstring(&import->refusals, text);
    codec_put_cstring(&import->refusals, "text");
    codec_put_cstring(&import->refusals, reason);
}

/* A refusal's subject is the field, or "field: what stands in the way". */
static void refuse_by_reply(struct import *import, const struct row_under_way *row,
                            const struct client_reply *reply)
{
    struct failure failure;
    char name[64], reason[REASON_SIZE];
    failure_set_number(&failure, reply->status, reply->subject);
    size_t size = strcspn(failure.subject, ":");
    const char *rest = failure.subject[size] == ':' ? failure.subject + size + 1 : "";
    (void)snprintf(name, sizeof name, "%.*s", (int)size, failure.subject);
    bool is_field = schema_field_named(import->reg, slice_text(name)) != NULL;
    rest = is_field ? rest : failure.subject;
    (void)snprintf(reason, sizeof reason, "%s%s%s", _(failure.text),
                   rest[0] == '\0' ? "" : ": ", rest + strspn(rest, " "));
    refuse(import, row->line, buffer_slice(&row->cells), is_field ? name : NULL,
           failure.number, reason);
}

/* ---- the daemon ---- */

static void fail(struct import *import, enum status status)
{
    import->failed = true;
    failure_set(&import->failure, status, "%s", ask_socket(import->invocation));
    import->failure.note =
        N_("Rows before this one may have been entered; importing the file again enters "
           "no row twice that has a key.");
}

/* Refusals of the environment (a full disk, a busy daemon) end it: every row that follows
 * would be refused for the same reason. */
#define ENVIRONMENT_FIRST 3000

static void receive_one(struct import *import)
{
    struct row_under_way *row = &import->ring[import->first];
    struct client_reply reply;
    CHECK(import->under_way > 0);
    import->first = (import->first + 1) % CLIENT_UNDER_WAY_MAX;
    import->under_way--;
    enum status status = client_receive(import->client, &reply);
    if (status != OK) {
        import->lost = true;
        fail(import, status);
        return;
    }
    if (reply.status >= ENVIRONMENT_FIRST) {
        if (!import->failed)
            failure_set_number(&import->failure, reply.status, reply.subject);
        import->failed = true;
        import->failure.note =
            N_("Rows that were entered before are saved, and counted above; import the "
               "file again when this is mended.");
        return;
    }
    if (reply.status != OK)
        refuse_by_reply(import, row, &reply);
    else if (row->shown || map_bool(reply.data, "known"))
        import->known++;
    else
        import->entered++;
}

static void drain(struct import *import)
{
    while (import->under_way > 0 && !import->lost)
        receive_one(import);
}

/* ---- rows ---- */

static struct slice without_guard(struct slice cell)
{
    if (cell.size > 1 && cell.data[0] == '\'' && csv_is_guarded(cell))
        return slice_of(cell.data + 1, cell.size - 1);
    return cell;
}

static size_t digits_of(struct slice text)
{
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    return digits;
}

/* What a spreadsheet has made of a long number or a date, and nobody can make undone. */
static const char *destroyed(const struct field *field, struct slice cell, bool anyway)
{
    size_t digits = digits_of(cell);
    bool is_date = field->type == FIELD_DATE || field->type == FIELD_MOMENT;
    if (is_date && digits == 5 && (cell.size == 5 || cell.data[5] == '.'))
        return N_("this is a spreadsheet's day number, not a date: give the column the "
                  "format of a date, or of text, and save it again");
    if (field->type != FIELD_TEXT && field->type != FIELD_SEALED)
        return NULL;
    /* Fifteen digits are kept. Of an identity number the check character tells. */
    if (field->type == FIELD_TEXT && !anyway && digits == cell.size && digits > 15 &&
        cell.data[digits - 1] == '0' && cell.data[digits - 2] == '0' &&
        cell.data[digits - 3] == '0')
        return N_("this long number ends in zeros, as spreadsheets round them: if it is "
                  "right, import with --anyway; else give the column the format of text "
                  "and type it again");
    struct slice rest = slice_of(cell.data + digits, cell.size - digits);
    if (digits == 1 && rest.size > 1 && rest.data[0] == '.') {
        struct slice after = slice_of(rest.data + 1, rest.size - 1);
        size_t more = digits_of(after);
        rest = slice_of(after.data + more, after.size - more);
    }
    if (digits == 1 && rest.size > 2 && (rest.data[0] == 'E' || rest.data[0] == 'e') &&
        rest.data[1] == '+' &&
        digits_of(slice_of(rest.data + 2, rest.size - 2)) == rest.size - 2)
        return N_("a spreadsheet has rounded this number: its last digits are lost; give "
                  "the column the format of text and type it again");
    return NULL;
}

/* The row's values as the arguments of `add`. False: it was refused. */
static bool encode_row(struct import *import, unsigned line, const struct slice *cells,
                       size_t count, struct slice raw)
{
    size_t given = 0;
    struct slice values[CSV_CELLS_MAX];
    for (size_t i = 0; i < import->column_count; i++) {
        const struct field *field = import->columns[i].field;
        values[i] = i < count ? without_guard(cells[i]) : (struct slice){0};
        if (import->columns[i].use != COLUMN_OF_FIELD || values[i].size == 0)
            continue;
        const char *reason = destroyed(field, values[i], import->anyway);
        unsigned number = ERR_FIELD_VALUE;
        if (reason == NULL && !text_is_clean(values[i])) {
            reason = status_words(ERR_TEXT)->text;
            number = ERR_TEXT;
        }
        if (reason != NULL) {
            refuse(import, line, raw, field->name, number, _(reason));
            return false;
        }
        given++;
    }
    buffer_clear(&import->args);
    codec_put_map(&import->args, given + (size_t)import->trial + (size_t)import->anyway);
    for (size_t i = 0; i < import->column_count; i++) {
        if (import->columns[i].use != COLUMN_OF_FIELD || values[i].size == 0)
            continue;
        codec_put_cstring(&import->args, import->columns[i].field->name);
        codec_put_text(&import->args, values[i]);
    }
    if (import->trial) {
        codec_put_cstring(&import->args, "trial");
        codec_put_bool(&import->args, true);
    }
    if (import->anyway) {
        codec_put_cstring(&import->args, "anyway");
        codec_put_bool(&import->args, true);
    }
    return true;
}

/* The id under which the row was exported; empty: none. */
static struct slice id_of(const struct import *import, const struct slice *cells,
                          size_t count)
{
    for (size_t i = 0; i < import->column_count && i < count; i++) {
        if (import->columns[i].use == COLUMN_OF_ID)
            return cells[i];
    }
    return (struct slice){0};
}

static void take_record(struct import *import, unsigned line, const struct slice *cells,
                        size_t count)
{
    struct slice id = id_of(import, cells, count);
    struct entry_id whole;
    if (import->under_way == CLIENT_UNDER_WAY_MAX)
        receive_one(import);
    if (import->failed)
        return;
    struct row_under_way *row =
        &import->ring[(import->first + import->under_way) % CLIENT_UNDER_WAY_MAX];
    row->line = line;
    row->shown = id.size > 0;
    buffer_clear(&row->cells);
    for (size_t i = 0; i < count; i++)
        csv_put_cell(&row->cells, false, cells[i]);
    for (size_t i = 0; i < count; i++) {
        bool has_heading =
            i < import->column_count && import->columns[i].use != COLUMN_WITHOUT_HEADING;
        if (has_heading || cells[i].size == 0)
            continue;
        refuse(import, line, buffer_slice(&row->cells), NULL, ERR_USAGE,
               _("the row has more cells than there are headings: a comma within a cell "
                 "needs quotation marks around the cell"));
        return;
    }
    if (row->shown && !id_parse(id, &whole)) {
        refuse(import, line, buffer_slice(&row->cells), NULL, ERR_NOT_FOUND,
               _("this is no id of a record: leave the cell empty where the row is new"));
        return;
    }
    if (row->shown) {
        buffer_clear(&import->args);
        codec_put_map(&import->args, 1);
        codec_put_cstring(&import->args, "id");
        codec_put_text(&import->args, id);
    } else if (!encode_row(import, line, cells, count, buffer_slice(&row->cells))) {
        return;
    }
    enum status status =
        client_send(import->client, row->shown ? import->show : import->add,
                    buffer_slice(&import->args));
    if (status != OK)
        fail(import, status);
    else
        import->under_way++;
}

/* ---- the first row ---- */

/* The field that --columns gives a heading; `passed_over` where it is to be left out. */
static const struct field *mapped_field(const struct import *import, struct slice heading,
                                        bool *passed_over)
{
    struct slice rest = buffer_slice(&import->mapped);
    *passed_over = false;
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) : rest.size;
        struct slice line = slice_of(rest.data, size);
        rest =
            slice_of(rest.data + size + (end != NULL), rest.size - size - (end != NULL));
        if (line.size > 0 && line.data[line.size - 1] == '\r')
            line.size--;
        const uint8_t *equals = line.size > 0 ? memchr(line.data, '=', line.size) : NULL;
        if (equals == NULL)
            continue;
        size_t left = (size_t)(equals - line.data);
        if (!slice_equal(slice_of(line.data, left), heading))
            continue;
        *passed_over = left + 1 == line.size;
        return schema_field_headed(import->reg,
                                   slice_of(equals + 1, line.size - left - 1));
    }
    return NULL;
}

/* What an export adds of its own, and a file of refused rows. */
static bool is_own_heading(struct slice heading)
{
    static const char *const own[] = CSV_OWN_HEADINGS;
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (slice_equal(heading, slice_text(own[i])))
            return true;
    }
    return false;
}

static void take_header(struct import *import, const struct slice *cells, size_t count)
{
    struct buffer unknown;
    bool seen[FIELDS_MAX] = {false};
    buffer_init(&unknown, sizeof import->failure.subject - 1);
    import->header_seen = true;
    import->column_count = count;
    for (size_t i = 0; i < count; i++) {
        struct column_of_file *column = &import->columns[i];
        bool passed_over;
        column->use = COLUMN_PASSED_OVER;
        csv_put_cell(&import->refused_rows, false, cells[i]);
        if (cells[i].size == 0)
            column->use = COLUMN_WITHOUT_HEADING;
        else if (slice_equal(cells[i], slice_text(CSV_ID_HEADING)))
            column->use = COLUMN_OF_ID;
        if (cells[i].size == 0 || is_own_heading(cells[i]))
            continue;
        if (!text_is_clean(cells[i])) {
            char place[48];
            (void)snprintf(place, sizeof place, "%s%zu", unknown.size > 0 ? "、#" : "#",
                           i + 1);
            buffer_put(&unknown, place, strlen(place));
            continue;
        }
        column->field = mapped_field(import, cells[i], &passed_over);
        if (column->field == NULL && !passed_over)
            column->field = schema_field_headed(import->reg, cells[i]);
        if (column->field != NULL && !seen[column->field->id]) {
            seen[column->field->id] = true;
            column->use = COLUMN_OF_FIELD;
        } else if (!passed_over) {
            if (unknown.size > 0)
                buffer_put(&unknown, "、", strlen("、"));
            buffer_put(&unknown, cells[i].data, cells[i].size);
        }
    }
    csv_put_end(&import->refused_rows);
    if (unknown.size > 0) {
        import->failed = true;
        failure_set(&import->failure, ERR_FIELD_UNKNOWN, "%.*s", (int)unknown.size,
                    (const char *)unknown.data);
        import->failure.text = N_("columns that the register does not have, or twice");
        import->failure.note = N_("Nothing was saved.");
        import->failure.next =
            N_("Say in a file what they are, a line each: HEADING=FIELD, or HEADING= to "
               "leave it out; and give it with --columns FILE.");
    }
    buffer_deinit(&unknown);
}

static void take_row(void *context, unsigned line, const struct slice *cells,
                     size_t count)
{
    struct import *import = context;
    if (import->failed)
        return;
    if (!import->header_seen) {
        take_header(import, cells, count);
        return;
    }
    import->rows++;
    show_progress(import, false);
    take_record(import, line, cells, count);
}

/* ---- the command ---- */

const struct schema_register *import_register(const char *word, enum verb verb)
{
    struct slice name = slice_text(word);
    const struct schema_register *reg = schema_register_named(name);
    if (reg == NULL && name.size > 1 && name.data[name.size - 1] == 's')
        reg = schema_register_named(slice_of(name.data, name.size - 1));
    return reg != NULL && schema_has_verb(reg, verb) ? reg : NULL;
}

static bool read_text(struct import *import, const char *path, struct buffer *text)
{
    struct buffer file;
    buffer_init(&file, IMPORT_SIZE_MAX);
    enum status status = file_read(path, IMPORT_SIZE_MAX, &file);
    bool read = status == OK && csv_text_decode(buffer_slice(&file), text);
    if (status != OK) {
        failure_set(&import->failure, status, "%s: %s", path, strerror(errno));
    } else if (!read) {
        failure_set(&import->failure, ERR_TEXT, "%s", path);
        import->failure.text = N_("neither UTF-8 nor GB 18030 nor UTF-16");
    }
    buffer_deinit(&file);
    return read;
}

static bool begin(struct import *import)
{
    const char *columns = arguments_value(import->invocation, "columns");
    const char *rejected = arguments_value(import->invocation, "rejected");
    struct client_options options = {.path = ask_socket(import->invocation)};
    const char *word = arguments_value(import->invocation, "register");
    import->reg = import_register(word, VERB_ADD);
    if (import->reg == NULL) {
        failure_set(&import->failure, ERR_USAGE, "%s", word);
        import->failure.text = N_("no register takes rows under that name");
        import->failure.next = "linli help import";
        import->failure.usage = true;
        return false;
    }
    (void)snprintf(import->add, sizeof import->add, "%s.add", import->reg->name);
    (void)snprintf(import->show, sizeof import->show, "%s.show", import->reg->name);
    if (rejected != NULL && file_exists(rejected)) {
        failure_set(&import->failure, ERR_EXISTS, "--rejected %s", rejected);
        import->failure.note = N_("Nothing was saved.");
        import->failure.next = N_("Give a file that does not exist yet.");
        return false;
    }
    if (columns != NULL && !read_text(import, columns, &import->mapped))
        return false;
    enum status status = client_open(&import->client, &options);
    if (status != OK) {
        failure_set(&import->failure, status, "%s", options.path);
        import->failure.note = N_("Nothing was saved.");
    }
    return status == OK;
}

static void read_rows(struct import *import, const char *path)
{
    struct buffer text;
    unsigned line = 0;
    buffer_init(&text, SIZE_MAX);
    if (read_text(import, path, &text)) {
        for (size_t i = 0; i < text.size; i++)
            import->lines += text.data[i] == '\n';
        bool whole = csv_text_rows(buffer_slice(&text), take_row, import, &line);
        drain(import);
        show_progress(import, true);
        if (!import->header_seen && !import->failed) {
            import->failed = true;
            failure_set(&import->failure, ERR_FILE, "%s", path);
            import->failure.text = N_("the file has no rows");
        }
        if (!whole && !import->failed) {
            import->failed = true;
            failure_set(&import->failure, ERR_MALFORMED, "%s:%u", path, line);
            import->failure.text =
                N_("a quotation mark is not closed, or stands in the middle");
            import->failure.note =
                N_("The rows before it were taken; nothing from there on was read.");
            import->failure.next = N_("Mend that line and import the file again.");
        }
    } else {
        import->failed = true;
    }
    buffer_deinit(&text);
}

/* A file of its own, beside the one that was read unless --rejected says where: one that is
 * there may hold corrections. */
static bool write_refused(struct import *import, const char *path, char *name)
{
    const char *given = arguments_value(import->invocation, "rejected");
    enum status status = ERR_EXISTS;
    for (unsigned number = 1; status == ERR_EXISTS && number <= REJECTED_FILES_MAX;
         number++) {
        int size = given != NULL ? snprintf(name, PATH_SIZE_MAX, "%s", given)
                   : number == 1 ? snprintf(name, PATH_SIZE_MAX, "%s.rejected.csv", path)
                                 : snprintf(name, PATH_SIZE_MAX, "%s.rejected-%u.csv",
                                            path, number);
        status = size >= PATH_SIZE_MAX
                     ? ERR_LIMIT
                     : file_create(name, buffer_slice(&import->refused_rows));
        if (given != NULL)
            break;
    }
    if (status != OK && !import->failed)
        failure_set(&import->failure, status, "%s: %s", name, strerror(errno));
    if (status != OK)
        name[0] = '\0';
    return status == OK;
}

static void put_answer(const struct import *import, const char *refused_file,
                       struct buffer *out)
{
    codec_put_map(out, 7);
    codec_put_cstring(out, "rows");
    codec_put_uint(out, import->rows);
    codec_put_cstring(out, "entered");
    codec_put_uint(out, import->entered);
    codec_put_cstring(out, "known");
    codec_put_uint(out, import->known);
    codec_put_cstring(out, "refused");
    codec_put_uint(out, import->refused);
    codec_put_cstring(out, "trial");
    codec_put_bool(out, import->trial);
    codec_put_cstring(out, "rejected_file");
    if (refused_file[0] != '\0')
        codec_put_cstring(out, refused_file);
    else
        codec_put_nil(out);
    codec_put_cstring(out, "refusals");
    codec_put_array(out, (size_t)import->refused);
    codec_put_raw(out, buffer_slice(&import->refusals));
}

static const struct column refusal_columns[] = {
    {"line", N_("LINE"), COLUMN_COUNT, NULL, 0},
    {"field", N_("FIELD"), COLUMN_TEXT, NULL, 0},
    {"text", N_("WHY"), COLUMN_TEXT, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static void show_answer(const struct import *import, const char *refused_file)
{
    const struct terminal *terminal = import->terminal;
    struct buffer answer;
    buffer_init(&answer, SIZE_MAX);
    put_answer(import, refused_file, &answer);
    if (terminal->json) {
        CHECK(json_reply(terminal->out, "import", NULL, buffer_slice(&answer)));
        buffer_deinit(&answer);
        return;
    }
    table_print(terminal, refusal_columns, map_list(buffer_slice(&answer), "refusals"));
    (void)fprintf(
        terminal->out,
        import->trial
            ? _("%llu rows: %llu would be entered, %llu are known, %llu refused.\n")
            : _("%llu rows: %llu entered, saved on this disk; %llu known, %llu "
                "refused.\n"),
        (unsigned long long)import->rows, (unsigned long long)import->entered,
        (unsigned long long)import->known, (unsigned long long)import->refused);
    if (refused_file[0] != '\0')
        (void)fprintf(
            terminal->out,
            _("Refused rows, with the reasons: %s\nCorrect them there and import "
              "that file.\n"),
            refused_file);
    buffer_deinit(&answer);
}

enum exit_code import_run(const struct invocation *invocation,
                          const struct terminal *terminal)
{
    struct import *import = checked_malloc(sizeof *import);
    const char *path = arguments_value(invocation, "file");
    char refused_file[PATH_SIZE_MAX] = "";
    enum exit_code code = CODE_DONE;

    *import = (struct import){
        .invocation = invocation,
        .terminal = terminal,
        .trial = arguments_flag(invocation, "dry_run"),
        .anyway = arguments_flag(invocation, "anyway"),
        .shows_progress = !terminal->json && isatty(fileno(terminal->err)) != 0,
    };
    buffer_init(&import->mapped, SIZE_MAX);
    buffer_init(&import->args, SIZE_MAX);
    buffer_init(&import->refused_rows, SIZE_MAX);
    buffer_init(&import->refusals, SIZE_MAX);
    for (size_t i = 0; i < CLIENT_UNDER_WAY_MAX; i++)
        buffer_init(&import->ring[i].cells, SIZE_MAX);
    csv_put_mark(&import->refused_rows);
    csv_put_cell(&import->refused_rows, true, slice_text(CSV_LINE_HEADING));
    csv_put_cell(&import->refused_rows, false, slice_text(CSV_FIELD_HEADING));
    csv_put_cell(&import->refused_rows, false, slice_text(CSV_REASON_HEADING));

    if (!begin(import))
        import->failed = true;
    else
        read_rows(import, path);
    if (import->refused > 0 && !import->trial)
        import->failed |= !write_refused(import, path, refused_file);
    if (import->header_seen && (import->rows > 0 || !import->failed))
        show_answer(import, refused_file);
    if (import->failed)
        code = terminal_report(terminal, &import->failure);
    else if (import->refused > 0)
        code = CODE_REFUSED;

    client_close(import->client);
    for (size_t i = 0; i < CLIENT_UNDER_WAY_MAX; i++)
        buffer_deinit(&import->ring[i].cells);
    buffer_deinit(&import->refusals);
    buffer_deinit(&import->refused_rows);
    buffer_deinit(&import->args);
    buffer_deinit(&import->mapped);
    free(import);
    return code;
}
