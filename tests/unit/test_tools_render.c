#include "tests/unit/tools_fixture.h"

#include "tools/explain.h"
#include "tools/help.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/render.h"
#include "tools/table.h"
#include "tools/wrap.h"

#define HOUR_MS UINT64_C(3600000)

static int in_utf8(void **state)
{
    (void)state;
    (void)unsetenv("LINLI_LANG");
    assert_int_equal(setenv("LC_ALL", "C.UTF-8", 1), 0);
    i18n_init();
    return 0;
}

/* Encoded data under construction. */
static struct buffer data;

static int data_setup(void **state)
{
    (void)state;
    buffer_init(&data, SIZE_MAX);
    return 0;
}

static int data_teardown(void **state)
{
    (void)state;
    buffer_deinit(&data);
    return 0;
}

/* ---- words ---- */

static void an_age_keeps_the_unit_that_says_most(void **state)
{
    static const struct {
        uint64_t ms;
        const char *words;
    } cases[] = {
        {0, "0 s"},
        {4999, "4 s"},
        {119999, "119 s"},
        {120000, "2 min"},
        {2 * HOUR_MS, "2 h"},
        {26 * HOUR_MS, "26 h"},
        {48 * HOUR_MS, "2 d"},
        {12 * 24 * HOUR_MS, "12 d"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char words[WORDS_SIZE];
        age_words(cases[i].ms, words);
        assert_string_equal(words, cases[i].words);
    }
}

static void bytes_are_told_with_two_or_three_figures(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *words;
    } cases[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1.0 kB"},
        {999600, "1.0 MB"},
        {312000000, "312 MB"},
        {8000000000, "8.0 GB"},
        {UINT64_MAX, "18 EB"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char words[WORDS_SIZE];
        bytes_words(cases[i].bytes, words);
        assert_string_equal(words, cases[i].words);
    }
}

static void a_moment_is_told_in_beijing_time(void **state)
{
    char words[WORDS_SIZE];
    (void)state;
    moment_words(FIXTURE_NOW_MS, words);
    assert_string_equal(words, "2026-05-31 16:05");
}

static void a_day_or_a_time_is_put_in_full_in_county_time(void **state)
{
    /* 2026-05-31 16:05 in Beijing, when this runs by the fixture's clock. */
    static const struct {
        const char *typed;
        enum field_type type;
        const char *full; /* NULL: left as it is */
    } cases[] = {
        {"今天", FIELD_DATE, "2026-05-31"},
        {"today", FIELD_MOMENT, "2026-05-31"},
        {"昨天", FIELD_DATE, "2026-05-30"},
        {"yesterday", FIELD_DATE, "2026-05-30"},
        {"前天", FIELD_DATE, "2026-05-29"},
        {"昨天 9:30", FIELD_MOMENT, "2026-05-30 9:30"},
        {"昨天09:30", FIELD_MOMENT, "2026-05-30 09:30"},
        {"14:05", FIELD_MOMENT, "2026-05-31 14:05"},
        {"１４：０５", FIELD_MOMENT, "2026-05-31 14:05"},
        {"now", FIELD_MOMENT, "2026-05-31 16:05"},
        {"05-26", FIELD_DATE, "2026-05-26"},
        {"5月26日", FIELD_DATE, "2026-05-26"},
        {"6.1", FIELD_DATE, "2026-06-01"},
        {"11-30", FIELD_DATE, "2026-11-30"}, /* 183 days ahead */
        {"12-01", FIELD_DATE, "2025-12-01"}, /* 184 */
        {"05-26 14:05", FIELD_MOMENT, "2026-05-26 14:05"},
        {"02-30", FIELD_DATE, "2026-02-30"}, /* which is refused as a date that is none */
        {"14:05", FIELD_DATE, NULL},
        {"25:00", FIELD_MOMENT, NULL},
        {"2026-05-26", FIELD_DATE, NULL},
        {"2026-05-26 14:05", FIELD_MOMENT, NULL},
        {"26-05-31", FIELD_DATE, NULL},
        {"", FIELD_MOMENT, NULL},
        {"今天", FIELD_TEXT, NULL},
        {"todayandaverylongtextthatfitsnobuffer", FIELD_DATE, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char full[TIME_TYPED_SIZE];
        bool read =
            time_read(slice_text(cases[i].typed), cases[i].type, FIXTURE_NOW_MS, full);
        assert_int_equal(read, cases[i].full != NULL);
        if (read)
            assert_string_equal(full, cases[i].full);
    }
}

static void the_machines_zone_changes_no_date(void **state)
{
    char full[TIME_TYPED_SIZE];
    (void)state;
    /* 23:30 in UTC on the 30th is 07:30 on the 31st in the county. */
    const uint64_t late_ms = FIXTURE_NOW_MS - 8 * HOUR_MS - 35 * 60000;
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    assert_true(time_read(slice_text("今天"), FIELD_DATE, late_ms, full));
    assert_string_equal(full, "2026-05-31");
    assert_int_equal(setenv("TZ", "Asia/Shanghai", 1), 0);
    assert_true(time_read(slice_text("今天"), FIELD_DATE, late_ms, full));
    assert_string_equal(full, "2026-05-31");
    assert_int_equal(unsetenv("TZ"), 0);
}

/* ---- tables ---- */

static void put_person(const char *id, const char *name, bool conflict)
{
    codec_put_map(&data, 3);
    put_pair_text(&data, "id", id);
    put_pair_text(&data, "name", name);
    codec_put_cstring(&data, "conflicts");
    codec_put_array(&data, conflict ? 1 : 0);
    if (conflict)
        codec_put_map(&data, 0);
}

static const struct column person_columns[] = {
    {"id", "ID", COLUMN_ID, NULL, 0},
    {"name", "NAME", COLUMN_TEXT, NULL, 0},
    {"conflicts", "MARKS", COLUMN_MARKS, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static void ids_are_cut_where_they_differ_and_wide_names_are_measured(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, false);
    codec_put_array(&data, 3);
    put_person("K3F9ABCD", "王秀英", true);
    put_person("K3F9ABXY", "李", false);
    put_person("ZZZZZZZZ", NULL, false);
    table_print(&screen.terminal, person_columns, buffer_slice(&data));
    screen_flush(&screen);
    assert_string_equal(screen.text, "ID       NAME    MARKS\n"
                                     "K3F9ABC  王秀英  conflict\n"
                                     "K3F9ABX  李\n"
                                     "ZZZZ     -\n");
    screen_close(&screen);
}

static void an_empty_list_prints_no_header(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, false);
    codec_put_array(&data, 0);
    table_print(&screen.terminal, person_columns, buffer_slice(&data));
    screen_flush(&screen);
    assert_string_equal(screen.text, "");
    screen_close(&screen);
}

static void absent_numbers_are_words_and_never_zero(void **state)
{
    static const struct column columns[] = {
        {"heard_ms", "HEARD", COLUMN_AGE, "never", 0},
        {"behind", "BEHIND", COLUMN_COUNT, "?", 0},
        {NULL, NULL, COLUMN_TEXT, NULL, 0},
    };
    struct screen screen;
    (void)state;
    screen_open(&screen, false);
    codec_put_array(&data, 2);
    codec_put_map(&data, 2);
    put_pair_uint(&data, "heard_ms", FIXTURE_NOW_MS - 4000);
    put_pair_uint(&data, "behind", 0);
    codec_put_map(&data, 2);
    put_pair_text(&data, "heard_ms", NULL);
    put_pair_text(&data, "behind", NULL);
    table_print(&screen.terminal, columns, buffer_slice(&data));
    screen_flush(&screen);
    assert_string_equal(screen.text, "HEARD  BEHIND\n"
                                     "  4 s       0\n"
                                     "never       ?\n");
    screen_close(&screen);
}

static void marks_have_a_column_only_where_something_is_marked(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, false);
    codec_put_array(&data, 1);
    put_person("K3F9ABCD", "王秀英", false);
    table_print(&screen.terminal, person_columns, buffer_slice(&data));
    screen_flush(&screen);
    assert_string_equal(screen.text, "ID    NAME\n"
                                     "K3F9  王秀英\n");
    screen_close(&screen);
}

static void on_a_narrow_terminal_columns_go_by_their_rank_and_this_is_said(void **state)
{
    static const struct column columns[] = {
        {"id", "ID", COLUMN_ID, NULL, 0},
        {"name", "NAME", COLUMN_TEXT, NULL, 1},
        {"note", "NOTE", COLUMN_TEXT, NULL, 2},
        {NULL, NULL, COLUMN_TEXT, NULL, 0},
    };
    static const struct {
        size_t width;
        const char *text;
    } cases[] = {
        {0, "ID    NAME    NOTE\nK3F9  王秀英  twenty characters it has\n"},
        {38, "ID    NAME    NOTE\nK3F9  王秀英  twenty characters it has\n"},
        {37, "ID    NAME\nK3F9  王秀英\nNo room for: NOTE\n"},
        {10, "ID\nK3F9\nNo room for: NAME, NOTE\n"},
    };
    (void)state;
    codec_put_array(&data, 1);
    codec_put_map(&data, 3);
    put_pair_text(&data, "id", "K3F9ABCD");
    put_pair_text(&data, "name", "王秀英");
    put_pair_text(&data, "note", "twenty characters it has");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct screen screen;
        screen_open(&screen, false);
        screen.terminal.width = cases[i].width;
        table_print(&screen.terminal, columns, buffer_slice(&data));
        screen_flush(&screen);
        assert_string_equal(screen.text, cases[i].text);
        screen_close(&screen);
    }
}

static void put_place(uint64_t code, const char *name, const char *full_name)
{
    codec_put_map(&data, 3);
    put_pair_uint(&data, "code", code);
    put_pair_text(&data, "name", name);
    put_pair_text(&data, "full_name", full_name);
}

static void
a_place_is_shown_by_its_name_and_where_there_are_several_by_its_path(void **state)
{
    static const struct column columns[] = {
        {"village", "VILLAGE", COLUMN_PLACE, NULL, 0},
        {"village", "CODE", COLUMN_TEXT, NULL, 0},
        {NULL, NULL, COLUMN_TEXT, NULL, 0},
    };
    struct screen screen;
    (void)state;
    codec_put_array(&data, 2);
    codec_put_map(&data, 1);
    put_pair_uint(&data, "village", 331123106204);
    codec_put_map(&data, 1);
    put_pair_uint(&data, "village", 331123999999);
    size_t list = data.size;
    codec_put_array(&data, 1);
    put_place(331123106204, "黄皮村", "石练镇/黄皮村");
    size_t one = data.size;
    codec_put_array(&data, 2);
    put_place(331123106204, "黄皮村", "石练镇/黄皮村");
    put_place(331123203200, "石门村", "高坪乡/石门村");
    screen_open(&screen, false);
    table_print_places(&screen.terminal, columns, slice_of(data.data, list),
                       slice_of(data.data + list, one - list));
    table_print_places(&screen.terminal, columns, slice_of(data.data, list),
                       slice_of(data.data + one, data.size - one));
    screen_flush(&screen);
    assert_string_equal(screen.text, "VILLAGE       CODE\n"
                                     "黄皮村        331123106204\n"
                                     "331123999999  331123999999\n"
                                     "VILLAGE        CODE\n"
                                     "石练镇/黄皮村  331123106204\n"
                                     "331123999999   331123999999\n");
    screen_close(&screen);
}

static void a_value_is_broken_beside_its_label(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, false);
    screen.terminal.width = 30;
    struct lines *lines = lines_begin(&screen.terminal);
    lines_add(lines, "note", "the dog bites whoever comes");
    lines_add(lines, "name", "王");
    lines_end(lines);
    screen_flush(&screen);
    assert_string_equal(screen.text, "note  the dog bites whoever\n"
                                     "      comes\n"
                                     "name  王\n");
    screen_close(&screen);
}

static void a_long_line_is_broken_between_words_and_chinese_characters(void **state)
{
    static const struct {
        const char *line, *broken;
    } cases[] = {
        {"short\n", "short\n"},
        {"Error LL-E1106: it is not in this table\n",
         "Error LL-E1106: it\n      is not in this\n      table\n"},
        {"    four blanks are kept here\n", "    four blanks are\n    kept here\n"},
        {"LL-W1204  gaoping is silent\n", "LL-W1204  gaoping is\n          silent\n"},
        {"石练镇高坪乡王村口镇蔡源乡，云峰\n", "石练镇高坪乡王村口镇\n  蔡源乡，云峰\n"},
        {"\033[31mOFFLINE\033[0m is one word\n", "\033[31mOFFLINE\033[0m is one word\n"},
        {"abcdefghijklmnopqrstuvwxyz\n", "abcdefghijklmnopqrst\n  uvwxyz\n"},
        {"type yes: ", "type yes: "}, /* flushed without its end */
        {"\n\n", "\n\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text;
        size_t size;
        FILE *memory = open_memstream(&text, &size);
        FILE *stream = wrap_open(memory, 20);
        assert_true(fputs(cases[i].line, stream) >= 0);
        assert_int_equal(fclose(stream), 0);
        assert_int_equal(fclose(memory), 0);
        assert_string_equal(text, cases[i].broken);
        free(text);
    }
}

static void control_bytes_in_a_name_cannot_move_the_cursor(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, false);
    codec_put_array(&data, 1);
    put_person("K3F9ABCD", "\033[2J\xff", false);
    table_print(&screen.terminal, person_columns, buffer_slice(&data));
    screen_flush(&screen);
    assert_null(strchr(screen.text, '\033'));
    screen_close(&screen);
}

static void without_colour_no_escape_is_written(void **state)
{
    static const struct column columns[] = {
        {"state", "STATE", COLUMN_STATE, NULL, 0},
        {NULL, NULL, COLUMN_TEXT, NULL, 0},
    };
    struct screen screen;
    (void)state;
    codec_put_array(&data, 1);
    codec_put_map(&data, 1);
    put_pair_text(&data, "state", "offline");
    screen_open(&screen, false);
    table_print(&screen.terminal, columns, buffer_slice(&data));
    screen_flush(&screen);
    assert_string_equal(screen.text, "STATE\noffline\n");
    screen_close(&screen);
    screen_open(&screen, false);
    screen.terminal.colour = true;
    table_print(&screen.terminal, columns, buffer_slice(&data));
    screen_flush(&screen);
    assert_non_null(strstr(screen.text, "\033["));
    screen_close(&screen);
}

/* What is counted is one or many. */
static void one_is_told_in_the_singular(void **state)
{
    static const char *const wanted[] = {"0 logs", "1 log", "2 logs"};
    (void)state;
    for (uint64_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        char words[WORDS_SIZE];
        counted(words, i, "%llu log", "%llu logs");
        assert_string_equal(words, wanted[i]);
    }
}

static void whoever_is_paused_is_resumed_by_the_same_word(void **state)
{
    static char words[][8] = {"linli", "peer", "pause", "all"};
    char *argv[] = {words[0], words[1], words[2], words[3], NULL};
    struct invocation invocation;
    struct failure failure;
    struct screen screen;
    (void)state;
    codec_put_map(&data, 1);
    codec_put_cstring(&data, "peers");
    codec_put_array(&data, 1);
    codec_put_map(&data, 1);
    put_pair_text(&data, "name", "gaoping");
    assert_true(arguments_parse(&invocation, 4, argv, &failure));
    screen_open(&screen, false);
    render_paused(&invocation, &screen.terminal, buffer_slice(&data));
    screen_flush(&screen);
    assert_non_null(strstr(screen.text, "paused: gaoping\n"));
    assert_non_null(strstr(screen.text, "Next: linli peer resume all\n"));
    screen_close(&screen);
    arguments_deinit(&invocation);
}

static void a_hub_is_titled_by_its_countys_name(void **state)
{
    struct screen screen;
    (void)state;
    codec_put_map(&data, 2);
    codec_put_cstring(&data, "node");
    codec_put_map(&data, 3);
    put_pair_text(&data, "name", "county");
    put_pair_uint(&data, "division", 331123);
    put_pair_text(&data, "division_name", NULL);
    codec_put_cstring(&data, "county");
    codec_put_map(&data, 2);
    put_pair_uint(&data, "code", 331123);
    put_pair_text(&data, "name", "遂昌县");
    screen_open(&screen, false);
    render_status(NULL, &screen.terminal, buffer_slice(&data));
    screen_flush(&screen);
    assert_int_equal(strncmp(screen.text, "遂昌县 (county)  ", 18), 0);
    screen_close(&screen);
}

/* ---- JSON ---- */

static void json_keeps_the_daemons_order_and_adds_nothing(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, true);
    codec_put_map(&data, 3);
    codec_put_cstring(&data, "records");
    codec_put_array(&data, 2);
    codec_put_map(&data, 2);
    put_pair_text(&data, "z", "王");
    put_pair_text(&data, "a", NULL);
    codec_put_map(&data, 0);
    codec_put_cstring(&data, "empty");
    codec_put_array(&data, 0);
    codec_put_cstring(&data, "hash");
    codec_put_bytes(&data, slice_of("\x00\xff", 2));
    assert_true(json_reply(screen.terminal.out, "visit list", NULL, buffer_slice(&data)));
    screen_flush(&screen);
    assert_string_equal(screen.text,
                        "{\"v\":1,\"command\":\"visit list\",\"incomplete\":null,"
                        "\"records\":[{\"z\":\"王\",\"a\":null},{}],\"empty\":[],"
                        "\"hash\":\"00ff\"}\n");
    screen_close(&screen);
}

static void what_json_cannot_say_is_refused(void **state)
{
    struct screen screen;
    (void)state;
    screen_open(&screen, true);
    codec_put_map(&data, 1);
    put_pair_uint(&data, "n", UINT64_MAX);
    assert_false(json_reply(screen.terminal.out, "status", NULL, buffer_slice(&data)));
    assert_false(json_reply(screen.terminal.out, "status", NULL, slice_of("\xc1", 1)));
    screen_close(&screen);
}

/* ---- answers ---- */

static void put_version(const char *value, uint64_t stamp_ms, const char *node)
{
    codec_put_map(&data, 6);
    put_pair_text(&data, "field", "tier");
    put_pair_text(&data, "value", value);
    put_pair_text(&data, "version", "7QXMABCDEFGHJKMNPQRS");
    put_pair_uint(&data, "stamp_ms", stamp_ms);
    put_pair_text(&data, "node", node);
    put_pair_text(&data, "actor", "li");
}

static void show_person(struct screen *screen)
{
    char words[][9] = {"linli", "person", "show", "K3F9"};
    char *argv[] = {words[0], words[1], words[2], words[3], NULL};
    struct invocation invocation;
    struct failure failure;
    assert_true(arguments_parse(&invocation, 4, argv, &failure));
    render_record(&invocation, &screen->terminal, buffer_slice(&data));
    screen_flush(screen);
    arguments_deinit(&invocation);
}

static void a_conflict_is_shown_with_both_values_and_how_to_settle_it(void **state)
{
    struct screen screen;
    (void)state;
    codec_put_map(&data, 1);
    codec_put_cstring(&data, "record");
    codec_put_map(&data, 4);
    put_pair_text(&data, "id", "K3F9ABCDEFGHJKMNPQRS");
    put_pair_text(&data, "tier", "high");
    codec_put_cstring(&data, "categories");
    codec_put_array(&data, 2);
    codec_put_cstring(&data, "living-alone");
    codec_put_cstring(&data, "dementia");
    codec_put_cstring(&data, "conflicts");
    codec_put_array(&data, 2);
    put_version("high", FIXTURE_NOW_MS, "gaoping");
    put_version("key", FIXTURE_NOW_MS - HOUR_MS, "shilian");
    screen_open(&screen, false);
    show_person(&screen);
    assert_non_null(strstr(screen.text, "living-alone, dementia\n"));
    assert_non_null(strstr(screen.text,
                           "CONFLICT  tier 探访等级 was written differently at the same "
                           "time; all are kept:\n"
                           "          high  (2026-05-31 16:05, at node gaoping by li)\n"
                           "          key  (2026-05-31 15:05, at node shilian by li)\n"
                           "          Settle it: linli person set K3F9 --tier VALUE\n"));
    screen_close(&screen);
}

static void put_peer(const char *name, const char *peer_state, uint64_t heard_ms,
                     uint64_t to_send)
{
    codec_put_map(&data, 6);
    put_pair_text(&data, "name", name);
    put_pair_text(&data, "state", peer_state);
    put_pair_uint(&data, "heard_ms", heard_ms);
    put_pair_uint(&data, "to_send", to_send);
    if (to_send > 0)
        put_pair_uint(&data, "oldest_ms", heard_ms);
    else
        put_pair_text(&data, "oldest_ms", NULL);
    put_pair_text(&data, "behind", NULL);
}

static void put_summary(void)
{
    static const char *const counts[] = {"linked", "paused", "dialled", "unmet"};
    put_pair_text(&data, "level", "late");
    codec_put_cstring(&data, "summary");
    codec_put_map(&data, 11);
    put_pair_text(&data, "kind", "late");
    put_pair_text(&data, "trouble", NULL);
    put_pair_text(&data, "heard_age_ms", NULL);
    put_pair_uint(&data, "peers", 2);
    put_pair_uint(&data, "late", 1);
    put_pair_uint(&data, "waiting", 42);
    put_pair_uint(&data, "entries", 1204);
    for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
        put_pair_uint(&data, counts[i], 0);
}

static void put_status(void)
{
    codec_put_map(&data, 7);
    put_summary();
    codec_put_cstring(&data, "node");
    codec_put_map(&data, 5);
    put_pair_text(&data, "name", "shilian");
    put_pair_text(&data, "division_name", "石练镇");
    put_pair_text(&data, "fingerprint", "SLN4-7Q2F");
    put_pair_text(&data, "version", "0.1.0");
    put_pair_uint(&data, "started_ms", FIXTURE_NOW_MS - 288 * HOUR_MS);
    put_pair_text(&data, "verdict", "as an older command shows it");
    codec_put_cstring(&data, "troubles");
    codec_put_array(&data, 2);
    codec_put_map(&data, 4);
    put_pair_text(&data, "code", "LL-W1999");
    put_pair_text(&data, "severity", "warning");
    put_pair_text(&data, "text", "a code that this command does not know");
    put_pair_text(&data, "next", NULL);
    codec_put_map(&data, 7);
    put_pair_text(&data, "code", "LL-W1204");
    put_pair_text(&data, "severity", "warning");
    put_pair_text(&data, "text", "as an older command shows it");
    put_pair_uint(&data, "age_ms", 26 * HOUR_MS);
    put_pair_uint(&data, "count", 42);
    put_pair_text(&data, "subject", "gaoping");
    put_pair_text(&data, "next", "linli peer list");
    codec_put_cstring(&data, "peers");
    codec_put_array(&data, 2);
    put_peer("county", "online", FIXTURE_NOW_MS - 4000, 0);
    put_peer("gaoping", "offline", FIXTURE_NOW_MS - 26 * HOUR_MS, 42);
    codec_put_cstring(&data, "storage");
    codec_put_map(&data, 3);
    put_pair_uint(&data, "file_bytes", 312000000);
    put_pair_uint(&data, "disk_free_bytes", 8000000000);
    put_pair_uint(&data, "entries", 1204);
}

static void status_says_the_verdict_first_and_the_next_command_last(void **state)
{
    struct screen screen;
    (void)state;
    put_status();
    screen_open(&screen, false);
    render_status(NULL, &screen.terminal, buffer_slice(&data));
    screen_flush(&screen);
    assert_string_equal(screen.text,
                        "石练镇 (shilian)  SLN4-7Q2F  linlid 0.1.0  up 12 d\n"
                        "LATE 1 of 2 peers late. 42 records wait here; all are saved on "
                        "this disk.\n"
                        "PEER     STATE    HEARD  TO-SEND  OLDEST  BEHIND\n"
                        "county   online     4 s        0       -       ?\n"
                        "gaoping  offline   26 h       42    26 h       ?\n"
                        "Storage   312 MB, 8.0 GB free on its disk; 1204 entries\n"
                        "LL-W1999  a code that this command does not know\n"
                        "LL-W1204  gaoping silent for 26 h (limit 24 h); 42 records wait "
                        "here and are saved on this disk\n"
                        "          Next: Telephone there: is the machine on, is the line "
                        "up? See: linli peer list\n");
    screen_close(&screen);
}

static void a_problem_found_by_verify_is_a_failure(void **state)
{
    (void)state;
    codec_put_map(&data, 1);
    codec_put_cstring(&data, "problems");
    codec_put_array(&data, 0);
    assert_int_equal(judge_verified(buffer_slice(&data)), CODE_DONE);
    buffer_clear(&data);
    codec_put_map(&data, 1);
    codec_put_cstring(&data, "problems");
    codec_put_array(&data, 1);
    codec_put_map(&data, 0);
    assert_int_equal(judge_verified(buffer_slice(&data)), CODE_REFUSED);
}

static void damaged_answers_are_rendered_without_harm(void **state)
{
    (void)state;
    put_status();
    for (size_t size = 0; size < data.size; size++) {
        struct screen screen;
        screen_open(&screen, false);
        render_status(NULL, &screen.terminal, slice_of(data.data, size));
        screen_flush(&screen);
        assert_non_null(strstr(screen.text, "Storage"));
        screen_close(&screen);
    }
}

/* ---- help and codes ---- */

static void every_field_stands_in_the_help_of_its_command(void **state)
{
    const struct schema_register *reg = schema_register(REGISTER_PERSON);
    struct screen screen;
    (void)state;
    screen_open(&screen, false);
    help_command(&screen.terminal, command_find("person", "add"));
    screen_flush(&screen);
    for (size_t i = 0; i < reg->field_count; i++) {
        if (reg->fields[i].apart) { /* it has a command of its own */
            assert_null(strstr(screen.text, reg->fields[i].label));
            continue;
        }
        assert_non_null(strstr(screen.text, reg->fields[i].label));
        assert_non_null(strstr(screen.text, reg->fields[i].help));
    }
    assert_non_null(strstr(screen.text, "--id-number"));
    screen_close(&screen);
}

static void a_code_is_found_however_it_is_typed(void **state)
{
    static const char *const codes[] = {"LL-E1105", "ll-e1105", "E1105", "1105"};
    struct explained explained;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        assert_true(explain_find(codes[i], &explained));
        assert_string_equal(explained.code, "LL-E1105");
        assert_string_equal(explained.text, status_words(ERR_DATE)->text);
        assert_non_null(strstr(explained.detail, "02-30"));
    }
    assert_true(explain_find("LL-W1204", &explained));
    assert_string_equal(explained.severity, "warning");
    for (size_t i = 0; explain_at(i, &explained); i++)
        assert_true(strlen(explained.detail) > 30);
    assert_false(explain_find("0000", &explained));
    assert_false(explain_find("LL-W1105", &explained));
    assert_false(explain_find("11055", &explained));
    assert_false(explain_find("", &explained));
}

static void no_two_codes_are_equal(void **state)
{
    struct explained one, other;
    (void)state;
    for (size_t i = 0; explain_at(i, &one); i++) {
        for (size_t j = 0; j < i && explain_at(j, &other); j++)
            assert_string_not_equal(one.code, other.code);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_age_keeps_the_unit_that_says_most),
        TEST(bytes_are_told_with_two_or_three_figures),
        TEST(a_moment_is_told_in_beijing_time),
        TEST(a_day_or_a_time_is_put_in_full_in_county_time),
        TEST(the_machines_zone_changes_no_date),
        TEST(one_is_told_in_the_singular),
        TEST(marks_have_a_column_only_where_something_is_marked),
        TEST(on_a_narrow_terminal_columns_go_by_their_rank_and_this_is_said),
        TEST(a_place_is_shown_by_its_name_and_where_there_are_several_by_its_path),
        TEST(a_value_is_broken_beside_its_label),
        TEST(a_long_line_is_broken_between_words_and_chinese_characters),
        TEST(whoever_is_paused_is_resumed_by_the_same_word),
        TEST(a_hub_is_titled_by_its_countys_name),
        TEST(ids_are_cut_where_they_differ_and_wide_names_are_measured),
        TEST(an_empty_list_prints_no_header),
        TEST(absent_numbers_are_words_and_never_zero),
        TEST(control_bytes_in_a_name_cannot_move_the_cursor),
        TEST(without_colour_no_escape_is_written),
        TEST(json_keeps_the_daemons_order_and_adds_nothing),
        TEST(what_json_cannot_say_is_refused),
        TEST(a_conflict_is_shown_with_both_values_and_how_to_settle_it),
        TEST(status_says_the_verdict_first_and_the_next_command_last),
        TEST(a_problem_found_by_verify_is_a_failure),
        TEST(damaged_answers_are_rendered_without_harm),
        TEST(every_field_stands_in_the_help_of_its_command),
        TEST(a_code_is_found_however_it_is_typed),
        TEST(no_two_codes_are_equal),
    };
    return cmocka_run_group_tests(tests, in_utf8, NULL);
}
