#include "crdt/view.h"

#include "crdt/codec.h"

static void put_ids(struct buffer *out, const struct entry_id *ids, size_t count)
{
    codec_put_array(out, count);
    for (size_t i = 0; i < count; i++)
        codec_put_id(out, &ids[i]);
}

static void encode_field(const struct field_view *view, struct buffer *out)
{
    codec_put_array(out, 2);
    codec_put_uint(out, view->field->id);
    codec_put_array(out, view->count);
    for (size_t i = 0; i < view->count; i++) {
        const struct version *version = &view->versions[i];
        codec_put_array(out, 5);
        codec_put_id(out, &version->id);
        codec_put_uint(out, version->stamp_ms);
        codec_put_uint(out, version->actor);
        codec_put_raw(out, version->value);
        put_ids(out, version->also, version->also_count);
    }
}

static void encode_fields(const struct record_view *record, struct buffer *out)
{
    size_t present = 0;
    for (size_t i = 0; i < record->reg->field_count; i++)
        present += record->fields[i].count > 0;
    codec_put_array(out, present);
    for (size_t i = 0; i < record->reg->field_count; i++) {
        if (record->fields[i].count > 0)
            encode_field(&record->fields[i], out);
    }
}

void view_encode(const struct record_view *record, struct buffer *out)
{
    codec_put_array(out, 10);
    codec_put_uint(out, record->reg->id);
    codec_put_id(out, &record->id);
    codec_put_id(out, &record->subject);
    codec_put_uint(out, record->realm);
    codec_put_bool(out, record->known);
    codec_put_uint(out, record->created_ms);
    codec_put_uint(out, record->created_by);
    if (record->voided)
        codec_put_text(out, record->void_reason);
    else
        codec_put_nil(out);
    put_ids(out, record->amended_by, record->amended_count);
    encode_fields(record, out);
}

/* ---- the digest ---- */

struct digest {
    struct hash_state hashing;
    struct buffer encoded;
    struct arena arena;
    uint64_t records;
};

static void digest_register(struct digest *digest, struct store_txn *txn,
                            const struct schema_register *reg, uint64_t realm)
{
    struct fold_subjects walk = {.reg = reg->id, .realm = realm};
    struct entry_id subject;
    struct record_list list;
    uint64_t newest;
    while (fold_subjects_next(txn, &walk, &realm, &subject, &newest)) {
        arena_reset(&digest->arena);
        view_chain(txn, reg, realm, &subject, &digest->arena, &list);
        for (size_t i = 0; i < list.count; i++) {
            buffer_clear(&digest->encoded);
            view_encode(&list.records[i], &digest->encoded);
            hash_add(&digest->hashing, buffer_slice(&digest->encoded));
        }
        digest->records += list.count;
    }
    store_cursor_close(&walk.cursor);
}

void view_digest(struct store_txn *txn, uint64_t realm, const struct county_salt *salt,
                 struct hash *hash, uint64_t *records)
{
    struct digest digest = {.records = 0};
    const struct schema_register *reg;
    buffer_init(&digest.encoded, SIZE_MAX);
    arena_init(&digest.arena);
    hash_begin(&digest.hashing, HASH_RECORDS, salt);
    for (size_t i = 0; (reg = schema_register_at(i)) != NULL; i++)
        digest_register(&digest, txn, reg, realm);
    hash_end(&digest.hashing, hash);
    *records = digest.records;
    buffer_deinit(&digest.encoded);
    arena_deinit(&digest.arena);
}
