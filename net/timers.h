/* timers.h - when a session does what by itself, and how long it is patient.
 *
 * What happens to a session sets its timers here, named as the fact; nothing else computes
 * an instant. Times are steady, in ms; UINT64_MAX: not by itself. */
#ifndef LINLI_NET_TIMERS_H
#define LINLI_NET_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

/* A hello goes unanswered for this long before it is said again, doubling up to the
 * maximum. Longer than a satellite's round trip on top of a connection's start. */
#define GREETING_MS 10000
#define GREETING_MS_MAX 60000

/* Anti-entropy: a hello with a digest on a quiet link, doubling while nothing differs. */
#define COMPARE_MS_MIN 60000
#define COMPARE_MS_MAX 3600000
/* After catching up the digest is compared soon, then less often while it still differs.
 */
#define VERIFY_MS_MIN 1000

/* So many digests in turn may differ while nothing moves: then a remembered number lied, and
 * the whole list is asked for. One may, because what is new is told after it. */
#define DIFFERENCES_MAX 2

/* A neighbour is told again what it had noted at most this often, whatever it says: 47 bytes
 * ask for up to 20 KB. */
#define LISTING_MS_MIN 10000

/* Without a run for this long, what was asked for is asked again: a run of 4 KiB takes 27
 * s at 1,200 bit/s. The same for announcements that are not noted. A neighbour that sends
 * other logs may be slow, and gets RETRY_SLOW_MS before somebody else is asked. */
#define RETRY_MS 30000
#define RETRY_SLOW_MS (4 * RETRY_MS)

/* Acknowledged within the first, the window doubles; later than the second, it halves. */
#define WINDOW_FAST_MS 1500
#define WINDOW_SLOW_MS 6000

/* Offences (what only a faulty or hostile peer sends) before it is cut off, and for how
 * long, doubling. */
#define OFFENCES_MAX 3
#define PENALTY_MS_MIN 30000
#define PENALTY_MS_MAX 3600000

/* Two machines under one key are served in turns of this length: a month of records goes
 * over a slow line in some of them. A store that does not answer in its turn is gone. */
#define STORE_TURN_MS 20000
#define STORE_SILENT_MS GREETING_MS
/* After the last sign of two machines it is told for so long. */
#define CLONES_TOLD_MS 3600000

/* A clock that was set by more is said at once, and not with the next comparison. */
#define CLOCK_SET_MS 60000

struct session;

void timers_link_up(struct session *session, uint64_t now_ms);
void timers_link_down(struct session *session);
void timers_opened(struct session *session, uint64_t now_ms);
/* A hello was said because its time had come; `random` spreads the next one by a quarter
 * either way, so that a county does not act at once. */
void timers_hello_sent(struct session *session, uint8_t random, uint64_t now_ms);
void timers_compared_equal(struct session *session);
void timers_compared_different(struct session *session, uint64_t now_ms);
void timers_list_asked(struct session *session, uint64_t now_ms);
void timers_compare_soon(struct session *session, uint64_t now_ms);
/* Whether it may be told again what it had noted before; counts as done if so. */
bool timers_may_go_back(struct session *session, uint64_t now_ms);
/* For how long it is cut off this time. */
uint64_t timers_penalty_ms(struct session *session);

/* Due: what was told was not noted, what was sent was not acknowledged in time. */
bool timers_noted_overdue(const struct session *session, uint64_t now_ms);
bool timers_acknowledgement_overdue(const struct session *session, uint64_t now_ms);
/* What was asked of it before this instant and has not moved since is asked of another. */
uint64_t timers_asked_overdue_before_ms(const struct session *session, uint64_t now_ms);
/* The first instant at which one of the three is due; `still_since_ms` is when the oldest
 * want asked of it last moved, UINT64_MAX: nothing is asked of it. */
uint64_t timers_next_retry_ms(const struct session *session, uint64_t still_since_ms,
                              uint64_t now_ms);

#endif
