#include "tools/county.h"

#include <string.h>

#include "tools/arguments.h"
#include "tools/files.h"
#include "tools/i18n.h"
#include "tools/json.h"

/* ---- county create ---- */

struct founding {
    const char *directory;
    char authority_path[PATH_SIZE_MAX], recovery_path[PATH_SIZE_MAX];
    char grant_path[PATH_SIZE_MAX];
    uint8_t authority_seed[SEED_SIZE], recovery_seed[SEED_SIZE];
    struct genesis genesis;
};

static bool founding_read_options(struct founding *founding,
                                  const struct invocation *invocation,
                                  struct failure *failure)
{
    const char *code = required_value(invocation, "county", failure);
    const char *name = code != NULL ? required_value(invocation, "name", failure) : NULL;
    if (name == NULL || !code_parse(&founding->genesis.county, code, failure))
        return false;
    if (division_level(founding->genesis.county) != DIVISION_COUNTY) {
        failure_set(failure, ERR_DIVISION, "%s", code);
        failure->text = N_("a county's code has 6 digits");
        failure->next = "";
        return false;
    }
    if (strlen(name) > NAME_SIZE_MAX) {
        failure_set(failure, ERR_FIELD_TOO_LONG, "name");
        return false;
    }
    memcpy(founding->genesis.name, name, strlen(name) + 1);
    return true;
}

static enum status founding_paths(struct founding *founding, const char *directory)
{
    founding->directory = directory;
    enum status status = path_join(founding->authority_path, directory, "authority.key");
    if (status == OK)
        status = path_join(founding->recovery_path, directory, "recovery.key");
    return status == OK ? path_join(founding->grant_path, directory, "county.grant")
                        : status;
}

static const char *founding_existing(const struct founding *founding)
{
    const char *const paths[] = {founding->authority_path, founding->recovery_path,
                                 founding->grant_path};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        if (file_exists(paths[i]))
            return paths[i];
    }
    return NULL;
}

static void founding_make_keys(struct founding *founding, uint64_t now_ms)
{
    struct node_keys keys;
    random_fill(founding->authority_seed, SEED_SIZE);
    random_fill(founding->recovery_seed, SEED_SIZE);
    random_fill(founding->genesis.nonce, sizeof founding->genesis.nonce);
    crypto_node_keys(founding->authority_seed, &keys);
    founding->genesis.authority = keys.id;
    crypto_node_keys(founding->recovery_seed, &keys);
    founding->genesis.recovery = keys.id;
    founding->genesis.created_ms = now_ms;
    crypto_wipe(&keys, sizeof keys);
}

/* The grant comes last: with it the directory is a county. */
static bool founding_write(const struct founding *founding, struct failure *failure)
{
    struct buffer genesis, grant;
    buffer_init(&genesis, GENESIS_SIZE_MAX);
    buffer_init(&grant, GRANT_SIZE_MAX);
    genesis_encode(&founding->genesis, &genesis);
    grant_begin(&grant, buffer_slice(&genesis));
    const char *path = founding->authority_path;
    enum status status = file_create(path, slice_of(founding->authority_seed, SEED_SIZE));
    if (status == OK) {
        path = founding->recovery_path;
        status = file_create(path, slice_of(founding->recovery_seed, SEED_SIZE));
    }
    if (status == OK) {
        path = founding->grant_path;
        status = file_create_public(path, buffer_slice(&grant));
    }
    if (status != OK)
        failure_of_file(failure, status, path);
    buffer_deinit(&grant);
    buffer_deinit(&genesis);
    return status == OK;
}

static bool founding_make(struct founding *founding, const char *directory,
                          uint64_t now_ms, struct failure *failure)
{
    enum status status = founding_paths(founding, directory);
    if (status == OK)
        status = directory_make(directory);
    if (status != OK) {
        failure_of_file(failure, status, directory);
        return false;
    }
    const char *existing = founding_existing(founding);
    if (existing != NULL) {
        failure_set(failure, ERR_EXISTS, "%s", existing);
        failure->text = N_("a county was founded here already; nothing was changed");
        failure->next = N_("Give another directory. Whoever overwrites these keys loses "
                           "the county.");
        return false;
    }
    founding_make_keys(founding, now_ms);
    return founding_write(founding, failure);
}

static void founding_show(const struct founding *founding,
                          const struct terminal *terminal)
{
    char fingerprint[FINGERPRINT_SIZE];
    node_fingerprint(&founding->genesis.authority, fingerprint);
    if (terminal->json) {
        json_line(terminal->out,
                  json_pack("{s:i, s:s, s:n, s:I, s:s, s:s, s:s}", "v", 1, "command",
                            "county create", "incomplete", "county",
                            (json_int_t)founding->genesis.county, "name",
                            founding->genesis.name, "fingerprint", fingerprint,
                            "directory", founding->directory));
        return;
    }
    (void)fprintf(
        terminal->out,
        _("Founded %s (%llu), authority %s, in %s\n"
          "Store recovery.key elsewhere, offline, and take it out of here: whoever "
          "has it can replace the authority.\n"
          "Next: linli node admit --county %s REQUEST...\n"),
        founding->genesis.name, (unsigned long long)founding->genesis.county, fingerprint,
        founding->directory, founding->directory);
}

enum exit_code county_create_run(const struct invocation *invocation,
                                 const struct terminal *terminal)
{
    struct founding founding = {0};
    struct failure failure;
    crypto_init();
    const char *directory = arguments_value(invocation, "directory");
    bool made = founding_read_options(&founding, invocation, &failure) &&
                founding_make(&founding, directory, terminal->now_ms, &failure);
    crypto_wipe(founding.authority_seed, SEED_SIZE);
    crypto_wipe(founding.recovery_seed, SEED_SIZE);
    if (!made)
        return terminal_report(terminal, &failure);
    founding_show(&founding, terminal);
    return CODE_DONE;
}
