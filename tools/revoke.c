/* revoke.c - revoking a node at the authority: where its logs end is read from what another
 * node says that it holds, because the authority has only its own directory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/arguments.h"
#include "tools/county.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/json.h"

#define HEADS_SIZE_MAX (64 * 1024 * 1024)

struct revocation {
    char grant_path[PATH_SIZE_MAX], key_path[PATH_SIZE_MAX];
    const char *heads_path; /* NULL: nothing that it wrote counts */
    uint8_t seed[SEED_SIZE];
    struct grant_file county;
    struct member member;
    struct cut cuts[GRANT_CUTS_MAX];
    size_t count;
    size_t realms; /* whose keys are made anew */
    struct buffer grant;
    bool declined;
};

/* ---- whom ---- */

static bool find_member(struct revocation *revocation,
                        const struct invocation *invocation, struct failure *failure)
{
    const char *typed = arguments_value(invocation, "node");
    const struct roster *roster = revocation->county.roster;
    const struct member *member = roster_by_name(roster, slice_text(typed));
    if (member == NULL || member->role == ROLE_AUTHORITY) {
        failure_set(failure, ERR_NOT_FOUND, "%s", typed);
        failure->text = member == NULL ? N_("no member of this county has that name")
                                       : N_("the authority itself cannot be revoked");
        failure->next = "";
        return false;
    }
    if (roster_revoked(roster, member->number)) {
        failure_set(failure, ERR_EXISTS, "%s", typed);
        failure->text = N_("this node was revoked already; nothing was changed");
        return false;
    }
    revocation->member = *member;
    return true;
}

/* ---- where its logs end ---- */

static bool fail_by_heads(const struct revocation *revocation, struct failure *failure,
                          const char *text)
{
    failure_set(failure, ERR_MALFORMED, "%s", revocation->heads_path);
    failure->text = text;
    failure->next = N_("At the hub, or at whichever node holds the most of it: linli log "
                       "show --json > heads.json");
    return false;
}

/* What is written the same when it is formatted again. */
static bool log_name_parse(const char *text, struct log_name *log)
{
    char *end, again[LOG_TEXT_SIZE];
    unsigned long long node = strtoull(text, &end, 10);
    unsigned long tag = *end == '.' ? strtoul(end + 1, &end, 16) : UINT32_MAX;

    if (node > UINT32_MAX || tag > UINT16_MAX)
        return false;
    *log = (struct log_name){.node = (uint32_t)node, .tag = (uint16_t)tag};
    for (log->lane = 0; log->lane < LANES; log->lane++) {
        log_name_format(*log, again);
        if (strcmp(text, again) == 0)
            return true;
    }
    return false;
}

static bool hash_parse(const char *text, struct hash *hash)
{
    static const char digits[] = "0123456789abcdef";
    if (text == NULL || strlen(text) != (size_t)2 * HASH_SIZE)
        return false;
    for (size_t i = 0; i < HASH_SIZE; i++) {
        const char *high = strchr(digits, text[2 * i]);
        const char *low = strchr(digits, text[2 * i + 1]);
        if (high == NULL || low == NULL)
            return false;
        hash->bytes[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

/* One log of the list. False with `failure` filled where it cannot be read, is another
 * county's, or there are too many. */
static bool take_head(struct revocation *revocation, json_t *row, struct failure *failure)
{
    struct log_name authority = authority_log(&revocation->county.grant.genesis_hash);
    const char *text = json_string_value(json_object_get(row, "log"));
    json_int_t seq = json_integer_value(json_object_get(row, "seq"));
    struct cut cut = {0};
    if (text == NULL || !log_name_parse(text, &cut.log) || seq < 0 ||
        (uint64_t)seq > SEQ_MAX ||
        !hash_parse(json_string_value(json_object_get(row, "hash")), &cut.hash))
        return fail_by_heads(revocation, failure,
                             N_("this is not what linli log show --json prints"));
    if (cut.log.node == 0 && !log_name_equal(cut.log, authority))
        return fail_by_heads(revocation, failure,
                             N_("these are the logs of another county"));
    if (cut.log.node != revocation->member.number || seq == 0)
        return true;
    if (revocation->count == GRANT_CUTS_MAX)
        return fail_by_heads(revocation, failure,
                             N_("that node has more logs than can be listed"));
    cut.seq = (uint64_t)seq;
    revocation->cuts[revocation->count++] = cut;
    return true;
}

static bool read_heads(struct revocation *revocation, struct failure *failure)
{
    struct buffer bytes;
    size_t index;
    json_t *row, *root = NULL, *logs = NULL;
    buffer_init(&bytes, HEADS_SIZE_MAX);
    enum status status = file_read(revocation->heads_path, HEADS_SIZE_MAX, &bytes);
    bool taken = status == OK;
    if (status != OK)
        failure_of_file(failure, status, revocation->heads_path);
    if (taken) {
        root = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
        logs = json_object_get(root, "logs");
        taken = json_is_array(logs) ||
                fail_by_heads(revocation, failure,
                              N_("this is not what linli log show --json prints"));
    }
    json_array_foreach(logs, index, row)
    {
        taken = taken && take_head(revocation, row, failure);
    }
    if (taken && revocation->count == 0)
        taken = fail_by_heads(revocation, failure,
                              N_("this list names no log of that node; nothing was "
                                 "revoked"));
    json_decref(root);
    buffer_deinit(&bytes);
    return taken;
}

/* No end is taken for granted: the beginning would take back all that it ever wrote. */
static bool choose_ends(struct revocation *revocation,
                        const struct invocation *invocation, struct failure *failure)
{
    bool from_the_start = arguments_flag(invocation, "from_the_start");
    revocation->heads_path = arguments_value(invocation, "heads");
    if ((revocation->heads_path != NULL) != from_the_start)
        return from_the_start || read_heads(revocation, failure);
    failure_set(failure, ERR_USAGE, "--heads");
    failure->text = N_("say where its logs end: --heads FILE keeps what that list holds, "
                       "--from-the-start keeps nothing that it wrote");
    failure->next = N_("At the hub: linli log show --json > heads.json");
    return false;
}

/* ---- asking ---- */

static void count_realms(struct revocation *revocation)
{
    const struct roster *roster = revocation->county.roster;
    const struct realm_commitment *row;
    uint64_t last = 0;
    for (size_t i = 0; (row = roster_commitment_at(roster, i)) != NULL; i++) {
        revocation->realms +=
            row->realm != last && member_holds(&revocation->member, row->realm,
                                               revocation->county.grant.genesis.county)
                ? 1
                : 0;
        last = row->realm;
    }
}

static void revocation_show(const struct revocation *revocation, FILE *out)
{
    const struct member *member = &revocation->member;
    char fingerprint[FINGERPRINT_SIZE], log[LOG_TEXT_SIZE];
    node_fingerprint(&member->id, fingerprint);
    (void)fprintf(out, "  %s  %s  %" PRIu64 "  %s %" PRIu32 "\n", member->name,
                  fingerprint, member->division, _("number"), member->number);
    for (size_t i = 0; i < revocation->count; i++) {
        log_name_format(revocation->cuts[i].log, log);
        (void)fprintf(out, _("  log %s ends with entry %" PRIu64 "\n"), log,
                      revocation->cuts[i].seq);
    }
    (void)fprintf(
        out, "%s",
        revocation->count == 0
            ? _("  Nothing that it ever wrote counts any more.\n")
            : _("  What it wrote beyond that, or elsewhere, does not count.\n"));
    (void)fprintf(out,
                  _("  Every node hangs up on it. It keeps the keys it had; %zu new ones "
                    "are made, and it cannot read what is written under them.\n"
                    "  Its key is never admitted again; its name may be.\n"),
                  revocation->realms);
}

static bool revocation_confirm(struct revocation *revocation,
                               const struct invocation *invocation,
                               const struct terminal *terminal, struct failure *failure)
{
    char answer[NAME_SIZE_MAX + 2] = "";
    if (arguments_flag(invocation, "yes"))
        return true;
    if (terminal->json || !isatty(STDIN_FILENO)) {
        failure_set(failure, ERR_USAGE, "--yes");
        failure->text = N_("nobody can be asked here; nothing was revoked");
        failure->next = N_("Add --yes when it is sure: it cannot be taken back.");
        return false;
    }
    (void)fputs(_("This will be signed, and cannot be taken back:\n"), terminal->err);
    revocation_show(revocation, terminal->err);
    (void)fputs(_("Type the node's name to revoke it: "), terminal->err);
    (void)fflush(terminal->err);
    if (fgets(answer, sizeof answer, stdin) != NULL)
        answer[strcspn(answer, "\n")] = '\0';
    revocation->declined = strcmp(answer, revocation->member.name) != 0;
    return !revocation->declined;
}

/* ---- revoking ---- */

/* What was made is read back under the rules of any node before it replaces the old one.
 */
static enum status revocation_check(const struct revocation *revocation)
{
    struct grant grant;
    struct head head;
    enum status status = grant_decode(buffer_slice(&revocation->grant), &grant);
    if (status != OK)
        return status;
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    status = grant_fold(&grant, roster, &head);
    if (status == OK && !roster_revoked(roster, revocation->member.number))
        status = ERR_MALFORMED;
    roster_destroy(roster);
    return status;
}

static bool revocation_make(struct revocation *revocation, uint64_t now_ms,
                            struct failure *failure)
{
    uint8_t random[RANDOM_SIZE];
    random_fill(random, sizeof random);
    enum status status = grant_revoke(
        &revocation->county.grant, revocation->seed, revocation->member.number,
        revocation->cuts, revocation->count, now_ms, random, &revocation->grant);
    crypto_wipe(random, sizeof random);
    if (status == OK)
        status = revocation_check(revocation);
    if (status != OK) {
        failure_set(failure, status, NULL);
        return false;
    }
    status = file_replace(revocation->grant_path, buffer_slice(&revocation->grant));
    if (status != OK)
        failure_of_file(failure, status, revocation->grant_path);
    return status == OK;
}

static void revocation_tell(const struct revocation *revocation,
                            const struct terminal *terminal)
{
    if (!terminal->json) {
        (void)fprintf(terminal->out, _("Revoked in %s:\n"), revocation->grant_path);
        revocation_show(revocation, terminal->out);
        (void)fprintf(terminal->out,
                      _("Carry this file to the hub, which passes it on.\n"
                        "Next: at the hub  linli node join county.grant\n"));
        return;
    }
    json_t *logs = json_array();
    for (size_t i = 0; i < revocation->count; i++) {
        char log[LOG_TEXT_SIZE];
        log_name_format(revocation->cuts[i].log, log);
        (void)json_array_append_new(logs, json_pack("{s:s, s:I}", "log", log, "seq",
                                                    (json_int_t)revocation->cuts[i].seq));
    }
    json_line(terminal->out,
              json_pack("{s:i, s:s, s:n, s:s, s:I, s:s, s:o, s:I}", "v", 1, "command",
                        "node revoke", "incomplete", "grant", revocation->grant_path,
                        "number", (json_int_t)revocation->member.number, "name",
                        revocation->member.name, "logs", logs, "new_keys",
                        (json_int_t)revocation->realms));
}

static bool revocation_open(struct revocation *revocation,
                            const struct invocation *invocation, struct failure *failure)
{
    const char *directory = required_value(invocation, "county", failure);
    if (directory == NULL)
        return false;
    if (path_join(revocation->grant_path, directory, "county.grant") != OK ||
        path_join(revocation->key_path, directory, "authority.key") != OK) {
        failure_set(failure, ERR_LIMIT, "--county");
        return false;
    }
    return grant_file_open(&revocation->county, revocation->grant_path, failure) &&
           seed_read(revocation->seed, revocation->key_path, failure);
}

enum exit_code node_revoke_run(const struct invocation *invocation,
                               const struct terminal *terminal)
{
    struct revocation revocation = {0};
    struct failure failure;
    crypto_init();
    buffer_init(&revocation.grant, GRANT_SIZE_MAX);
    buffer_init(&revocation.county.bytes, SIZE_MAX);
    bool revoked = revocation_open(&revocation, invocation, &failure) &&
                   find_member(&revocation, invocation, &failure) &&
                   choose_ends(&revocation, invocation, &failure);
    if (revoked) {
        count_realms(&revocation);
        revoked = revocation_confirm(&revocation, invocation, terminal, &failure) &&
                  revocation_make(&revocation, terminal->now_ms, &failure);
    }
    crypto_wipe(revocation.seed, SEED_SIZE);
    if (revoked)
        revocation_tell(&revocation, terminal);
    buffer_deinit(&revocation.grant);
    grant_file_close(&revocation.county);
    if (revocation.declined) {
        (void)fputs(_("That is not its name; nothing was changed.\n"), terminal->err);
        return CODE_REFUSED;
    }
    return revoked ? CODE_DONE : terminal_report(terminal, &failure);
}
