#include "tests/unit/tools_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tools/county.h"
#include "tools/files.h"

/* A directory of the test's own; the command lines below speak of paths in it. */
struct place {
    char root[256];
    char county[300], grant[330], node[300], request[330], key[330];
};

static void place_path(char *path, size_t size, const char *directory, const char *name)
{
    int length = snprintf(path, size, "%s/%s", directory, name);
    assert_true(length > 0 && (size_t)length < size);
}

static int place_setup(void **state)
{
    static struct place place;
    const char *base = getenv("TMPDIR");
    (void)snprintf(place.root, sizeof place.root, "%s/linli-offline-XXXXXX",
                   base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(place.root));
    place_path(place.county, sizeof place.county, place.root, "county");
    place_path(place.grant, sizeof place.grant, place.county, "county.grant");
    place_path(place.node, sizeof place.node, place.root, "node");
    place_path(place.request, sizeof place.request, place.node, "node.request");
    place_path(place.key, sizeof place.key, place.node, "node.key");
    *state = &place;
    return 0;
}

static int place_teardown(void **state)
{
    static const char *const names[] = {
        "county/authority.key",
        "county/recovery.key",
        "county/county.grant",
        "county",
        "node/node.key",
        "node/node.request",
        "node/county.grant",
        "node",
        "other/node.key",
        "other/node.request",
        "other/county.grant",
        "other/authority.key",
        "other/recovery.key",
        "other",
        "file",
    };
    const struct place *place = *state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[400];
        place_path(path, sizeof path, place->root, names[i]);
        (void)remove(path);
    }
    return rmdir(place->root);
}

/* Runs a command line; what it printed stays in `screen`. */
static enum exit_code run(struct screen *screen, const char *const words[])
{
    char *argv[16] = {strdup("linli")};
    int argc = 1;
    struct invocation invocation;
    struct failure failure;
    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc < 15);
        argv[argc] = strdup(words[argc - 1]);
    }
    assert_true(arguments_parse(&invocation, argc, argv, &failure));
    screen_open(screen, invocation.json);
    enum exit_code code = invocation.command->run(&invocation, &screen->terminal);
    screen_flush(screen);
    arguments_deinit(&invocation);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return code;
}

#define RUN(screen, ...) run(screen, (const char *const[]){__VA_ARGS__, NULL})

/* Runs a command that must end with `code`, and forgets what it printed. */
#define EXPECT(code, ...)                                                                \
    do {                                                                                 \
        struct screen expected;                                                          \
        assert_int_equal(RUN(&expected, __VA_ARGS__), code);                             \
        screen_close(&expected);                                                         \
    } while (0)

static struct buffer content_of(const char *path)
{
    struct buffer bytes;
    buffer_init(&bytes, SIZE_MAX);
    assert_int_equal(file_read(path, GRANT_SIZE_MAX, &bytes), OK);
    return bytes;
}

static void assert_content(const char *path, const struct buffer *before)
{
    struct buffer now = content_of(path);
    assert_true(slice_equal(buffer_slice(&now), buffer_slice(before)));
    buffer_deinit(&now);
}

static unsigned mode_of(const char *path)
{
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    return file.st_mode & 0777;
}

static void found(const struct place *place)
{
    EXPECT(CODE_DONE, "county", "create", place->county, "--county", "331123", "--name",
           "遂昌县");
}

static void keys_are_private_whatever_the_umask(void **state)
{
    const struct place *place = *state;
    char path[400];
    mode_t before = umask(0);
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    (void)umask(before);
    assert_int_equal(mode_of(place->county), 0700);
    assert_int_equal(mode_of(place->grant), 0644);
    assert_int_equal(mode_of(place->request), 0644);
    assert_int_equal(mode_of(place->key), 0600);
    place_path(path, sizeof path, place->county, "authority.key");
    assert_int_equal(mode_of(path), 0600);
    place_path(path, sizeof path, place->county, "recovery.key");
    assert_int_equal(mode_of(path), 0600);
}

static void a_second_founding_touches_nothing(void **state)
{
    const struct place *place = *state;
    char path[400];
    found(place);
    place_path(path, sizeof path, place->county, "authority.key");
    struct buffer key = content_of(path);
    EXPECT(CODE_REFUSED, "county", "create", place->county, "--county", "331123",
           "--name", "x");
    assert_content(path, &key);
    buffer_deinit(&key);
}

static void a_second_init_keeps_the_key(void **state)
{
    const struct place *place = *state;
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    struct buffer key = content_of(place->key);
    EXPECT(CODE_REFUSED, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    assert_int_equal(remove(place->request), 0);
    EXPECT(CODE_REFUSED, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    assert_content(place->key, &key);
    buffer_deinit(&key);
}

static void
names_and_codes_that_cannot_be_are_refused_before_anything_is_made(void **state)
{
    const struct place *place = *state;
    EXPECT(CODE_REFUSED, "node", "init", place->node, "--division", "33112", "--name",
           "a");
    EXPECT(CODE_REFUSED, "node", "init", place->node, "--division", "331123104", "--name",
           "all");
    EXPECT(CODE_REFUSED, "node", "init", place->node, "--division", "331123104", "--name",
           "two words");
    EXPECT(CODE_USAGE, "node", "init", place->node, "--division", "331123104");
    assert_false(file_exists(place->node));
    EXPECT(CODE_REFUSED, "county", "create", place->county, "--county", "331123104",
           "--name", "x");
    assert_false(file_exists(place->county));
}

static void a_node_joins_with_the_grant_that_admits_it(void **state)
{
    const struct place *place = *state;
    struct screen screen;
    char path[400];
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT(CODE_REFUSED, "node", "join", place->grant, "--directory", place->node);
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county,
           place->request);
    assert_int_equal(
        RUN(&screen, "node", "join", place->grant, "--directory", place->node, "--json"),
        CODE_DONE);
    assert_string_equal(screen.text,
                        "{\"v\":1,\"command\":\"node join\",\"incomplete\":null,"
                        "\"number\":1,\"name\":\"shilian\",\"county\":331123,"
                        "\"members\":2}\n");
    screen_close(&screen);
    struct buffer grant = content_of(place->grant);
    place_path(path, sizeof path, place->node, "county.grant");
    assert_content(path, &grant);
    assert_int_equal(mode_of(path), 0644);
    buffer_deinit(&grant);
}

static void without_a_terminal_nobody_is_admitted_but_by_yes(void **state)
{
    const struct place *place = *state;
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    struct buffer grant = content_of(place->grant);
    EXPECT(CODE_USAGE, "node", "admit", "--json", "--county", place->county,
           place->request);
    assert_content(place->grant, &grant);
    buffer_deinit(&grant);
}

/* What a command that must be refused said on stderr. */
static void assert_told(struct screen *screen, enum exit_code code, const char *words)
{
    assert_int_equal(code, CODE_REFUSED);
    if (strstr(screen->error, words) == NULL)
        fail_msg("no \"%s\" in: %s", words, screen->error);
    screen_close(screen);
}

#define EXPECT_TOLD(told, ...)                                                           \
    do {                                                                                 \
        struct screen refused;                                                           \
        enum exit_code code = RUN(&refused, __VA_ARGS__);                                \
        assert_told(&refused, code, told);                                               \
    } while (0)

static void a_file_of_the_other_kind_is_named_as_such(void **state)
{
    const struct place *place = *state;
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT_TOLD("a request, not a grant", "node", "join", place->request, "--directory",
                place->node);
    EXPECT_TOLD("a grant, not a request", "node", "admit", "--yes", "--county",
                place->county, place->grant);
}

static void an_older_grant_is_told_apart_from_a_foreign_one(void **state)
{
    const struct place *place = *state;
    char other[300];
    place_path(other, sizeof other, place->root, "other");
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT_TOLD("it may be older", "node", "join", place->grant, "--directory",
                place->node);
    EXPECT(CODE_DONE, "county", "create", other, "--county", "331123", "--name", "x");
    place_path(other, sizeof other, place->root, "other/county.grant");
    EXPECT_TOLD("LL-E2007", "node", "join", other, "--directory", place->county);
}

static void a_foreign_grant_is_told_by_what_the_node_asked_for(void **state)
{
    const struct place *place = *state;
    char other[300], grant[330];
    place_path(other, sizeof other, place->root, "other");
    place_path(grant, sizeof grant, other, "county.grant");
    EXPECT(CODE_DONE, "county", "create", other, "--county", "331124", "--name", "x");
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT_TOLD("another county's grant", "node", "join", grant, "--directory",
                place->node);
    assert_int_equal(truncate(grant, 60), 0);
    EXPECT_TOLD("LL-E4006", "node", "join", grant, "--directory", place->node);
}

/* What the refusal advises can be done, and then the node is admitted. */
static void a_key_that_exists_is_moved_away_as_advised(void **state)
{
    const struct place *place = *state;
    char away[330];
    place_path(away, sizeof away, place->root, "file");
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT_TOLD("move node.key and node.request away", "node", "init", place->node,
                "--division", "331123104", "--name", "shilian");
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county,
           place->request);
    assert_int_equal(rename(place->key, away), 0);
    assert_int_equal(unlink(place->request), 0);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT_TOLD("with another --name", "node", "admit", "--yes", "--county",
                place->county, place->request);
    EXPECT_TOLD("linli node revoke shilian", "node", "admit", "--yes", "--county",
                place->county, place->request);
    EXPECT(CODE_DONE, "node", "revoke", "shilian", "--yes", "--from-the-start",
           "--county", place->county);
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county,
           place->request);
    EXPECT(CODE_DONE, "node", "join", place->grant, "--directory", place->node);
}

static void an_admission_warns_of_a_place_that_is_unknown_or_served(void **state)
{
    const struct place *place = *state;
    char other[300], request[330], table[300];
    place_path(other, sizeof other, place->root, "other");
    place_path(request, sizeof request, other, "node.request");
    place_path(table, sizeof table, place->root, "file");
    found(place);
    assert_int_equal(
        file_replace(table, slice_text("code,name,parent\n331123,遂昌县,3311\n")), OK);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT(CODE_DONE, "node", "init", other, "--division", "331123104", "--name", "two");
    struct screen screen;
    assert_int_equal(RUN(&screen, "node", "admit", "--yes", "--divisions", table,
                         "--county", place->county, place->request),
                     CODE_DONE);
    assert_non_null(strstr(screen.error, "331123104 is not in"));
    assert_null(strstr(screen.error, "has a node already"));
    screen_close(&screen);
    assert_int_equal(RUN(&screen, "node", "admit", "--yes", "--divisions", table,
                         "--county", place->county, request),
                     CODE_DONE);
    assert_non_null(strstr(screen.error, "has a node already: shilian, number 1"));
    screen_close(&screen);
}

static void a_taken_name_leaves_the_grant_as_it_was(void **state)
{
    const struct place *place = *state;
    char other[300], request[330];
    place_path(other, sizeof other, place->root, "other");
    place_path(request, sizeof request, other, "node.request");
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT(CODE_DONE, "node", "init", other, "--division", "331123104", "--name",
           "shilian");
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county,
           place->request);
    struct buffer grant = content_of(place->grant);
    EXPECT_TOLD("another member has this name", "node", "admit", "--yes", "--county",
                place->county, request);
    assert_content(place->grant, &grant);
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county,
           place->request);
    buffer_deinit(&grant);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

#define HASH_TEXT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void a_node_is_revoked_up_to_what_a_list_of_heads_says(void **state)
{
    const struct place *place = *state;
    struct screen screen;
    char heads[400], other[300], request[330];
    place_path(heads, sizeof heads, place->root, "file");
    place_path(other, sizeof other, place->root, "other");
    place_path(request, sizeof request, other, "node.request");
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT(CODE_DONE, "node", "init", other, "--division", "331123104", "--name",
           "shilian");
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county,
           place->request);
    struct buffer before = content_of(place->grant);

    EXPECT(CODE_USAGE, "node", "revoke", "shilian", "--yes", "--county", place->county);
    write_file(heads, "{\"v\":1,\"logs\":[{\"log\":\"2.0007.record\",\"seq\":9,"
                      "\"hash\":\"" HASH_TEXT "\"}]}");
    EXPECT_TOLD("names no log of that node", "node", "revoke", "shilian", "--yes",
                "--county", place->county, "--heads", heads);
    write_file(heads, "{\"v\":1,\"logs\":[{\"log\":\"1.0007.record\",\"seq\":9,"
                      "\"hash\":\"0011\"}]}");
    EXPECT_TOLD("not what linli log show", "node", "revoke", "shilian", "--yes",
                "--county", place->county, "--heads", heads);
    write_file(heads, "{\"v\":1,\"logs\":[{\"log\":\"0.0000.control\",\"seq\":9,"
                      "\"hash\":\"" HASH_TEXT "\"}]}");
    EXPECT_TOLD("another county", "node", "revoke", "shilian", "--yes", "--county",
                place->county, "--heads", heads);
    EXPECT_TOLD("authority itself", "node", "revoke", "authority", "--yes", "--county",
                place->county, "--from-the-start");
    assert_content(place->grant, &before);
    buffer_deinit(&before);

    write_file(heads, "{\"v\":1,\"logs\":[{\"log\":\"1.0007.record\",\"seq\":9,"
                      "\"hash\":\"" HASH_TEXT "\"}]}");
    assert_int_equal(RUN(&screen, "node", "revoke", "shilian", "--yes", "--json",
                         "--county", place->county, "--heads", heads),
                     CODE_DONE);
    assert_non_null(strstr(screen.text, "\"number\":1,\"name\":\"shilian\",\"logs\":"
                                        "[{\"log\":\"1.0007.record\",\"seq\":9}],"
                                        "\"new_keys\":2}"));
    screen_close(&screen);
    EXPECT_TOLD("revoked already", "node", "revoke", "shilian", "--yes", "--county",
                place->county, "--from-the-start");
    EXPECT_TOLD("this key was revoked", "node", "admit", "--yes", "--county",
                place->county, place->request);
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county, request);
}

static void a_request_from_another_county_is_refused(void **state)
{
    const struct place *place = *state;
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331124104", "--name",
           "songyang");
    EXPECT(CODE_REFUSED, "node", "admit", "--yes", "--county", place->county,
           place->request);
}

/* Every cut of a good grant and every flipped byte is refused, and no directory changes.
 */
static void a_damaged_grant_is_never_joined(void **state)
{
    const struct place *place = *state;
    char path[400], file[400];
    found(place);
    EXPECT(CODE_DONE, "node", "init", place->node, "--division", "331123104", "--name",
           "shilian");
    EXPECT(CODE_DONE, "node", "admit", "--yes", "--county", place->county,
           place->request);
    struct buffer grant = content_of(place->grant);
    place_path(file, sizeof file, place->root, "file");
    place_path(path, sizeof path, place->node, "county.grant");
    for (size_t i = 0; i < grant.size; i += 7) {
        grant.data[i] ^= 1;
        assert_int_equal(file_replace(file, buffer_slice(&grant)), OK);
        EXPECT(CODE_REFUSED, "node", "join", file, "--directory", place->node);
        grant.data[i] ^= 1;
    }
    assert_int_equal(file_replace(file, slice_of(grant.data, grant.size - 1)), OK);
    EXPECT(CODE_REFUSED, "node", "join", file, "--directory", place->node);
    assert_false(file_exists(path));
    buffer_deinit(&grant);
}

static void a_file_is_replaced_whole_and_leaves_nothing_beside_it(void **state)
{
    const struct place *place = *state;
    char path[400];
    place_path(path, sizeof path, place->root, "file");
    assert_int_equal(file_create(path, slice_text("one")), OK);
    assert_int_equal(file_create(path, slice_text("two")), ERR_EXISTS);
    struct buffer before = content_of(path);
    assert_true(slice_equal(buffer_slice(&before), slice_text("one")));
    assert_int_equal(file_replace(path, slice_text("three")), OK);
    struct buffer after = content_of(path);
    assert_true(slice_equal(buffer_slice(&after), slice_text("three")));
    buffer_deinit(&before);
    buffer_deinit(&after);
    buffer_init(&before, SIZE_MAX);
    assert_int_equal(file_read(path, 4, &before), ERR_LIMIT);
    buffer_deinit(&before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

static void no_path_begins_or_ends_with_what_says_nothing(void **state)
{
    static const char *const cases[][2] = {
        {".", "node.key"},     {"./", "node.key"}, {"a", "a/node.key"},
        {"a/", "a/node.key"},  {"/", "/node.key"}, {"/a//", "/a/node.key"},
        {"..", "../node.key"},
    };
    char path[PATH_SIZE_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(path_join(path, cases[i][0], "node.key"), OK);
        assert_string_equal(path, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_private_whatever_the_umask),
        TEST(a_second_founding_touches_nothing),
        TEST(a_second_init_keeps_the_key),
        TEST(names_and_codes_that_cannot_be_are_refused_before_anything_is_made),
        TEST(a_node_is_revoked_up_to_what_a_list_of_heads_says),
        TEST(a_node_joins_with_the_grant_that_admits_it),
        TEST(without_a_terminal_nobody_is_admitted_but_by_yes),
        TEST(a_file_of_the_other_kind_is_named_as_such),
        TEST(an_older_grant_is_told_apart_from_a_foreign_one),
        TEST(a_foreign_grant_is_told_by_what_the_node_asked_for),
        TEST(a_key_that_exists_is_moved_away_as_advised),
        TEST(an_admission_warns_of_a_place_that_is_unknown_or_served),
        TEST(a_taken_name_leaves_the_grant_as_it_was),
        TEST(a_request_from_another_county_is_refused),
        TEST(a_damaged_grant_is_never_joined),
        TEST(a_file_is_replaced_whole_and_leaves_nothing_beside_it),
        TEST(no_path_begins_or_ends_with_what_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
