/* The second opinion on coverage: persons, not rows. Of the persons of a township who stand,
 * the report of a month counts as visited none that had no visit which counts in that month,
 * and all that had one and of whom nothing else could be said: no status but enrolled, and no
 * visit before that would let the next one wait. */
#include <inttypes.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "tests/sim/checks.h"
#include "tests/sim/desk.h"

static bool take_value(const struct model_write *write, uint8_t field,
                       struct slice *value)
{
    for (size_t i = 0; i < write->value_count; i++) {
        if (write->values[i].field == field) {
            *value = write->values[i].encoded;
            return true;
        }
    }
    return false;
}

/* The month of a visit that counts: it stands, was made, and the person was met at home, or
 * answered a call. */
static bool counts(const struct model *model, const struct model_write *visit,
                   int64_t now, int64_t *month)
{
    struct slice when, method, outcome;
    uint64_t how, what;
    int64_t minutes;
    if (model_void_of(model, &visit->id, NULL) != NULL ||
        model_amendments(model, &visit->id, NULL) > 0) {
        return false;
    }
    CHECK(take_value(visit, VISIT_WHEN, &when) && codec_take_int(&when, &minutes));
    CHECK(take_value(visit, VISIT_METHOD, &method) && codec_take_uint(&method, &how));
    CHECK(take_value(visit, VISIT_OUTCOME, &outcome) && codec_take_uint(&outcome, &what));
    *month = month_of(day_of_minutes(minutes));
    return minutes <= now &&
           (what == OUTCOME_MET || (what == OUTCOME_ANSWERED && how != METHOD_HOME));
}

static bool is_plainly_enrolled(const struct model *model,
                                const struct model_write *person)
{
    static struct model_versions versions;
    const struct field *status =
        schema_field(schema_register(REGISTER_PERSON), PERSON_STATUS);
    model_field(model, person, status, NULL, &versions);
    for (size_t i = 0; i < versions.count; i++) {
        struct slice value = versions.items[i].encoded;
        uint64_t choice;
        CHECK(codec_take_uint(&value, &choice));
        if (choice != PERSON_ENROLLED) {
            return false;
        }
    }
    return true;
}

static void count_person(const struct model *model, const struct model_write *person,
                         int64_t now, int64_t month, uint64_t *least, uint64_t *most)
{
    bool visited = false, before = false;
    int64_t when;
    if (model_void_of(model, &person->id, NULL) != NULL) {
        return;
    }
    for (size_t i = 0; i < model->count; i++) {
        const struct model_write *visit = &model->writes[i];
        if (visit->kind == OPERATION_CREATE && visit->reg == REGISTER_VISIT &&
            entry_id_compare(&visit->subject, &person->id) == 0 &&
            counts(model, visit, now, &when)) {
            visited = visited || when == month;
            before = before || when < month;
        }
    }
    *most += visited ? 1 : 0;
    *least += visited && !before && is_plainly_enrolled(model, person) ? 1 : 0;
}

/* What is known now, also where the month was closed over something else. */
static bool take_visited(struct slice answer, uint64_t *visited)
{
    struct slice total, restated, value;
    if (!codec_map_find(answer, "total", &total) ||
        !codec_map_find(total, "restated", &restated)) {
        return false;
    }
    return codec_map_find(codec_is_nil(restated) ? total : restated, "visited", &value) &&
           codec_take_uint(&value, visited);
}

static void check_township(struct world *world, struct desk *desk, uint64_t realm)
{
    const struct model *model = &world->model;
    int64_t today = world_today(world);
    int64_t now = (today + 1) * MINUTES_PER_DAY - 1;
    uint64_t least = 0, most = 0, visited;
    char place[16], day[11], month[8];
    snprintf(place, sizeof(place), "%" PRIu64, realm);
    date_format(today, day);
    month_format(month_of(today), month);
    for (size_t i = 0; i < model->count; i++) {
        const struct model_write *write = &model->writes[i];
        if (write->kind == OPERATION_CREATE && write->reg == REGISTER_PERSON &&
            write->realm == realm) {
            count_person(model, write, now, month_of(today), &least, &most);
        }
    }
    CHECK(desk_ask(desk, &world->machines[0], WORLD_START_WALL_MS + world->now_ms,
                   "report.coverage",
                   (struct desk_arg[]){{"division", place},
                                       {"as_of", day},
                                       {"month", month},
                                       {NULL, NULL}}) == OK);
    CHECK(take_visited(buffer_slice(&desk->data), &visited));
    if (visited < least || visited > most) {
        world_fail(world,
                   "of %s %" PRIu64 " persons are reported as visited, which are %" PRIu64
                   " to %" PRIu64,
                   place, visited, least, most);
    }
}

bool check_counted(struct world *world)
{
    struct desk desk;
    desk_init(&desk);
    for (size_t i = 1; i < world->machine_count && !world_failed(world); i++) {
        if (division_level(world->machines[i].division) == DIVISION_TOWNSHIP) {
            check_township(world, &desk, world->machines[i].division);
        }
    }
    desk_deinit(&desk);
    return !world_failed(world);
}
