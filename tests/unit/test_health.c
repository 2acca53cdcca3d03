/* Health: what is shown, when, and what is hidden because it only follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/run/health.h"

#define MINUTE UINT64_C(60000)
#define HOUR (60 * MINUTE)
#define NEVER UINT64_MAX
#define START_WALL UINT64_C(1780000000000)
#define START_STEADY UINT64_C(5000)

/* A node with up to two peers, at a moment that the tests move. */
struct fixture {
    struct health *health;
    struct health_facts facts;
    struct health_peer peers[2];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->health = health_create();
    fixture->peers[0] = (struct health_peer){.number = 1,
                                             .name = "county",
                                             .linked = true,
                                             .heard_at_ms = START_STEADY,
                                             .to_send_known = true};
    fixture->peers[1] = (struct health_peer){.number = 4,
                                             .name = "gaoping",
                                             .linked = true,
                                             .heard_at_ms = START_STEADY,
                                             .to_send_known = true};
    fixture->facts = (struct health_facts){
        .wall_ms = START_WALL,
        .steady_ms = START_STEADY,
        .started_ms = START_STEADY,
        .founded_wall_ms = START_WALL - HOUR,
        .peers = fixture->peers,
        .peer_count = 2,
        .entries = 1000,
        .disk_free_bytes = UINT64_C(1) << 40,
    };
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    health_destroy(fixture->health);
    free(fixture);
    return 0;
}

static void after(struct fixture *fixture, uint64_t ms)
{
    fixture->facts.wall_ms += ms;
    fixture->facts.steady_ms += ms;
    health_update(fixture->health, &fixture->facts);
}

static const struct trouble *shown(const struct fixture *fixture, enum health_code code)
{
    for (size_t i = 0; i < health_report(fixture->health)->count; i++) {
        if (health_report(fixture->health)->troubles[i].words->code == code)
            return &health_report(fixture->health)->troubles[i];
    }
    return NULL;
}

static void assert_verdict(const struct fixture *fixture, const char *begins)
{
    const char *verdict = health_report(fixture->health)->verdict;
    if (strncmp(verdict, begins, strlen(begins)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", verdict, begins);
}

/* ---- the table ---- */

static void every_trouble_has_its_own_number_and_says_what_to_do(void **state)
{
    (void)state;
#define NUMBER(name, number, severity, text, next) number,
    static const unsigned numbers[] = {HEALTH_TABLE(NUMBER)};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const struct health_words *words = health_words(numbers[i]);
        assert_int_equal(words->code, numbers[i]);
        assert_true(words->text[0] != '\0' && words->next[0] != '\0');
        for (size_t other = 0; other < i; other++)
            assert_int_not_equal(numbers[other], numbers[i]);
    }
    assert_null(health_words(1));
}

/* ---- when ---- */

static void a_node_that_is_well_says_so_with_counts(void **state)
{
    struct fixture *fixture = *state;
    after(fixture, 0);
    assert_int_equal(health_report(fixture->health)->count, 0);
    assert_verdict(fixture, "OK 2 of 2 peers connected");
    assert_non_null(
        strstr(health_report(fixture->health)->verdict, "1000 entries saved"));
    assert_true(health_due_ms(fixture->health) == NEVER);
}

static void a_lost_link_is_not_shown_before_ten_minutes(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1].linked = false;
    fixture->peers[1].to_send_entries = 42;
    after(fixture, 0);
    assert_int_equal(health_report(fixture->health)->count, 0);
    assert_true(health_due_ms(fixture->health) == fixture->facts.steady_ms + 10 * MINUTE);
    after(fixture, 10 * MINUTE - 1);
    assert_int_equal(health_report(fixture->health)->count, 0);
    after(fixture, 1);
    const struct trouble *trouble = shown(fixture, HEALTH_PEER_OFFLINE);
    assert_non_null(trouble);
    assert_string_equal(trouble->subject, "gaoping");
    assert_non_null(strstr(trouble->text, "gaoping for 10 min; 42 records"));
    assert_verdict(fixture,
                   "LATE 1 of 2 peers late. 42 records wait here; all are saved");
}

static void a_blip_is_never_shown(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 20; i++) {
        fixture->peers[1].linked = i % 2 == 0;
        after(fixture, 9 * MINUTE);
        assert_int_equal(health_report(fixture->health)->count, 0);
    }
}

static void a_day_of_silence_replaces_the_lost_link(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1].linked = false;
    after(fixture, 0);
    after(fixture, 26 * HOUR);
    assert_non_null(shown(fixture, HEALTH_PEER_SILENT));
    assert_null(shown(fixture, HEALTH_PEER_OFFLINE));
    assert_non_null(
        strstr(shown(fixture, HEALTH_PEER_SILENT)->text, "gaoping silent for 26 h"));
    assert_true(health_due_ms(fixture->health) == NEVER);
}

static void a_peer_never_heard_is_late_from_the_start_on(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[0].linked = false;
    fixture->peers[0].heard_at_ms = 0;
    after(fixture, 0);
    after(fixture, 25 * HOUR);
    assert_non_null(shown(fixture, HEALTH_PEER_SILENT));
}

static void a_clock_that_is_set_back_frightens_nobody(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[0].linked = false;
    fixture->facts.wall_ms = START_WALL - 40 * MINUTE;
    after(fixture, 0);
    after(fixture, 11 * MINUTE);
    assert_non_null(shown(fixture, HEALTH_PEER_OFFLINE));
    assert_null(shown(fixture, HEALTH_PEER_SILENT));
    fixture->facts.wall_ms = START_WALL - 2 * HOUR;
    after(fixture, 0);
    assert_non_null(shown(fixture, HEALTH_CLOCK));
}

/* A board without a clock starts in 1970 and is set right while it runs. */
static void a_clock_that_is_set_right_changes_no_age(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.wall_ms = 5000;
    fixture->peers[0].linked = false;
    fixture->peers[1].to_send_entries = 3;
    fixture->peers[1].oldest_unsent_at_ms = START_STEADY;
    after(fixture, 0);
    assert_verdict(fixture, "LOOK this machine's clock stands before the county's");
    fixture->facts.wall_ms = START_WALL;
    after(fixture, 11 * MINUTE);
    assert_null(shown(fixture, HEALTH_CLOCK));
    assert_null(shown(fixture, HEALTH_PEER_SILENT));
    assert_null(shown(fixture, HEALTH_PEER_BACKLOG));
    assert_non_null(strstr(shown(fixture, HEALTH_PEER_OFFLINE)->text, "for 11 min"));
    fixture->peers[1].linked = false;
    after(fixture, 0);
    fixture->facts.wall_ms = START_WALL + 20000 * 24 * HOUR;
    after(fixture, 11 * MINUTE);
    assert_null(shown(fixture, HEALTH_PEER_SILENT));
    assert_verdict(fixture, "LATE 2 of 2 peers late");
}

/* Both peers said hello ten minutes ago. */
static void peers_clocks(struct fixture *fixture, uint64_t first_ms, uint64_t second_ms)
{
    const uint64_t clocks_ms[2] = {first_ms, second_ms};
    for (size_t i = 0; i < 2; i++) {
        fixture->peers[i].clock_s = clocks_ms[i] / 1000;
        fixture->peers[i].clock_at_ms = fixture->facts.steady_ms;
    }
    after(fixture, 10 * MINUTE);
}

static void a_clock_far_from_most_others_is_told(void **state)
{
    struct fixture *fixture = *state;
    peers_clocks(fixture, START_WALL, START_WALL + 59 * MINUTE);
    assert_int_equal(health_report(fixture->health)->count, 0);
    uint64_t now_ms = fixture->facts.wall_ms;
    peers_clocks(fixture, now_ms, now_ms + 8 * HOUR);
    assert_int_equal(health_report(fixture->health)->count, 1);
    assert_string_equal(shown(fixture, HEALTH_PEER_CLOCK)->text,
                        "gaoping's clock is 8 h ahead of this machine's");
    fixture->facts.wall_ms += 3650 * 24 * HOUR; /* ours is set, and wrongly */
    after(fixture, MINUTE);
    assert_int_equal(health_report(fixture->health)->count, 1);
    assert_string_equal(shown(fixture, HEALTH_CLOCK_APART)->text,
                        "this machine's clock is 3650 d ahead of county's; most "
                        "connected peers say so");
    assert_verdict(fixture, "LOOK this machine's clock is 3650 d ahead of county's");
    fixture->facts.wall_ms -= 2 * 3650 * 24 * HOUR;
    fixture->facts.founded_wall_ms = 0;
    after(fixture, MINUTE);
    assert_string_equal(shown(fixture, HEALTH_CLOCK_APART)->text,
                        "this machine's clock is 3650 d behind county's; most "
                        "connected peers say so (for 60 s)");
    peers_clocks(fixture, UINT64_MAX, 0); /* by clocks of their choosing */
    assert_non_null(shown(fixture, HEALTH_CLOCK_APART));
}

/* Of the same text, where no more is known, since it was first reported. */
static void every_trouble_tells_for_how_long(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.disk_free_bytes = 1000;
    fixture->facts.strayed_entries = 4;
    fixture->facts.strayed_at_ms = START_STEADY;
    after(fixture, 0);
    assert_non_null(strstr(shown(fixture, HEALTH_DISK_LOW)->text, "(limit 256 MiB)"));
    assert_null(strstr(shown(fixture, HEALTH_DISK_LOW)->text, "(for"));
    after(fixture, 3 * HOUR);
    after(fixture, HOUR);
    assert_non_null(strstr(shown(fixture, HEALTH_DISK_LOW)->text, " (for 4 h)"));
    assert_non_null(strstr(shown(fixture, HEALTH_STRAYED)->text, " (for 4 h)"));
    assert_int_equal(shown(fixture, HEALTH_STRAYED)->age_ms, 4 * HOUR);
}

static void what_was_set_aside_in_an_earlier_life_goes_by_the_wall_clock(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.strayed_entries = 4;
    fixture->facts.strayed_wall_ms = START_WALL - 30 * MINUTE;
    after(fixture, 0);
    assert_non_null(strstr(shown(fixture, HEALTH_STRAYED)->text, " (for 30 min)"));
    fixture->facts.strayed_wall_ms = 7000; /* by a clock that was not set */
    after(fixture, 0);
    assert_int_equal(shown(fixture, HEALTH_STRAYED)->age_ms, 30 * MINUTE);
}

static void what_waits_for_a_peer_never_met_is_unknown_and_not_none(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1] = (struct health_peer){.number = 4, .name = "gaoping"};
    after(fixture, 0);
    assert_verdict(fixture, "OK 1 of 2 peers connected, 0 paused, 1 not met since the "
                            "start. 1000 entries saved on this disk, an unknown number "
                            "still to be sent.");
    fixture->peers[0].to_send_entries = 42;
    after(fixture, 0);
    assert_non_null(strstr(health_report(fixture->health)->verdict,
                           ", at least 42 still to be sent."));
    after(fixture, 11 * MINUTE);
    assert_non_null(strstr(shown(fixture, HEALTH_PEER_OFFLINE)->text,
                           "gaoping for 11 min; an unknown number of records wait here"));
    assert_verdict(fixture, "LATE 1 of 2 peers late, 1 not met since the start. At least "
                            "42 records wait here; all are saved on this disk.");
    fixture->peers[0].to_send_entries = 0;
    after(fixture, 0);
    assert_verdict(fixture, "LATE 1 of 2 peers late, 1 not met since the start. How many "
                            "records wait here is unknown; all are saved");
}

/* ---- why there is no link ---- */

#define SECOND UINT64_C(1000)

/* Peer 1 is dialled, was never met, and its attempts end with `trouble`. */
static void never_met(struct fixture *fixture, enum dial_trouble trouble)
{
    fixture->peers[1] = (struct health_peer){.number = 4,
                                             .name = "gaoping",
                                             .address = "tcp://[fd00::7]:5100",
                                             .dial_trouble = trouble};
}

static void a_node_that_turns_us_away_is_named_after_twenty_seconds(void **state)
{
    struct fixture *fixture = *state;
    never_met(fixture, DIAL_TURNED_AWAY);
    after(fixture, 0);
    assert_true(health_due_ms(fixture->health) == fixture->facts.steady_ms + 20 * SECOND);
    after(fixture, 20 * SECOND - 1);
    assert_int_equal(health_report(fixture->health)->count, 0);
    after(fixture, 1);
    const struct trouble *trouble = shown(fixture, HEALTH_PEER_TURNS_AWAY);
    assert_non_null(trouble);
    assert_string_equal(trouble->next, "Bring the newest county.grant to gaoping and run "
                                       "there: linli node join county.grant");
    assert_verdict(fixture, "LOOK gaoping turned this node away");
    after(fixture, HOUR);
    assert_verdict(fixture, "LOOK gaoping turned this node away");
    fixture->peers[1].linked = fixture->peers[1].to_send_known = true;
    fixture->peers[1].dial_trouble = DIAL_NO_TROUBLE;
    after(fixture, 0);
    assert_int_equal(health_report(fixture->health)->count, 0);
    assert_verdict(fixture, "OK 2 of 2 peers connected");
}

static void a_configured_peer_that_never_answered_is_no_ok(void **state)
{
    struct fixture *fixture = *state;
    never_met(fixture, DIAL_SILENT);
    after(fixture, 0);
    assert_verdict(fixture,
                   "LOOK none of 1 configured peers connected, 1 not met since the "
                   "start. 1000 entries saved on this disk, an unknown number "
                   "still to be sent.");
    after(fixture, 20 * SECOND);
    assert_string_equal(shown(fixture, HEALTH_PEER_UNREACHABLE)->next,
                        "Check address, port and line: ping fd00::7; the address stands "
                        "in linli.conf");
    assert_verdict(fixture,
                   "LOOK gaoping does not answer at tcp://[fd00::7]:5100 (for 20 s).");
    after(fixture, 11 * MINUTE);
    assert_non_null(shown(fixture, HEALTH_PEER_OFFLINE));
    assert_verdict(fixture, "LOOK gaoping does not answer at");
}

static void a_peer_that_was_met_may_be_unreachable_for_ten_minutes(void **state)
{
    struct fixture *fixture = *state;
    never_met(fixture, DIAL_SILENT);
    fixture->peers[1].to_send_known = true;
    after(fixture, 0);
    after(fixture, 10 * MINUTE - 1);
    assert_int_equal(health_report(fixture->health)->count, 0);
    assert_verdict(fixture, "OK 1 of 2 peers connected");
    after(fixture, 1);
    assert_non_null(shown(fixture, HEALTH_PEER_UNREACHABLE));
    assert_verdict(fixture, "LATE 1 of 2 peers late");
}

static void another_node_at_the_address_is_not_the_peer(void **state)
{
    struct fixture *fixture = *state;
    never_met(fixture, DIAL_ANOTHER);
    after(fixture, 0);
    after(fixture, 20 * SECOND);
    assert_string_equal(shown(fixture, HEALTH_PEER_IS_ANOTHER)->next,
                        "Check the address of [peer gaoping] in linli.conf");
    assert_verdict(fixture, "LOOK another node, or no node, answers at tcp://");
}

static void each_cause_of_a_missing_link_has_its_own_words_and_age(void **state)
{
    static const struct {
        enum dial_trouble trouble;
        enum health_code code;
        const char *verdict, *next;
    } rows[] = {
        {DIAL_NO_NAME, HEALTH_PEER_NO_NAME,
         "LOOK gaoping is not dialled: its host fd00::7 has no address (for 20 s).",
         "getent ahosts fd00::7"},
        {DIAL_NO_INTERFACE, HEALTH_PEER_NO_INTERFACE,
         "LOOK gaoping's address tcp://[fd00::7]:5100 is link-local and names no "
         "interface "
         "of this machine (for 20 s).",
         "ip link"},
        {DIAL_NO_ROUTE, HEALTH_PEER_NO_ROUTE,
         "LOOK this machine has no way to gaoping at tcp://[fd00::7]:5100 (for 20 s).",
         "ip route get fd00::7"},
        {DIAL_REFUSED, HEALTH_PEER_REFUSES,
         "LOOK the machine at tcp://[fd00::7]:5100 refuses the connection to gaoping "
         "(for 20 s).",
         "Is linlid running at gaoping"},
        {DIAL_SHUT_OUT, HEALTH_PEER_SHUTS_OUT,
         "LOOK gaoping knows this node and takes no link from it: it is paused "
         "there (for 20 s).",
         "linli peer resume"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fixture->peers[1].linked = true;
        after(fixture, 0);
        never_met(fixture, rows[i].trouble);
        after(fixture, 0);
        after(fixture, 20 * SECOND);
        assert_non_null(shown(fixture, rows[i].code));
        assert_non_null(strstr(shown(fixture, rows[i].code)->next, rows[i].next));
        assert_verdict(fixture, rows[i].verdict);
    }
}

static void strangers_are_forgotten_ten_minutes_after_the_last(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.handshakes_refused = 2;
    after(fixture, 0);
    assert_non_null(shown(fixture, HEALTH_STRANGERS));
    fixture->facts.handshakes_refused = 3;
    after(fixture, 9 * MINUTE);
    assert_true(health_due_ms(fixture->health) == fixture->facts.steady_ms + 10 * MINUTE);
    after(fixture, 10 * MINUTE - 1);
    assert_non_null(strstr(shown(fixture, HEALTH_STRANGERS)->text, "3 connections"));
    after(fixture, 1);
    assert_null(shown(fixture, HEALTH_STRANGERS));
    fixture->facts.handshakes_refused = 4;
    after(fixture, 0);
    assert_true(health_is_news(fixture->health, shown(fixture, HEALTH_STRANGERS)));
}

/* ---- what is hidden ---- */

static void a_paused_peer_is_not_also_late(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1].linked = false;
    fixture->peers[1].paused = true;
    after(fixture, 0);
    after(fixture, 48 * HOUR);
    assert_int_equal(health_report(fixture->health)->count, 1);
    assert_non_null(shown(fixture, HEALTH_PEER_PAUSED));
    assert_string_equal(shown(fixture, HEALTH_PEER_PAUSED)->next,
                        "When the reason is gone: linli peer resume gaoping");
    assert_verdict(fixture, "OK 1 of 2 peers connected, 1 paused");
}

static void a_backlog_of_a_peer_without_link_is_only_a_lost_link(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1].to_send_entries = 7;
    fixture->peers[1].oldest_unsent_at_ms = START_STEADY;
    after(fixture, 2 * HOUR);
    assert_non_null(shown(fixture, HEALTH_PEER_BACKLOG));
    fixture->peers[1].linked = false;
    after(fixture, 0);
    after(fixture, 20 * MINUTE);
    assert_null(shown(fixture, HEALTH_PEER_BACKLOG));
    assert_non_null(shown(fixture, HEALTH_PEER_OFFLINE));
}

static void a_full_disk_hides_that_it_is_nearly_full(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.disk_free_bytes = 1000;
    after(fixture, 0);
    assert_non_null(shown(fixture, HEALTH_DISK_LOW));
    assert_verdict(fixture, "LOOK little free space");
    fixture->facts.store_trouble = ERR_DISK_FULL;
    after(fixture, 0);
    assert_null(shown(fixture, HEALTH_DISK_LOW));
    assert_verdict(fixture, "TROUBLE the disk is full");
}

/* ---- a disk that was put back ---- */

static void another_history_is_told_from_the_suspicion_on(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[0].suspected_since_ms = fixture->facts.steady_ms;
    after(fixture, 5 * SECOND);
    assert_verdict(fixture, "LOOK county seems to hold another history of this node's");
    fixture->peers[0].suspected_since_ms = 0;
    fixture->peers[0].strayed_since_ms = fixture->facts.steady_ms;
    after(fixture, 5 * SECOND);
    assert_null(shown(fixture, HEALTH_SUSPECTED));
    assert_verdict(fixture, "LOOK county's disk was put back, or copied: entries written "
                            "there are kept aside and reach nobody (for 5 s).");
}

static void what_came_back_is_told_when_no_more_comes_and_for_a_day(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.came_back_entries = 7;
    fixture->facts.came_back_at_ms = fixture->facts.steady_ms;
    after(fixture, 9 * SECOND);
    assert_null(shown(fixture, HEALTH_CAME_BACK));
    after(fixture, SECOND);
    assert_string_equal(shown(fixture, HEALTH_CAME_BACK)->text,
                        "this store was put back, or copied: 10 s ago the last of 7 "
                        "entries of its own came back from peers");
    assert_verdict(fixture, "OK ");
    after(fixture, 24 * HOUR);
    assert_null(shown(fixture, HEALTH_CAME_BACK));
}

/* ---- order and news ---- */

static void the_gravest_comes_first_and_gives_the_verdict(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1].paused = true;
    fixture->facts.refused_entries = 3;
    fixture->facts.diverged_logs = 1;
    fixture->facts.diverged_node = "gaoping";
    after(fixture, 0);
    assert_int_equal(health_report(fixture->health)->count, 3);
    assert_int_equal(health_report(fixture->health)->troubles[0].words->code,
                     HEALTH_LOG_DIVERGED);
    assert_int_equal(health_report(fixture->health)->troubles[1].words->code,
                     HEALTH_ENTRIES_REFUSED);
    assert_int_equal(health_report(fixture->health)->troubles[2].words->code,
                     HEALTH_PEER_PAUSED);
    assert_verdict(fixture, "TROUBLE gaoping's records have two histories");
}

static void a_trouble_is_news_once_and_again_after_it_was_gone(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.runs_to_fold = 9;
    after(fixture, 0);
    assert_true(health_is_news(fixture->health, shown(fixture, HEALTH_REFOLDING)));
    fixture->facts.runs_to_fold = 4;
    after(fixture, 1000);
    assert_false(health_is_news(fixture->health, shown(fixture, HEALTH_REFOLDING)));
    fixture->facts.runs_to_fold = 0;
    after(fixture, 1000);
    assert_null(shown(fixture, HEALTH_REFOLDING));
    fixture->facts.runs_to_fold = 1;
    after(fixture, 1000);
    assert_true(health_is_news(fixture->health, shown(fixture, HEALTH_REFOLDING)));
}

static void who_only_looks_leaves_the_news_to_the_journal(void **state)
{
    struct fixture *fixture = *state;
    after(fixture, 0);
    fixture->facts.runs_to_fold = 9;
    struct health *copy = health_copy(fixture->health);
    health_update(copy, &fixture->facts);
    assert_int_equal(health_report(copy)->count, 1);
    health_destroy(copy);
    assert_int_equal(health_report(fixture->health)->count, 0);
    after(fixture, 0);
    assert_true(health_is_news(fixture->health, shown(fixture, HEALTH_REFOLDING)));
}

static void nothing_connected_that_should_is_no_ok(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[0].linked = fixture->peers[1].linked = false;
    after(fixture, 3 * MINUTE);
    assert_verdict(fixture, "LOOK none of 2 peers connected (heard last 3 min ago)");
    assert_int_equal(health_report(fixture->health)->level, HEALTH_LEVEL_LOOK);
    fixture->peers[0].paused = fixture->peers[1].paused = true;
    after(fixture, 0);
    assert_verdict(fixture, "LOOK all 2 peers are paused");
    fixture->peers[0].paused = false;
    fixture->peers[0].linked = true;
    after(fixture, 0);
    assert_verdict(fixture, "OK 1 of 2 peers connected, 1 paused");
    assert_int_equal(health_report(fixture->health)->level, HEALTH_OK);
}

static void what_was_refused_is_no_trouble_an_hour_after_the_last(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1].refused_frames = 3;
    after(fixture, 0);
    assert_non_null(shown(fixture, HEALTH_PEER_REFUSED));
    after(fixture, 59 * MINUTE);
    assert_non_null(shown(fixture, HEALTH_PEER_REFUSED));
    after(fixture, 2 * MINUTE);
    assert_null(shown(fixture, HEALTH_PEER_REFUSED));
    fixture->peers[1].refused_frames = 4;
    after(fixture, 0);
    assert_non_null(shown(fixture, HEALTH_PEER_REFUSED));
}

static void wanted_logs_show_when_they_lasted(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.wanted_logs = 2;
    after(fixture, 0);
    assert_null(shown(fixture, HEALTH_LOGS_WANTED));
    after(fixture, HOUR);
    assert_non_null(shown(fixture, HEALTH_LOGS_WANTED));
    fixture->facts.wanted_logs = 0;
    after(fixture, 1000);
    fixture->facts.wanted_logs = 2;
    after(fixture, 1000);
    assert_null(shown(fixture, HEALTH_LOGS_WANTED));
}

static void nobody_else_means_on_this_disk_only(void **state)
{
    struct fixture *fixture = *state;
    fixture->facts.peer_count = 0;
    after(fixture, 0);
    assert_verdict(fixture, "ALONE 1000 entries saved on this disk and nowhere else");
    after(fixture, MINUTE);
    assert_non_null(shown(fixture, HEALTH_ALONE));
}

static void a_configured_name_the_roster_lacks_is_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->peers[1] = (struct health_peer){.number = 0, .name = "gaopng"};
    after(fixture, 0);
    assert_string_equal(shown(fixture, HEALTH_PEER_UNKNOWN)->subject, "gaopng");
    assert_verdict(fixture, "LOOK gaopng is configured");
}

static void more_troubles_than_fit_leave_the_gravest(void **state)
{
    struct fixture *fixture = *state;
    struct health_peer many[200];
    char names[200][16];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
        snprintf(names[i], sizeof names[i], "node%zu", i);
        many[i] = (struct health_peer){
            .number = (uint32_t)i + 1, .name = names[i], .paused = true};
    }
    fixture->facts.peers = many;
    fixture->facts.peer_count = ARRAY_SIZE(many);
    fixture->facts.revoked = true;
    after(fixture, 0);
    assert_int_equal(health_report(fixture->health)->count, HEALTH_TROUBLES_MAX);
    assert_int_equal(health_report(fixture->health)->troubles[0].words->code,
                     HEALTH_REVOKED);
}

static void a_long_name_is_cut_and_not_overrun(void **state)
{
    struct fixture *fixture = *state;
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fixture->peers[1].name = name;
    fixture->peers[1].paused = true;
    after(fixture, 0);
    const struct trouble *trouble = shown(fixture, HEALTH_PEER_PAUSED);
    assert_non_null(trouble);
    if (trouble == NULL)
        return;
    assert_non_null(memchr(trouble->text, '\0', sizeof trouble->text));
    assert_non_null(memchr(trouble->subject, '\0', sizeof trouble->subject));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_trouble_has_its_own_number_and_says_what_to_do),
        TEST(a_node_that_is_well_says_so_with_counts),
        TEST(a_lost_link_is_not_shown_before_ten_minutes),
        TEST(a_blip_is_never_shown),
        TEST(a_day_of_silence_replaces_the_lost_link),
        TEST(a_peer_never_heard_is_late_from_the_start_on),
        TEST(a_clock_that_is_set_back_frightens_nobody),
        TEST(a_clock_that_is_set_right_changes_no_age),
        TEST(a_clock_far_from_most_others_is_told),
        TEST(every_trouble_tells_for_how_long),
        TEST(what_was_set_aside_in_an_earlier_life_goes_by_the_wall_clock),
        TEST(what_waits_for_a_peer_never_met_is_unknown_and_not_none),
        TEST(a_node_that_turns_us_away_is_named_after_twenty_seconds),
        TEST(a_configured_peer_that_never_answered_is_no_ok),
        TEST(a_peer_that_was_met_may_be_unreachable_for_ten_minutes),
        TEST(another_node_at_the_address_is_not_the_peer),
        TEST(each_cause_of_a_missing_link_has_its_own_words_and_age),
        TEST(strangers_are_forgotten_ten_minutes_after_the_last),
        TEST(a_paused_peer_is_not_also_late),
        TEST(a_backlog_of_a_peer_without_link_is_only_a_lost_link),
        TEST(a_full_disk_hides_that_it_is_nearly_full),
        TEST(another_history_is_told_from_the_suspicion_on),
        TEST(what_came_back_is_told_when_no_more_comes_and_for_a_day),
        TEST(the_gravest_comes_first_and_gives_the_verdict),
        TEST(a_trouble_is_news_once_and_again_after_it_was_gone),
        TEST(who_only_looks_leaves_the_news_to_the_journal),
        TEST(nothing_connected_that_should_is_no_ok),
        TEST(what_was_refused_is_no_trouble_an_hour_after_the_last),
        TEST(wanted_logs_show_when_they_lasted),
        TEST(nobody_else_means_on_this_disk_only),
        TEST(a_configured_name_the_roster_lacks_is_named),
        TEST(more_troubles_than_fit_leave_the_gravest),
        TEST(a_long_name_is_cut_and_not_overrun),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
