/* Two and more transports over real loopback sockets. */
#include "tests/unit/transport_fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void frames_travel_both_ways_and_are_counted(void **state)
{
    struct node a, b;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open_with(&b, (struct transport_options){0});
    assert_null(transport_endpoint(b.transport));
    pair_connect(&b, &a);
    assert_int_equal(node_send(&a, 2, "welcome"), OK);
    wait_for(NODES(&a, &b), node_heard(&b, 1, "welcome"));
    struct transport_statistics at_a = transport_statistics(a.transport);
    assert_int_equal(at_a.connections_accepted, 1);
    assert_int_equal(at_a.handshakes_done, 1);
    assert_int_equal(at_a.frames_in, 1);
    assert_int_equal(at_a.frames_out, 1);
    assert_int_equal(at_a.bytes_in, strlen("hello"));
    assert_int_equal(at_a.bytes_out, strlen("welcome"));
    assert_int_equal(transport_statistics(b.transport).handshakes_done, 1);
    node_close(&a);
    node_close(&b);
}

static void the_largest_frame_passes_unchanged_and_an_empty_one_too(void **state)
{
    static uint8_t largest[FRAME_SIZE_MAX];
    struct node a, b;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    memset(largest, 0x5a, sizeof(largest));
    pair_connect(&b, &a);
    assert_int_equal(
        transport_send(b.transport, 1, 0, slice_of(largest, sizeof(largest))), OK);
    assert_int_equal(transport_send(b.transport, 1, 0, slice_of(NULL, 0)), OK);
    wait_for(NODES(&a, &b), a.frame_count == 3);
    assert_int_equal(a.frames[1].size, FRAME_SIZE_MAX);
    assert_memory_equal(a.frames[1].start, largest, FRAME_BYTES_KEPT);
    assert_int_equal(a.frames[2].size, 0);
    node_close(&a);
    node_close(&b);
}

static void many_frames_arrive_in_order(void **state)
{
    enum { COUNT = 5000 };
    struct node a, b;
    struct transport_event event;
    uint32_t sent = 0, received = 0;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    pair_connect(&b, &a);
    uint64_t deadline_ms = test_now_ms() + DEADLINE_MS;
    while (received < COUNT && test_now_ms() < deadline_ms) {
        uint8_t number[4];
        put_be32(number, sent);
        if (sent < COUNT &&
            transport_send(b.transport, 1, 0, slice_of(number, sizeof(number))) == OK)
            sent++;
        node_turn(&b);
        while (transport_receive(a.transport, &event)) {
            assert_int_equal(event.kind, TRANSPORT_FRAME);
            assert_int_equal(get_be32(event.frame.data), received);
            received++;
        }
    }
    assert_int_equal(received, COUNT);
    node_close(&a);
    node_close(&b);
}

static void both_dialling_each_other_is_one_link(void **state)
{
    struct node a, b;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    node_dial(&a, &b);
    node_dial(&b, &a);
    wait_for(NODES(&a, &b), a.ups == 1 && b.ups == 1);
    wait_for(NODES(&a, &b), transport_statistics(a.transport).handshakes_done == 2 &&
                                transport_statistics(b.transport).handshakes_done == 2);
    assert_int_equal(node_send(&a, 2, "one"), OK);
    assert_int_equal(node_send(&b, 1, "two"), OK);
    wait_for(NODES(&a, &b), node_heard(&b, 1, "one") && node_heard(&a, 2, "two"));

    /* B now dials where nobody is: its own connection ends, that of A stands. */
    assert_int_equal(
        transport_dial(b.transport, 1, "tcp://127.0.0.1:1", a.keys.public_key), OK);
    /* What A queued on the one that ends may be lost, so both say it until it is heard.
     */
    wait_for(NODES(&a, &b),
             node_send(&a, 2, "three") != ERR_NOT_FOUND && node_heard(&b, 1, "three"));
    wait_for(NODES(&a, &b),
             node_send(&b, 1, "four") != ERR_NOT_FOUND && node_heard(&a, 2, "four"));
    assert_int_equal(a.ups + b.ups, 2);
    assert_int_equal(a.downs + b.downs, 0);
    node_close(&a);
    node_close(&b);
}

static void hanging_up_is_down_on_both_sides_and_dialling_again_is_up(void **state)
{
    struct node a, b;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    pair_connect(&b, &a);
    transport_hang_up(b.transport, 1);
    assert_int_equal(node_send(&b, 1, "too late"), ERR_NOT_FOUND);
    wait_for(NODES(&a, &b), a.downs == 1 && b.downs == 1);
    pair_connect(&b, &a);
    assert_int_equal(a.ups, 2);
    assert_int_equal(b.ups, 2);
    assert_int_equal(a.downs + b.downs, 2);
    node_close(&a);
    node_close(&b);
}

static void
hanging_up_an_accepted_link_cuts_the_connection_and_it_is_dialled_anew(void **state)
{
    struct node a, b;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    pair_connect(&b, &a);
    transport_hang_up(a.transport, 2);
    assert_int_equal(node_send(&a, 2, "too late"), ERR_NOT_FOUND);
    wait_for(NODES(&a, &b), a.downs == 1 && b.downs == 1);
    wait_for(NODES(&a, &b), b.ups == 2);
    assert_int_equal(node_send(&b, 1, "here again"), OK);
    wait_for(NODES(&a, &b), node_heard(&a, 2, "here again"));
    assert_int_equal(a.ups, 2);
    node_close(&a);
    node_close(&b);
}

static void what_is_queued_at_a_hang_up_is_not_handed_out(void **state)
{
    struct node a, b;
    struct transport_event event;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    pair_connect(&b, &a);
    a.deaf = true;
    for (int i = 0; i < 5; i++)
        assert_int_equal(node_send(&b, 1, "wait"), OK);
    wait_for(NODES(&b, &a), transport_wait(a.transport, NULL, 0, 0) &&
                                transport_receive(a.transport, &event));
    assert_int_equal(event.kind, TRANSPORT_FRAME);
    transport_hang_up(a.transport, 2);
    assert_true(transport_receive(a.transport, &event));
    assert_int_equal(event.kind, TRANSPORT_DOWN);
    assert_int_equal(event.peer, 2);
    node_close(&a);
    node_close(&b);
}

static void sending_without_a_link_is_not_found(void **state)
{
    struct node a, b;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    assert_int_equal(node_send(&a, 2, "anyone?"), ERR_NOT_FOUND);
    assert_int_equal(
        transport_dial(a.transport, 2, "tcp://127.0.0.1:1", b.keys.public_key), OK);
    assert_int_equal(node_send(&a, 2, "anyone?"), ERR_NOT_FOUND);
    node_close(&a);
}

static void a_peer_that_does_not_read_makes_the_sender_busy(void **state)
{
    static uint8_t frame[FRAME_SIZE_MAX];
    struct node a, b;
    (void)state;
    pair_make(&a, &b);
    node_open_with(&a, (struct transport_options){.listen = "tcp://127.0.0.1:*",
                                                  .send_buffer_bytes = 16384});
    node_open_with(&b, (struct transport_options){.send_buffer_bytes = 16384});
    pair_connect(&b, &a);
    struct node *sender[] = {&a, &b};
    for (size_t i = 0; i < ARRAY_SIZE(sender); i++) {
        struct node *from = sender[i], *to = sender[1 - i];
        size_t heard = to->frame_count, sent = 0;
        enum status status = OK;
        uint64_t deadline_ms = test_now_ms() + DEADLINE_MS;
        to->deaf = true;
        while (status == OK && test_now_ms() < deadline_ms) {
            status = transport_send(from->transport, to->number, 0,
                                    slice_of(frame, sizeof(frame)));
            sent += status == OK;
        }
        assert_int_equal(status, ERR_BUSY);
        /* libzmq counts what was read in halves of the queue. */
        assert_true(sent >= TRANSPORT_QUEUE_FRAMES_MAX / 2);
        to->deaf = false;
        wait_for(NODES(&a, &b), to->frame_count == heard + sent);
        wait_for(NODES(&a, &b), node_send(from, to->number, "again") == OK);
        wait_for(NODES(&a, &b), to->frame_count == heard + sent + 1);
    }
    assert_int_equal(a.downs + b.downs, 0);
    node_close(&a);
    node_close(&b);
}

static void a_second_dial_replaces_the_endpoint(void **state)
{
    struct node a, b, moved;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    pair_connect(&b, &a);
    moved = a; /* the same member at another address */
    moved.ups = moved.downs = 0;
    moved.frame_count = 0;
    node_open_with(&moved, (struct transport_options){.listen = "tcp://127.0.0.1:*"});
    node_dial(&b, &moved);
    wait_for(NODES(&b, &a, &moved), b.downs == 1 && a.downs == 1 && b.ups == 2);
    assert_int_equal(node_send(&b, 1, "new address"), OK);
    wait_for(NODES(&b, &a, &moved), node_heard(&moved, 2, "new address"));
    assert_int_equal(a.frame_count, 1);

    /* Dialling the same again changes nothing. */
    node_dial(&b, &moved);
    assert_int_equal(node_send(&b, 1, "still there"), OK);
    wait_for(NODES(&b, &a, &moved), node_heard(&moved, 2, "still there"));
    assert_int_equal(b.downs, 1);
    node_close(&a);
    node_close(&b);
    node_close(&moved);
}

static void an_endpoint_that_cannot_be_is_refused(void **state)
{
    struct node a, b;
    struct transport *second;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    const char *const bad[] = {"",
                               "127.0.0.1:5100",
                               "tcp://",
                               "tcp://127.0.0.1",
                               "tcp://127.0.0.1:99999",
                               "tcp://127.0.0.1:0",
                               "tcp://127.0.0.1:*",
                               "tcp://:5100",
                               "tcp://127.0.0.1:51x",
                               "inproc://zeromq.zap.01",
                               "ipc:///tmp/linli"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(transport_dial(a.transport, 2, bad[i], b.keys.public_key),
                         ERR_CONFIG);
    struct transport_options options = {
        .listen = transport_endpoint(a.transport), .member = node_knows, .context = &a};
    assert_int_equal(transport_open(&second, &options), ERR_CONFIG);
    assert_int_equal(errno, EADDRINUSE);
    assert_null(second);
    options.listen = "ipc:///tmp/linli";
    assert_int_equal(transport_open(&second, &options), ERR_CONFIG);
    node_close(&a);
}

/* ---- waiting ---- */

static void waiting_ends_with_the_callers_descriptor_and_says_which(void **state)
{
    struct node a, b;
    int idle[2], ready[2];
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    assert_int_equal(pipe(idle), 0);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(write(ready[1], "x", 1), 1);
    struct transport_descriptor descriptors[] = {
        {.descriptor = idle[0], .wanted = POLLIN, .ready = POLLIN},
        {.descriptor = ready[0], .wanted = POLLIN},
        {.descriptor = ready[1], .wanted = POLLOUT}};
    assert_true(transport_wait(a.transport, descriptors, ARRAY_SIZE(descriptors), -1));
    assert_int_equal(descriptors[0].ready, 0);
    assert_int_equal(descriptors[1].ready, POLLIN);
    assert_int_equal(descriptors[2].ready, POLLOUT);
    close(idle[1]);
    assert_true(transport_wait(a.transport, descriptors, 1, -1));
    assert_int_not_equal(descriptors[0].ready & POLLERR, 0);
    close(idle[0]);
    close(ready[0]);
    close(ready[1]);
    node_close(&a);
}

static void waiting_does_not_sleep_over_what_is_queued(void **state)
{
    struct node a, b;
    struct transport_event event;
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    pair_connect(&b, &a);
    a.deaf = true;
    assert_int_equal(node_send(&b, 1, "first"), OK);
    assert_int_equal(node_send(&b, 1, "second"), OK);
    /* Each wait has no limit: a sleep would never end. */
    for (int frames = 0; frames < 2;) {
        assert_true(transport_wait(a.transport, NULL, 0, -1));
        if (transport_receive(a.transport, &event))
            frames += event.kind == TRANSPORT_FRAME;
    }
    node_close(&b);
    bool down = false;
    while (!down) {
        assert_true(transport_wait(a.transport, NULL, 0, -1));
        if (transport_receive(a.transport, &event))
            down = event.kind == TRANSPORT_DOWN;
    }
    node_close(&a);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

static void a_signal_ends_the_wait(void **state)
{
    struct node a, b;
    struct sigaction action = {.sa_handler = on_alarm}, former;
    timer_t timer;
    const struct itimerspec repeated = {.it_value = {.tv_nsec = 20000000},
                                        .it_interval = {.tv_nsec = 20000000}};
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    assert_int_equal(sigaction(SIGALRM, &action, &former), 0);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
    assert_int_equal(timer_settime(timer, 0, &repeated, NULL), 0);
    while (transport_wait(a.transport, NULL, 0, DEADLINE_MS))
        continue;
    timer_delete(timer);
    sigaction(SIGALRM, &former, NULL);
    node_close(&a);
}

/* ---- processes that end and stop ---- */

/* Dials the endpoint it reads from `input` and says hello whenever it is up. Ends with
 * the other end of `input`, so that a failed test leaves no process behind. */
static void child_run(struct node *child, const struct node *parent, int input)
{
    char endpoint[128] = "";
    struct transport_event event;
    ssize_t size = read(input, endpoint, sizeof(endpoint) - 1);
    if (size <= 0)
        _exit(1);
    node_open_with(child, (struct transport_options){.silence_ms_max = 900});
    if (transport_dial(child->transport, parent->number, endpoint,
                       parent->keys.public_key) != OK)
        _exit(1);
    struct transport_descriptor parent_end = {.descriptor = input, .wanted = POLLIN};
    while (parent_end.ready == 0) {
        (void)transport_wait(child->transport, &parent_end, 1, -1);
        while (transport_receive(child->transport, &event)) {
            if (event.kind == TRANSPORT_UP)
                (void)node_send(child, parent->number, "hello");
        }
    }
    _exit(1);
}

/* Forks before the parent has any thread; the child waits for its endpoint. */
static pid_t child_start(struct node *child, const struct node *parent, int sibling_end,
                         int *to_child)
{
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pipe_ends[1]);
        if (sibling_end >= 0)
            close(sibling_end);
        child_run(child, parent, pipe_ends[0]);
    }
    close(pipe_ends[0]);
    *to_child = pipe_ends[1];
    return pid;
}

static void child_tell(int to_child, const struct node *parent)
{
    const char *endpoint = transport_endpoint(parent->transport);
    assert_int_equal(write(to_child, endpoint, strlen(endpoint)),
                     (ssize_t)strlen(endpoint));
}

static void child_end(pid_t pid, int to_child)
{
    close(to_child);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_killed_peer_is_down_and_its_successor_up(void **state)
{
    struct node a, b;
    int to_first, to_second;
    (void)state;
    pair_make(&a, &b);
    pid_t first = child_start(&b, &a, -1, &to_first);
    pid_t second = child_start(&b, &a, to_first, &to_second);
    node_open(&a);
    child_tell(to_first, &a);
    wait_for(NODES(&a), a.ups == 1 && a.frame_count == 1);
    child_end(first, to_first);
    wait_for(NODES(&a), a.downs == 1);
    assert_int_equal(node_send(&a, 2, "gone"), ERR_NOT_FOUND);
    child_tell(to_second, &a);
    wait_for(NODES(&a), a.ups == 2 && a.frame_count == 2);
    child_end(second, to_second);
    node_close(&a);
}

/* Its kernel keeps the connection; only the missing heartbeats show that it is stuck. */
static void a_silent_peer_is_down_and_back_when_it_wakes(void **state)
{
    struct node a, b;
    int to_child;
    (void)state;
    pair_make(&a, &b);
    pid_t child = child_start(&b, &a, -1, &to_child);
    node_open_with(&a, (struct transport_options){.listen = "tcp://127.0.0.1:*",
                                                  .silence_ms_max = 900});
    child_tell(to_child, &a);
    wait_for(NODES(&a), a.ups == 1);
    uint64_t stopped_ms = test_now_ms();
    assert_int_equal(kill(child, SIGSTOP), 0);
    wait_for(NODES(&a), a.downs == 1);
    assert_true(test_now_ms() - stopped_ms >= 300);
    assert_int_equal(kill(child, SIGCONT), 0);
    wait_for(NODES(&a), a.ups == 2);
    child_end(child, to_child);
    node_close(&a);
}

static void a_listener_that_comes_back_is_found_again(void **state)
{
    struct node a, b;
    char endpoint[128];
    (void)state;
    pair_make(&a, &b);
    node_open(&a);
    node_open(&b);
    snprintf(endpoint, sizeof(endpoint), "%s", transport_endpoint(a.transport));
    pair_connect(&b, &a);
    node_close(&a);
    wait_for(NODES(&b), b.downs == 1);
    node_open_with(&a, (struct transport_options){.listen = endpoint});
    wait_for(NODES(&b, &a), b.ups == 2);
    assert_int_equal(node_send(&b, 1, "back"), OK);
    wait_for(NODES(&b, &a), node_heard(&a, 2, "back"));
    node_close(&a);
    node_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_peer_is_down_and_its_successor_up),
        cmocka_unit_test(a_silent_peer_is_down_and_back_when_it_wakes),
        cmocka_unit_test(frames_travel_both_ways_and_are_counted),
        cmocka_unit_test(the_largest_frame_passes_unchanged_and_an_empty_one_too),
        cmocka_unit_test(many_frames_arrive_in_order),
        cmocka_unit_test(both_dialling_each_other_is_one_link),
        cmocka_unit_test(hanging_up_is_down_on_both_sides_and_dialling_again_is_up),
        cmocka_unit_test(
            hanging_up_an_accepted_link_cuts_the_connection_and_it_is_dialled_anew),
        cmocka_unit_test(what_is_queued_at_a_hang_up_is_not_handed_out),
        cmocka_unit_test(sending_without_a_link_is_not_found),
        cmocka_unit_test(a_peer_that_does_not_read_makes_the_sender_busy),
        cmocka_unit_test(a_second_dial_replaces_the_endpoint),
        cmocka_unit_test(an_endpoint_that_cannot_be_is_refused),
        cmocka_unit_test(waiting_ends_with_the_callers_descriptor_and_says_which),
        cmocka_unit_test(waiting_does_not_sleep_over_what_is_queued),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(a_listener_that_comes_back_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
