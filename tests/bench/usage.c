/* What a daemon costs, as the kernel counts it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/linlid.h"
#include "tests/bench/report.h"

/* The number after `key` in /proc/PID/FILE. */
static uint64_t proc_number(pid_t pid, const char *file, const char *key)
{
    char path[64], line[256];
    unsigned long long number = 0;
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, file);
    FILE *stream = fopen(path, "r");
    while (stream != NULL && !found && fgets(line, sizeof line, stream) != NULL)
        found = strncmp(line, key, strlen(key)) == 0 &&
                sscanf(line + strlen(key), "%llu", &number) == 1;
    if (!found)
        give_up("no \"%s\" in %s", key, path);
    (void)fclose(stream);
    return number;
}

/* The clock of a process's CPU time: the sum that stat's utime and stime are rounded
 * from, in nanoseconds instead of ticks of 10 ms. */
static uint64_t cpu_ns(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        give_up("no CPU clock of process %ld", (long)pid);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

struct usage linlid_usage(const struct linlid *linlid)
{
    return (struct usage){
        .cpu_ns = cpu_ns(linlid->pid),
        .written_bytes = proc_number(linlid->pid, "io", "wchar:"),
        .dirtied_bytes = proc_number(linlid->pid, "io", "write_bytes:"),
    };
}

uint64_t linlid_private_bytes(const struct linlid *linlid)
{
    return proc_number(linlid->pid, "status", "RssAnon:") * 1024;
}

struct sampler {
    const struct linlid *linlid;
    unsigned interval_ms;
    pthread_t thread;
    atomic_bool stop;
    uint64_t peak_bytes;
    size_t samples;
};

static void *sampler_run(void *context)
{
    struct sampler *sampler = context;
    while (!atomic_load(&sampler->stop)) {
        uint64_t bytes = linlid_private_bytes(sampler->linlid);
        if (bytes > sampler->peak_bytes)
            sampler->peak_bytes = bytes;
        sampler->samples++;
        sleep_ms(sampler->interval_ms);
    }
    return NULL;
}

struct sampler *sampler_start(const struct linlid *linlid, unsigned interval_ms)
{
    struct sampler *sampler = checked_malloc(sizeof *sampler);
    sampler->linlid = linlid;
    sampler->interval_ms = interval_ms;
    sampler->peak_bytes = 0;
    sampler->samples = 0;
    atomic_init(&sampler->stop, false);
    if (pthread_create(&sampler->thread, NULL, sampler_run, sampler) != 0)
        give_up("cannot start a thread");
    return sampler;
}

uint64_t sampler_stop(struct sampler *sampler, size_t *samples)
{
    atomic_store(&sampler->stop, true);
    if (pthread_join(sampler->thread, NULL) != 0)
        give_up("cannot join a thread");
    uint64_t peak_bytes = sampler->peak_bytes;
    *samples = sampler->samples;
    free(sampler);
    return peak_bytes;
}
