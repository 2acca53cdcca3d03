/* Why a dialled peer is not linked, over real loopback sockets. */
#include "net/dial.h"
#include "tests/unit/transport_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static enum dial_trouble trouble_of(const struct node *node, uint32_t peer)
{
    return transport_dial_trouble(node->transport, peer, NULL);
}

/* Two nodes that know each other, the first listening. */
static void acquaint(struct node *server, struct node *client)
{
    node_make(server, 1);
    node_make(client, 2);
    node_admit(server, 2, &client->keys);
    node_admit(client, 1, &server->keys);
    node_open(server);
    node_open_with(client, (struct transport_options){0});
}

static void who_is_linked_or_not_dialled_is_in_no_trouble(void **state)
{
    struct node server, client;
    (void)state;
    acquaint(&server, &client);
    assert_int_equal(trouble_of(&client, 1), DIAL_NO_TROUBLE);
    node_dial(&client, &server);
    wait_for(NODES(&client, &server), client.ups == 1);
    assert_int_equal(trouble_of(&client, 1), DIAL_NO_TROUBLE);
    assert_int_equal(trouble_of(&server, 2), DIAL_NO_TROUBLE);
    node_close(&client);
    node_close(&server);
}

static void a_refused_connection_is_told_until_it_is_linked(void **state)
{
    struct node server, client;
    char endpoint[128];
    (void)state;
    acquaint(&server, &client);
    snprintf(endpoint, sizeof(endpoint), "%s", transport_endpoint(server.transport));
    node_dial(&client, &server);
    node_close(&server);
    wait_for(NODES(&client), trouble_of(&client, 1) == DIAL_REFUSED);
    node_open_with(&server, (struct transport_options){.listen = endpoint});
    wait_for(NODES(&client, &server), client.ups > 0);
    assert_int_equal(trouble_of(&client, 1), DIAL_NO_TROUBLE);
    node_close(&client);
    node_close(&server);
}

static void a_name_nobody_has_does_not_resolve(void **state)
{
    struct node server, client;
    (void)state;
    acquaint(&server, &client);
    /* RFC 6761: names under "invalid" do not resolve, with or without a network. */
    assert_int_equal(transport_dial(client.transport, 1, "tcp://nobody.invalid:5100",
                                    server.keys.public_key),
                     OK);
    wait_for(NODES(&client), trouble_of(&client, 1) == DIAL_NO_NAME);
    assert_int_equal(transport_statistics(client.transport).dials_refused, 0);
    node_close(&client);
    node_close(&server);
}

static void dial_text(struct node *client, const struct node *server,
                      const char *endpoint)
{
    assert_int_equal(
        transport_dial(client->transport, 1, endpoint, server->keys.public_key), OK);
}

static void a_link_local_address_without_an_interface_is_told(void **state)
{
    struct node server, client;
    (void)state;
    acquaint(&server, &client);
    dial_text(&client, &server, "tcp://[fe80::1]:5100");
    wait_for(NODES(&client), trouble_of(&client, 1) == DIAL_NO_INTERFACE);
    dial_text(&client, &server, "tcp://[fe80::1%nowhere0]:5100");
    assert_int_equal(trouble_of(&client, 1), DIAL_NO_TROUBLE);
    wait_for(NODES(&client), trouble_of(&client, 1) == DIAL_NO_INTERFACE);
    node_close(&client);
    node_close(&server);
}

/* What libzmq's monitor says of an attempt, with the times at which it is heard. */
static void note(struct dial *dial, enum socket_event_kind kind, uint64_t now_ms)
{
    dial_note(dial, &(struct socket_event){.kind = kind}, now_ms);
}

static struct dial *dialling(struct dials *dials, const char *endpoint)
{
    dials_init(dials, 1);
    struct dial *dial = dials_add(dials, 1);
    snprintf(dial->endpoint, sizeof(dial->endpoint), "%s", endpoint);
    return dial;
}

static void silence_and_no_way_there_are_told_apart_and_since_when(void **state)
{
    struct dials dials;
    struct dial *dial = dialling(&dials, "tcp://192.0.2.7:5100");
    (void)state;
    note(dial, SOCKET_ASKED, 1000);
    note(dial, SOCKET_GAVE_UP, 9000);
    note(dial, SOCKET_UNREACHED, 9000);
    assert_int_equal(dial->trouble, DIAL_SILENT);
    note(dial, SOCKET_ASKED, 10000);
    note(dial, SOCKET_GAVE_UP, 18000);
    note(dial, SOCKET_UNREACHED, 18000);
    assert_true(dial->trouble_ms == 9000);
    note(dial, SOCKET_GAVE_UP, 20000);
    note(dial, SOCKET_UNREACHED, 20000);
    assert_int_equal(dial->trouble, DIAL_NO_ROUTE);
    assert_true(dial->trouble_ms == 20000);
    note(dial, SOCKET_ASKED, 21000);
    note(dial, SOCKET_GAVE_UP, 23000);
    note(dial, SOCKET_UNREACHED, 23000);
    assert_int_equal(dial->trouble, DIAL_REFUSED);
    dials_deinit(&dials);
}

static void a_name_with_addresses_of_one_family_only_does_resolve(void **state)
{
    struct dials dials;
    struct dial *dial = dialling(&dials, "tcp://hub.test:5100");
    (void)state;
    note(dial, SOCKET_UNREACHED, 1000);
    assert_int_equal(dial->trouble, DIAL_NO_NAME);
    dial->ipv6 = true;
    note(dial, SOCKET_ASKED, 2000);
    note(dial, SOCKET_GAVE_UP, 2001);
    note(dial, SOCKET_UNREACHED, 2001);
    assert_int_equal(dial->trouble, DIAL_REFUSED);
    dial->ipv6 = false;
    note(dial, SOCKET_UNREACHED, 3000);
    assert_int_equal(dial->trouble, DIAL_REFUSED);
    dial->ipv6 = true;
    note(dial, SOCKET_UNREACHED, 4000);
    assert_int_equal(dial->trouble, DIAL_NO_NAME);
    dials_deinit(&dials);
}

/* The listening side knows the key and keeps it out. */
static bool knows_nobody(void *context, const uint8_t key[CURVE_KEY_SIZE], uint32_t *peer)
{
    (void)context;
    (void)key;
    (void)peer;
    return false;
}

static bool is_acquainted(void *context, const uint8_t key[CURVE_KEY_SIZE])
{
    uint32_t peer;
    return node_knows(context, key, &peer);
}

static void who_is_kept_out_for_a_while_is_told_so_and_is_no_stranger(void **state)
{
    struct node server, client;
    struct transport_options options = {.listen = "tcp://127.0.0.1:*",
                                        .member = knows_nobody,
                                        .shut_out = is_acquainted,
                                        .context = &server};
    (void)state;
    acquaint(&server, &client);
    node_close(&server);
    memcpy(options.public_key, server.keys.public_key, CURVE_KEY_SIZE);
    memcpy(options.secret_key, server.keys.secret_key, CURVE_KEY_SIZE);
    assert_int_equal(transport_open(&server.transport, &options), OK);
    node_dial(&client, &server);
    struct nodes nodes = NODES(&client, &server);
    wait_for(nodes, trouble_of(&client, 1) == DIAL_SHUT_OUT);
    assert_int_equal(transport_statistics(server.transport).handshakes_refused, 0);
    node_expel(&server, 2);
    wait_for(nodes, trouble_of(&client, 1) == DIAL_TURNED_AWAY);
    wait_for(nodes, transport_statistics(server.transport).handshakes_refused > 0);
    node_close(&client);
    node_close(&server);
}

static void who_is_not_known_there_is_turned_away_until_admitted(void **state)
{
    struct node server, client;
    (void)state;
    acquaint(&server, &client);
    node_expel(&server, 2);
    node_dial(&client, &server);
    struct nodes nodes = NODES(&client, &server);
    wait_for(nodes, trouble_of(&client, 1) == DIAL_TURNED_AWAY);
    wait_for(nodes, transport_statistics(server.transport).handshakes_refused > 0);
    node_admit(&server, 2, &client.keys);
    wait_for(nodes, client.ups == 1);
    assert_int_equal(trouble_of(&client, 1), DIAL_NO_TROUBLE);
    node_close(&client);
    node_close(&server);
}

static void ones_own_refused_dials_are_not_counted_as_refused_strangers(void **state)
{
    struct node server, client;
    (void)state;
    acquaint(&server, &client);
    node_close(&client);
    node_open(&client); /* it listens too */
    node_expel(&server, 2);
    node_dial(&client, &server);
    wait_for(NODES(&client, &server),
             transport_statistics(client.transport).dials_refused > 0);
    assert_int_equal(transport_statistics(client.transport).handshakes_refused, 0);
    assert_int_equal(transport_statistics(server.transport).dials_refused, 0);
    node_close(&client);
    node_close(&server);
}

static void another_key_at_the_address_is_another_node(void **state)
{
    struct node server, client;
    struct keys expected;
    (void)state;
    acquaint(&server, &client);
    keys_make(&expected);
    node_expel(&client, 1);
    node_admit(&client, 1, &expected);
    assert_int_equal(transport_dial(client.transport, 1,
                                    transport_endpoint(server.transport),
                                    expected.public_key),
                     OK);
    wait_for(NODES(&client, &server), trouble_of(&client, 1) == DIAL_ANOTHER);
    node_close(&client);
    node_close(&server);
}

/* Takes one connection and hangs up. */
static void a_service_that_is_no_node_is_another(void **state)
{
    struct node server, client;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char endpoint[64];
    (void)state;
    acquaint(&server, &client);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(
        transport_dial(client.transport, 1, endpoint, server.keys.public_key), OK);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    close(accepted);
    wait_for(NODES(&client), trouble_of(&client, 1) == DIAL_ANOTHER);
    close(listener);
    node_close(&client);
    node_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_linked_or_not_dialled_is_in_no_trouble),
        cmocka_unit_test(a_refused_connection_is_told_until_it_is_linked),
        cmocka_unit_test(a_name_nobody_has_does_not_resolve),
        cmocka_unit_test(a_link_local_address_without_an_interface_is_told),
        cmocka_unit_test(silence_and_no_way_there_are_told_apart_and_since_when),
        cmocka_unit_test(a_name_with_addresses_of_one_family_only_does_resolve),
        cmocka_unit_test(who_is_kept_out_for_a_while_is_told_so_and_is_no_stranger),
        cmocka_unit_test(who_is_not_known_there_is_turned_away_until_admitted),
        cmocka_unit_test(ones_own_refused_dials_are_not_counted_as_refused_strangers),
        cmocka_unit_test(another_key_at_the_address_is_another_node),
        cmocka_unit_test(a_service_that_is_no_node_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
