#include "tests/sim/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crdt/calendar.h"
#include "crdt/codec.h"

#define TEXT_SIZE 1200

static void make_id_number(struct chance *chance, char *text)
{
    int length = snprintf(
        text, TEXT_SIZE, "331123%04" PRIu64 "%02" PRIu64 "%02" PRIu64 "%03" PRIu64,
        chance_between(chance, 1930, 1960), chance_between(chance, 1, 12),
        chance_between(chance, 1, 28), chance_below(chance, 1000));
    unsigned sum = 0;
    for (int i = 0; i < length; i++) {
        sum = (sum + (unsigned)(text[i] - '0')) * 2 % 11; /* ISO 7064 MOD 11-2 */
    }
    text[length] = "0123456789X"[(12 - sum) % 11];
    text[length + 1] = '\0';
}

/* Mostly a few words; sometimes as much as the field takes, so that runs are long. */
static void make_text(struct chance *chance, const struct field *field, char *text)
{
    static const char *const words[] = {"王秀英", "独居",   "李桂兰",
                                        "door",   "高血压", "needs coal",
                                        "张建国", "村口",   "13905780000"};
    size_t limit = field->limit != 0 ? field->limit : 40;
    text[0] = '\0';
    if (field->form == TEXT_PHONES) {
        snprintf(text, TEXT_SIZE, "1390578%04" PRIu64, chance_below(chance, 10000));
        return;
    }
    if (chance_permille(chance, 20)) {
        memset(text, 'x', limit < 900 ? limit : 900);
        text[limit < 900 ? limit : 900] = '\0';
        return;
    }
    size_t size = 0;
    uint64_t count = chance_between(chance, 1, limit < 30 ? 1 : 3);
    for (uint64_t i = 0; i < count; i++) {
        const char *word = words[chance_below(chance, ARRAY_SIZE(words))];
        size += (size_t)snprintf(text + size, TEXT_SIZE - size, "%s", word);
    }
}

static void make_choice(struct chance *chance, const struct field *field, char *text)
{
    size_t count = 0;
    while (field->choices[count].name != NULL) {
        count++;
    }
    snprintf(text, TEXT_SIZE, "%s", field->choices[chance_below(chance, count)].name);
}

static void make_date(struct chance *chance, const struct value_context *context,
                      bool moment, char *text)
{
    if (context->today != 0 && chance_permille(chance, moment ? 700 : 200)) {
        char day[11];
        date_format(context->today - (int64_t)chance_below(chance, 62), day);
        snprintf(text, TEXT_SIZE, "%s%s", day, moment ? " 14:05" : "");
        return;
    }
    snprintf(text, TEXT_SIZE, "20%02" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "%s",
             chance_between(chance, 20, 26), chance_between(chance, 1, 12),
             chance_between(chance, 1, 28), moment ? " 14:05" : "");
}

static void make_typed(struct chance *chance, const struct field *field,
                       const struct value_context *context, char *text)
{
    switch (field->type) {
    case FIELD_TEXT: make_text(chance, field, text); break;
    case FIELD_DATE: make_date(chance, context, false, text); break;
    case FIELD_MOMENT: make_date(chance, context, true, text); break;
    case FIELD_CHOICE: make_choice(chance, field, text); break;
    case FIELD_COUNT:
        snprintf(text, TEXT_SIZE, "%" PRIu64,
                 chance_below(chance, field->limit != 0 ? field->limit : 1000));
        break;
    case FIELD_DIVISION:
        snprintf(text, TEXT_SIZE, "%" PRIu64,
                 context->realm * 1000 + chance_between(chance, 200, 209));
        break;
    case FIELD_RECORD: id_format(&context->subject, text); break;
    case FIELD_CHECK:
        if (chance_permille(chance, 600)) {
            snprintf(text, TEXT_SIZE, "ok");
        } else {
            make_text(chance, field, text);
        }
        break;
    case FIELD_SEALED: make_id_number(chance, text); break;
    case FIELD_FLAG:
        snprintf(text, TEXT_SIZE, "%s", chance_permille(chance, 500) ? "yes" : "no");
        break;
    }
}

void value_make(struct chance *chance, const struct field *field,
                const struct value_context *context, struct buffer *out)
{
    char text[TEXT_SIZE];
    buffer_clear(out);
    make_typed(chance, field, context, text);
    enum status status = field_parse(field, slice_text(text), NULL, out);
    if (status != OK) {
        fprintf(stderr, "field %s refuses \"%s\": %s\n", field->name, text,
                status_words(status)->name);
    }
    CHECK(status == OK && !out->overflow);
}

void value_of_record(const struct entry_id *id, struct buffer *out)
{
    buffer_clear(out);
    codec_put_bytes(out, slice_of(id->bytes, ENTRY_ID_SIZE));
}
