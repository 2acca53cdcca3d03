/* A grant file, as an operator may pick up anywhere: its form, and the fold of its runs,
 * which verifies every signature before it believes anything. */
#include "tests/fuzz/target.h"

#include "net/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice file = slice_of(data, size);
    struct grant grant;
    struct slice stored;
    struct run run;
    struct head head;

    if (grant_decode(file, &grant) != OK)
        return 0;
    CHECK(slice_within(grant.genesis_encoded, file) && slice_within(grant.runs, file));
    CHECK(name_is_valid(slice_text(grant.genesis.name)));
    for (struct slice rest = grant.runs; grant_next_run(&rest, &stored);)
        CHECK(slice_within(stored, file) && run_decode(stored, RUN_STORED, &run) == OK);
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    if (grant_fold(&grant, roster, &head) != OK)
        CHECK(roster_count(roster) <= 1);
    roster_destroy(roster);
    return 0;
}
