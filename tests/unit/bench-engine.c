/*
 * VT-d engine: what a shadow costs in instructions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the smallest host that the engine can have, so that next to nothing
 * but the engine is counted, and a row of operations on one device with a
 * shadow.  scripts/bench runs this under callgrind, which counts inside of
 * measured() and writes one profile for each call of it; for each call this
 * prints a line of JSON, in the same order: the name and for how many
 * operations, 0 for what a write of the queue's tail costs by itself.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/vtd.h"
#include "tests/vtd/numbers.h"

#define ENTRIES                 512u

/* Guest memory: tables up to MEMORY, targets from TARGET on */
#define MEMORY                  (64ull << 20)
#define TARGET                  0x100000000ull
#define TARGET_PAGES            (1u << 20)
#define IOVA                    0x1000000000ull

#define DID                     1ull

#define QUEUE_ENTRIES           256
#define BATCH                   100

typedef struct Engine {
    Vtd *v;
    VtdSpace *space;
    uint8_t *memory;
    uint64_t free_page;
    uint64_t queue;
    unsigned tail;              /* an index */
    uint64_t status;            /* where wait descriptors write */
    unsigned notices;
    unsigned pages;
    uint64_t *leaf;             /* what each page is mapped to */
    unsigned *place;            /* which page of the area a table is */
    uint64_t area;              /* the tables of leaves */
} Engine;

/* The host */

static bool host_read(void *host, uint64_t gpa, void *buf, size_t len)
{
    Engine *e = host;

    if (gpa > MEMORY - len) {
        return false;
    }
    memcpy(buf, e->memory + gpa, len);
    return true;
}

static bool host_write(void *host, uint64_t gpa, const void *buf, size_t len)
{
    Engine *e = host;

    if (gpa > MEMORY - len) {
        return false;
    }
    memcpy(e->memory + gpa, buf, len);
    return true;
}

static void host_ram(void *host, uint64_t gpa, VtdRam *ram)
{
    Engine *e = host;

    *ram = gpa < MEMORY
        ? (VtdRam) { .last = MEMORY - 1, .ram = true, .data = e->memory }
        : (VtdRam) { .first = TARGET, .last = 2 * TARGET - 1, .ram = true };
}

static int host_notify(void *space_host, const VtdNotice *notice)
{
    Engine *e = space_host;

    e->notices++;
    return 0;
}

static bool host_inject(void *host, uint64_t addr, uint32_t data)
{
    return true;
}

static void host_defer_free(void *host, void *ptr, void (*free_fn)(void *))
{
    free_fn(ptr);
}

static uint16_t host_source_id(void *space_host)
{
    return 0;
}

static void host_switch_to(void *space_host, VtdView view)
{
}

static void host_iec_changed(void *host, bool global, uint32_t index,
                             uint32_t mask)
{
}

static void host_invalidate(void *space_host, uint64_t first, uint64_t last,
                            bool device_tlb)
{
}

static bool host_dirty_tracking(void *host)
{
    return false;
}

static int64_t host_now(void *host)
{
    return 0;
}

static void host_schedule(void *host)
{
    g_assert_not_reached();
}

static void host_log(void *host, bool first, uint32_t sid, const char *line)
{
    g_assert_not_reached();
}

static bool host_log_more(void *host)
{
    g_assert_not_reached();
}

static void host_log_later(void *host)
{
    g_assert_not_reached();
}

static void host_over_limit(void *host)
{
    g_assert_not_reached();
}

static const char *host_option_name(void *host, const char *name)
{
    g_assert_not_reached();
}

static const VtdOps ops = {
    .read = host_read,
    .write = host_write,
    .inject = host_inject,
    .defer_free = host_defer_free,
    .source_id = host_source_id,
    .switch_to = host_switch_to,
    .iec_changed = host_iec_changed,
    .ram = host_ram,
    .notify = host_notify,
    .invalidate = host_invalidate,
    .dirty_tracking = host_dirty_tracking,
    .now = host_now,
    .schedule = host_schedule,
    .log = host_log,
    .log_more = host_log_more,
    .log_later = host_log_later,
    .over_limit = host_over_limit,
    .option_name = host_option_name,
};

/* Guest memory */

static uint64_t alloc(Engine *e, unsigned n)
{
    uint64_t page = e->free_page;

    e->free_page += n * QVTD_PAGE;
    g_assert_cmphex(e->free_page, <=, MEMORY);
    return page;
}

static void put(Engine *e, uint64_t gpa, uint64_t value)
{
    *(uint64_t *)(e->memory + gpa) = GUINT64_TO_LE(value);
}

static uint64_t get(Engine *e, uint64_t gpa)
{
    return GUINT64_FROM_LE(*(uint64_t *)(e->memory + gpa));
}

static uint64_t entry_of(const Engine *e, unsigned page)
{
    return e->area + e->place[page / ENTRIES] * QVTD_PAGE + page % ENTRIES * 8;
}

static void write_leaves(Engine *e, bool present)
{
    for (unsigned i = 0; i < e->pages; i++) {
        put(e, entry_of(e, i), present ? e->leaf[i] : 0);
    }
}

/* The entry for a page at @level of the tables from @top */
static uint64_t upper_entry(Engine *e, uint64_t top, unsigned page,
                            unsigned level)
{
    uint64_t iova = IOVA + page * QVTD_PAGE, table = top;

    for (unsigned at = 4; ; at--) {
        uint64_t entry = table + (iova >> (12 + 9 * (at - 1)) & 511) * 8;

        if (at == level) {
            return entry;
        }
        if (!get(e, entry)) {
            put(e, entry, alloc(e, 1) | 3);
        }
        table = get(e, entry) & ~0xfffull;
    }
}

static unsigned *sequence(unsigned n, GRand *random)
{
    unsigned *at = g_new(unsigned, n);

    for (unsigned i = 0; i < n; i++) {
        at[i] = i;
    }
    for (unsigned i = n - 1; random && i > 0; i--) {
        unsigned j = g_rand_int_range(random, 0, i + 1);
        unsigned swap = at[i];

        at[i] = at[j];
        at[j] = swap;
    }
    return at;
}

/* The queue */

static void queue_put(Engine *e, QVtdDesc desc)
{
    put(e, e->queue + e->tail * 16, desc.lo);
    put(e, e->queue + e->tail * 16 + 8, desc.hi);
    e->tail = (e->tail + 1) % QUEUE_ENTRIES;
}

/* What is counted; callgrind knows it by this name */
void measured(Engine *e);
void __attribute__((noinline)) measured(Engine *e)
{
    vtd_mmio_write(e->v, QVTD_IQT, e->tail * 16, 8);
}

/* What is in the queue is @n operations @name with @notices each */
static void measure(Engine *e, const char *name, unsigned n, unsigned notices)
{
    e->notices = 0;
    measured(e);
    g_assert_cmphex(vtd_mmio_read(e->v, QVTD_IQH, 8), ==, e->tail * 16);
    if (notices != UINT_MAX) {
        g_assert_cmpuint(e->notices, ==, n * notices);
    }
    printf("{\"op\": \"%s\", \"n\": %u, \"notices\": %u}\n", name, n,
           e->notices);
}

static void domain_flush(Engine *e, const char *name, unsigned notices)
{
    queue_put(e, QVTD_INV_IOTLB_DOMAIN(DID));
    measure(e, name, 1, notices);
}

/* A batch of pages is neighbours (@step 1), or spread over all of them */
static void page_flushes(Engine *e, const char *name, unsigned step,
                         unsigned notices)
{
    for (unsigned i = 0; i < BATCH; i++) {
        queue_put(e, QVTD_INV_IOTLB_PAGES(DID, IOVA + i * step * QVTD_PAGE,
                                          0));
    }
    measure(e, name, BATCH, notices);
}

static void waits(Engine *e, const char *name)
{
    for (unsigned i = 0; i < BATCH; i++) {
        queue_put(e, QVTD_WAIT(QVTD_WAIT_SW, i, e->status));
    }
    measure(e, name, BATCH, 0);
}

/* The pages of page_flushes() appear or go */
static void write_batch(Engine *e, unsigned step, bool present)
{
    for (unsigned i = 0; i < BATCH; i++) {
        put(e, entry_of(e, i * step), present ? e->leaf[i * step] : 0);
    }
}

static void run(Engine *e, GRand *random)
{
    unsigned page = g_rand_int_range(random, 0, e->pages);
    unsigned spread = e->pages / BATCH;

    measure(e, "", 0, 0);
    write_leaves(e, true);
    domain_flush(e, "first-sync", e->pages);
    domain_flush(e, "idle", 0);
    put(e, entry_of(e, page), e->leaf[page] ^ QVTD_PAGE);
    domain_flush(e, "changed", 2);
    put(e, entry_of(e, page), e->leaf[page]);
    domain_flush(e, "changed", 2);
    page_flushes(e, "page", spread, 0);
    write_batch(e, spread, false);
    page_flushes(e, "page-unmap", spread, 1);
    write_batch(e, spread, true);
    page_flushes(e, "page-map", spread, 1);
    page_flushes(e, "hot", 1, 0);
    write_batch(e, 1, false);
    page_flushes(e, "hot-unmap", 1, UINT_MAX);
    write_batch(e, 1, true);
    page_flushes(e, "hot-map", 1, 1);
    waits(e, "wait");
    queue_put(e, QVTD_INV_CONTEXT_GLOBAL);
    measure(e, "context", 1, 0);
    write_leaves(e, false);
    domain_flush(e, "teardown", UINT_MAX);
    vtd_space_watch(e->space, false, false);
    page_flushes(e, "page-unheard", spread, 0);
}

static void start(Engine *e)
{
    static const VtdConfig config = {
        .aw_bits = 48,
        .haw_bits = 48,
        .caching_mode = true,
        .dma_translation = true,
        .max_mappings = UINT32_MAX,
    };
    uint64_t root = alloc(e, 1), contexts = alloc(e, 1), top = alloc(e, 1);

    for (unsigned i = 0; i < e->pages; i += ENTRIES) {
        put(e, upper_entry(e, top, i, 2), entry_of(e, i) | 3);
    }
    put(e, root, contexts | 1);
    put(e, contexts, top | 1);
    put(e, contexts + 8, DID << 8 | 2);
    e->queue = alloc(e, QUEUE_ENTRIES * 16 / QVTD_PAGE);
    e->status = alloc(e, 1);

    e->v = vtd_new(&config, &ops, e);
    e->space = vtd_space_new(e->v, e);
    vtd_mmio_write(e->v, QVTD_RTADDR, root, 8);
    vtd_mmio_write(e->v, QVTD_GCMD, QVTD_SRTP, 4);
    vtd_mmio_write(e->v, QVTD_IQA, e->queue, 8);
    vtd_mmio_write(e->v, QVTD_GCMD, QVTD_QIE, 4);
    vtd_mmio_write(e->v, QVTD_GCMD, QVTD_QIE | QVTD_TE, 4);
    vtd_space_watch(e->space, true, true);
}

int main(int argc, char **argv)
{
    int pages = 262144;
    gboolean scattered = FALSE;
    GOptionEntry options[] = {
        { "pages", 0, 0, G_OPTION_ARG_INT, &pages, "mapped, n * 512", "N" },
        { "scattered", 0, 0, G_OPTION_ARG_NONE, &scattered,
          "random targets", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    GRand *random = g_rand_new_with_seed(1);
    g_autofree unsigned *target = NULL;
    Engine e = { .free_page = QVTD_PAGE };

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("bench-engine: %s\n", error->message);
        return 2;
    }
    if (pages < (int)ENTRIES || pages % ENTRIES ||
        pages > (int)TARGET_PAGES) {
        g_printerr("bench-engine: pages come in tables of 512, up to a "
                   "million\n");
        return 2;
    }
    e.pages = pages;
    e.memory = g_malloc0(MEMORY);
    e.leaf = g_new(uint64_t, pages);
    e.place = sequence(pages / ENTRIES, scattered ? random : NULL);
    target = sequence(TARGET_PAGES, scattered ? random : NULL);
    for (int i = 0; i < pages; i++) {
        e.leaf[i] = (TARGET + target[i] * QVTD_PAGE) | 3;
    }
    e.area = alloc(&e, pages / ENTRIES);
    start(&e);
    run(&e, random);
    vtd_space_free(e.space);
    vtd_free(e.v);
    g_rand_free(random);
    g_free(e.place);
    g_free(e.leaf);
    g_free(e.memory);
    return 0;
}
