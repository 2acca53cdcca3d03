#include "daemon/control/control_frame.h"

#include "crdt/codec.h"

enum status control_frame_request(struct slice frame, struct control_request *request)
{
    struct slice value;
    uint64_t version;
    if (!codec_check(frame) || codec_peek(frame) != CODEC_MAP ||
        !codec_map_find(frame, "v", &value) || !codec_take_uint(&value, &version))
        return ERR_MALFORMED;
    if (version != CONTROL_PROTOCOL)
        return ERR_VERSION;
    if (!codec_map_find(frame, "command", &value) ||
        !codec_take_text(&value, &request->command) ||
        !codec_map_find(frame, "args", &request->args) ||
        codec_peek(request->args) != CODEC_MAP)
        return ERR_MALFORMED;
    return OK;
}

void control_frame_reply(struct buffer *out, enum status status, struct slice subject,
                         struct slice incomplete, struct slice data)
{
    size_t start = out->size;
    buffer_put_u32(out, 0);
    codec_put_map(out, 5);
    codec_put_cstring(out, "v");
    codec_put_uint(out, CONTROL_PROTOCOL);
    codec_put_cstring(out, "status");
    codec_put_uint(out, (uint64_t)status);
    codec_put_cstring(out, "subject");
    if (subject.size > 0)
        codec_put_text(out, subject);
    else
        codec_put_nil(out);
    codec_put_cstring(out, "incomplete");
    if (incomplete.size > 0)
        codec_put_raw(out, incomplete);
    else
        codec_put_nil(out);
    codec_put_cstring(out, "data");
    if (data.size > 0)
        codec_put_raw(out, data);
    else
        codec_put_map(out, 0);
    CHECK(!out->overflow);
    size_t size = out->size - start - CONTROL_LENGTH_SIZE;
    put_le32(out->data + start, (uint32_t)size);
}
