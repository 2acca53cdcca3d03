/* half_year.c - `linli report half-year`: a folder with a CSV file a table. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "tools/csv_write.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/import.h"
#include "tools/reports.h"

/* 2026H1, 2026H2, 2026 (also 2026上半年, 2026年下半年): the first month, and how many. */
static bool read_period(const char *typed, int64_t *first, int *count)
{
    static const struct {
        const char *words;
        int first, count;
    } kinds[] = {{"H1", 0, 6}, {"h1", 0, 6}, {"上半年", 0, 6}, {"年上半年", 0, 6},
                 {"H2", 6, 6}, {"h2", 6, 6}, {"下半年", 6, 6}, {"年下半年", 6, 6},
                 {"", 0, 12},  {"年", 0, 12}};
    char january[8];
    if (strspn(typed, "0123456789") != 4)
        return false;
    (void)snprintf(january, sizeof january, "%.4s-01", typed);
    if (!month_parse(slice_text(january), first))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(typed + 4, kinds[i].words) == 0) {
            *first += kinds[i].first;
            *count = kinds[i].count;
            return true;
        }
    }
    return false;
}

static void put_number(struct slice map, const char *key, struct buffer *out)
{
    uint64_t number;
    char text[24] = "";
    if (map_uint(map, key, &number))
        (void)snprintf(text, sizeof text, "%" PRIu64, number);
    csv_put_cell(out, false, slice_text(text));
}

static void put_words(struct slice map, const char *key, struct arena *arena,
                      struct buffer *out)
{
    const char *text = map_text(map, key, arena);
    csv_put_cell(out, false, slice_text(text != NULL ? text : ""));
}

/* Coverage by village and month; what a closed month became since stands beside it. */
static bool put_coverage(struct client *client, int64_t first, int count,
                         const char *division, struct buffer *out, bool *incomplete,
                         struct failure *failure)
{
    static const char *const heads[] = {
        "月份",   "地点代码", "地点",        "应探访", "已探访",     "未探访",
        "未到期", "豁免",     "覆盖率（%）", "已封账", "重报应探访", "重报已探访"};
    struct client_reply reply;
    csv_put_mark(out);
    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        csv_put_cell(out, i == 0, slice_text(heads[i]));
    csv_put_end(out);
    for (int m = 0; m < count; m++) {
        char month[8];
        struct slice figure;
        month_format(first + m, month);
        if (!report_ask_coverage(client, month, "village", division, &reply, failure))
            return false;
        *incomplete |= reply.incomplete.kind != INCOMPLETE_NOT;
        struct list_walk walk = list_walk_begin(map_list(reply.data, "figures"));
        while (list_walk_next(&walk, &figure)) {
            struct slice restated = {0}, row;
            struct arena arena;
            uint64_t place = 0, other;
            struct list_walk later =
                list_walk_begin(map_list(reply.data, "restatements"));
            (void)map_uint(figure, "place", &place);
            while (list_walk_next(&later, &row)) {
                if (map_uint(row, "place", &other) && other == place)
                    restated = row;
            }
            arena_init(&arena);
            csv_put_cell(out, true, slice_text(month));
            put_number(figure, "place", out);
            put_words(figure, "place_name", &arena, out);
            static const char *const keys[] = {"due", "visited", "missed", "not_due",
                                               "exempt"};
            for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                put_number(figure, keys[i], out);
            put_words(figure, "rate", &arena, out);
            csv_put_cell(out, false,
                         slice_text(map_bool(figure, "closed") ? "是" : "否"));
            put_number(restated, "due", out);
            put_number(restated, "visited", out);
            csv_put_end(out);
            arena_deinit(&arena);
        }
    }
    return true;
}

/* One register through the export that people use: `linli export REGISTER --output FILE`. */
static enum exit_code export_register(const struct invocation *invocation,
                                      const struct terminal *terminal,
                                      const struct schema_register *reg, int64_t first,
                                      int count, const char *path)
{
    char from[11], to[11];
    struct given given[5];
    struct invocation asked = *invocation;
    const char *division = arguments_value(invocation, "division");
    size_t used = 0;
    date_format(month_first_day(first), from);
    date_format(month_first_day(first + count) - 1, to);
    given[used++] = (struct given){.key = "register", .value = reg->name};
    given[used++] = (struct given){.key = "output", .value = path};
    if (reg->date_field != FIELD_NONE) {
        given[used++] = (struct given){.key = "from", .value = from};
        given[used++] = (struct given){.key = "to", .value = to};
    }
    if (division != NULL)
        given[used++] = (struct given){.key = "division", .value = division};
    asked.command = command_find("export", NULL);
    asked.given = given;
    asked.count = used;
    return asked.command->run(&asked, terminal);
}

static bool make_folder(const char *path, struct failure *failure)
{
    if (mkdir(path, 0700) == 0)
        return true;
    failure_set(failure, errno == EEXIST ? ERR_EXISTS : ERR_FILE, "%s: %s", path,
                strerror(errno));
    failure->next = N_("Give a folder that is not there yet.");
    return false;
}

enum exit_code half_year_run(const struct invocation *invocation,
                             const struct terminal *terminal)
{
    const char *half = arguments_value(invocation, "half");
    const char *out = arguments_value(invocation, "out");
    const char *division = arguments_value(invocation, "division");
    char path[PATH_SIZE_MAX];
    struct client *client = NULL;
    struct failure failure;
    struct buffer csv;
    int64_t first;
    int count;
    size_t files = 0;
    bool incomplete = false;
    const struct schema_register *reg;
    if (!arguments_check_needed(invocation, &failure))
        return terminal_report(terminal, &failure);
    if (!read_period(half, &first, &count)) {
        failure_set(&failure, ERR_DATE, "%s", half);
        failure.text = N_("this is no half-year");
        failure.next = N_("Write it as 2026H1 or 2026H2, or as a year.");
        failure.usage = true;
        return terminal_report(terminal, &failure);
    }
    buffer_init(&csv, SIZE_MAX);
    bool made =
        report_open(&client, invocation, &failure) &&
        put_coverage(client, first, count, division, &csv, &incomplete, &failure) &&
        make_folder(out, &failure);
    client_close(client);
    if (made) {
        enum status status = path_join(path, out, "coverage.csv");
        if (status == OK)
            status = file_create(path, buffer_slice(&csv));
        if (status != OK)
            failure_set(&failure, status, "%s: %s", path, strerror(errno));
        made = status == OK;
        files = made;
    }
    buffer_deinit(&csv);
    if (!made)
        return terminal_report(terminal, &failure);
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++) {
        char name[64];
        if (!schema_has_verb(reg, VERB_LIST))
            continue;
        (void)snprintf(name, sizeof name, "%s.csv", reg->name);
        if (path_join(path, out, name) != OK)
            return CODE_REFUSED;
        enum exit_code code =
            export_register(invocation, terminal, reg, first, count, path);
        incomplete |= code == CODE_INCOMPLETE;
        if (code != CODE_DONE && code != CODE_INCOMPLETE)
            return code;
        files++;
    }
    (void)fprintf(terminal->out, _("%s: %zu files in %s\n"), half, files, out);
    return incomplete ? CODE_INCOMPLETE : CODE_DONE;
}
