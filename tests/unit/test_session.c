#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/session.h"

static int setup(void **state)
{
    struct session *session = session_create(7);
    session_enter(session, SESSION_LINK_UP, 1000);
    *state = session;
    return 0;
}

static int teardown(void **state)
{
    session_destroy(*state);
    return 0;
}

static void a_hello_opens_only_a_link_that_is_up(void **state)
{
    (void)state;
    assert_int_equal(session_next(SESSION_DOWN, SESSION_HELLO), SESSION_DOWN);
    assert_int_equal(session_next(SESSION_GREETING, SESSION_HELLO), SESSION_OPEN);
    assert_int_equal(session_next(SESSION_OPEN, SESSION_LINK_UP), SESSION_GREETING);
    assert_int_equal(session_next(SESSION_OPEN, SESSION_LINK_DOWN), SESSION_DOWN);
}

static void a_new_link_greets_and_has_nothing_under_way(void **state)
{
    struct session *session = *state;
    session_tell(session, 9, 9, 1000);
    session_take_noted(session, 5);
    session_count_sent(session, 100, 1000);
    session_queue(session, (struct log_name){1, 2, LANE_RECORD}, 1, 9);
    session_enter(session, SESSION_LINK_UP, 2000);
    assert_true(session->greeting.hello_due);
    assert_int_equal(session->sending.queue_count, 0);
    assert_int_equal(session->telling.told, 5);
    assert_int_equal(session_room(session), WINDOW_START);
}

static void what_was_never_said_cannot_have_been_noted(void **state)
{
    struct session *session = *state;
    session_tell(session, 4, 9, 1000);
    session_cover(session, 9, 9);
    session_take_noted(session, 7);
    assert_int_equal(session->telling.noted, 0);
    session_take_noted(session, 3);
    assert_int_equal(session->telling.noted, 3);
    session_take_noted(session, 2);
    assert_int_equal(session->telling.noted, 3);
}

static void telling_more_than_there_is_breaks_a_promise(void **state)
{
    struct session *session = *state;
    pid_t child = fork();
    if (child == 0) {
        (void)close(STDERR_FILENO);
        session_tell(session, 10, 9, 1000);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

static void a_counter_of_its_row_beyond_our_newest_run_counts_as_none(void **state)
{
    struct session *session = *state;
    session_restore(session, (const uint64_t[4]){77, 3, 5, 4}, 5);
    assert_int_equal(session->telling.covered, 5);
    session_restore(session, (const uint64_t[4]){77, 3, 6, 4}, 5);
    assert_int_equal(session->telling.covered, 0);
    assert_int_equal(session->hearing.incarnation, 0);
}

static void an_unanswered_hello_is_said_again_after_twice_the_time(void **state)
{
    struct session *session = *state;
    assert_int_equal(session->greeting.hello_at_ms, 1000 + GREETING_MS);
    timers_hello_sent(session, 0, 11000);
    assert_int_equal(session->greeting.hello_at_ms, 11000 + GREETING_MS);
    timers_hello_sent(session, 0, 21000);
    assert_int_equal(session->greeting.hello_at_ms, 21000 + 2 * GREETING_MS);
}

static void urgent_logs_leave_the_queue_before_records(void **state)
{
    struct session *session = *state;
    session_queue(session, (struct log_name){1, 1, LANE_RECORD}, 1, 9);
    session_queue(session, (struct log_name){2, 1, LANE_URGENT}, 1, 2);
    session_queue(session, (struct log_name){3, 1, LANE_CONTROL}, 1, 2);
    assert_int_equal(session_queue_next(session)->log.lane, LANE_CONTROL);
    session_queue_remove(session, session_queue_next(session));
    assert_int_equal(session_queue_next(session)->log.lane, LANE_URGENT);
}

static void asking_again_for_a_log_replaces_the_first_asking(void **state)
{
    struct session *session = *state;
    session_queue(session, (struct log_name){1, 1, LANE_RECORD}, 1, 9);
    session_queue(session, (struct log_name){1, 1, LANE_RECORD}, 4, 20);
    assert_int_equal(session->sending.queue_count, 1);
    assert_int_equal(session->sending.queue[0].next, 4);
    assert_int_equal(session->sending.queue[0].to, 20);
}

#define LARGE_RUN 65536
#define SMALL_RUN 300

/* Sends what is next and gives its author. */
static uint32_t serve_next(struct session *session, const uint64_t run_bytes[3])
{
    uint32_t author = session_queue_next(session)->log.node;
    session_queue_served(session, author, run_bytes[author]);
    return author;
}

static void a_log_without_end_does_not_hold_up_other_authors(void **state)
{
    static const uint64_t run_bytes[3] = {0, LARGE_RUN, SMALL_RUN};
    struct session *session = *state;
    session_queue(session, (struct log_name){1, 1, LANE_RECORD}, 1, SEQ_MAX);
    for (int i = 0; i < 100; i++)
        assert_int_equal(serve_next(session, run_bytes), 1);
    session_queue(session, (struct log_name){2, 1, LANE_RECORD}, 1, SEQ_MAX);
    uint64_t sent[3] = {0};
    for (int i = 0; i < 2 * (LARGE_RUN / SMALL_RUN); i++) {
        uint32_t author = serve_next(session, run_bytes);
        sent[author] += run_bytes[author];
        assert_true(sent[1] <= sent[2] + LARGE_RUN);
        assert_true(sent[2] <= sent[1] + LARGE_RUN);
    }
}

static void urgent_entries_without_end_leave_records_a_share(void **state)
{
    static const uint64_t run_bytes[3] = {0, LARGE_RUN, LARGE_RUN};
    struct session *session = *state;
    unsigned sent[3] = {0};
    session_queue(session, (struct log_name){2, 1, LANE_RECORD}, 1, SEQ_MAX);
    session_queue(session, (struct log_name){1, 1, LANE_URGENT}, 1, SEQ_MAX);
    unsigned ahead = 2 * LANE_LEAD_BYTES / LARGE_RUN;
    for (unsigned i = 0; i < ahead; i++)
        assert_int_equal(serve_next(session, run_bytes), 1);
    for (int i = 0; i < 100; i++)
        sent[serve_next(session, run_bytes)]++;
    assert_int_equal(sent[1], 50);
}

static void many_logs_of_one_author_get_the_share_of_one(void **state)
{
    static const uint64_t run_bytes[3] = {0, SMALL_RUN, SMALL_RUN};
    struct session *session = *state;
    unsigned sent[3] = {0};
    for (uint16_t tag = 1; tag <= 50; tag++)
        session_queue(session, (struct log_name){1, tag, LANE_RECORD}, 1, SEQ_MAX);
    session_queue(session, (struct log_name){2, 1, LANE_RECORD}, 1, SEQ_MAX);
    for (int i = 0; i < 100; i++)
        sent[serve_next(session, run_bytes)]++;
    assert_int_equal(sent[1], 50);
    assert_int_equal(sent[2], 50);
}

static void an_author_who_had_nothing_queued_is_owed_nothing(void **state)
{
    static const uint64_t run_bytes[3] = {0, SMALL_RUN, SMALL_RUN};
    struct session *session = *state;
    session_queue(session, (struct log_name){1, 1, LANE_RECORD}, 1, SEQ_MAX);
    for (int i = 0; i < 1000; i++)
        (void)serve_next(session, run_bytes);
    session_queue(session, (struct log_name){2, 1, LANE_RECORD}, 1, SEQ_MAX);
    unsigned sent[3] = {0};
    for (int i = 0; i < 10; i++)
        sent[serve_next(session, run_bytes)]++;
    assert_int_equal(sent[1], 5);
}

static void the_window_closes_when_full_and_opens_with_acknowledgements(void **state)
{
    struct session *session = *state;
    session_count_sent(session, WINDOW_START, 1000);
    assert_int_equal(session_room(session), 0);
    session_count_acknowledged(session, WINDOW_START / 2, 1100);
    assert_int_equal(session_room(session), WINDOW_START / 2);
}

static void the_window_doubles_on_a_fast_link_and_halves_on_a_slow_one(void **state)
{
    struct session *session = *state;
    session_count_sent(session, 1000, 1000);
    session_count_acknowledged(session, 1000, 1000 + WINDOW_FAST_MS);
    assert_int_equal(session->sending.window, 2 * WINDOW_START);
    session_count_sent(session, 1000, 5000);
    session_count_acknowledged(session, 1000, 5000 + WINDOW_SLOW_MS);
    assert_int_equal(session->sending.window, WINDOW_START);
}

static void the_window_stays_within_its_bounds(void **state)
{
    struct session *session = *state;
    for (uint64_t i = 1; i <= 20; i++) {
        session_count_sent(session, 1000, 1000 * i);
        session_count_acknowledged(session, 1000, 1000 * i);
    }
    assert_int_equal(session->sending.window, WINDOW_MAX);
    for (uint64_t i = 21; i <= 60; i++) {
        session_count_sent(session, 1000, 100000 * i);
        session_count_acknowledged(session, 1000, 100000 * i + WINDOW_SLOW_MS);
    }
    assert_int_equal(session->sending.window, WINDOW_MIN);
}

static void acknowledging_more_than_was_sent_opens_no_more_than_the_window(void **state)
{
    struct session *session = *state;
    session_count_sent(session, 1000, 1000);
    session_count_acknowledged(session, 5000, 1100);
    assert_int_equal(session->sending.acknowledged, 1000);
    assert_int_equal(session_room(session), session->sending.window);
}

static void what_was_offered_can_be_taken_back_and_what_was_confirmed_cannot(void **state)
{
    struct session *session = *state;
    session_hold(session, 40, 9);
    session_hold(session, 40, 3);
    session_offer(session, 40, 20);
    assert_int_equal(session_held(session, 40), 9);
    assert_int_equal(session_offered(session, 40), 20);
    assert_int_equal(session_held(session, 4000), 0);
    session_withdraw(session, 40, 12);
    assert_int_equal(session_offered(session, 40), 12);
    session_withdraw(session, 40, 4);
    assert_int_equal(session_offered(session, 40), 9);
    session_forget_held(session);
    assert_int_equal(session_held(session, 40), 0);
}

static void a_log_is_owed_once_however_many_runs_came(void **state)
{
    struct session *session = *state;
    session_owe(session, (struct log_name){1, 1, LANE_RECORD});
    session_owe(session, (struct log_name){2, 1, LANE_RECORD});
    session_owe(session, (struct log_name){1, 1, LANE_RECORD});
    assert_true(session->hearing.owes_noted);
    assert_int_equal(session->hearing.owed_count, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_hello_opens_only_a_link_that_is_up),
        TEST(a_new_link_greets_and_has_nothing_under_way),
        TEST(what_was_never_said_cannot_have_been_noted),
        TEST(telling_more_than_there_is_breaks_a_promise),
        TEST(a_counter_of_its_row_beyond_our_newest_run_counts_as_none),
        TEST(an_unanswered_hello_is_said_again_after_twice_the_time),
        TEST(urgent_logs_leave_the_queue_before_records),
        TEST(asking_again_for_a_log_replaces_the_first_asking),
        TEST(a_log_without_end_does_not_hold_up_other_authors),
        TEST(urgent_entries_without_end_leave_records_a_share),
        TEST(many_logs_of_one_author_get_the_share_of_one),
        TEST(an_author_who_had_nothing_queued_is_owed_nothing),
        TEST(the_window_closes_when_full_and_opens_with_acknowledgements),
        TEST(the_window_doubles_on_a_fast_link_and_halves_on_a_slow_one),
        TEST(the_window_stays_within_its_bounds),
        TEST(acknowledging_more_than_was_sent_opens_no_more_than_the_window),
        TEST(what_was_offered_can_be_taken_back_and_what_was_confirmed_cannot),
        TEST(a_log_is_owed_once_however_many_runs_came),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
