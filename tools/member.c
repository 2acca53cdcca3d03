#include "tools/member.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "daemon/api/protocol.h"
#include "tools/ask.h"
#include "tools/county.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/json.h"

/* ---- node init ---- */

/* "all" would name every peer in `peer pause`; blanks and slashes make a name that cannot
 * be typed or kept as a file. */
static bool name_is_usable(const char *name)
{
    return strlen(name) <= NAME_SIZE_MAX && strpbrk(name, " \t\n/") == NULL &&
           name[0] != '-' && strcmp(name, "all") != 0;
}

static bool request_from_options(struct request *request,
                                 const struct invocation *invocation,
                                 struct failure *failure)
{
    const char *code = required_value(invocation, "division", failure);
    const char *name = code != NULL ? required_value(invocation, "name", failure) : NULL;
    if (name == NULL || !code_parse(&request->division, code, failure))
        return false;
    if (!name_is_usable(name)) {
        failure_set(failure, ERR_FIELD_VALUE, "--name %s", name);
        failure->text =
            N_("a node's name has no blanks or slashes, at most 64 bytes, and is "
               "not \"all\"");
        failure->next = "";
        return false;
    }
    memcpy(request->name, name, strlen(name) + 1);
    return true;
}

/* A key without its request is of no use and is taken away again. */
static enum status create_or_undo(const char *path, struct slice content,
                                  const char *undo)
{
    enum status status = file_create_public(path, content);
    if (status != OK) {
        int error = errno;
        (void)unlink(undo);
        errno = error;
    }
    return status;
}

static bool write_key_and_request(const char *directory, const uint8_t seed[SEED_SIZE],
                                  struct slice request, struct failure *failure)
{
    char key_path[PATH_SIZE_MAX];
    char request_path[PATH_SIZE_MAX];
    const char *path = directory;
    enum status status = path_join(key_path, directory, "node.key");
    if (status == OK)
        status = path_join(request_path, directory, "node.request");
    if (status == OK)
        status = directory_make(directory);
    if (status == OK) {
        path = request_path;
        status = file_exists(path) ? ERR_EXISTS : OK;
    }
    if (status == OK) {
        path = key_path;
        status = file_create(path, slice_of(seed, SEED_SIZE));
    }
    if (status == OK) {
        path = request_path;
        status = create_or_undo(path, request, key_path);
    }
    if (status != OK)
        failure_of_file(failure, status, path);
    if (status == ERR_EXISTS) {
        failure->text = N_("this directory has a key or a request already; nothing was "
                           "changed");
        failure->next = N_("Carry its node.request to the authority. For a new key, move "
                           "node.key and node.request away first.");
    }
    return status == OK;
}

static void show_request(const struct terminal *terminal, const struct request *request,
                         const char *directory)
{
    char fingerprint[FINGERPRINT_SIZE];
    node_fingerprint(&request->id, fingerprint);
    if (terminal->json) {
        json_line(terminal->out,
                  json_pack("{s:i, s:s, s:n, s:s, s:I, s:s, s:s+}", "v", 1, "command",
                            "node init", "incomplete", "name", request->name, "division",
                            (json_int_t)request->division, "fingerprint", fingerprint,
                            "request", directory, "/node.request"));
        return;
    }
    (void)fprintf(
        terminal->out,
        _("Fingerprint of %s (%llu):  %s\n"
          "Read it out to the authority, and carry %s/node.request there.\n"
          "node.key stays on this machine and in no mail.\n"
          "Next: at the authority  linli node admit --county DIR node.request\n"),
        request->name, (unsigned long long)request->division, fingerprint, directory);
}

enum exit_code node_init_run(const struct invocation *invocation,
                             const struct terminal *terminal)
{
    struct request request = {0};
    struct node_keys keys;
    struct failure failure;
    struct buffer encoded;
    uint8_t seed[SEED_SIZE];
    const char *directory = arguments_value(invocation, "directory");
    directory = directory != NULL ? directory : NODE_DIRECTORY_DEFAULT;
    if (!request_from_options(&request, invocation, &failure))
        return terminal_report(terminal, &failure);
    crypto_init();
    random_fill(seed, sizeof seed);
    crypto_node_keys(seed, &keys);
    request.id = keys.id;
    memcpy(request.curve_public, keys.curve_public, KEY_SIZE);
    memcpy(request.box_public, keys.box_public, KEY_SIZE);
    buffer_init(&encoded, REQUEST_SIZE_MAX);
    request_encode(&request, &keys, &encoded);
    bool made = write_key_and_request(directory, seed, buffer_slice(&encoded), &failure);
    buffer_deinit(&encoded);
    crypto_wipe(&keys, sizeof keys);
    crypto_wipe(seed, sizeof seed);
    if (!made)
        return terminal_report(terminal, &failure);
    show_request(terminal, &request, directory);
    return CODE_DONE;
}

/* ---- node join ---- */

static bool same_county_before(const char *path, const struct grant *grant,
                               struct failure *failure)
{
    struct grant_file before;
    if (!file_exists(path))
        return true;
    bool opened = grant_file_open(&before, path, failure);
    bool same = opened && hash_equal(&before.grant.genesis_hash, &grant->genesis_hash);
    if (opened && !same)
        failure_set(failure, ERR_OTHER_COUNTY, "%s", path);
    grant_file_close(&before);
    return same;
}

/* Whether the node's own request is for a place outside the county. */
static bool asked_elsewhere(const char *directory, uint64_t county)
{
    char path[PATH_SIZE_MAX];
    struct buffer bytes;
    struct request request;
    buffer_init(&bytes, 2 * REQUEST_SIZE_MAX);
    bool elsewhere = path_join(path, directory, "node.request") == OK &&
                     file_read(path, REQUEST_SIZE_MAX, &bytes) == OK &&
                     request_decode(buffer_slice(&bytes), &request) == OK &&
                     !division_within(request.division, county);
    buffer_deinit(&bytes);
    return elsewhere;
}

/* The member that this directory's key is, or NULL with `failure` filled. */
static const struct member *find_self(const struct grant_file *file,
                                      const char *directory, struct failure *failure)
{
    char path[PATH_SIZE_MAX];
    uint8_t seed[SEED_SIZE];
    struct node_keys keys;
    char fingerprint[FINGERPRINT_SIZE];
    if (path_join(path, directory, "node.key") != OK) {
        failure_set(failure, ERR_LIMIT, "--directory");
        return NULL;
    }
    if (!seed_read(seed, path, failure)) {
        if (failure->number == ERR_FILE)
            failure->next = N_("Make the node's key first: linli node init DIRECTORY "
                               "--division CODE --name NAME");
        return NULL;
    }
    crypto_node_keys(seed, &keys);
    const struct member *self = roster_by_id(file->roster, &keys.id);
    if (self != NULL && roster_revoked(file->roster, self->number))
        self = NULL;
    node_fingerprint(&keys.id, fingerprint);
    crypto_wipe(&keys, sizeof keys);
    crypto_wipe(seed, sizeof seed);
    if (self == NULL && asked_elsewhere(directory, file->grant.genesis.county)) {
        failure_set(failure, ERR_OTHER_COUNTY, "%s (%llu)", file->grant.genesis.name,
                    (unsigned long long)file->grant.genesis.county);
        failure->text = N_("this is another county's grant: node.request here asks for a "
                           "place outside of it");
        failure->next =
            N_("Bring county.grant from the authority of this node's county.");
    } else if (self == NULL) {
        failure_set(failure, ERR_NOT_MEMBER, "%s", fingerprint);
        failure->text = N_("this grant does not admit this node: it may be older");
        failure->next = N_("Bring the newest county.grant from the authority, once it "
                           "has admitted this node's request.");
    }
    return self;
}

static void show_joined(const struct terminal *terminal, const struct grant_file *file,
                        const struct member *self, const char *path)
{
    const struct genesis *genesis = &file->grant.genesis;
    if (terminal->json) {
        json_line(terminal->out,
                  json_pack("{s:i, s:s, s:n, s:I, s:s, s:I, s:I}", "v", 1, "command",
                            "node join", "incomplete", "number", (json_int_t)self->number,
                            "name", self->name, "county", (json_int_t)genesis->county,
                            "members", (json_int_t)roster_count(file->roster)));
        return;
    }
    (void)fprintf(terminal->out,
                  _("%s (%llu) is member %u of %s; %zu members so far.\n"
                    "The grant is now %s\n"),
                  self->name, (unsigned long long)self->division, (unsigned)self->number,
                  genesis->name, roster_count(file->roster), path);
    char here[PATH_SIZE_MAX];
    bool usual = path_join(here, NODE_DIRECTORY_DEFAULT, "county.grant") == OK &&
                 strcmp(here, path) == 0;
    (void)fputs(usual
                    ? _("Next: systemctl start linlid\n")
                    : _("Next: start linlid with a linli.conf that names this directory: "
                        "linlid -c FILE\n"),
                terminal->out);
}

static enum exit_code join_directory(const struct invocation *invocation,
                                     const struct terminal *terminal,
                                     const char *directory)
{
    struct grant_file file;
    struct failure failure;
    char path[PATH_SIZE_MAX];
    const struct member *self = NULL;
    const char *grant_path = arguments_value(invocation, "grant");
    bool opened = grant_file_open(&file, grant_path, &failure);
    enum status joined = path_join(path, directory, "county.grant");
    if (opened && joined != OK)
        failure_set(&failure, joined, "--directory");
    if (opened && joined == OK && same_county_before(path, &file.grant, &failure))
        self = find_self(&file, directory, &failure);
    bool done = self != NULL;
    if (done) {
        enum status status = file_replace(path, buffer_slice(&file.bytes));
        if (status != OK)
            failure_of_file(&failure, status, path);
        done = status == OK;
    }
    if (done)
        show_joined(terminal, &file, self, path);
    grant_file_close(&file);
    return done ? CODE_DONE : terminal_report(terminal, &failure);
}

/* Form and signatures are checked here too: a wrong file is told apart before it travels.
 */
static enum exit_code join_daemon(const struct invocation *invocation,
                                  const struct terminal *terminal)
{
    struct grant_file file;
    struct failure failure;
    struct buffer args;
    bool opened = grant_file_open(&file, arguments_value(invocation, "grant"), &failure);
    buffer_init(&args, CONTROL_REQUEST_SIZE_MAX);
    if (opened) {
        codec_put_map(&args, 1);
        codec_put_cstring(&args, "grant");
        codec_put_bytes(&args, buffer_slice(&file.bytes));
    }
    enum exit_code code = opened ? ask_with(invocation, terminal, buffer_slice(&args))
                                 : terminal_report(terminal, &failure);
    if (code == CODE_NO_DAEMON && !terminal->json)
        (void)fprintf(
            terminal->err,
            _("      A node that has not joined yet has no daemon to ask: linli "
              "node join %s --directory %s\n"),
            arguments_value(invocation, "grant"), NODE_DIRECTORY_DEFAULT);
    buffer_deinit(&args);
    grant_file_close(&file);
    return code;
}

enum exit_code node_join_run(const struct invocation *invocation,
                             const struct terminal *terminal)
{
    const char *directory = arguments_value(invocation, "directory");
    crypto_init();
    return directory != NULL ? join_directory(invocation, terminal, directory)
                             : join_daemon(invocation, terminal);
}
