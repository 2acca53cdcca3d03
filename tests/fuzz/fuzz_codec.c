/* The reader of msgpack on any bytes: what passes its check can be walked, and comes out of
 * the writer as the same bytes. */
#include "tests/fuzz/target.h"

#include "crdt/codec.h"
#include "crdt/text.h"

static void copy_value(struct slice *in, struct buffer *out)
{
    struct slice bytes;
    int64_t number;
    uint64_t positive;
    size_t count;
    bool flag;

    switch (codec_peek(*in)) {
    case CODEC_NONE: CHECK(false); break;
    case CODEC_NIL:
        CHECK(codec_take_nil(in));
        codec_put_nil(out);
        break;
    case CODEC_BOOL:
        CHECK(codec_take_bool(in, &flag));
        codec_put_bool(out, flag);
        break;
    case CODEC_UINT:
        CHECK(codec_take_uint(in, &positive));
        codec_put_uint(out, positive);
        break;
    case CODEC_INT:
        CHECK(codec_take_int(in, &number));
        codec_put_int(out, number);
        break;
    case CODEC_TEXT:
        CHECK(codec_take_text(in, &bytes) && text_is_clean(bytes));
        codec_put_text(out, bytes);
        break;
    case CODEC_BYTES:
        CHECK(codec_take_bytes(in, &bytes));
        codec_put_bytes(out, bytes);
        break;
    case CODEC_ARRAY:
        CHECK(codec_take_array(in, &count));
        codec_put_array(out, count);
        while (count-- > 0)
            copy_value(in, out);
        break;
    case CODEC_MAP:
        CHECK(codec_take_map(in, &count));
        codec_put_map(out, count);
        while (count-- > 0) {
            copy_value(in, out);
            copy_value(in, out);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size), rest = in, value;
    struct buffer again;

    while (codec_take_any(&rest, &value))
        CHECK(slice_within(value, in) && value.size > 0);
    if (!codec_check(in))
        return 0;
    rest = in;
    buffer_init(&again, SIZE_MAX);
    copy_value(&rest, &again);
    CHECK(rest.size == 0 && slice_equal(buffer_slice(&again), in));
    buffer_deinit(&again);
    return 0;
}
