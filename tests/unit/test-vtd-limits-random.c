/*
 * What is remembered of a table, at the edge of its budget
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random tables, edits that mostly make parts of what is there or put parts
 * together again, and budgets of a few blocks.  A model keeps, page by page,
 * what the differences said so far.  After each sync: a page that was mapped
 * and is as it was has seen nothing, nothing stale is left in the range,
 * what is remembered is what was told, the account is what a count of the
 * pieces gives, and it is within the budget.
 *
 * TEST_SEED=N repeats one world; -m slow makes it thirty times as many.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/glance.h"
#include "tests/vtd/numbers.h"

#define IGNORED         (1ull << 52)

#define GIBS            2
#define PAGES           (GIBS * VTD_ENTRIES * VTD_ENTRIES)
#define MIDDLES         4               /* tables of level 2 */
#define LASTS           12              /* tables of level 1 */
#define MEMORY_PAGES    (1 + MIDDLES + LASTS)
#define STEPS           40

/* What happened; in all worlds together each must have */
typedef enum Seen {
    SEEN_KEPT,
    SEEN_GONE,
    SEEN_FRESH,
    SEEN_CHANGED,
    SEEN_NOT_TAKEN,
    SEEN_LOST,
    SEEN_SPLIT_KEPT,
    SEEN_HOLES,
    SEEN_ENTRIES_HELD,
    SEEN_GIB_LEAF_HELD,
    SEEN_PARTS_OF_GIB,
    SEEN_OUT_OF_RANGE,
    SEEN_EXACT,
    SEEN_COPIED,
    SEEN_EMPTY,
    SEEN_GLANCE_KEPT,
    SEEN_GLANCE_GONE,
    SEEN_GLANCE_FRESH,
    SEEN_GLANCE_CHANGED,
    SEEN_GLANCE_NOTHING,
    SEEN_GLANCE_UNSURE,
    N_SEEN,
} Seen;

static const char *const seen_names[] = {
    [SEEN_KEPT] = "KEPT",
    [SEEN_GONE] = "GONE",
    [SEEN_FRESH] = "FRESH",
    [SEEN_CHANGED] = "CHANGED",
    [SEEN_NOT_TAKEN] = "NOT_TAKEN",
    [SEEN_LOST] = "LOST",
    [SEEN_SPLIT_KEPT] = "SPLIT_KEPT",
    [SEEN_HOLES] = "HOLES",
    [SEEN_ENTRIES_HELD] = "ENTRIES_HELD",
    [SEEN_GIB_LEAF_HELD] = "GIB_LEAF_HELD",
    [SEEN_PARTS_OF_GIB] = "PARTS_OF_GIB",
    [SEEN_OUT_OF_RANGE] = "OUT_OF_RANGE",
    [SEEN_EXACT] = "EXACT",
    [SEEN_COPIED] = "COPIED",
    [SEEN_EMPTY] = "EMPTY",
    [SEEN_GLANCE_KEPT] = "GLANCE_KEPT",
    [SEEN_GLANCE_GONE] = "GLANCE_GONE",
    [SEEN_GLANCE_FRESH] = "GLANCE_FRESH",
    [SEEN_GLANCE_CHANGED] = "GLANCE_CHANGED",
    [SEEN_GLANCE_NOTHING] = "GLANCE_NOTHING",
    [SEEN_GLANCE_UNSURE] = "GLANCE_UNSURE",
};

static unsigned seen[N_SEEN];

typedef struct Trial {
    guint32 seed;
    unsigned step;
    const char *edit;
    GRand *rand;
    VtdFormat format;
    VtdSeenStats stats;
    VtdSeenConfig config;
    VtdSeen *table;
    uint64_t (*memory)[VTD_ENTRIES];    /* the root first, then others */
    uint64_t *held;             /* leaf of each page, as told */
    uint64_t *before;           /* the same before the sync */
    uint64_t *truth;
    uint8_t *touched;           /* by the sync */
    uint64_t edited;            /* an address in the block edited last */
} Trial;

#define CHECK(w, condition, ...) \
    do { \
        if (!(condition)) { \
            char *what = g_strdup_printf(__VA_ARGS__); \
            g_error("TEST_SEED=%u, step %u, %s: not so: %s: %s", (w)->seed, \
                    (w)->step, (w)->edit, #condition, what); \
        } \
    } while (0)

static unsigned pick(Trial *w, unsigned n)
{
    return g_rand_int_range(w->rand, 0, n);
}

static bool one_in(Trial *w, unsigned n)
{
    return pick(w, n) == 0;
}

/* Guest memory: page 1 is the root; targets are beyond it */

static void memory_ram(void *host, uint64_t gpa, VtdRam *ram)
{
    Trial *w = host;
    uint64_t last = (MEMORY_PAGES + 1) * VTD_PAGE_SIZE - 1;

    *ram = gpa >= VTD_PAGE_SIZE && gpa <= last
        ? (VtdRam) { VTD_PAGE_SIZE, last, true, (uint8_t *)w->memory }
        : (VtdRam) { last + 1, UINT64_MAX, true, NULL };
    if (gpa < VTD_PAGE_SIZE) {
        *ram = (VtdRam) { 0, VTD_PAGE_SIZE - 1, false, NULL };
    }
}

static bool memory_read(void *host, uint64_t gpa, void *buf, size_t len)
{
    return false;               /* nothing beside what can be read in place */
}

static uint64_t address_of(unsigned page)
{
    return (page + 1) * VTD_PAGE_SIZE;
}

static unsigned middle(Trial *w)
{
    return 1 + pick(w, MIDDLES);
}

static unsigned last(Trial *w)
{
    return 1 + MIDDLES + pick(w, LASTS);
}

static uint64_t some_perm(Trial *w)
{
    static const uint64_t perms[] = {
        QVTD_RW, QVTD_RW, QVTD_RW, QVTD_RW, QVTD_R, QVTD_W,
    };

    return perms[pick(w, G_N_ELEMENTS(perms))];
}

/* Targets of whole GiB; two for each GiB of input */
static uint64_t some_target(Trial *w)
{
    return (4ull + pick(w, 2)) << VTD_GIB_SHIFT;
}

static bool is_table(uint64_t entry)
{
    return (entry & QVTD_RW) && !(entry & QVTD_PS);
}

static bool in_memory(Trial *w, uint64_t entry)
{
    uint64_t table = entry & w->format.address;

    return table >= address_of(0) && table <= address_of(MEMORY_PAGES - 1);
}

static uint64_t *table_of(Trial *w, uint64_t entry)
{
    return w->memory[((entry & w->format.address) >> VTD_PAGE_SHIFT) - 1];
}

/* Edits */

static void fill(uint64_t *entry, uint64_t first, uint64_t step)
{
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        entry[i] = first + i * step;
    }
}

/* Take something away, or put something else in */
static void disturb(Trial *w, uint64_t *entry)
{
    unsigned n = one_in(w, 3) ? 1 + pick(w, 200) : 1 + pick(w, 3);
    unsigned kind = pick(w, 4), from = pick(w, VTD_ENTRIES);

    for (unsigned i = 0; i < n; i++) {
        uint64_t *e = &entry[kind == 3 ? (from + i) % VTD_ENTRIES
                                       : pick(w, VTD_ENTRIES)];

        if (kind == 0 || kind == 3) {
            *e = 0;
        } else if (kind == 1) {
            *e ^= one_in(w, 2) ? 1ull << 34 : some_perm(w);
        } else {
            *e ^= IGNORED;
        }
    }
}

static uint64_t *root_entry(Trial *w)
{
    return &w->memory[0][pick(w, GIBS)];
}

/* A table of level 2 that is in use, or any; @index is going to be edited */
static uint64_t *some_middle(Trial *w, unsigned index)
{
    unsigned gib = pick(w, GIBS);
    uint64_t entry = w->memory[0][gib];

    w->edited = gib * VTD_GIB_SIZE + index * VTD_BLOCK_SIZE;
    return is_table(entry) ? table_of(w, entry) : w->memory[middle(w)];
}

static void edit_gib(Trial *w)
{
    uint64_t *entry = root_entry(w);
    unsigned table = middle(w);

    switch (pick(w, 6)) {
    case 0:
        w->edit = "a leaf of 1 GiB";
        *entry = some_target(w) | some_perm(w) | QVTD_PS;
        break;
    case 1:
        w->edit = "a table of level 2";
        *entry = address_of(table) | some_perm(w);
        break;
    case 2:
        w->edit = "nothing in a GiB";
        *entry = 0;
        break;
    case 3:
        w->edit = "other permission above";
        *entry ^= *entry ? some_perm(w) : 0;
        break;
    default:
        if (*entry & QVTD_PS) {
            w->edit = "1 GiB in parts";
            fill(w->memory[table], *entry, VTD_BLOCK_SIZE);
            *entry = address_of(table) | QVTD_RW;
            if (one_in(w, 2)) {
                disturb(w, w->memory[table]);
            }
        } else if (is_table(*entry)) {
            w->edit = "1 GiB of parts";
            *entry = (table_of(w, *entry)[0] & QVTD_RW)
                     ? some_target(w) | QVTD_RW | QVTD_PS : 0;
        }
        break;
    }
}

static void edit_block(Trial *w)
{
    unsigned index = pick(w, VTD_ENTRIES), table = last(w);
    uint64_t *entry = some_middle(w, index);
    unsigned n = 1 + pick(w, one_in(w, 3) ? VTD_ENTRIES : 3);
    uint64_t target = some_target(w) | some_perm(w);

    n = MIN(n, VTD_ENTRIES - index);
    switch (pick(w, 8)) {
    case 7:
        /* Often with one that is in use, so that its pages stay */
        w->edit = "other permission above pages";
        for (unsigned i = index; i < VTD_ENTRIES; i++) {
            if (is_table(entry[i])) {
                entry[i] ^= some_perm(w);
                w->edited += (i - index) * VTD_BLOCK_SIZE;
                break;
            }
        }
        break;
    case 0:
        w->edit = "leaves of 2 MiB";
        for (unsigned i = index; i < index + n; i++) {
            entry[i] = (target + i * VTD_BLOCK_SIZE) | QVTD_PS;
        }
        break;
    case 1:
        w->edit = "nothing in some blocks";
        memset(entry + index, 0, n * sizeof(*entry));
        break;
    case 2:
        w->edit = "a run of pages";
        fill(w->memory[table], target + index * VTD_BLOCK_SIZE, VTD_PAGE_SIZE);
        entry[index] = address_of(table) | some_perm(w);
        if (one_in(w, 2)) {
            disturb(w, w->memory[table]);
        }
        break;
    case 3:
        w->edit = "disturbed blocks";
        disturb(w, entry);
        break;
    default:
        /* Those that are there; the same table for many costs as many */
        n = one_in(w, 3) ? 1 + pick(w, 40) : 1;
        for (unsigned i = index; i < VTD_ENTRIES && n; i++) {
            if (entry[i] & QVTD_PS) {
                w->edit = "2 MiB in parts";
                fill(w->memory[table], entry[i] & ~QVTD_PS, VTD_PAGE_SIZE);
                if (one_in(w, 2)) {
                    disturb(w, w->memory[table]);
                }
                entry[i] = address_of(table) | QVTD_RW;
                table = last(w);
                n--;
            } else if (is_table(entry[i]) && one_in(w, 4)) {
                w->edit = "2 MiB of parts";
                entry[i] = (target + i * VTD_BLOCK_SIZE) | QVTD_PS;
                n--;
            }
        }
        break;
    }
}

static void edit(Trial *w)
{
    w->edit = "nothing";
    switch (pick(w, 8)) {
    case 0:
    case 1:
    case 2:
        edit_gib(w);
        break;
    case 3:
    case 4:
    case 5:
        edit_block(w);
        break;
    case 6:
        w->edit = "disturbed pages";
        disturb(w, w->memory[last(w)]);
        break;
    case 7:
        if (one_in(w, 3)) {
            w->edit = "an empty table";
            memset(w->memory[last(w)], 0, VTD_PAGE_SIZE);
        } else if (one_in(w, 10)) {
            w->edit = "nothing at all";
            memset(w->memory[0], 0, VTD_PAGE_SIZE);
        }
        break;
    }
}

/* The truth, by a walk that shares nothing with the engine */

static uint64_t leaf_of(Trial *w, uint64_t entry, unsigned level,
                        uint64_t upper)
{
    uint64_t low = (1ull << (VTD_PAGE_SHIFT + 9 * (level - 1))) - VTD_PAGE_SIZE;

    return (entry & upper & QVTD_RW) && !(entry & low)
           ? (entry & w->format.address) | (entry & upper & QVTD_RW) : 0;
}

static void walk_large(Trial *w, uint64_t *truth, unsigned n, uint64_t leaf)
{
    for (unsigned i = 0; i < n; i++) {
        truth[i] = leaf ? leaf + i * VTD_PAGE_SIZE : 0;
    }
}

static void walk_gib(Trial *w, uint64_t entry, uint64_t *truth)
{
    const uint64_t *blocks;

    if (!is_table(entry)) {
        walk_large(w, truth, VTD_ENTRIES * VTD_ENTRIES,
                   leaf_of(w, entry, 3, QVTD_RW));
        return;
    }
    blocks = table_of(w, entry);
    for (unsigned i = 0; i < VTD_ENTRIES; i++, truth += VTD_ENTRIES) {
        uint64_t upper = entry & blocks[i] & QVTD_RW;

        if (!upper || (blocks[i] & QVTD_PS)) {
            walk_large(w, truth, VTD_ENTRIES, leaf_of(w, blocks[i], 2, upper));
            continue;
        }
        if (!in_memory(w, blocks[i])) {
            walk_large(w, truth, VTD_ENTRIES, 0);
            continue;
        }
        for (unsigned j = 0; j < VTD_ENTRIES; j++) {
            truth[j] = leaf_of(w, table_of(w, blocks[i])[j], 1, upper);
        }
    }
}

/* What differs */

static void take(void *opaque, const VtdDiff *diff)
{
    Trial *w = opaque;
    bool any = diff->kind != VTD_DIFF_KEPT;

    CHECK(w, diff->last < PAGES * VTD_PAGE_SIZE, "0x%" PRIx64, diff->last);
    for (uint64_t at = diff->first; at < diff->last; at += VTD_PAGE_SIZE) {
        unsigned i = at >> VTD_PAGE_SHIFT;
        uint64_t leaf = diff->leaf + (at - diff->first);

        CHECK(w, !w->touched[i], "0x%" PRIx64 " is told of twice", at);
        switch (diff->kind) {
        case VTD_DIFF_KEPT:
            any |= !!w->held[i];
            break;
        case VTD_DIFF_GONE:
            w->touched[i] = true;
            w->held[i] = 0;
            break;
        case VTD_DIFF_FRESH:
            CHECK(w, !w->held[i], "0x%" PRIx64 " is fresh", at);
            w->touched[i] = true;
            w->held[i] = leaf;
            break;
        case VTD_DIFF_CHANGED:
            CHECK(w, w->held[i] && w->held[i] != leaf, "0x%" PRIx64, at);
            w->touched[i] = true;
            w->held[i] = leaf;
            break;
        }
    }
    CHECK(w, any, "nothing is kept at 0x%" PRIx64, diff->first);
    seen[diff->kind == VTD_DIFF_KEPT ? SEEN_KEPT :
         diff->kind == VTD_DIFF_GONE ? SEEN_GONE :
         diff->kind == VTD_DIFF_FRESH ? SEEN_FRESH : SEEN_CHANGED]++;
}

/* Checks */

typedef struct Count {
    Trial *w;
    uint64_t leaves, bytes, promised;
} Count;

static gboolean count_gib(gpointer key, gpointer value, gpointer opaque)
{
    Count *count = opaque;
    VtdGib *gib = value;

    count->bytes += VTD_GIB_NODE;
    CHECK(count->w, gib->leaf || gib->used, "an empty node");
    if (gib->leaf) {
        CHECK(count->w, !gib->block, "blocks beside a leaf");
        count->leaves++;
        count->promised += VTD_GIB_LEAF;
        seen[SEEN_GIB_LEAF_HELD]++;
        return FALSE;
    }
    count->bytes += VTD_GIB_BLOCKS;
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        VtdBlock *block = gib->block[i];

        if (!block) {
            continue;
        }
        count->leaves += block->level > 1 ? 1 : block->leaves;
        switch (block->form) {
        case VTD_FORM_ENTRIES:
            count->bytes += VTD_HEAP(sizeof(*block) + VTD_ENTRIES * 8);
            seen[SEEN_ENTRIES_HELD]++;
            break;
        case VTD_FORM_HOLES:
            seen[SEEN_HOLES]++;
            /* fall through */
        case VTD_FORM_RUN:
            /* With the bits that it needs once it has holes */
            count->bytes += VTD_HEAP(sizeof(*block) + VTD_BLOCK_WORDS * 8);
            break;
        }
        seen[SEEN_PARTS_OF_GIB] += block->level == 3;
    }
    return FALSE;
}

static void check_account(Trial *w, VtdSeen *table)
{
    Count count = { .w = w, .bytes = VTD_HEAP(sizeof(VtdSeen)) };
    uint64_t leaves, bytes;

    g_tree_foreach(table->gibs, count_gib, &count);
    vtd_seen_size(table, &leaves, &bytes);
    CHECK(w, bytes == count.bytes, "%" PRIu64 ", counted %" PRIu64, bytes,
          count.bytes);
    CHECK(w, leaves == count.leaves, "%" PRIu64 ", counted %" PRIu64, leaves,
          count.leaves);
    CHECK(w, table->promised == count.promised, "%" PRIu64 ", counted %"
          PRIu64, table->promised, count.promised);
    CHECK(w, bytes + table->promised <= w->config.max_bytes ||
          !g_tree_nnodes(table->gibs), "%" PRIu64 " of %" PRIu64,
          bytes + table->promised, w->config.max_bytes);
    seen[SEEN_EMPTY] += !g_tree_nnodes(table->gibs);
}

/* What is remembered is what was told */
static void check_remembered(Trial *w, VtdSeen *table)
{
    uint64_t *held = w->held;

    w->held = g_new0(uint64_t, PAGES);
    memset(w->touched, 0, PAGES);
    vtd_seen_compare(NULL, table, 0, UINT64_MAX, false, take, w);
    CHECK(w, !memcmp(held, w->held, PAGES * sizeof(*held)), "not as told");
    g_free(w->held);
    w->held = held;
}

static void check_pages(Trial *w, uint64_t first, uint64_t last, bool limited)
{
    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t at = (uint64_t)i << VTD_PAGE_SHIFT;
        uint64_t was = w->before[i], is = w->held[i], truth = w->truth[i];

        if (was && was == truth) {
            CHECK(w, is == was && !w->touched[i],
                  "0x%" PRIx64 " is as it was and was touched", at);
            seen[SEEN_SPLIT_KEPT] += limited;
            continue;
        }
        if (is == truth || (!is && limited)) {
            seen[SEEN_NOT_TAKEN] += !was && !is && truth;
            seen[SEEN_LOST] += was && !is && truth;
            seen[SEEN_EXACT] += is && is == truth && !limited;
            continue;
        }
        CHECK(w, (at > last || at < first) && is == was, "0x%" PRIx64
              " is 0x%" PRIx64 ", was 0x%" PRIx64 ", tables: 0x%" PRIx64,
              at, is, was, truth);
        seen[SEEN_OUT_OF_RANGE]++;
    }
}

static void sync_some(Trial *w)
{
    uint64_t over = w->stats.over_limit, first = 0, last = UINT64_MAX;
    bool each = one_in(w, 3);

    if (one_in(w, 3)) {
        unsigned order = pick(w, 4) ? pick(w, 12) : 18;

        first = (uint64_t)pick(w, PAGES) << VTD_PAGE_SHIFT;
        if (w->edited && one_in(w, 2)) {
            first = w->edited | (first & (VTD_BLOCK_SIZE - 1));
        }
        last = first | ((VTD_PAGE_SIZE << order) - 1);
        first &= ~((VTD_PAGE_SIZE << order) - 1);
    }
    memcpy(w->before, w->held, PAGES * sizeof(*w->held));
    memset(w->touched, 0, PAGES);
    vtd_seen_sync(w->table, first, last, each, take, w);
    for (unsigned i = 0; i < GIBS; i++) {
        walk_gib(w, w->memory[0][i], w->truth + i * VTD_ENTRIES * VTD_ENTRIES);
    }
    check_pages(w, first, last, w->stats.over_limit > over);
    check_account(w, w->table);
    if (one_in(w, 4)) {
        check_remembered(w, w->table);
    }
    if (one_in(w, 16)) {
        VtdSeen *copy = vtd_seen_copy(w->table);

        check_account(w, copy);
        check_remembered(w, copy);
        vtd_seen_free(copy);
        seen[SEEN_COPIED]++;
    }
}

/* The entry of a page that a table in use has, or NULL; *@at is the page's */
static uint64_t *some_page(Trial *w, uint64_t *at)
{
    unsigned gib = pick(w, GIBS), from = pick(w, VTD_ENTRIES);
    unsigned page = pick(w, one_in(w, 2) ? 4 : VTD_ENTRIES);
    const uint64_t *blocks;

    if (!is_table(w->memory[0][gib]) || !in_memory(w, w->memory[0][gib])) {
        return NULL;
    }
    blocks = table_of(w, w->memory[0][gib]);
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        unsigned block = (from + i) % VTD_ENTRIES;

        if (is_table(blocks[block]) && in_memory(w, blocks[block])) {
            *at = gib * VTD_GIB_SIZE + block * VTD_BLOCK_SIZE +
                  page * VTD_PAGE_SIZE;
            return &table_of(w, blocks[block])[page];
        }
    }
    return NULL;
}

static void edit_page(Trial *w, uint64_t *entry, uint64_t at)
{
    w->edit = "a page";
    switch (pick(w, 6)) {
    case 0:
        *entry = 0;
        break;
    case 1:
        *entry ^= IGNORED;
        break;
    case 2:
        *entry = entry[at & VTD_BLOCK_SIZE / 2 ? -1 : 1] | QVTD_R;
        break;
    case 3:
        *entry ^= some_perm(w);
        break;
    case 4:
        *entry = (some_target(w) + at % VTD_GIB_SIZE) | some_perm(w);
        break;
    }
}

/* One page changes, or does not, and is looked at alone */
static void sync_page(Trial *w)
{
    static const Seen kinds[] = {
        [VTD_DIFF_KEPT] = SEEN_GLANCE_KEPT,
        [VTD_DIFF_GONE] = SEEN_GLANCE_GONE,
        [VTD_DIFF_FRESH] = SEEN_GLANCE_FRESH,
        [VTD_DIFF_CHANGED] = SEEN_GLANCE_CHANGED,
    };
    VtdSeenStats before = w->stats;
    uint64_t at, *entry = some_page(w, &at);
    VtdDiff diff;

    if (!entry) {
        return;
    }
    edit_page(w, entry, at);
    memcpy(w->before, w->held, PAGES * sizeof(*w->held));
    memset(w->touched, 0, PAGES);
    switch (vtd_glance_page(w->table, at, &diff)) {
    case VTD_GLANCE_UNSURE:
        seen[SEEN_GLANCE_UNSURE]++;
        vtd_seen_sync(w->table, at, at | ~VTD_PAGE_MASK, false, take, w);
        break;
    case VTD_GLANCE_NOTHING:
        seen[SEEN_GLANCE_NOTHING]++;
        CHECK(w, !w->held[at >> VTD_PAGE_SHIFT], "0x%" PRIx64, at);
        break;
    case VTD_GLANCE_PAGE:
        seen[kinds[diff.kind]]++;
        CHECK(w, diff.first == at && diff.last == (at | ~VTD_PAGE_MASK) &&
              diff.level == 1, "0x%" PRIx64 " is told", diff.first);
        CHECK(w, diff.kind == VTD_DIFF_FRESH ||
              diff.kind == VTD_DIFF_KEPT ||
              diff.old == w->held[at >> VTD_PAGE_SHIFT],
              "0x%" PRIx64 " was said to be", diff.old);
        take(w, &diff);
        CHECK(w, diff.kind != VTD_DIFF_FRESH ||
              w->table->leaves <= w->config.max_leaves,
              "%" PRIu64 " leaves", w->table->leaves);
        CHECK(w, w->stats.over_limit == before.over_limit, "left out");
        break;
    }
    for (unsigned i = 0; i < GIBS; i++) {
        walk_gib(w, w->memory[0][i], w->truth + i * VTD_ENTRIES * VTD_ENTRIES);
    }
    check_pages(w, at, at | ~VTD_PAGE_MASK,
                w->stats.over_limit > before.over_limit);
    check_account(w, w->table);
    if (one_in(w, 8)) {
        check_remembered(w, w->table);
    }
}

static void one_world(guint32 seed)
{
    const uint64_t sizes[] = {
        VTD_GIB_NODE, VTD_GIB_BLOCKS, VTD_SMALL_BLOCK, VTD_LARGE_BLOCK,
        VTD_GIB_LEAF,
    };
    Trial w = { .seed = seed, .rand = g_rand_new_with_seed(seed) };
    uint64_t leaves, bytes;

    vtd_format_second_stage(&w.format, 48, false, false, false);
    w.config = (VtdSeenConfig) {
        .ram = memory_ram,
        .read = memory_read,
        .opaque = &w,
        .max_leaves = one_in(&w, 3) ? 1 + pick(&w, 3000) : UINT64_MAX,
        .max_bytes = VTD_HEAP(sizeof(VtdSeen)) +
                     (one_in(&w, 6) ? 0 : 2 * (VTD_GIB_NODE + VTD_GIB_BLOCKS)),
        .work = UINT64_MAX,
        .stats = &w.stats,
    };
    for (unsigned n = pick(&w, 14); n; n--) {
        w.config.max_bytes += sizes[pick(&w, G_N_ELEMENTS(sizes))] +
                              (int)pick(&w, 3) - 1;
    }
    if (one_in(&w, 8)) {
        w.config.max_bytes = 1ull << 40;
    }
    w.memory = g_malloc0_n(MEMORY_PAGES, VTD_PAGE_SIZE);
    w.held = g_new0(uint64_t, PAGES);
    w.before = g_new0(uint64_t, PAGES);
    w.truth = g_new0(uint64_t, PAGES);
    w.touched = g_new0(uint8_t, PAGES);
    w.table = vtd_seen_new(&w.config, &(VtdTables) {
        .top = VTD_PAGE_SIZE, .levels = 3, .format = &w.format,
    });
    for (; w.step < STEPS; w.step++) {
        for (unsigned n = 1 + pick(&w, 3); n; n--) {
            edit(&w);
        }
        sync_some(&w);
        for (unsigned n = pick(&w, 8); n; n--) {
            sync_page(&w);
        }
    }
    w.edit = "the end";
    memset(w.memory[0], 0, VTD_PAGE_SIZE);
    memset(w.touched, 0, PAGES);
    vtd_seen_sync(w.table, 0, UINT64_MAX, false, take, &w);
    vtd_seen_size(w.table, &leaves, &bytes);
    CHECK(&w, !leaves && !w.table->promised &&
          bytes == VTD_HEAP(sizeof(VtdSeen)), "%" PRIu64 " bytes are left",
          bytes);
    vtd_seen_free(w.table);
    g_free(w.touched);
    g_free(w.truth);
    g_free(w.before);
    g_free(w.held);
    g_free(w.memory);
    g_rand_free(w.rand);
}

static void test_random(void)
{
    const char *seed = g_getenv("TEST_SEED");
    unsigned worlds = g_test_slow() ? 1200 : 40;

    if (seed) {
        one_world(g_ascii_strtoull(seed, NULL, 0));
        return;
    }
    for (unsigned i = 1; i <= worlds; i++) {
        one_world(i);
    }
}

/* Chance may leave something out for a seed, but not for the default ones */
static void test_seen(void)
{
    bool all = true;

    for (unsigned i = 0; i < N_SEEN; i++) {
        g_test_message("%s: %u", seen_names[i], seen[i]);
        all &= seen[i] > 0;
    }
    g_assert_true(all || g_getenv("TEST_SEED"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/limits-random/worlds", test_random);
    g_test_add_func("/vtd/limits-random/seen", test_seen);
    return g_test_run();
}
