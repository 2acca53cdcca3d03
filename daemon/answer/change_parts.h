/* change_parts.h - what the files that turn arguments into a change share; nobody else
 * includes it. */
#ifndef LINLI_DAEMON_CHANGE_PARTS_H
#define LINLI_DAEMON_CHANGE_PARTS_H

#include "daemon/answer/change.h"

/* One change while its arguments are read. */
struct reading {
    struct change *change;
    const struct schema_register *reg;     /* whose records are written */
    const struct step *step;               /* NULL: no verb of a register's own */
    const struct schema_register *stepped; /* the register whose verb it is */
    struct write *write;
    struct write_value *values;
    size_t count, capacity;
    bool seen[FIELDS_MAX];  /* fields that were given, emptied ones too */
    bool empty_clears;      /* an empty value takes away what is there */
    struct buffer fits;     /* records that fit a short id or a name, in words */
    uint64_t subject_realm; /* of the record that the subject field names; 0: none */
};

/* Sets what a refusal is about, and returns the refusal. */
enum status change_refuse(struct change *change, enum status status,
                          struct slice subject);
/* The same for a record that was asked for by `text`: of several it names which. */
enum status change_refuse_unresolved(struct reading *reading, enum status status,
                                     struct slice text);

/* `value` is encoded and lives as long as the change. */
void change_add_value(struct reading *reading, uint8_t field, bool remove,
                      struct slice value);
/* The value that was encoded into the change's scratch buffer. */
void change_add_encoded(struct reading *reading, uint8_t field);
/* A field as it was given, text or texts. */
enum status change_take_field(struct reading *reading, struct slice name,
                              struct slice given);

/* The commands that are no verb of a register: conflict.resolve (change_settle.c),
 * person.merge and person.unmerge (change_merge.c), month.close (change_close.c). */
enum status change_settle(struct reading *reading, struct slice args);
enum status change_merge(struct reading *reading, struct slice args);
enum status change_unmerge(struct reading *reading, struct slice args);
enum status change_close(struct reading *reading, struct slice args);

#endif
