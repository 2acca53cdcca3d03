#include "tools/json.h"

#include <stdlib.h>

#include "crdt/codec.h"

#define JSON_FORM (JSON_COMPACT | JSON_ENCODE_ANY)

static json_t *json_of_bytes(struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = checked_malloc(bytes.size * 2 + 1);
    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    json_t *value = json_stringn(text, bytes.size * 2);
    free(text);
    return value;
}

static json_t *json_take(struct slice *in);

static json_t *json_take_array(struct slice *in)
{
    size_t count;
    if (!codec_take_array(in, &count))
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(array, json_take(in)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *json_take_map(struct slice *in)
{
    size_t count;
    if (!codec_take_map(in, &count))
        return NULL;
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        struct slice key;
        if (!codec_take_text(in, &key) ||
            json_object_setn_new(object, (const char *)key.data, key.size,
                                 json_take(in)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *json_take_scalar(struct slice *in)
{
    struct slice bytes;
    int64_t number;
    bool flag;
    if (codec_take_nil(in))
        return json_null();
    if (codec_take_bool(in, &flag))
        return json_boolean(flag);
    if (codec_take_int(in, &number))
        return json_integer(number);
    if (codec_take_text(in, &bytes))
        return json_stringn((const char *)bytes.data, bytes.size);
    if (codec_take_bytes(in, &bytes))
        return json_of_bytes(bytes);
    return NULL;
}

/* Depth is bounded: the reply passed codec_check, which knows CODEC_DEPTH_MAX. */
static json_t *json_take(struct slice *in)
{
    enum codec_type type = codec_peek(*in);
    if (type == CODEC_ARRAY)
        return json_take_array(in);
    if (type == CODEC_MAP)
        return json_take_map(in);
    return json_take_scalar(in);
}

json_t *json_of_value(struct slice value)
{
    return codec_check(value) ? json_take(&value) : NULL;
}

json_t *json_text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : json_string(text);
}

void json_line(FILE *out, json_t *object)
{
    CHECK(object != NULL);
    (void)json_dumpf(object, out, JSON_FORM);
    (void)fputc('\n', out);
    json_decref(object);
}

static bool write_value(FILE *out, struct slice *in)
{
    json_t *value = json_take(in);
    if (value == NULL)
        return false;
    (void)json_dumpf(value, out, JSON_FORM);
    json_decref(value);
    return true;
}

static bool write_elements(FILE *out, struct slice *in)
{
    size_t count;
    if (!codec_take_array(in, &count))
        return false;
    (void)fputc('[', out);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)fputc(',', out);
        if (!write_value(out, in))
            return false;
    }
    (void)fputc(']', out);
    return true;
}

void json_head(FILE *out, const char *command, const char *incomplete)
{
    json_t *name = json_string(command);
    json_t *reason = json_text_or_null(incomplete);
    (void)fputs("{\"v\":1,\"command\":", out);
    (void)json_dumpf(name, out, JSON_FORM);
    (void)fputs(",\"incomplete\":", out);
    (void)json_dumpf(reason, out, JSON_FORM);
    json_decref(name);
    json_decref(reason);
}

bool json_reply(FILE *out, const char *command, const char *incomplete, struct slice data)
{
    size_t count;
    if (!codec_check(data) || !codec_take_map(&data, &count))
        return false;
    json_head(out, command, incomplete);
    for (size_t i = 0; i < count; i++) {
        (void)fputc(',', out);
        if (codec_peek(data) != CODEC_TEXT || !write_value(out, &data))
            return false;
        (void)fputc(':', out);
        bool list = codec_peek(data) == CODEC_ARRAY;
        if (!(list ? write_elements(out, &data) : write_value(out, &data)))
            return false;
    }
    (void)fputs("}\n", out);
    return true;
}

void json_key(FILE *out, const char *key)
{
    (void)fprintf(out, ",\"%s\":", key);
}

bool json_value(FILE *out, struct slice value)
{
    return codec_check(value) && write_value(out, &value);
}
