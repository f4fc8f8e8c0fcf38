/*
 * VT-d engine: what a shadow costs in instructions
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the smallest host that the engine can have, so that next to nothing
 * but the engine is counted, and a row of operations on one device with a
 * shadow, in legacy mode or one of scalable mode's.  scripts/bench runs this
 * under callgrind, which counts inside of measured() and writes one profile for
 * each call of it; for each call this prints a line of JSON, in the same order:
 * the name and for how many operations, 0 for what a write of the queue's tail
 * costs by itself, and the time that passed.  With --repeats, what changes
 * nothing is done so many times; with --ask, all that monitors can ask is asked
 * once, after the first sync.
 *
 * "memcmp" is no operation of the engine's: it compares all tables of last
 * levels with copies, which is the least that a look at them can cost.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/look.h"
#include "hw/i386/vtd/vtd.h"
#include "tests/vtd/numbers.h"

#define ENTRIES                 512u

/* Guest memory: tables up to MEMORY, targets from TARGET on */
#define MEMORY                  (64ull << 20)
#define TARGET                  0x100000000ull
#define TARGET_PAGES            (1u << 20)
#define IOVA                    0x1000000000ull

#define DID                     1ull

typedef enum Mode {
    MODE_LEGACY,
    MODE_SECOND,
    MODE_FIRST,
    MODE_NESTED,
} Mode;

static const char *const mode_name[] = { "legacy", "ss", "fs", "nested" };

/* With the bits that a unit would set, as tables have them in use */
#define FIRST_TABLE             (QVTD_FS_USER | QVTD_FS_A)
#define FIRST_LEAF              (FIRST_TABLE | QVTD_FS_D)

#define QUEUE_ENTRIES           256
#define BATCH                   100
#define HITS                    (100 * BATCH)
#define MISSES                  512     /* fewer than are cached */

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
    Mode mode;
    uint64_t second;            /* top table of the second stage below them, */
    uint64_t second_area;       /* and its tables of leaves */
    uint64_t *copy;             /* of all tables of leaves */
    unsigned repeats;
    bool ask;
    enum { KICK, FLUSH_WRITE_BUFFER, COMPARE, TRANSLATE } what;
    unsigned requests, targets; /* TRANSLATE: to so many pages in turn */
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

static bool host_swap(void *host, uint64_t gpa, uint64_t old, uint64_t new)
{
    uint64_t now;

    /* Nobody else writes */
    return host_read(host, gpa, &now, sizeof(now)) && now == old &&
           host_write(host, gpa, &new, sizeof(new));
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

static bool host_drain(void *host)
{
    return true;
}

static void host_log(void *host, bool first, uint32_t sid, const char *line)
{
    g_error("%s", line);
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
    .swap = host_swap,
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
    .drain = host_drain,
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

static bool is_first(const Engine *e)
{
    return e->mode == MODE_FIRST || e->mode == MODE_NESTED;
}

/* The entry for @iova at @level of the tables from @top; @bits for new ones */
static uint64_t entry_at(Engine *e, uint64_t top, uint64_t iova,
                         unsigned level, uint64_t bits)
{
    uint64_t table = top;

    for (unsigned at = 4; ; at--) {
        uint64_t entry = table + (iova >> (12 + 9 * (at - 1)) & 511) * 8;

        if (at == level) {
            return entry;
        }
        if (!get(e, entry)) {
            put(e, entry, alloc(e, 1) | bits);
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

/* Scalable mode has descriptors of 256 bits alone */
static unsigned desc_size(const Engine *e)
{
    return e->mode == MODE_LEGACY ? 16 : 32;
}

static void queue_put(Engine *e, QVtdDesc desc)
{
    uint64_t at = e->queue + e->tail * desc_size(e);

    put(e, at, desc.lo);
    put(e, at + 8, desc.hi);
    e->tail = (e->tail + 1) % QUEUE_ENTRIES;
}

/* All tables of leaves, in the order of the addresses */
static bool compare(const Engine *e)
{
    const uint8_t *copy = (const uint8_t *)e->copy;
    size_t tables = e->pages / ENTRIES;
    int differs = 0;

    for (size_t i = 0; i < tables; i++) {
        uint64_t at = e->place[i] * QVTD_PAGE;

        differs |= memcmp(e->memory + e->area + at, copy + at, QVTD_PAGE);
    }
    for (size_t i = 0; e->mode == MODE_NESTED && i < tables; i++) {
        differs |= memcmp(e->memory + e->second_area + i * QVTD_PAGE,
                          copy + (tables + i) * QVTD_PAGE, QVTD_PAGE);
    }
    return !differs;
}

static void translate(Engine *e)
{
    unsigned step = e->pages / e->targets;
    VtdTranslation out;

    for (unsigned i = 0; i < e->requests; i++) {
        uint64_t iova = IOVA + i % e->targets * step * QVTD_PAGE;

        g_assert_true(vtd_translate(e->space, iova, VTD_ACCESS_READ, &out));
    }
}

/* What is counted; callgrind knows it by this name */
void measured(Engine *e);
void __attribute__((noinline)) measured(Engine *e)
{
    switch (e->what) {
    case KICK:
        vtd_mmio_write(e->v, QVTD_IQT, e->tail * desc_size(e), 8);
        break;
    case FLUSH_WRITE_BUFFER:
        vtd_mmio_write(e->v, QVTD_GCMD, QVTD_QIE | QVTD_TE | QVTD_WBF, 4);
        break;
    case COMPARE:
        g_assert_true(compare(e));
        break;
    case TRANSLATE:
        translate(e);
        break;
    }
}

static double now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* What is in the queue is @n operations @name with @notices each */
static void measure(Engine *e, const char *name, unsigned n, unsigned notices)
{
    double ns;

    e->notices = 0;
    ns = -now_ns();
    measured(e);
    ns += now_ns();
    g_assert_cmphex(vtd_mmio_read(e->v, QVTD_IQH, 8), ==,
                    e->tail * desc_size(e));
    g_assert_cmphex(vtd_mmio_read(e->v, QVTD_GSTS, 4) & QVTD_WBF, ==, 0);
    if (notices != UINT_MAX) {
        g_assert_cmpuint(e->notices, ==, n * notices);
    }
    printf("{\"op\": \"%s\", \"n\": %u, \"notices\": %u, \"ns\": %.0f}\n",
           name, n, e->notices, ns);
}

/* As software tells of whatever it may have changed */
static void flush(Engine *e, const char *name, unsigned notices)
{
    if (is_first(e)) {
        e->what = FLUSH_WRITE_BUFFER;
    } else {
        queue_put(e, QVTD_INV_IOTLB_DOMAIN(DID));
    }
    measure(e, name, 1, notices);
    e->what = KICK;
}

/* A batch of pages is neighbours (@step 1), or spread over all of them */
static void page_flushes(Engine *e, const char *name, unsigned step,
                         unsigned notices)
{
    for (unsigned i = 0; i < BATCH; i++) {
        uint64_t iova = IOVA + i * step * QVTD_PAGE;

        queue_put(e, is_first(e) ? QVTD_INV_PASID_IOTLB_PAGES(DID, 0, iova, 0)
                                 : QVTD_INV_IOTLB_PAGES(DID, iova, 0));
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

/* The page that @page leads to is another one for a moment */
static void second_stage_changes(Engine *e, unsigned page)
{
    uint64_t gpa = e->leaf[page] & ~0xfffull;
    uint64_t entry = entry_at(e, e->second, gpa, 1, 3);

    for (unsigned i = 0; i < e->repeats; i++) {
        for (unsigned back = 0; back < 2; back++) {
            put(e, entry, (back ? gpa : gpa ^ QVTD_PAGE) | 3);
            queue_put(e, QVTD_INV_IOTLB_PAGES(DID, gpa, 0));
            measure(e, "second-changed", 1, 2);
        }
    }
}

/* Requests of a device that has no shadow */
static void requests(Engine *e, const char *name, unsigned n, unsigned targets)
{
    e->what = TRANSLATE;
    e->requests = n;
    e->targets = targets;
    measure(e, name, n, 0);
    e->what = KICK;
}

static void translations(Engine *e)
{
    write_leaves(e, true);
    for (unsigned i = 0; i < e->repeats; i++) {
        queue_put(e, QVTD_INV_IOTLB_GLOBAL);
        measure(e, "global", 1, 0);
        requests(e, "miss", MISSES, MISSES);
        requests(e, "hit", HITS, BATCH);
        requests(e, "hit", HITS, BATCH);
    }
}

/* All that monitors can ask, once */
static void ask(Engine *e)
{
    uint64_t last = IOVA + e->pages * QVTD_PAGE - 1, from = 0, to = last;
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(VtdMapped));
    VtdMappedLook mapped = {
        .last = last, .limit = UINT_MAX, .ranges = ranges,
    };
    VtdUnitLook unit;
    VtdSpaceLook space;
    VtdExplained way;
    VtdPastFault fault;

    vtd_look_unit(e->v, &unit);
    vtd_look_space(e->space, &space);
    g_assert_cmpuint(space.pages, ==, e->pages);
    while (!mapped.done) {
        vtd_look_mapped(e->space, &mapped);
    }
    g_assert_cmpuint(ranges->len, >, 0);
    g_assert_false(vtd_look_refused(e->space, &from, &to));
    g_assert_false(vtd_look_fault(e->v, 0, &fault));
    vtd_explain(e->space, VTD_NO_PASID, IOVA, VTD_ACCESS_READ, &way);
    g_assert_true(way.reason == VTD_FAULT_NONE && way.seen);
}

static void run(Engine *e, GRand *random)
{
    unsigned page = g_rand_int_range(random, 0, e->pages);
    unsigned spread = e->pages / BATCH;

    measure(e, "", 0, 0);
    write_leaves(e, true);
    flush(e, "first-sync", e->pages);
    if (e->ask) {
        ask(e);
    }
    for (unsigned i = 0; i < e->repeats; i++) {
        flush(e, "idle", 0);
        e->what = COMPARE;
        measure(e, "memcmp", 1, 0);
        e->what = KICK;
    }
    for (unsigned i = 0; i < e->repeats; i++) {
        put(e, entry_of(e, page), e->leaf[page] ^ QVTD_PAGE);
        flush(e, "changed", 2);
        put(e, entry_of(e, page), e->leaf[page]);
        flush(e, "changed", 2);
    }
    if (e->mode == MODE_NESTED) {
        second_stage_changes(e, page);
    }
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
    flush(e, "teardown", UINT_MAX);
    vtd_space_watch(e->space, false, false);
    page_flushes(e, "page-unheard", spread, 0);
    translations(e);
}

/* Targets and tables are what they seem, by pages of 4 KiB and of 2 MiB */
static void make_second_stage(Engine *e)
{
    unsigned tables = e->pages / ENTRIES;

    e->second = alloc(e, 1);
    for (uint64_t gpa = 0; gpa < MEMORY; gpa += ENTRIES * QVTD_PAGE) {
        put(e, entry_at(e, e->second, gpa, 2, 3), gpa | QVTD_PS | 3);
    }
    e->second_area = alloc(e, tables);
    for (unsigned i = 0; i < tables; i++) {
        put(e, entry_at(e, e->second, TARGET + i * ENTRIES * QVTD_PAGE, 2, 3),
            (e->second_area + i * QVTD_PAGE) | 3);
    }
    for (unsigned i = 0; i < e->pages; i++) {
        put(e, e->second_area + i * 8, (TARGET + i * QVTD_PAGE) | 3);
    }
}

/* The device's entries, and what RTADDR is then */
static uint64_t make_entries(Engine *e, uint64_t top)
{
    static const unsigned pgtt[] = {
        [MODE_SECOND] = QVTD_PGTT_SECOND,
        [MODE_FIRST] = QVTD_PGTT_FIRST,
        [MODE_NESTED] = QVTD_PGTT_NESTED,
    };
    uint64_t root = alloc(e, 1), contexts = alloc(e, 1), directory, pasids;
    uint64_t second = e->mode == MODE_SECOND ? top : e->second;

    put(e, root, contexts | 1);
    if (e->mode == MODE_LEGACY) {
        put(e, contexts, top | 1);
        put(e, contexts + 8, DID << 8 | 2);
        return root;
    }
    directory = alloc(e, 1);
    pasids = alloc(e, 1);
    put(e, contexts, directory | 1);
    put(e, directory, pasids | 1);
    put(e, pasids, second | QVTD_PE_AW(2) | QVTD_PGTT(pgtt[e->mode]) | 1);
    put(e, pasids + 8, DID);
    put(e, pasids + 16, is_first(e) ? top : 0);
    return root | QVTD_TTM_SCALABLE;
}

static void start(Engine *e)
{
    VtdConfig config = {
        .aw_bits = 48,
        .haw_bits = 48,
        .caching_mode = true,
        .dma_translation = true,
        .max_mappings = UINT32_MAX,
    };
    uint64_t bits = is_first(e) ? FIRST_TABLE : 3, top = alloc(e, 1), root;
    unsigned queue_pages;

    if (e->mode != MODE_LEGACY) {
        config.scalable_mode = config.dma_drain = true;
        config.first_stage = config.second_stage = config.nested = true;
        config.write_buffer = true;
    }
    for (unsigned i = 0; i < e->pages; i += ENTRIES) {
        put(e, entry_at(e, top, IOVA + i * QVTD_PAGE, 2, bits),
            entry_of(e, i) | bits);
    }
    if (e->mode == MODE_NESTED) {
        make_second_stage(e);
    }
    root = make_entries(e, top);
    queue_pages = QUEUE_ENTRIES * desc_size(e) / QVTD_PAGE;
    e->queue = alloc(e, queue_pages);
    e->status = alloc(e, 1);

    e->v = vtd_new(&config, &ops, e);
    e->space = vtd_space_new(e->v, e);
    vtd_mmio_write(e->v, QVTD_RTADDR, root, 8);
    vtd_mmio_write(e->v, QVTD_GCMD, QVTD_SRTP, 4);
    vtd_mmio_write(e->v, QVTD_IQA, e->queue | (queue_pages - 1) |
                   (e->mode == MODE_LEGACY ? 0 : QVTD_IQA_DW), 8);
    vtd_mmio_write(e->v, QVTD_GCMD, QVTD_QIE, 4);
    vtd_mmio_write(e->v, QVTD_GCMD, QVTD_QIE | QVTD_TE, 4);
    vtd_space_watch(e->space, true, true);
}

/* What the tables of leaves are once all is mapped */
static void copy_tables(Engine *e)
{
    size_t bytes = e->pages * sizeof(uint64_t);

    e->copy = g_malloc(2 * bytes);
    write_leaves(e, true);
    memcpy(e->copy, e->memory + e->area, bytes);
    memcpy((uint8_t *)e->copy + bytes, e->memory + e->second_area, bytes);
    write_leaves(e, false);
}

static bool parse_mode(const char *name, Mode *mode)
{
    for (*mode = MODE_LEGACY; *mode <= MODE_NESTED; (*mode)++) {
        if (!g_strcmp0(name, mode_name[*mode])) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    int pages = 262144, repeats = 1;
    unsigned targets;
    gboolean scattered = FALSE, ask = FALSE;
    g_autofree char *mode = g_strdup("legacy");
    GOptionEntry options[] = {
        { "pages", 0, 0, G_OPTION_ARG_INT, &pages, "mapped, n * 512", "N" },
        { "scattered", 0, 0, G_OPTION_ARG_NONE, &scattered,
          "random targets", NULL },
        { "mode", 0, 0, G_OPTION_ARG_STRING, &mode,
          "of the tables: legacy, ss, fs or nested", "MODE" },
        { "repeats", 0, 0, G_OPTION_ARG_INT, &repeats,
          "of what changes nothing", "N" },
        { "ask", 0, 0, G_OPTION_ARG_NONE, &ask,
          "what monitors can ask, after the first sync", NULL },
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
    if (!parse_mode(mode, &e.mode) || repeats < 1) {
        g_printerr("bench-engine: no such mode, or no repeats\n");
        return 2;
    }
    e.repeats = repeats;
    e.ask = ask;
    e.pages = pages;
    e.memory = g_malloc0(MEMORY);
    e.leaf = g_new(uint64_t, pages);
    e.place = sequence(pages / ENTRIES, scattered ? random : NULL);
    /* The second stage of nested ones has as many pages as the first */
    targets = e.mode == MODE_NESTED ? e.pages : TARGET_PAGES;
    target = sequence(targets, scattered ? random : NULL);
    for (int i = 0; i < pages; i++) {
        e.leaf[i] = (TARGET + target[i] * QVTD_PAGE) |
                    (is_first(&e) ? FIRST_LEAF : 3);
    }
    e.area = alloc(&e, pages / ENTRIES);
    start(&e);
    copy_tables(&e);
    run(&e, random);
    vtd_space_free(e.space);
    vtd_free(e.v);
    g_rand_free(random);
    g_free(e.place);
    g_free(e.leaf);
    g_free(e.copy);
    g_free(e.memory);
    return 0;
}
