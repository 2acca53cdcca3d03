/* target.h - what every fuzz target is: a function that takes any bytes and survives, and
 * whatever it accepts is held to what the decoder promises (CHECK). */
#ifndef LINLI_TESTS_FUZZ_TARGET_H
#define LINLI_TESTS_FUZZ_TARGET_H

#include "crdt/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `inner` lies within `outer`, so that nothing else can be read through it. */
static inline bool slice_within(struct slice inner, struct slice outer)
{
    return inner.size == 0 || (inner.data >= outer.data && inner.size <= outer.size &&
                               inner.data + inner.size <= outer.data + outer.size);
}

#endif
