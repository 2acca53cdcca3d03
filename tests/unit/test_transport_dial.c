/* Why a dialled peer is not linked, over real loopback sockets. */
#include "tests/unit/transport_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static enum dial_trouble trouble_of(const struct node *node, uint32_t peer)
{
    return transport_dial_trouble(node->transport, peer);
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

static void a_refused_connection_is_unreachable_until_it_is_linked(void **state)
{
    struct node server, client;
    char endpoint[128];
    (void)state;
    acquaint(&server, &client);
    snprintf(endpoint, sizeof(endpoint), "%s", transport_endpoint(server.transport));
    node_dial(&client, &server);
    node_close(&server);
    wait_for(NODES(&client), trouble_of(&client, 1) == DIAL_UNREACHABLE);
    node_open_with(&server, (struct transport_options){.listen = endpoint});
    wait_for(NODES(&client, &server), client.ups > 0);
    assert_int_equal(trouble_of(&client, 1), DIAL_NO_TROUBLE);
    node_close(&client);
    node_close(&server);
}

static void a_name_nobody_has_is_unreachable(void **state)
{
    struct node server, client;
    (void)state;
    acquaint(&server, &client);
    /* RFC 6761: names under "invalid" do not resolve, with or without a network. */
    assert_int_equal(transport_dial(client.transport, 1, "tcp://nobody.invalid:5100",
                                    server.keys.public_key),
                     OK);
    wait_for(NODES(&client), trouble_of(&client, 1) == DIAL_UNREACHABLE);
    assert_int_equal(transport_statistics(client.transport).dials_refused, 0);
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
        cmocka_unit_test(a_refused_connection_is_unreachable_until_it_is_linked),
        cmocka_unit_test(a_name_nobody_has_is_unreachable),
        cmocka_unit_test(who_is_not_known_there_is_turned_away_until_admitted),
        cmocka_unit_test(ones_own_refused_dials_are_not_counted_as_refused_strangers),
        cmocka_unit_test(another_key_at_the_address_is_another_node),
        cmocka_unit_test(a_service_that_is_no_node_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
