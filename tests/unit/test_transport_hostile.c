/* What strangers, faulty members and garbage can do to a listening transport: nothing but
 * be counted. Each test keeps an honest link beside the trouble and checks that it lives.
 */
#include "tests/unit/transport_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/zap.h"

enum { SERVER = 1, HONEST = 2, STRANGE = 3 };

/* A server, an honest peer linked to it, and the keys of a third. */
struct scene {
    struct node server, honest;
    struct keys strange;
    unsigned said;
};

static void scene_open(struct scene *scene, bool strange_is_member)
{
    pair_make(&scene->server, &scene->honest);
    keys_make(&scene->strange);
    if (strange_is_member)
        node_admit(&scene->server, STRANGE, &scene->strange);
    scene->said = 0;
    node_open(&scene->server);
    node_open(&scene->honest);
    pair_connect(&scene->honest, &scene->server);
}

static struct nodes scene_nodes(struct scene *scene)
{
    return NODES(&scene->server, &scene->honest);
}

static struct transport_statistics scene_statistics(const struct scene *scene)
{
    return transport_statistics(scene->server.transport);
}

/* The honest link still carries frames both ways and was never down. */
static void scene_check_honest(struct scene *scene)
{
    char text[32];
    snprintf(text, sizeof(text), "honest %u", scene->said++);
    assert_int_equal(node_send(&scene->honest, SERVER, text), OK);
    wait_for(scene_nodes(scene), node_heard(&scene->server, HONEST, text));
    assert_int_equal(node_send(&scene->server, HONEST, text), OK);
    wait_for(scene_nodes(scene), node_heard(&scene->honest, SERVER, text));
    assert_int_equal(scene->honest.downs, 0);
}

static void scene_close(struct scene *scene)
{
    scene_check_honest(scene);
    node_close(&scene->honest);
    node_close(&scene->server);
}

static size_t frames_from(const struct node *node, uint32_t peer)
{
    size_t count = 0;
    for (size_t i = 0; i < node->frame_count && i < FRAMES_KEPT; i++)
        count += node->frames[i].peer == peer;
    return count;
}

/* ---- who may come in ---- */

static void an_unknown_key_gets_no_frame_through_and_is_counted(void **state)
{
    struct scene scene;
    struct stranger stranger;
    (void)state;
    scene_open(&scene, false);
    stranger_open(&stranger, &scene.strange, &scene.server);
    stranger_connect(&stranger, &scene.server);
    stranger_say(&stranger, "let me in", 0);
    wait_for(scene_nodes(&scene), scene_statistics(&scene).handshakes_refused > 0);
    scene_check_honest(&scene);
    assert_int_equal(scene.server.ups, 1);
    assert_int_equal(frames_from(&scene.server, HONEST), scene.server.frame_count);
    assert_int_equal(scene_statistics(&scene).handshakes_done, 1);
    stranger_close(&stranger);
    scene_close(&scene);
}

/* libzmq alone would not dial again after a refusal. */
static void a_refused_peer_comes_in_once_it_is_admitted(void **state)
{
    struct scene scene;
    struct node late;
    (void)state;
    scene_open(&scene, false);
    node_make(&late, STRANGE);
    node_admit(&late, SERVER, &scene.server.keys);
    node_open_with(&late, (struct transport_options){0});
    node_dial(&late, &scene.server);
    struct nodes nodes = NODES(&scene.server, &scene.honest, &late);
    wait_for(nodes, transport_statistics(late.transport).dials_refused > 0);
    assert_int_equal(node_send(&late, SERVER, "too early"), ERR_NOT_FOUND);
    node_admit(&scene.server, STRANGE, &late.keys);
    wait_for(nodes, late.ups == 1);
    assert_int_equal(node_send(&late, SERVER, "in time"), OK);
    wait_for(nodes, node_heard(&scene.server, STRANGE, "in time"));
    node_close(&late);
    scene_close(&scene);
}

static void a_server_with_another_key_is_not_talked_to(void **state)
{
    struct scene scene;
    struct node deceived;
    struct keys expected;
    (void)state;
    scene_open(&scene, false);
    node_make(&deceived, STRANGE);
    keys_make(&expected);
    node_admit(&scene.server, STRANGE, &deceived.keys);
    node_admit(&deceived, SERVER, &expected);
    node_open_with(&deceived, (struct transport_options){0});
    assert_int_equal(transport_dial(deceived.transport, SERVER,
                                    transport_endpoint(scene.server.transport),
                                    expected.public_key),
                     OK);
    struct nodes nodes = NODES(&scene.server, &scene.honest, &deceived);
    wait_for(nodes, scene_statistics(&scene).handshakes_refused >= 2);
    assert_int_equal(deceived.ups, 0);
    assert_int_equal(node_send(&deceived, SERVER, "secret"), ERR_NOT_FOUND);
    assert_int_equal(scene_statistics(&scene).handshakes_done, 1);
    node_close(&deceived);
    scene_close(&scene);
}

static void a_server_that_is_no_member_here_is_not_linked(void **state)
{
    struct scene scene;
    struct node client;
    (void)state;
    scene_open(&scene, false);
    node_make(&client, STRANGE);
    node_admit(&scene.server, STRANGE, &client.keys);
    node_open_with(&client, (struct transport_options){0});
    node_dial(&client, &scene.server);
    struct nodes nodes = NODES(&scene.server, &scene.honest, &client);
    wait_for(nodes, transport_statistics(client.transport).dials_refused > 0);
    assert_int_equal(client.ups, 0);
    node_admit(&client, SERVER, &scene.server.keys);
    wait_for(nodes, client.ups == 1);
    node_close(&client);
    scene_close(&scene);
}

static void an_expelled_member_has_its_next_frame_refused(void **state)
{
    struct scene scene;
    struct stranger stranger;
    (void)state;
    scene_open(&scene, true);
    stranger_open(&stranger, &scene.strange, &scene.server);
    stranger_connect(&stranger, &scene.server);
    stranger_say(&stranger, "as a member", 0);
    wait_for(scene_nodes(&scene), node_heard(&scene.server, STRANGE, "as a member"));
    node_expel(&scene.server, STRANGE);
    stranger_say(&stranger, "as nobody", 0);
    wait_for(scene_nodes(&scene), scene_statistics(&scene).frames_refused == 1);
    wait_for(scene_nodes(&scene), scene.server.downs == 1);
    assert_int_equal(frames_from(&scene.server, STRANGE), 1);
    assert_int_equal(node_send(&scene.server, STRANGE, "secret"), ERR_NOT_FOUND);
    /* Its libzmq dials again and meets the closed door. */
    wait_for(scene_nodes(&scene), scene_statistics(&scene).handshakes_refused > 0);
    stranger_close(&stranger);
    scene_close(&scene);
}

static void a_dialled_server_that_is_expelled_has_its_next_frame_refused(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, false);
    node_expel(&scene.honest, SERVER);
    assert_int_equal(node_send(&scene.server, HONEST, "too late"), OK);
    wait_for(scene_nodes(&scene), scene.honest.downs == 1 && scene.server.downs == 1);
    assert_int_equal(transport_statistics(scene.honest.transport).frames_refused, 1);
    assert_int_equal(scene.honest.frame_count, 0);
    node_admit(&scene.honest, SERVER, &scene.server.keys);
    wait_for(scene_nodes(&scene), scene.honest.ups == 2);
    scene.honest.downs = 0;
    scene_close(&scene);
}

/* ---- wrong protocol ---- */

static void a_client_without_curve_never_comes_in(void **state)
{
    struct scene scene;
    struct stranger stranger;
    (void)state;
    scene_open(&scene, false);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t refused = scene_statistics(&scene).handshakes_refused;
        stranger_open(&stranger, NULL, &scene.server);
        stranger_connect(&stranger, &scene.server);
        stranger_say(&stranger, "no key at all", 0);
        wait_for(scene_nodes(&scene),
                 scene_statistics(&scene).handshakes_refused > refused);
        stranger_close(&stranger);
    }
    assert_int_equal(scene.server.ups, 1);
    assert_int_equal(frames_from(&scene.server, HONEST), scene.server.frame_count);
    scene_close(&scene);
}

static int raw_start(const struct node *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *port = strrchr(transport_endpoint(server->transport), ':') + 1;
    address.sin_port = htons((uint16_t)strtol(port, NULL, 10));
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(fcntl(descriptor, F_SETFL, O_NONBLOCK), 0);
    const struct sockaddr *generic = (const void *)&address;
    if (connect(descriptor, generic, sizeof(address)) != 0)
        assert_int_equal(errno, EINPROGRESS);
    return descriptor;
}

static int raw_connect(const struct node *server)
{
    int descriptor = raw_start(server);
    struct pollfd done = {.fd = descriptor, .events = POLLOUT};
    assert_int_equal(poll(&done, 1, DEADLINE_MS), 1);
    return descriptor;
}

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/* A greeting that begins well (RFC 23), so that the bytes after it are looked at. */
static const uint8_t greeting[64] = {0xff, 0, 0, 0,   0,   0,   0,   0,  0,
                                     0x7f, 3, 1, 'C', 'U', 'R', 'V', 'E'};

static void garbage_on_the_wire_harms_nobody(void **state)
{
    enum { CONNECTIONS = 300 };
    struct scene scene;
    uint64_t seed = (uint64_t)time(NULL), random = seed | 1;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    scene_open(&scene, false);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        uint8_t bytes[512];
        size_t start = i % 3 == 0 ? 0 : i % 3 == 1 ? 10 : sizeof(greeting);
        for (size_t k = 0; k < sizeof(bytes); k++)
            bytes[k] = (uint8_t)next_random(&random);
        memcpy(bytes, greeting, start);
        size_t size = start + next_random(&random) % (sizeof(bytes) - start);
        int descriptor = raw_connect(&scene.server);
        (void)send(descriptor, bytes, size, MSG_NOSIGNAL);
        close(descriptor);
        if (i % 50 == 0)
            scene_check_honest(&scene);
    }
    wait_for(scene_nodes(&scene),
             scene_statistics(&scene).connections_accepted == CONNECTIONS + 1);
    assert_int_equal(scene.server.ups, 1);
    assert_int_equal(scene_statistics(&scene).handshakes_done, 1);
    assert_int_equal(frames_from(&scene.server, HONEST), scene.server.frame_count);
    scene_close(&scene);
}

/* Connects and is gone. False: the server's system takes no more connections now. */
static bool raw_touch(const struct node *server)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int descriptor = raw_start(server);
    struct pollfd done = {.fd = descriptor, .events = POLLOUT};
    bool connected = poll(&done, 1, 200) == 1;
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(descriptor);
    return connected;
}

/* Until libzmq's monitor is full and its thread waits for us. */
static void scene_storm(struct scene *scene)
{
    for (unsigned i = 0; i < 2500 && raw_touch(&scene->server); i++)
        continue;
}

static void a_storm_of_connections_while_nobody_looks_harms_nobody(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, false);
    scene_storm(&scene);
    wait_for(scene_nodes(&scene), scene_statistics(&scene).connections_accepted > 500);
    scene_close(&scene);
}

static void a_transport_closes_in_the_middle_of_a_storm(void **state)
{
    struct scene scene;
    (void)state;
    scene_open(&scene, false);
    scene_storm(&scene);
    node_close(&scene.server);
    node_close(&scene.honest);
}

/* ---- faulty members ---- */

static void an_oversized_frame_ends_its_senders_connection(void **state)
{
    static uint8_t oversized[FRAME_SIZE_MAX + 1];
    struct scene scene;
    struct stranger stranger;
    (void)state;
    scene_open(&scene, true);
    stranger_open(&stranger, &scene.strange, &scene.server);
    stranger_connect(&stranger, &scene.server);
    stranger_say(&stranger, "small", 0);
    wait_for(scene_nodes(&scene), node_heard(&scene.server, STRANGE, "small"));
    assert_int_equal(zmq_send(stranger.socket, oversized, sizeof(oversized), 0),
                     sizeof(oversized));
    wait_for(scene_nodes(&scene), scene.server.downs == 1);
    assert_int_equal(frames_from(&scene.server, STRANGE), 1);
    stranger_close(&stranger);
    scene_close(&scene);
}

/* libzmq would hand the message out when its last part is there, and hold 60 MB until then. */
static void who_sends_parts_without_end_is_cut_before_they_fill_the_memory(void **state)
{
    static char part[60000];
    struct scene scene;
    struct stranger stranger;
    (void)state;
    scene_open(&scene, true);
    stranger_open(&stranger, &scene.strange, &scene.server);
    stranger_connect(&stranger, &scene.server);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(
            zmq_send(stranger.socket, part, sizeof(part), i < 999 ? ZMQ_SNDMORE : 0),
            (int)sizeof(part));
    wait_for(scene_nodes(&scene), scene_statistics(&scene).floods_cut > 0);
    assert_int_equal(scene_statistics(&scene).frames_refused, 0);
    scene_check_honest(&scene);
    stranger_close(&stranger);
    scene_close(&scene);
}

static void a_multipart_message_is_refused_and_its_sender_cut(void **state)
{
    struct scene scene;
    struct stranger stranger;
    (void)state;
    scene_open(&scene, true);
    stranger_open(&stranger, &scene.strange, &scene.server);
    stranger_connect(&stranger, &scene.server);
    stranger_say(&stranger, "single", 0);
    wait_for(scene_nodes(&scene), node_heard(&scene.server, STRANGE, "single"));
    for (int i = 0; i < 200; i++)
        stranger_say(&stranger, "part", ZMQ_SNDMORE);
    stranger_say(&stranger, "last part", 0);
    wait_for(scene_nodes(&scene), scene.server.downs == 1);
    assert_int_equal(scene_statistics(&scene).frames_refused, 1);
    assert_int_equal(frames_from(&scene.server, STRANGE), 1);
    stranger_close(&stranger);
    scene_close(&scene);
}

static void a_member_that_names_itself_is_refused(void **state)
{
    static const char *const names[] = {"hub", "\1\2\3\4\5", "a name that is longer"};
    struct scene scene;
    (void)state;
    scene_open(&scene, true);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct stranger stranger;
        uint64_t refused = scene_statistics(&scene).frames_refused;
        stranger_open(&stranger, &scene.strange, &scene.server);
        zmq_setsockopt(stranger.socket, ZMQ_ROUTING_ID, names[i], strlen(names[i]));
        stranger_connect(&stranger, &scene.server);
        stranger_say(&stranger, "it is me", 0);
        wait_for(scene_nodes(&scene), scene_statistics(&scene).frames_refused > refused);
        stranger_close(&stranger);
    }
    assert_int_equal(scene.server.ups, 1);
    scene_close(&scene);
}

static void one_key_with_many_connections_keeps_only_a_few(void **state)
{
    enum { CONNECTIONS = 9, KEPT = 4 };
    struct scene scene;
    struct stranger strangers[CONNECTIONS];
    (void)state;
    scene_open(&scene, true);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        /* Cut ones shall not come back, so that the count is exact. */
        int never = -1;
        size_t heard = frames_from(&scene.server, STRANGE);
        stranger_open(&strangers[i], &scene.strange, &scene.server);
        zmq_setsockopt(strangers[i].socket, ZMQ_RECONNECT_IVL, &never, sizeof(never));
        stranger_connect(&strangers[i], &scene.server);
        stranger_say(&strangers[i], "me too", 0);
        wait_for(scene_nodes(&scene), frames_from(&scene.server, STRANGE) == heard + 1);
    }
    assert_int_equal(scene.server.ups, 2);
    assert_int_equal(scene.server.downs, 0);
    for (unsigned i = CONNECTIONS - KEPT; i < CONNECTIONS; i++)
        stranger_say(&strangers[i], "still here", 0);
    wait_for(scene_nodes(&scene),
             frames_from(&scene.server, STRANGE) == CONNECTIONS + KEPT);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        stranger_close(&strangers[i]);
    wait_for(scene_nodes(&scene), scene.server.downs == 1);
    scene_close(&scene);
}

/* ---- the door itself ---- */

static bool admit_all(void *context, const uint8_t key[32], uint32_t *peer)
{
    (void)context;
    (void)key;
    *peer = 1;
    return true;
}

/* Asks with `parts` and returns the three digits of the answer. */
static int zap_ask(void *client, void *zap, const struct slice *parts, size_t count)
{
    char part[300];
    int status = 0;
    assert_int_equal(zmq_send(client, "", 0, ZMQ_SNDMORE), 0);
    for (size_t i = 0; i < count; i++) {
        int more = i + 1 < count ? ZMQ_SNDMORE : 0;
        assert_int_equal(zmq_send(client, parts[i].data, parts[i].size, more),
                         (int)parts[i].size);
    }
    uint64_t until_ms = test_now_ms() + DEADLINE_MS;
    while (!zap_serve(zap, &(struct transport_options){.member = admit_all}))
        assert_true(test_now_ms() < until_ms);
    for (size_t i = 0; i < 7; i++) {
        int size = zmq_recv(client, part, sizeof(part) - 1, 0);
        assert_in_range(size, 0, sizeof(part) - 1);
        part[size] = '\0';
        if (i == 3)
            status = (int)strtol(part, NULL, 10);
        if (i == 5)
            assert_int_equal(size, status == 200 ? 40 : 0);
    }
    return status;
}

static void the_door_opens_only_for_the_exact_question(void **state)
{
    static uint8_t huge[4000];
    const uint8_t key[33] = {1, 2, 3};
    const struct slice right[] = {slice_text("1.0"),   slice_text("7"),
                                  slice_text("linli"), slice_text("127.0.0.1"),
                                  slice_text(""),      slice_text("CURVE"),
                                  slice_of(key, 32)};
    const struct {
        size_t part;
        struct slice wrong;
    } changes[] = {{0, slice_text("1.1")},  {0, slice_text("")},
                   {2, slice_text("")},     {2, slice_text("linli2")},
                   {5, slice_text("NULL")}, {5, slice_text("PLAIN")},
                   {6, slice_of(key, 31)},  {6, slice_of(key, 33)},
                   {6, slice_text("")},     {6, slice_of(huge, sizeof(huge))}};
    (void)state;
    void *context = zmq_ctx_new();
    void *zap = zap_open(context);
    assert_non_null(zap);
    void *client = zmq_socket(context, ZMQ_DEALER);
    assert_int_equal(zmq_connect(client, "inproc://zeromq.zap.01"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        struct slice parts[ARRAY_SIZE(right)];
        memcpy(parts, right, sizeof(parts));
        parts[changes[i].part] = changes[i].wrong;
        assert_int_equal(zap_ask(client, zap, parts, ARRAY_SIZE(parts)), 400);
    }
    /* Too few parts, far too many, and a request id beyond all bounds. */
    for (size_t count = 1; count < ARRAY_SIZE(right); count++)
        assert_int_equal(zap_ask(client, zap, right, count), 400);
    struct slice many[500];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = right[i % ARRAY_SIZE(right)];
    assert_int_equal(zap_ask(client, zap, many, ARRAY_SIZE(many)), 400);
    assert_int_equal(zap_ask(client, zap, many, ARRAY_SIZE(right) + 1), 400);
    many[1] = slice_of(huge, sizeof(huge));
    assert_int_equal(zap_ask(client, zap, many, 2), 400);

    assert_int_equal(zap_ask(client, zap, right, ARRAY_SIZE(right)), 200);
    zmq_close(client);
    zmq_close(zap);
    zmq_ctx_term(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_key_gets_no_frame_through_and_is_counted),
        cmocka_unit_test(a_refused_peer_comes_in_once_it_is_admitted),
        cmocka_unit_test(a_server_with_another_key_is_not_talked_to),
        cmocka_unit_test(a_server_that_is_no_member_here_is_not_linked),
        cmocka_unit_test(an_expelled_member_has_its_next_frame_refused),
        cmocka_unit_test(a_dialled_server_that_is_expelled_has_its_next_frame_refused),
        cmocka_unit_test(a_client_without_curve_never_comes_in),
        cmocka_unit_test(garbage_on_the_wire_harms_nobody),
        cmocka_unit_test(a_storm_of_connections_while_nobody_looks_harms_nobody),
        cmocka_unit_test(a_transport_closes_in_the_middle_of_a_storm),
        cmocka_unit_test(an_oversized_frame_ends_its_senders_connection),
        cmocka_unit_test(a_multipart_message_is_refused_and_its_sender_cut),
        cmocka_unit_test(who_sends_parts_without_end_is_cut_before_they_fill_the_memory),
        cmocka_unit_test(a_member_that_names_itself_is_refused),
        cmocka_unit_test(one_key_with_many_connections_keeps_only_a_few),
        cmocka_unit_test(the_door_opens_only_for_the_exact_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
