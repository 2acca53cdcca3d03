/* admit.c - admitting nodes by their requests, once somebody compared fingerprints. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/api/divisions_csv.h"
#include "tools/arguments.h"
#include "tools/county.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/json.h"

#ifndef LINLI_PREFIX
#define LINLI_PREFIX "/usr"
#endif
#define DIVISIONS_DEFAULT LINLI_PREFIX "/share/linli/divisions.csv"

struct admission {
    char grant_path[PATH_SIZE_MAX], key_path[PATH_SIZE_MAX];
    uint8_t seed[SEED_SIZE];
    struct grant_file county;
    struct request *requests;
    size_t count;
    struct buffer grant; /* the new one */
    struct divisions divisions;
    const char *divisions_path; /* where they were read; NULL: there is no table */
    bool declined;
};

/* ---- what is to be admitted ---- */

/* Whether a file that is no request is the authority's own. */
static bool is_grant(const char *path)
{
    struct buffer bytes;
    struct grant grant;
    buffer_init(&bytes, SIZE_MAX);
    bool is = file_read(path, GRANT_SIZE_MAX, &bytes) == OK &&
              grant_decode(buffer_slice(&bytes), &grant) == OK;
    buffer_deinit(&bytes);
    return is;
}

static bool request_read(struct request *request, const char *path, uint64_t county,
                         struct failure *failure)
{
    struct buffer bytes;
    buffer_init(&bytes, 2 * REQUEST_SIZE_MAX);
    enum status status = file_read(path, REQUEST_SIZE_MAX, &bytes);
    if (status == OK)
        status = request_decode(buffer_slice(&bytes), request);
    if (status == OK && !division_within(request->division, county))
        status = ERR_DIVISION;
    if (status != OK)
        failure_of_file(failure, status, path);
    if (status == ERR_MALFORMED || status == ERR_LIMIT) {
        failure->text = N_("this is no whole request: it was cut short, or is another "
                           "file");
        failure->next = N_("Carry node.request from the node once more.");
    }
    if ((status == ERR_MALFORMED || status == ERR_LIMIT) && is_grant(path)) {
        failure->text = N_("this is a grant, not a request");
        failure->next =
            N_("Give the node.request that linli node init made at the node.");
    }
    buffer_deinit(&bytes);
    return status == OK;
}

static void fail_by_table(struct failure *failure, const char *path,
                          const struct config_errors *errors)
{
    failure_set(failure, ERR_CONFIG, "%s", path);
    failure->text = N_("the table of places cannot be used");
    failure->next = "";
    if (errors->count > 0)
        (void)snprintf(failure->subject, sizeof failure->subject, "%s:%u", path,
                       errors->items[0].line);
}

/* A table that nobody asked for may be absent or of no use. */
static bool admission_read_divisions(struct admission *admission,
                                     const struct invocation *invocation,
                                     struct failure *failure)
{
    struct config_errors errors = {0};
    const char *wanted = arguments_value(invocation, "divisions");
    const char *path = wanted != NULL ? wanted : DIVISIONS_DEFAULT;
    if (wanted == NULL && !file_exists(path))
        return true;
    bool loaded = divisions_csv_load(path, &admission->divisions, &errors) == OK;
    admission->divisions_path = loaded ? path : NULL;
    if (!loaded && wanted != NULL)
        fail_by_table(failure, path, &errors);
    config_errors_free(&errors);
    return loaded || wanted == NULL;
}

static bool admission_open(struct admission *admission,
                           const struct invocation *invocation, struct failure *failure)
{
    const char *directory = required_value(invocation, "county", failure);
    if (directory == NULL)
        return false;
    if (path_join(admission->grant_path, directory, "county.grant") != OK ||
        path_join(admission->key_path, directory, "authority.key") != OK) {
        failure_set(failure, ERR_LIMIT, "--county");
        return false;
    }
    if (!grant_file_open(&admission->county, admission->grant_path, failure)) {
        if (failure->number == ERR_FILE)
            failure->next = N_("Give --county the directory that linli county create "
                               "made.");
        return false;
    }
    return seed_read(admission->seed, admission->key_path, failure);
}

static bool admission_read_requests(struct admission *admission,
                                    const struct invocation *invocation,
                                    struct failure *failure)
{
    const char *path;
    uint64_t county = admission->county.grant.genesis.county;
    admission->requests =
        checked_malloc((invocation->count + 1) * sizeof *admission->requests);
    while ((path = arguments_value_at(invocation, "request", admission->count)) != NULL) {
        if (!request_read(&admission->requests[admission->count], path, county, failure))
            return false;
        admission->count++;
    }
    return true;
}

static const char *admission_place(const struct admission *admission, uint64_t code)
{
    const struct division *division = divisions_find(&admission->divisions, code);
    return division != NULL ? division->name : NULL;
}

static void admission_show(const struct admission *admission, FILE *out)
{
    char fingerprint[FINGERPRINT_SIZE];
    for (size_t i = 0; i < admission->count; i++) {
        const struct request *request = &admission->requests[i];
        bool held = roster_by_id(admission->county.roster, &request->id) != NULL;
        node_fingerprint(&request->id, fingerprint);
        const char *place = admission_place(admission, request->division);
        (void)fprintf(out, "  %s  %llu%s%s  %s%s\n", fingerprint,
                      (unsigned long long)request->division, place != NULL ? " " : "",
                      place != NULL ? place : "", request->name,
                      held ? _("  (admitted already)") : "");
    }
}

/* Another member that serves the same division, by an earlier admission. */
static const struct member *admission_other(const struct admission *admission,
                                            const struct request *request)
{
    const struct roster *roster = admission->county.roster;
    for (size_t i = 0; i < roster_count(roster); i++) {
        const struct member *member = roster_at(roster, i);
        bool same = memcmp(&member->id, &request->id, sizeof member->id) == 0;
        bool authority = memcmp(&member->id, &admission->county.grant.genesis.authority,
                                sizeof member->id) == 0;
        if (!same && !authority && member->division == request->division &&
            !roster_revoked(roster, member->number))
            return member;
    }
    return NULL;
}

/* Both are allowed, and mostly a mistake. */
static void admission_warn(const struct admission *admission, FILE *out)
{
    for (size_t i = 0; i < admission->count; i++) {
        const struct request *request = &admission->requests[i];
        unsigned long long code = request->division;
        const struct member *other = admission_other(admission, request);
        if (other != NULL)
            (void)fprintf(out, _("  Warning: %llu has a node already: %s, number %u\n"),
                          code, other->name, (unsigned)other->number);
        if (admission->divisions_path != NULL &&
            admission_place(admission, request->division) == NULL)
            (void)fprintf(out, _("  Warning: %llu is not in %s\n"), code,
                          admission->divisions_path);
    }
}

/* The fingerprint must have been read out by somebody; without a terminal nobody can say
 * so but --yes. */
static bool admission_confirm(struct admission *admission,
                              const struct invocation *invocation,
                              const struct terminal *terminal, struct failure *failure)
{
    char answer[16] = "";
    if (arguments_flag(invocation, "yes")) {
        if (!terminal->json)
            admission_warn(admission, terminal->err);
        return true;
    }
    if (terminal->json || !isatty(STDIN_FILENO)) {
        failure_set(failure, ERR_USAGE, "--yes");
        failure->text = N_("nobody can be asked here; nothing was admitted");
        failure->next = N_("Compare the fingerprints first, then add --yes.");
        return false;
    }
    admission_show(admission, terminal->err);
    admission_warn(admission, terminal->err);
    (void)fprintf(
        terminal->err,
        _("Were these fingerprints read out at the nodes, and are they the same? "
          "Type yes: "));
    (void)fflush(terminal->err);
    if (fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0)
        return true;
    admission->declined = true;
    return false;
}

/* ---- admitting ---- */

/* Which of a request's names and keys is taken, and what helps. */
static bool fail_by_member(struct failure *failure, const struct roster *roster,
                           const struct request *request)
{
    const struct member *by_id = roster_by_id(roster, &request->id);
    const struct member *other = by_id;
    if (other == NULL)
        other = roster_by_name(roster, slice_text(request->name));
    if (other != NULL && by_id == NULL && roster_revoked(roster, other->number))
        return false; /* its name is free */
    if (other == NULL)
        return false;
    failure_set(failure, ERR_EXISTS, "%s", request->name);
    failure->next =
        N_("At the node, move node.key and node.request away; then linli node "
           "init makes new ones, with another --name.");
    if (by_id == NULL) {
        failure->text = N_("another member has this name; nothing was admitted");
        (void)snprintf(
            failure->next_own, sizeof failure->next_own,
            _("If that machine is gone for good: linli node revoke %s. If not:"),
            other->name);
    } else if (roster_revoked(roster, by_id->number))
        failure->text = N_("this key was revoked; nothing was admitted");
    else
        failure->text =
            N_("this key was admitted under another name or division; nothing "
               "was admitted");
    return true;
}

static bool is_admitted_as_asked(const struct roster *roster,
                                 const struct request *request)
{
    const struct member *member = roster_by_id(roster, &request->id);
    return member != NULL && !roster_revoked(roster, member->number) &&
           member->division == request->division &&
           strcmp(member->name, request->name) == 0;
}

static void fail_by_taken(struct failure *failure, const struct admission *admission)
{
    const struct roster *roster = admission->county.roster;
    failure->text = N_("two of these requests share a name or key, or a key is another "
                       "member's; nothing was admitted");
    failure->next =
        N_("At the node, move node.key and node.request away; then linli node "
           "init makes new ones, with another --name.");
    for (size_t i = 0; i < admission->count; i++) {
        const struct request *request = &admission->requests[i];
        if (!is_admitted_as_asked(roster, request) &&
            fail_by_member(failure, roster, request))
            return;
    }
}

/* What was made is read back under the rules of any node before it replaces the old one.
 */
static enum status admission_check(const struct admission *admission)
{
    struct grant grant;
    struct head head;
    enum status status = grant_decode(buffer_slice(&admission->grant), &grant);
    if (status != OK)
        return status;
    struct roster *roster = roster_create(&grant.genesis, &grant.genesis_hash, NULL);
    status = grant_fold(&grant, roster, &head);
    for (size_t i = 0; i < admission->count && status == OK; i++) {
        if (roster_by_id(roster, &admission->requests[i].id) == NULL)
            status = ERR_EXISTS; /* its name or keys are taken by another member */
    }
    roster_destroy(roster);
    return status;
}

static bool admission_make(struct admission *admission, uint64_t now_ms,
                           struct failure *failure)
{
    uint8_t random[RANDOM_SIZE];
    random_fill(random, sizeof random);
    enum status status =
        grant_admit(&admission->county.grant, admission->seed, admission->requests,
                    admission->count, now_ms, random, &admission->grant);
    crypto_wipe(random, sizeof random);
    if (status == OK && admission->grant.overflow)
        status = ERR_LIMIT;
    if (status == OK)
        status = admission_check(admission);
    if (status != OK) {
        failure_set(failure, status, NULL);
        if (status == ERR_EXISTS)
            fail_by_taken(failure, admission);
        return false;
    }
    status = file_replace(admission->grant_path, buffer_slice(&admission->grant));
    if (status != OK)
        failure_of_file(failure, status, admission->grant_path);
    return status == OK;
}

static json_t *admission_json(const struct admission *admission)
{
    char fingerprint[FINGERPRINT_SIZE];
    json_t *admitted = json_array();
    for (size_t i = 0; i < admission->count; i++) {
        const struct request *request = &admission->requests[i];
        bool held = roster_by_id(admission->county.roster, &request->id) != NULL;
        node_fingerprint(&request->id, fingerprint);
        (void)json_array_append_new(admitted,
                                    json_pack("{s:s, s:s, s:I, s:b}", "name",
                                              request->name, "fingerprint", fingerprint,
                                              "division", (json_int_t)request->division,
                                              "admitted_before", (int)held));
    }
    return json_pack("{s:i, s:s, s:n, s:s, s:o}", "v", 1, "command", "node admit",
                     "incomplete", "grant", admission->grant_path, "nodes", admitted);
}

static void admission_tell(const struct admission *admission,
                           const struct terminal *terminal)
{
    if (terminal->json) {
        json_line(terminal->out, admission_json(admission));
        return;
    }
    (void)fprintf(terminal->out, _("Admitted in %s:\n"), admission->grant_path);
    admission_show(admission, terminal->out);
    (void)fprintf(
        terminal->out,
        _("Carry this file to each new node AND to the hub; the hub passes it on.\n"
          "Next: at a new node  linli node join county.grant --directory "
          "/var/lib/linli\n"
          "      at the hub     linli node join county.grant\n"));
}

enum exit_code node_admit_run(const struct invocation *invocation,
                              const struct terminal *terminal)
{
    struct admission admission = {0};
    struct failure failure;
    crypto_init();
    buffer_init(&admission.grant, GRANT_SIZE_MAX);
    buffer_init(&admission.county.bytes, SIZE_MAX);
    divisions_init(&admission.divisions);
    bool admitted = admission_open(&admission, invocation, &failure) &&
                    admission_read_requests(&admission, invocation, &failure) &&
                    admission_read_divisions(&admission, invocation, &failure) &&
                    admission_confirm(&admission, invocation, terminal, &failure) &&
                    admission_make(&admission, terminal->now_ms, &failure);
    crypto_wipe(admission.seed, SEED_SIZE);
    if (admitted)
        admission_tell(&admission, terminal);
    free(admission.requests);
    divisions_deinit(&admission.divisions);
    buffer_deinit(&admission.grant);
    grant_file_close(&admission.county);
    if (admission.declined) {
        (void)fputs(_("Type yes to admit; nothing was changed.\n"), terminal->err);
        return CODE_REFUSED;
    }
    return admitted ? CODE_DONE : terminal_report(terminal, &failure);
}
