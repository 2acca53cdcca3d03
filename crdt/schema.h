/* schema.h - one table declares every register; validation, command options, JSON names,
 * list columns, search and help text all come from it. A new register is
 * an id in the enum below and a table entry (with steps of its own also the function that folds
 * them), and where a county's nodes run already also a
 * higher SCHEMA_LEVEL: a node that kept entries of the register before it knew it reads
 * them again after its upgrade. What is derived from several of its fields (whether a
 * visit counts) is a function that the entry names. Ids of registers, fields and choices
 * are never reused. */
#ifndef LINLI_CRDT_SCHEMA_H
#define LINLI_CRDT_SCHEMA_H

#include "crdt/base.h"
#include "crdt/division.h"
#include "crdt/id.h"

/* Goes up when the fold of already written entries would change, also because a register,
 * field or choice is new; a part of "same entries, same state". Not before the first release:
 * no entries stand anywhere. */
#define SCHEMA_LEVEL 1

enum register_id {
    REGISTER_PERSON = 1,
    REGISTER_VISIT = 2,
    REGISTER_OPERATOR = 3,
    REGISTER_MONTH = 12,
    REGISTER_VOLUNTEER = 4,
    REGISTER_ORDER = 5,
    REGISTER_ORDER_STEP = 6,
    REGISTER_LEAD = 7,
    REGISTER_LEAD_STEP = 8,
    REGISTER_NEED = 9,
    REGISTER_RESOURCE = 10,
    REGISTER_PROJECT = 11,
};

enum realm_level {
    REALM_TOWNSHIP, /* of the township where it lies                    */
    REALM_COUNTY,
    REALM_HOME, /* of the node that writes: a township or the county */
};

/* How concurrent writes of a field combine. Which of several values is displayed is the
 * view's choice, not a merge rule. */
enum merge_rule {
    MERGE_ONCE,  /* immutable: only the creating entry counts                           */
    MERGE_MULTI, /* a write names the versions it replaces; concurrent ones stay        */
    MERGE_SET,   /* observed-remove: a removal names the additions it has seen          */
    MERGE_LOG,   /* grow-only, in the order of (stamp, entry id)                        */
};

/* clang-format off */
/* Encoded (codec.h) as:           typed and shown as:                                   */
enum field_type {
    FIELD_TEXT,     /* text          text                                                */
    FIELD_DATE,     /* int, days since 1970-01-01 (Beijing)  2026-05-31                  */
    FIELD_MOMENT,   /* int, minutes since 1970-01-01T00:00 Beijing  2026-05-31 14:05     */
    FIELD_CHOICE,   /* uint          one of the field's choices, by name or label        */
    FIELD_COUNT,    /* uint          a whole number, `limit` is the greatest             */
    FIELD_DIVISION, /* uint          the 6-, 9- or 12-digit code                         */
    FIELD_RECORD,   /* bytes 12      an id                                               */
    FIELD_CHECK,    /* true, or text: fine ("ok"), or the problem in words               */
    FIELD_SEALED,   /* bytes: tag 16, ciphertext; typed as text. Sealed by net/          */
    FIELD_FLAG,     /* bool          yes / no                                            */
};
/* clang-format on */

/* What a text must look like, beyond being text. */
enum text_form {
    TEXT_FREE,      /* one line */
    TEXT_LINES,     /* several: notes */
    TEXT_ID_NUMBER, /* 18 characters of GB 11643: birth date and check character fit */
    TEXT_PHONES,    /* a telephone number: holds a digit at least */
};

/* How `find` looks into a field (crdt/search.h). */
enum search_kind {
    SEARCH_NONE,
    SEARCH_PART,   /* any part of the text in its normal form */
    SEARCH_WHOLE,  /* FIELD_SEALED: the whole text only, by its tag */
    SEARCH_NAME,   /* as SEARCH_PART, and by readings and initials */
    SEARCH_DIGITS, /* telephones: the digits alone */
};

/* Fields whose values are looked up when a record is written (crdt/lookup.h). */
enum lookup {
    LOOKUP_NONE,
    LOOKUP_KEY,       /* of another system: whoever comes again is known */
    LOOKUP_UNIQUE,    /* belongs to one record that has not ended */
    LOOKUP_DATED_KEY, /* of a thing in another system that is heard of again and again:
                         with the register's date it makes a record known */
    LOOKUP_SAME,      /* a record that is the same as this one: found from either */
    LOOKUP_ALIKE,     /* two that agree in all such fields are probably entered twice */
};

struct choice {
    uint8_t id;        /* from 1 */
    const char *name;  /* English key for JSON and typing: "high" */
    const char *label; /* "高风险" */
};

struct field {
    uint8_t id;        /* its place in the operation's array, from 0 */
    const char *name;  /* JSON key and option: "birth" */
    const char *label; /* "出生日期" */
    const char *help;  /* English, through gettext */
    enum field_type type;
    enum merge_rule rule;
    bool required;  /* when creating */
    uint32_t limit; /* characters, or greatest number; FIELD_DIVISION: the level it
                           must have; 0: the type's own */
    const struct choice *choices; /* ended by a row without name; NULL otherwise */
    bool safest_first; /* in a conflict the choice with the lower id is displayed: the one
                           by which nobody is left out */
    enum text_form form; /* FIELD_TEXT, FIELD_SEALED and FIELD_CHECK */
    uint8_t names;       /* FIELD_RECORD: id of the register whose record it names */
    enum search_kind search;
    const char *also; /* other headings of its column in people's spreadsheets, separated
                            by |; NULL: none */
    const char *heading; /* of its column in lists, through gettext; NULL: none */
    unsigned rank; /* of that column: on a narrow terminal the greatest go; 0: never */
    enum lookup lookup;
    bool
        tells_apart; /* two records of a chain that agree in all such fields are one event
                         entered twice */
    bool computed; /* follows from the record's other fields and its steps; nobody writes
                         it, and what an entry says of it is not read */
    bool seen;     /* MERGE_SET: the engine puts in the records of the chain that no other
                         names so: what whoever writes has seen */
    bool apart; /* written by a command of its own alone; shown are the records that this
                      one is merged with (crdt/same) */
    bool
        gives_place; /* FIELD_RECORD: a record without a place lies where that one does */
    bool filters;    /* lists take it as an option: only records with this value */
};
#define FIELD_BIT(id) (1u << (id))

#define FIELDS_MAX 32
#define FIELD_NONE 0xff
#define SET_VALUES_MAX 64 /* values of a set in one write; a person has a dozen phones */

/* Field ids, for views that ask for one field. Common ones come first: absent values at the
 * end of a record cost nothing. */
enum person_field {
    PERSON_NAME,
    PERSON_VILLAGE,
    PERSON_SEX,
    PERSON_BIRTH,
    PERSON_TIER,
    PERSON_CATEGORIES,
    PERSON_STATUS,
    PERSON_ADDRESS,
    PERSON_PHONES,
    PERSON_ID_NUMBER,
    PERSON_ABILITY,
    PERSON_ABILITY_DATE,
    PERSON_CONTACTS,
    PERSON_CONSENT,
    PERSON_STATUS_SINCE,
    PERSON_EXTERNAL_KEY,
    PERSON_NOTE,
    PERSON_SAME_AS,
};
enum visit_field {
    VISIT_PERSON,
    VISIT_WHEN,
    VISIT_METHOD,
    VISIT_OUTCOME,
    VISIT_MINUTES,
    VISIT_HEALTH, /* the five checks */
    VISIT_FINANCES,
    VISIT_SUPPORT,
    VISIT_SAFETY,
    VISIT_NEEDS,
    VISIT_VISITORS,
    VISIT_FOLLOW_UP,
    VISIT_NOTE,
    VISIT_AMENDS,
    VISIT_EXTERNAL_KEY,
};
enum operator_field {
    OPERATOR_NUMBER,
    OPERATOR_ACCOUNT,
    OPERATOR_NAME,
    OPERATOR_ROLE,
    OPERATOR_ACTIVE,
    OPERATOR_PHONE,
};

enum month_field {
    MONTH_PLACE,
    MONTH_MONTH,
    MONTH_DUE,
    MONTH_VISITED,
    MONTH_FIGURES,
    MONTH_POLICY,
    MONTH_LOGS,
    MONTH_ENTRIES,
    MONTH_HEADS,
    MONTH_ENDS,
    MONTH_MISSING,
};

/* Choice ids that views ask for. */
enum sex { SEX_MALE = 1, SEX_FEMALE };
enum tier { TIER_HIGH = 1, TIER_KEY, TIER_GENERAL };
enum person_status {
    PERSON_ENROLLED = 1, /* visits are due; the others exempt, in this order of caution */
    PERSON_AWAY,
    PERSON_IN_HOSPITAL,
    PERSON_IN_INSTITUTION,
    PERSON_MOVED,
    PERSON_DECEASED,
};
enum visit_method { METHOD_HOME = 1, METHOD_PHONE, METHOD_VIDEO };
enum visit_outcome {
    OUTCOME_MET = 1,
    OUTCOME_ABSENT,
    OUTCOME_REFUSED,
    OUTCOME_IN_HOSPITAL,
    OUTCOME_AWAY,
    OUTCOME_ANSWERED, /* a phone or video call was answered */
};

/* What people can do with a register; each is a command, "person add". */
enum verb {
    VERB_ADD,
    VERB_SHOW,
    VERB_LIST,
    VERB_SET,
    VERB_AMEND, /* needs an amends_field */
    VERB_FIND,  /* needs a searched field */
    VERB_VOID,
    VERB_STEP, /* a verb of the register's own; has no bit */
};
#define VERBS 7 /* without VERB_STEP */
#define VERB_BIT(verb) (1u << (verb))
extern const char *const schema_verbs[VERBS]; /* their words: "add" */

/* What help says of a verb; all English, through gettext. */
struct verb_words {
    const char *help;    /* one line; NULL: the verb's general words */
    const char *more;    /* a paragraph, or NULL */
    const char *example; /* a command line, or NULL */
};

struct record_view;
struct store_txn;

/* A verb of a register's own: "order assign". It enters a record of the register's step
 * register, whose subject is the record that is named, or, where that is none, changes the
 * record itself; the step field becomes `choice`. */
struct step {
    const char *word; /* "assign" */
    uint8_t choice;   /* of the step field; 0: it says nothing of that */
    bool proposes;    /* without any field it lists what could be matched */
    uint32_t fields;  /* FIELD_BITs of the options */
    uint32_t needed;  /* of them, those that must be given */
    /* Why it cannot follow on the record as it stands, or OK. NULL: it always can. For steps
     * that change the record itself, of which `agrees` sees only what it becomes. */
    enum status (*follows)(const struct record_view *record);
    struct verb_words words;
};

/* What follows from several fields of a record at once, shown beside them. */
struct derived {
    const char *name;    /* JSON key: "counts" */
    const char *heading; /* of its column, through gettext */
    unsigned rank;       /* as a field's */
    bool (*holds)(const struct record_view *record, int64_t now); /* as in occasion */
};

/* What is written is judged against. */
struct occasion {
    int64_t now; /* minutes as in a FIELD_MOMENT; INT64_MAX: the clock is not set */
    bool insist; /* whoever writes was asked already */
    struct log_name log;  /* of the register's own lane; what is urgent lies in another */
    uint32_t actor;       /* who writes, by the number in that incarnation */
    struct slice account; /* and by name */
    struct store_txn *txn; /* reading */
};

struct schema_register {
    uint8_t id;
    const char *name;  /* "person" */
    const char *label; /* "服务对象" */
    enum realm_level realm;
    uint8_t lane;
    /* Whether what is written of the record, or of a step's subject, goes by the urgent lane
     * instead. Entries count in either. NULL: never. */
    bool (*urgent)(const struct record_view *record);
    /* Who may write, beside the realm's own rule: nodes of this level and above. */
    enum division_level writers;
    unsigned verbs; /* VERB_BITs; none: written by the engine, or by steps */
    uint8_t
        subject_field; /* the FIELD_RECORD that names the subject; FIELD_NONE: itself */
    uint8_t
        amends_field; /* the FIELD_RECORD naming what this one replaces; or FIELD_NONE */
    uint8_t name_field;  /* by which people know a record; or FIELD_NONE */
    uint8_t place_field; /* FIELD_DIVISION: where the record belongs; FIELD_NONE: where
                            its subject does, or nowhere within its realm */
    uint8_t date_field;  /* FIELD_DATE or FIELD_MOMENT that --from and --to compare and
                            lists are ordered by; or FIELD_NONE */
    const struct field *fields;
    size_t field_count;
    /* Whether what is to be written agrees with itself and with its subject (NULL where the
     * record is its own), and with the time it is; otherwise why not, and the field at
     * fault. Sealed fields hold their text, where it can be read. NULL: always. */
    enum status (*agrees)(const struct record_view *record,
                          const struct record_view *subject,
                          const struct occasion *occasion, uint8_t *field);
    /* Whether a record keeps no unique value to itself any more; NULL: never. */
    bool (*ended)(const struct record_view *record);
    const struct derived *derived; /* ended by a row without name; NULL: nothing is */
    /* Fills the computed fields of a record whose steps are read. NULL: it has none. Several
     * values of a computed MERGE_MULTI field are listed as a conflict; of a MERGE_ONCE field
     * there never are. */
    void (*compute)(struct record_view *record, struct store_txn *txn,
                    struct arena *arena);
    const struct step *steps; /* ended by a row without word; NULL: none */
    uint8_t step_register;    /* of what they enter; 0: they change the record */
    uint8_t step_field;       /* FIELD_CHOICE of that register */
    const char *add_word;     /* how VERB_ADD is typed: "request"; NULL: "add" */
    struct verb_words words[VERBS];
};

/* The table, a family of registers a file: schema_table.c, schema_orders.c, ... */
struct schema_family {
    const struct schema_register *registers;
    size_t count;
};
extern const struct schema_family schema_care, schema_leads, schema_orders, schema_lists;

const struct schema_register *schema_register(uint8_t id);              /* or NULL */
const struct schema_register *schema_register_named(struct slice name); /* or NULL */
const struct schema_register *schema_register_at(size_t index); /* NULL past the end */
bool schema_has_verb(const struct schema_register *reg, enum verb verb);
/* "person.add" -> the register and the verb, "order.assign" -> also the step, which is NULL
 * for other verbs; false where there is no such command. */
MUST_USE bool schema_command(struct slice text, const struct schema_register **reg,
                             enum verb *verb, const struct step **step);
/* The register whose records the steps write: its step register, or itself. */
const struct schema_register *schema_steps(const struct schema_register *reg);
/* Whether entries of the register count in that lane. */
bool schema_lane_fits(const struct schema_register *reg, uint8_t lane);
/* The register whose records are this one's subjects; NULL: its own. */
const struct schema_register *schema_subject(const struct schema_register *reg);
bool schema_realm_fits(const struct schema_register *reg, uint64_t realm);
/* Whether people's concurrent writes of one of its fields can stand side by side. */
bool schema_can_conflict(const struct schema_register *reg);
size_t schema_derived_count(const struct schema_register *reg);
bool schema_tells_apart(const struct schema_register *reg); /* whether any field does */
const struct field *schema_field(const struct schema_register *reg, uint8_t id);
const struct field *schema_field_named(const struct schema_register *reg,
                                       struct slice name); /* by name or label */

/* By what heads its column in a spreadsheet: name, label or one of `also`, whatever their
 * width, case and blanks. NULL: none. `heading` is clean text. */
const struct field *schema_field_headed(const struct schema_register *reg,
                                        struct slice heading);

/* Text as typed -> the encoded value at the end of `out`; blanks around it fall away, and on
 * failure nothing is written. For FIELD_SEALED an encoded text is written (the engine seals
 * it); FIELD_RECORD takes a full id. Validates against the field and, for FIELD_DIVISION,
 * against `divisions` (NULL: form only), where a place is also taken by its name if no other
 * of the wanted level has it; ERR_AMBIGUOUS if one has. Of a MERGE_SET field this reads one value. */
MUST_USE enum status field_parse(const struct field *field, struct slice text,
                                 const struct divisions *divisions, struct buffer *out);

/* How many characters a text of the field may have. */
uint32_t field_characters_max(const struct field *field);

/* The next of several values separated by any of 、 ， , ； ; | or line ends, without the blanks
 * around it; it may be empty. False at the end. */
MUST_USE bool field_next_value(struct slice *text, struct slice *value);

/* The limits frozen in the schema level, which the fold checks on every entry: type, length,
 * range; never the division table or today's rules. */
MUST_USE bool field_value_valid(const struct field *field, struct slice value);

/* The same with its cause: ERR_VERSION for a choice that a newer program knows, otherwise
 * ERR_FIELD_VALUE. Of a MERGE_SET field this checks one value. */
MUST_USE enum status field_value_check(const struct field *field, struct slice value);

/* An encoded value -> text for people at the end of `out`: dates as dates; choices, checks
 * and flags by their name (`labels` false) or label (true). Sealed values as "(hidden)", what
 * does not fit the field as "(unreadable)". */
void field_format(const struct field *field, struct slice value, bool labels,
                  struct buffer *out);

#endif
