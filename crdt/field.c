#include "crdt/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"
#include "crdt/id_number.h"
#include "crdt/normal.h"
#include "crdt/text.h"

enum {
    TEXT_CHARACTERS_MAX = 500, /* where a field states no limit of its own */
    SEAL_TAG_SIZE = 16,        /* before the ciphertext (schema.h, FIELD_SEALED) */
    SEALED_SIZE_MAX = SEAL_TAG_SIZE + 256,
};

static uint32_t limit_of(const struct field *field, uint32_t own)
{
    return field->limit != 0 ? field->limit : own;
}

uint32_t field_characters_max(const struct field *field)
{
    return limit_of(field, TEXT_CHARACTERS_MAX);
}

/* ---- what the fold checks ---- */

/* A name of two lines would show as two names in a list. */
static bool text_has_form(const struct field *field, struct slice text)
{
    return field->form == TEXT_LINES || text_is_one_line(text);
}

static bool text_has_length(const struct field *field, struct slice text)
{
    return text_characters(text) <= field_characters_max(field);
}

static bool text_fits(const struct field *field, struct slice text)
{
    return text_has_form(field, text) && text_has_length(field, text);
}

static bool division_fits(const struct field *field, uint64_t code)
{
    enum division_level level = division_level(code);
    if (field->limit != 0)
        return level == (enum division_level)field->limit;
    return level != DIVISION_NONE;
}

static const struct choice *choice_of(const struct field *field, uint64_t id)
{
    for (const struct choice *choice = field->choices; choice->name != NULL; choice++) {
        if (choice->id == id)
            return choice;
    }
    return NULL;
}

/* Choices are only ever added, so an id we do not know is a newer program's. */
static enum status choice_check(const struct field *field, struct slice *value)
{
    uint64_t id;
    if (!codec_take_uint(value, &id) || id == 0 || id > UINT8_MAX)
        return ERR_FIELD_VALUE;
    return choice_of(field, id) != NULL ? OK : ERR_VERSION;
}

static bool value_fits(const struct field *field, struct slice *value)
{
    struct slice body;
    uint64_t number;
    int64_t integer;
    struct entry_id id;
    bool flag;
    switch (field->type) {
    case FIELD_TEXT: return codec_take_text(value, &body) && text_fits(field, body);
    case FIELD_DATE: return codec_take_int(value, &integer) && date_in_range(integer);
    case FIELD_MOMENT: return codec_take_int(value, &integer) && moment_in_range(integer);
    case FIELD_COUNT:
        return codec_take_uint(value, &number) && number <= limit_of(field, UINT32_MAX);
    case FIELD_DIVISION:
        return codec_take_uint(value, &number) && division_fits(field, number);
    case FIELD_RECORD: return codec_take_id(value, &id);
    case FIELD_CHECK:
        if (codec_take_bool(value, &flag))
            return flag;
        return codec_take_text(value, &body) && body.size > 0 && text_fits(field, body);
    case FIELD_SEALED:
        return codec_take_bytes(value, &body) && body.size > SEAL_TAG_SIZE &&
               body.size <= SEALED_SIZE_MAX;
    case FIELD_FLAG: return codec_take_bool(value, &flag);
    case FIELD_CHOICE: return choice_check(field, value) == OK;
    }
    return false;
}

enum status field_value_check(const struct field *field, struct slice value)
{
    if (field->type == FIELD_CHOICE) {
        enum status status = choice_check(field, &value);
        return status == OK && value.size > 0 ? ERR_FIELD_VALUE : status;
    }
    return value_fits(field, &value) && value.size == 0 ? OK : ERR_FIELD_VALUE;
}

bool field_value_valid(const struct field *field, struct slice value)
{
    return field_value_check(field, value) == OK;
}

/* ---- from what people type ---- */

/* Blanks of ASCII, no-break and ideographic: spreadsheets are full of them. */
static size_t blank_size(struct slice at)
{
    if (at.size >= 1 && (at.data[0] == ' ' || (at.data[0] >= '\t' && at.data[0] <= '\r')))
        return 1;
    if (at.size >= 2 && memcmp(at.data, "\xc2\xa0", 2) == 0)
        return 2;
    if (at.size >= 3 && memcmp(at.data, "\xe3\x80\x80", 3) == 0)
        return 3;
    return 0;
}

static size_t blank_size_at_end(struct slice text)
{
    for (size_t size = 1; size <= 3 && size <= text.size; size++) {
        if (blank_size(slice_of(text.data + text.size - size, size)) == size)
            return size;
    }
    return 0;
}

static struct slice text_trim(struct slice text)
{
    size_t size;
    while ((size = blank_size(text)) > 0)
        text = slice_of(text.data + size, text.size - size);
    while ((size = blank_size_at_end(text)) > 0)
        text.size -= size;
    return text;
}

static bool text_is_one_of(struct slice text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (slice_equal(text, slice_text(*words)))
            return true;
    }
    return false;
}

/* In any width. */
static bool holds_digit(struct slice text)
{
    struct buffer narrow;
    bool holds = false;
    buffer_init(&narrow, SIZE_MAX);
    normal_put_narrow(text, &narrow);
    for (size_t i = 0; i < narrow.size; i++)
        holds |= narrow.data[i] >= '0' && narrow.data[i] <= '9';
    buffer_deinit(&narrow);
    return holds;
}

static enum status parse_text(const struct field *field, struct slice text,
                              struct buffer *out)
{
    uint8_t number[ID_NUMBER_SIZE];
    if (field->form == TEXT_ID_NUMBER) {
        enum status status = id_number_read(text, number);
        if (status != OK)
            return status;
        text = slice_of(number, sizeof number);
    }
    if (!text_has_form(field, text))
        return ERR_TEXT;
    if (field->form == TEXT_PHONES && !holds_digit(text))
        return ERR_FIELD_VALUE;
    if (!text_has_length(field, text))
        return ERR_FIELD_TOO_LONG;
    codec_put_text(out, text);
    return OK;
}

static enum status parse_check(const struct field *field, struct slice text,
                               struct buffer *out)
{
    static const char *const fine[] = {"ok", "OK", "正常", "良好", "好", "无", NULL};
    if (!text_is_one_of(text, fine))
        return parse_text(field, text, out);
    codec_put_bool(out, true);
    return OK;
}

static enum status parse_flag(struct slice text, struct buffer *out)
{
    static const char *const yes[] = {"yes", "true", "1", "是", "有", NULL};
    static const char *const no[] = {"no", "false", "0", "否", "无", NULL};
    bool value = text_is_one_of(text, yes);
    if (!value && !text_is_one_of(text, no))
        return ERR_FIELD_VALUE;
    codec_put_bool(out, value);
    return OK;
}

static enum status parse_choice(const struct field *field, struct slice text,
                                struct buffer *out)
{
    for (const struct choice *choice = field->choices; choice->name != NULL; choice++) {
        if (slice_equal(text, slice_text(choice->name)) ||
            slice_equal(text, slice_text(choice->label))) {
            codec_put_uint(out, choice->id);
            return OK;
        }
    }
    return ERR_FIELD_VALUE;
}

/* At most 18 digits, so that nothing wraps. */
static bool read_whole_number(struct slice text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > 18)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

static enum status parse_count(const struct field *field, struct slice text,
                               struct buffer *out)
{
    uint64_t number;
    if (!read_whole_number(text, &number) || number > limit_of(field, UINT32_MAX))
        return ERR_FIELD_VALUE;
    codec_put_uint(out, number);
    return OK;
}

/* By its name, where one place only has it. */
static enum status parse_place_name(const struct field *field, struct slice text,
                                    const struct divisions *divisions, uint64_t *code)
{
    const struct division *place;
    size_t count;
    if (divisions == NULL)
        return ERR_DIVISION;
    count =
        divisions_named(divisions, text, (enum division_level)field->limit, &place, 1);
    if (count == 0)
        return field->limit == DIVISION_VILLAGE &&
                       divisions_named(divisions, text, DIVISION_NONE, &place, 1) > 0
                   ? ERR_VILLAGE_WANTED
                   : ERR_DIVISION;
    *code = place->code;
    return count == 1 ? OK : ERR_AMBIGUOUS;
}

static enum status parse_division(const struct field *field, struct slice text,
                                  const struct divisions *divisions, struct buffer *out)
{
    uint64_t code;
    if (!read_whole_number(text, &code)) {
        enum status status = parse_place_name(field, text, divisions, &code);
        if (status != OK)
            return status;
    } else if (divisions != NULL && divisions_find(divisions, code) == NULL) {
        return ERR_DIVISION;
    } else if (!division_fits(field, code)) {
        return field->limit == DIVISION_VILLAGE && division_level(code) != DIVISION_NONE
                   ? ERR_VILLAGE_WANTED
                   : ERR_DIVISION;
    }
    codec_put_uint(out, code);
    return OK;
}

static enum status parse_time(const struct field *field, struct slice text,
                              struct buffer *out)
{
    int64_t value;
    bool good =
        field->type == FIELD_DATE ? date_parse(text, &value) : moment_parse(text, &value);
    if (!good)
        return date_has_form(text, field->type == FIELD_MOMENT) ? ERR_DATE
                                                                : ERR_DATE_FORM;
    codec_put_int(out, value);
    return OK;
}

static enum status parse_record(struct slice text, struct buffer *out)
{
    struct entry_id id;
    if (!id_parse(text, &id))
        return ERR_FIELD_VALUE;
    codec_put_bytes(out, slice_of(id.bytes, sizeof id.bytes));
    return OK;
}

/* Numbers, codes and dates are the same in any width. */
static enum status parse_narrow(const struct field *field, struct slice text,
                                const struct divisions *divisions, struct buffer *out)
{
    struct buffer narrow;
    enum status status;
    buffer_init(&narrow, SIZE_MAX);
    normal_put_narrow(text, &narrow);
    text = buffer_slice(&narrow);
    if (field->type == FIELD_DATE || field->type == FIELD_MOMENT)
        status = parse_time(field, text, out);
    else if (field->type == FIELD_RECORD)
        status = parse_record(text, out);
    else if (field->form == TEXT_ID_NUMBER)
        status = parse_text(field, text, out);
    else if (field->type == FIELD_DIVISION)
        status = parse_division(field, text, divisions, out);
    else
        status = parse_count(field, text, out);
    buffer_deinit(&narrow);
    return status;
}

enum status field_parse(const struct field *field, struct slice text,
                        const struct divisions *divisions, struct buffer *out)
{
    text = text_trim(text);
    if (!text_is_clean(text))
        return ERR_TEXT;
    if (text.size == 0)
        return ERR_FIELD_VALUE;
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_SEALED:
        return field->form == TEXT_ID_NUMBER ? parse_narrow(field, text, divisions, out)
                                             : parse_text(field, text, out);
    case FIELD_DATE:
    case FIELD_MOMENT:
    case FIELD_COUNT:
    case FIELD_DIVISION:
    case FIELD_RECORD: return parse_narrow(field, text, divisions, out);
    case FIELD_CHOICE: return parse_choice(field, text, out);
    case FIELD_CHECK: return parse_check(field, text, out);
    case FIELD_FLAG: return parse_flag(text, out);
    }
    return ERR_FIELD_VALUE;
}

/* ---- several values at once ---- */

static size_t separator_size(struct slice at)
{
    static const char *const separators[] = {"、", "，", "；", ",", ";", "|", "\n", "\r"};
    for (size_t i = 0; i < ARRAY_SIZE(separators); i++) {
        size_t size = strlen(separators[i]);
        if (at.size >= size && memcmp(at.data, separators[i], size) == 0)
            return size;
    }
    return 0;
}

bool field_next_value(struct slice *text, struct slice *value)
{
    size_t size = 0, separator = 0;
    if (text->size == 0)
        return false;
    while (size < text->size &&
           (separator = separator_size(slice_of(text->data + size, text->size - size))) ==
               0)
        size++;
    *value = text_trim(slice_of(text->data, size));
    *text = slice_of(text->data + size + separator, text->size - size - separator);
    return true;
}

/* ---- for people ---- */

static void put_plain(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
}

static void format_number(const struct field *field, struct slice value, bool labels,
                          struct buffer *out)
{
    uint64_t number = 0;
    char text[24];
    CHECK(codec_take_uint(&value, &number)); /* field_format has looked */
    if (field->type == FIELD_CHOICE) {
        const struct choice *choice = choice_of(field, number);
        CHECK(choice != NULL);
        put_plain(out, labels ? choice->label : choice->name);
        return;
    }
    snprintf(text, sizeof text, "%" PRIu64, number);
    put_plain(out, text);
}

static void format_time(const struct field *field, struct slice value, struct buffer *out)
{
    int64_t number = 0;
    char text[17];
    CHECK(codec_take_int(&value, &number));
    if (field->type == FIELD_DATE)
        date_format(number, text);
    else
        moment_format(number, text);
    put_plain(out, text);
}

static void format_body(const struct field *field, struct slice value, bool labels,
                        struct buffer *out)
{
    struct slice body;
    struct entry_id id;
    char text[ID_TEXT_SIZE];
    bool flag;
    if (codec_take_bool(&value, &flag)) {
        if (field->type == FIELD_CHECK)
            put_plain(out, labels ? "正常" : "ok");
        else
            put_plain(out, flag ? (labels ? "是" : "yes") : (labels ? "否" : "no"));
    } else if (codec_take_text(&value, &body)) {
        buffer_put(out, body.data, body.size);
    } else if (codec_take_bytes(&value, &body) && body.size == sizeof id.bytes) {
        memcpy(id.bytes, body.data, sizeof id.bytes);
        id_format(&id, text);
        put_plain(out, text);
    }
}

void field_format(const struct field *field, struct slice value, bool labels,
                  struct buffer *out)
{
    if (field->type == FIELD_SEALED) {
        put_plain(out, "(hidden)");
        return;
    }
    if (!field_value_valid(field, value)) {
        put_plain(out, "(unreadable)");
        return;
    }
    switch (field->type) {
    case FIELD_CHOICE:
    case FIELD_COUNT:
    case FIELD_DIVISION: format_number(field, value, labels, out); break;
    case FIELD_DATE:
    case FIELD_MOMENT: format_time(field, value, out); break;
    case FIELD_TEXT:
    case FIELD_RECORD:
    case FIELD_CHECK:
    case FIELD_SEALED:
    case FIELD_FLAG: format_body(field, value, labels, out); break;
    }
}
