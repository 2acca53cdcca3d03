/* files.h - files of keys and grants: whole, private, and never half written. */
#ifndef LINLI_TOOLS_FILES_H
#define LINLI_TOOLS_FILES_H

#include <stdio.h>

#include "crdt/base.h"

#define PATH_SIZE_MAX 4096

/* "DIRECTORY/NAME"; ERR_LIMIT where it does not fit. */
MUST_USE enum status path_join(char path[PATH_SIZE_MAX], const char *directory,
                               const char *name);

/* The whole file at the end of `out`, at most `size_max` bytes: ERR_LIMIT beyond,
 * ERR_FILE with errno set where it cannot be read. */
MUST_USE enum status file_read(const char *path, size_t size_max, struct buffer *out);

/* A new file, 0600 whatever the umask, synced with its directory. ERR_EXISTS leaves what
 * is there untouched; ERR_DISK_FULL or ERR_FILE (errno set) leave nothing behind. As
 * root, the file belongs to whoever owns the directory: the daemon must be able to read
 * it. */
MUST_USE enum status file_create(const char *path, struct slice content);

/* The same for content that comes piece by piece: what is written to `file` is there once
 * file_end says OK, and nothing is where it does not, or with `keep` false. */
MUST_USE enum status file_begin(const char *path, FILE **file);
MUST_USE enum status file_end(const char *path, FILE *file, bool keep);

/* The same for what is to be carried about and holds no secret in the clear: 0644. */
MUST_USE enum status file_create_public(const char *path, struct slice content);

/* A public file that may exist: written aside, synced, renamed. At any power cut
 * either the old or the new content is there. */
MUST_USE enum status file_replace(const char *path, struct slice content);

bool file_exists(const char *path);

/* Makes a directory of mode 0700; one that exists is fine and keeps its mode. */
MUST_USE enum status directory_make(const char *path);

/* From the system's generator; stops the process where there is none. */
void random_fill(uint8_t *out, size_t size);

#endif
