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

/* A batch takes about so long, and an operation's samples all together */
#define BATCH_NS                20e6
#define OPERATION_NS            600e6
#define MIN_SAMPLES             3
#define MAX_SAMPLES             15

#define CHURN_ROUNDS            16
#define CHURN_CHANGES           65536

typedef struct Bench {
    BenchUnit u;
    BenchTable table;
    BenchTable other;
    GRand *random;
    bool stats;                 /* the unit has the property */
    VtdDesc *desc;              /* BENCH_BATCH of them */
} Bench;

/* Samples of one operation, each for one time */
typedef struct Series {
    const char *name;
    GArray *costs;              /* BenchCost */
} Series;

static Series series_begin(const char *name)
{
    return (Series) { name, g_array_new(FALSE, FALSE, sizeof(BenchCost)) };
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

static gint order(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(const Series *s, size_t member)
{
    unsigned n = s->costs->len;
    g_autofree double *value = g_new(double, n);

    for (unsigned i = 0; i < n; i++) {
        value[i] = G_STRUCT_MEMBER(double, &g_array_index(s->costs, BenchCost,
                                                          i), member);
    }
    qsort(value, n, sizeof(*value), order);
    return (value[n / 2] + value[(n - 1) / 2]) / 2;
}

static void series_end(Series *s)
{
    printf("{\"op\": \"%s\", \"ns\": %.1f, \"wall_ns\": %.1f, "
           "\"maps\": %g, \"unmaps\": %g, \"samples\": %u}\n", s->name,
           median(s, offsetof(BenchCost, cpu_ns)),
           median(s, offsetof(BenchCost, wall_ns)),
           median(s, offsetof(BenchCost, maps)),
           median(s, offsetof(BenchCost, unmaps)), s->costs->len);
    fflush(stdout);
    g_array_free(s->costs, TRUE);
}

static BenchCost run(Bench *b, unsigned n)
{
    return bench_unit_run(&b->u, b->desc, n);
}

static BenchCost run_one(Bench *b, VtdDesc desc)
{
    return bench_unit_run(&b->u, &desc, 1);
}

/* What the writing of the queue's tail alone costs */
static BenchCost run_nothing(Bench *b)
{
    return run(b, 0);
}

/*
 * Descriptors in front of the operations (@with false) or with them, for @n
 * operations of one batch.  Returns how many descriptors that are; may be
 * called again for the same batch.
 */
typedef unsigned FillFn(Bench *b, unsigned n, bool with);

/* How many operations make a batch, given that @n take @cost */
static unsigned batch_for(BenchCost cost, unsigned n, unsigned max)
{
    double one = MAX(cost.cpu_ns, 1) / n;

    return MAX(1, MIN(max, BATCH_NS / one));
}

static void measure(Bench *b, const char *name, FillFn *fill, unsigned max)
{
    Series s = series_begin(name);
    unsigned n = batch_for(run(b, fill(b, 1, true)), 1, max);
    double spent = 0;

    if (n > 1) {
        /* The first one may have had caches to fill */
        n = batch_for(run(b, fill(b, n, true)), n, max);
    }
    for (unsigned i = 0; i < MAX_SAMPLES; i++) {
        GRand *same = g_rand_copy(b->random);
        BenchCost all = run(b, fill(b, n, true));
        BenchCost base;

        /* The same descriptors in front, whose writes change nothing now */
        g_rand_free(b->random);
        b->random = same;
        base = run(b, fill(b, n, false));
        series_add(&s, all, base, n);
        spent += all.wall_ns + base.wall_ns;
        if (i + 1 >= MIN_SAMPLES && spent > OPERATION_NS) {
            break;
        }
    }
    series_end(&s);
}

/* Operations */

static unsigned random_page(Bench *b)
{
    return g_rand_int_range(b->random, 0, b->table.pages);
}

/* A wait descriptor that writes the lower half of a page's entry */
static VtdDesc write_entry(const Bench *b, unsigned page, uint64_t leaf)
{
    return VTD_WAIT(VTD_WAIT_SW, (uint32_t)leaf,
                    bench_table_entry(&b->table, page));
}

static VtdDesc page_flush(unsigned page)
{
    return VTD_INV_IOTLB_PAGES(DOMAIN, bench_table_iova(page), 0);
}

static unsigned fill_waits(Bench *b, unsigned n, bool with)
{
    for (unsigned i = 0; with && i < n; i++) {
        b->desc[i] = VTD_WAIT(VTD_WAIT_SW, i, b->u.d.status);
    }
    return with ? n : 0;
}

static unsigned fill_idle(Bench *b, unsigned n, bool with)
{
    for (unsigned i = 0; with && i < n; i++) {
        b->desc[i] = VTD_INV_IOTLB_DOMAIN(DOMAIN);
    }
    return with ? n : 0;
}

static unsigned fill_context(Bench *b, unsigned n, bool with)
{
    for (unsigned i = 0; with && i < n; i++) {
        b->desc[i] = VTD_INV_CONTEXT_GLOBAL;
    }
    return with ? n : 0;
}

static unsigned fill_page(Bench *b, unsigned n, bool with)
{
    for (unsigned i = 0; with && i < n; i++) {
        b->desc[i] = page_flush(random_page(b));
    }
    return with ? n : 0;
}

/* Two operations: a page gets its neighbour's target, and its own again */
static unsigned fill_changed(Bench *b, unsigned n, bool with)
{
    unsigned at = 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned page = random_page(b);
        uint64_t leaf = b->table.leaf[page];

        b->desc[at++] = write_entry(b, page, with ? leaf ^ VTD_PAGE : leaf);
        if (with) {
            b->desc[at++] = VTD_INV_IOTLB_DOMAIN(DOMAIN);
        }
        b->desc[at++] = write_entry(b, page, leaf);
        if (with) {
            b->desc[at++] = VTD_INV_IOTLB_DOMAIN(DOMAIN);
        }
    }
    return at;
}

static void measure_changed(Bench *b)
{
    Series s = series_begin("changed");
    unsigned n = batch_for(run(b, fill_changed(b, 1, true)), 1,
                           BENCH_BATCH / 4);
    double spent = 0;

    for (unsigned i = 0; i < MAX_SAMPLES; i++) {
        BenchCost all = run(b, fill_changed(b, n, true));
        BenchCost base = run(b, fill_changed(b, n, false));

        series_add(&s, all, base, 2 * n);
        spent += all.wall_ns + base.wall_ns;
        if (i + 1 >= MIN_SAMPLES && spent > OPERATION_NS) {
            break;
        }
    }
    series_end(&s);
}

/* Entries of different pages, spread over the tables; @map or zero */
static unsigned fill_pages(Bench *b, unsigned n, bool map, bool with)
{
    unsigned step = b->table.pages / n, at = 0;

    for (unsigned i = 0; i < n; i++) {
        unsigned page = i * step;

        b->desc[at++] = write_entry(b, page, map ? b->table.leaf[page] : 0);
        if (with) {
            b->desc[at++] = page_flush(page);
        }
    }
    return at;
}

static void measure_pages(Bench *b)
{
    Series map = series_begin("page-map"), unmap = series_begin("page-unmap");
    unsigned n = MIN(2000, b->table.pages);

    for (unsigned i = 0; i < MAX_SAMPLES; i++) {
        BenchCost all = run(b, fill_pages(b, n, false, true));

        series_add(&unmap, all, run(b, fill_pages(b, n, false, false)), n);
        all = run(b, fill_pages(b, n, true, true));
        series_add(&map, all, run(b, fill_pages(b, n, true, false)), n);
    }
    series_end(&map);
    series_end(&unmap);
}

static void measure_teardown(Bench *b)
{
    Series away = series_begin("teardown"), back = series_begin("sync-again");
    BenchCost nothing = run_nothing(b);
    double spent = 0;

    for (unsigned i = 0; i < MAX_SAMPLES; i++) {
        BenchCost cost;

        bench_table_clear(&b->table);
        cost = run_one(b, VTD_INV_IOTLB_DOMAIN(DOMAIN));
        series_add(&away, cost, nothing, 1);
        spent += cost.wall_ns;

        bench_table_write(&b->table);
        cost = run_one(b, VTD_INV_IOTLB_DOMAIN(DOMAIN));
        g_assert_cmpfloat(cost.maps, ==, b->table.pages);
        series_add(&back, cost, nothing, 1);
        spent += cost.wall_ns;
        if (i + 1 >= MIN_SAMPLES && spent > OPERATION_NS) {
            break;
        }
    }
    series_end(&away);
    series_end(&back);
}

/* As Linux does: the entry, then the context cache, then both IOTLBs */
static BenchCost move_to(Bench *b, const BenchTable *from,
                         const BenchTable *to)
{
    uint16_t sid = bench_unit_sid(&b->u);

    vtd_attach(&b->u.d, sid, &to->domain);
    b->desc[0] = VTD_INV_CONTEXT_DEVICE(from->domain.id, sid, 0);
    b->desc[1] = VTD_INV_IOTLB_DOMAIN(from->domain.id);
    b->desc[2] = VTD_INV_IOTLB_DOMAIN(to->domain.id);
    return run(b, 3);
}

static void measure_move(Bench *b)
{
    Series s = series_begin("move");
    BenchCost nothing = run_nothing(b);
    double spent = 0;

    for (unsigned i = 0; i < MAX_SAMPLES; i++) {
        BenchCost there = move_to(b, &b->table, &b->other);
        BenchCost back = move_to(b, &b->other, &b->table);

        series_add(&s, there, nothing, 1);
        series_add(&s, back, nothing, 1);
        spent += there.wall_ns + back.wall_ns;
        if (spent > OPERATION_NS) {
            break;
        }
    }
    series_end(&s);
}

/* Memory */

static void print_memory(Bench *b, const char *name, uint64_t before)
{
    uint64_t mapped = 0;

    for (unsigned i = 0; i < b->table.pages; i++) {
        mapped += !!b->table.leaf[i];
    }
    printf("{\"op\": \"%s\", \"bytes_per_page\": %.3f", name,
           ((double)bench_unit_memory(&b->u) - before) / mapped);
    if (b->stats) {
        printf(", \"counted_per_page\": %.3f",
               (double)vtd_stat(&b->u.d, "shadow-bytes") / mapped);
    }
    printf("}\n");
    fflush(stdout);
}

/* A million random changes, and back */
static void measure_churn(Bench *b, uint64_t memory)
{
    BenchTable *t = &b->table;
    size_t bytes = t->pages * sizeof(*t->leaf);
    g_autofree uint64_t *leaf = g_memdup2(t->leaf, bytes);
    Series s = series_begin("many-changed");
    BenchCost nothing = run_nothing(b);

    for (unsigned i = 0; i < CHURN_ROUNDS; i++) {
        for (unsigned j = 0; j < CHURN_CHANGES; j++) {
            t->leaf[random_page(b)] = g_rand_int_range(b->random, 0, 8)
                ? bench_table_random_leaf(b->random) : 0;
        }
        bench_table_write(t);
        series_add(&s, run_one(b, VTD_INV_IOTLB_DOMAIN(DOMAIN)), nothing, 1);
    }
    series_end(&s);
    print_memory(b, "memory-changed", memory);
    memcpy(t->leaf, leaf, bytes);
    bench_table_write(t);
    run_one(b, VTD_INV_IOTLB_DOMAIN(DOMAIN));
    print_memory(b, "memory-undone", memory);
}

/* The whole */

static void set_up(Bench *b, unsigned pages, bool scattered, const char *args)
{
    VtdDriver *d = &b->u.d;
    GRand *random = scattered ? b->random : NULL;

    bench_unit_start(&b->u, args);
    bench_table_init(&b->table, d, DOMAIN, pages, random);
    bench_table_init(&b->other, d, OTHER_DOMAIN, pages, random);
    memcpy(b->other.leaf, b->table.leaf, pages * sizeof(uint64_t));
    for (unsigned i = 0; i < pages; i += DIFFERENCE) {
        b->other.leaf[i] ^= VTD_PAGE;
    }
    bench_table_write(&b->table);
    bench_table_write(&b->other);
    bench_table_link(&b->other);
    vtd_attach(d, bench_unit_sid(&b->u), &b->table.domain);
    vtd_enable(d);
    run_one(b, VTD_INV_IOTLB_DOMAIN(DOMAIN));
}

static void measure_all(Bench *b, bool curve)
{
    Series s = series_begin("first-sync");
    BenchCost nothing = run_nothing(b), cost;
    uint64_t memory = bench_unit_memory(&b->u);

    bench_table_link(&b->table);
    cost = run_one(b, VTD_INV_IOTLB_DOMAIN(DOMAIN));
    g_assert_cmpfloat(cost.maps, ==, b->table.pages);
    series_add(&s, cost, nothing, 1);
    series_end(&s);
    print_memory(b, "memory", memory);

    measure(b, "idle", fill_idle, BENCH_BATCH);
    if (curve) {
        return;
    }
    measure_changed(b);
    measure(b, "wait", fill_waits, BENCH_BATCH);
    measure(b, "page", fill_page, BENCH_BATCH);
    measure_pages(b);
    measure_churn(b, memory);
    measure(b, "context", fill_context, BENCH_BATCH);
    measure_teardown(b);
    measure_move(b);
}

int main(int argc, char **argv)
{
    int pages = 512, seed = 1;
    gboolean scattered = FALSE, curve = FALSE, stats = FALSE;
    g_autofree char *args = NULL;
    GOptionEntry options[] = {
        { "pages", 0, 0, G_OPTION_ARG_INT, &pages, "mapped, n * 512", "N" },
        { "scattered", 0, 0, G_OPTION_ARG_NONE, &scattered,
          "random targets", NULL },
        { "curve", 0, 0, G_OPTION_ARG_NONE, &curve,
          "first sync and idle flush only", NULL },
        { "stats", 0, 0, G_OPTION_ARG_NONE, &stats,
          "the unit counts its memory itself", NULL },
        { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "of all that is random",
          "N" },
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
    b.desc = g_new(VtdDesc, BENCH_BATCH);
    set_up(&b, pages, scattered, args ?: "");
    measure_all(&b, curve);
    bench_table_free(&b.table);
    bench_table_free(&b.other);
    bench_unit_stop(&b.u);
    g_rand_free(b.random);
    g_free(b.desc);
    return 0;
}
