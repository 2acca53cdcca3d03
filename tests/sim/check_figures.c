/* Promise 2, of what people read: "Two nodes equal in [entries, keys and level] answer with
 * identical bytes." Every report and list of a township, asked for as of one moment of every
 * machine that holds the township's entries and key, is the same to the byte as the hub's. */
#include <inttypes.h>
#include <string.h>

#include "crdt/calendar.h"
#include "tests/sim/checks.h"
#include "tests/sim/desk.h"

#define ARGS_MAX 6

/* Who holds all that the answer is made from. */
enum heard {
    HEARD_BY_ALL,       /* who reads the township, its villages too */
    HEARD_BY_TOWNSHIPS, /* a village holds no volunteers of other townships */
    HEARD_IN_THE_PLACE, /* looks wherever it can read: the hub reads everywhere */
};

struct question {
    const char *command;
    enum heard heard;
    struct desk_arg args[ARGS_MAX]; /* "DAY", "MONTH", "BEFORE", "PLACE" are filled in */
};

static const struct question questions[] = {
    {"report.coverage",
     HEARD_BY_ALL,
     {{"division", "PLACE"}, {"as_of", "DAY"}, {"month", "MONTH"}, {"names", "yes"}}},
    {"report.coverage",
     HEARD_BY_ALL,
     {{"division", "PLACE"}, {"as_of", "DAY"}, {"month", "BEFORE"}, {"names", "yes"}}},
    {"report.coverage",
     HEARD_BY_ALL,
     {{"division", "PLACE"}, {"as_of", "DAY"}, {"by", "township"}}},
    {"visit.due",
     HEARD_BY_ALL,
     {{"division", "PLACE"}, {"as_of", "DAY"}, {"within", "400"}}},
    {"person.list", HEARD_BY_ALL, {{"division", "PLACE"}, {"all", "yes"}}},
    {"visit.list", HEARD_BY_ALL, {{"division", "PLACE"}, {"all", "yes"}}},
    {"lead.list", HEARD_BY_ALL, {{"division", "PLACE"}, {"all", "yes"}}},
    {"month.list", HEARD_BY_ALL, {{"division", "PLACE"}, {"all", "yes"}}},
    {"order.list", HEARD_BY_TOWNSHIPS, {{"division", "PLACE"}, {"all", "yes"}}},
    {"need.list", HEARD_BY_TOWNSHIPS, {{"division", "PLACE"}, {"all", "yes"}}},
    {"report.township", /* counts the volunteers who live there too */
     HEARD_BY_TOWNSHIPS,
     {{"division", "PLACE"}, {"as_of", "DAY"}, {"month", "MONTH"}}},
    {"conflict.list", HEARD_BY_TOWNSHIPS, {{"division", "PLACE"}}},
    {"person.find", HEARD_IN_THE_PLACE, {{"text", "wxy"}}},
    {"person.find", HEARD_IN_THE_PLACE, {{"text", "独居"}}},
    {"person.find", HEARD_IN_THE_PLACE, {{"text", "1390578"}}},
};
static const struct question of_the_county[] = {
    {"volunteer.list", HEARD_BY_TOWNSHIPS, {{"all", "yes"}}},
    {"resource.list", HEARD_BY_TOWNSHIPS, {{"all", "yes"}}},
    {"project.list", HEARD_BY_TOWNSHIPS, {{"all", "yes"}}},
};

struct asking {
    struct world *world;
    struct desk desk;
    char day[11], month[8], before[8], place[16];
    struct buffer expected;
};

static void fill_in(const struct asking *asking, const struct question *question,
                    struct desk_arg args[ARGS_MAX])
{
    const struct desk_arg filled[] = {{"DAY", asking->day},
                                      {"MONTH", asking->month},
                                      {"BEFORE", asking->before},
                                      {"PLACE", asking->place}};
    memcpy(args, question->args, ARGS_MAX * sizeof(*args));
    for (size_t i = 0; args[i].key != NULL; i++) {
        for (size_t k = 0; k < ARRAY_SIZE(filled); k++) {
            if (strcmp(args[i].value, filled[k].key) == 0) {
                args[i].value = filled[k].value;
            }
        }
    }
}

/* Everything that a machine holds is worked in. Silence is each one's own hearing, and of
 * other townships it has no key. */
static bool is_whole(const struct incomplete *incomplete)
{
    return incomplete->kind == INCOMPLETE_NOT || incomplete->kind == INCOMPLETE_SILENT ||
           incomplete->kind == INCOMPLETE_UNREADABLE;
}

static bool ask(struct asking *asking, struct machine *machine,
                const struct question *question)
{
    struct desk_arg args[ARGS_MAX];
    fill_in(asking, question, args);
    enum status status =
        desk_ask(&asking->desk, machine, WORLD_START_WALL_MS + asking->world->now_ms,
                 question->command, args);
    if (status != OK) {
        world_fail(asking->world, "%s refuses %s of %s: %s", machine->name,
                   question->command, asking->place, status_words(status)->name);
    } else if (!is_whole(&asking->desk.incomplete)) {
        world_fail(asking->world, "%s answers %s of %s as incomplete, kind %d",
                   machine->name, question->command, asking->place,
                   (int)asking->desk.incomplete.kind);
    }
    return !world_failed(asking->world);
}

static void expect(struct asking *asking)
{
    buffer_clear(&asking->expected);
    buffer_put(&asking->expected, asking->desk.data.data, asking->desk.data.size);
}

static void compare(struct asking *asking, const struct machine *first,
                    const struct machine *machine, const struct question *question)
{
    struct slice one = buffer_slice(&asking->expected);
    struct slice other = buffer_slice(&asking->desk.data);
    size_t at = 0;
    if (slice_equal(one, other)) {
        return;
    }
    while (at < one.size && at < other.size && one.data[at] == other.data[at]) {
        at++;
    }
    world_fail(asking->world,
               "%s of %s: %s answers with %zu bytes, %s with %zu, equal up to %zu",
               question->command, asking->place, first->name, one.size, machine->name,
               other.size, at);
}

/* Whether it holds every entry that counts in the realm, and the key. */
static bool answers_for(const struct machine *machine, uint64_t realm)
{
    return !machine->revoked &&
           (realm == COUNTY_CODE || division_township(machine->division) == realm);
}

/* Machines that hold as much as each other for a question, the hub among the first of them:
 * villages of one township hold alike, and where they hold less than it they answer alike. */
static unsigned group_of(const struct machine *machine, enum heard heard)
{
    bool village = division_level(machine->division) == DIVISION_VILLAGE;
    switch (heard) {
    case HEARD_BY_ALL: return 0;
    case HEARD_BY_TOWNSHIPS: return village ? 1 : 0;
    case HEARD_IN_THE_PLACE: return machine->index == 0 ? 2 : 1; /* the hub: never */
    }
    return 0;
}

static void check_question(struct asking *asking, const struct question *question,
                           uint64_t realm)
{
    struct world *world = asking->world;
    for (unsigned group = 0; group < 2; group++) {
        struct machine *first = NULL;
        for (size_t i = 0; i < world->machine_count && !world_failed(world); i++) {
            struct machine *machine = &world->machines[i];
            if ((i > 0 && !answers_for(machine, realm)) ||
                group_of(machine, question->heard) != group ||
                (group == 1 && realm == COUNTY_CODE) || !ask(asking, machine, question)) {
                continue;
            }
            if (first == NULL) {
                first = machine;
                expect(asking);
            }
            compare(asking, first, machine, question);
        }
    }
}

static void check_township(struct asking *asking, uint64_t realm)
{
    snprintf(asking->place, sizeof(asking->place), "%" PRIu64, realm);
    for (size_t q = 0; q < ARRAY_SIZE(questions) && !world_failed(asking->world); q++) {
        check_question(asking, &questions[q], realm);
    }
}

bool check_figures(struct world *world)
{
    struct asking asking = {.world = world};
    int64_t today = world_today(world);
    desk_init(&asking.desk);
    buffer_init(&asking.expected, SIZE_MAX);
    date_format(today, asking.day);
    month_format(month_of(today), asking.month);
    month_format(month_of(today) - 1, asking.before);
    for (size_t i = 1; i < world->machine_count && !world_failed(world); i++) {
        if (division_level(world->machines[i].division) == DIVISION_TOWNSHIP) {
            check_township(&asking, world->machines[i].division);
        }
    }
    snprintf(asking.place, sizeof(asking.place), "%" PRIu64, COUNTY_CODE);
    for (size_t q = 0; q < ARRAY_SIZE(of_the_county) && !world_failed(world); q++) {
        check_question(&asking, &of_the_county[q], COUNTY_CODE);
    }
    buffer_deinit(&asking.expected);
    desk_deinit(&asking.desk);
    return !world_failed(world);
}
