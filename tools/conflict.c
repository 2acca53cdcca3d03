/* conflict.c - what is in conflict and what was decided, for people. */
#include <string.h>

#include "crdt/codec.h"
#include "tools/i18n.h"
#include "tools/render.h"

static const struct column columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 2},
    {"field", N_("FIELD"), COLUMN_TEXT, NULL, 0},
    {"value", N_("VALUE"), COLUMN_TEXT, NULL, 0},
    {"shown", N_("SHOWN"), COLUMN_TEXT, "", 4},
    {"stamp_ms", N_("WHEN"), COLUMN_MOMENT, NULL, 0},
    {"node", N_("NODE"), COLUMN_TEXT, NULL, 1},
    {"actor", N_("BY"), COLUMN_TEXT, NULL, 0},
    {"version", N_("VERSION"), COLUMN_ID, NULL, 3},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static void put(struct buffer *out, const char *key, const char *words)
{
    codec_put_cstring(out, key);
    codec_put_cstring(out, words);
}

/* A row as people read it: field and value by the words of the record's register. */
static void put_row(struct buffer *out, const struct terminal *terminal, struct slice row,
                    struct arena *arena)
{
    static const struct column plain = {"", "", COLUMN_TEXT, NULL, 0};
    const char *register_name = map_text(row, "register", arena);
    const char *field_name = map_text(row, "field", arena);
    const struct schema_register *reg =
        register_name != NULL ? schema_register_named(slice_text(register_name)) : NULL;
    const struct field *field = reg != NULL && field_name != NULL
                                    ? schema_field_named(reg, slice_text(field_name))
                                    : NULL;
    struct slice value = {0};
    codec_put_map(out, ARRAY_SIZE(columns) - 1);
    for (size_t i = 0; columns[i].key != NULL; i++) {
        const char *key = columns[i].key;
        if (!codec_map_find(row, key, &value))
            value = (struct slice){0};
        if (strcmp(key, "field") == 0) {
            put(out, key,
                field == NULL    ? "?"
                : i18n_chinese() ? field->label
                                 : field->name);
        } else if (strcmp(key, "value") == 0) {
            const char *words = map_text(row, "value_name", arena);
            if (words == NULL)
                words = value_words(terminal, &plain, value, arena);
            put(out, key, field != NULL ? choice_words(field, words, arena) : words);
        } else if (strcmp(key, "shown") == 0) {
            put(out, key, map_bool(row, key) ? _("shown") : "");
        } else {
            codec_put_cstring(out, key);
            if (value.size > 0)
                codec_put_raw(out, value);
            else
                codec_put_nil(out);
        }
    }
}

void render_conflicts(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data)
{
    struct slice list = map_list(data, "conflicts"), row;
    struct list_walk walk = list_walk_begin(list);
    struct buffer rows;
    struct arena arena;
    (void)invocation;
    if (list_count(list) == 0) {
        (void)fputs(_("Nothing is in conflict.\n"), terminal->out);
        return;
    }
    arena_init(&arena);
    buffer_init(&rows, SIZE_MAX);
    codec_put_array(&rows, list_count(list));
    while (list_walk_next(&walk, &row))
        put_row(&rows, terminal, row, &arena);
    table_print(terminal, columns, buffer_slice(&rows));
    (void)fputs(_("All values are kept until somebody decides:\n"
                  "  linli conflict resolve ID --keep VERSION, or --value VALUE\n"),
                terminal->out);
    buffer_deinit(&rows);
    arena_deinit(&arena);
}

void render_settled(const struct invocation *invocation, const struct terminal *terminal,
                    struct slice data)
{
    struct arena arena;
    (void)invocation;
    arena_init(&arena);
    const char *id = map_text(data, "short_id", &arena);
    const char *name = map_text(data, "name", &arena);
    (void)fprintf(
        terminal->out,
        _("Settled, and saved on this disk: %s %s. It is settled elsewhere when "
          "it arrives there.\n"),
        id != NULL ? id : "-", name != NULL ? name : "");
    arena_deinit(&arena);
}
