/* carrier.h - net/transport.h over virtual links: what daemon/run/neighbours dials, sends over
 * and hangs up in the simulator. The linker puts these functions in place of ZeroMQ's
 * (-Wl,--wrap, see the Makefile), as it does with store_commit. */
#ifndef LINLI_TESTS_SIM_CARRIER_H
#define LINLI_TESTS_SIM_CARRIER_H

#include "net/transport.h"

struct world;

struct transport *carrier_create(struct world *world, uint32_t machine);
void carrier_destroy(struct transport *transport);

#endif
