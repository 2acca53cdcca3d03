/* sim - runs seeds of the simulated county.
 *
 *   sim SEEDS=200 SEED_FIRST=1 JOBS=2    one line a seed, and a summary
 *   sim SEED=17 TRACE=1                  one seed, with its history
 *   sim SEED=17 TWICE=1                  one seed two times: the traces must be the same,
 *                                        as always with the first of several seeds
 *
 * Each as an argument or from the environment. Every seed runs in a process of its own,
 * so that a broken CHECK ends one seed and is reported with it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/place.h"
#include "tests/sim/storm.h"

#define JOBS_MAX 64

static uint64_t option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    size_t size = strlen(name);
    const char *value = getenv(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, size) == 0 && argv[i][size] == '=') {
            value = argv[i] + size + 1;
        }
    }
    return value == NULL || *value == '\0' ? otherwise : strtoull(value, NULL, 10);
}

/* Villages in every other seed, so that plain counties of 21 are well covered too. */
static struct storm_options options_for(int argc, char **argv, uint64_t seed)
{
    return (struct storm_options){
        .townships = option(argc, argv, "TOWNSHIPS", COUNTY_TOWNSHIPS),
        .villages = option(argc, argv, "VILLAGES", seed % 2 == 0 ? seed / 2 % 5 : 0),
    };
}

struct job_process {
    uint64_t seed;
    pid_t pid; /* 0: free */
    int output;
};

static void run_child(int argc, char **argv, uint64_t seed, bool twice, int output)
{
    struct storm_result result, again;
    struct storm_options options = options_for(argc, argv, seed);
    storm_run(seed, &options, NULL, &result);
    if (result.ok && (twice || option(argc, argv, "TWICE", 0) != 0)) {
        storm_run(seed, &options, NULL, &again);
        result.ok = strcmp(result.trace, again.trace) == 0;
        snprintf(result.line, sizeof(result.line),
                 "two runs of it have %s history, of %s and %s",
                 result.ok ? "one" : "not one", result.trace, again.trace);
    }
    dprintf(output, "%s (trace %s)", result.line, result.trace);
    exit(result.ok ? 0 : 1); /* not _exit: a leak is to be found */
}

static struct job_process start(int argc, char **argv, uint64_t seed, bool twice)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        run_child(argc, argv, seed, twice, ends[1]);
    }
    close(ends[1]);
    return (struct job_process){seed, pid, ends[0]};
}

/* Waits for this seed and prints its line. Returns whether it went well. */
static bool finish(struct job_process *process, uint64_t number)
{
    char line[2048];
    size_t size = 0;
    ssize_t got;
    int status;
    while (size < sizeof(line) - 1 &&
           (got = read(process->output, line + size, sizeof(line) - 1 - size)) > 0) {
        size += (size_t)got;
    }
    line[size] = '\0';
    close(process->output);
    CHECK(waitpid(process->pid, &status, 0) == process->pid);
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const char *died = size == 0 ? "the process died" : "";
    printf("%s %" PRIu64 " - seed %" PRIu64 ": %s%s\n", ok ? "ok" : "not ok", number,
           process->seed, line, died);
    if (!ok) {
        printf("# replay: make sim SEED=%" PRIu64 " TRACE=1\n", process->seed);
    }
    fflush(stdout);
    return ok;
}

static int run_seeds_there(int argc, char **argv, uint64_t first, uint64_t count)
{
    struct job_process running[JOBS_MAX];
    uint64_t jobs = option(argc, argv, "JOBS", 2), started = 0, done = 0, failed = 0;
    jobs = jobs < 1 ? 1 : (jobs > JOBS_MAX ? JOBS_MAX : jobs);
    printf("1..%" PRIu64 "\n", count);
    while (done < count) {
        while (started < count && started - done < jobs) {
            running[started % jobs] =
                start(argc, argv, first + started, started == 0 && count > 1);
            started++;
        }
        failed += finish(&running[done % jobs], done + 1) ? 0 : 1;
        done++;
    }
    printf("# %" PRIu64 " seeds passed, %" PRIu64 " failed\n", count - failed, failed);
    return failed == 0 ? 0 : 1;
}

/* The disks of all seeds lie in one place, so that those of a seed that died go too. */
static int run_seeds(int argc, char **argv, uint64_t first, uint64_t count)
{
    char directory[96];
    place_create(directory, sizeof(directory));
    CHECK(setenv("LINLI_SIM_DIR", directory, 1) == 0);
    int result = run_seeds_there(argc, argv, first, count);
    place_remove(directory);
    return result;
}

static int run_traced(int argc, char **argv, uint64_t seed)
{
    struct storm_result result;
    struct storm_options options = options_for(argc, argv, seed);
    setvbuf(stdout, NULL, _IOLBF, 0); /* a history that ends in a CHECK is whole */
    storm_run(seed, &options, stdout, &result);
    printf("%s - seed %" PRIu64 ": %s (trace %s)\n", result.ok ? "ok" : "not ok", seed,
           result.line, result.trace);
    return result.ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, "SEED", UINT64_MAX);
    if (seed != UINT64_MAX && option(argc, argv, "TRACE", 0) != 0) {
        return run_traced(argc, argv, seed);
    }
    if (seed != UINT64_MAX) {
        return run_seeds(argc, argv, seed, 1);
    }
    return run_seeds(argc, argv, option(argc, argv, "SEED_FIRST", 1),
                     option(argc, argv, "SEEDS", 30));
}
