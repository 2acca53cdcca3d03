/* A frame on the control socket, from whoever may connect there, and a reply as linli must
 * read it. */
#include "tests/fuzz/target.h"

#include "crdt/codec.h"
#include "crdt/text.h"
#include "daemon/control/control_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice frame = slice_of(data, size), value;
    struct control_request request = {0};

    if (control_frame_request(frame, &request) != OK)
        return 0;
    CHECK(slice_within(request.command, frame) && slice_within(request.args, frame));
    CHECK(text_is_clean(request.command) && codec_peek(request.args) == CODEC_MAP);
    if (codec_map_find(request.args, "name", &value))
        CHECK(slice_within(value, request.args));
    return 0;
}
