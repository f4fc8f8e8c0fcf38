/*
 * The VT-d unit, interrupted at each seam of its lock-free reads
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests meet changes, and changes requests.  Each place has a number, and
 * a change leads from place 1 to place 2.  See vtd-seam.h.
 */

#include "qemu/osdep.h"
#include "vtd-host.h"
#include "vtd-seam.h"

#define IOVA                    0x5000
#define BLOCKED                 0
#define HANDLE                  3

typedef struct Unit {
    Host *h;
    Device *d;
    uint64_t table[2], irt[2];
    SeamActor *change;
    const VtdSaved *saved;      /* for load() */
    unsigned got;               /* the place, or BLOCKED */
    unsigned during;            /* what may be got meanwhile, as bits */
} Unit;

static void unit_map(Unit *u, unsigned table, unsigned place)
{
    map(u->h, u->table[table], 3, IOVA, 1, place * BIT(20) | QVTD_RW);
}

static void unit_put_irte(Unit *u, unsigned irt, unsigned place)
{
    host_put(u->h, u->irt[irt] + HANDLE * 16, place << 16 | QVTD_P);
}

static void unit_read(Host *h, uint64_t gpa)
{
    seam_step();
}

static Unit *unit_new(void)
{
    Unit *u = g_new0(Unit, 1);

    u->h = host_new(NULL);
    u->d = device_new(u->h, 0x0100);
    for (unsigned i = 0; i < 2; i++) {
        u->table[i] = host_pages(u->h, 1);
        u->irt[i] = host_pages(u->h, 1);
        unit_map(u, i, i + 1);
        unit_put_irte(u, i, i + 1);
    }
    host_enable(u->h);
    attach(u->d, u->table[0], 3, 1);
    queue_start(u->h, 0);
    set_irta(u->h, u->irt[0] | 7);
    gcmd(u->h, QVTD_IRE, true);
    u->h->after_read = unit_read;
    return u;
}

static void unit_free(Unit *u)
{
    host_free(u->h);
    g_free(u);
}

static void unit_dma(void *opaque)
{
    Unit *u = opaque;
    VtdTranslation t;

    u->got = device_translate(u->d, IOVA, VTD_ACCESS_READ, &t)
             ? (t.addr | (IOVA & t.mask)) / BIT(20) : BLOCKED;
}

static void unit_interrupt(void *opaque)
{
    Unit *u = opaque;
    VtdInterrupt out;

    switch (vtd_interrupt(u->h->v, 0, 0xfee00010 | HANDLE << 5, 0, true,
                          &out)) {
    case VTD_INTERRUPT_REMAPPED:
        u->got = out.vector;
        break;
    case VTD_INTERRUPT_PASS:
        u->got = 3;
        break;
    default:
        u->got = BLOCKED;
    }
}

static void unit_compatible(void *opaque)
{
    Unit *u = opaque;
    VtdInterrupt out;

    u->got = vtd_interrupt(u->h->v, 0, QVTD_MSI_ADDR, 0x41, true, &out) ==
             VTD_INTERRUPT_PASS ? 3 : BLOCKED;
}

static void unit_change(void *opaque)
{
    Unit *u = opaque;

    u->change(u);
}

/* In the midst of a change: its end is not told of yet */
static void unit_dma_during(void *opaque)
{
    Unit *u = opaque;

    unit_dma(u);
    g_assert_true(u->during & BIT(u->got));
}

static void unit_interrupt_during(void *opaque)
{
    Unit *u = opaque;

    unit_interrupt(u);
    g_assert_true(u->during & BIT(u->got));
}

static void unit_compatible_during(void *opaque)
{
    Unit *u = opaque;

    unit_compatible(u);
    g_assert_true(u->during & BIT(u->got));
}

/* Changes */

static void page_then_pages(void *opaque)
{
    Unit *u = opaque;

    unit_map(u, 0, 2);
    inv_iotlb(u->h, QVTD_SELECT, 1, IOVA, 0);
}

static void page_then_domain(void *opaque)
{
    Unit *u = opaque;

    unit_map(u, 0, 2);
    inv_iotlb(u->h, QVTD_DOMAIN, 1, 0, 0);
}

static void page_then_global(void *opaque)
{
    Unit *u = opaque;

    unit_map(u, 0, 2);
    inv_iotlb(u->h, QVTD_GLOBAL, 0, 0, 0);
}

/* The entry above leads to another table of leaves */
static void table_then(Unit *u, unsigned granularity)
{
    host_put(u->h, table_entry(u->h, u->table[0], 3, IOVA, 2),
             host_get(u->h, table_entry(u->h, u->table[1], 3, IOVA, 2)));
    inv_iotlb(u->h, granularity, 1, IOVA, 0);
}

static void table_then_pages(void *opaque)
{
    table_then(opaque, QVTD_SELECT);
}

static void table_then_domain(void *opaque)
{
    table_then(opaque, QVTD_DOMAIN);
}

static void table_then_global(void *opaque)
{
    table_then(opaque, QVTD_GLOBAL);
}

/* The table of leaves is cached, but not the page in it */
static void prepare_table(Unit *u)
{
    map(u->h, u->table[0], 3, IOVA + QVTD_PAGE, 1, BIT(20) | QVTD_RW);
    assert_maps(u->d, IOVA + QVTD_PAGE, VTD_ACCESS_READ, BIT(20));
}

/* The table pointer alone: the entry is right at any time */
static void context_then(Unit *u, unsigned granularity)
{
    attach(u->d, u->table[1], 3, 1);
    inv_context(u->h, granularity, 1, u->d->sid, 0);
    inv_iotlb(u->h, QVTD_DOMAIN, 1, 0, 0);
}

static void context_then_device(void *opaque)
{
    context_then(opaque, QVTD_SELECT);
}

static void context_then_domain(void *opaque)
{
    context_then(opaque, QVTD_DOMAIN);
}

static void context_then_global(void *opaque)
{
    context_then(opaque, QVTD_GLOBAL);
}

/* Another domain, and its tables */
static void domain(void *opaque)
{
    Unit *u = opaque;

    attach(u->d, u->table[1], 3, 2);
    inv_context(u->h, QVTD_SELECT, 1, u->d->sid, 0);
    inv_iotlb(u->h, QVTD_DOMAIN, 1, 0, 0);
}

/* Nothing of the first is cached since, so it changes without more ado */
static void domain_back(void *opaque)
{
    Unit *u = opaque;

    unit_map(u, 0, 2);
    attach(u->d, u->table[0], 3, 1);
    inv_context(u->h, QVTD_SELECT, 2, u->d->sid, 0);
    inv_iotlb(u->h, QVTD_DOMAIN, 2, 0, 0);
}

/* The same tables in the place of others, which cannot be told by a tag */
static void page_then_context(void *opaque)
{
    Unit *u = opaque;

    unit_map(u, 0, 2);
    detach(u->d);
    inv_context(u->h, QVTD_SELECT, 1, u->d->sid, 0);
    inv_iotlb(u->h, QVTD_DOMAIN, 1, 0, 0);
    attach(u->d, u->table[0], 3, 1);
}

static void root_table(void *opaque)
{
    Unit *u = opaque;

    u->h->vtd.root = host_pages(u->h, 1);
    attach(u->d, u->table[1], 3, 1);
    set_root_table(u->h, u->h->vtd.root);
}

static void translation_off(void *opaque)
{
    Unit *u = opaque;

    gcmd(u->h, QVTD_TE, false);
}

static void translation_off_and_on(void *opaque)
{
    Unit *u = opaque;

    gcmd(u->h, QVTD_TE, false);
    unit_map(u, 0, 2);
    gcmd(u->h, QVTD_TE, true);
}

static void dma_reset(void *opaque)
{
    Unit *u = opaque;

    vtd_reset(u->h->v);
    unit_map(u, 0, 2);
    set_root_table(u->h, u->h->vtd.root);
    gcmd(u->h, QVTD_TE, true);
}

static void irte_then_index(void *opaque)
{
    Unit *u = opaque;

    unit_put_irte(u, 0, 2);
    inv_iec(u->h, false, HANDLE, 0);
}

static void irte_then_global(void *opaque)
{
    Unit *u = opaque;

    unit_put_irte(u, 0, 2);
    inv_iec(u->h, true, 0, 0);
}

static void irt(void *opaque)
{
    Unit *u = opaque;

    set_irta(u->h, u->irt[1] | 7);
}

static void remapping_on(void *opaque)
{
    Unit *u = opaque;

    set_irta(u->h, u->irt[1] | 7);
    gcmd(u->h, QVTD_IRE, true);
}

static void remapping_off_and_on(void *opaque)
{
    Unit *u = opaque;

    gcmd(u->h, QVTD_IRE, false);
    remapping_on(u);
}

static void intr_reset(void *opaque)
{
    Unit *u = opaque;

    vtd_reset(u->h->v);
    remapping_on(u);
}

static void compatibility_off(void *opaque)
{
    Unit *u = opaque;

    gcmd(u->h, QVTD_CFI, false);
}

static void prepare_off(Unit *u)
{
    gcmd(u->h, QVTD_IRE, false);
}

static void prepare_compatibility(Unit *u)
{
    gcmd(u->h, QVTD_CFI, true);
}

#define OLD                     BIT(1)
#define NEW                     BIT(2)
#define PASSED                  BIT(3)

static const struct {
    const char *name;
    SeamActor *request, *during;
    SeamActor *change;
    void (*prepare)(Unit *u);
    unsigned may;               /* be got meanwhile */
    unsigned after;             /* must be got afterwards */
    SeamActor *then;                /* when both are over */
} changes[] = {
    { "page/pages", unit_dma, unit_dma_during, page_then_pages,
      NULL, OLD | NEW, 2 },
    { "page/domain", unit_dma, unit_dma_during, page_then_domain,
      NULL, OLD | NEW, 2 },
    { "page/global", unit_dma, unit_dma_during, page_then_global,
      NULL, OLD | NEW, 2 },
    { "table/first", unit_dma, unit_dma_during, table_then_pages,
      NULL, OLD | NEW, 2 },
    { "table/pages", unit_dma, unit_dma_during, table_then_pages,
      prepare_table, OLD | NEW, 2 },
    { "table/domain", unit_dma, unit_dma_during, table_then_domain,
      prepare_table, OLD | NEW, 2 },
    { "table/global", unit_dma, unit_dma_during, table_then_global,
      prepare_table, OLD | NEW, 2 },
    { "context/device", unit_dma, unit_dma_during, context_then_device,
      NULL, OLD | NEW, 2 },
    { "context/domain", unit_dma, unit_dma_during, context_then_domain,
      NULL, OLD | NEW, 2 },
    { "context/global", unit_dma, unit_dma_during, context_then_global,
      NULL, OLD | NEW, 2 },
    { "context/again", unit_dma, unit_dma_during, page_then_context,
      NULL, OLD | NEW | BIT(BLOCKED), 2 },
    { "domain", unit_dma, unit_dma_during, domain,
      NULL, OLD | NEW, 2, domain_back },
    { "root", unit_dma, unit_dma_during, root_table, NULL, OLD | NEW, 2 },
    /* With translation off the address passes: place 0, as if blocked */
    /* It passes as it is then, to a page in the first MiB */
    { "translation/off", unit_dma, unit_dma_during, translation_off,
      NULL, OLD | BIT(0), 0 },
    { "translation", unit_dma, unit_dma_during, translation_off_and_on,
      NULL, OLD | NEW | BIT(BLOCKED), 2 },
    { "reset", unit_dma, unit_dma_during, dma_reset,
      NULL, OLD | NEW | BIT(BLOCKED), 2 },
    { "irte/index", unit_interrupt, unit_interrupt_during, irte_then_index,
      NULL, OLD | NEW, 2 },
    { "irte/global", unit_interrupt, unit_interrupt_during,
      irte_then_global, NULL, OLD | NEW, 2 },
    { "irt", unit_interrupt, unit_interrupt_during, irt,
      NULL, OLD | NEW, 2 },
    { "remapping/on", unit_interrupt, unit_interrupt_during, remapping_on,
      prepare_off, NEW | PASSED, 2 },
    { "remapping", unit_interrupt, unit_interrupt_during,
      remapping_off_and_on, NULL, OLD | NEW | PASSED, 2 },
    { "reset/interrupts", unit_interrupt, unit_interrupt_during, intr_reset,
      NULL, OLD | NEW | PASSED, 2 },
    { "compatibility", unit_compatible, unit_compatible_during,
      compatibility_off, prepare_compatibility, PASSED | BIT(BLOCKED),
      BLOCKED },
};

/* One comes in the midst of the other, in both ways, with caches or without */
static void test_change(const void *opaque)
{
    unsigned i = GPOINTER_TO_UINT(opaque);

    for (unsigned way = 0; way < 4; way++) {
        bool warm = way & 1, more = true;
        unsigned at;

        for (at = 0; more; at++) {
            Unit *u = unit_new();

            if (changes[i].prepare) {
                changes[i].prepare(u);
            }
            u->change = changes[i].change;
            u->during = changes[i].may;
            if (warm) {
                changes[i].request(u);
                g_assert_cmpuint(u->got, !=, 2);
            }
            if (way & 2) {
                more = seam_interrupt(unit_change, changes[i].during, u, at);
            } else {
                more = seam_interrupt(changes[i].request, unit_change, u, at);
                g_assert_true(u->during & BIT(u->got));
                if (!more) {
                    u->change(u);
                }
            }
            if (changes[i].then) {
                changes[i].then(u);
            }
            /* The first makes a cache what it may be, the second asks it */
            for (unsigned n = 0; n < 2; n++) {
                changes[i].request(u);
                g_assert_cmpuint(u->got, ==, changes[i].after);
            }
            unit_free(u);
        }
        g_assert_cmpuint(at, >, 1);
    }
}

/* Requests that fault, and what they may not leave a trace after */

static void unit_dma_faults(void *opaque)
{
    Unit *u = opaque;
    VtdTranslation t;

    device_translate(u->d, IOVA + QVTD_PAGE, VTD_ACCESS_READ, &t);
}

static void unit_interrupt_faults(void *opaque)
{
    Unit *u = opaque;
    VtdInterrupt out;

    vtd_interrupt(u->h->v, 0, 0xfee00010 | (HANDLE + 1) << 5, 0, true, &out);
}

static void load(void *opaque)
{
    Unit *u = opaque;

    g_assert_null(vtd_load(u->h->v, u->saved));
    vtd_load_finish(u->h->v);
}

static const struct {
    const char *name;
    SeamActor *request, *end;
} lives[] = {
    { "dma/reset", unit_dma_faults, dma_reset },
    { "dma/load", unit_dma_faults, load },
    { "interrupt/reset", unit_interrupt_faults, intr_reset },
    { "interrupt/load", unit_interrupt_faults, load },
};

/* A request that began before a life of the unit's ended leaves no fault */
static void test_life(const void *opaque)
{
    unsigned i = GPOINTER_TO_UINT(opaque);
    bool more = true;

    for (unsigned at = 0; more; at++) {
        Unit *u = unit_new();
        VtdSaved saved;
        bool recorded;

        vtd_save(u->h->v, &saved);
        u->saved = &saved;
        u->change = lives[i].end;
        u->h->cannot_inject = true;
        wr32(u->h, QVTD_FECTL, 0);
        more = seam_interrupt(lives[i].request, unit_change, u, at);
        /* At its first seam it has not begun yet */
        recorded = at == 0 || !more;
        g_assert_cmphex(rd32(u->h, QVTD_FSTS), ==,
                        (recorded ? QVTD_FSTS_PPF : 0));
        g_assert_cmphex(rd64(u->h, QVTD_FRCD_HI) >> 63, ==, recorded);
        u->h->cannot_inject = false;
        wr32(u->h, QVTD_FECTL, 0);
        g_assert_cmpuint(u->h->messages->len, ==, recorded);
        unit_free(u);
    }
}

/* Faults that meet the handler of the one before */

static void fault(void *opaque)
{
    Unit *u = opaque;
    VtdTranslation t;

    g_assert_false(device_translate(u->d, 0x9000, VTD_ACCESS_READ, &t));
}

static void clear_fault(void *opaque)
{
    Unit *u = opaque;

    wr32(u->h, QVTD_FRCD_HI + 4, BIT(31));
}

static void mask_event(void *opaque)
{
    Unit *u = opaque;

    wr32(u->h, QVTD_FECTL, QVTD_ECTL_IM);
}

static void unmask_event(void *opaque)
{
    Unit *u = opaque;

    wr32(u->h, QVTD_FECTL, 0);
}

/* Each record that software has not cleared is told of, once */
static void test_faults(void)
{
    static SeamActor *const handlers[] = {
        clear_fault, mask_event, unmask_event,
    };

    for (unsigned way = 0; way < 2 * G_N_ELEMENTS(handlers); way++) {
        SeamActor *handler = handlers[way / 2];
        bool more = true;
        unsigned at;

        for (at = 0; more; at++) {
            Unit *u = unit_new();
            Host *h = u->h;

            wr32(h, QVTD_FECTL, 0);
            if (handler == clear_fault) {
                fault(u);
            } else if (handler == unmask_event) {
                wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
            }
            more = way & 1 ? seam_interrupt(fault, handler, u, at)
                           : seam_interrupt(handler, fault, u, at);
            g_assert_cmphex(rd32(h, QVTD_FSTS) & QVTD_FSTS_PPF, ==,
                            rd64(h, QVTD_FRCD_HI) & QVTD_FRCD_F ?
                            QVTD_FSTS_PPF : 0);
            wr32(h, QVTD_FECTL, 0);
            g_assert_cmpuint(h->messages->len, ==,
                             vtd_stat(h->v, VTD_STAT_FAULTS_RECORDED));
            unit_free(u);
        }
        g_assert_cmpuint(at, >, 3);
    }
}

/* What is latched, and a context's way to who reads it */
static void test_orders(void)
{
    Unit *u = unit_new();

    unit_dma(u);
    unit_interrupt(u);
    unit_compatible(u);
    seam_relaxed = 0;
    unit_interrupt(u);
    unit_compatible(u);
    g_assert_cmpuint(seam_relaxed, ==, 0);
    unit_dma(u);
    g_assert_cmpuint(u->got, ==, 1);
    g_assert_cmpuint(seam_relaxed, ==, 2);      /* the count of hits */

    seam_relaxed = 0;
    context_then_device(u);
    root_table(u);
    translation_off_and_on(u);
    remapping_off_and_on(u);
    gcmd(u->h, QVTD_CFI, true);
    g_assert_cmpuint(seam_relaxed, ==, 0);
    unit_free(u);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/seam/orders", test_orders);
    g_test_add_func("/vtd/seam/faults", test_faults);
    for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
        char *path = g_strdup_printf("/vtd/seam/%s", changes[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_change);
        g_free(path);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(lives); i++) {
        char *path = g_strdup_printf("/vtd/seam/life/%s", lives[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_life);
        g_free(path);
    }
    return g_test_run();
}
