/* Configuration: every mistake is found, and says where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/api/divisions_csv.h"

/* A directory with linli.conf and conf.d/, and what was read from it. */
struct fixture {
    char directory[256];
    char path[512];
    struct config config;
    struct config_errors errors;
    struct buffer text; /* all errors, as printed */
};

static void write_file(const struct fixture *fixture, const char *name, const void *data,
                       size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", fixture->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void remove_file(const struct fixture *fixture, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", fixture->directory, name);
    (void)remove(path);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *base = getenv("TMPDIR");
    assert_non_null(fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "%s/linli-config.XXXXXX",
             base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof fixture->path, "%s/linli.conf", fixture->directory);
    char drop_ins[512];
    snprintf(drop_ins, sizeof drop_ins, "%s/conf.d", fixture->directory);
    assert_int_equal(mkdir(drop_ins, 0700), 0);
    buffer_init(&fixture->text, 1 << 20);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"linli.conf",          "divisions.csv",
                                        "conf.d/10-peer.conf", "conf.d/20-log.conf",
                                        "conf.d/notes.txt",    "conf.d"};
    struct fixture *fixture = *state;
    config_free(&fixture->config);
    config_errors_free(&fixture->errors);
    buffer_deinit(&fixture->text);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        remove_file(fixture, names[i]);
    assert_int_equal(rmdir(fixture->directory), 0);
    free(fixture);
    return 0;
}

static enum status load(struct fixture *fixture, const char *text)
{
    config_free(&fixture->config);
    config_errors_free(&fixture->errors);
    if (text != NULL)
        write_file(fixture, "linli.conf", text, strlen(text));
    enum status status = config_load(&fixture->config, fixture->path, &fixture->errors);
    buffer_clear(&fixture->text);
    for (size_t i = 0; i < fixture->errors.count; i++)
        config_error_format(&fixture->errors.items[i], &fixture->text);
    buffer_put_u8(&fixture->text, 0);
    return status;
}

static void assert_error(const struct fixture *fixture, size_t index, unsigned line,
                         const char *key, const char *part)
{
    assert_true(index < fixture->errors.count);
    const struct config_error *error = &fixture->errors.items[index];
    assert_int_equal(error->line, line);
    if (key == NULL)
        assert_null(error->key);
    else
        assert_string_equal(error->key, key);
    if (strstr(error->text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, error->text);
}

/* ---- what is right ---- */

static void an_empty_file_gives_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, ""), OK);
    assert_string_equal(fixture->config.directory, "/var/lib/linli");
    assert_string_equal(fixture->config.control_socket, "/run/linli/linlid.sock");
    assert_null(fixture->config.listen);
    assert_null(fixture->config.divisions);
    assert_int_equal(fixture->config.level, LOG_LEVEL_INFO);
    assert_int_equal(fixture->config.peer_count, 0);
}

static void every_key_is_read(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[node]\ndirectory = /srv/linli\n"
                                   "listen = tcp://0.0.0.0:5100\n"
                                   "control_socket = /run/l.sock\n"
                                   "control_group = clerks\n"
                                   "divisions = /usr/share/d.csv\n"
                                   "[peer 县城]\naddress = tcp://[::1]:5100\n"
                                   "[peer gaoping]\naddress = tcp://gaoping.lan:65535\n"
                                   "[log]\nlevel = debug\n"),
                     OK);
    const struct config *config = &fixture->config;
    assert_string_equal(config->directory, "/srv/linli");
    assert_string_equal(config->listen, "tcp://0.0.0.0:5100");
    assert_string_equal(config->control_socket, "/run/l.sock");
    assert_string_equal(config->control_group, "clerks");
    assert_string_equal(config->divisions, "/usr/share/d.csv");
    assert_int_equal(config->level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->peer_count, 2);
    assert_string_equal(config->peers[0].name, "县城");
    assert_string_equal(config->peers[0].address, "tcp://[::1]:5100");
    assert_string_equal(config->peers[1].name, "gaoping");
}

static void comments_blanks_indentation_and_windows_line_ends_mean_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "# a comment\r\n\r\n[log]\r\n"
                                   "    ; another\r\n\tlevel = warning ; why\r\n"),
                     OK);
    assert_int_equal(fixture->config.level, LOG_LEVEL_WARNING);
}

static void a_byte_order_mark_is_no_mistake(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "\xef\xbb\xbf[log]\nlevel = error\n"), OK);
    assert_int_equal(fixture->config.level, LOG_LEVEL_ERROR);
}

static void relative_paths_start_at_the_files_directory(void **state)
{
    struct fixture *fixture = *state;
    char expected[512];
    assert_int_equal(load(fixture, "[node]\ndirectory = data\n"), OK);
    snprintf(expected, sizeof expected, "%s/data", fixture->directory);
    assert_string_equal(fixture->config.directory, expected);
}

static void drop_ins_are_read_in_the_order_of_their_names(void **state)
{
    struct fixture *fixture = *state;
    const char *peer = "[peer a]\naddress = tcp://a:1\n";
    const char *other = "[peer b]\naddress = tcp://b:2\n";
    write_file(fixture, "conf.d/20-log.conf", other, strlen(other));
    write_file(fixture, "conf.d/10-peer.conf", peer, strlen(peer));
    write_file(fixture, "conf.d/notes.txt", "no = configuration\n", 19);
    assert_int_equal(load(fixture, ""), OK);
    assert_int_equal(fixture->config.peer_count, 2);
    assert_string_equal(fixture->config.peers[0].name, "a");
    assert_string_equal(fixture->config.peers[1].name, "b");
}

static void a_listener_may_take_any_port_and_a_peer_may_not(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[node]\nlisten = tcp://127.0.0.1:*\n"), OK);
    assert_int_equal(load(fixture, "[peer a]\naddress = tcp://127.0.0.1:*\n"),
                     ERR_CONFIG);
    assert_error(fixture, 0, 2, "address", "tcp://HOST:PORT");
}

/* ---- what is wrong ---- */

static void all_mistakes_are_found_in_one_pass_with_their_lines(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "level = info\n"            /*  1 outside        */
                                   "[node]\n"                  /*  2                */
                                   "directroy = /srv\n"        /*  3 unknown        */
                                   "listen = 5100\n"           /*  4 bad            */
                                   "[nodes]\n"                 /*  5 unknown, empty */
                                   "[log]\n"                   /*  6                */
                                   "level = loud\n"            /*  7 bad            */
                                   "level = info\n"            /*  8 second         */
                                   "what is this\n"            /*  9 nothing        */
                                   "[peer a\n"                 /* 10 not closed     */
                                   "address = tcp://a:70000\n" /* 11 of that        */
                                   "[peer b]\n"                /* 12 no address     */
                                   "[peer ]\n"                 /* 13 no name        */
                                   "[log]\n"                   /* 14                */
                                   "level =\n"),               /* 15 second         */
                     ERR_CONFIG);
    assert_error(fixture, 0, 1, "level", "before the first section");
    assert_error(fixture, 1, 3, "directroy", "no such key in [node]");
    assert_error(fixture, 2, 4, "listen", "tcp://ADDRESS:PORT");
    assert_error(fixture, 3, 5, "nodes", "no such section");
    assert_error(fixture, 4, 7, "level", "error, warning, info, debug");
    assert_error(fixture, 5, 8, "level", "linli.conf:7");
    assert_error(fixture, 6, 9, NULL, "key = value");
    assert_error(fixture, 7, 10, NULL, "closed");
    assert_error(fixture, 8, 13, "peer ", "no such section");
    assert_error(fixture, 9, 15, "level", "linli.conf:7");
    assert_error(fixture, 10, 12, "peer b", "no address");
    assert_int_equal(fixture->errors.count, 11);
}

static void an_error_is_printed_with_file_line_and_key(void **state)
{
    struct fixture *fixture = *state;
    char expected[600];
    assert_int_equal(load(fixture, "[log]\n\nlevel = loud\n"), ERR_CONFIG);
    snprintf(expected, sizeof expected,
             "%s:3: level: \"loud\" is none of error, warning, info, debug\n",
             fixture->path);
    assert_string_equal((const char *)fixture->text.data, expected);
}

static void an_absent_file_is_a_mistake(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, NULL), ERR_CONFIG);
    assert_error(fixture, 0, 0, NULL, "cannot be read");
}

static void a_key_given_in_two_files_names_the_first(void **state)
{
    struct fixture *fixture = *state;
    const char *again = "[log]\nlevel = debug\n";
    write_file(fixture, "conf.d/20-log.conf", again, strlen(again));
    assert_int_equal(load(fixture, "[log]\nlevel = info\n"), ERR_CONFIG);
    assert_int_equal(fixture->errors.count, 1);
    assert_error(fixture, 0, 2, "level", "linli.conf:2");
    assert_non_null(strstr(fixture->errors.items[0].file, "20-log.conf"));
}

/* inih would cut the line in two and read the rest as a line of its own. */
static void a_line_longer_than_the_parsers_is_refused_whole(void **state)
{
    struct fixture *fixture = *state;
    char text[600], path[401];
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    snprintf(text, sizeof text, "[node]\ndirectory = /%s\n[log]\nlevel = loud\n", path);
    assert_int_equal(load(fixture, text), ERR_CONFIG);
    assert_int_equal(fixture->errors.count, 2);
    assert_error(fixture, 0, 2, NULL, "longer than");
    assert_error(fixture, 1, 4, "level", "none of");
}

/* inih would cut the name after 49 bytes without a word. */
static void a_section_longer_than_the_parsers_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char text[200], name[61];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(text, sizeof text, "[peer %s]\naddress = tcp://a:1\n", name);
    assert_int_equal(load(fixture, text), ERR_CONFIG);
    assert_int_equal(fixture->errors.count, 1);
    assert_error(fixture, 0, 1, NULL, "longer than 49 bytes");
    assert_int_equal(fixture->config.peer_count, 0);
}

/* inih would take the indented line for more of the value above it. */
static void an_indented_line_is_a_line_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[node]\ndirectory = /a\n  listen = tcp://a:1\n"), OK);
    assert_string_equal(fixture->config.directory, "/a");
    assert_string_equal(fixture->config.listen, "tcp://a:1");
}

static void text_that_is_not_clean_is_refused(void **state)
{
    static const char nul[] = "[log]\nlevel = in\0fo\n";
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[peer \xff\xfe]\naddress = tcp://a:1\n"), ERR_CONFIG);
    assert_error(fixture, 0, 1, NULL, "UTF-8");
    write_file(fixture, "linli.conf", nul, sizeof nul - 1);
    assert_int_equal(load(fixture, NULL), ERR_CONFIG);
    assert_error(fixture, 0, 2, NULL, "UTF-8");
}

static void a_socket_path_the_kernel_cannot_take_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char text[300] = "[node]\ncontrol_socket = /";
    memset(text + strlen(text), 's', 120);
    assert_int_equal(load(fixture, text), ERR_CONFIG);
    assert_error(fixture, 0, 2, "control_socket", "107 bytes");
}

static void any_bytes_give_a_configuration_or_errors(void **state)
{
    static const char alphabet[] = "[]=:;# \t\n\rpeer node log\xff\0a";
    struct fixture *fixture = *state;
    uint64_t seed = 20261121;
    for (int round = 0; round < 300; round++) {
        char text[400];
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            text[i] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
        write_file(fixture, "linli.conf", text, sizeof text);
        enum status status = load(fixture, NULL);
        if ((status == OK) != (fixture->errors.count == 0))
            fail_msg("round %d of seed 20261121", round);
    }
}

/* ---- divisions ---- */

static enum status load_divisions(struct fixture *fixture, const char *text,
                                  struct divisions *divisions)
{
    char path[512];
    write_file(fixture, "divisions.csv", text, strlen(text));
    snprintf(path, sizeof path, "%s/divisions.csv", fixture->directory);
    config_errors_free(&fixture->errors);
    divisions_init(divisions);
    return divisions_csv_load(path, divisions, &fixture->errors);
}

static void divisions_are_read_whatever_the_order_of_columns(void **state)
{
    struct fixture *fixture = *state;
    struct divisions divisions;
    assert_int_equal(load_divisions(fixture,
                                    "\xef\xbb\xbfname,parent,code\r\n"
                                    "\"石练镇\",331123,331123103\r\n"
                                    "遂昌县,3311,331123\r\n"
                                    "淳安县,3301,330127\r\n",
                                    &divisions),
                     OK);
    assert_int_equal(divisions.count, 3);
    assert_string_equal(divisions_find(&divisions, 331123103)->name, "石练镇");
    divisions_keep_county(&divisions, 331123);
    assert_int_equal(divisions.count, 2);
    assert_null(divisions_find(&divisions, 330127));
    divisions_deinit(&divisions);
}

static void mistakes_in_divisions_name_their_lines(void **state)
{
    struct fixture *fixture = *state;
    struct divisions divisions;
    assert_int_equal(load_divisions(fixture,
                                    "code,name,parent\n"
                                    "331123,遂昌县,3311\n"
                                    "33112,short,3311\n"
                                    "331123101,,331123\n"
                                    "331123102,elsewhere,331124\n"
                                    "331123,again,3311\n",
                                    &divisions),
                     ERR_CONFIG);
    assert_error(fixture, 0, 3, "code", "6, 9 or 12");
    assert_error(fixture, 1, 4, "name", "empty");
    assert_error(fixture, 2, 5, "parent", "contain");
    assert_error(fixture, 3, 6, "code", "twice, first in line 2");
    assert_int_equal(fixture->errors.count, 4);
    divisions_deinit(&divisions);
}

static void merged_places_name_a_place_that_stands(void **state)
{
    struct fixture *fixture = *state;
    struct divisions divisions;
    assert_int_equal(load_divisions(fixture,
                                    "code,name,parent,并入代码\n"
                                    "331123,遂昌县,3311,\n"
                                    "331123101201,甲,331123101,331123101202\n"
                                    "331123101202,乙,331123101,\n",
                                    &divisions),
                     OK);
    assert_true(divisions_standing(&divisions, UINT64_C(331123101201)) ==
                UINT64_C(331123101202));
    divisions_deinit(&divisions);
    assert_int_equal(load_divisions(fixture,
                                    "code,name,parent,successor\n"
                                    "331123101201,甲,331123101,331123101\n"
                                    "331123101202,乙,331123101,331123101203\n"
                                    "331123101204,丙,331123101,331123101205\n"
                                    "331123101205,丁,331123101,331123101204\n",
                                    &divisions),
                     ERR_CONFIG);
    assert_error(fixture, 0, 2, "successor", "same level");
    assert_error(fixture, 1, 3, "successor", "not in the table");
    assert_error(fixture, 2, 4, "successor", "circle");
    divisions_deinit(&divisions);
}

static void a_divisions_file_without_its_columns_gives_one_error_each(void **state)
{
    struct fixture *fixture = *state;
    struct divisions divisions;
    assert_int_equal(load_divisions(fixture, "a,b\n1,2\n3,4\n", &divisions), ERR_CONFIG);
    assert_int_equal(fixture->errors.count, 3);
    assert_error(fixture, 0, 1, "code", "no such column");
    divisions_deinit(&divisions);
    assert_int_equal(
        load_divisions(fixture, "code,name,parent\n331123,\"open", &divisions),
        ERR_CONFIG);
    divisions_deinit(&divisions);
}

/* Files as spreadsheets and people write them, in tests/cases/divisions: the same three
 * places in each, or a refusal with line and column. */
static void a_table_is_read_whatever_wrote_it(void **state)
{
    static const char *const read[] = {"blank-rows",
                                       "bom-crlf-nolast",
                                       "bom",
                                       "chinese-header",
                                       "crlf",
                                       "excel-float",
                                       "excel-tab-guard",
                                       "excel-text-quote",
                                       "extra-column",
                                       "fullwidth",
                                       "gb18030",
                                       "other-order",
                                       "plain",
                                       "rare-name",
                                       "semicolon",
                                       "tab",
                                       "utf16le"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_SIZE(read); i++) {
        struct divisions divisions;
        char path[128];
        snprintf(path, sizeof path, "tests/cases/divisions/%s.csv", read[i]);
        config_errors_free(&fixture->errors);
        divisions_init(&divisions);
        if (divisions_csv_load(path, &divisions, &fixture->errors) != OK)
            fail_msg("%s: line %u: %s", path, fixture->errors.items[0].line,
                     fixture->errors.items[0].text);
        assert_int_equal(divisions.count, 3);
        assert_string_equal(divisions_find(&divisions, 331123)->name, "遂昌县");
        assert_string_equal(divisions_find(&divisions, 331123106)->name, "石练镇");
        assert_non_null(divisions_find(&divisions, 331123106204));
        divisions_deinit(&divisions);
    }
}

static void a_table_that_cannot_be_meant_is_refused_by_line_and_column(void **state)
{
    static const struct {
        const char *file;
        unsigned line;
        const char *key, *text;
    } refused[] = {
        {"duplicate", 5, "code", "first in line 4"},
        {"excel-scientific", 4, "code", "rounded"},
        {"newline-in-quote", 4, "name", "two lines"},
        {"unclosed-quote", 4, NULL, "not closed"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct divisions divisions;
        char path[128];
        snprintf(path, sizeof path, "tests/cases/divisions/%s.csv", refused[i].file);
        config_errors_free(&fixture->errors);
        divisions_init(&divisions);
        assert_int_equal(divisions_csv_load(path, &divisions, &fixture->errors),
                         ERR_CONFIG);
        assert_int_equal(fixture->errors.count, 1);
        assert_error(fixture, 0, refused[i].line, refused[i].key, refused[i].text);
        divisions_deinit(&divisions);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void a_link_local_address_needs_its_interface(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "[peer a]\naddress = tcp://[fe80::1]:5100\n"),
                     ERR_CONFIG);
    assert_error(fixture, 0, 2, "address", "tcp://[fe80::1%eth0]:5100");
    assert_int_equal(load(fixture, "[peer a]\naddress = tcp://[fe80::1%eth0]:5100\n"
                                   "[peer b]\naddress = tcp://[fec0::1]:5100\n"),
                     OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_file_gives_the_defaults),
        TEST(a_link_local_address_needs_its_interface),
        TEST(every_key_is_read),
        TEST(comments_blanks_indentation_and_windows_line_ends_mean_nothing),
        TEST(a_byte_order_mark_is_no_mistake),
        TEST(relative_paths_start_at_the_files_directory),
        TEST(drop_ins_are_read_in_the_order_of_their_names),
        TEST(a_listener_may_take_any_port_and_a_peer_may_not),
        TEST(all_mistakes_are_found_in_one_pass_with_their_lines),
        TEST(an_error_is_printed_with_file_line_and_key),
        TEST(an_absent_file_is_a_mistake),
        TEST(a_key_given_in_two_files_names_the_first),
        TEST(a_line_longer_than_the_parsers_is_refused_whole),
        TEST(a_section_longer_than_the_parsers_is_refused),
        TEST(an_indented_line_is_a_line_of_its_own),
        TEST(text_that_is_not_clean_is_refused),
        TEST(a_socket_path_the_kernel_cannot_take_is_refused),
        TEST(any_bytes_give_a_configuration_or_errors),
        TEST(divisions_are_read_whatever_the_order_of_columns),
        TEST(mistakes_in_divisions_name_their_lines),
        TEST(merged_places_name_a_place_that_stands),
        TEST(a_table_is_read_whatever_wrote_it),
        TEST(a_table_that_cannot_be_meant_is_refused_by_line_and_column),
        TEST(a_divisions_file_without_its_columns_gives_one_error_each),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
