/* A node's request to be admitted, and the genesis: both come as files from outside. */
#include "tests/fuzz/target.h"

#include "crdt/codec.h"
#include "net/roster.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct request request;
    struct genesis genesis;

    if (request_decode(in, &request) == OK)
        CHECK(name_is_valid(slice_text(request.name)) &&
              crypto_box_key_usable(request.box_public));
    if (genesis_decode(in, &genesis) == OK)
        CHECK(name_is_valid(slice_text(genesis.name)));
    return 0;
}
