/* id_number.h - identity numbers of GB 11643: 6 digits of a division, 8 of the birth date, 3
 * of order whose last is odd for men, and a check character of ISO 7064 MOD 11-2. */
#ifndef LINLI_CRDT_ID_NUMBER_H
#define LINLI_CRDT_ID_NUMBER_H

#include "crdt/base.h"

#define ID_NUMBER_SIZE 18

/* Reads a number as people and spreadsheets write it: narrow text (normal.h), with blanks,
 * hyphens, a lower-case x, or a guard that keeps a spreadsheet from rounding it ('… or ="…").
 * ERR_ID_NUMBER_DAMAGED where a spreadsheet has rounded it, ERR_ID_NUMBER_OLD for the 15
 * digits given before 2000, ERR_ID_NUMBER_FORM for another length or other characters,
 * ERR_ID_NUMBER_DATE where the birth date does not exist, ERR_ID_NUMBER where the check
 * character is wrong. */
MUST_USE enum status id_number_read(struct slice narrow, uint8_t number[ID_NUMBER_SIZE]);

/* What a sound number says of its holder. */
int64_t id_number_birth(const uint8_t number[ID_NUMBER_SIZE]); /* days since 1970 */
bool id_number_is_male(const uint8_t number[ID_NUMBER_SIZE]);

#endif
