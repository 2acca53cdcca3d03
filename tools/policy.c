/* policy.c - laying down a policy at the authority, and which one a figure rests on. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "crdt/calendar.h"
#include "crdt/text.h"
#include "tools/county.h"
#include "tools/arguments.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/render.h"

struct policy_setting {
    char grant_path[PATH_SIZE_MAX], key_path[PATH_SIZE_MAX];
    uint8_t seed[SEED_SIZE];
    struct grant_file county;
    const char *name;
    const struct policy_name *known; /* NULL: free words, as indicators are */
    struct buffer value;             /* as it is stated */
    int64_t from_day;
    struct buffer grant;
    bool declined;
};

/* An indicator's definition is free words; every other name must be known here, because a
 * mistyped one would say nothing for ever. */
#define INDICATOR_PREFIX "indicator."

static bool read_value(struct policy_setting *setting, const char *typed,
                       struct failure *failure)
{
    struct slice name = slice_text(setting->name), value = slice_text(typed);
    setting->known = policy_named(name);
    if (setting->known == NULL &&
        strncmp(setting->name, INDICATOR_PREFIX, strlen(INDICATOR_PREFIX)) != 0) {
        struct suggestion suggestion;
        suggestion_begin(&suggestion, name);
        for (size_t i = 0; policy_name_at(i) != NULL; i++)
            suggestion_consider(&suggestion, policy_name_at(i)->name);
        failure_set(failure, ERR_NOT_FOUND, "%s", setting->name);
        failure->text = N_("no policy has that name");
        failure->next = N_("The names are shown by: linli policy show");
        if (suggestion.best[0] != '\0')
            (void)snprintf(failure->next_own, sizeof failure->next_own,
                           _("Did you mean %s?"), suggestion.best);
        return false;
    }
    if (setting->known == NULL)
        buffer_put(&setting->value, value.data, value.size);
    else if (!policy_value_read(setting->known->kind, value, &setting->value)) {
        failure_set(failure, ERR_FIELD_VALUE, "%s", typed);
        switch (setting->known->kind) {
        case POLICY_INTERVAL:
            failure->text =
                N_("an interval is 7d, up to 31 days, or 3m, up to 24 months");
            break;
        case POLICY_DAYS: failure->text = N_("days are a number from 1 to 366"); break;
        case POLICY_HOURS: failure->text = N_("hours are a number from 1 on"); break;
        case POLICY_STAR_HOURS:
            failure->text = N_("five numbers of hours that rise: 100/300/600/1000/1500");
            break;
        }
        failure->next = "";
        return false;
    }
    if (!policy_is_statable(name, buffer_slice(&setting->value), setting->from_day)) {
        failure_set(failure, ERR_FIELD_TOO_LONG, "%s", setting->name);
        return false;
    }
    return true;
}

static bool setting_open(struct policy_setting *setting,
                         const struct invocation *invocation,
                         const struct terminal *terminal, struct failure *failure)
{
    char full[TIME_TYPED_SIZE];
    const char *directory = required_value(invocation, "county", failure);
    const char *from =
        directory != NULL ? required_value(invocation, "from", failure) : NULL;
    if (from == NULL)
        return false;
    if (time_read(slice_text(from), FIELD_DATE, terminal->now_ms, full))
        from = full;
    if (!date_parse(slice_text(from), &setting->from_day)) {
        failure_set(failure, ERR_DATE, "--from %s", from);
        return false;
    }
    setting->name = arguments_value(invocation, "name");
    if (!read_value(setting, arguments_value(invocation, "value"), failure))
        return false;
    if (path_join(setting->grant_path, directory, "county.grant") != OK ||
        path_join(setting->key_path, directory, "authority.key") != OK) {
        failure_set(failure, ERR_LIMIT, "--county");
        return false;
    }
    return grant_file_open(&setting->county, setting->grant_path, failure) &&
           seed_read(setting->seed, setting->key_path, failure);
}

static void setting_show(const struct policy_setting *setting, FILE *out)
{
    const struct policies *policies = roster_policies(setting->county.roster);
    struct slice name = slice_text(setting->name);
    const struct policy_statement *before =
        policies_find(policies, name, setting->from_day);
    const char *until = before != NULL ? before->value : NULL;
    char from[11];
    if (until == NULL && setting->known != NULL)
        until = setting->known->fallback;
    date_format(setting->from_day, from);
    (void)fprintf(out, _("  %s: %.*s, valid from %s\n"), setting->name,
                  (int)setting->value.size, (const char *)setting->value.data, from);
    if (setting->known != NULL)
        (void)fprintf(out, "  (%s)\n", gettext(setting->known->help));
    (void)fprintf(out, _("  Before: %s\n"), until != NULL ? until : _("nothing"));
}

static bool setting_confirm(struct policy_setting *setting,
                            const struct invocation *invocation,
                            const struct terminal *terminal, struct failure *failure)
{
    char answer[POLICY_NAME_MAX + 2] = "";
    if (arguments_flag(invocation, "yes"))
        return true;
    if (terminal->json || !isatty(STDIN_FILENO)) {
        failure_set(failure, ERR_USAGE, "--yes");
        failure->text = N_("nobody can be asked here; nothing was stated");
        failure->next = N_("Add --yes when it is sure: a statement stays readable for "
                           "ever, and only a later one takes its place.");
        return false;
    }
    (void)fputs(_("This will be signed, for the whole county:\n"), terminal->err);
    setting_show(setting, terminal->err);
    (void)fputs(_("Type the policy's name to state it: "), terminal->err);
    (void)fflush(terminal->err);
    if (fgets(answer, sizeof answer, stdin) != NULL)
        answer[strcspn(answer, "\n")] = '\0';
    setting->declined = strcmp(answer, setting->name) != 0;
    return !setting->declined;
}

/* What was made is read back under the rules of any node before it replaces the old one. */
static bool setting_make(struct policy_setting *setting, uint64_t now_ms,
                         uint64_t *number, struct failure *failure)
{
    struct grant grant;
    struct head head;
    const struct grant *old = &setting->county.grant;
    enum status status = grant_policy(old, setting->seed, slice_text(setting->name),
                                      buffer_slice(&setting->value), setting->from_day,
                                      now_ms, &setting->grant);
    if (status == OK)
        status = grant_decode(buffer_slice(&setting->grant), &grant);
    if (status != OK) {
        failure_set(failure, status, NULL);
        return false;
    }
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    status = grant_fold(&grant, roster, &head);
    *number = roster_policies(roster)->count;
    if (status == OK && *number != roster_policies(setting->county.roster)->count + 1)
        status = ERR_MALFORMED;
    roster_destroy(roster);
    if (status != OK) {
        failure_set(failure, status, NULL);
        return false;
    }
    status = file_replace(setting->grant_path, buffer_slice(&setting->grant));
    if (status != OK)
        failure_of_file(failure, status, setting->grant_path);
    return status == OK;
}

static void setting_tell(const struct policy_setting *setting, uint64_t number,
                         const struct terminal *terminal)
{
    char from[11];
    date_format(setting->from_day, from);
    if (terminal->json) {
        json_line(terminal->out,
                  json_pack("{s:i, s:s, s:n, s:s, s:I, s:s, s:s%, s:s}", "v", 1,
                            "command", "policy set", "incomplete", "grant",
                            setting->grant_path, "number", (json_int_t)number, "name",
                            setting->name, "value", (const char *)setting->value.data,
                            setting->value.size, "from", from));
        return;
    }
    (void)fprintf(terminal->out, _("Stated in %s, number %" PRIu64 ":\n"),
                  setting->grant_path, number);
    setting_show(setting, terminal->out);
    (void)fprintf(terminal->out, _("Carry this file to the hub, which passes it on.\n"
                                   "Next: at the hub  linli node join county.grant\n"));
}

enum exit_code policy_set_run(const struct invocation *invocation,
                              const struct terminal *terminal)
{
    struct policy_setting setting = {0};
    struct failure failure;
    uint64_t number = 0;
    crypto_init();
    buffer_init(&setting.grant, GRANT_SIZE_MAX);
    buffer_init(&setting.value, SIZE_MAX);
    buffer_init(&setting.county.bytes, SIZE_MAX);
    bool stated = setting_open(&setting, invocation, terminal, &failure) &&
                  setting_confirm(&setting, invocation, terminal, &failure) &&
                  setting_make(&setting, terminal->now_ms, &number, &failure);
    crypto_wipe(setting.seed, SEED_SIZE);
    if (stated)
        setting_tell(&setting, number, terminal);
    buffer_deinit(&setting.grant);
    buffer_deinit(&setting.value);
    grant_file_close(&setting.county);
    if (setting.declined) {
        (void)fputs(_("That is not its name; nothing was changed.\n"), terminal->err);
        return CODE_REFUSED;
    }
    return stated ? CODE_DONE : terminal_report(terminal, &failure);
}

/* ---- for people ---- */

void render_policy_of(const struct terminal *terminal, struct slice data)
{
    struct slice policy = map_map(data, "policy");
    uint64_t number, stated_ms;
    char when[WORDS_SIZE];
    if (!map_uint(policy, "number", &number) ||
        !map_uint(policy, "stated_ms", &stated_ms))
        return;
    moment_words(stated_ms, when);
    (void)fprintf(terminal->out, _("By policy statement %llu of %s.\n"),
                  (unsigned long long)number, when);
}
