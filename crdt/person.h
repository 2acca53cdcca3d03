/* person.h - what a person's record means beyond its fields. */
#ifndef LINLI_CRDT_PERSON_H
#define LINLI_CRDT_PERSON_H

#include "crdt/view.h"

/* Whether the record holds nothing for itself any more: who died, and who moved and was
 * entered anew where they live now. */
bool person_ended(const struct record_view *person);

/* Since which day the shown status holds: as stated with it or after it, else when it was
 * written. A day that was stated for an earlier status says nothing of this one. False where
 * there is no status. */
MUST_USE bool person_status_since(const struct record_view *person, int64_t *day);

/* The last minute that a person who died lived, as far as it is stated: of the day in
 * status_since, else when the status was written. False for whoever lives. */
MUST_USE bool person_died(const struct record_view *person, int64_t *minutes);

/* Whether birth, sex and identity number agree with each other and with the time. Otherwise
 * (which insisting lets pass) ERR_TO_COME, ERR_TOO_OLD, ERR_ID_NUMBER_BIRTH or
 * ERR_ID_NUMBER_SEX, and the field at fault. */
MUST_USE enum status person_agrees(const struct record_view *person,
                                   const struct record_view *subject,
                                   const struct occasion *occasion, uint8_t *field);

#endif
