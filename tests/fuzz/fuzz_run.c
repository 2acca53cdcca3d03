/* A run, from a neighbour or from the store: what is accepted has one spelling, and its chain
 * can be laid out. The first byte chooses the form. */
#include "tests/fuzz/target.h"

#include <string.h>

#include "crdt/run.h"

static void check_chain(const struct run *run, struct slice in)
{
    const struct county_salt salt = {{1}};
    const struct hash prev = {{0}};
    struct log_id log = {{{7}}, run->incarnation, run->log.lane};
    struct chain chain;
    struct entry entry;
    uint32_t entries = 0;

    chain_begin(&chain, &salt, log, run, &prev);
    while (chain_next(&chain, &entry)) {
        CHECK(slice_within(entry.payload, in));
        CHECK(entry.seq == run->first_seq + entries);
        entries++;
    }
    CHECK(entries == run->count && run_last_seq(run) == run->first_seq + entries - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    struct buffer again;
    struct run run;
    uint8_t form;

    if (!slice_take_u8(&in, &form))
        return 0;
    if (run_decode(in, form % 2 == 0 ? RUN_WIRE : RUN_STORED, &run) != OK)
        return 0;
    CHECK(slice_within(run.entries, in));
    buffer_init(&again, SIZE_MAX);
    run_encode(&run, form % 2 == 0 ? RUN_WIRE : RUN_STORED, &again);
    CHECK(slice_equal(buffer_slice(&again), in));
    buffer_deinit(&again);
    check_chain(&run, in);
    return 0;
}
