/*
 * VT-d benchmark: what a listener's shadow costs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One machine, one size and one layout of tables; scripts/bench runs this
 * many times.  Prints a line of JSON for each operation: medians, for one
 * operation each.
 *
 * Where an operation needs a change of the guest's tables before it, a wait
 * descriptor in front of it writes the lower half of the entry, so that a
 * batch can have many.  What the wait descriptors cost by themselves is
 * taken off.
 */

#include "qemu/osdep.h"
#include "bench-table.h"
#include "bench-unit.h"

#define DOMAIN                  1
#define OTHER_DOMAIN            2
/* A page in so many differs between the two domains */
#define DIFFERENCE              100

/* A batch takes about so long, and samples are taken for so long */
#define BATCH_NS                20e6
#define SERIES_US               (300 * 1000)
#define MIN_SAMPLES             3
#define MAX_SAMPLES             15

/* Neighbours whose flushes are in one kick: what strict Linux reuses all day */
#define HOT_PAGES               1000

/*
 * Rounds of operations that take less than a machine stays as fast as it is:
 * in one of them it may be slower for ours, in another for QEMU's own
 */
#define SHORT                   5

/* For the time of one kick */
#define KICKS                   500

/* More than all caches hold */
#define COLD_BYTES              (64u << 20)

/* A million changes, so many before each flush */
#define CHURN_ROUNDS            16
#define CHURN_CHANGES           65536

typedef struct Bench {
    BenchUnit u;
    BenchTable table;
    BenchTable other;
    GRand *random;
    bool stats;                 /* the unit has the property */
    BenchMemory memory;         /* before anything was mapped */
    QVtdDesc *desc;              /* BENCH_BATCH of them */
    unsigned *page;             /* what a batch of page flushes names */
} Bench;

/* Samples of one operation, each for one time */
typedef struct Series {
    const char *name;
    GArray *costs;              /* BenchCost */
    int64_t begin_us;
} Series;

static Series series_begin(const char *name)
{
    return (Series) {
        name, g_array_new(FALSE, FALSE, sizeof(BenchCost)),
        g_get_monotonic_time(),
    };
}

/* @n operations took @all, of which @base is not theirs */
static void series_add(Series *s, BenchCost all, BenchCost base, unsigned n)
{
    BenchCost one = {
        .cpu_ns = (all.cpu_ns - base.cpu_ns) / n,
        .wall_ns = (all.wall_ns - base.wall_ns) / n,
        .maps = all.maps / n,
        .unmaps = all.unmaps / n,
    };

    g_array_append_val(s->costs, one);
}

static bool series_enough(const Series *s)
{
    return s->costs->len >= MAX_SAMPLES ||
           (s->costs->len >= MIN_SAMPLES &&
            g_get_monotonic_time() - s->begin_us > SERIES_US);
}

/* @member is an offset in BenchCost */
static double median(const Series *s, size_t member)
{
    unsigned n = s->costs->len;
    g_autofree double *value = g_new(double, n);

    for (unsigned i = 0; i < n; i++) {
        value[i] = G_STRUCT_MEMBER(double, &g_array_index(s->costs, BenchCost,
                                                          i), member);
    }
    return bench_median(value, n);
}

static void series_end(Series *s)
{
    printf("{\"op\": \"%s\", \"ns\": %.1f, \"wall_ns\": %.1f, "
           "\"maps\": %.2f, \"unmaps\": %.2f, \"samples\": %u}\n", s->name,
           median(s, offsetof(BenchCost, cpu_ns)),
           median(s, offsetof(BenchCost, wall_ns)),
           median(s, offsetof(BenchCost, maps)),
           median(s, offsetof(BenchCost, unmaps)), s->costs->len);
    fflush(stdout);
    g_array_free(s->costs, TRUE);
}

static void print_memory(Bench *b, const char *name)
{
    BenchMemory now = bench_unit_memory(&b->u);
    double pages = b->table.pages;

    printf("{\"op\": \"%s\", \"bytes_per_page\": %.3f, "
           "\"resident_per_page\": %.3f", name,
           (int64_t)(now.allocated - b->memory.allocated) / pages,
           (int64_t)(now.resident - b->memory.resident) / pages);
    if (b->stats) {
        printf(", \"counted_per_page\": %.3f",
               qvtd_stat(&b->u.d, "shadow-bytes") / pages);
    }
    printf("}\n");
    fflush(stdout);
}

static BenchCost run(Bench *b, unsigned n)
{
    return bench_unit_run(&b->u, b->desc, n);
}

/* What the writing of the queue's tail alone costs */
static BenchCost run_nothing(Bench *b)
{
    return run(b, 0);
}

static BenchCost run_flush(Bench *b)
{
    b->desc[0] = QVTD_INV_IOTLB_DOMAIN(DOMAIN);
    return run(b, 1);
}

/* How many operations make a batch, if @n took @cost */
static unsigned batch_for(BenchCost cost, unsigned n, unsigned max)
{
    return MAX(1, MIN(max, BATCH_NS * n / MAX(cost.cpu_ns, 1)));
}

/* Operations of one descriptor, for which nothing has to change */

typedef QVtdDesc MakeFn(Bench *b);

static BenchCost run_made(Bench *b, MakeFn *make, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        b->desc[i] = make(b);
    }
    return run(b, n);
}

static void measure_made(Bench *b, const char *name, MakeFn *make)
{
    Series s = series_begin(name);
    unsigned n = batch_for(run_made(b, make, 1), 1, BENCH_BATCH);

    /* The first one may have had caches to fill */
    n = batch_for(run_made(b, make, n), n, BENCH_BATCH);
    while (!series_enough(&s)) {
        series_add(&s, run_made(b, make, n), run_nothing(b), n);
    }
    series_end(&s);
}

static unsigned random_page(Bench *b)
{
    return g_rand_int_range(b->random, 0, b->table.pages);
}

static QVtdDesc page_flush(unsigned page)
{
    return QVTD_INV_IOTLB_PAGES(DOMAIN, bench_table_iova(page), 0);
}

static QVtdDesc make_wait(Bench *b)
{
    return QVTD_WAIT(QVTD_WAIT_SW, 1, b->u.d.status);
}

static QVtdDesc make_domain_flush(Bench *b)
{
    return QVTD_INV_IOTLB_DOMAIN(DOMAIN);
}

static QVtdDesc make_context_flush(Bench *b)
{
    return QVTD_INV_CONTEXT_GLOBAL;
}

static void measure_wait(Bench *b)
{
    measure_made(b, "wait", make_wait);
}

static void measure_idle(Bench *b)
{
    measure_made(b, "idle", make_domain_flush);
}

static void measure_context(Bench *b)
{
    measure_made(b, "context", make_context_flush);
}

/* The same after other work of QEMU's, which leaves no table in its caches */
static void measure_cold(Bench *b)
{
    Series s = series_begin("idle-cold");

    while (!series_enough(&s)) {
        qtest_memset(b->u.d.qts, BENCH_TARGET, 0, COLD_BYTES);
        b->desc[0] = make_domain_flush(b);
        series_add(&s, run(b, 1), run_nothing(b), 1);
    }
    series_end(&s);
}

/* Operations behind a change of an entry */

/* A wait descriptor that writes the lower half of a page's entry */
static QVtdDesc write_entry(const Bench *b, unsigned page, uint64_t leaf)
{
    return QVTD_WAIT(QVTD_WAIT_SW, (uint32_t)leaf,
                     bench_table_entry(&b->table, page));
}

/*
 * @n times, a page gets its neighbour's target, and its own again.  Without
 * @flush it keeps its own, and nothing but the writing is left.
 */
static BenchCost run_changed(Bench *b, unsigned n, bool flush)
{
    unsigned at = 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned page = random_page(b);
        uint64_t leaf = b->table.leaf[page];

        b->desc[at++] = write_entry(b, page, flush ? leaf ^ QVTD_PAGE : leaf);
        if (flush) {
            b->desc[at++] = QVTD_INV_IOTLB_DOMAIN(DOMAIN);
        }
        b->desc[at++] = write_entry(b, page, leaf);
        if (flush) {
            b->desc[at++] = QVTD_INV_IOTLB_DOMAIN(DOMAIN);
        }
    }
    return run(b, at);
}

static void measure_changed(Bench *b)
{
    Series s = series_begin("changed");
    unsigned n = batch_for(run_changed(b, 1, true), 1, BENCH_BATCH / 4);

    while (!series_enough(&s)) {
        BenchCost all = run_changed(b, n, true);

        series_add(&s, all, run_changed(b, n, false), 2 * n);
    }
    series_end(&s);
}

/* A batch of page flushes in one kick, after all that they find is written */

/* The first of the table's pages, one behind the other */
static unsigned choose_neighbours(Bench *b)
{
    unsigned n = MIN(HOT_PAGES, b->table.pages);

    for (unsigned i = 0; i < n; i++) {
        b->page[i] = i;
    }
    return n;
}

/* As many, of all pages, in random order */
static unsigned choose_random(Bench *b)
{
    g_autofree unsigned *all = bench_sequence(b->table.pages, b->random);
    unsigned n = MIN(HOT_PAGES, b->table.pages);

    memcpy(b->page, all, n * sizeof(*all));
    return n;
}

static BenchCost run_pages(Bench *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        b->desc[i] = page_flush(b->page[i]);
    }
    return run(b, n);
}

/* The pages appear (@map) or go, which no flush has named yet */
static void write_pages(Bench *b, unsigned n, bool map)
{
    for (unsigned i = 0; i < n; i++) {
        qtest_writeq(b->u.d.qts, bench_table_entry(&b->table, b->page[i]),
                     map ? b->table.leaf[b->page[i]] : 0);
    }
}

static void measure_idle_pages(Bench *b, const char *name,
                               unsigned (*choose)(Bench *))
{
    Series s = series_begin(name);
    unsigned n = choose(b);

    run_pages(b, n);
    while (!series_enough(&s)) {
        series_add(&s, run_pages(b, n), run_nothing(b), n);
        n = choose(b);
    }
    series_end(&s);
}

static void measure_changing_pages(Bench *b, const char *map_name,
                                   const char *unmap_name,
                                   unsigned (*choose)(Bench *))
{
    Series map = series_begin(map_name), unmap = series_begin(unmap_name);

    while (!series_enough(&map)) {
        unsigned n = choose(b);

        write_pages(b, n, false);
        series_add(&unmap, run_pages(b, n), run_nothing(b), n);
        write_pages(b, n, true);
        series_add(&map, run_pages(b, n), run_nothing(b), n);
    }
    series_end(&map);
    series_end(&unmap);
}

static void measure_pages(Bench *b)
{
    measure_idle_pages(b, "page", choose_random);
    measure_changing_pages(b, "page-map", "page-unmap", choose_random);
}

static void measure_hot(Bench *b)
{
    measure_idle_pages(b, "hot", choose_neighbours);
    measure_changing_pages(b, "hot-map", "hot-unmap", choose_neighbours);
}

/*
 * @n times: the guest writes an entry, flushes the page, and waits.  Without
 * @flush what the flush takes is left.
 */
static BenchCost run_strict(Bench *b, unsigned n, bool map, bool flush)
{
    unsigned at = 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned page = b->page[i];

        b->desc[at++] = write_entry(b, page, map ? b->table.leaf[page] : 0);
        if (flush) {
            b->desc[at++] = page_flush(page);
        }
        b->desc[at++] = make_wait(b);
    }
    return run(b, at);
}

static void measure_strict(Bench *b)
{
    Series map = series_begin("strict-map");
    Series unmap = series_begin("strict-unmap");
    unsigned n = choose_neighbours(b);

    while (!series_enough(&map)) {
        BenchCost all = run_strict(b, n, false, true);

        series_add(&unmap, all, run_strict(b, n, false, false), n);
        all = run_strict(b, n, true, true);
        series_add(&map, all, run_strict(b, n, true, false), n);
    }
    series_end(&map);
    series_end(&unmap);
}

/*
 * One page flush a kick: all of the time that passes, qtest's way with it; and
 * without it, which is nearly all, and differs from process to process by more
 * than the rest
 */
static void measure_kick(Bench *b)
{
    Series s = series_begin("kick"), own = series_begin("kick-own");
    g_autofree double *wall = g_new(double, KICKS);
    g_autofree double *trip = g_new(double, KICKS);

    while (!series_enough(&s)) {
        BenchCost cost = { 0 }, base = { 0 };

        for (unsigned i = 0; i < KICKS; i++) {
            b->desc[0] = page_flush(i % b->table.pages);
            wall[i] = run(b, 1).wall_ns;
            trip[i] = bench_unit_trip(&b->u);
        }
        cost.wall_ns = cost.cpu_ns = bench_median(wall, KICKS);
        series_add(&s, cost, base, 1);
        /* Both are in order now: of those that nothing disturbed */
        bench_median(trip, KICKS);
        cost.wall_ns = cost.cpu_ns = wall[KICKS / 10];
        base.wall_ns = base.cpu_ns = trip[KICKS / 10];
        series_add(&own, cost, base, 1);
    }
    series_end(&s);
    series_end(&own);
}

/* Nobody listens any more: last of all operations */
static void measure_unheard(Bench *b)
{
    testdev_command(&b->u.listener, TESTDEV_REGISTER, 1, 0ull);
    measure_idle_pages(b, "page-unheard", choose_random);
    measure_idle_pages(b, "hot-unheard", choose_neighbours);
}

/* Operations on all pages */

static void measure_teardown(Bench *b)
{
    Series away = series_begin("teardown"), back = series_begin("sync-again");

    while (!series_enough(&away)) {
        BenchCost cost;

        bench_table_clear(&b->table);
        series_add(&away, run_flush(b), run_nothing(b), 1);
        bench_table_write(&b->table);
        cost = run_flush(b);
        g_assert_cmpfloat(cost.maps, ==, b->table.pages);
        series_add(&back, cost, run_nothing(b), 1);
    }
    series_end(&away);
    series_end(&back);
}

/* As Linux does: the entry, then the context cache, then the IOTLB */
static BenchCost run_move(Bench *b, const BenchTable *from,
                          const BenchTable *to)
{
    uint16_t sid = b->u.listener.sid;

    qvtd_attach(&b->u.d, sid, &to->domain);
    b->desc[0] = QVTD_INV_CONTEXT_DEVICE(from->domain.id, sid, 0);
    b->desc[1] = QVTD_INV_IOTLB_DOMAIN(from->domain.id);
    b->desc[2] = QVTD_INV_IOTLB_DOMAIN(to->domain.id);
    return run(b, 3);
}

static void measure_move(Bench *b)
{
    Series s = series_begin("move");

    while (!series_enough(&s)) {
        BenchCost there = run_move(b, &b->table, &b->other);
        BenchCost back = run_move(b, &b->other, &b->table);

        series_add(&s, there, run_nothing(b), 1);
        series_add(&s, back, run_nothing(b), 1);
    }
    series_end(&s);
}

/* A million random changes, after which all is mapped somewhere; and back */
static void measure_churn(Bench *b)
{
    BenchTable *t = &b->table;
    size_t bytes = t->pages * sizeof(*t->leaf);
    g_autofree uint64_t *leaf = g_memdup2(t->leaf, bytes);
    Series s = series_begin("many-changed");

    for (unsigned i = 0; i < CHURN_ROUNDS; i++) {
        for (unsigned j = 0; j < CHURN_CHANGES; j++) {
            t->leaf[random_page(b)] = bench_table_random_leaf(b->random);
        }
        bench_table_write(t);
        series_add(&s, run_flush(b), run_nothing(b), 1);
    }
    series_end(&s);
    print_memory(b, "memory-changed");
    memcpy(t->leaf, leaf, bytes);
    bench_table_write(t);
    run_flush(b);
    print_memory(b, "memory-undone");
}

/*
 * In this order: the first ones find the heap as the first sync has left it,
 * and not in the disorder that the later ones leave.
 */
static const struct {
    const char *name;
    void (*measure)(Bench *b);
    unsigned rounds;            /* how often, a turn each */
} operations[] = {
    { "idle", measure_idle, 1 },
    { "changed", measure_changed, 1 },
    { "wait", measure_wait, SHORT },
    { "pages", measure_pages, SHORT },
    { "hot", measure_hot, SHORT },
    { "strict", measure_strict, SHORT },
    { "kick", measure_kick, SHORT },
    { "cold", measure_cold, 1 },
    { "churn", measure_churn, 1 },
    { "context", measure_context, 1 },
    { "teardown", measure_teardown, 1 },
    { "move", measure_move, 1 },
    { "unheard", measure_unheard, SHORT },
};

/* All tables are in guest memory, but that of the leaves is not linked yet */
static void set_up(Bench *b, unsigned pages, bool scattered, const char *args)
{
    QVtd *d = &b->u.d;
    GRand *random = scattered ? b->random : NULL;

    bench_unit_start(&b->u, args);
    bench_table_init(&b->table, d, DOMAIN, pages, random);
    bench_table_init(&b->other, d, OTHER_DOMAIN, pages, random);
    memcpy(b->other.leaf, b->table.leaf, pages * sizeof(uint64_t));
    for (unsigned i = 0; i < pages; i += DIFFERENCE) {
        b->other.leaf[i] ^= QVTD_PAGE;
    }
    bench_table_write(&b->table);
    bench_table_write(&b->other);
    bench_table_link(&b->other);
    qvtd_attach(d, b->u.listener.sid, &b->table.domain);
    qvtd_enable(d);
    run_flush(b);
    b->memory = bench_unit_memory(&b->u);
}

static void measure_first_sync(Bench *b)
{
    Series s = series_begin("first-sync");
    BenchCost cost;

    bench_table_link(&b->table);
    cost = run_flush(b);
    g_assert_cmpfloat(cost.maps, ==, b->table.pages);
    series_add(&s, cost, run_nothing(b), 1);
    series_end(&s);
    print_memory(b, "memory");
}

/* With --turns: wait for the next line of input, after a line of output */
static void next_turn(bool turns, bool first)
{
    char line[8];

    if (turns) {
        if (!first) {
            printf("\n");
            fflush(stdout);
        }
        g_assert_nonnull(fgets(line, sizeof(line), stdin));
    }
}

int main(int argc, char **argv)
{
    int pages = 512, seed = 1;
    gboolean scattered = FALSE, stats = FALSE, turns = FALSE;
    g_autofree char *args = NULL, *only = NULL;
    GOptionEntry options[] = {
        { "pages", 0, 0, G_OPTION_ARG_INT, &pages, "mapped, n * 512", "N" },
        { "scattered", 0, 0, G_OPTION_ARG_NONE, &scattered,
          "random targets", NULL },
        { "only", 0, 0, G_OPTION_ARG_STRING, &only,
          "after the first sync, this alone", "OPERATION" },
        { "stats", 0, 0, G_OPTION_ARG_NONE, &stats,
          "the unit counts its memory itself", NULL },
        { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "of all that is random",
          "N" },
        { "turns", 0, 0, G_OPTION_ARG_NONE, &turns,
          "each operation waits for a line of input", NULL },
        { "args", 0, 0, G_OPTION_ARG_STRING, &args, "for QEMU", "ARGS" },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    Bench b = { 0 };

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("vtd-bench: %s\n", error->message);
        return 2;
    }
    if (pages <= 0 || pages % 512) {
        g_printerr("vtd-bench: pages come in tables of 512\n");
        return 2;
    }
    b.random = g_rand_new_with_seed(seed);
    b.stats = stats;
    b.desc = g_new(QVtdDesc, BENCH_BATCH);
    b.page = g_new(unsigned, HOT_PAGES);
    set_up(&b, pages, scattered, args ?: "");
    next_turn(turns, true);
    measure_first_sync(&b);
    for (unsigned i = 0; i < G_N_ELEMENTS(operations); i++) {
        if (only && strcmp(only, operations[i].name)) {
            continue;
        }
        for (unsigned j = 0; j < operations[i].rounds; j++) {
            next_turn(turns, false);
            operations[i].measure(&b);
        }
    }
    bench_table_free(&b.table);
    bench_table_free(&b.other);
    bench_unit_stop(&b.u);
    g_rand_free(b.random);
    g_free(b.page);
    g_free(b.desc);
    return 0;
}
