/* The control socket: whatever one client sends, the others are served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "crdt/codec.h"
#include "daemon/control/control.h"
#include "net/transport.h"

#define ROUNDS_MAX 100000

/* Time stands still here until a test moves it: this stands before the system's. */
static uint64_t moved_ms = 1000;
int clock_gettime(clockid_t clock, struct timespec *now)
{
    (void)clock;
    *now = (struct timespec){.tv_sec = (time_t)(moved_ms / 1000),
                             .tv_nsec = (long)(moved_ms % 1000) * 1000000};
    return 0;
}

/* A control socket served in this process: rounds are made by hand, so nothing is timed. */
struct fixture {
    char directory[64];
    char path[96];
    struct control *control;
    size_t received;    /* requests, since the start */
    size_t reply_bytes; /* how long an answer to "long" is */
    uint64_t held_token;
    bool hold; /* do not answer, but hold */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/linli-control.XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof fixture->path, "%s/sock", fixture->directory);
    assert_int_equal(control_open(&fixture->control, fixture->path, NULL), OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    control_close(fixture->control);
    (void)unlink(fixture->path);
    assert_int_equal(rmdir(fixture->directory), 0);
    free(fixture);
    return 0;
}

/* ---- the serving side ---- */

/* "echo" gives its text back; "long" a text of reply_bytes. */
static void serve(struct fixture *fixture, const struct control_request *request)
{
    struct buffer data;
    struct slice text = {0}, value;
    const struct slice none = {0};
    fixture->received++;
    if (fixture->hold) {
        fixture->held_token = request->token;
        control_hold(fixture->control, request->token);
        return;
    }
    buffer_init(&data, 64 << 20);
    codec_put_map(&data, 1);
    codec_put_cstring(&data, "text");
    if (slice_equal(request->command, slice_text("long"))) {
        char *filler = malloc(fixture->reply_bytes);
        assert_non_null(filler);
        memset(filler, 'x', fixture->reply_bytes);
        codec_put_text(&data, slice_of(filler, fixture->reply_bytes));
        free(filler);
    } else {
        assert_true(codec_map_find(request->args, "text", &value));
        assert_true(codec_take_text(&value, &text));
        codec_put_text(&data, text);
    }
    control_reply(fixture->control, request->token, OK, none, none, buffer_slice(&data));
    buffer_deinit(&data);
}

/* One round of the loop, without sleeping. True: something happened. */
static bool round_of(struct fixture *fixture)
{
    struct transport_descriptor descriptors[CONTROL_DESCRIPTORS_MAX];
    struct pollfd items[CONTROL_DESCRIPTORS_MAX];
    struct control_request request;
    size_t before = fixture->received;
    size_t count =
        control_descriptors(fixture->control, descriptors, CONTROL_DESCRIPTORS_MAX);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct pollfd){.fd = descriptors[i].descriptor,
                                   .events = descriptors[i].wanted};
    int ready = poll(items, count, 0);
    assert_true(ready >= 0);
    for (size_t i = 0; i < count; i++)
        descriptors[i].ready = items[i].revents;
    control_ready(fixture->control, descriptors, count);
    while (control_receive(fixture->control, &request))
        serve(fixture, &request);
    return ready > 0 || fixture->received > before || control_waiting(fixture->control);
}

/* Rounds until nothing happens any more. */
static void settle(struct fixture *fixture)
{
    size_t rounds = 0;
    while (round_of(fixture))
        assert_true(rounds++ < ROUNDS_MAX);
}

/* ---- the asking side ---- */

static int dial(const struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, fixture->path, strlen(fixture->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void request_encode(struct buffer *out, uint64_t version, const char *command,
                           const char *text)
{
    size_t start = out->size;
    buffer_put_u32(out, 0);
    codec_put_map(out, 3);
    codec_put_cstring(out, "v");
    codec_put_uint(out, version);
    codec_put_cstring(out, "command");
    codec_put_cstring(out, command);
    codec_put_cstring(out, "args");
    codec_put_map(out, 1);
    codec_put_cstring(out, "text");
    codec_put_cstring(out, text);
    size_t size = out->size - start - 4;
    for (size_t i = 0; i < 4; i++)
        out->data[start + i] = (uint8_t)(size >> (8 * i));
}

static void send_bytes(int fd, const void *data, size_t size)
{
    assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), size);
}

static void ask(int fd, const char *command, const char *text)
{
    struct buffer frame;
    buffer_init(&frame, 1 << 20);
    request_encode(&frame, CONTROL_PROTOCOL, command, text);
    send_bytes(fd, frame.data, frame.size);
    buffer_deinit(&frame);
}

struct answer {
    uint64_t status;
    char text[64]; /* of the data, if it is short */
    size_t size;   /* of that text */
};

/* Reads exactly `size` bytes, making rounds for as long as it takes. */
static bool read_all(struct fixture *fixture, int fd, uint8_t *out, size_t size)
{
    size_t rounds = 0;
    while (size > 0) {
        ssize_t count = recv(fd, out, size, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN))
            return false;
        if (count > 0) {
            out += count;
            size -= (size_t)count;
            continue;
        }
        (void)round_of(fixture);
        assert_true(rounds++ < ROUNDS_MAX);
    }
    return true;
}

/* The next reply; false: the connection ended. */
static bool answer_read(struct fixture *fixture, int fd, struct answer *answer)
{
    uint8_t head[4];
    struct slice value, text = {0};
    *answer = (struct answer){0};
    if (!read_all(fixture, fd, head, sizeof head))
        return false;
    size_t size =
        head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    uint8_t *body = malloc(size);
    assert_non_null(body);
    assert_true(read_all(fixture, fd, body, size));
    struct slice frame = slice_of(body, size);
    assert_true(codec_check(frame));
    assert_true(codec_map_find(frame, "status", &value) &&
                codec_take_uint(&value, &answer->status));
    assert_true(codec_map_find(frame, "subject", &value));
    assert_true(codec_map_find(frame, "incomplete", &value));
    assert_true(codec_map_find(frame, "data", &value) && codec_peek(value) == CODEC_MAP);
    if (codec_map_find(value, "text", &value))
        assert_true(codec_take_text(&value, &text));
    answer->size = text.size;
    if (text.size > 0 && text.size < sizeof answer->text)
        memcpy(answer->text, text.data, text.size);
    free(body);
    return true;
}

static void assert_answer(struct fixture *fixture, int fd, enum status status,
                          const char *text)
{
    struct answer answer;
    assert_true(answer_read(fixture, fd, &answer));
    assert_int_equal(answer.status, status);
    assert_string_equal(answer.text, text);
}

static void assert_ended(struct fixture *fixture, int fd)
{
    struct answer answer;
    assert_false(answer_read(fixture, fd, &answer));
}

static void assert_served(struct fixture *fixture)
{
    int fd = dial(fixture);
    ask(fd, "echo", "well");
    assert_answer(fixture, fd, OK, "well");
    (void)close(fd);
    settle(fixture);
}

/* ---- the protocol ---- */

static void requests_of_a_client_are_answered_in_order(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);
    ask(fd, "echo", "one");
    ask(fd, "echo", "two");
    ask(fd, "echo", "three");
    assert_answer(fixture, fd, OK, "one");
    assert_answer(fixture, fd, OK, "two");
    assert_answer(fixture, fd, OK, "three");
    (void)close(fd);
}

static void the_callers_uid_comes_from_the_kernel(void **state)
{
    struct fixture *fixture = *state;
    struct transport_descriptor descriptors[CONTROL_DESCRIPTORS_MAX];
    struct control_request request;
    const struct slice none = {0};
    int fd = dial(fixture);
    ask(fd, "echo", "who");
    size_t count =
        control_descriptors(fixture->control, descriptors, CONTROL_DESCRIPTORS_MAX);
    descriptors[0].ready = POLLIN;
    control_ready(fixture->control, descriptors, count);
    assert_true(control_receive(fixture->control, &request));
    assert_int_equal(request.uid, getuid());
    assert_int_equal(control_under_way(fixture->control, request.token), 1);
    control_reply(fixture->control, request.token, OK, none, none, none);
    (void)close(fd);
}

static void a_frame_that_comes_byte_by_byte_is_a_frame(void **state)
{
    struct fixture *fixture = *state;
    struct buffer frame;
    int fd = dial(fixture);
    buffer_init(&frame, 1 << 20);
    request_encode(&frame, CONTROL_PROTOCOL, "echo", "slowly");
    for (size_t i = 0; i < frame.size; i++) {
        send_bytes(fd, frame.data + i, 1);
        settle(fixture);
        if (i % 7 == 0)
            assert_served(fixture);
    }
    assert_answer(fixture, fd, OK, "slowly");
    buffer_deinit(&frame);
    (void)close(fd);
}

static void another_protocol_is_told_so(void **state)
{
    struct fixture *fixture = *state;
    struct buffer frame;
    int fd = dial(fixture);
    buffer_init(&frame, 1 << 20);
    request_encode(&frame, CONTROL_PROTOCOL + 1, "echo", "x");
    send_bytes(fd, frame.data, frame.size);
    assert_answer(fixture, fd, ERR_VERSION, "");
    buffer_deinit(&frame);
    (void)close(fd);
}

static void a_long_answer_arrives_whole(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    int fd = dial(fixture);
    fixture->reply_bytes = 8 << 20;
    ask(fd, "long", "");
    ask(fd, "echo", "after");
    assert_true(answer_read(fixture, fd, &answer));
    assert_int_equal(answer.size, 8 << 20);
    assert_answer(fixture, fd, OK, "after");
    (void)close(fd);
}

static void who_stops_sending_still_gets_what_was_asked(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(fixture);
    ask(fd, "echo", "one");
    ask(fd, "echo", "two");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_answer(fixture, fd, OK, "one");
    assert_answer(fixture, fd, OK, "two");
    assert_ended(fixture, fd);
    (void)close(fd);
}

static void a_held_client_waits_for_its_answer_and_others_do_not(void **state)
{
    struct fixture *fixture = *state;
    const struct slice none = {0};
    int fd = dial(fixture);
    fixture->hold = true;
    ask(fd, "echo", "takes long");
    ask(fd, "echo", "next");
    settle(fixture);
    assert_int_equal(fixture->received, 1);
    fixture->hold = false;
    assert_served(fixture);
    assert_int_equal(fixture->received, 2);
    control_reply(fixture->control, fixture->held_token, ERR_BUSY, none, none, none);
    assert_answer(fixture, fd, ERR_BUSY, "");
    assert_answer(fixture, fd, OK, "next");
    (void)close(fd);
}

/* ---- hostile clients ---- */

static void garbage_costs_its_sender_the_connection_and_nobody_else(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t garbage[] = {9, 0, 0, 0, 0xdd, 0, 0xff, 0xff, 0xff, 1, 2, 3, 4};
    int fd = dial(fixture);
    send_bytes(fd, garbage, sizeof garbage);
    assert_answer(fixture, fd, ERR_MALFORMED, "");
    assert_ended(fixture, fd);
    assert_int_equal(control_statistics(fixture->control).malformed, 1);
    assert_served(fixture);
    (void)close(fd);
}

static void garbage_behind_good_requests_is_answered_after_them(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t garbage[] = {1, 0, 0, 0, 0xc1};
    int fd = dial(fixture);
    ask(fd, "echo", "good");
    send_bytes(fd, garbage, sizeof garbage);
    assert_answer(fixture, fd, OK, "good");
    assert_answer(fixture, fd, ERR_MALFORMED, "");
    assert_ended(fixture, fd);
    (void)close(fd);
}

static void a_huge_length_is_refused_before_anything_is_kept(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3};
    static const uint8_t none[] = {0, 0, 0, 0};
    int fd = dial(fixture);
    send_bytes(fd, huge, sizeof huge);
    assert_answer(fixture, fd, ERR_LIMIT, "");
    assert_ended(fixture, fd);
    (void)close(fd);
    fd = dial(fixture);
    send_bytes(fd, none, sizeof none);
    assert_answer(fixture, fd, ERR_MALFORMED, "");
    (void)close(fd);
    assert_served(fixture);
}

static void any_bytes_are_survived(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 424242;
    for (int round = 0; round < 400; round++) {
        uint8_t bytes[64];
        int fd = dial(fixture);
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[i] = (uint8_t)(seed >> 56);
        }
        /* A plausible length gets the rest looked at. */
        bytes[1] = bytes[2] = bytes[3] = 0;
        bytes[0] &= 31;
        send_bytes(fd, bytes, sizeof bytes);
        settle(fixture);
        (void)close(fd);
        settle(fixture);
    }
    assert_int_equal(fixture->received, 0);
    assert_served(fixture);
}

static void half_frames_hold_up_nobody(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t half[] = {100, 0, 0, 0, 0x83};
    int held[50];
    for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
        held[i] = dial(fixture);
        send_bytes(held[i], half, sizeof half);
        settle(fixture);
    }
    assert_served(fixture);
    for (size_t i = 0; i < ARRAY_SIZE(held); i++)
        (void)close(held[i]);
    settle(fixture);
}

static void the_257th_client_is_turned_away_until_a_place_is_free(void **state)
{
    struct fixture *fixture = *state;
    int clients[CONTROL_CLIENTS_MAX];
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        clients[i] = dial(fixture);
        settle(fixture);
    }
    int late = dial(fixture);
    assert_answer(fixture, late, ERR_BUSY, "");
    assert_ended(fixture, late);
    (void)close(late);
    ask(clients[255], "echo", "last");
    assert_answer(fixture, clients[255], OK, "last");
    (void)close(clients[7]);
    settle(fixture);
    assert_served(fixture);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (i != 7)
            (void)close(clients[i]);
    }
}

static void bytes_that_trickle_in_hold_no_place(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t length[] = {0, 0, 0, 2};
    int clients[CONTROL_CLIENTS_MAX];
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        clients[i] = dial(fixture);
        send_bytes(clients[i], length, sizeof length);
        settle(fixture);
    }
    for (size_t second = 0; second * 1000 < CONTROL_IDLE_MS_MAX; second++) {
        moved_ms += 1000;
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
            send_bytes(clients[i], "\x10", 1);
        settle(fixture);
    }
    assert_served(fixture);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        (void)close(clients[i]);
}

static void who_asks_keeps_its_place(void **state)
{
    struct fixture *fixture = *state;
    int clients[CONTROL_CLIENTS_MAX];
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        clients[i] = dial(fixture);
        settle(fixture);
    }
    moved_ms += CONTROL_IDLE_MS_MAX - 1;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        ask(clients[i], "echo", "here");
        assert_answer(fixture, clients[i], OK, "here");
    }
    moved_ms += CONTROL_IDLE_MS_MAX - 1;
    int late = dial(fixture);
    assert_answer(fixture, late, ERR_BUSY, "");
    (void)close(late);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        (void)close(clients[i]);
}

static void a_client_that_takes_nothing_is_asked_for_nothing_more(void **state)
{
    struct fixture *fixture = *state;
    struct answer answer;
    int fd = dial(fixture);
    size_t asked = 0;
    fixture->reply_bytes = 32 << 10;
    for (size_t i = 0; i < 100; i++, asked++)
        ask(fd, "long", "");
    settle(fixture);
    /* What the kernel's buffers take, and a little more. */
    assert_true(fixture->received < asked);
    size_t served = fixture->received;
    assert_served(fixture);
    assert_int_equal(fixture->received, served + 1);
    for (size_t i = 0; i < asked; i++) {
        assert_true(answer_read(fixture, fd, &answer));
        assert_int_equal(answer.size, 32 << 10);
    }
    (void)close(fd);
}

static void requests_under_way_are_limited(void **state)
{
    struct fixture *fixture = *state;
    struct transport_descriptor descriptors[CONTROL_DESCRIPTORS_MAX];
    struct control_request request;
    const struct slice none = {0};
    size_t taken = 0;
    int fd = dial(fixture);
    for (size_t i = 0; i < 2 * CONTROL_UNDER_WAY_MAX; i++)
        ask(fd, "echo", "x");
    size_t count =
        control_descriptors(fixture->control, descriptors, CONTROL_DESCRIPTORS_MAX);
    descriptors[0].ready = POLLIN;
    control_ready(fixture->control, descriptors, count);
    while (control_receive(fixture->control, &request))
        taken++;
    assert_int_equal(taken, CONTROL_UNDER_WAY_MAX);
    assert_false(control_waiting(fixture->control));
    control_reply(fixture->control, request.token, OK, none, none, none);
    assert_true(control_waiting(fixture->control));
    (void)close(fd);
}

static void an_answer_to_a_client_that_left_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    const struct slice none = {0};
    int fd = dial(fixture);
    fixture->hold = true;
    ask(fd, "echo", "x");
    settle(fixture);
    fixture->hold = false;
    (void)close(fd);
    settle(fixture);
    control_reply(fixture->control, fixture->held_token, OK, none, none, none);
    settle(fixture);
    control_reply(fixture->control, fixture->held_token, OK, none, none, none);
    control_reply(fixture->control, UINT64_MAX, OK, none, none, none);
    assert_int_equal(control_under_way(fixture->control, fixture->held_token), 0);
    assert_served(fixture);
}

/* ---- the file ---- */

static void the_socket_is_for_its_group_whatever_the_umask(void **state)
{
    struct fixture *fixture = *state;
    struct stat found;
    assert_int_equal(stat(fixture->path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0660);
}

static void a_dead_daemons_socket_is_replaced_and_a_live_ones_is_not(void **state)
{
    struct fixture *fixture = *state;
    struct control *second;
    assert_int_equal(control_open(&second, fixture->path, NULL), ERR_FILE);
    assert_int_equal(errno, EADDRINUSE);
    assert_served(fixture);

    char stale[128];
    snprintf(stale, sizeof stale, "%s/stale", fixture->directory);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, stale, strlen(stale) + 1);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(dead);
    assert_int_equal(control_open(&second, stale, NULL), OK);
    control_close(second);
    assert_int_equal(access(stale, F_OK), -1);
}

static void a_file_that_is_no_socket_stays(void **state)
{
    struct fixture *fixture = *state;
    struct control *second;
    char path[128];
    snprintf(path, sizeof path, "%s/file", fixture->directory);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(control_open(&second, path, NULL), ERR_FILE);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(control_open(&second, path, "no-such-group-here"), ERR_FILE);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_of_a_client_are_answered_in_order),
        TEST(the_callers_uid_comes_from_the_kernel),
        TEST(a_frame_that_comes_byte_by_byte_is_a_frame),
        TEST(another_protocol_is_told_so),
        TEST(a_long_answer_arrives_whole),
        TEST(who_stops_sending_still_gets_what_was_asked),
        TEST(a_held_client_waits_for_its_answer_and_others_do_not),
        TEST(garbage_costs_its_sender_the_connection_and_nobody_else),
        TEST(garbage_behind_good_requests_is_answered_after_them),
        TEST(a_huge_length_is_refused_before_anything_is_kept),
        TEST(any_bytes_are_survived),
        TEST(half_frames_hold_up_nobody),
        TEST(the_257th_client_is_turned_away_until_a_place_is_free),
        TEST(bytes_that_trickle_in_hold_no_place),
        TEST(who_asks_keeps_its_place),
        TEST(a_client_that_takes_nothing_is_asked_for_nothing_more),
        TEST(requests_under_way_are_limited),
        TEST(an_answer_to_a_client_that_left_is_dropped),
        TEST(the_socket_is_for_its_group_whatever_the_umask),
        TEST(a_dead_daemons_socket_is_replaced_and_a_live_ones_is_not),
        TEST(a_file_that_is_no_socket_stays),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
