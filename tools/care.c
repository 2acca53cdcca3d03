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
    {"due", N_("DUE"), COLUMN_TEXT, NULL, 0},
    {"days_late", N_("LATE-DAYS"), COLUMN_COUNT, NULL, 2},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column exempt_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"village_name", N_("VILLAGE"), COLUMN_TEXT, NULL, 0},
    {"status", N_("WHY"), COLUMN_CHOICE, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column restated_columns[] = {
    {"place_name", N_("PLACE"), COLUMN_TEXT, NULL, 0},
    {"closed_due", N_("CLOSED DUE"), COLUMN_COUNT, NULL, 2},
    {"closed_visited", N_("CLOSED VISITED"), COLUMN_COUNT, NULL, 1},
    {"closed_rate", N_("CLOSED RATE %"), COLUMN_COUNT, NULL, 0},
    {"due", N_("DUE NOW"), COLUMN_COUNT, NULL, 2},
    {"visited", N_("VISITED NOW"), COLUMN_COUNT, NULL, 1},
    {"rate", N_("RATE % NOW"), COLUMN_COUNT, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

/* Who closed what and when, on what it rests, and what has come since. */
static void print_closings(const struct terminal *terminal, struct slice data)
{
    struct list_walk walk = list_walk_begin(map_list(data, "closings"));
    struct slice closing;
    struct arena arena;
    arena_init(&arena);
    while (list_walk_next(&walk, &closing)) {
        const char *place = map_text(closing, "place_name", &arena);
        const char *node = map_text(closing, "node", &arena);
        const char *actor = map_text(closing, "actor", &arena);
        const char *rate = map_text(closing, "rate", &arena);
        const char *missing = map_text(closing, "missing", &arena);
        uint64_t closed_ms = 0, due = 0, visited = 0, entries = 0, logs = 0, since = 0;
        char when[WORDS_SIZE];
        (void)(map_uint(closing, "closed_ms", &closed_ms) &&
               map_uint(closing, "due", &due) && map_uint(closing, "visited", &visited) &&
               map_uint(closing, "entries", &entries) &&
               map_uint(closing, "logs", &logs) &&
               map_uint(closing, "entries_since", &since));
        moment_words(closed_ms, when);
        (void)fprintf(terminal->out,
                      map_bool(closing, "stands")
                          ? _("%s: closed %s by %s at %s: %s %% (%llu of %llu)")
                          : _("%s: closed once more %s by %s at %s: %s %% (%llu of "
                              "%llu); the first closing stands"),
                      place != NULL ? place : "-", when, actor != NULL ? actor : "-",
                      node != NULL ? node : "-", rate != NULL ? rate : "-",
                      (unsigned long long)visited, (unsigned long long)due);
        (void)fprintf(terminal->out,
                      _(", from %llu entries of %llu logs; %llu have come since.\n"),
                      (unsigned long long)entries, (unsigned long long)logs,
                      (unsigned long long)since);
        if (missing != NULL)
            (void)fprintf(terminal->out, _("  Not heard of when it was closed: %s\n"),
                          missing);
    }
    arena_deinit(&arena);
}

/* A closed figure is followed by what is known now, with the day on which that is said. */
static void print_restatement(const struct terminal *terminal, struct slice data)
{
    struct slice restated = map_map(map_map(data, "total"), "restated");
    uint64_t due, visited, was = 0;
    char when[WORDS_SIZE];
    struct arena arena;
    if (list_count(map_list(data, "restatements")) == 0)
        return;
    moment_words(terminal->now_ms, when);
    (void)fprintf(terminal->out, _("\nRestated, as known at %s:\n"), when);
    table_print(terminal, restated_columns, map_list(data, "restatements"));
    if (!map_uint(restated, "due", &due) || !map_uint(restated, "visited", &visited))
        return;
    arena_init(&arena);
    const char *rate = map_text(restated, "rate", &arena);
    (void)map_uint(map_map(data, "total"), "visited", &was);
    (void)fprintf(
        terminal->out,
        _("Now %llu of %llu persons due are known to have been visited (%s %%), "
          "%lld more than when it was closed.\n"),
        (unsigned long long)visited, (unsigned long long)due, rate != NULL ? rate : "-",
        (long long)visited - (long long)was);
    arena_deinit(&arena);
}

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
    print_closings(terminal, data);
    print_restatement(terminal, data);
    print_persons(terminal, _("Not visited yet:"), missed_columns,
                  map_list(data, "missed"));
    print_persons(terminal, _("Exempt:"), exempt_columns, map_list(data, "exempt"));
    arena_deinit(&arena);
}

void render_closed(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data)
{
    struct slice record = map_map(data, "record");
    uint64_t due = 0, visited = 0;
    struct arena arena;
    (void)invocation;
    arena_init(&arena);
    const char *id = map_text(data, "short_id", &arena);
    const char *month = map_text(record, "month", &arena);
    const char *place = map_text(data, "place_name", &arena);
    const char *missing = map_text(record, "missing", &arena);
    (void)(map_uint(record, "due", &due) && map_uint(record, "visited", &visited));
    (void)fprintf(terminal->out,
                  _("Saved on this disk: month %s\n"
                    "  %s, %s: closed with %llu of %llu persons due visited.\n"),
                  id != NULL ? id : "-", place != NULL ? place : "-",
                  month != NULL ? month : "-", (unsigned long long)visited,
                  (unsigned long long)due);
    if (missing != NULL)
        (void)fprintf(terminal->out, _("  Not heard of when it was closed: %s\n"),
                      missing);
    arena_deinit(&arena);
}
