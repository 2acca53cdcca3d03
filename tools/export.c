/* export.c - `linli export`: a register's list as a spreadsheet reads it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "tools/ask.h"
#include "tools/client.h"
#include "tools/csv_write.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/import.h"

/* Sealed fields only where they are shown. */
static bool is_exported(const struct field *field, bool reveal)
{
    return field->type != FIELD_SEALED || reveal;
}

static void put_header(const struct schema_register *reg, bool reveal, struct buffer *out)
{
    csv_put_mark(out);
    csv_put_cell(out, true, slice_text(CSV_ID_HEADING));
    for (size_t i = 0; i < reg->field_count; i++) {
        if (is_exported(&reg->fields[i], reveal))
            csv_put_cell(out, false, slice_text(reg->fields[i].label));
    }
    csv_put_end(out);
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

static void put_record(const struct schema_register *reg, struct slice record,
                       bool reveal, struct buffer *cell, struct buffer *out)
{
    struct slice value, text = {0};
    if (codec_map_find(record, "id", &value))
        text = codec_take_text(&value, &text) ? text : (struct slice){0};
    csv_put_cell(out, true, text);
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        if (!is_exported(field, reveal))
            continue;
        buffer_clear(cell);
        if (codec_map_find(record, field->name, &value))
            put_value(field, value, cell);
        csv_put_cell(out, false, buffer_slice(cell));
    }
    csv_put_end(out);
}

static bool write_out(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice csv,
                      struct failure *failure)
{
    const char *path = arguments_value(invocation, "output");
    if (path == NULL)
        return fwrite(csv.data, 1, csv.size, terminal->out) == csv.size;
    enum status status = file_create(path, csv);
    if (status != OK)
        failure_set(failure, status, "%s: %s", path, strerror(errno));
    return status == OK;
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

enum exit_code export_run(const struct invocation *invocation,
                          const struct terminal *terminal)
{
    const char *word = arguments_value(invocation, "register");
    const struct schema_register *reg = import_register(word, VERB_LIST);
    struct client_options options = {.path = ask_socket(invocation)};
    struct client *client = NULL;
    struct client_reply reply;
    struct failure failure;
    struct buffer args, csv, cell;
    struct slice record;
    char request[64];
    bool reveal = arguments_flag(invocation, "reveal"), done = false;

    if (reg == NULL) {
        failure_set(&failure, ERR_USAGE, "%s", word);
        failure.text = N_("no register is listed under that name");
        failure.usage = true;
        return terminal_report(terminal, &failure);
    }
    buffer_init(&args, SIZE_MAX);
    buffer_init(&csv, SIZE_MAX);
    buffer_init(&cell, SIZE_MAX);
    put_arguments(invocation, &args);
    (void)snprintf(request, sizeof request, "%s.list", reg->name);
    enum status status = client_open(&client, &options);
    if (status == OK)
        status = client_ask(client, request, buffer_slice(&args), &reply);
    if (status != OK) {
        failure_set(&failure, status, "%s", options.path);
    } else if (reply.status != OK) {
        failure_set_number(&failure, reply.status, reply.subject);
    } else {
        struct list_walk walk = list_walk_begin(map_list(reply.data, "records"));
        put_header(reg, reveal, &csv);
        while (list_walk_next(&walk, &record))
            put_record(reg, record, reveal, &cell, &csv);
        done = write_out(invocation, terminal, buffer_slice(&csv), &failure);
        if (!done && arguments_value(invocation, "output") == NULL)
            failure_set(&failure, ERR_FILE, "%s", strerror(errno));
    }
    enum exit_code code = done ? CODE_DONE : terminal_report(terminal, &failure);
    if (done && reply.incomplete.kind != INCOMPLETE_NOT) {
        char text[INCOMPLETE_TEXT_SIZE];
        incomplete_say(&reply.incomplete, text);
        (void)fprintf(terminal->err, _("Incomplete: %s\n"), text);
        code = CODE_INCOMPLETE;
    }
    client_close(client);
    buffer_deinit(&cell);
    buffer_deinit(&csv);
    buffer_deinit(&args);
    return code;
}
