/* table.h - lists and single records for people, from encoded values (crdt/codec.h).
 *
 * Widths are measured by libsmartcols, which knows wide characters; marks and state words
 * are letters, no signs. What is absent is shown by a word or a dash, never as a number. */
#ifndef LINLI_TOOLS_TABLE_H
#define LINLI_TOOLS_TABLE_H

#include "crdt/schema.h"
#include "tools/terminal.h"

enum column_kind {
    COLUMN_TEXT,   /* text, a list of texts, yes / no, or a number as it is */
    COLUMN_COUNT,  /* a number, to the right */
    COLUMN_ID,     /* the shortest prefix that is unique in its column, 4 or more */
    COLUMN_AGE,    /* Unix ms -> how long ago: "4 s", "26 h" */
    COLUMN_MOMENT, /* Unix ms -> 2026-05-31 14:05, Beijing time */
    COLUMN_BYTES,  /* a number -> 312 MB */
    COLUMN_HEX,    /* the first 16 digits of a hash */
    COLUMN_STATE,  /* a word of ours, translated; those that ask for attention coloured */
    COLUMN_CHOICE, /* a choice of the field that the key names; Chinese by its label */
    COLUMN_PLACE,  /* the code of a place -> its name */
    COLUMN_MARKS,  /* of a whole record: conflict, voided, amended, incomplete */
};

struct column {
    const char *key;
    const char *title; /* passed through gettext where printed */
    enum column_kind kind;
    const char *absent; /* for nil; NULL: "-" */
    unsigned rank;      /* where a terminal is too narrow the greatest go; 0: never */
};

/* An encoded array of maps as a table with a header. An empty list prints nothing. On a
 * terminal that is too narrow, columns are left out by their rank, which is said, and texts
 * are broken where that is not enough; marks have a column only where something is marked. */
void table_print(const struct terminal *terminal, const struct column *columns,
                 struct slice list);
/* The same where codes of places have their names in `places`, a list of maps by code; the
 * names say the township where the list spans several. */
void table_print_places(const struct terminal *terminal, const struct column *columns,
                        struct slice list, struct slice places);
/* The same of records of one register, whose choices have its labels. NULL: of none. */
void table_print_records(const struct terminal *terminal,
                         const struct schema_register *reg, const struct column *columns,
                         struct slice list, struct slice places);
/* The name of the place with that code, in the arena; NULL where it is not in the list. */
const char *place_name(struct slice places, uint64_t code, struct arena *arena);

/* Lines of label and value, aligned; any number of them. */
struct lines;
struct lines *lines_begin(const struct terminal *terminal);
void lines_add(struct lines *lines, const char *label, const char *value);
void lines_end(struct lines *lines); /* prints and frees */

/* One value in words, in the arena. `column` gives kind and word for nil. */
const char *value_words(const struct terminal *terminal, const struct column *column,
                        struct slice value, struct arena *arena);

/* A value of the field in words: for those who read Chinese choices by their labels, several
 * joined by 、; anything else as it came. In the arena. */
const char *choice_words(const struct field *field, const char *words,
                         struct arena *arena);

#define WORDS_SIZE 32
/* "4 s", "3 min", "26 h", "12 d" */
void age_words(uint64_t ms, char words[WORDS_SIZE]);
void bytes_words(uint64_t bytes, char words[WORDS_SIZE]); /* "312 MB" */
void moment_words(uint64_t unix_ms, char words[WORDS_SIZE]);
/* "1 log", "2 logs": `one` and `many` hold a %llu and are translated by ngettext. */
void counted(char words[WORDS_SIZE], uint64_t number, const char *one, const char *many);

/* Days and moments as people type them, where those leave something out -> in full, as
 * crdt/calendar.h reads them:
 *
 *   a day      今天 今日 today, 昨天 昨日 yesterday, 前天, 明天 tomorrow; 11-26, 11/26, 11.26,
 *              11月26日: of this year, or of last year where this year's is more than half
 *              a year ahead
 *   a moment   a day so or in full and then a time, or 14:05 of today, 现在 now
 *
 * All in county time (UTC+8), from `now_ms`, whatever the machine's zone. False for what is
 * none of these, which may be a date in full. */
#define TIME_TYPED_SIZE 24
MUST_USE bool time_read(struct slice typed, enum field_type type, uint64_t now_ms,
                        char full[TIME_TYPED_SIZE]);

/* The month in full, 2026-11, where 11, 11月, 本月 or 上月 (this, last) was typed: of this year, or
 * of last year where this year's is to come. False for what is none of these. */
#define MONTH_TYPED_SIZE 8
MUST_USE bool month_read(struct slice typed, uint64_t now_ms,
                         char full[MONTH_TYPED_SIZE]);

/* ---- reading encoded maps where absent is an answer ---- */

/* In the arena; NULL where the key is absent, nil or no text. */
const char *map_text(struct slice map, const char *key, struct arena *arena);
bool map_uint(struct slice map, const char *key, uint64_t *number);
bool map_bool(struct slice map, const char *key); /* false where absent */
/* The encoded list or map under `key`; an empty one where there is none. */
struct slice map_list(struct slice map, const char *key);
struct slice map_map(struct slice map, const char *key);
size_t list_count(struct slice list);

/* Elements of an encoded array, in turn. */
struct list_walk {
    struct slice rest;
    size_t left;
};
struct list_walk list_walk_begin(struct slice list);
bool list_walk_next(struct list_walk *walk, struct slice *element);

#endif
