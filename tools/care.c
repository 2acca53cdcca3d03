/* care.c - `linli report coverage` for people: a line a place, the total, and who is missing. */
#include "crdt/codec.h"
#include "tools/arguments.h"
#include "tools/i18n.h"
#include "tools/render.h"

static const struct column figure_columns[] = {
    {"place_name", N_("PLACE"), COLUMN_TEXT, NULL, 0},
    {"due", N_("DUE"), COLUMN_COUNT, NULL, 0},
    {"visited", N_("VISITED"), COLUMN_COUNT, NULL, 0},
    {"missed", N_("MISSED"), COLUMN_COUNT, NULL, 0},
    {"rate", N_("RATE %"), COLUMN_COUNT, NULL, 0},
    {"exempt", N_("EXEMPT"), COLUMN_COUNT, NULL, 1},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column missed_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"village_name", N_("VILLAGE"), COLUMN_TEXT, NULL, 0},
    {"tier", N_("TIER"), COLUMN_CHOICE, NULL, 1},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column exempt_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"village_name", N_("VILLAGE"), COLUMN_TEXT, NULL, 0},
    {"status", N_("WHY"), COLUMN_CHOICE, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static void print_persons(const struct terminal *terminal, const char *title,
                          const struct column *columns, struct slice list)
{
    if (list_count(list) == 0)
        return;
    (void)fprintf(terminal->out, "\n%s\n", title);
    table_print(terminal, columns, list);
}

void render_coverage(const struct invocation *invocation, const struct terminal *terminal,
                     struct slice data)
{
    struct slice total = map_map(data, "total");
    uint64_t due = 0, visited = 0, exempt = 0;
    struct arena arena;

    (void)invocation;
    arena_init(&arena);
    table_print(terminal, figure_columns, map_list(data, "figures"));
    (void)(map_uint(total, "due", &due) && map_uint(total, "visited", &visited) &&
           map_uint(total, "exempt", &exempt));
    const char *month = map_text(data, "month", &arena);
    const char *rate = map_text(total, "rate", &arena);
    (void)fprintf(terminal->out,
                  _("%s: %llu of %llu persons due were visited (%s %%), %llu exempt"),
                  month != NULL ? month : "-", (unsigned long long)visited,
                  (unsigned long long)due, rate != NULL ? rate : "-",
                  (unsigned long long)exempt);
    render_rests_on(terminal, data);
    (void)fputs(_(".\n"), terminal->out);
    render_policy_of(terminal, data);
    print_persons(terminal, _("Not visited yet:"), missed_columns,
                  map_list(data, "missed"));
    print_persons(terminal, _("Exempt:"), exempt_columns, map_list(data, "exempt"));
    arena_deinit(&arena);
}
