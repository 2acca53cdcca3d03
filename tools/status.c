/* status.c - `linli status`: the verdict, then peers, then storage, then each trouble
 * with its code and the next command to type. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crdt/codec.h"
#include "daemon/api/troubles.h"
#include "tools/ask.h"
#include "tools/i18n.h"
#include "tools/render.h"

#define WATCH_SECONDS 2

static const struct column peer_columns[] = {
    {"name", N_("PEER"), COLUMN_TEXT, NULL, 0},
    {"state", N_("STATE"), COLUMN_STATE, NULL, 0},
    {"heard_ms", N_("HEARD"), COLUMN_AGE, N_("never"), 0},
    {"to_send", N_("TO-SEND"), COLUMN_COUNT, "?", 0},
    {"oldest_ms", N_("OLDEST"), COLUMN_AGE, NULL, 2},
    {"behind", N_("BEHIND"), COLUMN_COUNT, "?", 1},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column plain = {"", "", COLUMN_TEXT, NULL, 0};

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static void print_node(const struct terminal *terminal, struct slice data,
                       struct arena *arena)
{
    struct slice node = map_map(data, "node");
    char up[WORDS_SIZE] = "-";
    uint64_t started_ms;
    const char *place = map_text(node, "division_name", arena);
    struct slice county = map_map(data, "county"), division;
    uint64_t code, county_code;
    /* A table of places may lack the county itself; its founding named it. */
    if (place == NULL && map_uint(node, "division", &code) &&
        map_uint(county, "code", &county_code) && code == county_code)
        place = map_text(county, "name", arena);
    if (place == NULL && codec_map_find(node, "division", &division))
        place = value_words(terminal, &plain, division, arena);
    if (map_uint(node, "started_ms", &started_ms))
        age_words(terminal->now_ms > started_ms ? terminal->now_ms - started_ms : 0, up);
    (void)fprintf(terminal->out, _("%s (%s)  %s  linlid %s  up %s\n"), or_dash(place),
                  or_dash(map_text(node, "name", arena)),
                  or_dash(map_text(node, "fingerprint", arena)),
                  or_dash(map_text(node, "version", arena)), up);
}

/* The values as the daemon sent them, in words of this user's language. False where the
 * code is newer than this command: the daemon's own words stand in then. */
static bool read_trouble(struct slice sent, struct trouble *trouble, struct arena *arena)
{
    const char *code = or_dash(map_text(sent, "code", arena));
    const char *subject = map_text(sent, "subject", arena);
    *trouble = (struct trouble){.count = HEALTH_COUNT_UNKNOWN};
    trouble->words =
        health_words(strlen(code) == 8 ? (unsigned)strtoul(code + 4, NULL, 10) : 0);
    if (trouble->words == NULL)
        return false;
    (void)snprintf(trouble->subject, sizeof trouble->subject, "%s",
                   subject != NULL ? subject : "");
    (void)map_uint(sent, "age_ms", &trouble->age_ms);
    (void)map_uint(sent, "count", &trouble->count);
    (void)map_uint(sent, "span_ms", &trouble->span_ms);
    trouble->way = map_text(sent, "way", arena);
    trouble->address = map_text(sent, "address", arena);
    trouble_say(trouble);
    return true;
}

static const char *trouble_text(struct slice sent, const char *key, struct arena *arena)
{
    struct trouble *trouble = arena_alloc(arena, sizeof *trouble);
    if (!read_trouble(sent, trouble, arena))
        return or_dash(map_text(sent, key, arena));
    return strcmp(key, "next") == 0 ? trouble->next : trouble->text;
}

static bool read_verdict(struct slice data, struct verdict *verdict, struct arena *arena)
{
    struct slice summary = map_map(data, "summary");
    const char *kind = or_dash(map_text(summary, "kind", arena));
    const char *level = or_dash(map_text(data, "level", arena));
    uint64_t trouble = 0;
    int k = 0, l = 0;
    while (k <= VERDICT_LINKED &&
           strcmp(kind, verdict_kind_name((enum verdict_kind)k)) != 0)
        k++;
    while (l <= HEALTH_LEVEL_TROUBLE &&
           strcmp(level, health_level_name((enum health_level)l)) != 0)
        l++;
    *verdict = (struct verdict){.heard_age_ms = UINT64_MAX};
    if (k > VERDICT_LINKED || l > HEALTH_LEVEL_TROUBLE)
        return false;
    verdict->kind = (enum verdict_kind)k;
    verdict->level = (enum health_level)l;
    (void)map_uint(summary, "trouble", &trouble);
    verdict->trouble = (size_t)trouble;
    (void)map_uint(summary, "heard_age_ms", &verdict->heard_age_ms);
    return map_uint(summary, "peers", &verdict->peers) &&
           map_uint(summary, "linked", &verdict->linked) &&
           map_uint(summary, "late", &verdict->late) &&
           map_uint(summary, "paused", &verdict->paused) &&
           map_uint(summary, "dialled", &verdict->dialled) &&
           map_uint(summary, "unmet", &verdict->unmet) &&
           map_uint(summary, "waiting", &verdict->waiting) &&
           map_uint(summary, "entries", &verdict->entries);
}

static const char *verdict_text(struct slice data, struct arena *arena)
{
    struct list_walk walk = list_walk_begin(map_list(data, "troubles"));
    struct slice trouble = {0};
    struct verdict verdict;
    char *text = arena_alloc(arena, VERDICT_SIZE);
    if (!read_verdict(data, &verdict, arena))
        return or_dash(map_text(data, "verdict", arena));
    for (size_t i = 0; list_walk_next(&walk, &trouble) && i < verdict.trouble; i++) {
    }
    verdict_say(&verdict,
                verdict.kind == VERDICT_TROUBLE ? trouble_text(trouble, "text", arena)
                                                : "",
                text);
    return text;
}

/* The colour of the gravest trouble. The verdict's word says the same where there is no
 * colour. */
static enum colour verdict_colour(struct slice troubles, struct arena *arena)
{
    struct list_walk walk = list_walk_begin(troubles);
    struct slice trouble;
    enum colour colour = COLOUR_GREEN;
    while (list_walk_next(&walk, &trouble)) {
        const char *severity = or_dash(map_text(trouble, "severity", arena));
        if (severity[0] == 'e')
            return COLOUR_RED;
        if (severity[0] == 'w')
            colour = COLOUR_YELLOW;
    }
    return colour;
}

static void print_verdict(const struct terminal *terminal, struct slice data,
                          struct arena *arena)
{
    const char *verdict = verdict_text(data, arena);
    size_t word = 0;
    while (verdict[word] != '\0' && verdict[word] != ' ')
        word++;
    enum colour colour = verdict_colour(map_list(data, "troubles"), arena);
    (void)fprintf(terminal->out, "%s%.*s%s%s\n", terminal_colour(terminal, colour),
                  (int)word, verdict, terminal_colour(terminal, COLOUR_NONE),
                  verdict + word);
}

static void print_storage(const struct terminal *terminal, struct slice data)
{
    struct slice storage = map_map(data, "storage");
    char file[WORDS_SIZE] = "?";
    char disk_free[WORDS_SIZE] = "?";
    uint64_t number;
    if (map_uint(storage, "file_bytes", &number))
        bytes_words(number, file);
    if (map_uint(storage, "disk_free_bytes", &number))
        bytes_words(number, disk_free);
    (void)fprintf(terminal->out, _("Storage   %s, %s free on its disk"), file, disk_free);
    if (map_uint(storage, "entries", &number)) {
        char words[WORDS_SIZE];
        counted(words, number, "%llu entry", "%llu entries");
        (void)fprintf(terminal->out, _("; %s"), words);
    }
    if (map_uint(storage, "unreadable_entries", &number) && number > 0)
        (void)fprintf(terminal->out, _(", %llu of them held for others without a key"),
                      (unsigned long long)number);
    (void)fputc('\n', terminal->out);
    if (map_uint(storage, "conflicts", &number) && number > 0)
        (void)fprintf(terminal->out,
                      ngettext("Conflicts %llu record was written differently at the "
                               "same time. See: linli conflict list\n",
                               "Conflicts %llu records were written differently at the "
                               "same time. See: linli conflict list\n",
                               number),
                      (unsigned long long)number);
}

static void print_troubles(const struct terminal *terminal, struct slice troubles,
                           struct arena *arena)
{
    struct list_walk walk = list_walk_begin(troubles);
    struct slice trouble;
    while (list_walk_next(&walk, &trouble)) {
        const char *next = trouble_text(trouble, "next", arena);
        (void)fprintf(terminal->out, "%s  %s\n",
                      or_dash(map_text(trouble, "code", arena)),
                      trouble_text(trouble, "text", arena));
        if (next[0] != '\0' && strcmp(next, "-") != 0)
            (void)fprintf(terminal->out, _("          Next: %s\n"), next);
    }
}

void render_status(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data)
{
    struct arena arena;
    struct slice troubles = map_list(data, "troubles");
    (void)invocation;
    arena_init(&arena);
    print_node(terminal, data, &arena);
    print_verdict(terminal, data, &arena);
    table_print(terminal, peer_columns, map_list(data, "peers"));
    print_storage(terminal, data);
    print_troubles(terminal, troubles, &arena);
    arena_deinit(&arena);
}

enum exit_code judge_status(struct slice data)
{
    struct slice level;
    struct slice value;
    bool ok = codec_map_find(data, "level", &value) && codec_take_text(&value, &level) &&
              slice_equal(level, slice_text("ok"));
    return ok ? CODE_DONE : CODE_LOOK;
}

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* One answer, with what could not be asked in its place. On a terminal it is put together
 * first and then drawn over the last one. */
static void watch_once(const struct invocation *invocation,
                       const struct terminal *terminal, struct slice args)
{
    struct terminal once = *terminal;
    char *text = NULL, moment[WORDS_SIZE];
    size_t size;
    once.now_ms = terminal_clock_ms();
    moment_words(once.now_ms, moment);
    if (!terminal->live || terminal->json) {
        if (!terminal->json)
            (void)fprintf(terminal->out, "%s:%02u\n", moment,
                          (unsigned)(once.now_ms / 1000 % 60));
        (void)ask_with(invocation, &once, args);
        if (!terminal->json)
            (void)fputc('\n', terminal->out);
        return;
    }
    once.out = once.err = open_memstream(&text, &size);
    CHECK(once.out != NULL);
    (void)ask_with(invocation, &once, args);
    (void)fprintf(once.out, _("%s:%02u, again every %d s; ^C ends it\n"), moment,
                  (unsigned)(once.now_ms / 1000 % 60), WATCH_SECONDS);
    CHECK(fclose(once.out) == 0);
    (void)fprintf(terminal->out, "\033[H\033[2J%s", text);
    free(text);
}

/* A watch goes on while the daemon is away, which is a thing to show. It ends when its
 * reader does, or when interrupted, which is no failure. */
static enum exit_code watch(const struct invocation *invocation,
                            const struct terminal *terminal, struct slice args)
{
    const struct timespec pause = {.tv_sec = WATCH_SECONDS};
    struct sigaction action = {.sa_handler = note_interrupt};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    while (!interrupted) {
        watch_once(invocation, terminal, args);
        enum exit_code code = terminal_finish(terminal, CODE_DONE);
        if (code != CODE_DONE)
            return code;
        if (!interrupted)
            (void)nanosleep(&pause, NULL);
    }
    return CODE_DONE;
}

enum exit_code status_run(const struct invocation *invocation,
                          const struct terminal *terminal)
{
    struct buffer args;
    buffer_init(&args, 16);
    codec_put_map(&args, 0);
    enum exit_code code = arguments_flag(invocation, "watch")
                              ? watch(invocation, terminal, buffer_slice(&args))
                              : ask_with(invocation, terminal, buffer_slice(&args));
    buffer_deinit(&args);
    return code;
}
