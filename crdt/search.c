#include "crdt/search.h"

#include <string.h>

#include "crdt/codec.h"
#include "crdt/normal.h"
#include "crdt/readings.h"

/* ---- characters ---- */

/* Of clean text; what is none ends it. */
static bool take_character(struct slice *in, uint32_t *character)
{
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    uint8_t first;
    size_t size;
    if (in->size == 0)
        return false;
    first = in->data[0];
    size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size > in->size)
        return false;
    *character = size == 1 ? first : (uint32_t)(first & ~lead[size]);
    for (size_t i = 1; i < size; i++)
        *character = *character << 6 | (in->data[i] & 0x3Fu);
    *in = slice_of(in->data + size, in->size - size);
    return true;
}

static bool is_letter(uint32_t character)
{
    return character >= 'a' && character <= 'z';
}

static bool is_digit(uint32_t character)
{
    return character >= '0' && character <= '9';
}

#define LETTERS 26
#define LETTERS_MASK (((search_mask)1 << LETTERS) - 1)

/* Letters have a bit each; what is not ASCII shares the others. */
static search_mask bit_of(uint32_t character)
{
    if (character == 0xFC) /* ü is read as v */
        character = 'v';
    if (is_letter(character))
        return (search_mask)1 << (character - 'a');
    if (character < 0x80)
        return 0;
    return (search_mask)1 << (LETTERS + (character * 2654435761u >> 8) % (64 - LETTERS));
}

static search_mask mask_of_text(struct slice text)
{
    search_mask mask = 0;
    uint32_t character;
    while (take_character(&text, &character))
        mask |= bit_of(character);
    return mask;
}

/* Also all letters by which its characters are read. */
static search_mask mask_of_name(struct slice name)
{
    search_mask mask = 0;
    uint32_t character;
    const char *reading;
    while (take_character(&name, &character)) {
        struct readings_walk walk = {0};
        mask |= bit_of(character);
        while ((reading = readings_next(character, &walk)) != NULL) {
            for (; *reading != '\0'; reading++)
                mask |= bit_of((uint8_t)*reading) | (*reading == 'v' ? bit_of('u') : 0);
        }
    }
    return mask;
}

/* ---- telephones ---- */

/* The digits of a number in its normal form, without the country's +86. */
static void put_digits(struct slice normal, struct buffer *out)
{
    size_t begin = out->size, size;
    bool has_code = normal.size > 0 && normal.data[0] == '+';
    for (size_t i = 0; i < normal.size; i++) {
        if (is_digit(normal.data[i]))
            buffer_put_u8(out, normal.data[i]);
    }
    uint8_t *digits = out->data + begin;
    size = out->size - begin;
    size_t code = 0;
    if (size > 4 && memcmp(digits, "0086", 4) == 0)
        code = 4;
    else if (size > 2 && memcmp(digits, "86", 2) == 0 &&
             (has_code || (size == 13 && digits[2] == '1')))
        code = 2;
    if (code == 0)
        return;
    memmove(digits, digits + code, size - code);
    out->size -= code;
}

#define DIGITS_MIN 3 /* fewer are in every number */

static bool may_be_telephone(struct slice normal)
{
    static const char marks[] = "+-()/";
    size_t digits = 0;
    for (size_t i = 0; i < normal.size; i++) {
        if (is_digit(normal.data[i]))
            digits++;
        else if (normal.data[i] >= 0x80 ||
                 memchr(marks, normal.data[i], sizeof marks - 1) == NULL)
            return false;
    }
    return digits >= DIGITS_MIN;
}

/* ---- what is sought ---- */

static void put_letters(struct slice normal, struct buffer *out)
{
    struct slice rest = normal;
    uint32_t character;
    while (take_character(&rest, &character)) {
        const uint8_t *at = rest.data;
        size_t size = normal.size - rest.size;
        if (character == 0xFC) /* ü */
            buffer_put_u8(out, 'v');
        else if (character != '\'' && character != 0x2019)
            buffer_put(out, at - size, size);
        normal = rest;
    }
}

void search_read(struct slice text, struct arena *arena, struct search *search)
{
    struct buffer normal, other;
    buffer_init(&normal, SIZE_MAX);
    buffer_init(&other, SIZE_MAX);
    normal_put(text, &normal);
    *search = (struct search){.normal = arena_copy(arena, buffer_slice(&normal))};
    put_letters(search->normal, &other);
    search->letters = arena_copy(arena, buffer_slice(&other));
    buffer_clear(&other);
    if (may_be_telephone(search->normal))
        put_digits(search->normal, &other);
    search->digits = arena_copy(arena, buffer_slice(&other));
    search->mask = mask_of_text(search->letters);
    buffer_deinit(&other);
    buffer_deinit(&normal);
}

/* ---- what is found ---- */

enum line_kind { LINE_NAME = 'n', LINE_DIGITS = 'd', LINE_TEXT = 't' };

static search_mask put_line(enum search_kind search, struct slice text,
                            struct buffer *lines)
{
    struct buffer normal;
    search_mask mask = 0;
    buffer_init(&normal, SIZE_MAX);
    normal_put(text, &normal);
    if (search == SEARCH_DIGITS) {
        buffer_put_u8(lines, LINE_DIGITS);
        put_digits(buffer_slice(&normal), lines);
    } else {
        buffer_put_u8(lines, search == SEARCH_NAME ? LINE_NAME : LINE_TEXT);
        buffer_put(lines, normal.data, normal.size);
        mask = search == SEARCH_NAME ? mask_of_name(buffer_slice(&normal))
                                     : mask_of_text(buffer_slice(&normal));
    }
    buffer_put_u8(lines, '\n');
    buffer_deinit(&normal);
    return mask;
}

search_mask search_put_lines(const struct record_view *record, struct buffer *lines)
{
    search_mask mask = 0;
    for (size_t i = 0; i < record->reg->field_count; i++) {
        const struct field_view *field = &record->fields[i];
        if (field->field->search == SEARCH_NONE || field->field->search == SEARCH_WHOLE)
            continue;
        for (size_t k = 0; k < field->count; k++) {
            struct slice value = field->versions[k].value, text;
            if (codec_take_text(&value, &text) && text.size > 0)
                mask |= put_line(field->field->search, text, lines);
        }
    }
    return mask;
}

/* Which places of the sought letters can be reached, a bit each; the first letter is place 0
 * and behind the last one is `size`. */
typedef uint64_t places;
#define PLACES_MAX 63

static bool reads_as(struct slice letters, const char *reading, size_t size)
{
    if (size > letters.size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (letters.data[i] != (uint8_t)reading[i] &&
            !(reading[i] == 'v' && letters.data[i] == 'u'))
            return false;
    }
    return true;
}

/* Where one reading leads from a place: its initial, for zh, ch and sh both spellings, or the
 * whole of it. Whoever is still typing has the beginning of the last one. */
static places after_reading(struct slice letters, const char *reading, bool whole)
{
    size_t size = strlen(reading);
    places reached = 0;
    for (size_t part = 1; part <= size; part++) {
        if (!reads_as(letters, reading, part))
            break;
        if (part == 1 || part == size || (part == 2 && reading[1] == 'h') ||
            (!whole && part == letters.size))
            reached |= (places)1 << part;
    }
    return reached;
}

static places after_character(struct slice letters, uint32_t character,
                              struct slice itself, bool whole)
{
    struct readings_walk walk = {0};
    const char *reading;
    places reached = 0;
    if (itself.size <= letters.size &&
        memcmp(letters.data, itself.data, itself.size) == 0)
        reached |= (places)1 << itself.size;
    while ((reading = readings_next(character, &walk)) != NULL)
        reached |= after_reading(letters, reading, whole);
    return reached;
}

static bool name_fits(struct slice name, struct slice letters, bool whole)
{
    const places end = (places)1 << letters.size;
    places reached = 1;
    struct slice rest = name;
    uint32_t character;
    while (take_character(&rest, &character)) {
        struct slice itself = slice_of(name.data, name.size - rest.size);
        places next = 0;
        for (size_t at = 0; at < letters.size; at++) {
            if ((reached >> at & 1) == 0)
                continue;
            struct slice from = slice_of(letters.data + at, letters.size - at);
            next |= after_character(from, character, itself, whole) << at;
        }
        if (!whole && (next & end) != 0)
            return true;
        reached = whole ? next : next | 1;
        if (reached == 0)
            return false;
        name = rest;
    }
    return (reached & end) != 0;
}

static bool holds(struct slice text, struct slice part)
{
    const uint8_t *at = text.data, *end = text.data + text.size;
    while ((size_t)(end - at) >= part.size) {
        at = memchr(at, part.data[0], (size_t)(end - at) - part.size + 1);
        if (at == NULL)
            return false;
        if (memcmp(at, part.data, part.size) == 0)
            return true;
        at++;
    }
    return false;
}

static bool line_fits(const struct search *search, uint8_t kind, struct slice text,
                      bool whole)
{
    bool may_be_read =
        (search->mask & LETTERS_MASK) != 0 && search->letters.size <= PLACES_MAX;
    switch (kind) {
    case LINE_NAME:
        if (whole)
            return slice_equal(text, search->normal) ||
                   (may_be_read && name_fits(text, search->letters, true));
        return holds(text, search->normal) ||
               (may_be_read && name_fits(text, search->letters, false));
    case LINE_DIGITS:
        return !whole && search->digits.size > 0 && holds(text, search->digits);
    case LINE_TEXT: return !whole && holds(text, search->normal);
    default: return false;
    }
}

bool search_fits(const struct search *search, search_mask mask, struct slice lines,
                 bool whole)
{
    if ((search->mask & ~mask) != 0 || search->normal.size == 0)
        return false;
    while (lines.size > 0) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t size = end != NULL ? (size_t)(end - lines.data) : lines.size;
        if (size > 0 &&
            line_fits(search, lines.data[0], slice_of(lines.data + 1, size - 1), whole))
            return true;
        if (end == NULL)
            return false;
        lines = slice_of(end + 1, lines.size - size - 1);
    }
    return false;
}

/* ---- blocks ---- */

enum {
    BLOCK_SIZE_MAX = 3900, /* with its page's header and its check within one page */
};

static bool take_entry(struct slice *block, struct search_entry *entry)
{
    uint64_t size;
    return slice_take(block, ENTRY_ID_SIZE, entry->person.bytes) &&
           slice_take_u64(block, &entry->mask) && slice_take_varint(block, &size) &&
           size <= block->size && slice_borrow(block, (size_t)size, &entry->lines);
}

static void put_entry(struct buffer *block, const struct entry_id *person,
                      search_mask mask, struct slice lines)
{
    buffer_put(block, person->bytes, ENTRY_ID_SIZE);
    buffer_put_u64(block, mask);
    buffer_put_varint(block, lines.size);
    buffer_put(block, lines.data, lines.size);
}

/* The block in which a person stands or would stand: the last that does not begin after. */
static bool find_block(struct store_txn *txn, const uint8_t key[SUBJECT_KEY_SIZE],
                       struct slice *found_key, struct slice *block)
{
    return store_floor(txn, STORE_SEARCH, slice_of(key, SUBJECT_KEY_SIZE), found_key,
                       block) &&
           found_key->size == SUBJECT_KEY_SIZE && memcmp(found_key->data, key, 8) == 0;
}

/* A block as it is, and where in it a person's entry stands or would stand. */
struct place {
    uint8_t key[SUBJECT_KEY_SIZE];
    struct buffer block;
    size_t at, size; /* of the entry; size 0: there is none */
    bool exists;
};

static void place_find(struct store_txn *txn, uint64_t realm,
                       const struct entry_id *person, struct place *place)
{
    struct slice key, value, rest;
    struct search_entry entry;
    *place = (struct place){.exists = false};
    buffer_init(&place->block, SIZE_MAX);
    subject_key(place->key, realm, person);
    if (!find_block(txn, place->key, &key, &value))
        return;
    place->exists = true;
    memcpy(place->key, key.data, sizeof place->key);
    buffer_put(&place->block, value.data, value.size);
    for (rest = buffer_slice(&place->block); rest.size > 0;) {
        size_t at = place->block.size - rest.size;
        if (!take_entry(&rest, &entry)) {
            store_mark_damaged(txn, STORE_SEARCH);
            return;
        }
        int order = entry_id_compare(&entry.person, person);
        if (order < 0)
            place->at = place->block.size - rest.size;
        if (order == 0)
            place->size = place->block.size - rest.size - at;
        if (order >= 0)
            return;
    }
}

static void write_block(struct store_txn *txn, const uint8_t key[SUBJECT_KEY_SIZE],
                        struct slice block)
{
    if (block.size > 0)
        store_put(txn, STORE_SEARCH, slice_of(key, SUBJECT_KEY_SIZE), block);
    else
        store_delete(txn, STORE_SEARCH, slice_of(key, SUBJECT_KEY_SIZE));
}

/* Writes what is behind `at` under the key of its first entry. */
static void write_rest(struct store_txn *txn, uint64_t realm, struct slice block)
{
    uint8_t key[SUBJECT_KEY_SIZE];
    struct slice rest = block;
    struct search_entry entry;
    if (!take_entry(&rest, &entry))
        return;
    subject_key(key, realm, &entry.person);
    write_block(txn, key, block);
}

/* In the middle of a block that has become too large, between two entries; at the end where
 * the newest person was added, because ids ascend and blocks should be full. */
static size_t split_of(const struct buffer *block, size_t added_at, size_t added_size)
{
    struct slice rest = buffer_slice(block);
    struct search_entry entry;
    if (added_at > 0 && added_at + added_size == block->size)
        return added_at;
    while (take_entry(&rest, &entry) && block->size - rest.size < block->size / 2) {
    }
    return block->size - rest.size;
}

static void place_write(struct store_txn *txn, uint64_t realm, struct place *place,
                        struct slice entry)
{
    struct buffer block;
    struct slice old = buffer_slice(&place->block);
    if (place->size == entry.size && place->size > 0 &&
        memcmp(old.data + place->at, entry.data, entry.size) == 0)
        return;
    buffer_init(&block, SIZE_MAX);
    buffer_put(&block, old.data, place->at);
    buffer_put(&block, entry.data, entry.size);
    buffer_put(&block, old.data + place->at + place->size,
               old.size - place->at - place->size);
    size_t split = block.size;
    if (block.size > BLOCK_SIZE_MAX)
        split = split_of(&block, place->at, entry.size);
    write_block(txn, place->key, slice_of(block.data, split));
    if (split < block.size)
        write_rest(txn, realm, slice_of(block.data + split, block.size - split));
    buffer_deinit(&block);
}

void search_keep(struct store_txn *txn, const struct record_view *person)
{
    struct buffer lines, entry;
    struct place place;
    buffer_init(&lines, SIZE_MAX);
    buffer_init(&entry, SIZE_MAX);
    search_mask mask = search_put_lines(person, &lines);
    put_entry(&entry, &person->id, mask, buffer_slice(&lines));
    place_find(txn, person->realm, &person->id, &place);
    place_write(txn, person->realm, &place, buffer_slice(&entry));
    buffer_deinit(&place.block);
    buffer_deinit(&entry);
    buffer_deinit(&lines);
}

void search_remove(struct store_txn *txn, uint64_t realm, const struct entry_id *person)
{
    struct place place;
    place_find(txn, realm, person, &place);
    if (place.size > 0)
        place_write(txn, realm, &place, (struct slice){0});
    buffer_deinit(&place.block);
}

void search_forget(struct store_txn *txn)
{
    store_clear(txn, STORE_SEARCH);
}

/* Nearly all entries lack a letter of what is sought: they are passed over here, without a call
 * for each of their parts. What cannot be an entry is left to take_entry. */
static void pass_over(struct slice *block, search_mask wanted)
{
    enum { HEAD = ENTRY_ID_SIZE + 8 };
    while (block->size > HEAD + 2) {
        const uint8_t *at = block->data + ENTRY_ID_SIZE;
        search_mask mask = 0;
        size_t size = at[8] & 0x7F, head = HEAD + 1;
        for (size_t i = 8; i-- > 0;)
            mask = mask << 8 | at[i];
        if (at[8] >= 0x80) {
            size |= (size_t)at[9] << 7;
            head++;
        }
        if ((wanted & ~mask) == 0 || (head > HEAD + 1 && at[9] >= 0x80) ||
            size > block->size - head)
            return;
        *block = (struct slice){block->data + head + size, block->size - head - size};
    }
}

static bool next_block(struct store_txn *txn, struct search_walk *walk)
{
    struct slice key;
    uint8_t from[8];
    put_be64(from, walk->realm);
    bool more = walk->started ? store_next(txn, &walk->cursor, &key, &walk->block)
                              : store_seek(txn, STORE_SEARCH, slice_of(from, sizeof from),
                                           &walk->cursor, &key, &walk->block);
    walk->started = true;
    return more && key.size == SUBJECT_KEY_SIZE && memcmp(key.data, from, 8) == 0;
}

bool search_next(struct store_txn *txn, struct search_walk *walk,
                 struct search_entry *entry)
{
    do {
        pass_over(&walk->block, walk->mask);
        while (walk->block.size == 0) {
            if (!next_block(txn, walk))
                return false;
            pass_over(&walk->block, walk->mask);
        }
        if (!take_entry(&walk->block, entry)) { /* fewer persons would be found */
            store_mark_damaged(txn, STORE_SEARCH);
            return false;
        }
    } while ((walk->mask & ~entry->mask) != 0);
    return true;
}
