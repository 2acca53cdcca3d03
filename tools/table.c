#include "tools/table.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/codec.h"
#include "tools/i18n.h"
#include "tools/wrap.h"

#define COLUMNS_MAX 16
#define ID_PREFIX_MIN 4

/* The ids of one column, sorted: a prefix that fits neither neighbour fits no other. */
struct ids {
    struct slice *sorted;
    size_t count;
};

struct table {
    const struct terminal *terminal;
    const struct column *columns;
    const struct schema_register *reg; /* of the rows, or NULL */
    size_t column_count;
    bool hidden[COLUMNS_MAX]; /* for want of room */
    bool marked;              /* something is */
    struct ids ids[COLUMNS_MAX];
    struct named_place {
        uint64_t code;
        const char *name;
    } * places; /* by code */
    size_t place_count;
    struct arena names;
    struct libscols_table *out;
    struct arena arena;
};

static int compare_ids(const void *a, const void *b)
{
    const struct slice *left = a;
    const struct slice *right = b;
    return slice_compare(*left, *right);
}

static void ids_collect(struct ids *ids, const char *key, struct slice list)
{
    struct list_walk walk = list_walk_begin(list);
    struct slice row, value;
    ids->sorted = checked_malloc((walk.left + 1) * sizeof *ids->sorted);
    ids->count = 0;
    while (list_walk_next(&walk, &row)) {
        if (codec_map_find(row, key, &value) &&
            codec_take_text(&value, &ids->sorted[ids->count]))
            ids->count++;
    }
    qsort(ids->sorted, ids->count, sizeof *ids->sorted, compare_ids);
    size_t kept = 0;
    for (size_t i = 0; i < ids->count; i++) {
        if (kept == 0 || !slice_equal(ids->sorted[kept - 1], ids->sorted[i]))
            ids->sorted[kept++] = ids->sorted[i];
    }
    ids->count = kept;
}

static size_t shared_prefix(struct slice a, struct slice b)
{
    size_t size = 0;
    while (size < a.size && size < b.size && a.data[size] == b.data[size])
        size++;
    return size;
}

static size_t ids_prefix_size(const struct ids *ids, struct slice id)
{
    const struct slice *found =
        bsearch(&id, ids->sorted, ids->count, sizeof *ids->sorted, compare_ids);
    size_t size = ID_PREFIX_MIN;
    CHECK(found != NULL);
    if (found > ids->sorted && shared_prefix(found[-1], id) >= size)
        size = shared_prefix(found[-1], id) + 1;
    if (found + 1 < ids->sorted + ids->count && shared_prefix(found[1], id) >= size)
        size = shared_prefix(found[1], id) + 1;
    return size < id.size ? size : id.size;
}

static const char *id_words(struct table *table, size_t column, struct slice value)
{
    struct slice id;
    if (!codec_take_text(&value, &id))
        return "-";
    size_t size = ids_prefix_size(&table->ids[column], id);
    char *words = arena_alloc(&table->arena, size + 1);
    memcpy(words, id.data, size);
    return words;
}

/* What a reader of the list must not miss about a record, in words. */
static const char *marks_words(struct table *table, struct slice row)
{
    struct slice value;
    char *words = arena_alloc(&table->arena, 128);
    const char *const marks[] = {
        list_count(map_list(row, "conflicts")) > 0 ? _("conflict") : "",
        codec_map_find(row, "voided", &value) && codec_peek(value) != CODEC_NIL &&
                !(codec_peek(value) == CODEC_BOOL && !map_bool(row, "voided"))
            ? _("voided")
            : "",
        list_count(map_list(row, "amended_by")) > 0 ? _("amended") : "",
        codec_map_find(row, "known", &value) && !map_bool(row, "known") ? _("incomplete")
                                                                        : "",
    };
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
        if (marks[i][0] != '\0' && size < 100)
            size += (size_t)snprintf(words + size, 128 - size, "%s%s", size ? ", " : "",
                                     marks[i]);
    }
    return words;
}

/* The words that COLUMN_STATE shows, to be translated, and libsmartcols names for the colours
 * of the few that ask for attention. */
static const struct {
    const char *word, *colour;
} states[] = {
    {N_("online"), "green"},    {N_("offline"), "red"},
    {N_("paused"), "yellow"},   {N_("syncing"), "yellow"},
    {N_("greeting"), "yellow"}, {N_("refused"), "red"},
    {N_("unreadable"), NULL},   {N_("erased"), NULL},
    {N_("ok"), NULL},           {N_("control"), NULL},
    {N_("urgent"), NULL},       {N_("ledger"), NULL},
    {N_("record"), NULL},       {N_("hub"), NULL},
    {N_("authority"), NULL},    {N_("county"), NULL},
    {N_("township"), NULL},     {N_("village"), NULL},
    {N_("default"), NULL},      {N_("holds"), NULL},
    {N_("later"), "yellow"},    {N_("resource"), NULL},
    {N_("project"), NULL},      {N_("need"), NULL},
    {N_("id-number"), NULL},    {N_("name-and-birth"), NULL},
};

static const char *colour_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (strcmp(states[i].word, word) == 0)
            return states[i].colour;
    }
    return NULL;
}

static int compare_places(const void *a, const void *b)
{
    const struct named_place *left = a, *right = b;
    return (left->code > right->code) - (left->code < right->code);
}

static void places_collect(struct table *table, struct slice places)
{
    struct list_walk walk = list_walk_begin(places);
    struct slice place;
    uint64_t code, township = 0;
    const char *key = "name";
    table->places = checked_malloc((walk.left + 1) * sizeof *table->places);
    while (list_walk_next(&walk, &place)) {
        if (!map_uint(place, "code", &code))
            continue;
        if (township != 0 && township != division_township(code))
            key = "full_name";
        township = division_township(code);
    }
    walk = list_walk_begin(places);
    while (list_walk_next(&walk, &place)) {
        const char *name = map_text(place, key, &table->names);
        if (map_uint(place, "code", &code) && name != NULL)
            table->places[table->place_count++] = (struct named_place){code, name};
    }
    if (table->place_count > 0)
        qsort(table->places, table->place_count, sizeof *table->places, compare_places);
}

/* NULL: it is in no table of places. */
static const char *place_words(const struct table *table, struct slice value)
{
    struct named_place wanted = {0, NULL};
    if (table->place_count == 0 || !codec_take_uint(&value, &wanted.code))
        return NULL;
    const struct named_place *found = bsearch(&wanted, table->places, table->place_count,
                                              sizeof wanted, compare_places);
    return found != NULL ? found->name : NULL;
}

const char *place_name(struct slice places, uint64_t code, struct arena *arena)
{
    struct list_walk walk = list_walk_begin(places);
    struct slice place;
    uint64_t other;
    while (list_walk_next(&walk, &place)) {
        if (map_uint(place, "code", &other) && other == code)
            return map_text(place, "full_name", arena);
    }
    return NULL;
}

/* Of rows that are records of no one register: the first that has a choice of that name. */
static const struct field *choice_field(const struct schema_register *of, const char *key)
{
    const struct field *field =
        of != NULL ? schema_field_named(of, slice_text(key)) : NULL;
    for (size_t i = 0; field == NULL && schema_register_at(i) != NULL; i++) {
        field = schema_field_named(schema_register_at(i), slice_text(key));
        if (field != NULL && field->type != FIELD_CHOICE)
            field = NULL;
    }
    return field;
}

static const char *choice_in(struct table *table, const char *key, const char *words)
{
    const struct field *field = choice_field(table->reg, key);
    return field != NULL ? choice_words(field, words, &table->arena) : words;
}

static void table_set_cell(struct table *table, struct libscols_line *line, size_t index,
                           struct slice row)
{
    const struct column *column = &table->columns[index];
    struct slice value = {0};
    const char *words = NULL;
    bool found = codec_map_find(row, column->key, &value);
    if (column->kind == COLUMN_MARKS)
        table->marked |= (words = marks_words(table, row))[0] != '\0';
    else if (column->kind == COLUMN_ID && found)
        words = id_words(table, index, value);
    else if (column->kind == COLUMN_PLACE)
        words = place_words(table, value);
    if (words == NULL)
        words = value_words(table->terminal, column, value, &table->arena);
    const char *shown = words;
    if (column->kind == COLUMN_STATE)
        shown = gettext(words);
    else if (column->kind == COLUMN_CHOICE)
        shown = choice_in(table, column->key, words);
    CHECK(scols_line_set_data(line, index, shown) == 0);
    if (column->kind == COLUMN_STATE && table->terminal->colour)
        (void)scols_cell_set_color(scols_line_get_cell(line, index), colour_of(words));
}

static bool is_number(enum column_kind kind)
{
    return kind == COLUMN_COUNT || kind == COLUMN_AGE || kind == COLUMN_BYTES;
}

static struct libscols_table *table_new(const struct terminal *terminal)
{
    struct libscols_table *out = scols_new_table();
    CHECK(out != NULL);
    (void)scols_table_set_column_separator(out, "  ");
    (void)scols_table_set_termforce(out, SCOLS_TERMFORCE_NEVER);
    (void)scols_table_enable_colors(out, terminal->colour);
    return out;
}

/* The library fills the last column with blanks. */
static void print_trimmed(const struct terminal *terminal, struct libscols_table *out)
{
    char *text = NULL;
    CHECK(scols_print_table_to_string(out, &text) == 0 && text != NULL);
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n"), kept = length;
        while (kept > 0 && line[kept - 1] == ' ')
            kept--;
        (void)fprintf(terminal->out, "%.*s\n", (int)kept, line);
        line += length + (line[length] == '\n');
    }
    free(text);
}

static void table_open(struct table *table, struct slice list)
{
    table->out = table_new(table->terminal);
    arena_init(&table->arena);
    arena_init(&table->names);
    for (size_t i = 0; table->columns[i].key != NULL; i++) {
        const struct column *column = &table->columns[i];
        CHECK(i < COLUMNS_MAX);
        int flags = is_number(column->kind) ? SCOLS_FL_RIGHT : 0;
        CHECK(scols_table_new_column(table->out, gettext(column->title), 0, flags));
        if (column->kind == COLUMN_ID)
            ids_collect(&table->ids[i], column->key, list);
        table->column_count++;
    }
}

static void table_close(struct table *table)
{
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        free(table->ids[i].sorted);
    free(table->places);
    scols_unref_table(table->out);
    arena_deinit(&table->names);
    arena_deinit(&table->arena);
}

static size_t table_width(const struct table *table)
{
    size_t width = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->hidden[i])
            width += scols_column_get_width(scols_table_get_column(table->out, i)) + 2;
    }
    return width - 2;
}

static void table_hide(struct table *table, size_t index)
{
    table->hidden[index] = true;
    struct libscols_column *column = scols_table_get_column(table->out, index);
    (void)scols_column_set_flags(column,
                                 scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
}

/* Leaves out columns until the rest fits the terminal, and breaks texts where it still does
 * not. */
static void table_fit(struct table *table)
{
    size_t width = table->terminal->width;
    char *measured = NULL;
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].kind == COLUMN_MARKS && !table->marked)
            table_hide(table, i);
    }
    if (width == 0)
        return;
    /* Widths are known once it was printed. */
    CHECK(scols_print_table_to_string(table->out, &measured) == 0);
    free(measured);
    while (table_width(table) > width) {
        size_t worst = table->column_count;
        for (size_t i = 0; i < table->column_count; i++) {
            if (!table->hidden[i] && table->columns[i].rank > 0 &&
                (worst == table->column_count ||
                 table->columns[i].rank >= table->columns[worst].rank))
                worst = i;
        }
        if (worst == table->column_count)
            break;
        table_hide(table, worst);
    }
    if (table_width(table) <= width)
        return;
    for (size_t i = 0; i < table->column_count; i++) {
        struct libscols_column *column = scols_table_get_column(table->out, i);
        enum column_kind kind = table->columns[i].kind;
        if (kind == COLUMN_TEXT || kind == COLUMN_PLACE || kind == COLUMN_STATE)
            (void)scols_column_set_flags(column,
                                         scols_column_get_flags(column) | SCOLS_FL_WRAP);
    }
    (void)scols_table_set_termforce(table->out, SCOLS_TERMFORCE_ALWAYS);
    (void)scols_table_set_termwidth(table->out, width);
}

static void table_say_hidden(const struct table *table)
{
    bool any = false;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->hidden[i] || table->columns[i].kind == COLUMN_MARKS)
            continue;
        (void)fprintf(table->terminal->out, "%s%s", any ? ", " : _("No room for: "),
                      gettext(table->columns[i].title));
        any = true;
    }
    if (any)
        (void)fputc('\n', table->terminal->out);
}

void table_print(const struct terminal *terminal, const struct column *columns,
                 struct slice list)
{
    static const uint8_t none[] = {0x90}; /* msgpack's empty array */
    table_print_places(terminal, columns, list, slice_of(none, sizeof none));
}

void table_print_places(const struct terminal *terminal, const struct column *columns,
                        struct slice list, struct slice places)
{
    table_print_records(terminal, NULL, columns, list, places);
}

void table_print_records(const struct terminal *terminal,
                         const struct schema_register *reg, const struct column *columns,
                         struct slice list, struct slice places)
{
    struct table table = {.terminal = terminal, .reg = reg, .columns = columns};
    struct list_walk walk = list_walk_begin(list);
    struct slice row;
    if (walk.left == 0)
        return;
    table_open(&table, list);
    places_collect(&table, places);
    while (list_walk_next(&walk, &row)) {
        struct libscols_line *line = scols_table_new_line(table.out, NULL);
        CHECK(line != NULL);
        for (size_t i = 0; i < table.column_count; i++)
            table_set_cell(&table, line, i, row);
        arena_reset(&table.arena);
    }
    table_fit(&table);
    print_trimmed(terminal, table.out);
    table_say_hidden(&table);
    table_close(&table);
}

/* ---- label and value ---- */

#define VALUE_WIDTH_MIN 16

struct lines {
    const struct terminal *terminal;
    struct libscols_table *out;
    size_t label_width; /* the widest */
};

struct lines *lines_begin(const struct terminal *terminal)
{
    struct lines *lines = checked_malloc(sizeof *lines);
    *lines = (struct lines){.terminal = terminal, .out = table_new(terminal)};
    (void)scols_table_enable_noheadings(lines->out, 1);
    CHECK(scols_table_new_column(lines->out, "", 0, 0) != NULL);
    CHECK(scols_table_new_column(lines->out, "", 0, SCOLS_FL_WRAP) != NULL);
    struct libscols_column *values = scols_table_get_column(lines->out, 1);
    (void)scols_column_set_safechars(values, "\n");
    (void)scols_column_set_wrapfunc(values, scols_wrapnl_chunksize,
                                    scols_wrapnl_nextchunk, NULL);
    return lines;
}

void lines_add(struct lines *lines, const char *label, const char *value)
{
    struct libscols_line *line = scols_table_new_line(lines->out, NULL);
    size_t width = wrap_columns(slice_text(label));
    CHECK(line != NULL && scols_line_set_data(line, 0, label) == 0 &&
          scols_line_set_data(line, 1, value) == 0);
    if (width > lines->label_width)
        lines->label_width = width;
}

/* Values are broken beside the labels, between words. */
static void break_values(struct lines *lines, size_t width)
{
    struct libscols_line *line;
    struct libscols_iter *walk = scols_new_iter(SCOLS_ITER_FORWARD);
    struct buffer broken;
    CHECK(walk != NULL);
    buffer_init(&broken, SIZE_MAX);
    while (scols_table_next_line(lines->out, walk, &line) == 0) {
        struct libscols_cell *cell = scols_line_get_cell(line, 1);
        buffer_clear(&broken);
        wrap_text(slice_text(scols_cell_get_data(cell)), width, &broken);
        buffer_put_u8(&broken, '\0');
        CHECK(scols_cell_set_data(cell, (const char *)broken.data) == 0);
    }
    buffer_deinit(&broken);
    scols_free_iter(walk);
}

void lines_end(struct lines *lines)
{
    size_t width = lines->terminal->width;
    if (width >= lines->label_width + 2 + VALUE_WIDTH_MIN)
        break_values(lines, width - lines->label_width - 2);
    print_trimmed(lines->terminal, lines->out);
    scols_unref_table(lines->out);
    free(lines);
}
