#define _XOPEN_SOURCE 700 /* nftw in the fixture */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "crdt/fold.h"
#include "tests/unit/record_fixture.h"
#include "tests/unit/store_fixture.h"

#define PERSON(seq)                                                                      \
    WRITE_CREATE(id_at(1, seq), 1000 + (seq), REGISTER_PERSON,                           \
                 {.field = PERSON_NAME, .text = "叶秀兰"},                               \
                 {.field = PERSON_VILLAGE, .text = "331121104234"})

static enum status file(struct fold *fold, const struct written *written)
{
    return fold_entry(fold, &written->id, written->realm, written_plaintext(written));
}

static struct written visit_of(const struct entry_id *person, uint64_t seq)
{
    return WRITE_CREATE(id_at(2, seq), 5000 + seq, REGISTER_VISIT,
                        {.field = VISIT_PERSON, .record = person},
                        {.field = VISIT_WHEN, .text = "2026-05-31 14:05"},
                        {.field = VISIT_METHOD, .text = "home"},
                        {.field = VISIT_OUTCOME, .text = "met"});
}

/* The seqs of a chain's rows, newest arrival first, as text: "3 2 1 ". */
static void chain_text(struct store_txn *txn, uint8_t reg, const struct entry_id *subject,
                       char *text, size_t size)
{
    uint64_t number = 0, rows = 0;
    struct fold_row row;
    size_t used = 0;
    text[0] = 0;
    if (!fold_chain_newest(txn, reg, TOWNSHIP, subject, &number, &rows))
        return;
    for (; rows > 0; rows--) {
        assert_true(fold_row_read(txn, number, &row));
        assert_int_equal(row.realm, TOWNSHIP);
        used += (size_t)snprintf(text + used, size - used, "%llu ",
                                 (unsigned long long)entry_id_seq(&row.id));
        number = row.previous;
    }
    assert_int_equal(number, 0);
}

static void a_subjects_rows_are_linked_newest_first_across_batches(void **state)
{
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct entry_id anna = id_at(1, 1), bert = id_at(1, 2);
    struct written entries[] = {
        PERSON(1), visit_of(&anna, 1), visit_of(&bert, 2), visit_of(&anna, 3),
        PERSON(2), visit_of(&anna, 4), visit_of(&bert, 5), visit_of(&anna, 6)};
    struct store_txn *txn = fixture_begin(disk);
    char text[64];
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        assert_int_equal(file(fold, &entries[i]), OK);
        if (i % 3 == 2)
            fold_flush(fold, txn);
    }
    assert_int_equal(fold_pending(fold), 2);
    fold_flush(fold, txn);
    assert_int_equal(fold_pending(fold), 0);
    chain_text(txn, REGISTER_VISIT, &anna, text, sizeof text);
    assert_string_equal(text, "6 4 3 1 ");
    chain_text(txn, REGISTER_VISIT, &bert, text, sizeof text);
    assert_string_equal(text, "5 2 ");
    chain_text(txn, REGISTER_PERSON, &bert, text, sizeof text);
    assert_string_equal(text, "2 ");
    fold_destroy(fold);
    assert_int_equal(store_commit(txn), OK);
    fixture_close(disk);
}

static void edits_and_voids_lie_with_their_subject(void **state)
{
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct entry_id anna = id_at(1, 1), visit = id_at(2, 7);
    struct written entries[] = {
        WRITE_EDIT(id_at(3, 8), 10, &anna, {.field = PERSON_NOTE, .text = "x"}),
        write_void(id_at(3, 9), 11, REGISTER_VISIT, &anna, &visit, "录错"),
        visit_of(&anna, 7),
        PERSON(1),
    };
    struct store_txn *txn = fixture_begin(disk);
    char text[64];
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        assert_int_equal(file(fold, &entries[i]), OK);
    fold_flush(fold, txn);
    chain_text(txn, REGISTER_PERSON, &anna, text, sizeof text);
    assert_string_equal(text, "1 8 ");
    chain_text(txn, REGISTER_VISIT, &anna, text, sizeof text);
    assert_string_equal(text, "7 9 ");
    fold_destroy(fold);
    store_abort(txn);
    fixture_close(disk);
}

static void rows_keep_the_plaintext_as_it_came(void **state)
{
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct entry_id anna = id_at(1, 1);
    struct written entry = PERSON(1);
    struct store_txn *txn = fixture_begin(disk);
    uint64_t number, rows;
    struct fold_row row;
    assert_int_equal(file(fold, &entry), OK);
    fold_flush(fold, txn);
    assert_true(fold_chain_newest(txn, REGISTER_PERSON, TOWNSHIP, &anna, &number, &rows));
    assert_int_equal(rows, 1);
    assert_true(fold_row_read(txn, number, &row));
    assert_true(slice_equal(row.plaintext, written_plaintext(&entry)));
    assert_false(fold_row_read(txn, number + 1, &row));
    assert_false(fold_row_read(txn, 0, &row));
    assert_false(
        fold_chain_newest(txn, REGISTER_PERSON, OTHER_TOWNSHIP, &anna, &number, &rows));
    fold_destroy(fold);
    store_abort(txn);
    fixture_close(disk);
}

static void what_cannot_be_filed_says_why_and_leaves_no_row(void **state)
{
    (void)state;
    struct fold *fold = fold_create();
    struct written entry = PERSON(1);
    struct entry_id urgent = entry_id_of((struct log_name){1, 1, LANE_URGENT}, 1);
    assert_int_equal(fold_entry(fold, &entry.id, TOWNSHIP, slice_of("\1", 1)),
                     ERR_VERSION);
    assert_int_equal(fold_entry(fold, &entry.id, TOWNSHIP, slice_of("\0\1", 2)),
                     ERR_MALFORMED);
    assert_int_equal(fold_entry(fold, &urgent, TOWNSHIP, written_plaintext(&entry)),
                     ERR_PERMISSION);
    /* A person in the county's realm would be readable in every township. */
    assert_int_equal(fold_entry(fold, &entry.id, 331121, written_plaintext(&entry)),
                     ERR_PERMISSION);
    assert_int_equal(fold_pending(fold), 0);
    fold_destroy(fold);
}

static void a_discarded_batch_leaves_nothing(void **state)
{
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct entry_id anna = id_at(1, 1);
    struct written entry = PERSON(1);
    struct store_txn *txn = fixture_begin(disk);
    uint64_t number, rows;
    assert_int_equal(file(fold, &entry), OK);
    fold_discard(fold);
    fold_flush(fold, txn);
    assert_false(
        fold_chain_newest(txn, REGISTER_PERSON, TOWNSHIP, &anna, &number, &rows));
    assert_int_equal(file(fold, &entry), OK);
    fold_flush(fold, txn);
    assert_true(fold_chain_newest(txn, REGISTER_PERSON, TOWNSHIP, &anna, &number, &rows));
    store_clear(txn, STORE_CHAINS);
    assert_false(
        fold_chain_newest(txn, REGISTER_PERSON, TOWNSHIP, &anna, &number, &rows));
    fold_destroy(fold);
    store_abort(txn);
    fixture_close(disk);
}

static size_t count_subjects(struct store_txn *txn, uint8_t reg, uint64_t realm)
{
    struct fold_subjects walk = {.reg = reg, .realm = realm};
    struct entry_id subject, previous = {{0}};
    uint64_t found_realm, previous_realm = 0, newest;
    size_t count = 0;
    for (; fold_subjects_next(txn, &walk, &found_realm, &subject, &newest); count++) {
        assert_true(
            found_realm > previous_realm ||
            (found_realm == previous_realm && entry_id_compare(&previous, &subject) < 0));
        assert_true(newest > 0);
        previous = subject;
        previous_realm = found_realm;
    }
    store_cursor_close(&walk.cursor);
    return count;
}

static void subjects_are_walked_by_register_and_realm(void **state)
{
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct store_txn *txn = fixture_begin(disk);
    assert_int_equal(count_subjects(txn, REGISTER_PERSON, 0), 0);
    for (uint64_t seq = 40; seq >= 1; seq--) {
        struct written entry = PERSON(seq);
        struct written visit = visit_of(&entry.id, seq);
        entry.realm = seq % 4 == 0 ? OTHER_TOWNSHIP : TOWNSHIP;
        assert_int_equal(file(fold, &entry), OK);
        if (seq % 2 == 0)
            assert_int_equal(file(fold, &visit), OK);
    }
    fold_flush(fold, txn);
    assert_int_equal(count_subjects(txn, REGISTER_PERSON, 0), 40);
    assert_int_equal(count_subjects(txn, REGISTER_PERSON, TOWNSHIP), 30);
    assert_int_equal(count_subjects(txn, REGISTER_PERSON, OTHER_TOWNSHIP), 10);
    assert_int_equal(count_subjects(txn, REGISTER_PERSON, TOWNSHIP - 1), 0);
    assert_int_equal(count_subjects(txn, REGISTER_VISIT, TOWNSHIP), 20);
    assert_int_equal(count_subjects(txn, REGISTER_OPERATOR, 0), 0);
    fold_destroy(fold);
    store_abort(txn);
    fixture_close(disk);
}

static enum fold_fate is_the_second(void *context, const struct entry_id *id)
{
    (void)context;
    return entry_id_seq(id) == 2 ? FOLD_IS_LAST_COPY : FOLD_WAS_FOLDED_AGAIN;
}

/* More chains than one call frees, and a write between the calls. */
static void what_was_filed_again_outlives_the_sweep_and_nothing_else_does(void **state)
{
    enum { PERSONS = 4500 };
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct store_txn *txn = fixture_begin(disk);
    struct fold_sweep sweep = {0};
    uint64_t number, rows, left = 0;
    for (uint64_t i = 1; i <= PERSONS; i++) {
        struct written entry = PERSON(i);
        assert_int_equal(file(fold, &entry), OK);
    }
    fold_flush(fold, txn);
    sweep.stale = fold_last_row(txn);
    assert_int_equal(sweep.stale, PERSONS);
    for (uint64_t i = 1; i <= PERSONS; i += 2) {
        struct written entry = PERSON(i);
        assert_int_equal(file(fold, &entry), OK);
    }
    fold_flush(fold, txn);
    fold_sweep_some(txn, &sweep, is_the_second, NULL);
    assert_false(sweep.chains_are_free);
    struct written late = PERSON(PERSONS + 1);
    assert_int_equal(file(fold, &late), OK);
    fold_flush(fold, txn);
    while (sweep.stale > 0)
        fold_sweep_some(txn, &sweep, is_the_second, NULL);
    for (uint64_t i = 1; i <= PERSONS + 1; i++) {
        struct entry_id id = id_at(1, i);
        bool stands =
            fold_chain_newest(txn, REGISTER_PERSON, TOWNSHIP, &id, &number, &rows);
        assert_int_equal(stands, i % 2 == 1 || i == 2);
        if (stands)
            assert_int_equal(rows, 1);
        left += stands;
    }
    assert_int_equal(fold_last_row(txn), PERSONS + left - 1);
    struct fold_row row;
    assert_true(fold_row_read(txn, 2, &row));
    assert_false(fold_row_read(txn, PERSONS, &row));
    assert_true(fold_row_read(txn, PERSONS + 1, &row));
    assert_int_equal(row.previous, 0);
    fold_destroy(fold);
    store_abort(txn);
    fixture_close(disk);
}

/* ---- marks ---- */

/* Entry `seq` of a log on anna: mostly visits at a few times of day, some amendments and voids. */
static struct written some_entry(const struct entry_id *anna, uint32_t node, uint64_t seq)
{
    static const char *const times[] = {"2026-05-31 14:05", "2026-05-31 14:06",
                                        "2026-06-01", "2026-06-02"};
    static const char *const outcomes[] = {"met", "absent"};
    struct entry_id first = id_at(node, 1);
    if (seq % 5 == 4)
        return write_void(id_at(node, seq), 5000 + seq, REGISTER_VISIT, anna, &first,
                          "twice");
    return WRITE_CREATE(
        id_at(node, seq), 5000 + seq, REGISTER_VISIT,
        {.field = VISIT_PERSON, .record = anna},
        {.field = VISIT_WHEN, .text = times[seq % ARRAY_SIZE(times)]},
        {.field = VISIT_METHOD, .text = "home"},
        {.field = VISIT_OUTCOME, .text = outcomes[seq / 3 % ARRAY_SIZE(outcomes)]});
}

/* Each of the newest rows has the mark of what it is, however it came to be there. */
static void assert_marks_fit(struct fold *fold, struct store_txn *txn,
                             const struct entry_id *anna)
{
    uint64_t number = 0, rows = 0, marked_number = 0;
    uint8_t marks[RECENT_ROWS];
    struct fold_row row;
    struct operation operation;
    size_t count = fold_chain_marks(fold, txn, REGISTER_VISIT, TOWNSHIP, anna,
                                    &marked_number, marks);
    if (fold_chain_newest(txn, REGISTER_VISIT, TOWNSHIP, anna, &number, &rows))
        assert_int_equal(marked_number, number);
    assert_int_equal(count, rows < RECENT_ROWS ? rows : RECENT_ROWS);
    for (size_t i = 0; i < count; i++) {
        assert_true(fold_row_read(txn, number, &row));
        assert_int_equal(operation_decode(row.plaintext, &operation), OK);
        assert_true((marks[i] == MARK_NONE) == (operation.kind != OPERATION_CREATE));
        assert_int_equal(marks[i], mark_of_operation(&operation));
        number = row.previous;
    }
}

static void file_some(struct fold *fold, const struct entry_id *anna, uint32_t node,
                      uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        struct written entry = some_entry(anna, node, seq);
        assert_int_equal(file(fold, &entry), OK);
    }
}

static void the_marks_of_a_chain_are_those_of_its_newest_rows(void **state)
{
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct store_txn *txn = fixture_begin(disk);
    struct fold_sweep sweep = {0};
    struct entry_id anna = id_at(1, 1);
    assert_marks_fit(fold, txn, &anna);
    for (uint64_t seq = 1; seq <= 60; seq++) {
        file_some(fold, &anna, seq % 3 == 0 ? 3 : 2, seq, seq);
        if (seq % 7 != 0 && seq > 3 && seq < 58) /* one row at a time, or several */
            continue;
        fold_flush(fold, txn);
        assert_marks_fit(fold, txn, &anna);
    }
    fold_withdraw(txn, REGISTER_VISIT, TOWNSHIP, &anna,
                  (struct log_name){3, 1, LANE_RECORD}, 30);
    assert_marks_fit(fold, txn, &anna);

    /* Withdrawn and filed again with nobody looking between. */
    file_some(fold, &anna, 4, 61, 65);
    fold_flush(fold, txn);
    assert_marks_fit(fold, txn, &anna);
    fold_withdraw(txn, REGISTER_VISIT, TOWNSHIP, &anna,
                  (struct log_name){4, 1, LANE_RECORD}, 61);
    file_some(fold, &anna, 5, 68, 72);
    fold_flush(fold, txn);
    assert_marks_fit(fold, txn, &anna);

    /* Filed again, beside what stood until that is swept away. */
    sweep.stale = fold_last_row(txn);
    file_some(fold, &anna, 5, 68, 72);
    fold_flush(fold, txn);
    assert_marks_fit(fold, txn, &anna);
    while (sweep.stale > 0)
        fold_sweep_some(txn, &sweep, is_the_second, NULL);
    assert_marks_fit(fold, txn, &anna);
    fold_destroy(fold);
    store_abort(txn);
    fixture_close(disk);
}

/* A transaction that failed takes its rows back, and their numbers go to others. */
static void the_marks_of_what_was_not_committed_are_forgotten(void **state)
{
    struct store_fixture *disk = *state;
    fixture_open(disk);
    struct fold *fold = fold_create();
    struct store_txn *txn = fixture_begin(disk);
    struct entry_id anna = id_at(1, 1);
    file_some(fold, &anna, 2, 1, 3);
    fold_flush(fold, txn);
    assert_marks_fit(fold, txn, &anna);
    assert_int_equal(store_commit(txn), OK);

    txn = fixture_begin(disk);
    file_some(fold, &anna, 2, 4, 6);
    fold_flush(fold, txn);
    assert_marks_fit(fold, txn, &anna);
    store_abort(txn);

    txn = fixture_begin(disk);
    assert_marks_fit(fold, txn, &anna);
    store_abort(txn);

    txn = fixture_begin(disk);
    file_some(fold, &anna, 2, 7, 9);
    fold_flush(fold, txn);
    assert_marks_fit(fold, txn, &anna);
    store_abort(txn);
    txn = fixture_begin(disk);
    file_some(fold, &anna, 3, 5, 7);
    fold_flush(fold, txn);
    assert_marks_fit(fold, txn, &anna);
    fold_destroy(fold);
    store_abort(txn);
    fixture_close(disk);
}

static void more_chains_than_are_remembered_are_read_again(void **state)
{
    enum { CHAINS = 40000 };
    (void)state;
    struct recent *recent = recent_create();
    struct recent_chain chain = {.newest = 7, .rows = 3}, *found;
    size_t remembered = 0;
    assert_true(recent_is_empty(recent));
    for (uint64_t i = 0; i < CHAINS; i++) {
        put_be64(chain.key + 13, i);
        chain.marks[0] = (uint8_t)i;
        recent_keep(recent, &chain);
    }
    for (uint64_t i = 0; i < CHAINS; i++) {
        put_be64(chain.key + 13, i);
        found = recent_find(recent, chain.key);
        assert_true(found == NULL || found->marks[0] == (uint8_t)i);
        remembered += found != NULL;
    }
    assert_in_range(remembered, 28000, 32768);
    recent_destroy(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_subjects_rows_are_linked_newest_first_across_batches, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(edits_and_voids_lie_with_their_subject,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(rows_keep_the_plaintext_as_it_came, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test(what_cannot_be_filed_says_why_and_leaves_no_row),
        cmocka_unit_test_setup_teardown(a_discarded_batch_leaves_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(subjects_are_walked_by_register_and_realm,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(
            what_was_filed_again_outlives_the_sweep_and_nothing_else_does, fixture_setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(the_marks_of_a_chain_are_those_of_its_newest_rows,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_marks_of_what_was_not_committed_are_forgotten,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test(more_chains_than_are_remembered_are_read_again),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
