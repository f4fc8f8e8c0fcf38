/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOVA tree against a twin that is an array with an entry for each slot of
 * a small world.  Random operations go to both; after each one the result and
 * every mapping must be equal.
 *
 * The worlds lie at both ends of the space, across its middle, and over all of
 * it, and each exists once for each kind of tree.
 *
 * TEST_SEED=N in the environment repeats or changes a run; -m slow makes it
 * twenty times as long.
 */

#include "qemu/osdep.h"
#include "qemu/iova-tree.h"

#define MAX_SLOTS 256
#define DEFAULT_SEED 1
#define OPS 50000

/* What happened in a world: each must, or the test has not tested it. */
typedef enum {
    INSERT_OK,
    INSERT_WRAP,
    INSERT_NO_PERM,
    INSERT_OVERLAP,
    REMOVE_NONE,
    REMOVE_ONE,
    REMOVE_MANY,
    RANGE_NONE,
    RANGE_WHOLE,
    RANGE_TRIM,
    RANGE_SPLIT,
    FIND_HIT,
    FIND_MISS,
    REVERSE_HIT,
    REVERSE_MISS,
    VISIT_ALL,
    VISIT_STOP,
    ALLOC_OK,
    ALLOC_NOMEM,
    ALLOC_INVALID,
    WAS_EMPTY,
    WAS_FULL,
    N_SEEN
} Seen;

static const char *const seen_names[N_SEEN] = {
    [INSERT_OK] = "insert-ok",
    [INSERT_WRAP] = "insert-wrap",
    [INSERT_NO_PERM] = "insert-no-perm",
    [INSERT_OVERLAP] = "insert-overlap",
    [REMOVE_NONE] = "remove-none",
    [REMOVE_ONE] = "remove-one",
    [REMOVE_MANY] = "remove-many",
    [RANGE_NONE] = "range-none",
    [RANGE_WHOLE] = "range-whole",
    [RANGE_TRIM] = "range-trim",
    [RANGE_SPLIT] = "range-split",
    [FIND_HIT] = "find-hit",
    [FIND_MISS] = "find-miss",
    [REVERSE_HIT] = "reverse-hit",
    [REVERSE_MISS] = "reverse-miss",
    [VISIT_ALL] = "visit-all",
    [VISIT_STOP] = "visit-stop",
    [ALLOC_OK] = "alloc-ok",
    [ALLOC_NOMEM] = "alloc-nomem",
    [ALLOC_INVALID] = "alloc-invalid",
    [WAS_EMPTY] = "was-empty",
    [WAS_FULL] = "was-full",
};

typedef struct {
    const char *name;
    hwaddr base;
    unsigned shift;             /* a slot is 1 << shift bytes */
    int n;                      /* slots */
} Place;

static const Place places[] = {
    { "bottom", 0, 0, 256 },
    { "top", HWADDR_MAX - 255, 0, 256 },
    { "middle", 0x8000000000000000 - 128, 0, 256 },
    { "pages-at-top", HWADDR_MAX - 0xfffff, 12, 256 },
    { "whole-space", 0, 56, 256 },
    { "whole-space-coarse", 0, 60, 16 },
};

typedef struct {
    unsigned id;                /* of the mapping here; 0: free */
    hwaddr other;               /* what is not the key, of the first byte */
    IOMMUAccessFlags perm;
    const DMAMap *at;           /* where the tree keeps it, once known */
} Slot;

typedef struct {
    const Place *place;
    bool gpa;
    IOVATree *tree;
    Slot slot[MAX_SLOTS];
    unsigned last_id;
    uint64_t random;
    uint64_t seed;
    unsigned op;
    unsigned seen[N_SEEN];
} Model;

/* splitmix64: a few lines, and the same numbers on every machine */
static uint64_t random64(Model *w)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* 0 .. n-1 */
static int below(Model *w, int n)
{
    return random64(w) % n;
}

#define CHECK(w, cond) check((w), (cond), #cond, __LINE__)

static void check(const Model *w, bool ok, const char *what, int line)
{
    if (!ok) {
        g_error("%s, %s tree, TEST_SEED=%" PRIu64 ", operation %u, line %d: "
                "not so: %s", w->place->name, w->gpa ? "gpa" : "iova",
                w->seed, w->op, line, what);
    }
}

static hwaddr slot_first(const Model *w, int i)
{
    return w->place->base + ((hwaddr)i << w->place->shift);
}

static hwaddr slot_last(const Model *w, int i)
{
    return slot_first(w, i) + (((hwaddr)1 << w->place->shift) - 1);
}

static DMAMap make_map(const Model *w, hwaddr key, hwaddr other, hwaddr size,
                       IOMMUAccessFlags perm)
{
    return (DMAMap) {
        .iova = w->gpa ? other : key,
        .translated_addr = w->gpa ? key : other,
        .size = size,
        .perm = perm,
    };
}

static hwaddr sat_last(hwaddr first, hwaddr size)
{
    hwaddr last;

    return __builtin_add_overflow(first, size, &last) ? HWADDR_MAX : last;
}

/* The last slot of the mapping that begins at slot @i. */
static int run_end(const Model *w, int i)
{
    int k = i;

    while (k + 1 < w->place->n && w->slot[k + 1].id == w->slot[i].id) {
        k++;
    }
    return k;
}

/* The first slot of the mapping that ends at slot @i. */
static int run_start(const Model *w, int i)
{
    int k = i;

    while (k > 0 && w->slot[k - 1].id == w->slot[i].id) {
        k--;
    }
    return k;
}

static DMAMap run_map(const Model *w, int i, int k)
{
    return make_map(w, slot_first(w, i), w->slot[i].other,
                    slot_last(w, k) - slot_first(w, i), w->slot[i].perm);
}

static bool map_equal(const DMAMap *a, const DMAMap *b)
{
    return a->iova == b->iova && a->translated_addr == b->translated_addr &&
           a->size == b->size && a->perm == b->perm;
}

/* The first mapped slot that [@first, @last] touches; -1: none. */
static int slot_touched(const Model *w, hwaddr first, hwaddr last)
{
    for (int i = 0; i < w->place->n; i++) {
        if (w->slot[i].id && slot_first(w, i) <= last &&
            slot_last(w, i) >= first) {
            return i;
        }
    }
    return -1;
}

/* Fills slots @i to @k with one new mapping. */
static void twin_set(Model *w, int i, int k, hwaddr other,
                     IOMMUAccessFlags perm)
{
    w->last_id++;
    for (int s = i; s <= k; s++) {
        w->slot[s] = (Slot) {
            .id = w->last_id,
            .other = other + (slot_first(w, s) - slot_first(w, i)),
            .perm = perm,
        };
    }
}

static void twin_clear(Model *w, int i, int k)
{
    memset(&w->slot[i], 0, (k - i + 1) * sizeof(w->slot[0]));
}

typedef struct {
    const DMAMap *at[MAX_SLOTS];
    int n;
    int stop_after;
} Visit;

static bool visit(const DMAMap *map, void *opaque)
{
    Visit *v = opaque;

    g_assert_cmpint(v->n, <, MAX_SLOTS);
    v->at[v->n++] = map;
    return v->n == v->stop_after;
}

/* Every mapping, and where it is kept. */
static void compare(Model *w)
{
    Visit v = { 0 };
    int n = 0, mapped = 0;

    CHECK(w, !iova_tree_foreach_range(w->tree, 0, HWADDR_MAX, visit, &v));
    for (int i = 0, k; i < w->place->n; i = k + 1) {
        k = run_end(w, i);
        if (w->slot[i].id) {
            DMAMap want = run_map(w, i, k);

            CHECK(w, n < v.n);
            CHECK(w, map_equal(v.at[n], &want));
            CHECK(w, !w->slot[i].at || w->slot[i].at == v.at[n]);
            for (int s = i; s <= k; s++) {
                w->slot[s].at = v.at[n];
            }
            mapped += k - i + 1;
            n++;
        }
    }
    CHECK(w, n == v.n);
    w->seen[WAS_EMPTY] += mapped == 0;
    w->seen[WAS_FULL] += mapped == w->place->n;
}

/* A random span of slots, more often a short one. */
static void random_span(Model *w, int *i, int *k)
{
    int max = w->place->n;

    *i = below(w, max);
    if (below(w, 8)) {
        max = MIN(max, 12);
    }
    *k = *i + below(w, max);
    *k = MIN(*k, w->place->n - 1);
}

static IOMMUAccessFlags random_perm(Model *w)
{
    return below(w, 4) ? IOMMU_RW : IOMMU_RO;
}

/*
 * What is not the key goes along with the key, in one of three ways, so that
 * neighbours often can merge; one of them passes from the end of the space to
 * 0 in the middle of the world.  Or it is the same for all.
 */
static hwaddr random_other(Model *w, hwaddr key)
{
    switch (below(w, 8)) {
    case 0:
        return 0x12345;
    case 1:
        return key + 0x1000;
    case 2:
        return key - slot_first(w, w->place->n / 2);
    default:
        return key;
    }
}

static int tree_insert(Model *w, const DMAMap *map)
{
    return w->gpa ? gpa_tree_insert(w->tree, map)
                  : iova_tree_insert(w->tree, map);
}

static void op_insert(Model *w)
{
    int i, k, ret;
    hwaddr key, other;
    IOMMUAccessFlags perm = random_perm(w);
    DMAMap map;

    random_span(w, &i, &k);
    key = slot_first(w, i);
    other = random_other(w, key);
    map = make_map(w, key, other, slot_last(w, k) - key, perm);

    if (!below(w, 16)) {
        map.perm = IOMMU_NONE;
        CHECK(w, tree_insert(w, &map) == IOVA_ERR_INVALID);
        w->seen[INSERT_NO_PERM]++;
        return;
    }
    if (key && !below(w, 16)) {
        /* by a byte or by more, over what is mapped or not */
        map.size = HWADDR_MAX - key + 1;
        if (below(w, 2)) {
            map.size += random64(w) % key;
        }
        CHECK(w, tree_insert(w, &map) == IOVA_ERR_INVALID);
        w->seen[INSERT_WRAP]++;
        return;
    }

    ret = tree_insert(w, &map);
    if (slot_touched(w, key, slot_last(w, k)) >= 0) {
        CHECK(w, ret == IOVA_ERR_OVERLAP);
        w->seen[INSERT_OVERLAP]++;
    } else {
        CHECK(w, ret == IOVA_OK);
        w->seen[INSERT_OK]++;
        twin_set(w, i, k, other, perm);
    }
}

/* A needle for slots @i to @k: exact, shorter, a byte longer, or wrapping. */
static DMAMap random_needle(Model *w, int i, int k)
{
    hwaddr first = slot_first(w, i);
    hwaddr size = slot_last(w, k) - first;

    switch (below(w, 8)) {
    case 0:
        size = 0;
        break;
    case 1:
        size += size != HWADDR_MAX;
        break;
    case 2:
        size = HWADDR_MAX - below(w, 3);
        break;
    case 3:
        first += size;
        size = below(w, 2);
        break;
    }
    return make_map(w, first, random64(w), size, IOMMU_NONE);
}

static hwaddr needle_key(const Model *w, const DMAMap *needle)
{
    return w->gpa ? needle->translated_addr : needle->iova;
}

static void op_remove(Model *w)
{
    int i, k, s, removed = 0;
    hwaddr first, last;
    DMAMap needle;
    const DMAMap *found;

    random_span(w, &i, &k);
    if (below(w, 2)) {
        k = i;
    }
    needle = random_needle(w, i, k);
    if (needle.size > HWADDR_MAX / 2 && below(w, 4)) {
        needle.size = 0;
    }
    first = needle_key(w, &needle);
    last = sat_last(first, needle.size);
    found = iova_tree_find(w->tree, &needle);
    if (found && below(w, 2)) {
        /* by the value of what goes away in the call */
        first = needle_key(w, found);
        last = sat_last(first, found->size);
        iova_tree_remove(w->tree, *found);
    } else {
        iova_tree_remove(w->tree, needle);
    }
    while ((s = slot_touched(w, first, last)) >= 0) {
        twin_clear(w, run_start(w, s), run_end(w, s));
        removed++;
    }
    w->seen[removed == 0 ? REMOVE_NONE :
            removed == 1 ? REMOVE_ONE : REMOVE_MANY]++;
}

static void op_remove_range(Model *w)
{
    int n = w->place->n;
    unsigned before, after;
    int i, k;

    random_span(w, &i, &k);
    if (i < k && !below(w, 8)) {
        /* upside down: nothing happens */
        iova_tree_remove_range(w->tree, slot_first(w, k), slot_first(w, i));
        return;
    }
    iova_tree_remove_range(w->tree, slot_first(w, i), slot_last(w, k));

    if (slot_touched(w, slot_first(w, i), slot_last(w, k)) < 0) {
        w->seen[RANGE_NONE]++;
        return;
    }
    before = i > 0 && w->slot[i - 1].id == w->slot[i].id ? w->slot[i].id : 0;
    after = k + 1 < n && w->slot[k + 1].id == w->slot[k].id ? w->slot[k].id
                                                            : 0;
    if (before && before == after) {
        /* the tail is a mapping of its own from now on */
        twin_set(w, k + 1, run_end(w, k + 1), w->slot[k + 1].other,
                 w->slot[k + 1].perm);
        w->seen[RANGE_SPLIT]++;
    } else {
        w->seen[before || after ? RANGE_TRIM : RANGE_WHOLE]++;
    }
    twin_clear(w, i, k);
}

static void op_find(Model *w)
{
    int i, k, s;
    hwaddr first;
    DMAMap needle;
    const DMAMap *found;

    random_span(w, &i, &k);
    needle = random_needle(w, i, k);
    first = needle_key(w, &needle);
    s = slot_touched(w, first, sat_last(first, needle.size));
    found = iova_tree_find(w->tree, &needle);
    CHECK(w, found == (s < 0 ? NULL : w->slot[s].at));
    w->seen[found ? FIND_HIT : FIND_MISS]++;
}

static void op_find_iova(Model *w)
{
    const DMAMap *want = NULL, *found;
    DMAMap needle;
    hwaddr first, last;
    int i, k;

    random_span(w, &i, &k);
    needle = random_needle(w, i, k);
    if (!w->gpa) {
        /* near what is there, or where something could be */
        needle.translated_addr = w->slot[i].id ? w->slot[i].other
                                               : random_other(w, needle.iova);
        needle.translated_addr += below(w, 3) - 1;
        needle.iova = random64(w);
    }
    first = needle.translated_addr;
    last = sat_last(first, needle.size);

    for (i = 0; i < w->place->n && !want; i = run_end(w, i) + 1) {
        if (w->slot[i].id) {
            DMAMap map = run_map(w, i, run_end(w, i));

            if (map.translated_addr <= last &&
                sat_last(map.translated_addr, map.size) >= first) {
                want = w->slot[i].at;
            }
        }
    }
    found = iova_tree_find_iova(w->tree, &needle);
    CHECK(w, found == want);
    w->seen[found ? REVERSE_HIT : REVERSE_MISS]++;
}

static void op_foreach_range(Model *w)
{
    Visit v = { .stop_after = below(w, 6) };
    int i, k, n = 0;
    bool stopped;

    random_span(w, &i, &k);
    if (i < k && !below(w, 8)) {
        CHECK(w, !iova_tree_foreach_range(w->tree, slot_first(w, k),
                                          slot_first(w, i), visit, &v));
        CHECK(w, v.n == 0);
        return;
    }
    stopped = iova_tree_foreach_range(w->tree, slot_first(w, i),
                                      slot_last(w, k), visit, &v);
    for (; i <= k; i = run_end(w, i) + 1) {
        if (w->slot[i].id && (!v.stop_after || n < v.stop_after)) {
            CHECK(w, n < v.n);
            CHECK(w, v.at[n] == w->slot[i].at);
            n++;
        }
    }
    CHECK(w, v.n == n);
    CHECK(w, stopped == (n > 0 && n == v.stop_after));
    w->seen[stopped ? VISIT_STOP : VISIT_ALL]++;
}

/* The lowest free slot that fits, tried one by one; -1: none. */
static int twin_alloc(const Model *w, int len, int begin, int end)
{
    for (int i = begin; i + len - 1 <= end; i++) {
        if (slot_touched(w, slot_first(w, i), slot_last(w, i + len - 1)) < 0) {
            return i;
        }
    }
    return -1;
}

static void op_alloc(Model *w)
{
    int n = w->place->n;
    int begin = below(w, n), end = below(w, n);
    int len = 1 + below(w, MIN(n, 8)), want;
    hwaddr size = slot_last(w, len - 1) - slot_first(w, 0);
    IOMMUAccessFlags perm = random_perm(w);
    /* the allocator's callers leave the translated address at anything */
    hwaddr other = below(w, 2) ? 0 : random64(w);
    DMAMap map = make_map(w, 0xdead, other, size, perm);
    int ret;

    ret = iova_tree_alloc_map(w->tree, &map, slot_first(w, begin),
                              slot_last(w, end));
    if (end < begin || w->gpa) {
        CHECK(w, ret == IOVA_ERR_INVALID);
        w->seen[ALLOC_INVALID]++;
    } else {
        want = twin_alloc(w, len, begin, end);
        if (want >= 0) {
            CHECK(w, ret == IOVA_OK);
            CHECK(w, map.iova == slot_first(w, want));
            twin_set(w, want, want + len - 1, other, perm);
            w->seen[ALLOC_OK]++;
        } else {
            CHECK(w, ret == IOVA_ERR_NOMEM);
            w->seen[ALLOC_NOMEM]++;
        }
    }
    CHECK(w, ret == IOVA_OK || needle_key(w, &map) == 0xdead);
}

/* Slot by slot until nothing is free, whatever there is already. */
static void fill(Model *w)
{
    for (int i = 0; i < w->place->n; i++) {
        if (!w->slot[i].id) {
            DMAMap map = make_map(w, slot_first(w, i), i,
                                  slot_last(w, i) - slot_first(w, i),
                                  IOMMU_WO);

            CHECK(w, tree_insert(w, &map) == IOVA_OK);
            twin_set(w, i, i, i, IOMMU_WO);
        }
    }
}

static void clear(Model *w)
{
    if (below(w, 2)) {
        iova_tree_remove_range(w->tree, 0, HWADDR_MAX);
    } else {
        iova_tree_remove(w->tree, make_map(w, 0, 0, HWADDR_MAX, IOMMU_NONE));
    }
    twin_clear(w, 0, w->place->n - 1);
}

/* How often each operation comes; the tree grows in one mood, not in another */
typedef enum { GROW, SHRINK, CHURN, N_MOODS } Mood;

static const struct {
    void (*op)(Model *w);
    int weight[N_MOODS];
} ops[] = {
    { op_insert,        { 16, 2, 8 } },
    { op_alloc,         { 4, 1, 2 } },
    { op_remove,        { 1, 6, 3 } },
    { op_remove_range,  { 1, 6, 3 } },
    { op_find,          { 2, 2, 2 } },
    { op_find_iova,     { 2, 2, 2 } },
    { op_foreach_range, { 2, 2, 2 } },
};

static void random_op(Model *w, Mood mood)
{
    int total = 0, pick;

    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        total += ops[i].weight[mood];
    }
    pick = below(w, total);
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        pick -= ops[i].weight[mood];
        if (pick < 0) {
            ops[i].op(w);
            return;
        }
    }
}

typedef struct {
    const Place *place;
    bool gpa;
} Case;

static uint64_t seed(void)
{
    const char *text = g_getenv("TEST_SEED");

    return text ? g_ascii_strtoull(text, NULL, 0) : DEFAULT_SEED;
}

static void test_random(gconstpointer opaque)
{
    const Case *c = opaque;
    g_autofree Model *w = g_new0(Model, 1);
    unsigned count = g_test_slow() ? 20 * OPS : OPS;
    Mood mood = GROW;

    w->place = c->place;
    w->gpa = c->gpa;
    w->seed = seed();
    w->random = w->seed;
    w->tree = c->gpa ? gpa_tree_new() : iova_tree_new();
    g_test_message("TEST_SEED=%" PRIu64 ", %u operations", w->seed, count);

    for (w->op = 0; w->op < count; w->op++) {
        if (!below(w, 64)) {
            mood = below(w, N_MOODS);
        }
        if (!below(w, 512)) {
            fill(w);
        } else if (!below(w, 512)) {
            clear(w);
        } else {
            random_op(w, mood);
        }
        compare(w);
    }
    iova_tree_destroy(w->tree);

    for (int i = 0; i < N_SEEN; i++) {
        bool impossible = w->gpa && (i == ALLOC_OK || i == ALLOC_NOMEM);

        g_test_message("%-14s %6u", seen_names[i], w->seen[i]);
        CHECK(w, (w->seen[i] == 0) == impossible);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(places); i++) {
        for (int gpa = 0; gpa < 2; gpa++) {
            g_autofree char *path = g_strdup_printf(
                "/iova-tree/random/%s/%s", places[i].name,
                gpa ? "gpa" : "iova");
            Case *c = g_new(Case, 1);

            *c = (Case) { &places[i], gpa };
            g_test_add_data_func_full(path, c, test_random, g_free);
        }
    }
    return g_test_run();
}
