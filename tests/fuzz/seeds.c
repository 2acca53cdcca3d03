/* seeds - writes what the fuzzers start from: every kind of thing the real encoders make.
 *
 *   seeds DIRECTORY        DIRECTORY/TARGET/NAME */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crdt/codec.h"
#include "crdt/operation.h"
#include "net/grant.h"
#include "net/message.h"
#include "daemon/api/protocol.h"
#include "tests/typed_set.h"

#define COUNTY UINT64_C(331123)
#define TOWNSHIP UINT64_C(331123106)
#define STAMP_MS UINT64_C(1780246800000)
#define SEED_BYTES_MAX (1 << 20)

static const char *directory;
static const struct log_name record_log = {3, 0xbeef, LANE_RECORD};

static void write_seed(const char *target, const char *name, struct slice bytes)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", directory, target);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, target, name);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size);
    CHECK(fclose(file) == 0);
}

static void write_buffer(const char *target, const char *name, struct buffer *buffer)
{
    CHECK(!buffer->overflow);
    write_seed(target, name, buffer_slice(buffer));
    buffer_clear(buffer);
}

/* ---- runs and messages ---- */

static struct run make_run(struct buffer *entries, uint64_t first_seq, uint32_t count)
{
    static const uint8_t payload[] = "salt and sealed bytes of an entry";
    struct run run = {.log = record_log,
                      .first_seq = first_seq,
                      .incarnation = first_seq == 1 ? 0x0102030405060000u | 0xbeef : 0,
                      .realm = TOWNSHIP,
                      .epoch = 1,
                      .count = count};
    buffer_clear(entries);
    for (uint32_t i = 0; i < count; i++)
        entry_append(entries, slice_of(payload, sizeof payload - i % 8));
    run.entries = buffer_slice(entries);
    memset(run.prev.bytes, first_seq == 1 ? 0 : 0xab, 8);
    memset(run.signature, 0x51, sizeof run.signature);
    return run;
}

static void write_runs(struct buffer *out)
{
    struct buffer entries;
    buffer_init(&entries, SEED_BYTES_MAX);
    struct run run = make_run(&entries, 1, 1);
    for (uint8_t form = 0; form < 2; form++) {
        buffer_put_u8(out, form);
        run_encode(&run, form == 0 ? RUN_WIRE : RUN_STORED, out);
        write_buffer("run", form == 0 ? "first-wire" : "first-stored", out);
    }
    run = make_run(&entries, 70, 30);
    for (uint8_t form = 0; form < 2; form++) {
        buffer_put_u8(out, form);
        run_encode(&run, form == 0 ? RUN_WIRE : RUN_STORED, out);
        write_buffer("run", form == 0 ? "many-wire" : "many-stored", out);
    }
    message_put_run(out, 88, 2, &run);
    write_buffer("message", "run", out);
    buffer_deinit(&entries);
}

static void write_messages(struct buffer *out)
{
    struct hello hello = {.version = PROTOCOL_VERSION,
                          .flags = HELLO_ANSWER,
                          .incarnation = 0x0102030405060708,
                          .last = 300000,
                          .noted = 299999,
                          .control_seq = 42};
    message_put_hello(out, &hello);
    write_buffer("message", "hello", out);
    for (uint8_t flags = 0; flags <= HEADS_WITH_HASHES; flags++) {
        struct listed_head head = {record_log, 129, {1, 2, 3}};
        message_begin_heads(out, 5, 9, flags, 2);
        message_put_head(out, flags, &head);
        head.log.node = 4;
        message_put_head(out, flags, &head);
        write_buffer("message", flags == 0 ? "heads" : "heads-with-hashes", out);
    }
    message_begin_want(out, 1);
    message_put_range(out, &(struct wanted_range){record_log, 2, 77});
    write_buffer("message", "want", out);
    message_begin_noted(out, 1, 2, 1);
    message_put_held(out, record_log, 129);
    write_buffer("message", "noted", out);
}

/* ---- founding ---- */

static struct request make_request(const struct node_keys *keys)
{
    struct request request = {.id = keys->id, .division = TOWNSHIP, .name = "shilian"};
    memcpy(request.curve_public, keys->curve_public, KEY_SIZE);
    memcpy(request.box_public, keys->box_public, KEY_SIZE);
    return request;
}

static void write_founding(struct buffer *out)
{
    static const uint8_t authority_seed[SEED_SIZE] = {1}, node_seed[SEED_SIZE] = {2};
    static const uint8_t random[RANDOM_SIZE] = {4};
    struct genesis genesis = {.county = COUNTY, .name = "遂昌县", .created_ms = STAMP_MS};
    struct node_keys authority, node;
    struct buffer empty;
    struct grant grant;

    crypto_node_keys(authority_seed, &authority);
    crypto_node_keys(node_seed, &node);
    genesis.authority = genesis.recovery = authority.id;
    struct request request = make_request(&node);
    request_encode(&request, &node, out);
    write_buffer("request", "request", out);
    genesis_encode(&genesis, out);
    write_seed("request", "genesis", buffer_slice(out));
    buffer_init(&empty, GRANT_SIZE_MAX);
    grant_begin(&empty, buffer_slice(out));
    buffer_clear(out);
    write_seed("grant", "empty", buffer_slice(&empty));
    CHECK(grant_decode(buffer_slice(&empty), &grant) == OK);
    CHECK(grant_admit(&grant, authority_seed, &request, 1, STAMP_MS, random, out) == OK);
    write_buffer("grant", "one-node", out);
    buffer_deinit(&empty);
}

static void put_sized(struct buffer *out, const struct buffer *plaintext)
{
    buffer_put_u16(out, (uint16_t)plaintext->size);
    buffer_put(out, plaintext->data, plaintext->size);
}

static void write_statements(struct buffer *out)
{
    static const uint8_t seed[SEED_SIZE] = {3};
    struct node_keys keys;
    struct buffer plaintext;
    struct member member = {.number = 1, .division = TOWNSHIP, .name = "shilian"};
    struct sealed_key box = {.number = 1};
    struct cut cut = {.log = {1, 0xbeef, LANE_RECORD}, .seq = 9};
    const struct hash commitment = {{6}};

    crypto_node_keys(seed, &keys);
    member.id = keys.id;
    memcpy(member.curve_public, keys.curve_public, KEY_SIZE);
    memcpy(member.box_public, keys.box_public, KEY_SIZE);
    buffer_init(&plaintext, PAYLOAD_SIZE_MAX);
    statement_admit(&plaintext, STAMP_MS, &member);
    put_sized(out, &plaintext);
    buffer_clear(&plaintext);
    statement_realm_key(&plaintext, STAMP_MS, TOWNSHIP, 1, &commitment, &box, 1);
    put_sized(out, &plaintext);
    buffer_clear(&plaintext);
    statement_revoke(&plaintext, STAMP_MS, 1, &cut, 1);
    put_sized(out, &plaintext);
    write_buffer("statement", "admit-key-revoke", out);
    buffer_deinit(&plaintext);
}

/* ---- records and requests ---- */

/* Encoded values, one behind the other in `values`, which is large enough not to move. */
static struct operation_value typed(struct buffer *values, uint8_t reg, uint8_t field,
                                    const char *text)
{
    size_t before = values->size;
    const struct field *schema = schema_field(schema_register(reg), field);
    bool set = schema->rule == MERGE_SET;
    CHECK((set ? typed_set(schema, slice_text(text), values)
               : field_parse(schema, slice_text(text), NULL, values)) == OK);
    struct slice value = slice_of(values->data + before, values->size - before);
    return (struct operation_value){.field = field, .value = value};
}

static void write_operations(struct buffer *out)
{
    const struct schema_register *person = schema_register(REGISTER_PERSON);
    const struct schema_register *visit = schema_register(REGISTER_VISIT);
    const struct entry_id id = entry_id_of(record_log, 9);
    struct buffer values;
    uint8_t replaced[32];

    buffer_init(&values, SEED_BYTES_MAX);
    values.data = checked_malloc(SEED_BYTES_MAX);
    values.capacity = SEED_BYTES_MAX;
    struct operation_value fields[] = {
        typed(&values, REGISTER_PERSON, PERSON_NAME, "王秀英"),
        typed(&values, REGISTER_PERSON, PERSON_VILLAGE, "331123106204"),
        typed(&values, REGISTER_PERSON, PERSON_CATEGORIES, "living-alone"),
        typed(&values, REGISTER_PERSON, PERSON_BIRTH, "1941-06-07")};
    operation_encode_create(out, STAMP_MS, 1, person, fields, ARRAY_SIZE(fields));
    write_buffer("operation", "create", out);

    struct buffer versions;
    buffer_init(&versions, sizeof replaced);
    codec_put_array(&versions, 1);
    codec_put_bytes(&versions, slice_of(id.bytes, ENTRY_ID_SIZE));
    fields[0].replaced = buffer_slice(&versions);
    operation_encode_edit(out, STAMP_MS, 1, person, &id, &id, fields, 1);
    write_buffer("operation", "edit", out);
    buffer_deinit(&versions);

    operation_encode_void(out, STAMP_MS, 1, visit, &id, &id, slice_text("重复录入"),
                          true);
    write_buffer("operation", "void", out);
    buffer_deinit(&values);
}

static void put_request(struct buffer *out, const char *command)
{
    codec_put_map(out, 3);
    codec_put_cstring(out, "v");
    codec_put_uint(out, CONTROL_PROTOCOL);
    codec_put_cstring(out, "command");
    codec_put_cstring(out, command);
    codec_put_cstring(out, "args");
    codec_put_map(out, 2);
    codec_put_cstring(out, "name");
    codec_put_cstring(out, "王秀英");
    codec_put_cstring(out, "categories");
    codec_put_map(out, 1);
    codec_put_cstring(out, "add");
    codec_put_array(out, 2);
    codec_put_cstring(out, "living-alone");
    codec_put_bytes(out, slice_of("\0\1\2", 3));
}

static void write_requests(struct buffer *out)
{
    put_request(out, "person.add");
    write_buffer("control", "person-add", out);
    put_request(out, "status");
    write_buffer("codec", "map", out);
    codec_put_array(out, 5);
    codec_put_nil(out);
    codec_put_bool(out, true);
    codec_put_int(out, -70000);
    codec_put_uint(out, UINT64_MAX);
    codec_put_text(out, slice_text("𠮷 and 遂昌"));
    write_buffer("codec", "scalars", out);
}

int main(int argc, char **argv)
{
    struct buffer out;
    if (argc != 2)
        return 2;
    directory = argv[1];
    (void)mkdir(directory, 0777);
    crypto_init();
    buffer_init(&out, GRANT_SIZE_MAX);
    write_runs(&out);
    write_messages(&out);
    write_founding(&out);
    write_statements(&out);
    write_operations(&out);
    write_requests(&out);
    buffer_deinit(&out);
    return 0;
}
