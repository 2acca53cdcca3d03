/* The three lists 三张清单. See schema_table.c for what holds of ids. */
#include "crdt/schema_lists.h"

#include "crdt/codec.h"
#include "crdt/schema_orders.h"

#define N_(text) text /* for xgettext */

static const struct choice list_states[] = {
    {LIST_OPEN, "open", "待对接"},
    {LIST_MATCHED, "matched", "已对接"},
    {LIST_CLOSED, "closed", "已关闭"},
    {0, NULL, NULL},
};

/* ---- what follows from the fields ---- */

static void put_state(struct record_view *record, uint8_t field, enum list_state state,
                      struct arena *arena)
{
    struct field_view *view = &record->fields[field];
    struct buffer encoded;
    buffer_init(&encoded, SIZE_MAX);
    codec_put_uint(&encoded, state);
    view->versions = arena_alloc(arena, sizeof *view->versions);
    view->versions[0] =
        (struct version){.id = record->id,
                         .stamp_ms = record->created_ms,
                         .actor = record->created_by,
                         .value = arena_copy(arena, buffer_slice(&encoded))};
    view->count = 1;
    buffer_deinit(&encoded);
}

static bool is_set(const struct record_view *record, uint8_t field)
{
    return view_value(record, field).size > 0;
}

void need_compute(struct record_view *record, struct store_txn *txn, struct arena *arena)
{
    enum list_state state = LIST_OPEN;
    (void)txn;
    if (is_set(record, NEED_RESOURCE) || is_set(record, NEED_PROJECT))
        state = LIST_MATCHED;
    if (is_set(record, NEED_REASON))
        state = LIST_CLOSED;
    put_state(record, NEED_STATE, state, arena);
}

void offer_compute(struct record_view *record, struct store_txn *txn, struct arena *arena)
{
    (void)txn;
    put_state(record, OFFER_STATE, is_set(record, OFFER_REASON) ? LIST_CLOSED : LIST_OPEN,
              arena);
}

unsigned list_distance(uint64_t village, uint64_t place)
{
    if (place == village)
        return 0;
    if (place == 0 || division_level(place) == DIVISION_COUNTY)
        return 2;
    return division_township(place) == division_township(village) ? 1 : 3;
}

/* ---- needs ---- */

static const struct field need_fields[] = {
    {.id = NEED_TITLE,
     .name = "title",
     .label = "需求",
     .also = "需求内容|名称|内容",
     .help = N_("what is needed, in a few words"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .required = true,
     .limit = 100,
     .search = SEARCH_PART,
     .heading = N_("TITLE")},
    {.id = NEED_KIND,
     .name = "kind",
     .label = "服务类别",
     .also = "类别",
     .help = N_("by which needs, resources and projects are matched"),
     .type = FIELD_CHOICE,
     .rule = MERGE_MULTI,
     .required = true,
     .choices = service_kinds,
     .heading = N_("KIND"),
     .rank = 2,
     .filters = true},
    {.id = NEED_VILLAGE,
     .name = "village",
     .label = "所在村",
     .also = "村|村社区",
     .help = N_("where; the person's village unless given"),
     .type = FIELD_DIVISION,
     .rule = MERGE_MULTI,
     .required = true,
     .limit = DIVISION_VILLAGE,
     .heading = N_("VILLAGE"),
     .rank = 1},
    {.id = NEED_PERSON,
     .name = "person",
     .label = "服务对象",
     .help = N_("whose need it is; none: the village's"),
     .type = FIELD_RECORD,
     .rule = MERGE_MULTI,
     .names = REGISTER_PERSON,
     .heading = N_("PERSON"),
     .rank = 3,
     .gives_place = true,
     .filters = true},
    {.id = NEED_UNTIL,
     .name = "until",
     .label = "期限",
     .help = N_("until when it is needed"),
     .type = FIELD_DATE,
     .rule = MERGE_MULTI,
     .heading = N_("UNTIL"),
     .rank = 4},
    {.id = NEED_RESOURCE,
     .name = "resource",
     .label = "对接资源",
     .help = N_("the resource that meets it"),
     .type = FIELD_RECORD,
     .rule = MERGE_MULTI,
     .names = REGISTER_RESOURCE,
     .heading = N_("RESOURCE"),
     .rank = 3,
     .filters = true},
    {.id = NEED_PROJECT,
     .name = "project",
     .label = "对接项目",
     .help = N_("the project that meets it"),
     .type = FIELD_RECORD,
     .rule = MERGE_MULTI,
     .names = REGISTER_PROJECT,
     .heading = N_("PROJECT"),
     .rank = 3,
     .filters = true},
    {.id = NEED_REASON,
     .name = "reason",
     .label = "关闭原因",
     .help = N_("why it was closed; emptied, it is open again"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .limit = 200},
    {.id = NEED_NOTE,
     .name = "note",
     .label = "备注",
     .also = "说明",
     .help = N_("anything else"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .limit = 1000,
     .form = TEXT_LINES},
    {.id = NEED_EXTERNAL_KEY,
     .name = "external_key",
     .label = "外部编号",
     .also = "编号",
     .help =
         N_("key in the system it was imported from; importing it again changes nothing"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .limit = 100,
     .search = SEARCH_PART,
     .lookup = LOOKUP_KEY},
    {.id = NEED_STATE,
     .name = "state",
     .label = "状态",
     .help = N_("open, matched or closed"),
     .type = FIELD_CHOICE,
     .rule = MERGE_MULTI,
     .choices = list_states,
     .heading = N_("STATE"),
     .computed = true,
     .filters = true},
};

/* ---- resources and projects ---- */

static const struct field offer_fields[] = {
    {.id = OFFER_TITLE,
     .name = "title",
     .label = "名称",
     .also = "资源名称|项目名称|内容",
     .help = N_("what is offered, in a few words"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .required = true,
     .limit = 100,
     .search = SEARCH_PART,
     .heading = N_("TITLE")},
    {.id = OFFER_KIND,
     .name = "kind",
     .label = "服务类别",
     .also = "类别",
     .help = N_("by which needs, resources and projects are matched"),
     .type = FIELD_CHOICE,
     .rule = MERGE_MULTI,
     .required = true,
     .choices = service_kinds,
     .heading = N_("KIND"),
     .rank = 2,
     .filters = true},
    {.id = OFFER_PLACE,
     .name = "place",
     .label = "所在地",
     .also = "村|乡镇|服务范围",
     .help = N_("the village or township that it serves; none: the whole county"),
     .type = FIELD_DIVISION,
     .rule = MERGE_MULTI,
     .heading = N_("PLACE"),
     .rank = 1},
    {.id = OFFER_PROVIDER,
     .name = "provider",
     .label = "提供方",
     .also = "单位|负责人|实施单位",
     .help = N_("who offers it"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .limit = 100,
     .search = SEARCH_PART,
     .heading = N_("PROVIDER"),
     .rank = 3},
    {.id = OFFER_UNTIL,
     .name = "until",
     .label = "期限",
     .help = N_("until when it is offered"),
     .type = FIELD_DATE,
     .rule = MERGE_MULTI,
     .heading = N_("UNTIL"),
     .rank = 4},
    {.id = OFFER_REASON,
     .name = "reason",
     .label = "关闭原因",
     .help = N_("why it was closed; emptied, it is open again"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .limit = 200},
    {.id = OFFER_NOTE,
     .name = "note",
     .label = "备注",
     .also = "说明",
     .help = N_("anything else"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .limit = 1000,
     .form = TEXT_LINES},
    {.id = OFFER_EXTERNAL_KEY,
     .name = "external_key",
     .label = "外部编号",
     .also = "编号",
     .help =
         N_("key in the system it was imported from; importing it again changes nothing"),
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .limit = 100,
     .search = SEARCH_PART,
     .lookup = LOOKUP_KEY},
    {.id = OFFER_STATE,
     .name = "state",
     .label = "状态",
     .help = N_("open or closed"),
     .type = FIELD_CHOICE,
     .rule = MERGE_MULTI,
     .choices = list_states,
     .heading = N_("STATE"),
     .computed = true,
     .filters = true},
};

/* ---- the registers ---- */

#define CLOSE_HELP N_("take it off the open list, with the reason")

/* What is bound already is bound to another by setting the field. */
static enum status may_be_matched(const struct record_view *need)
{
    switch (view_choice(need, NEED_STATE)) {
    case LIST_MATCHED: return ERR_NEED_MATCHED;
    case LIST_CLOSED: return ERR_NEED_CLOSED;
    default: return OK;
    }
}

static const struct step need_steps[] = {
    {.word = "match",
     .follows = may_be_matched,
     .fields = FIELD_BIT(NEED_RESOURCE) | FIELD_BIT(NEED_PROJECT),
     .proposes = true,
     .words = {N_("what fits a need by kind, nearest first; --with binds one to it"),
               N_("The same village comes before the township, the township before the "
                  "county. What is bound leaves the open list at once. Two villages that "
                  "bind different ones without knowing of each other see both, as a "
                  "conflict."),
               "linli need match K3F9 --with 7QXM"}},
    {.word = "close",
     .fields = FIELD_BIT(NEED_REASON),
     .needed = FIELD_BIT(NEED_REASON),
     .words = {CLOSE_HELP, NULL, "linli need close K3F9 --reason 已解决"}},
    {.word = NULL},
};

#define OFFER_STEPS(name)                                                                \
    {                                                                                    \
        {.word = "match",                                                                \
         .proposes = true,                                                               \
         .words = {N_("open needs of its kind, nearest first; --with binds it to one"),  \
                   NULL, "linli " name " match 7QXM --with K3F9"}},                      \
            {.word = "close",                                                            \
             .fields = FIELD_BIT(OFFER_REASON),                                          \
             .needed = FIELD_BIT(OFFER_REASON),                                          \
             .words = {CLOSE_HELP, NULL, "linli " name " close 7QXM --reason 已用完"}},  \
        {                                                                                \
            .word = NULL                                                                 \
        }                                                                                \
    }

static const struct step resource_steps[] = OFFER_STEPS("resource");
static const struct step project_steps[] = OFFER_STEPS("project");

#define LIST_VERBS                                                                       \
    (VERB_BIT(VERB_ADD) | VERB_BIT(VERB_SHOW) | VERB_BIT(VERB_LIST) |                    \
     VERB_BIT(VERB_SET) | VERB_BIT(VERB_FIND) | VERB_BIT(VERB_VOID))
#define GENERAL_WORDS(name, help, add)                                                   \
    [VERB_ADD] = {help, NULL, add},                                                      \
    [VERB_SHOW] = {NULL, NULL, "linli " name " show K3F9"},                              \
    [VERB_LIST] = {NULL, NULL, "linli " name " list --state open --kind meals"},         \
    [VERB_SET] = {NULL, NULL, "linli " name " set K3F9 --until 2026-12-31"},             \
    [VERB_FIND] = {NULL, NULL, "linli " name " find 轮椅"},                              \
    [VERB_VOID] = {NULL, NULL, "linli " name " void K3F9 --reason '重复录入'"}

static const struct schema_register registers[] = {
    {.id = REGISTER_NEED,
     .name = "need",
     .label = "需求",
     .realm = REALM_TOWNSHIP,
     .lane = LANE_RECORD,
     .writers = DIVISION_VILLAGE,
     .verbs = LIST_VERBS,
     .subject_field = FIELD_NONE,
     .amends_field = FIELD_NONE,
     .name_field = NEED_TITLE,
     .place_field = NEED_VILLAGE,
     .date_field = FIELD_NONE,
     .fields = need_fields,
     .field_count = ARRAY_SIZE(need_fields),
     .compute = need_compute,
     .steps = need_steps,
     .words = {GENERAL_WORDS("need", N_("enter what somebody is in need of"),
                             "linli need add --title 借轮椅 --kind goods "
                             "--person 王秀英")}},
    {.id = REGISTER_RESOURCE,
     .name = "resource",
     .label = "资源",
     .realm = REALM_COUNTY,
     .lane = LANE_RECORD,
     .writers = DIVISION_VILLAGE,
     .verbs = LIST_VERBS,
     .subject_field = FIELD_NONE,
     .amends_field = FIELD_NONE,
     .name_field = OFFER_TITLE,
     .place_field = OFFER_PLACE,
     .date_field = FIELD_NONE,
     .fields = offer_fields,
     .field_count = ARRAY_SIZE(offer_fields),
     .compute = offer_compute,
     .steps = resource_steps,
     .words = {GENERAL_WORDS("resource", N_("enter what somebody can give or lend"),
                             "linli resource add --title 轮椅三台 --kind "
                             "goods --place 331123106")}},
    {.id = REGISTER_PROJECT,
     .name = "project",
     .label = "项目",
     .realm = REALM_COUNTY,
     .lane = LANE_RECORD,
     .writers = DIVISION_VILLAGE,
     .verbs = LIST_VERBS,
     .subject_field = FIELD_NONE,
     .amends_field = FIELD_NONE,
     .name_field = OFFER_TITLE,
     .place_field = OFFER_PLACE,
     .date_field = FIELD_NONE,
     .fields = offer_fields,
     .field_count = ARRAY_SIZE(offer_fields),
     .compute = offer_compute,
     .steps = project_steps,
     .words = {GENERAL_WORDS("project",
                             N_("enter a project that people can take part in"),
                             "linli project add --title 老年食堂 --kind meals "
                             "--place 331123106")}},
};

const struct schema_family schema_lists = {registers, ARRAY_SIZE(registers)};
