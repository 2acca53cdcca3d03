/* export.c - `linli export`: a register as CSV or .xlsx for spreadsheets, or as lines of JSON for
 * programs. Records are written as the daemon's pieces come, so that a million of them stand
 * nowhere in memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "daemon/api/protocol.h"
#include "tools/ask.h"
#include "tools/csv_write.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/import.h"
#include "tools/json.h"
#include "tools/listing.h"
#include "tools/sheet.h"
#include "tools/table.h"

struct export
{
    const struct schema_register *reg;
    bool reveal, jsonl;
    FILE *out;           /* of CSV and lines of JSON */
    struct sheet *sheet; /* or this */
    struct buffer row, cell;
    int error; /* errno of what could not be written; 0: nothing was */
};

/* Sealed fields only where they are shown. */
static bool is_exported(const struct field *field, bool reveal)
{
    return field->type != FIELD_SEALED || reveal;
}

/* A choice by the label that people here read; everything else as it came. */
static void put_words(const struct field *field, struct slice text, struct buffer *out)
{
    for (const struct choice *choice = field->choices;
         choice != NULL && choice->name != NULL; choice++) {
        if (slice_equal(slice_text(choice->name), text))
            text = slice_text(choice->label);
    }
    buffer_put(out, text.data, text.size);
}

static void put_value(const struct field *field, struct slice value, struct buffer *out)
{
    struct slice text;
    uint64_t number;
    size_t count;
    if (codec_take_text(&value, &text)) {
        put_words(field, text, out);
    } else if (codec_take_uint(&value, &number)) {
        char digits[24];
        int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
        buffer_put(out, digits, (size_t)size);
    } else if (codec_take_array(&value, &count)) {
        for (size_t i = 0; i < count && codec_take_text(&value, &text); i++) {
            if (i > 0)
                buffer_put(out, "、", strlen("、"));
            put_words(field, text, out);
        }
    }
}

static void put_cell(struct export *export, bool first, struct slice text)
{
    if (export->sheet != NULL)
        sheet_put(export->sheet, text);
    else
        csv_put_cell(&export->row, first, text);
}

static bool write_row(struct export *export)
{
    struct slice row = buffer_slice(&export->row);
    bool written = fwrite(row.data, 1, row.size, export->out) == row.size;
    if (!written)
        export->error = errno != 0 ? errno : EIO;
    buffer_clear(&export->row);
    return written;
}

static bool end_row(struct export *export)
{
    if (export->sheet != NULL) {
        sheet_end_row(export->sheet);
        return true;
    }
    csv_put_end(&export->row);
    return write_row(export);
}

static bool put_json(struct export *export, struct slice record)
{
    json_t *object = json_of_value(record);
    errno = 0;
    if (object != NULL)
        json_line(export->out, object);
    if (object == NULL || ferror(export->out) != 0)
        export->error = errno != 0 ? errno : EIO;
    return export->error == 0;
}

static bool put_record(void *context, struct slice record)
{
    struct export *export = context;
    struct slice value, text = {0};
    if (export->jsonl)
        return put_json(export, record);
    if (codec_map_find(record, "id", &value))
        text = codec_take_text(&value, &text) ? text : (struct slice){0};
    put_cell(export, true, text);
    for (size_t i = 0; i < export->reg->field_count; i++) {
        const struct field *field = &export->reg->fields[i];
        if (!is_exported(field, export->reveal))
            continue;
        buffer_clear(&export->cell);
        if (codec_map_find(record, field->name, &value))
            put_value(field, value, &export->cell);
        put_cell(export, false, buffer_slice(&export->cell));
    }
    return end_row(export);
}

static size_t headings_of(const struct export *export,
                          const char *headings[FIELDS_MAX + 1])
{
    size_t count = 0;
    headings[count++] = CSV_ID_HEADING;
    for (size_t i = 0; i < export->reg->field_count; i++) {
        if (is_exported(&export->reg->fields[i], export->reveal))
            headings[count++] = export->reg->fields[i].label;
    }
    return count;
}

static bool put_header(struct export *export)
{
    const char *headings[FIELDS_MAX + 1];
    if (export->jsonl || export->sheet != NULL)
        return true;
    size_t count = headings_of(export, headings);
    csv_put_mark(&export->row);
    for (size_t i = 0; i < count; i++)
        put_cell(export, i == 0, slice_text(headings[i]));
    return end_row(export);
}

/* What was given, but for the words that the daemon does not know. */
static void put_arguments(const struct invocation *invocation, struct buffer *args)
{
    static const char *const passed[] = {"division", "from", "to", "reveal"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
        count += arguments_value(invocation, passed[i]) != NULL;
    codec_put_map(args, count);
    for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
        const char *value = arguments_value(invocation, passed[i]);
        if (value == NULL)
            continue;
        codec_put_cstring(args, passed[i]);
        codec_put_cstring(args, value);
    }
}

/* ---- where it goes ---- */

static enum status begin(struct export *export, const struct invocation *invocation,
                         const struct terminal *terminal)
{
    static const char *headings[FIELDS_MAX + 1]; /* borrowed by the sheet */
    const char *sheet = arguments_value(invocation, "xlsx");
    const char *path = arguments_value(invocation, "output");
    if (sheet != NULL) {
        size_t count = headings_of(export, headings);
        return sheet_begin(&export->sheet, sheet, export->reg->label, headings, count);
    }
    export->out = terminal->out;
    return path != NULL ? file_begin(path, &export->out) : OK;
}

static enum status end(struct export *export, const struct invocation *invocation,
                       bool keep)
{
    const char *path = arguments_value(invocation, "output");
    if (export->sheet != NULL)
        return sheet_end(export->sheet, keep);
    return path != NULL ? file_end(path, export->out, keep) : OK;
}

static enum exit_code run(struct export *export, const struct invocation *invocation,
                          const struct terminal *terminal, struct client *client)
{
    const char *sheet = arguments_value(invocation, "xlsx");
    const char *path = sheet != NULL ? sheet : arguments_value(invocation, "output");
    struct client_reply reply = {.status = OK};
    struct listing listing;
    struct failure failure;
    struct buffer args;
    char request[64];
    enum status status = begin(export, invocation, terminal);
    if (status != OK) {
        failure_set(&failure, status, "%s: %s", path, strerror(errno));
        return terminal_report(terminal, &failure);
    }
    buffer_init(&args, SIZE_MAX);
    listing_init(&listing);
    put_arguments(invocation, &args);
    (void)snprintf(request, sizeof request, "%s.list", export->reg->name);
    if (put_header(export))
        status = listing_read(client, request, buffer_slice(&args), put_record, export,
                              &listing, &reply);
    bool done = status == OK && reply.status == OK && export->error == 0;
    if (status != OK)
        ask_fail_to_ask(&failure, invocation, status, client);
    else if (reply.status != OK)
        failure_set_number(&failure, reply.status, reply.subject);
    else if (!done)
        failure_set(&failure, ERR_FILE, "%s: %s", path != NULL ? path : "-",
                    strerror(export->error));
    status = end(export, invocation, done);
    if (status != OK) {
        failure_set(&failure, status, "%s: %s", path, strerror(errno));
        done = false;
    }
    enum exit_code code = done ? CODE_DONE : terminal_report(terminal, &failure);
    if (done && listing.incomplete.kind != INCOMPLETE_NOT) {
        char text[INCOMPLETE_TEXT_SIZE];
        incomplete_say(&listing.incomplete, text);
        (void)fflush(terminal->out);
        (void)fprintf(terminal->err, _("Incomplete: %s\n"), text);
        code = CODE_INCOMPLETE;
    }
    listing_deinit(&listing);
    buffer_deinit(&args);
    return code;
}

enum exit_code export_run(const struct invocation *invocation,
                          const struct terminal *terminal)
{
    const char *word = arguments_value(invocation, "register");
    struct client_options options = {.path = ask_socket(invocation)};
    struct export export = {.reg = import_register(word, VERB_LIST),
                            .reveal = arguments_flag(invocation, "reveal"),
                            .jsonl = arguments_flag(invocation, "jsonl")};
    struct client *client = NULL;
    struct failure failure;
    bool sheet = arguments_value(invocation, "xlsx") != NULL;

    if (export.reg == NULL) {
        failure_set(&failure, ERR_USAGE, "%s", word);
        failure.text = N_("no register is listed under that name");
        failure.usage = true;
        return terminal_report(terminal, &failure);
    }
    if (sheet && (export.jsonl || arguments_value(invocation, "output") != NULL)) {
        failure_set(&failure, ERR_USAGE, "--xlsx");
        failure.text = N_("it cannot be given together with --jsonl or --output");
        failure.usage = true;
        return terminal_report(terminal, &failure);
    }
    enum status status = client_open(&client, &options);
    if (status != OK) {
        ask_fail_to_open(&failure, invocation, status, errno);
        return terminal_report(terminal, &failure);
    }
    buffer_init(&export.row, SIZE_MAX);
    buffer_init(&export.cell, SIZE_MAX);
    enum exit_code code = run(&export, invocation, terminal, client);
    buffer_deinit(&export.cell);
    buffer_deinit(&export.row);
    client_close(client);
    return code;
}
