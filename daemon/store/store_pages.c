#include "daemon/store/store_pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the format ---- */

enum {
    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,

    NODE_BIG = 0x01,  /* the value is the number of its overflow page */
    NODE_TREE = 0x02, /* the value is a tree: a named table */

    INTEGER_KEYS = 0x08,

    PAGE_HEADER_SIZE = 16, /* number 8, unused 2, kind 2, lower 2, upper 2 (or pages 4) */
    NODE_HEADER_SIZE = 8,  /* size or child 4, flags or child 2, key size 2 */
    TREE_SIZE = 48,
    META_SIZE = 136,
    META_VERSION = 1,
    META_FREE = 24, /* offsets behind the page's header */
    META_MAIN = 72,
    META_LAST = 120,
    META_COMMIT = 128,

    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 32768,
    KEY_SIZE_MAX = 511,
    VALUE_SIZE_MAX = 64 << 20, /* the list of free pages is the largest */
};

#define META_MAGIC UINT32_C(0xBEEFC0DE)

static uint16_t get16(const uint8_t *in)
{
    return (uint16_t)(in[0] | in[1] << 8);
}

static uint32_t get32(const uint8_t *in)
{
    return (uint32_t)get16(in) | (uint32_t)get16(in + 2) << 16;
}

const char *const store_table_names[STORE_TABLES] = {
    [STORE_META] = "meta",       [STORE_LOG] = "log",     [STORE_RUNS] = "runs",
    [STORE_HEADS] = "heads",     [STORE_ROWS] = "rows",   [STORE_CHAINS] = "chains",
    [STORE_WANTS] = "wants",     [STORE_PEERS] = "peers", [STORE_UNREAD] = "unread",
    [STORE_LOOKUPS] = "lookups", [STORE_CARE] = "care",   [STORE_CONFLICTS] = "conflicts",
    [STORE_SEARCH] = "search",   [STORE_LEADS] = "leads",
};

/* ---- one walk over one tree ---- */

struct tree_walk {
    struct store_pages *pages;
    const struct store_tree *tree;
    const char *of;
    bool integer_keys;
    bool counting;       /* marks pages and compares their number with the tree's */
    struct slice from;   /* keys up to it are passed over; empty: none are */
    uint64_t read_until; /* stops behind the leaf with which pages_read reaches it */
    bool stopped;        /* by the visitor, or by read_until */
    bool end_is_sound;
    uint64_t branches, leaves, overflows, entries;
    struct store_finding finding;
    /* False ends the walk. `stored` is in a page's buffer or in the one for large values. */
    bool (*visit)(struct tree_walk *walk, uint64_t page, struct slice key,
                  struct slice stored, uint16_t flags);
    void *context;
    enum store_table table;
    uint8_t last_key[KEY_SIZE_MAX];
    size_t last_key_size;
};

static bool walk_finds(struct tree_walk *walk, uint64_t page, const char *what)
{
    if (walk->finding.of == NULL)
        walk->finding = (struct store_finding){page, walk->of, what};
    return false;
}

static int key_compare(const struct tree_walk *walk, struct slice a, struct slice b)
{
    if (walk->integer_keys && a.size == 8 && b.size == 8) {
        uint64_t left = get_le64(a.data), right = get_le64(b.data);
        return (left > right) - (left < right);
    }
    return slice_compare(a, b);
}

static bool file_read(struct store_pages *pages, uint64_t page, uint8_t *out, size_t size)
{
    size_t done = 0;
    uint64_t at = page * pages->page_size;
    while (done < size) {
        ssize_t got = pread(pages->file, out + done, size - done, (off_t)(at + done));
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    pages->pages_read++;
    return true;
}

/* False: it lies outside, or was met before. */
static bool pages_mark(struct store_pages *pages, uint64_t page, uint64_t count)
{
    for (uint64_t i = page; i < page + count; i++) {
        uint8_t bit = (uint8_t)(1 << i % 8);
        if (pages->seen[i / 8] & bit)
            return false;
        pages->seen[i / 8] |= bit;
    }
    return true;
}

static bool page_is_within(const struct store_pages *pages, uint64_t page, uint64_t count)
{
    return page >= 2 && page <= pages->last && count >= 1 &&
           count <= pages->last - page + 1;
}

struct node {
    struct slice key;
    struct slice value; /* of a leaf, in the page */
    uint64_t child;     /* of a branch */
    size_t value_size;  /* of a leaf; with NODE_BIG more than there is in the page */
    uint16_t flags;
};

static size_t node_count(const uint8_t *page)
{
    return (get16(page + 12) - PAGE_HEADER_SIZE) / 2U;
}

/* False where it does not lie within the page. */
static bool node_at(const struct store_pages *pages, const uint8_t *page, size_t index,
                    struct node *node, size_t *offset, size_t *size)
{
    size_t at = get16(page + PAGE_HEADER_SIZE + 2 * index);
    size_t upper = get16(page + 14), end = pages->page_size;
    if (at < upper || at % 2 != 0 || at + NODE_HEADER_SIZE > end)
        return false;
    const uint8_t *in = page + at;
    bool branch = get16(page + 10) == PAGE_BRANCH;
    size_t key_size = get16(in + 6), value_size = 0;
    *node = (struct node){.flags = branch ? 0 : get16(in + 4)};
    if (key_size > KEY_SIZE_MAX || at + NODE_HEADER_SIZE + key_size > end)
        return false;
    node->key = slice_of(in + NODE_HEADER_SIZE, key_size);
    if (branch) {
        node->child = get32(in) | (uint64_t)get16(in + 4) << 32;
    } else {
        node->value_size = get32(in);
        value_size = node->flags & NODE_BIG ? 8 : node->value_size;
        if (value_size > end - (at + NODE_HEADER_SIZE + key_size))
            return false;
        node->value = slice_of(in + NODE_HEADER_SIZE + key_size, value_size);
    }
    *offset = at;
    *size = (NODE_HEADER_SIZE + key_size + value_size + 1) & ~(size_t)1;
    return *offset + *size <= end;
}

/* Nodes fill the page from `upper` to its end, whole and without overlap. */
static bool nodes_fill_page(const struct store_pages *pages, const uint8_t *page)
{
    uint8_t taken[PAGE_SIZE_MAX / 16] = {0};
    size_t total = 0;
    for (size_t i = 0; i < node_count(page); i++) {
        struct node node;
        size_t offset, size;
        if (!node_at(pages, page, i, &node, &offset, &size))
            return false;
        for (size_t half = offset / 2; half < (offset + size) / 2; half++) {
            if (taken[half / 8] & 1 << half % 8)
                return false;
            taken[half / 8] |= (uint8_t)(1 << half % 8);
        }
        total += size;
    }
    return total == pages->page_size - get16(page + 14);
}

/* The page of a tree at `level` (1: the root), in the level's buffer; NULL after trouble. */
static const uint8_t *tree_page(struct tree_walk *walk, uint64_t number, uint16_t level)
{
    struct store_pages *pages = walk->pages;
    uint8_t **buffer = &pages->buffers[level - 1];
    uint16_t kind = level == walk->tree->depth ? PAGE_LEAF : PAGE_BRANCH;

    if (!page_is_within(pages, number, 1)) {
        (void)walk_finds(walk, number, "is led to and does not exist");
        return NULL;
    }
    if (walk->counting && !pages_mark(pages, number, 1)) {
        (void)walk_finds(walk, number, "is used twice");
        return NULL;
    }
    if (*buffer == NULL)
        *buffer = checked_malloc(pages->page_size);
    uint8_t *page = *buffer;
    if (!file_read(pages, number, page, pages->page_size)) {
        (void)walk_finds(walk, number, "cannot be read from the disk");
        return NULL;
    }
    uint16_t lower = get16(page + 12), upper = get16(page + 14);
    const char *what = NULL;
    if (get_le64(page) != number)
        what = "says that it is another page";
    else if (get16(page + 10) != kind)
        what = "is of another kind than it should be";
    else if (lower <= PAGE_HEADER_SIZE || lower % 2 != 0 || lower > upper ||
             upper > pages->page_size)
        what = "has bounds that cannot be";
    else if (!nodes_fill_page(pages, page))
        what = "has entries that do not fit into it";
    if (what != NULL) {
        (void)walk_finds(walk, number, what);
        return NULL;
    }
    if (kind == PAGE_LEAF)
        walk->leaves++;
    else
        walk->branches++;
    return page;
}

/* The value of a leaf's node, which may have pages of its own. */
static bool node_value(struct tree_walk *walk, const struct node *node,
                       struct slice *value)
{
    struct store_pages *pages = walk->pages;
    uint8_t header[PAGE_HEADER_SIZE];

    *value = node->value;
    if (!(node->flags & NODE_BIG))
        return true;
    uint64_t number = get_le64(node->value.data);
    size_t size = node->value_size;
    if (size > VALUE_SIZE_MAX)
        return walk_finds(walk, number, "holds a value of a size that cannot be");
    uint64_t needed = (size + PAGE_HEADER_SIZE - 1) / pages->page_size + 1;
    if (!page_is_within(pages, number, needed))
        return walk_finds(walk, number, "is led to and does not exist");
    if (!file_read(pages, number, header, sizeof header))
        return walk_finds(walk, number, "cannot be read from the disk");
    uint64_t count = get32(header + 12);
    if (get_le64(header) != number)
        return walk_finds(walk, number, "says that it is another page");
    if (get16(header + 10) != PAGE_OVERFLOW)
        return walk_finds(walk, number, "is of another kind than it should be");
    if (count < needed || !page_is_within(pages, number, count))
        return walk_finds(walk, number, "has bounds that cannot be");
    if (walk->counting && !pages_mark(pages, number, count))
        return walk_finds(walk, number, "is used twice");
    walk->overflows += count;
    if (pages->large_size < size + PAGE_HEADER_SIZE) {
        pages->large = checked_realloc(pages->large, size + PAGE_HEADER_SIZE);
        pages->large_size = size + PAGE_HEADER_SIZE;
    }
    if (!file_read(pages, number, pages->large, size + PAGE_HEADER_SIZE))
        return walk_finds(walk, number, "cannot be read from the disk");
    pages->pages_read += count;
    *value = slice_of(pages->large + PAGE_HEADER_SIZE, size);
    return true;
}

/* A value that is broken takes no other with it: the rest of the leaf is gone through. False:
 * the last value is broken. */
static bool walk_leaf(struct tree_walk *walk, const uint8_t *page, uint64_t number)
{
    bool sound = true;
    for (size_t i = 0; i < node_count(page); i++) {
        struct node node;
        size_t offset, size;
        struct slice value;
        CHECK(node_at(walk->pages, page, i, &node, &offset, &size));
        walk->entries++;
        if (walk->from.size > 0 && key_compare(walk, node.key, walk->from) <= 0)
            continue;
        sound = node_value(walk, &node, &value);
        if (!sound)
            continue;
        memcpy(walk->last_key, node.key.data, node.key.size);
        walk->last_key_size = node.key.size;
        if (!walk->visit(walk, number, node.key, value, node.flags)) {
            walk->stopped = true;
            return true;
        }
    }
    walk->stopped |=
        walk->last_key_size > 0 && walk->pages->pages_read >= walk->read_until;
    return sound;
}

/* Below `number` all keys are at least `low` and less than `high`, where these are given. What
 * is broken is noted, and the rest of the tree is gone through all the same. */
static void walk_page(struct tree_walk *walk, uint64_t number, uint16_t level,
                      struct slice low, struct slice high, bool rightmost)
{
    const uint8_t *page = tree_page(walk, number, level);
    bool leaf = level == walk->tree->depth;
    struct node node = {0};
    struct slice before = {0};
    size_t offset, size;

    if (page == NULL)
        return;
    size_t count = node_count(page);
    for (size_t i = 0; i < count; i++) {
        CHECK(node_at(walk->pages, page, i, &node, &offset, &size));
        if (!leaf && i == 0)
            continue; /* a branch's first key is not looked at */
        if (node.key.size == 0 ||
            (i > 0 && before.size > 0 && key_compare(walk, before, node.key) >= 0) ||
            (low.size > 0 && key_compare(walk, low, node.key) > 0) ||
            (high.size > 0 && key_compare(walk, node.key, high) >= 0)) {
            (void)walk_finds(walk, number, "has keys out of order");
            return;
        }
        before = node.key;
    }
    if (leaf) {
        bool sound = walk_leaf(walk, page, number);
        walk->end_is_sound |= sound && rightmost;
        return;
    }
    for (size_t i = 0; i < count && !walk->stopped; i++) {
        struct node next;
        struct slice child_high = high;
        CHECK(node_at(walk->pages, page, i, &node, &offset, &size));
        if (i + 1 < count) {
            CHECK(node_at(walk->pages, page, i + 1, &next, &offset, &size));
            child_high = next.key;
        }
        if (walk->from.size > 0 && i + 1 < count &&
            key_compare(walk, child_high, walk->from) <= 0)
            continue;
        walk_page(walk, node.child, (uint16_t)(level + 1), i > 0 ? node.key : low,
                  child_high, rightmost && i + 1 == count);
    }
}

/* False: something of the tree is broken, or it is not what it says. */
static bool walk_tree(struct tree_walk *walk)
{
    const struct store_tree *tree = walk->tree;
    uint16_t flags = walk->integer_keys ? INTEGER_KEYS : 0;

    if (tree->flags != flags)
        return walk_finds(walk, tree->root, "is the root of a table of another kind");
    if (tree->root == UINT64_MAX) {
        walk->end_is_sound = true;
        if (tree->depth + tree->branches + tree->leaves + tree->overflows +
                tree->entries !=
            0)
            return walk_finds(walk, tree->root, "stands for a table that is not empty");
        return true;
    }
    if (tree->depth == 0 || tree->depth > STORE_PAGES_DEPTH_MAX)
        return walk_finds(walk, tree->root, "is the root of a table of no depth");
    walk_page(walk, tree->root, 1, (struct slice){0}, (struct slice){0}, true);
    if (walk->finding.of == NULL && walk->counting &&
        (walk->branches != tree->branches || walk->leaves != tree->leaves ||
         walk->overflows != tree->overflows || walk->entries != tree->entries))
        (void)walk_finds(walk, tree->root,
                         "is the root of a table with more or less in it than it says");
    return walk->finding.of == NULL;
}

static struct tree_walk walk_of(struct store_pages *pages, const struct store_tree *tree,
                                const char *of)
{
    return (struct tree_walk){
        .pages = pages, .tree = tree, .of = of, .read_until = UINT64_MAX};
}

/* ---- the meta pages and the main tree ---- */

static void tree_read(struct store_tree *tree, const uint8_t in[TREE_SIZE])
{
    *tree = (struct store_tree){
        .present = true,
        .flags = get16(in + 4),
        .depth = get16(in + 6),
        .branches = get_le64(in + 8),
        .leaves = get_le64(in + 16),
        .overflows = get_le64(in + 24),
        .entries = get_le64(in + 32),
        .root = get_le64(in + 40),
    };
}

static bool pages_find(struct store_pages *pages, uint64_t page, const char *of,
                       const char *what)
{
    if (pages->finding.of == NULL)
        pages->finding = (struct store_finding){page, of, what};
    return false;
}

/* The tables in the order of the enum; names that are none of them are of another format. */
static bool visit_main(struct tree_walk *walk, uint64_t page, struct slice key,
                       struct slice stored, uint16_t flags)
{
    struct store_tree *tables = walk->context;
    for (enum store_table table = 0; table < STORE_TABLES; table++) {
        if (!slice_equal(key, slice_text(store_table_names[table])))
            continue;
        if (flags != NODE_TREE || stored.size != TREE_SIZE)
            (void)walk_finds(walk, page, "does not lead to a table");
        else
            tree_read(&tables[table], stored.data);
    }
    return true;
}

static bool visit_sought(struct tree_walk *walk, uint64_t page, struct slice key,
                         struct slice stored, uint16_t flags)
{
    uint64_t *commit = walk->context;
    (void)page;
    (void)flags;
    if (!slice_equal(key, slice_text(STORE_COMMIT_KEY)))
        return true;
    if (stored.size == 8 + STORE_CHECK_SIZE)
        *commit = get_le64(stored.data);
    return false;
}

/* The commit before says of itself which one it was. A meta page whose number lost a bit looks
 * like an older one, and then everything looks sound that was so a commit ago. */
static bool other_commit_is_itself(struct store_pages *pages)
{
    struct store_tree tables[STORE_TABLES] = {0};
    uint64_t commit = pages->other_commit;
    struct tree_walk walk = walk_of(pages, &pages->other_main, "main");
    walk.visit = visit_main;
    walk.context = tables;
    if (!walk_tree(&walk) || !tables[STORE_META].present)
        return true; /* it is used no more */
    walk = walk_of(pages, &tables[STORE_META], "meta");
    walk.visit = visit_sought;
    walk.context = &commit;
    (void)walk_tree(&walk);
    return commit == pages->other_commit;
}

bool store_pages_open(struct store_pages *pages, int file)
{
    uint8_t metas[2][PAGE_HEADER_SIZE + META_SIZE];
    uint64_t commits[2];
    struct stat stat;

    *pages = (struct store_pages){.file = file, .page_size = PAGE_SIZE_MIN};
    pages->root_broken = true;
    if (fstat(file, &stat) != 0 || stat.st_size < 2 * PAGE_SIZE_MIN)
        return pages_find(pages, 0, "meta", "is cut short");
    pages->file_size = (uint64_t)stat.st_size;
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *meta = metas[i] + PAGE_HEADER_SIZE;
        if (!file_read(pages, i, metas[i], sizeof metas[i]))
            return pages_find(pages, i, "meta", "cannot be read from the disk");
        if (get16(metas[i] + 10) != PAGE_META || get32(meta) != META_MAGIC ||
            get32(meta + 4) != META_VERSION)
            return pages_find(pages, i, "meta", "is not what LMDB begins with");
        uint32_t page_size = get32(meta + META_FREE);
        if (page_size < PAGE_SIZE_MIN || page_size > PAGE_SIZE_MAX ||
            (page_size & (page_size - 1)) != 0 ||
            (i == 1 && page_size != pages->page_size))
            return pages_find(pages, i, "meta", "says a size of pages that cannot be");
        pages->page_size = page_size;
        commits[i] = get_le64(meta + META_COMMIT);
    }
    size_t newest = commits[0] < commits[1];
    const uint8_t *meta = metas[newest] + PAGE_HEADER_SIZE;
    pages->commit = commits[newest];
    pages->other_commit = commits[!newest];
    pages->last = get_le64(meta + META_LAST);
    tree_read(&pages->free, meta + META_FREE);
    tree_read(&pages->main, meta + META_MAIN);
    tree_read(&pages->other_main, metas[!newest] + PAGE_HEADER_SIZE + META_MAIN);
    if (commits[0] + commits[1] > 0 &&
        (pages->commit % 2 != newest || pages->commit - pages->other_commit != 1))
        return pages_find(pages, newest, "meta", "has the number of another commit");
    if (pages->last < 1 || pages->last >= pages->file_size / pages->page_size)
        return pages_find(pages, newest, "meta",
                          "says that there are more pages than the file has");
    pages->root_broken = false;
    return true;
}

void store_pages_close(struct store_pages *pages)
{
    for (size_t i = 0; i < STORE_PAGES_DEPTH_MAX; i++)
        free(pages->buffers[i]);
    free(pages->large);
    free(pages->seen);
    pages->seen = pages->large = NULL;
    memset(pages->buffers, 0, sizeof pages->buffers);
}

static bool read_main(struct store_pages *pages, bool counting)
{
    struct tree_walk walk = walk_of(pages, &pages->main, "main");
    walk.counting = counting;
    walk.visit = visit_main;
    walk.context = pages->tables;
    if (walk_tree(&walk))
        return true;
    pages->root_broken = true;
    return pages_find(pages, walk.finding.page, walk.of, walk.finding.what);
}

/* ---- rows ---- */

static bool row_is_sound(enum store_table table, struct slice key, struct slice stored)
{
    if (key.size > STORE_KEY_MAX || stored.size < STORE_CHECK_SIZE)
        return false;
    struct slice value = slice_of(stored.data, stored.size - STORE_CHECK_SIZE);
    return store_row_check(table, key, value) == get32(value.data + value.size);
}

static bool visit_row(struct tree_walk *walk, uint64_t page, struct slice key,
                      struct slice stored, uint16_t flags)
{
    struct store_pages *pages = walk->pages;
    if (flags & ~NODE_BIG) {
        (void)walk_finds(walk, page, "has an entry of another kind than it should be");
        return true;
    }
    if (walk->table == STORE_META && slice_equal(key, slice_text(STORE_FORMAT_KEY))) {
        pages->format = stored.size == 8 ? get_le64(stored.data) : 0;
        return true;
    }
    if (!row_is_sound(walk->table, key, stored)) {
        pages->spoilt[walk->table] = true;
        (void)pages_find(pages, page, walk->of, "has a row that fails its check");
    } else if (walk->table == STORE_META && stored.size == 8 + STORE_CHECK_SIZE &&
               slice_equal(key, slice_text(STORE_COMMIT_KEY)) &&
               get_le64(stored.data) != pages->commit) {
        (void)walk_finds(walk, page, "is of another commit than the file says");
    }
    return true;
}

static void walk_table(struct store_pages *pages, enum store_table table)
{
    struct tree_walk walk =
        walk_of(pages, &pages->tables[table], store_table_names[table]);
    if (!pages->tables[table].present)
        return; /* for whoever opens it: an older format, or damage */
    walk.counting = true;
    walk.table = table;
    walk.visit = visit_row;
    if (!walk_tree(&walk)) {
        pages->broken[table] = true;
        (void)pages_find(pages, walk.finding.page, walk.of, walk.finding.what);
    }
    pages->end_is_sound[table] = walk.end_is_sound;
}

/* A list: how many, then the numbers, falling. */
static bool visit_free(struct tree_walk *walk, uint64_t page, struct slice key,
                       struct slice stored, uint16_t flags)
{
    struct store_pages *pages = walk->pages;
    uint64_t count = stored.size >= 8 ? get_le64(stored.data) : UINT64_MAX;
    if (key.size != 8 || flags & ~NODE_BIG || stored.size % 8 != 0 ||
        count > stored.size / 8 - 1 || get_le64(key.data) > pages->commit)
        return walk_finds(walk, page, "has a list of free pages that cannot be");
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = get_le64(stored.data + 8 * i);
        if (!page_is_within(pages, number, 1) ||
            (i > 1 && number >= get_le64(stored.data + 8 * (i - 1))))
            return walk_finds(walk, page, "has a list of free pages that cannot be");
        if (!pages_mark(pages, number, 1))
            return walk_finds(walk, number, "is in use and listed as free");
    }
    return true;
}

void store_pages_walk(struct store_pages *pages)
{
    /* Where two trees use one page the one that is walked later is called damaged. So tables
     * that cannot be made anew from others are walked first. */
    static const enum store_table order[] = {
        STORE_META,   STORE_HEADS,     STORE_LOG,    STORE_RUNS,  STORE_ROWS,
        STORE_CHAINS, STORE_UNREAD,    STORE_WANTS,  STORE_PEERS, STORE_LOOKUPS,
        STORE_CARE,   STORE_CONFLICTS, STORE_SEARCH, STORE_LEADS};
    _Static_assert(ARRAY_SIZE(order) == STORE_TABLES, "every table is walked");

    CHECK(!pages->root_broken && pages->seen == NULL);
    if (!other_commit_is_itself(pages)) {
        pages->root_broken = true;
        (void)pages_find(pages, pages->commit % 2 == 0, "meta",
                         "has the number of another commit");
        return;
    }
    pages->seen = checked_malloc((size_t)pages->last / 8 + 1);
    memset(pages->seen, 0, (size_t)pages->last / 8 + 1);
    if (!read_main(pages, true))
        return;
    for (size_t i = 0; i < STORE_TABLES; i++)
        walk_table(pages, order[i]);
    struct tree_walk walk = walk_of(pages, &pages->free, "free");
    walk.counting = walk.integer_keys = true;
    walk.visit = visit_free;
    if (!walk_tree(&walk)) {
        pages->free_broken = true;
        (void)pages_find(pages, walk.finding.page, walk.of, walk.finding.what);
    }
    free(pages->seen);
    pages->seen = NULL;
}

struct copying {
    store_pages_visit *visit;
    void *context;
};

static bool visit_copy(struct tree_walk *walk, uint64_t page, struct slice key,
                       struct slice stored, uint16_t flags)
{
    const struct copying *copying = walk->context;
    (void)page;
    (void)flags;
    return copying->visit(copying->context, key, stored);
}

void store_pages_rows(struct store_pages *pages, enum store_table table,
                      store_pages_visit *visit, void *context)
{
    struct copying copying = {visit, context};
    struct tree_walk walk =
        walk_of(pages, &pages->tables[table], store_table_names[table]);
    walk.visit = visit_copy;
    walk.context = &copying;
    if (pages->tables[table].present)
        (void)walk_tree(&walk);
}

/* ---- scrubbing ---- */

bool store_pages_scrub(struct store_pages *pages, struct store_scrub *scrub,
                       uint64_t pages_max)
{
    if (pages->root_broken || !read_main(pages, false))
        return false;
    uint64_t until = pages->pages_read + pages_max;
    for (; scrub->table < STORE_TABLES; scrub->table++, scrub->key_size = 0) {
        struct tree_walk walk =
            walk_of(pages, &pages->tables[scrub->table], store_table_names[scrub->table]);
        if (!pages->tables[scrub->table].present)
            continue;
        walk.table = scrub->table;
        walk.visit = visit_row;
        walk.from = slice_of(scrub->key, scrub->key_size);
        walk.read_until = until;
        if (!walk_tree(&walk)) {
            pages->broken[scrub->table] = true;
            (void)pages_find(pages, walk.finding.page, walk.of, walk.finding.what);
            continue; /* one broken page of a table is enough to know */
        }
        if (!walk.stopped || walk.last_key_size > STORE_KEY_MAX)
            continue;
        memcpy(scrub->key, walk.last_key, walk.last_key_size);
        scrub->key_size = walk.last_key_size;
        return true;
    }
    *scrub = (struct store_scrub){0};
    return false;
}
