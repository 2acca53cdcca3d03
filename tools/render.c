#include "tools/render.h"

#include <string.h>

#include "crdt/codec.h"
#include "tools/arguments.h"
#include "tools/i18n.h"

static const struct column plain = {"", "", COLUMN_TEXT, NULL, 0};

static const char *text_of(const struct terminal *terminal, struct slice map,
                           const char *key, struct arena *arena)
{
    struct slice value = {0};
    bool found = codec_map_find(map, key, &value);
    return found ? value_words(terminal, &plain, value, arena) : "-";
}

/* ---- lists ---- */

void render_rests_on(const struct terminal *terminal, struct slice data)
{
    struct slice rests_on = map_map(data, "rests_on");
    uint64_t logs, entries;
    if (!map_uint(rests_on, "logs", &logs) || !map_uint(rests_on, "entries", &entries))
        return;
    char entry_words[WORDS_SIZE], log_words[WORDS_SIZE];
    counted(entry_words, entries, "%llu entry", "%llu entries");
    counted(log_words, logs, "%llu log", "%llu logs");
    (void)fprintf(terminal->out, _(", from %s of %s held on this disk"), entry_words,
                  log_words);
}

void render_list(const struct invocation *invocation, const struct terminal *terminal,
                 struct slice data)
{
    const struct command *command = invocation->command;
    struct slice list = map_list(data, command->list);
    size_t count = list_count(list);
    uint64_t found = count;
    table_print_records(terminal, schema_register(command->reg), command->columns, list,
                        map_list(data, "places"));
    if (map_uint(data, "found", &found) && found > count)
        (void)fprintf(terminal->out, _("%zu of %llu shown"), count,
                      (unsigned long long)found);
    else
        (void)fprintf(terminal->out, _("%zu found"), count);
    render_rests_on(terminal, data);
    (void)fputs(_(".\n"), terminal->out);
}

/* ---- one record ---- */

static void field_label(const struct field *field, char label[128])
{
    if (i18n_chinese())
        (void)snprintf(label, 128, "%s", field->label);
    else
        (void)snprintf(label, 128, "%s %s", field->name, field->label);
}

static void add_moment(struct lines *lines, const struct terminal *terminal,
                       struct slice record, struct arena *arena)
{
    char words[WORDS_SIZE];
    uint64_t created_ms;
    if (!map_uint(record, "created_ms", &created_ms))
        return;
    moment_words(created_ms, words);
    char *line = arena_alloc(arena, 512);
    (void)snprintf(line, 512, _("%s at node %s by %s"), words,
                   text_of(terminal, record, "node", arena),
                   text_of(terminal, record, "actor", arena));
    lines_add(lines, _("entered"), line);
}

static void add_state(struct lines *lines, const struct terminal *terminal,
                      struct slice record, struct arena *arena)
{
    struct slice value;
    if (codec_map_find(record, "known", &value) && !map_bool(record, "known"))
        lines_add(lines, _("INCOMPLETE"),
                  _("the entry that created it has not arrived; later ones have"));
    if (codec_map_find(record, "voided", &value) && codec_peek(value) != CODEC_NIL)
        lines_add(lines, _("VOIDED"), value_words(terminal, &plain, value, arena));
    if (list_count(map_list(record, "amended_by")) > 0)
        lines_add(lines, _("AMENDED BY"), text_of(terminal, record, "amended_by", arena));
    if (codec_map_find(record, "counts", &value))
        lines_add(lines, _("counts"), value_words(terminal, &plain, value, arena));
}

/* "王秀英 HB3KVNVD8N6ZSXFBT9J0": an id after the name under `key`_name, where there is one. */
static const char *named_words(struct slice map, const char *key, const char *id,
                               struct arena *arena)
{
    char name_key[64];
    (void)snprintf(name_key, sizeof name_key, "%s_name", key);
    const char *name = map_text(map, name_key, arena);
    if (name == NULL)
        return id;
    size_t size = strlen(name) + strlen(id) + 2;
    char *both = arena_alloc(arena, size);
    (void)snprintf(both, size, "%s %s", name, id);
    return both;
}

static void add_fields(struct lines *lines, const struct terminal *terminal,
                       const struct schema_register *reg, struct slice record,
                       struct slice places, struct arena *arena)
{
    for (size_t i = 0; i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        char label[128];
        uint64_t code;
        field_label(field, label);
        const char *words =
            choice_words(field, text_of(terminal, record, field->name, arena), arena);
        const char *name =
            field->type == FIELD_DIVISION && map_uint(record, field->name, &code)
                ? place_name(places, code, arena)
                : NULL;
        if (name != NULL) {
            char *both = arena_alloc(arena, strlen(name) + strlen(words) + 2);
            (void)snprintf(both, strlen(name) + strlen(words) + 2, "%s %s", name, words);
            words = both;
        }
        if (field->type == FIELD_RECORD)
            words = named_words(record, field->name, words, arena);
        lines_add(lines, label, words);
    }
}

static void print_value(const struct terminal *terminal, const struct field *field,
                        struct slice conflict, struct arena *arena)
{
    char words[WORDS_SIZE] = "-";
    uint64_t stamp_ms;
    if (map_uint(conflict, "stamp_ms", &stamp_ms))
        moment_words(stamp_ms, words);
    const char *value = text_of(terminal, conflict, "value", arena);
    (void)fprintf(
        terminal->out, _("          %s  (%s, at node %s by %s)\n"),
        named_words(conflict, "value", choice_words(field, value, arena), arena), words,
        text_of(terminal, conflict, "node", arena),
        text_of(terminal, conflict, "actor", arena));
}

static bool list_has(struct slice list, const char *text)
{
    struct list_walk walk = list_walk_begin(list);
    struct slice element, found;
    while (list_walk_next(&walk, &element)) {
        if (codec_take_text(&element, &found) && slice_equal(found, slice_text(text)))
            return true;
    }
    return false;
}

/* The verb that settles a conflict of the field: what is computed is settled by a step that
 * writes a field of the same name and, where the record says which can follow, is one of
 * those. */
static const char *settling_verb(const struct schema_register *reg,
                                 const struct field *field, struct slice record)
{
    const struct field *written =
        schema_field_named(schema_steps(reg), slice_text(field->name));
    bool says = schema_field_named(reg, slice_text("next")) != NULL;
    struct slice next = map_list(record, "next");
    for (const struct step *step = field->computed ? reg->steps : NULL;
         step != NULL && step->word != NULL; step++) {
        if (written != NULL && (step->fields & FIELD_BIT(written->id)) != 0 &&
            (!says || list_has(next, step->word)))
            return step->word;
    }
    return "set";
}

static void print_conflict(const struct invocation *invocation,
                           const struct terminal *terminal, const struct field *field,
                           struct slice record, struct arena *arena)
{
    struct slice conflicts = map_list(record, "conflicts");
    char label[128];
    struct slice conflict;
    struct list_walk walk = list_walk_begin(conflicts);
    size_t count = 0;
    field_label(field, label);
    while (list_walk_next(&walk, &conflict)) {
        if (strcmp(text_of(terminal, conflict, "field", arena), field->name) != 0)
            continue;
        if (count++ == 0)
            (void)fprintf(terminal->out,
                          _("%sCONFLICT%s  %s was written differently at the same time; "
                            "all are kept:\n"),
                          terminal_colour(terminal, COLOUR_YELLOW),
                          terminal_colour(terminal, COLOUR_NONE), label);
        print_value(terminal, field, conflict, arena);
    }
    char option[OPTION_NAME_SIZE];
    option_name(field->name, option);
    if (count > 0)
        (void)fprintf(
            terminal->out, _("          Settle it: linli %s %s %s --%s VALUE\n"),
            invocation->group,
            settling_verb(schema_register(invocation->command->reg), field, record),
            arguments_value(invocation, "id"), option);
}

/* Two corrections of one visit, made without knowing of each other. */
static void print_amended_twice(const struct invocation *invocation,
                                const struct terminal *terminal, struct slice record,
                                struct arena *arena)
{
    if (list_count(map_list(record, "amended_by")) < 2)
        return;
    (void)fprintf(terminal->out,
                  _("%sCONFLICT%s  it was replaced more than once: %s\n"
                    "          Settle it: linli %s void ID --reason TEXT\n"),
                  terminal_colour(terminal, COLOUR_YELLOW),
                  terminal_colour(terminal, COLOUR_NONE),
                  text_of(terminal, record, "amended_by", arena), invocation->group);
}

void render_record(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data)
{
    const struct schema_register *reg = schema_register(invocation->command->reg);
    struct slice record = map_map(data, "record");
    struct arena arena;
    CHECK(reg != NULL);
    arena_init(&arena);
    struct lines *lines = lines_begin(terminal);
    lines_add(lines, _("id"), text_of(terminal, record, "id", &arena));
    lines_add(lines, _("township"), text_of(terminal, record, "township", &arena));
    add_moment(lines, terminal, record, &arena);
    add_state(lines, terminal, record, &arena);
    add_fields(lines, terminal, reg, record, map_list(data, "places"), &arena);
    lines_end(lines);
    for (size_t i = 0; i < reg->field_count; i++)
        print_conflict(invocation, terminal, &reg->fields[i], record, &arena);
    print_amended_twice(invocation, terminal, record, &arena);
    if (invocation->command->columns != NULL && list_count(map_list(data, "steps")) > 0)
        table_print_records(terminal, schema_steps(reg), invocation->command->columns,
                            map_list(data, "steps"), map_list(data, "places"));
    arena_deinit(&arena);
}

/* ---- acknowledgements ---- */

/* "visit", 探访: the register that a command is about. */
static const char *group_words(const struct invocation *invocation)
{
    const struct schema_register *reg =
        schema_register_named(slice_text(invocation->group));
    return i18n_chinese() && reg != NULL ? reg->label : invocation->group;
}

/* "assign", 派单: what a step is called. Matching is one that is no choice of a field. */
static const char *step_words(const struct invocation *invocation)
{
    const struct step *step = invocation->command->step;
    const struct schema_register *reg =
        schema_register_named(slice_text(invocation->group));
    const struct field *field =
        step->choice != 0 ? schema_field(schema_steps(reg), reg->step_field) : NULL;
    if (!i18n_chinese())
        return step->word;
    if (field == NULL)
        return step->proposes ? _("match") : step->word;
    for (const struct choice *choice = field->choices; choice->name != NULL; choice++) {
        if (choice->id == step->choice)
            return choice->label;
    }
    return step->word;
}

/* "A village writing for its neighbour within a township is a warning." */
static void print_served(const struct terminal *terminal, struct slice data,
                         struct arena *arena)
{
    char codes[2][24] = {"", ""};
    const char *const keys[2][2] = {{"place", "place_name"}, {"serves", "serves_name"}};
    const char *words[2];
    for (size_t i = 0; i < 2; i++) {
        uint64_t code;
        if (!map_uint(data, keys[i][0], &code))
            return;
        (void)snprintf(codes[i], sizeof codes[i], "%llu", (unsigned long long)code);
        words[i] = map_text(data, keys[i][1], arena);
        if (words[i] == NULL)
            words[i] = codes[i];
    }
    (void)fprintf(
        terminal->out,
        _("  Note: the person's village is %s, this node serves %s. It counts for "
          "%s.\n"),
        words[0], words[1], words[0]);
}

/* "  王桂英, 柘岱口村, when 2026-05-31 14:05, outcome met, counts yes": whose record it is,
 * where they live, and what lists show of it. */
static void print_written(const struct invocation *invocation,
                          const struct terminal *terminal, struct slice data,
                          struct arena *arena)
{
    const struct schema_register *reg = schema_register(invocation->command->reg);
    const char *name = map_text(data, "name", arena);
    const char *place = map_text(data, "place_name", arena);
    struct slice record = map_map(data, "record"), value;
    uint64_t code;
    (void)fprintf(terminal->out, "  %s", name != NULL ? name : "-");
    if (place != NULL)
        (void)fprintf(terminal->out, _(", %s"), place);
    else if (map_uint(data, "place", &code))
        (void)fprintf(terminal->out, _(", %llu"), (unsigned long long)code);
    for (size_t i = 0; reg != NULL && i < reg->field_count; i++) {
        const struct field *field = &reg->fields[i];
        if (field->heading == NULL || field->computed || field->id == reg->name_field ||
            field->id == reg->place_field || field->id == reg->subject_field ||
            !codec_map_find(record, field->name, &value) ||
            codec_peek(value) == CODEC_NIL)
            continue;
        (void)fprintf(
            terminal->out, _(", %s %s"), i18n_chinese() ? field->label : field->name,
            choice_words(field, value_words(terminal, &plain, value, arena), arena));
    }
    for (size_t i = 0;
         reg != NULL && reg->derived != NULL && reg->derived[i].name != NULL; i++)
        (void)fprintf(terminal->out, _(", %s %s"),
                      i18n_chinese() ? gettext(reg->derived[i].heading)
                                     : reg->derived[i].name,
                      map_bool(record, reg->derived[i].name) ? _("yes") : _("no"));
    /* Of an edit also what lists do not show, as it was typed. */
    for (size_t i = 0; invocation->command->fields == USE_FIELDS_TO_SET && reg != NULL &&
                       i < invocation->count;
         i++) {
        const struct given *given = &invocation->given[i];
        const struct field *field = schema_field_named(reg, slice_text(given->key));
        if (field != NULL && field->heading == NULL && field->type != FIELD_SEALED)
            (void)fprintf(terminal->out, ", %s %s",
                          i18n_chinese() ? field->label : field->name, given->value);
    }
    (void)fputc('\n', terminal->out);
    const char *restored = map_text(data, "restored", arena);
    if (restored != NULL)
        (void)fprintf(terminal->out, _("  %s %s stands again.\n"),
                      group_words(invocation), restored);
    print_served(terminal, data, arena);
}

void render_saved(const struct invocation *invocation, const struct terminal *terminal,
                  struct slice data)
{
    struct arena arena;
    arena_init(&arena);
    const char *id = map_text(data, "id", &arena);
    const char *short_id = map_text(data, "short_id", &arena);
    (void)fputs(map_bool(data, "known") ? _("Known already; nothing new was saved: ")
                                        : _("Saved on this disk: "),
                terminal->out);
    const struct step *step = invocation->command->step;
    if (step != NULL) /* the record that people know, not what its step is kept as */
        (void)fprintf(terminal->out, _("%s %s: "), group_words(invocation),
                      arguments_value(invocation, "id"));
    (void)fprintf(terminal->out, "%s %s",
                  step != NULL ? step_words(invocation) : group_words(invocation),
                  short_id != NULL ? short_id
                  : id != NULL     ? id
                                   : "-");
    if (short_id != NULL && id != NULL)
        (void)fprintf(terminal->out, "  (%s)", id);
    (void)fputc('\n', terminal->out);
    if (!map_bool(data, "known"))
        print_written(invocation, terminal, data, &arena);
    else if (map_text(data, "name", &arena) != NULL)
        (void)fprintf(
            terminal->out,
            _("  It is %s. What was typed now is not compared with it; see: linli "
              "%s show %s\n"),
            map_text(data, "name", &arena), invocation->group,
            short_id != NULL ? short_id : "ID");
    arena_deinit(&arena);
}

static void print_peers(const struct terminal *terminal, const char *what,
                        struct slice data, const char *then)
{
    struct arena arena;
    struct slice peer;
    arena_init(&arena);
    struct list_walk walk = list_walk_begin(map_list(data, "peers"));
    if (walk.left == 0)
        (void)fputs(_("No peer was concerned.\n"), terminal->out);
    while (list_walk_next(&walk, &peer)) {
        const char *name = map_text(peer, "name", &arena);
        (void)fprintf(terminal->out, _("%s: %s\n"), what, name != NULL ? name : "-");
    }
    (void)fputs(then, terminal->out);
    arena_deinit(&arena);
}

void render_paused(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data)
{
    print_peers(terminal, _("paused"), data,
                _("What is written meanwhile is saved on this disk and waits here.\n"));
    (void)fprintf(terminal->out, _("Next: linli peer resume %s\n"),
                  arguments_value(invocation, "peer"));
}

void render_resumed(const struct invocation *invocation, const struct terminal *terminal,
                    struct slice data)
{
    (void)invocation;
    print_peers(terminal, _("resumed"), data, "");
}

void render_forgotten(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data)
{
    (void)invocation;
    print_peers(terminal, _("forgotten"), data,
                _("It is shown again when it is heard of again.\n"));
}

void render_joined(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data)
{
    uint64_t members = 0;
    uint64_t admitted = 0;
    (void)invocation;
    (void)map_uint(data, "members", &members);
    (void)map_uint(data, "admitted", &admitted);
    char words[WORDS_SIZE];
    counted(words, members, "%llu member", "%llu members");
    (void)fprintf(terminal->out,
                  _("The roster here now has %s, %llu of them new by this grant.\n"),
                  words, (unsigned long long)admitted);
    struct list_walk walk = list_walk_begin(map_list(data, "revoked"));
    struct slice name, text;
    while (list_walk_next(&walk, &name)) {
        if (codec_take_text(&name, &text))
            (void)fprintf(terminal->out,
                          _("%.*s is revoked: every node hangs up on it.\n"),
                          (int)text.size, (const char *)text.data);
    }
}

/* ---- logs and digests ---- */

static const struct column log_columns[] = {
    {"log", N_("LOG"), COLUMN_TEXT, NULL, 0},
    {"node", N_("NODE"), COLUMN_TEXT, NULL, 1},
    {"lane", N_("LANE"), COLUMN_STATE, NULL, 2},
    {"seq", N_("ENTRIES"), COLUMN_COUNT, NULL, 0},
    {"hash", N_("HEAD"), COLUMN_HEX, NULL, 3},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column entry_columns[] = {
    {"seq", N_("SEQ"), COLUMN_COUNT, NULL, 0},
    {"id", N_("ID"), COLUMN_ID, NULL, 2},
    {"stamp_ms", N_("WRITTEN"), COLUMN_MOMENT, NULL, 1},
    {"actor", N_("ACTOR"), COLUMN_TEXT, NULL, 3},
    {"realm", N_("REALM"), COLUMN_TEXT, NULL, 4},
    {"bytes", N_("BYTES"), COLUMN_COUNT, NULL, 5},
    {"state", N_("STATE"), COLUMN_STATE, NULL, 1},
    {"operation", N_("OPERATION"), COLUMN_TEXT, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column fork_columns[] = {
    {"node", N_("NODE"), COLUMN_TEXT, NULL, 0},
    {"log", N_("LOG"), COLUMN_TEXT, NULL, 2},
    {"seq", N_("SEQ"), COLUMN_COUNT, NULL, 0},
    {"hash", N_("HELD"), COLUMN_HEX, NULL, 1},
    {"other_hash", N_("OTHER"), COLUMN_HEX, NULL, 1},
    {"entries", N_("ENTRIES"), COLUMN_COUNT, NULL, 3},
    {"state", N_("STATE"), COLUMN_STATE, NULL, 0},
    {"seen_ms", N_("SEEN"), COLUMN_MOMENT, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column problem_columns[] = {
    {"log", N_("LOG"), COLUMN_TEXT, NULL, 0},
    {"seq", N_("SEQ"), COLUMN_COUNT, NULL, 0},
    {"code", N_("CODE"), COLUMN_TEXT, NULL, 0},
    {"text", N_("PROBLEM"), COLUMN_STATE, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

static const struct column realm_columns[] = {
    {"division", N_("DIVISION"), COLUMN_TEXT, NULL, 1},
    {"name", N_("PLACE"), COLUMN_TEXT, NULL, 0},
    {"readable", N_("READABLE"), COLUMN_TEXT, NULL, 2},
    {"records", N_("RECORDS"), COLUMN_COUNT, NULL, 0},
    {"digest", N_("DIGEST"), COLUMN_HEX, NULL, 0},
    {NULL, NULL, COLUMN_TEXT, NULL, 0},
};

void render_log(const struct invocation *invocation, const struct terminal *terminal,
                struct slice data)
{
    struct slice entries;
    bool one = codec_map_find(data, "entries", &entries);
    (void)invocation;
    struct slice list = map_list(data, one ? "entries" : "logs");
    size_t count = list_count(list);
    table_print(terminal, one ? entry_columns : log_columns, list);
    char words[WORDS_SIZE];
    if (one)
        counted(words, count, "%llu entry", "%llu entries");
    else
        counted(words, count, "%llu log", "%llu logs");
    (void)fprintf(terminal->out, _("%s.\n"), words);
}

void render_forks(const struct invocation *invocation, const struct terminal *terminal,
                  struct slice data)
{
    struct slice forks = map_list(data, "forks");
    size_t count = list_count(forks);
    (void)invocation;
    if (count == 0) {
        (void)fputs(_("No log here has two histories.\n"), terminal->out);
        return;
    }
    table_print(terminal, fork_columns, forks);
    char words[WORDS_SIZE];
    counted(words, count, "%llu place", "%llu places");
    (void)fprintf(terminal->out, _("%s where a log has two histories.\n"), words);
}

void render_reclaimed(const struct invocation *invocation,
                      const struct terminal *terminal, struct slice data)
{
    uint64_t reclaimed = 0;
    (void)invocation;
    (void)map_uint(data, "reclaimed", &reclaimed);
    char words[WORDS_SIZE];
    counted(words, reclaimed, "%llu entry", "%llu entries");
    (void)fprintf(terminal->out,
                  _("Written once more and saved on this disk, with new ids: %s.\n"),
                  words);
}

void render_verified(const struct invocation *invocation, const struct terminal *terminal,
                     struct slice data)
{
    struct slice problems = map_list(data, "problems");
    uint64_t logs = 0;
    uint64_t entries = 0;
    uint64_t runs = 0;
    (void)invocation;
    (void)map_uint(data, "logs", &logs);
    (void)map_uint(data, "entries", &entries);
    (void)map_uint(data, "runs", &runs);
    table_print(terminal, problem_columns, problems);
    char entry_words[WORDS_SIZE], run_words[WORDS_SIZE], log_words[WORDS_SIZE];
    counted(entry_words, entries, "%llu entry", "%llu entries");
    counted(run_words, runs, "%llu signed run", "%llu signed runs");
    counted(log_words, logs, "%llu log", "%llu logs");
    (void)fprintf(terminal->out, _("Checked %s in %s of %s: "), entry_words, run_words,
                  log_words);
    size_t count = list_count(problems);
    if (count == 0)
        (void)fputs(_("all verify.\n"), terminal->out);
    else {
        counted(log_words, count, "%llu problem", "%llu problems");
        (void)fprintf(terminal->out, _("%s.\n"), log_words);
    }
    uint64_t bad_runs = 0;
    if (map_uint(data, "bad_runs", &bad_runs) && bad_runs > 0)
        (void)fprintf(terminal->out,
                      ngettext("Of %llu run nothing could be verified; others hold "
                               "copies.\n",
                               "Of %llu runs nothing could be verified; others hold "
                               "copies.\n",
                               bad_runs),
                      (unsigned long long)bad_runs);
    uint64_t strayed = 0;
    if (map_uint(data, "strayed", &strayed) && strayed > 0) {
        counted(entry_words, strayed, "%llu entry", "%llu entries");
        (void)fprintf(terminal->out,
                      _("Set aside, reaching nobody: %s. See: linli log strayed\n"),
                      entry_words);
    }
}

enum exit_code judge_verified(struct slice data)
{
    uint64_t strayed = 0;
    bool whole = list_count(map_list(data, "problems")) == 0 &&
                 !(map_uint(data, "strayed", &strayed) && strayed > 0);
    return whole ? CODE_DONE : CODE_REFUSED;
}

void render_digest(const struct invocation *invocation, const struct terminal *terminal,
                   struct slice data)
{
    struct arena arena;
    uint64_t logs = 0;
    uint64_t entries = 0;
    (void)invocation;
    arena_init(&arena);
    (void)map_uint(data, "logs", &logs);
    (void)map_uint(data, "entries", &entries);
    char entry_words[WORDS_SIZE], log_words[WORDS_SIZE];
    counted(entry_words, entries, "%llu entry", "%llu entries");
    counted(log_words, logs, "%llu log", "%llu logs");
    (void)fprintf(terminal->out, _("heads %s  %s of %s\n"),
                  text_of(terminal, data, "heads", &arena), entry_words, log_words);
    table_print(terminal, realm_columns, map_list(data, "realms"));
    arena_deinit(&arena);
}
