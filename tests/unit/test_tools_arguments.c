#include "tests/unit/tools_fixture.h"

#include "tools/ask.h"
#include "tools/hint.h"

#define WORDS_MAX 16

/* A command line from a list ended by NULL. */
struct line {
    char *argv[WORDS_MAX];
    struct invocation invocation;
    struct failure failure;
    bool understood;
};

static void line_parse(struct line *line, const char *const words[])
{
    static char program[] = "linli";
    int argc = 1;
    line->argv[0] = program;
    for (; words[argc - 1] != NULL; argc++) {
        assert_true(argc < WORDS_MAX - 1);
        line->argv[argc] = strdup(words[argc - 1]);
    }
    line->argv[argc] = NULL;
    line->understood =
        arguments_parse(&line->invocation, argc, line->argv, &line->failure);
}

static void line_free(struct line *line)
{
    arguments_deinit(&line->invocation);
    for (int i = 1; line->argv[i] != NULL; i++)
        free(line->argv[i]);
}

#define PARSE(line, ...) line_parse(line, (const char *const[]){__VA_ARGS__, NULL})

static void options_may_stand_before_and_after_the_command(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "--socket", "/tmp/s", "peer", "--json", "pause", "gaoping");
    assert_true(line.understood);
    assert_string_equal(line.invocation.command->name, "peer pause");
    assert_string_equal(line.invocation.socket, "/tmp/s");
    assert_true(line.invocation.json);
    assert_string_equal(arguments_value(&line.invocation, "peer"), "gaoping");
    line_free(&line);
}

static void a_field_is_named_with_hyphens_or_by_its_label(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "person", "add", "--id-number=110101", "--姓名", "王秀英");
    assert_true(line.understood);
    assert_string_equal(arguments_value(&line.invocation, "id_number"), "110101");
    assert_string_equal(arguments_value(&line.invocation, "name"), "王秀英");
    line_free(&line);
}

static void what_cannot_change_is_no_option_of_set(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "visit", "amend", "7QXM", "--person", "K3F9");
    assert_false(line.understood);
    assert_true(line.failure.usage);
    assert_string_equal(line.failure.subject, "--person");
    assert_string_equal(line.failure.next_own, "linli help visit amend");
    line_free(&line);
}

static void a_missing_argument_is_named(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "person", "show", "--reveal");
    assert_false(line.understood);
    assert_string_equal(line.failure.subject, "ID");
    line_free(&line);
}

static void help_needs_nothing_else(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "person", "show", "--help");
    assert_true(line.understood);
    assert_true(line.invocation.help);
    line_free(&line);
    PARSE(&line, "person", "--help");
    assert_true(line.understood);
    assert_null(line.invocation.command);
    assert_string_equal(line.invocation.group, "person");
    line_free(&line);
}

static void a_value_given_twice_is_refused_unless_the_field_is_a_set(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "person", "add", "--name", "a", "--name", "b");
    assert_false(line.understood);
    line_free(&line);
    PARSE(&line, "person", "add", "--phones", "1", "--phones", "2");
    assert_true(line.understood);
    line_free(&line);
}

static void an_error_before_json_still_comes_as_json(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "persn", "--json");
    assert_false(line.understood);
    assert_true(line.invocation.json);
    line_free(&line);
}

static void text_that_is_not_utf8_is_refused_with_its_field(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "person", "add", "--name", "\xd0\xa1\xff");
    assert_false(line.understood);
    assert_int_equal(line.failure.number, ERR_TEXT);
    assert_string_equal(line.failure.subject, "--name");
    line_free(&line);
}

static void assert_needs(const char *subject, const char *const words[])
{
    struct line line;
    struct failure failure = {0};
    line_parse(&line, words);
    assert_true(line.understood);
    assert_false(arguments_check_needed(&line.invocation, &failure));
    assert_true(failure.usage);
    assert_string_equal(failure.subject, subject);
    line_free(&line);
}

#define NEEDS(subject, ...)                                                              \
    assert_needs(subject, (const char *const[]){__VA_ARGS__, NULL})

static void a_required_option_that_is_missing_or_empty_is_named_as_typed(void **state)
{
    (void)state;
    NEEDS("--village", "person", "add", "--name", "王秀英");
    NEEDS("--name", "person", "add", "--name", "", "--village", "331123106204");
    NEEDS("--reason", "person", "void", "K3F9");
    NEEDS("--county", "node", "admit", "shilian.request");
}

static void a_change_of_no_field_is_none(void **state)
{
    struct line line;
    struct failure failure;
    (void)state;
    NEEDS("person set", "person", "set", "K3F9");
    NEEDS("visit amend", "visit", "amend", "7QXM");
    PARSE(&line, "person", "set", "K3F9", "--phones", "");
    assert_true(arguments_check_needed(&line.invocation, &failure));
    line_free(&line);
}

static void a_socket_option_needs_a_path(void **state)
{
    static const char *const lines[][3] = {{"-s", NULL}, {"status", "--socket="}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct line line;
        line_parse(&line, lines[i]);
        assert_false(line.understood);
        assert_string_equal(line.failure.text, "this option needs a path");
        line_free(&line);
    }
}

/* What a person is told where the daemon refuses the line with this status and subject. */
static void hint(struct failure *failure, enum status status, const char *subject,
                 const char *const words[])
{
    struct line line;
    line_parse(&line, words);
    assert_true(line.understood);
    failure_set(failure, status, "%s", subject);
    hint_add(failure, &line.invocation);
    line_free(&line);
}

#define HINT(failure, status, subject, ...)                                              \
    hint(failure, status, subject, (const char *const[]){__VA_ARGS__, NULL})

static void a_refused_choice_shows_what_was_typed_and_what_it_takes(void **state)
{
    struct failure failure;
    (void)state;
    HINT(&failure, ERR_FIELD_VALUE, "tier", "person", "set", "K3F9", "--tier", "highest");
    assert_string_equal(failure.subject, "--tier highest");
    assert_string_equal(failure.next_own, "Use one of: high, key, general");
    HINT(&failure, ERR_DIVISION, "village", "person", "set", "K3F9", "--village", "3311");
    assert_string_equal(failure.subject, "--village 3311");
    HINT(&failure, ERR_FIELD_VALUE, "tier", "person", "set", "K3F9", "--tier", "highest",
         "--json");
    assert_string_equal(failure.subject, "tier");
}

static void a_misspelt_word_is_answered_with_the_nearest_that_is_one(void **state)
{
    static const struct {
        const char *words[5];
        const char *next; /* NULL: nothing is near */
    } cases[] = {
        {{"persn", "list"}, "Did you mean linli person? Otherwise: linli help"},
        {{"statsu"}, "Did you mean linli status? Otherwise: linli help"},
        {{"person", "lst"},
         "Did you mean linli person list? Otherwise: linli help person"},
        {{"visit", "lsit"}, "Did you mean linli visit list? Otherwise: linli help visit"},
        {{"person", "add", "--nmae", "x"},
         "Did you mean --name? Otherwise: linli help person add"},
        {{"person", "add", "--id_numbr", "x"},
         "Did you mean --id-number? Otherwise: linli help person add"},
        {{"person", "add", "--探访级", "x"},
         "Did you mean --探访等级? Otherwise: linli help person add"},
        {{"xyzzy"}, NULL},
        {{"person", "add", "--xy", "x"}, "linli help person add"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct line line;
        line_parse(&line, cases[i].words);
        assert_false(line.understood);
        assert_string_equal(line.failure.next_own,
                            cases[i].next != NULL ? cases[i].next : "");
        line_free(&line);
    }
}

static void a_misspelt_choice_is_answered_with_the_nearest(void **state)
{
    struct failure failure;
    (void)state;
    HINT(&failure, ERR_FIELD_VALUE, "tier", "person", "set", "K3F9", "--tier", "hihg");
    assert_string_equal(failure.next_own,
                        "Did you mean high? Use one of: high, key, general");
    HINT(&failure, ERR_FIELD_VALUE, "tier", "person", "set", "K3F9", "--tier", "高风");
    assert_string_equal(failure.next_own,
                        "Did you mean 高风险? Use one of: high, key, general");
}

static void a_place_of_the_wrong_level_is_told_its_level_and_where_to_look(void **state)
{
    struct failure failure;
    (void)state;
    HINT(&failure, ERR_VILLAGE_WANTED, "village", "person", "set", "K3F9", "--village",
         "331123106");
    assert_string_equal(failure.text, "this is a township; a village is wanted");
    assert_string_equal(failure.next_own, "Its villages: linli place find 331123106");
    HINT(&failure, ERR_VILLAGE_WANTED, "village", "person", "set", "K3F9", "--village",
         "石练镇");
    assert_string_equal(failure.next_own, "Its villages: linli place find 石练镇");
    HINT(&failure, ERR_DIVISION, "石练镇/石门", "person", "list", "--division",
         "石练镇/石门");
    assert_string_equal(failure.subject, "--division 石练镇/石门");
    assert_string_equal(failure.next_own, "Look it up: linli place find 石门");
    HINT(&failure, ERR_DIVISION, "village", "person", "set", "K3F9", "--village",
         "331123106999");
    assert_string_equal(failure.next_own, "");
    assert_non_null(strstr(failure.next, "linli place find TEXT"));
}

static void of_a_long_value_a_short_piece_is_repeated_and_the_limit_is_named(void **state)
{
    static char value[6001];
    struct failure failure;
    (void)state;
    for (size_t i = 0; i < 2000; i++)
        memcpy(value + 3 * i, "长", 3);
    HINT(&failure, ERR_FIELD_TOO_LONG, "name", "person", "set", "K3F9", "--name", value);
    assert_string_equal(
        failure.subject,
        "--name 长长长长长长长长长长长长长长长长长长长长长长长长长长长长长长...");
    assert_string_equal(failure.next_own, "Give at most 50 characters; this has 2000.");
    HINT(&failure, ERR_FIELD_TOO_LONG, "reason", "person", "void", "K3F9", "--reason",
         value);
    assert_string_equal(failure.next_own, "Give at most 500 characters; this has 2000.");
    HINT(&failure, ERR_FIELD_VALUE, "minutes", "visit", "add", "K3F9", "--minutes",
         "1441");
    assert_string_equal(failure.next_own, "Give a whole number, at most 1440.");
    /* The daemon repeats only the beginning of what is no field. */
    char begun[121] = "";
    memcpy(begun, value, sizeof begun - 1);
    HINT(&failure, ERR_NOT_FOUND, begun, "person", "show", value);
    assert_true(strlen(failure.subject) < 100);
    assert_string_equal(failure.next_own, "linli person find TEXT");
}

static void an_unknown_word_is_repeated_short_and_steers_no_terminal(void **state)
{
    char piece[PIECE_SIZE];
    struct line line;
    (void)state;
    PARSE(&line, "\033[31mred\xff");
    assert_false(line.understood);
    assert_string_equal(line.failure.subject, "?[31mred?");
    line_free(&line);
    failure_piece("\xe7\x8e", piece); /* cut within a character */
    assert_string_equal(piece, "?");
    failure_piece("", piece);
    assert_string_equal(piece, "");
}

static void a_sealed_value_is_never_repeated(void **state)
{
    struct failure failure;
    (void)state;
    HINT(&failure, ERR_ID_NUMBER, "id_number", "person", "set", "K3F9", "--id-number",
         "330102194001011238");
    assert_string_equal(failure.subject, "--id-number");
}

static void a_name_for_an_id_is_looked_up_by_the_next_command(void **state)
{
    struct failure failure;
    (void)state;
    HINT(&failure, ERR_NOT_FOUND, "person", "visit", "add", "王桂英", "--method", "home");
    assert_string_equal(failure.next_own, "linli person find 王桂英");
    HINT(&failure, ERR_NOT_FOUND, "王 桂英", "person", "show", "王 桂英");
    assert_string_equal(failure.next_own, "linli person find '王 桂英'");
    HINT(&failure, ERR_NOT_FOUND, "hub", "peer", "pause", "hub");
    assert_string_equal(failure.next, "linli peer list");
}

static void after_two_hyphens_everything_is_an_argument(void **state)
{
    struct line line;
    (void)state;
    PARSE(&line, "person", "find", "--", "--json");
    assert_true(line.understood);
    assert_false(line.invocation.json);
    assert_string_equal(arguments_value(&line.invocation, "text"), "--json");
    line_free(&line);
}

static void every_command_is_found_by_its_own_name_and_has_help(void **state)
{
    const struct command *command;
    (void)state;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        char first[32];
        const char *blank = strchr(command->name, ' ');
        size_t size =
            blank != NULL ? (size_t)(blank - command->name) : strlen(command->name);
        (void)snprintf(first, sizeof first, "%.*s", (int)size, command->name);
        assert_ptr_equal(command_find(first, blank != NULL ? blank + 1 : NULL), command);
        assert_true(strlen(command->help) > 10);
        assert_non_null(command->run);
        assert_int_equal(strncmp(command->example, "linli ", 6), 0);
    }
}

/* The examples of help and manual are command lines that are understood. */
static void every_example_is_understood(void **state)
{
    const struct command *command;
    (void)state;
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        struct line line;
        const char *words[WORDS_MAX] = {0};
        size_t count = 0;
        char *copy = strdup(command->example + strlen("linli "));
        for (char *at = copy; *at != '\0' && count < WORDS_MAX - 2; count++) {
            char end = *at == '\'' ? '\'' : ' ';
            words[count] = end == '\'' ? ++at : at;
            at += strcspn(at, end == '\'' ? "'" : " ");
            for (; *at == end || *at == ' '; at++)
                *at = '\0';
        }
        line_parse(&line, words);
        assert_true(line.understood);
        assert_ptr_equal(line.invocation.command, command);
        line_free(&line);
        free(copy);
    }
}

/* The manual is written by hand; what it must not do is fall behind the table. */
static void every_command_and_example_stands_in_the_manual(void **state)
{
    char path[] = __FILE__;
    char manual[sizeof path + 32];
    static char text[1 << 20];
    const struct command *command;
    (void)state;
    *strstr(path, "tests/unit/") = '\0';
    (void)snprintf(manual, sizeof manual, "%sdocs/linli.1", path);
    FILE *file = fopen(manual, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        char line[256];
        (void)snprintf(line, sizeof line, "\n.It Ic %s", command->name);
        assert_non_null(strstr(text, line));
        (void)snprintf(line, sizeof line, "\n.Dl %s\n", command->example);
        assert_non_null(strstr(text, line));
    }
}

/* ---- what the daemon is asked ---- */

static struct slice find(struct slice map, const char *key)
{
    struct slice value = {0};
    assert_true(codec_map_find(map, key, &value));
    return value;
}

static void assert_texts(struct slice list, const char *const texts[])
{
    size_t count = 0;
    assert_true(codec_take_array(&list, &count));
    for (size_t i = 0; i < count; i++) {
        struct slice text = {0};
        assert_non_null(texts[i]);
        assert_true(codec_take_text(&list, &text));
        assert_true(slice_equal(text, slice_text(texts[i])));
    }
    assert_null(texts[count]);
}

static void assert_text(struct slice value, const char *wanted)
{
    struct slice text = {0};
    assert_true(codec_take_text(&value, &text));
    assert_true(slice_equal(text, slice_text(wanted)));
}

static void elements_of_a_changed_set_are_added_or_removed_by_their_sign(void **state)
{
    struct line line;
    struct buffer args;
    const char *refused = "";
    (void)state;
    buffer_init(&args, 4096);
    PARSE(&line, "person", "set", "K3F9", "--categories", "-高龄、独居", "--categories",
          "dementia", "--tier", "", "--phones", "++8613800000000");
    assert_true(line.understood);
    assert_int_equal(ask_encode_args(&line.invocation, FIXTURE_NOW_MS, &args, &refused),
                     OK);
    struct slice map = buffer_slice(&args);
    assert_true(codec_check(map));
    struct slice categories = find(map, "categories");
    assert_texts(find(categories, "remove"), (const char *const[]){"高龄", "独居", NULL});
    assert_texts(find(categories, "add"), (const char *const[]){"dementia", NULL});
    assert_texts(find(find(map, "phones"), "add"),
                 (const char *const[]){"+8613800000000", NULL});
    assert_text(find(map, "tier"), "");
    line_free(&line);
    buffer_deinit(&args);
}

static void elements_of_a_new_record_are_taken_as_they_are(void **state)
{
    struct line line;
    struct buffer args;
    const char *refused = "";
    (void)state;
    buffer_init(&args, 4096);
    PARSE(&line, "person", "add", "--phones", "+8613800000000,0578-8120000");
    assert_true(line.understood);
    assert_int_equal(ask_encode_args(&line.invocation, FIXTURE_NOW_MS, &args, &refused),
                     OK);
    assert_texts(find(buffer_slice(&args), "phones"),
                 (const char *const[]){"+8613800000000,0578-8120000", NULL});
    line_free(&line);
    buffer_deinit(&args);
}

static void an_empty_value_empties_a_set(void **state)
{
    struct line line;
    struct buffer args;
    const char *refused = "";
    (void)state;
    buffer_init(&args, 4096);
    PARSE(&line, "person", "set", "K3F9", "--phones", "");
    assert_true(line.understood);
    assert_int_equal(ask_encode_args(&line.invocation, FIXTURE_NOW_MS, &args, &refused),
                     OK);
    assert_text(find(buffer_slice(&args), "phones"), "");
    line_free(&line);
    buffer_deinit(&args);
}

static void days_and_times_go_out_in_full_in_every_date_option(void **state)
{
    struct line line;
    struct buffer args;
    const char *refused = "";
    (void)state;
    buffer_init(&args, 4096);
    PARSE(&line, "visit", "list", "--from", "前天", "--to", "yesterday");
    assert_true(line.understood);
    assert_int_equal(ask_encode_args(&line.invocation, FIXTURE_NOW_MS, &args, &refused),
                     OK);
    assert_text(find(buffer_slice(&args), "from"), "2026-05-29");
    assert_text(find(buffer_slice(&args), "to"), "2026-05-30");
    line_free(&line);
    buffer_clear(&args);
    PARSE(&line, "visit", "add", "K3F9", "--when", "14:05", "--note", "today");
    assert_true(line.understood);
    assert_int_equal(ask_encode_args(&line.invocation, FIXTURE_NOW_MS, &args, &refused),
                     OK);
    assert_text(find(buffer_slice(&args), "when"), "2026-05-31 14:05");
    assert_text(find(buffer_slice(&args), "note"), "today");
    line_free(&line);
    buffer_deinit(&args);
}

static void a_set_of_separators_alone_is_refused_by_name(void **state)
{
    struct line line;
    struct buffer args;
    const char *refused = "";
    (void)state;
    buffer_init(&args, 4096);
    PARSE(&line, "person", "set", "K3F9", "--phones", ",");
    assert_true(line.understood);
    assert_int_equal(ask_encode_args(&line.invocation, FIXTURE_NOW_MS, &args, &refused),
                     ERR_FIELD_VALUE);
    assert_string_equal(refused, "phones");
    line_free(&line);
    buffer_deinit(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_before_and_after_the_command),
        cmocka_unit_test(a_field_is_named_with_hyphens_or_by_its_label),
        cmocka_unit_test(what_cannot_change_is_no_option_of_set),
        cmocka_unit_test(a_missing_argument_is_named),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(a_value_given_twice_is_refused_unless_the_field_is_a_set),
        cmocka_unit_test(an_error_before_json_still_comes_as_json),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_with_its_field),
        cmocka_unit_test(a_required_option_that_is_missing_or_empty_is_named_as_typed),
        cmocka_unit_test(a_change_of_no_field_is_none),
        cmocka_unit_test(a_socket_option_needs_a_path),
        cmocka_unit_test(a_refused_choice_shows_what_was_typed_and_what_it_takes),
        cmocka_unit_test(a_misspelt_word_is_answered_with_the_nearest_that_is_one),
        cmocka_unit_test(a_place_of_the_wrong_level_is_told_its_level_and_where_to_look),
        cmocka_unit_test(a_misspelt_choice_is_answered_with_the_nearest),
        cmocka_unit_test(
            of_a_long_value_a_short_piece_is_repeated_and_the_limit_is_named),
        cmocka_unit_test(an_unknown_word_is_repeated_short_and_steers_no_terminal),
        cmocka_unit_test(a_sealed_value_is_never_repeated),
        cmocka_unit_test(a_name_for_an_id_is_looked_up_by_the_next_command),
        cmocka_unit_test(after_two_hyphens_everything_is_an_argument),
        cmocka_unit_test(every_command_is_found_by_its_own_name_and_has_help),
        cmocka_unit_test(every_example_is_understood),
        cmocka_unit_test(every_command_and_example_stands_in_the_manual),
        cmocka_unit_test(elements_of_a_changed_set_are_added_or_removed_by_their_sign),
        cmocka_unit_test(elements_of_a_new_record_are_taken_as_they_are),
        cmocka_unit_test(an_empty_value_empties_a_set),
        cmocka_unit_test(days_and_times_go_out_in_full_in_every_date_option),
        cmocka_unit_test(a_set_of_separators_alone_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
