/* The table of registers with one more of each kind, which exist for tests alone: linked in
 * place of crdt/schema_table.c, they must work from the command to the log and back without a
 * line of code that knows them. */
#include "crdt/view.h"

enum {
    REGISTER_WELL = 200, /* its own subject, with a place and a record field          */
    REGISTER_ERRAND,     /* of a person, with fields that change                      */
    REGISTER_FUND,       /* of the county, its own subject                            */
    REGISTER_GIFT,       /* of a fund, in the county, names a person; can be amended  */
    REGISTER_ROUND,      /* of the writing node's home                                */
    REGISTER_DIG,        /* a step of a well: what was done to it                     */
};

enum { WELL_NAME, WELL_VILLAGE, WELL_KEEPER, WELL_DEPTH, WELL_DIGS };
enum { DIG_WELL, DIG_WHAT, DIG_METRES, DIG_SEEN };
enum { ERRAND_PERSON, ERRAND_DUE, ERRAND_STATE, ERRAND_GOODS, ERRAND_HISTORY };
enum { FUND_NAME, FUND_FEN };
enum { GIFT_FUND, GIFT_PERSON, GIFT_DATE, GIFT_GOODS, GIFT_AMENDS, GIFT_CODE };
enum { ROUND_NAME, ROUND_DATE };

static const struct choice errand_states[] = {
    {1, "open", "待办"},
    {2, "done", "完成"},
    {0, NULL, NULL},
};

static const struct field well_fields[] = {
    {.id = WELL_NAME,
     .name = "name",
     .label = "名称",
     .help = "what people call it",
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .required = true,
     .search = SEARCH_PART,
     .heading = "NAME"},
    {.id = WELL_VILLAGE,
     .name = "village",
     .label = "村",
     .help = "where it is",
     .type = FIELD_DIVISION,
     .rule = MERGE_MULTI,
     .required = true,
     .limit = DIVISION_VILLAGE},
    {.id = WELL_KEEPER,
     .name = "keeper",
     .label = "看护人",
     .help = "who looks after it",
     .type = FIELD_RECORD,
     .rule = MERGE_MULTI,
     .names = REGISTER_PERSON,
     .heading = "KEEPER"},
    {.id = WELL_DEPTH,
     .name = "depth",
     .label = "深度",
     .help = "metres",
     .type = FIELD_COUNT,
     .rule = MERGE_MULTI,
     .limit = 1000,
     .heading = "DEPTH"},
    {.id = WELL_DIGS,
     .name = "digs",
     .label = "次数",
     .help = "how often it was dug at",
     .type = FIELD_COUNT,
     .rule = MERGE_MULTI,
     .heading = "DIGS",
     .computed = true,
     .filters = true},
};

static const struct choice dig_kinds[] = {
    {1, "deepen", "加深"},
    {2, "fill", "填平"},
    {0, NULL, NULL},
};

static const struct field dig_fields[] = {
    {.id = DIG_WELL,
     .name = "well",
     .label = "水井",
     .help = "which well",
     .type = FIELD_RECORD,
     .rule = MERGE_ONCE,
     .required = true,
     .names = REGISTER_WELL},
    {.id = DIG_WHAT,
     .name = "what",
     .label = "做法",
     .help = "what was done",
     .type = FIELD_CHOICE,
     .rule = MERGE_ONCE,
     .required = true,
     .choices = dig_kinds,
     .heading = "WHAT"},
    {.id = DIG_METRES,
     .name = "metres",
     .label = "米数",
     .help = "how deep",
     .type = FIELD_COUNT,
     .rule = MERGE_ONCE,
     .limit = 100,
     .heading = "METRES"},
    {.id = DIG_SEEN,
     .name = "seen",
     .label = "所见",
     .help = "what whoever wrote had seen",
     .type = FIELD_RECORD,
     .rule = MERGE_SET,
     .names = REGISTER_DIG,
     .seen = true},
};

static const struct step well_steps[] = {
    {.word = "deepen",
     .choice = 1,
     .fields = FIELD_BIT(DIG_METRES),
     .needed = FIELD_BIT(DIG_METRES),
     .words = {.help = "dig deeper"}},
    {.word = "fill", .choice = 2, .words = {.help = "fill it in"}},
    {.word = NULL},
};

static const struct step errand_steps[] = {
    {.word = "finish",
     .choice = 2,
     .fields = FIELD_BIT(ERRAND_HISTORY),
     .words = {.help = "it is done"}},
    {.word = NULL},
};

static void well_compute(struct record_view *record, struct store_txn *txn,
                         struct arena *arena)
{
    (void)txn;
    struct field_view *digs = &record->fields[WELL_DIGS];
    uint8_t *count = arena_alloc(arena, 1);
    *count = (uint8_t)record->steps->count; /* msgpack's small number */
    digs->versions = arena_alloc(arena, sizeof *digs->versions);
    digs->versions[0].value = slice_of(count, 1);
    digs->count = 1;
}

static const struct field errand_fields[] = {
    {.id = ERRAND_PERSON,
     .name = "person",
     .label = "服务对象",
     .help = "for whom",
     .type = FIELD_RECORD,
     .rule = MERGE_ONCE,
     .required = true,
     .names = REGISTER_PERSON,
     .heading = "PERSON"},
    {.id = ERRAND_DUE,
     .name = "due",
     .label = "期限",
     .help = "until when",
     .type = FIELD_DATE,
     .rule = MERGE_MULTI,
     .required = true,
     .heading = "DUE"},
    {.id = ERRAND_STATE,
     .name = "state",
     .label = "状态",
     .help = "whether it is done",
     .type = FIELD_CHOICE,
     .rule = MERGE_MULTI,
     .choices = errand_states,
     .heading = "STATE"},
    {.id = ERRAND_GOODS,
     .name = "goods",
     .label = "物品",
     .help = "what to bring",
     .type = FIELD_TEXT,
     .rule = MERGE_SET,
     .search = SEARCH_PART,
     .heading = "GOODS"},
    {.id = ERRAND_HISTORY,
     .name = "history",
     .label = "经过",
     .help = "what happened",
     .type = FIELD_TEXT,
     .rule = MERGE_LOG},
};

static const struct field fund_fields[] = {
    {.id = FUND_NAME,
     .name = "name",
     .label = "名称",
     .help = "what it is called",
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .required = true,
     .search = SEARCH_PART,
     .heading = "NAME"},
    {.id = FUND_FEN,
     .name = "fen",
     .label = "金额",
     .help = "how much",
     .type = FIELD_COUNT,
     .rule = MERGE_MULTI,
     .heading = "FEN"},
};

static const struct field gift_fields[] = {
    {.id = GIFT_FUND,
     .name = "fund",
     .label = "基金",
     .help = "from which fund",
     .type = FIELD_RECORD,
     .rule = MERGE_ONCE,
     .required = true,
     .names = REGISTER_FUND,
     .heading = "FUND"},
    {.id = GIFT_PERSON,
     .name = "person",
     .label = "受益人",
     .help = "to whom",
     .type = FIELD_RECORD,
     .rule = MERGE_ONCE,
     .names = REGISTER_PERSON,
     .heading = "PERSON"},
    {.id = GIFT_DATE,
     .name = "date",
     .label = "日期",
     .help = "when",
     .type = FIELD_DATE,
     .rule = MERGE_ONCE,
     .required = true,
     .heading = "DATE"},
    {.id = GIFT_GOODS,
     .name = "goods",
     .label = "物品",
     .help = "what was given",
     .type = FIELD_TEXT,
     .rule = MERGE_SET,
     .heading = "GOODS"},
    {.id = GIFT_AMENDS,
     .name = "amends",
     .label = "更正",
     .help = "what it replaces",
     .type = FIELD_RECORD,
     .rule = MERGE_ONCE,
     .names = REGISTER_GIFT},
    {.id = GIFT_CODE,
     .name = "code",
     .label = "暗号",
     .help = "a secret",
     .type = FIELD_SEALED,
     .rule = MERGE_ONCE,
     .search = SEARCH_WHOLE},
};

static const struct field round_fields[] = {
    {.id = ROUND_NAME,
     .name = "name",
     .label = "名称",
     .help = "what it is called",
     .type = FIELD_TEXT,
     .rule = MERGE_MULTI,
     .required = true,
     .search = SEARCH_PART,
     .heading = "NAME"},
    {.id = ROUND_DATE,
     .name = "date",
     .label = "日期",
     .help = "when",
     .type = FIELD_DATE,
     .rule = MERGE_MULTI,
     .heading = "DATE"},
};

#define ALL_BUT(verbs) ((VERB_BIT(VERBS) - 1) & ~(verbs))

#define MORE_REGISTERS                                                                   \
    {.id = REGISTER_WELL,                                                                \
     .name = "well",                                                                     \
     .label = "水井",                                                                    \
     .realm = REALM_TOWNSHIP,                                                            \
     .lane = LANE_RECORD,                                                                \
     .writers = DIVISION_VILLAGE,                                                        \
     .verbs = ALL_BUT(VERB_BIT(VERB_AMEND)),                                             \
     .subject_field = FIELD_NONE,                                                        \
     .amends_field = FIELD_NONE,                                                         \
     .name_field = WELL_NAME,                                                            \
     .place_field = WELL_VILLAGE,                                                        \
     .date_field = FIELD_NONE,                                                           \
     .compute = well_compute,                                                            \
     .steps = well_steps,                                                                \
     .step_register = REGISTER_DIG,                                                      \
     .step_field = DIG_WHAT,                                                             \
     .add_word = "sink",                                                                 \
     .fields = well_fields,                                                              \
     .field_count = ARRAY_SIZE(well_fields)},                                            \
        {.id = REGISTER_ERRAND,                                                          \
         .name = "errand",                                                               \
         .label = "代办",                                                                \
         .realm = REALM_TOWNSHIP,                                                        \
         .lane = LANE_RECORD,                                                            \
         .writers = DIVISION_VILLAGE,                                                    \
         .verbs = ALL_BUT(VERB_BIT(VERB_AMEND)),                                         \
         .subject_field = ERRAND_PERSON,                                                 \
         .amends_field = FIELD_NONE,                                                     \
         .name_field = FIELD_NONE,                                                       \
         .place_field = FIELD_NONE,                                                      \
         .date_field = ERRAND_DUE,                                                       \
         .steps = errand_steps,                                                          \
         .step_field = ERRAND_STATE,                                                     \
         .fields = errand_fields,                                                        \
         .field_count = ARRAY_SIZE(errand_fields)},                                      \
        {.id = REGISTER_FUND,                                                            \
         .name = "fund",                                                                 \
         .label = "基金",                                                                \
         .realm = REALM_COUNTY,                                                          \
         .lane = LANE_RECORD,                                                            \
         .writers = DIVISION_COUNTY,                                                     \
         .verbs = ALL_BUT(VERB_BIT(VERB_AMEND)),                                         \
         .subject_field = FIELD_NONE,                                                    \
         .amends_field = FIELD_NONE,                                                     \
         .name_field = FUND_NAME,                                                        \
         .place_field = FIELD_NONE,                                                      \
         .date_field = FIELD_NONE,                                                       \
         .fields = fund_fields,                                                          \
         .field_count = ARRAY_SIZE(fund_fields)},                                        \
        {.id = REGISTER_GIFT,                                                            \
         .name = "gift",                                                                 \
         .label = "捐赠",                                                                \
         .realm = REALM_COUNTY,                                                          \
         .lane = LANE_RECORD,                                                            \
         .writers = DIVISION_TOWNSHIP,                                                   \
         .verbs = ALL_BUT(VERB_BIT(VERB_SET)),                                           \
         .subject_field = GIFT_FUND,                                                     \
         .amends_field = GIFT_AMENDS,                                                    \
         .name_field = FIELD_NONE,                                                       \
         .place_field = FIELD_NONE,                                                      \
         .date_field = GIFT_DATE,                                                        \
         .fields = gift_fields,                                                          \
         .field_count = ARRAY_SIZE(gift_fields)},                                        \
        {.id = REGISTER_ROUND,                                                           \
         .name = "round",                                                                \
         .label = "巡查",                                                                \
         .realm = REALM_HOME,                                                            \
         .lane = LANE_RECORD,                                                            \
         .writers = DIVISION_VILLAGE,                                                    \
         .verbs = ALL_BUT(VERB_BIT(VERB_AMEND)),                                         \
         .subject_field = FIELD_NONE,                                                    \
         .amends_field = FIELD_NONE,                                                     \
         .name_field = ROUND_NAME,                                                       \
         .place_field = FIELD_NONE,                                                      \
         .date_field = ROUND_DATE,                                                       \
         .fields = round_fields,                                                         \
         .field_count = ARRAY_SIZE(round_fields)},                                       \
        {.id = REGISTER_DIG,                                                             \
         .name = "dig",                                                                  \
         .label = "掘井",                                                                \
         .realm = REALM_TOWNSHIP,                                                        \
         .lane = LANE_RECORD,                                                            \
         .writers = DIVISION_VILLAGE,                                                    \
         .subject_field = DIG_WELL,                                                      \
         .amends_field = FIELD_NONE,                                                     \
         .name_field = FIELD_NONE,                                                       \
         .place_field = FIELD_NONE,                                                      \
         .date_field = FIELD_NONE,                                                       \
         .fields = dig_fields,                                                           \
         .field_count = ARRAY_SIZE(dig_fields)},

#include "crdt/schema_table.c" /* NOLINT(bugprone-suspicious-include): with more rows */
