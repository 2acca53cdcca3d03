/* grant_file.c - reading what county and node commands have in common. */
#include <errno.h>
#include <string.h>

#include "tools/arguments.h"
#include "tools/county.h"
#include "tools/files.h"
#include "tools/i18n.h"

void failure_of_file(struct failure *failure, enum status status, const char *path)
{
    int error = errno;
    if (status == ERR_FILE)
        failure_set(failure, status, "%s: %s", path, strerror(error));
    else
        failure_set(failure, status, "%s", path);
}

bool grant_file_open(struct grant_file *file, const char *path, struct failure *failure)
{
    struct head head;
    *file = (struct grant_file){0};
    buffer_init(&file->bytes, SIZE_MAX);
    enum status status = file_read(path, GRANT_SIZE_MAX, &file->bytes);
    if (status == OK)
        status = grant_decode(buffer_slice(&file->bytes), &file->grant);
    if (status == OK) {
        file->roster =
            roster_create(&file->grant.genesis, &file->grant.genesis_hash, NULL);
        status = grant_fold(&file->grant, file->roster, &head);
    }
    if (status == OK)
        return true;
    failure_of_file(failure, status == ERR_MALFORMED ? ERR_GRANT : status, path);
    struct request request;
    if (status == ERR_BAD_SIGNATURE || status == ERR_GAP)
        failure->next = status_words(ERR_GRANT)->next;
    if (status == ERR_FILE)
        failure->next = N_("Give the path of the county.grant that the authority made.");
    if (status == ERR_MALFORMED &&
        request_decode(buffer_slice(&file->bytes), &request) == OK) {
        failure->text = N_("this is a request, not a grant");
        failure->next = N_("At the authority: linli node admit REQUEST; it makes the "
                           "grant.");
    }
    return false;
}

void grant_file_close(struct grant_file *file)
{
    if (file->roster != NULL)
        roster_destroy(file->roster);
    buffer_deinit(&file->bytes);
}

bool seed_read(uint8_t seed[SEED_SIZE], const char *path, struct failure *failure)
{
    struct buffer bytes;
    buffer_init(&bytes, 2 * SEED_SIZE);
    enum status status = file_read(path, SEED_SIZE, &bytes);
    if (status == OK && bytes.size != SEED_SIZE)
        status = ERR_MALFORMED;
    if (status == OK)
        memcpy(seed, bytes.data, SEED_SIZE);
    else
        failure_of_file(failure, status, path);
    if (status == ERR_MALFORMED || status == ERR_LIMIT) {
        failure->text = N_("this is no key: keys have 32 bytes");
        failure->next = N_("Put back the file that was there.");
    }
    if (bytes.data != NULL)
        crypto_wipe(bytes.data, bytes.size);
    buffer_deinit(&bytes);
    return status == OK;
}

bool code_parse(uint64_t *code, const char *text, struct failure *failure)
{
    size_t size = strspn(text, "0123456789");
    *code = 0;
    for (size_t i = 0; i < size && size <= 12; i++)
        *code = *code * 10 + (uint64_t)(text[i] - '0');
    if (text[size] == '\0' && division_level(*code) != DIVISION_NONE)
        return true;
    failure_set(failure, ERR_DIVISION, "%s", text);
    failure->text = N_("this is no division code: a county has 6 digits, a township 9, a "
                       "village 12");
    failure->next = "";
    return false;
}

const char *required_value(const struct invocation *invocation, const char *key,
                           struct failure *failure)
{
    const char *value = arguments_value(invocation, key);
    if (value != NULL && value[0] != '\0')
        return value;
    failure_set(failure, ERR_USAGE, "--%s", key);
    failure->text = N_("this is missing");
    failure->next = "";
    (void)snprintf(failure->next_own, sizeof failure->next_own, "linli help %s",
                   invocation->command->name);
    return NULL;
}
