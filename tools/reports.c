#include "tools/reports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "tools/chart.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/render.h"

/* ---- asking ---- */

bool report_open(struct client **client, const struct invocation *invocation,
                 struct failure *failure)
{
    struct client_options options = {.path = ask_socket(invocation)};
    enum status status = client_open(client, &options);
    if (status == OK)
        return true;
    *client = NULL;
    failure_set(failure, status, "%s", options.path);
    return false;
}

bool report_ask_coverage(struct client *client, const char *month, const char *by,
                         const char *division, struct client_reply *reply,
                         struct failure *failure)
{
    struct buffer args;
    buffer_init(&args, SIZE_MAX);
    codec_put_map(&args, division != NULL ? 3 : 2);
    codec_put_cstring(&args, "month");
    codec_put_cstring(&args, month);
    codec_put_cstring(&args, "by");
    codec_put_cstring(&args, by);
    if (division != NULL) {
        codec_put_cstring(&args, "division");
        codec_put_cstring(&args, division);
    }
    enum status status =
        client_ask(client, "report.coverage", buffer_slice(&args), reply);
    buffer_deinit(&args);
    if (status != OK)
        failure_set(failure, status, NULL);
    else if (reply->status != OK)
        failure_set_number(failure, reply->status, reply->subject);
    return status == OK && reply->status == OK;
}

/* ---- of places ---- */

static const struct column place_columns[] = {
    {"place_name", N_("PLACE"), COLUMN_TEXT, NULL, 0},
    {"due", N_("DUE"), COLUMN_COUNT, NULL, 0},
    {"visited", N_("VISITED"), COLUMN_COUNT, NULL, 1},
    {"rate", N_("RATE %"), COLUMN_COUNT, NULL, 0},
    {"exempt", N_("EXEMPT"), COLUMN_COUNT, NULL, 2},
    {"overdue", N_("OVERDUE"), COLUMN_COUNT, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const char *name_here(const char *name, const char *label)
{
    return i18n_chinese() && label != NULL ? label : name;
}

/* "state: rated 12, cancelled 1"; of a number its mean, median and greatest. */
static void print_tally(const struct terminal *terminal, struct slice tally,
                        const struct schema_register *reg, const struct field *field,
                        struct arena *arena)
{
    struct slice choices = map_map(tally, "choices"), key, value;
    const char *mean = map_text(tally, "mean", arena);
    uint64_t records = 0, median = 0, greatest = 0, count;
    size_t left = 0;
    (void)map_uint(tally, "records", &records);
    if (field == NULL) {
        (void)fprintf(terminal->out, "  %s: %llu\n", name_here(reg->name, reg->label),
                      (unsigned long long)records);
        return;
    }
    (void)fprintf(terminal->out, "    %s:", name_here(field->name, field->label));
    if (mean != NULL && map_uint(tally, "median", &median) &&
        map_uint(tally, "greatest", &greatest)) {
        (void)fprintf(terminal->out, _(" mean %s, median %llu, greatest %llu, of %llu\n"),
                      mean, (unsigned long long)median, (unsigned long long)greatest,
                      (unsigned long long)records);
        return;
    }
    const char *comma = " ";
    if (!codec_take_map(&choices, &left))
        left = 0;
    for (; left > 0 && codec_take_text(&choices, &key) &&
           codec_take_any(&choices, &value) && codec_take_uint(&value, &count);
         left--) {
        struct slice word = arena_copy(arena, key);
        char *text = arena_alloc(arena, word.size + 1);
        memcpy(text, word.data, word.size);
        (void)fprintf(terminal->out, "%s%s %llu", comma, choice_words(field, text, arena),
                      (unsigned long long)count);
        comma = ", ";
    }
    (void)fputc('\n', terminal->out);
}

void render_place_report(const struct invocation *invocation,
                         const struct terminal *terminal, struct slice data)
{
    struct slice total = map_map(data, "total"), tally;
    struct list_walk walk = list_walk_begin(map_list(data, "tallies"));
    uint64_t due = 0, visited = 0, overdue = 0, place = 0, last = 0;
    struct arena arena;
    (void)invocation;
    arena_init(&arena);
    table_print(terminal, place_columns, map_list(data, "places"));
    (void)(map_uint(total, "due", &due) && map_uint(total, "visited", &visited) &&
           map_uint(total, "overdue", &overdue));
    const char *month = map_text(data, "month", &arena);
    const char *rate = map_text(total, "rate", &arena);
    (void)fprintf(terminal->out,
                  _("%s: %llu of %llu persons due were visited (%s %%), %llu visits are "
                    "overdue"),
                  month != NULL ? month : "-", (unsigned long long)visited,
                  (unsigned long long)due, rate != NULL ? rate : "-",
                  (unsigned long long)overdue);
    render_rests_on(terminal, data);
    (void)fputs(_(".\n"), terminal->out);
    render_policy_of(terminal, data);
    while (list_walk_next(&walk, &tally)) {
        const char *name = map_text(tally, "register", &arena);
        const char *key = map_text(tally, "field", &arena);
        const char *place_words = map_text(tally, "place_name", &arena);
        const struct schema_register *reg =
            name != NULL ? schema_register_named(slice_text(name)) : NULL;
        if (reg == NULL || !map_uint(tally, "place", &place))
            continue;
        if (place != last)
            (void)fprintf(terminal->out, "\n%s\n",
                          place_words != NULL ? place_words : "-");
        last = place;
        print_tally(terminal, tally, reg,
                    key != NULL ? schema_field_named(reg, slice_text(key)) : NULL,
                    &arena);
    }
    arena_deinit(&arena);
}

/* ---- of a household ---- */

static const struct column person_columns[] = {
    {"id", N_("ID"), COLUMN_ID, NULL, 0},
    {"name", N_("NAME"), COLUMN_TEXT, NULL, 0},
    {"village_name", N_("VILLAGE"), COLUMN_TEXT, NULL, 0},
    {"tier", N_("TIER"), COLUMN_CHOICE, NULL, 1},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

void render_household(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data)
{
    struct slice person = map_map(data, "person"), received;
    struct list_walk walk = list_walk_begin(map_list(data, "received"));
    const char *name, *address;
    struct arena arena;
    (void)invocation;
    arena_init(&arena);
    name = map_text(person, "name", &arena);
    address = map_text(person, "address", &arena);
    (void)fprintf(terminal->out, "%s%s%s\n", name != NULL ? name : "-",
                  address != NULL ? "  " : "", address != NULL ? address : "");
    if (list_count(map_list(data, "household")) > 0) {
        (void)fputs(_("At the same address:\n"), terminal->out);
        table_print(terminal, person_columns, map_list(data, "household"));
    }
    while (list_walk_next(&walk, &received)) {
        struct slice records = map_list(received, "records");
        const char *word = map_text(received, "register", &arena);
        const struct schema_register *reg =
            word != NULL ? schema_register_named(slice_text(word)) : NULL;
        const struct command *list = reg != NULL ? command_find(reg->name, "list") : NULL;
        size_t count = list_count(records);
        (void)fprintf(terminal->out, "\n%s: %zu\n",
                      reg != NULL ? name_here(reg->name, reg->label) : "-", count);
        if (list != NULL && list->columns != NULL)
            table_print_records(terminal, reg, list->columns, records,
                                map_list(data, "places"));
    }
    (void)fputc('\n', terminal->out);
    (void)fputs(_("All that is known here"), terminal->out);
    render_rests_on(terminal, data);
    (void)fputs(_(".\n"), terminal->out);
    arena_deinit(&arena);
}

/* ---- as a drawing ---- */

#define MONTHS_DRAWN 6

struct drawing {
    struct client *client;
    const struct invocation *invocation;
    const struct terminal *terminal;
    struct arena arena;
    struct buffer svg;
    struct failure failure;
};

static bool typed_month(const struct invocation *invocation, uint64_t now_ms,
                        int64_t *month)
{
    const char *typed = arguments_value(invocation, "month");
    char full[MONTH_TYPED_SIZE];
    if (month_read(slice_text(typed != NULL ? typed : "this"), now_ms, full))
        typed = full;
    return month_parse(slice_text(typed), month);
}

/* The share of those due who were visited, in tenths of a percent. */
static int64_t share_of(struct slice figure)
{
    uint64_t due = 0, visited = 0;
    if (!map_uint(figure, "due", &due) || !map_uint(figure, "visited", &visited) ||
        due == 0)
        return CHART_UNKNOWN;
    return (int64_t)(visited * 1000 / due);
}

/* Coverage by place over the months up to the one that was asked for. A place has a row from the
 * first month in which somebody was on its roster. */
static bool draw_coverage(struct drawing *drawing)
{
    const char *by = arguments_value(drawing->invocation, "by");
    const char *division = arguments_value(drawing->invocation, "division");
    const char *columns[MONTHS_DRAWN], **names = NULL;
    uint64_t *places = NULL;
    int64_t *values = NULL, last;
    size_t count = 0, name_capacity = 0, place_capacity = 0, value_capacity = 0;
    bool drawn = typed_month(drawing->invocation, drawing->terminal->now_ms, &last);
    for (size_t m = 0; drawn && m < MONTHS_DRAWN; m++) {
        struct client_reply reply;
        struct slice figure;
        char *month = arena_alloc(&drawing->arena, 8);
        month_format(last + (int64_t)m - (MONTHS_DRAWN - 1), month);
        columns[m] = month;
        drawn = report_ask_coverage(drawing->client, month, by != NULL ? by : "village",
                                    division, &reply, &drawing->failure);
        struct list_walk walk =
            list_walk_begin(drawn ? map_list(reply.data, "figures") : (struct slice){0});
        while (list_walk_next(&walk, &figure)) {
            uint64_t place = 0;
            size_t row = 0;
            (void)map_uint(figure, "place", &place);
            while (row < count && places[row] != place)
                row++;
            if (row == count) {
                count++;
                names = array_grow(names, &name_capacity, count, sizeof *names);
                places = array_grow(places, &place_capacity, count, sizeof *places);
                values = array_grow(values, &value_capacity, count * MONTHS_DRAWN,
                                    sizeof *values);
                for (size_t i = 0; i < MONTHS_DRAWN; i++)
                    values[row * MONTHS_DRAWN + i] = CHART_UNKNOWN;
                const char *name = map_text(figure, "place_name", &drawing->arena);
                names[row] = name != NULL ? name : "-";
                places[row] = place;
            }
            values[row * MONTHS_DRAWN + m] = share_of(figure);
        }
    }
    if (drawn) {
        char note[160], when[WORDS_SIZE];
        moment_words(drawing->terminal->now_ms, when);
        (void)snprintf(note, sizeof note,
                       _("%% of persons due who were visited; as known at %s; closed "
                         "months as they were closed"),
                       when);
        chart_grid(&(struct chart_grid){.title = _("Coverage by place and month"),
                                        .note = note,
                                        .rows = names,
                                        .columns = columns,
                                        .row_count = count,
                                        .column_count = MONTHS_DRAWN,
                                        .values = values},
                   &drawing->svg);
    }
    free(names);
    free(places);
    free(values);
    return drawn;
}

/* What a number of a register is drawn as: service as hours in all, everything else by its
 * median. */
static uint64_t drawn_value(struct slice tally, bool is_service)
{
    uint64_t value = 0;
    (void)map_uint(tally, is_service ? "sum" : "median", &value);
    return is_service ? value / 60 : value;
}

#define GROUPS_MAX 16

/* Of each place the coverage, the overdue visits, and what numbers of registers come to. */
static void draw_places(struct drawing *drawing, struct slice data)
{
    struct chart_group groups[GROUPS_MAX];
    struct slice places = map_list(data, "places"), tallies = map_list(data, "tallies");
    size_t place_count = list_count(places), count = 0;
    struct arena *arena = &drawing->arena;
    const struct schema_register *reg;
    struct slice row;
    for (int kind = 0; kind < 2; kind++) {
        struct chart_bar *bars = arena_alloc(arena, (place_count + 1) * sizeof *bars);
        struct list_walk walk = list_walk_begin(places);
        size_t used = 0;
        while (list_walk_next(&walk, &row)) {
            const char *name = map_text(row, "place_name", arena);
            int64_t share = share_of(row);
            uint64_t overdue = 0;
            (void)map_uint(row, "overdue", &overdue);
            if (kind == 0 && share == CHART_UNKNOWN)
                continue;
            bars[used++] = (struct chart_bar){
                .label = name != NULL ? name : "-",
                .value = kind == 0 ? (uint64_t)share / 10 : overdue,
            };
        }
        groups[count++] = (struct chart_group){
            .title = kind == 0 ? _("Coverage of the month, %") : _("Overdue visits"),
            .bars = bars,
            .count = used};
    }
    for (size_t r = 0; (reg = schema_register_at(r)) != NULL; r++) {
        for (size_t f = 0; f < reg->field_count && count < GROUPS_MAX; f++) {
            const struct field *field = &reg->fields[f];
            struct chart_bar *bars =
                arena_alloc(arena, (list_count(tallies) + 1) * sizeof *bars);
            struct list_walk walk = list_walk_begin(tallies);
            size_t used = 0;
            bool is_service = strcmp(field->name, "minutes") == 0;
            if (field->type != FIELD_COUNT)
                continue;
            while (list_walk_next(&walk, &row)) {
                const char *word = map_text(row, "register", arena);
                const char *key = map_text(row, "field", arena);
                const char *name = map_text(row, "place_name", arena);
                if (word == NULL || key == NULL || strcmp(word, reg->name) != 0 ||
                    strcmp(key, field->name) != 0)
                    continue;
                bars[used++] = (struct chart_bar){.label = name != NULL ? name : "-",
                                                  .value = drawn_value(row, is_service)};
            }
            if (used == 0)
                continue;
            char *title = arena_alloc(arena, 160);
            (void)snprintf(
                title, 160, is_service ? _("%s: hours in all") : _("%s: %s, median"),
                name_here(reg->name, reg->label), name_here(field->name, field->label));
            groups[count++] =
                (struct chart_group){.title = title, .bars = bars, .count = used};
        }
    }
    char heading[64], note[96], when[WORDS_SIZE];
    const char *month = map_text(data, "month", arena);
    (void)snprintf(heading, sizeof heading, _("The month %s by place"),
                   month != NULL ? month : "-");
    moment_words(drawing->terminal->now_ms, when);
    (void)snprintf(note, sizeof note, _("As known at %s"), when);
    chart_bars(heading, note, groups, count, &drawing->svg);
}

static bool draw_answer(struct drawing *drawing)
{
    const struct invocation *invocation = drawing->invocation;
    struct client_reply reply;
    struct buffer args;
    const char *refused = "";
    if (strcmp(invocation->command->request, "report.coverage") == 0)
        return draw_coverage(drawing);
    buffer_init(&args, SIZE_MAX);
    enum status status =
        ask_encode_args(invocation, drawing->terminal->now_ms, &args, &refused);
    if (status == OK)
        status = client_ask(drawing->client, invocation->command->request,
                            buffer_slice(&args), &reply);
    buffer_deinit(&args);
    if (status != OK)
        failure_set(&drawing->failure, status, NULL);
    else if (reply.status != OK)
        failure_set_number(&drawing->failure, reply.status, reply.subject);
    if (status != OK || reply.status != OK)
        return false;
    draw_places(drawing, reply.data);
    return true;
}

enum exit_code report_run(const struct invocation *invocation,
                          const struct terminal *terminal)
{
    const char *path = arguments_value(invocation, "svg");
    struct drawing drawing = {.invocation = invocation, .terminal = terminal};
    enum exit_code code = ask_run(invocation, terminal);
    if (path == NULL || (code != CODE_DONE && code != CODE_INCOMPLETE))
        return code;
    arena_init(&drawing.arena);
    buffer_init(&drawing.svg, SIZE_MAX);
    bool drawn = report_open(&drawing.client, invocation, &drawing.failure) &&
                 draw_answer(&drawing);
    if (drawn) {
        enum status status = file_create(path, buffer_slice(&drawing.svg));
        drawn = status == OK;
        if (!drawn)
            failure_set(&drawing.failure, status, "%s: %s", path, strerror(errno));
    }
    client_close(drawing.client);
    buffer_deinit(&drawing.svg);
    arena_deinit(&drawing.arena);
    return drawn ? code : terminal_report(terminal, &drawing.failure);
}
