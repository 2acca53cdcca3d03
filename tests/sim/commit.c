#include "tests/sim/commit.h"

static struct commit_plan *obeyed;
static uint64_t commits;

enum status __real_store_commit(struct store_txn *txn);
enum status __wrap_store_commit(struct store_txn *txn);

void commit_obey(struct commit_plan *plan)
{
    obeyed = plan;
}

bool commit_power_is_cut(const struct commit_plan *plan)
{
    return plan->struck &&
           (plan->fate == COMMIT_DIES_BEFORE || plan->fate == COMMIT_DIES_AFTER);
}

uint64_t commit_count(void)
{
    return commits;
}

static enum status commit_really(struct store_txn *txn)
{
    commits++;
    return __real_store_commit(txn);
}

static enum status commit_refused(struct store_txn *txn, enum status status)
{
    store_abort(txn);
    return status;
}

/* After the power is cut nothing reaches the disk any more, whatever the node still tries
 * before the simulator takes it away. */
enum status __wrap_store_commit(struct store_txn *txn)
{
    struct commit_plan *plan = obeyed;
    if (plan == NULL || plan->fate == COMMIT_SUCCEEDS) {
        return commit_really(txn);
    }
    if (commit_power_is_cut(plan)) {
        return commit_refused(txn, ERR_STORE);
    }
    if (plan->countdown > 0) {
        plan->countdown--;
        return commit_really(txn);
    }
    switch (plan->fate) {
    case COMMIT_SUCCEEDS: break;
    case COMMIT_FAILS:
        plan->fate = COMMIT_SUCCEEDS;
        plan->struck = true;
        return commit_refused(txn, plan->status);
    case COMMIT_DISK_FULL: plan->struck = true; return commit_refused(txn, ERR_DISK_FULL);
    case COMMIT_DIES_BEFORE: plan->struck = true; return commit_refused(txn, ERR_STORE);
    case COMMIT_DIES_AFTER: plan->struck = true; return commit_really(txn);
    }
    return commit_really(txn);
}
