/* disk.h - node directories on disk: copied, measured; and how fast the disk says "safe". */
#ifndef LINLI_TESTS_BENCH_DISK_H
#define LINLI_TESTS_BENCH_DISK_H

#include "crdt/base.h"

/* Copies key and grant, and the store where `with_store`, into `to`, which must not exist;
 * synced, so that nothing of it is written back while something else is measured. */
void disk_copy_node(const char *from, const char *to, bool with_store);

/* What a node's store occupies on disk, log and derived, with its free pages. */
uint64_t disk_store_bytes(const char *node_directory);

/* Bytes that the block device under `path` was given by everybody since it started, the
 * file system's journal included; 0 where the kernel does not say. */
uint64_t disk_device_written_bytes(const char *path);

void disk_sync_file(const char *path);

/* Half of so many one-page writes with fdatasync, one after the other into a file that has
 * its blocks, took less than this. The file is made in `directory` and removed. */
double disk_fdatasync_p50_ms(const char *directory, size_t count);

#endif
