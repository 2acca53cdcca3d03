/* scene.h - a few machines, told step by step: what the scenario tests are written in.
 *
 * A scene's links are good unless it says otherwise, its clocks are right, and TRACE=1 in the
 * environment prints its history. */
#ifndef LINLI_TESTS_SIM_SCENE_H
#define LINLI_TESTS_SIM_SCENE_H

#include "tests/sim/world.h"

#define SHILIAN UINT64_C(331123106)
#define GAOPING UINT64_C(331123203)
#define HUSHAN UINT64_C(331123204)
#define SHILIAN_VILLAGE UINT64_C(331123106200)

#define SECOND_MS UINT64_C(1000)

struct scene {
    struct world *world;
    enum status status; /* of the last write's reply */
    struct entry_id id; /* of what it wrote */
    bool answered;
};

void scene_open(struct scene *scene, uint64_t seed); /* with the hub, not yet founded */
void scene_close(struct scene *scene);
uint32_t scene_add(struct scene *scene, uint64_t division, const char *name);
void scene_found(struct scene *scene); /* everybody added so far */
uint32_t scene_connect(struct scene *scene, uint32_t a, uint32_t b);
void scene_run(struct scene *scene, uint64_t ms);

/* Each writes at a machine and waits for the answer: scene->status, scene->id. The id of an
 * accepted write is returned. */
struct entry_id scene_person(struct scene *scene, uint32_t machine, uint64_t realm);
struct entry_id scene_visit(struct scene *scene, uint32_t machine, uint64_t realm,
                            const struct entry_id *person);
struct entry_id scene_set(struct scene *scene, uint32_t machine,
                          const struct entry_id *person, uint8_t field, const char *text);
void scene_submit(struct scene *scene, struct job *job);

bool scene_holds(struct scene *scene, uint32_t machine, const struct entry_id *id);
/* Whether the record reads there, from its creation on. */
bool scene_reads(struct scene *scene, uint32_t machine, uint8_t reg, uint64_t realm,
                 const struct entry_id *subject, const struct entry_id *id);
/* A person's field as displayed there, formatted; "" where there is none. */
#define SHOWN_SIZE 256
const char *scene_shows(struct scene *scene, uint32_t machine, uint64_t realm,
                        const struct entry_id *person, uint8_t field,
                        char text[SHOWN_SIZE], size_t *versions);

/* Runs until every machine agrees; false after an hour of disagreement. */
bool scene_agrees(struct scene *scene);
struct peer_report scene_report(struct scene *scene, uint32_t machine, uint32_t peer);
uint64_t scene_bytes(struct scene *scene, uint32_t from, uint32_t to); /* so far */

#endif
