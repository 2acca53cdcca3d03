/* clock.h - the machine's clocks, read by the edges alone: the engine is given the time. */
#ifndef LINLI_NET_CLOCK_H
#define LINLI_NET_CLOCK_H

#include <stdint.h>

/* Milliseconds since an unknown moment, usually the start of the machine. Nobody sets it, and
 * it stands still while the machine sleeps. */
uint64_t clock_steady_ms(void);

/* Unix time in milliseconds, as the machine's clock was set. */
uint64_t clock_wall_ms(void);

/* What this thread has used of a processor, in microseconds. */
uint64_t clock_thread_us(void);

#endif
