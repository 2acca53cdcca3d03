/* describe.h - a frame in words, for traces. */
#ifndef LINLI_TESTS_SIM_DESCRIBE_H
#define LINLI_TESTS_SIM_DESCRIBE_H

#include "crdt/base.h"

#define DESCRIPTION_SIZE 160

/* "run 7.3 #12..14 of realm 331123106, announces 31..33" */
const char *describe_frame(struct slice frame, char text[DESCRIPTION_SIZE]);

#endif
