#include "tools/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "daemon/api/protocol.h"
#include "daemon/api/suggest.h"
#include "tools/ask.h"
#include "tools/hint.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/listing.h"
#include "tools/pager.h"
#include "tools/render.h"
#include "tools/rows.h"

#define COLUMNS_MAX (3 * FIELDS_MAX)
#define NAME_MAX_SIZE 96

/* What every record has beside its register's fields. */
static const struct column own_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"conflicts", N_("MARKS"), COLUMN_MARKS, NULL, 0},
    {"created_ms", N_("ENTERED"), COLUMN_MOMENT, NULL, 0},
    {"node", N_("NODE"), COLUMN_TEXT, NULL, 0},
    {"actor", N_("BY"), COLUMN_TEXT, NULL, 0},
    {"township", N_("TOWNSHIP"), COLUMN_TEXT, NULL, 0},
    {"subject", N_("SUBJECT"), COLUMN_ID, NULL, 0},
    {"voided", N_("VOIDED"), COLUMN_TEXT, NULL, 0},
    {"amended_by", N_("AMENDED BY"), COLUMN_TEXT, NULL, 0},
    {"known", N_("KNOWN"), COLUMN_TEXT, NULL, 0},
};

/* What was asked for. */
struct wish {
    const struct schema_register *reg;
    struct column columns[COLUMNS_MAX + 1]; /* for people */
    size_t column_count;                    /* 0: those that the command has */
    char names[COLUMNS_MAX][NAME_MAX_SIZE]; /* of the keys that the output shows */
    size_t name_count;
    struct rows_key keys[ROWS_KEYS_MAX];
    size_t key_count;
    bool sorted; /* it was asked for; otherwise by date */
    uint64_t limit;
};

/* ---- columns by name ---- */

const char *list_column_at(const struct schema_register *reg, size_t index)
{
    if (index < reg->field_count)
        return reg->fields[index].name;
    index -= reg->field_count;
    if (index < schema_derived_count(reg))
        return reg->derived[index].name;
    index -= schema_derived_count(reg);
    return index < ARRAY_SIZE(own_columns) ? own_columns[index].key : NULL;
}

static bool is_name_of(const char *key, const char *field)
{
    size_t size = strlen(field);
    return strncmp(key, field, size) == 0 && strcmp(key + size, "_name") == 0;
}

static enum column_kind kind_of(const struct field *field)
{
    switch (field->type) {
    case FIELD_COUNT: return COLUMN_COUNT;
    case FIELD_CHOICE: return COLUMN_CHOICE;
    case FIELD_DIVISION: return COLUMN_PLACE;
    case FIELD_RECORD: return COLUMN_ID;
    case FIELD_TEXT:
    case FIELD_DATE:
    case FIELD_MOMENT:
    case FIELD_CHECK:
    case FIELD_SEALED:
    case FIELD_FLAG: return COLUMN_TEXT;
    }
    return COLUMN_TEXT;
}

static void add_name(struct wish *wish, const char *key)
{
    CHECK(wish->name_count < COLUMNS_MAX);
    (void)snprintf(wish->names[wish->name_count++], NAME_MAX_SIZE, "%s", key);
}

static void add_column(struct wish *wish, const struct column *column)
{
    CHECK(wish->column_count < COLUMNS_MAX);
    struct column *added = &wish->columns[wish->column_count++];
    *added = *column;
    added->rank = 0; /* what was asked for is not left out */
    add_name(wish, column->key);
}

/* A field that lists show comes as they show it: a person by name and id. */
static void add_field(struct wish *wish, const struct command *command,
                      const struct field *field)
{
    bool listed = false;
    for (size_t i = 0; command->columns[i].key != NULL; i++) {
        const struct column *column = &command->columns[i];
        bool fits =
            strcmp(column->key, field->name) == 0 || is_name_of(column->key, field->name);
        if (!fits || (field->type == FIELD_DIVISION && listed))
            continue;
        add_column(wish, column);
        listed = true;
    }
    if (listed)
        return;
    const char *title = i18n_chinese()           ? field->label
                        : field->heading != NULL ? field->heading
                                                 : field->name;
    add_column(wish, &(struct column){field->name, title, kind_of(field), NULL, 0});
}

static const struct column *column_of(const struct command *command, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(own_columns); i++) {
        if (strcmp(own_columns[i].key, name) == 0)
            return &own_columns[i];
    }
    for (size_t i = 0; command->columns[i].key != NULL; i++) {
        if (strcmp(command->columns[i].key, name) == 0)
            return &command->columns[i];
    }
    return NULL;
}

static bool refuse_name(const struct schema_register *reg, const char *name,
                        struct failure *failure)
{
    struct suggestion suggestion;
    char piece[PIECE_SIZE];
    const char *known;
    suggestion_begin(&suggestion, slice_text(name));
    for (size_t i = 0; (known = list_column_at(reg, i)) != NULL; i++)
        suggestion_consider(&suggestion, known);
    failure_piece(name, piece);
    failure_set(failure, ERR_FIELD_UNKNOWN, "%s", piece);
    failure->text = N_("there is no such column");
    failure->next = "";
    failure->usage = true;
    if (suggestion.best[0] != '\0')
        (void)snprintf(failure->next_own, sizeof failure->next_own, _("Did you mean %s?"),
                       suggestion.best);
    else
        (void)snprintf(failure->next_own, sizeof failure->next_own, "linli help %s list",
                       reg->name);
    return false;
}

/* The next of the names typed, whose "-" is a "_" as in options. */
static bool next_name(struct slice *rest, char name[NAME_MAX_SIZE], bool *descending)
{
    struct slice piece;
    if (!field_next_value(rest, &piece))
        return false;
    *descending = piece.size > 0 && piece.data[0] == '-';
    if (*descending)
        piece = slice_of(piece.data + 1, piece.size - 1);
    (void)snprintf(name, NAME_MAX_SIZE, "%.*s", (int)(piece.size < 90 ? piece.size : 90),
                   (const char *)piece.data);
    for (char *at = strchr(name, '-'); at != NULL; at = strchr(at, '-'))
        *at = '_';
    return true;
}

static bool read_columns(struct wish *wish, const struct invocation *invocation,
                         struct failure *failure)
{
    const char *typed = arguments_value(invocation, "columns");
    char name[NAME_MAX_SIZE];
    bool descending;
    if (typed == NULL)
        return true;
    struct slice rest = slice_text(typed);
    while (next_name(&rest, name, &descending)) {
        const struct field *field = schema_field_named(wish->reg, slice_text(name));
        const struct column *column = column_of(invocation->command, name);
        if (wish->column_count + 2 >= COLUMNS_MAX) {
            failure_set(failure, ERR_LIMIT, "--columns");
            return false;
        }
        if (field != NULL)
            add_field(wish, invocation->command, field);
        else if (column != NULL)
            add_column(wish, column);
        else
            return refuse_name(wish->reg, name, failure);
    }
    wish->columns[wish->column_count] = (struct column){NULL, NULL, COLUMN_TEXT, NULL, 0};
    return true;
}

static bool read_sort(struct wish *wish, const struct invocation *invocation,
                      struct failure *failure)
{
    const struct schema_register *reg = wish->reg;
    const char *typed = arguments_value(invocation, "sort");
    char name[NAME_MAX_SIZE];
    bool descending;
    wish->sorted = typed != NULL;
    if (typed == NULL && reg->date_field != FIELD_NONE) {
        const struct field *date = &reg->fields[reg->date_field];
        wish->keys[wish->key_count++] = (struct rows_key){date->name, date, false};
    }
    struct slice rest = slice_text(typed != NULL ? typed : "");
    while (typed != NULL && next_name(&rest, name, &descending)) {
        const struct field *field = schema_field_named(reg, slice_text(name));
        const char *key = field != NULL ? field->name : NULL;
        for (size_t i = 0; key == NULL && list_column_at(reg, i) != NULL; i++) {
            if (strcmp(list_column_at(reg, i), name) == 0)
                key = list_column_at(reg, i);
        }
        if (key == NULL)
            return refuse_name(reg, name, failure);
        if (wish->key_count == ROWS_KEYS_MAX) {
            failure_set(failure, ERR_LIMIT, "--sort");
            return false;
        }
        wish->keys[wish->key_count++] = (struct rows_key){key, field, descending};
    }
    return true;
}

static bool read_limit(struct wish *wish, const struct invocation *invocation,
                       struct failure *failure)
{
    const char *typed = arguments_value(invocation, "limit");
    wish->limit = UINT64_MAX;
    if (typed == NULL)
        return true;
    wish->limit = 0;
    for (size_t i = 0; typed[i] != '\0'; i++) {
        if (typed[i] < '0' || typed[i] > '9' || i >= 9) {
            wish->limit = 0;
            break;
        }
        wish->limit = wish->limit * 10 + (uint64_t)(typed[i] - '0');
    }
    if (wish->limit > 0)
        return true;
    failure_set_number(failure, ERR_FIELD_VALUE, slice_text("limit"));
    hint_add(failure, invocation);
    return false;
}

/* ---- the request ---- */

static bool is_ours(const char *key)
{
    return strcmp(key, "sort") == 0 || strcmp(key, "columns") == 0 ||
           strcmp(key, "limit") == 0;
}

static void put_name(struct buffer *names, const char *name)
{
    if (names->size > 0)
        buffer_put_u8(names, ',');
    buffer_put(names, name, strlen(name));
}

/* The keys that are shown, sorted by, or say what a reader must not miss. */
static void put_names(const struct wish *wish, const struct command *command, bool json,
                      struct buffer *names)
{
    static const char *const marks[] = {"conflicts", "voided", "amended_by", "known"};
    for (size_t i = 0; i < wish->name_count; i++)
        put_name(names, wish->names[i]);
    for (size_t i = 0; wish->name_count == 0 && command->columns[i].key != NULL; i++)
        put_name(names, command->columns[i].key);
    for (size_t i = 0; i < wish->key_count; i++)
        put_name(names, wish->keys[i].key);
    for (size_t i = 0; !json && i < ARRAY_SIZE(marks); i++)
        put_name(names, marks[i]);
}

static enum status encode(const struct wish *wish, const struct invocation *invocation,
                          const struct terminal *terminal, struct buffer *args,
                          const char **refused)
{
    struct invocation passed = *invocation;
    struct buffer encoded, names;
    size_t count;
    bool choose = wish->name_count > 0 || !terminal->json;
    passed.given = checked_malloc((invocation->count + 1) * sizeof *passed.given);
    passed.count = 0;
    for (size_t i = 0; i < invocation->count; i++) {
        if (!is_ours(invocation->given[i].key))
            passed.given[passed.count++] = invocation->given[i];
    }
    buffer_init(&encoded, CONTROL_REQUEST_SIZE_MAX);
    buffer_init(&names, SIZE_MAX);
    enum status status = ask_encode_args(&passed, terminal->now_ms, &encoded, refused);
    struct slice rest = buffer_slice(&encoded);
    if (status == OK && codec_take_map(&rest, &count)) {
        codec_put_map(args, count + choose);
        buffer_put(args, rest.data, rest.size);
        if (choose) {
            put_names(wish, invocation->command, terminal->json, &names);
            codec_put_cstring(args, "columns");
            codec_put_text(args, buffer_slice(&names));
        }
    }
    buffer_deinit(&names);
    buffer_deinit(&encoded);
    free(passed.given);
    return status;
}

/* ---- the answer ---- */

static bool is_shown(const struct wish *wish, const char *key)
{
    bool shown = wish->name_count == 0 || strcmp(key, "id") == 0;
    for (size_t i = 0; i < wish->name_count; i++)
        shown |= strcmp(wish->names[i], key) == 0;
    return shown;
}

static bool print_record(FILE *out, const struct wish *wish, struct slice record)
{
    json_t *object = json_of_value(record);
    if (object == NULL)
        return false;
    for (size_t i = 0; i < wish->key_count; i++) {
        if (!is_shown(wish, wish->keys[i].key))
            (void)json_object_del(object, wish->keys[i].key);
    }
    (void)json_dumpf(object, out, JSON_COMPACT);
    json_decref(object);
    return true;
}

static bool print_json(const struct wish *wish, const struct invocation *invocation,
                       const struct terminal *terminal, const struct listing *listing,
                       struct rows *rows, const char *incomplete)
{
    FILE *out = terminal->out;
    struct buffer places;
    json_head(out, invocation->command->name, incomplete);
    json_key(out, "records");
    (void)fputc('[', out);
    for (size_t i = 0; i < rows_count(rows); i++) {
        if (i > 0)
            (void)fputc(',', out);
        if (!print_record(out, wish, rows_at(rows, i)))
            return false;
    }
    (void)fputc(']', out);
    json_key(out, "found");
    (void)fprintf(out, "%llu", (unsigned long long)listing->found);
    json_key(out, "rests_on");
    bool said = json_value(out, buffer_slice(&listing->rests_on));
    buffer_init(&places, SIZE_MAX);
    listing_put_places(listing, &places);
    json_key(out, "places");
    said = said && json_value(out, buffer_slice(&places));
    buffer_deinit(&places);
    (void)fputs("}\n", out);
    return said;
}

static bool print_text(const struct wish *wish, const struct invocation *invocation,
                       const struct terminal *terminal, const struct listing *listing,
                       struct rows *rows)
{
    struct command command = *invocation->command;
    struct invocation shown = *invocation;
    struct buffer data;
    bool whole = true;
    if (wish->column_count > 0)
        command.columns = wish->columns;
    shown.command = &command;
    buffer_init(&data, SIZE_MAX);
    codec_put_map(&data, 4);
    codec_put_cstring(&data, "records");
    codec_put_array(&data, rows_count(rows));
    for (size_t i = 0; whole && i < rows_count(rows); i++) {
        struct slice row = rows_at(rows, i);
        whole = row.size > 0;
        buffer_put(&data, row.data, row.size);
    }
    codec_put_cstring(&data, "found");
    codec_put_uint(&data, listing->found);
    codec_put_cstring(&data, "rests_on");
    codec_put_raw(&data, buffer_slice(&listing->rests_on));
    codec_put_cstring(&data, "places");
    listing_put_places(listing, &data);
    if (whole) {
        struct pager pager;
        pager_begin(&pager, terminal);
        render_list(&shown, &pager.terminal, buffer_slice(&data));
        pager_end(&pager, terminal);
    }
    buffer_deinit(&data);
    return whole;
}

static enum exit_code show(const struct wish *wish, const struct invocation *invocation,
                           const struct terminal *terminal, const struct listing *listing,
                           struct rows *rows)
{
    char text[INCOMPLETE_TEXT_SIZE];
    struct failure failure;
    incomplete_say(&listing->incomplete, text);
    const char *incomplete = text[0] != '\0' ? text : NULL;
    rows_sort(rows);
    bool shown = terminal->json
                     ? print_json(wish, invocation, terminal, listing, rows, incomplete)
                     : print_text(wish, invocation, terminal, listing, rows);
    if (!shown) {
        failure_set(&failure, ERR_MALFORMED, "%s", ask_socket(invocation));
        return terminal_report(terminal, &failure);
    }
    if (incomplete != NULL && !terminal->json) {
        (void)fflush(terminal->out);
        (void)fprintf(terminal->err, _("Incomplete: %s\n"), incomplete);
    }
    return incomplete != NULL ? CODE_INCOMPLETE : CODE_DONE;
}

struct keeping {
    struct rows *rows;
    int error; /* errno, where a row could not be kept */
};

static bool keep(void *context, struct slice record)
{
    struct keeping *keeping = context;
    if (rows_add(keeping->rows, record))
        return true;
    keeping->error = errno;
    return false;
}

static enum exit_code list_with(const struct wish *wish,
                                const struct invocation *invocation,
                                const struct terminal *terminal, struct slice args)
{
    struct client_options options = {.path = ask_socket(invocation)};
    struct client *client;
    struct client_reply reply;
    struct failure failure;
    struct listing listing;
    enum exit_code code;
    enum status status = client_open(&client, &options);
    if (status != OK) {
        ask_fail_to_open(&failure, invocation, status, errno);
        return terminal_report(terminal, &failure);
    }
    struct keeping keeping = {
        rows_create(wish->keys, wish->key_count, wish->limit, !wish->sorted), 0};
    listing_init(&listing);
    status = listing_read(client, invocation->command->request, args, keep, &keeping,
                          &listing, &reply);
    if (status == OK && reply.status == OK && keeping.error == 0) {
        code = show(wish, invocation, terminal, &listing, keeping.rows);
    } else {
        if (status != OK)
            ask_fail_to_ask(&failure, invocation, status, client);
        else if (reply.status != OK)
            ask_fail_by_reply(&failure, invocation, &reply);
        else
            failure_set(&failure, ERR_FILE, "%s", strerror(keeping.error));
        code = terminal_report(terminal, &failure);
    }
    listing_deinit(&listing);
    rows_destroy(keeping.rows);
    client_close(client);
    return code;
}

enum exit_code list_run(const struct invocation *invocation,
                        const struct terminal *terminal)
{
    static struct wish wish; /* large */
    struct failure failure;
    struct buffer args;
    const char *refused = "";
    wish = (struct wish){.reg = schema_register(invocation->command->reg)};
    CHECK(wish.reg != NULL);
    if (!read_columns(&wish, invocation, &failure) ||
        !read_sort(&wish, invocation, &failure) ||
        !read_limit(&wish, invocation, &failure))
        return terminal_report(terminal, &failure);
    buffer_init(&args, CONTROL_REQUEST_SIZE_MAX);
    enum exit_code code;
    enum status status = encode(&wish, invocation, terminal, &args, &refused);
    if (status == OK) {
        code = list_with(&wish, invocation, terminal, buffer_slice(&args));
    } else {
        code = ask_refuse_argument(invocation, terminal, status, refused);
    }
    buffer_deinit(&args);
    return code;
}
