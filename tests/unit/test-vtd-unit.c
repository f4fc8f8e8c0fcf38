/*
 * The VT-d unit as a whole: views of its devices, reset, counters
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vtd-host.h"

#define TRANSLATED              VTD_VIEW_TRANSLATED
#define DIRECT                  VTD_VIEW_DIRECT
#define PASS_THROUGH            VTD_VIEW_PASS_THROUGH

static uint64_t pass_through_lo(void)
{
    return QVTD_P | QVTD_TT(2);
}

/* Which contexts let a device see memory as it is */
static void test_views(void)
{
    Host *h = host_new(NULL);
    Device *d = device_new(h, 0x0100), *late;
    uint64_t table = host_pages(h, 1);
    const struct {
        uint64_t lo, hi;
        VtdView view;
    } contexts[] = {
        { 0, 0, TRANSLATED },
        { pass_through_lo(), context_hi(4, 1), PASS_THROUGH },
        { table | QVTD_P, context_hi(4, 1), TRANSLATED },
        { pass_through_lo() | QVTD_FPD, context_hi(4, 1), PASS_THROUGH },
        { pass_through_lo(), context_hi(5, 1), TRANSLATED },   /* bad AW */
        { pass_through_lo() | BITS(63, 12), context_hi(3, 1), PASS_THROUGH },
        { pass_through_lo() | BIT(4), context_hi(4, 1), TRANSLATED },
        { pass_through_lo() & ~QVTD_P, context_hi(4, 1), TRANSLATED },
        { pass_through_lo(), context_hi(4, 1), PASS_THROUGH },
    };

    g_assert_cmpint(d->view, ==, DIRECT);
    host_enable(h);
    g_assert_cmpint(d->view, ==, TRANSLATED);
    for (unsigned i = 0; i < G_N_ELEMENTS(contexts); i++) {
        unsigned granularity = QVTD_GLOBAL + i % 3;

        /* the domain that it was in before, where there was one (7.2) */
        set_context(h, d->sid, contexts[i].lo, contexts[i].hi);
        inv_context(h, granularity, 1, d->sid, 0);
        g_assert_cmpint(d->view, ==, contexts[i].view);
    }

    late = device_new(h, 0x0108);
    g_assert_cmpint(late->view, ==, TRANSLATED);
    g_assert_cmpuint(late->switches, ==, 1);
    device_free(late);
    set_context(h, 0x0108, pass_through_lo(), context_hi(4, 1));
    late = device_new(h, 0x0108);
    g_assert_cmpint(late->view, ==, PASS_THROUGH);
    g_assert_cmpuint(late->switches, ==, 1);
    /* renumbered: seen at the invalidation that has to follow */
    late->sid = 0x0110;
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_cmpint(late->view, ==, TRANSLATED);
    g_assert_cmpint(d->view, ==, PASS_THROUGH);

    set_root_table(h, h->vtd.root | 2 << 10);
    g_assert_cmpint(d->view, ==, TRANSLATED);
    set_root_table(h, h->vtd.root);
    g_assert_cmpint(d->view, ==, PASS_THROUGH);
    gcmd(h, QVTD_TE, false);
    g_assert_cmpint(d->view, ==, DIRECT);
    g_assert_cmpint(late->view, ==, DIRECT);
    host_free(h);
}

/* As new after a reset, whatever was on before */
static void test_reset(void)
{
    Host *h = host_new(NULL), *new = host_new(NULL);
    Device *d = device_new(h, 0x0100);
    uint64_t table = host_pages(h, 1), irt = host_pages(h, 1);
    VtdInterrupt interrupt;
    VtdSaved saved, fresh;
    VtdTranslation t;

    host_enable(h);
    attach(d, table, 4, 1);
    map(h, table, 4, 0x5000, 1, 0x9000 | QVTD_RW);
    queue_start(h, 0);
    set_irta(h, irt | 3);
    gcmd(h, QVTD_IRE, true);
    gcmd(h, QVTD_CFI, true);
    host_put(h, irt, QVTD_P | 0x11 << 16);
    g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_REMAPPED);
    assert_maps(d, 0x5000, VTD_ACCESS_READ, 0x9000);
    g_assert_false(device_translate(d, 0x6000, VTD_ACCESS_READ, &t));
    wr32(h, QVTD_FECTL, 0);
    wr32(h, QVTD_IECTL, 0);
    submit(h, 5 | QVTD_WAIT_IF, 0);
    submit(h, 0, 0);
    for (unsigned offset = 0; offset < QVTD_SIZE; offset += 4) {
        if (offset != QVTD_GCMD && offset != QVTD_FSTS && offset != QVTD_IQT &&
            offset != QVTD_FRCD_HI + 4) {
            wr32(h, offset, UINT32_MAX);
        }
    }

    g_array_set_size(h->iec_changes, 0);
    vtd_reset(h->v);
    for (unsigned offset = 0; offset < QVTD_PAGE; offset += 4) {
        g_assert_cmphex(rd32(h, offset), ==, rd32(new, offset));
    }
    vtd_save(h->v, &saved);
    vtd_save(new->v, &fresh);
    g_assert_cmpmem(&saved, sizeof(saved), &fresh, sizeof(fresh));
    g_assert_cmpint(d->view, ==, DIRECT);
    g_assert_cmpuint(h->iec_changes->len, ==, 1);
    g_assert_true(g_array_index(h->iec_changes, IecChange, 0).global);
    assert_maps(d, 0x5000, VTD_ACCESS_WRITE, 0x5000);
    g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_PASS);
    /* the queue is off */
    wr32(h, QVTD_IQT, 0x10);
    g_assert_cmphex(rd64(h, QVTD_IQH), ==, 0);

    /* nothing of before is cached or latched */
    map(h, table, 4, 0x5000, 1, 0xa000 | QVTD_RW);
    host_put(h, irt, QVTD_P | 0x22 << 16);
    gcmd(h, QVTD_TE, true);
    g_assert_cmpint(d->view, ==, TRANSLATED);
    g_assert_false(device_translate(d, 0x5000, VTD_ACCESS_READ, &t));
    wr32(h, QVTD_FRCD_HI + 4, BIT(31));
    set_root_table(h, h->vtd.root);
    assert_maps(d, 0x5000, VTD_ACCESS_READ, 0xa000);
    queue_start(h, 0);
    set_irta(h, irt);
    gcmd(h, QVTD_IRE, true);
    g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_REMAPPED);
    g_assert_cmphex(interrupt.vector, ==, 0x22);
    g_assert_cmpint(vtd_interrupt(h->v, 0, QVTD_MSI_ADDR, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_BLOCKED);
    host_free(new);
    host_free(h);
}

static void test_counter_names(void)
{
    for (unsigned i = 0; i < VTD_STAT_COUNT; i++) {
        g_assert_nonnull(vtd_stat_name(i));
        g_assert_cmpuint(strlen(vtd_stat_name(i)), >, 0);
        for (unsigned k = 0; k < i; k++) {
            g_assert_cmpstr(vtd_stat_name(i), !=, vtd_stat_name(k));
        }
    }
    g_assert_cmpstr(vtd_stat_name(VTD_STAT_TRANSLATIONS), ==, "translations");
    g_assert_cmpstr(vtd_stat_name(VTD_STAT_IEC_MISSES), ==, "iec-misses");
}

static void test_counters(void)
{
    static const struct {
        VtdStat stat;
        uint64_t value;
    } want[] = {
        { VTD_STAT_TRANSLATIONS, 7 }, { VTD_STAT_PASS_THROUGH, 2 },
        { VTD_STAT_IOTLB_HITS, 2 }, { VTD_STAT_IOTLB_MISSES, 3 },
        { VTD_STAT_CONTEXT_HITS, 5 }, { VTD_STAT_CONTEXT_MISSES, 2 },
        /* both to translated; one to pass-through; both back at the end */
        { VTD_STAT_VIEW_SWITCHES, 5 },
        { VTD_STAT_FAULTS_RECORDED, 1 }, { VTD_STAT_FAULTS_LOST, 1 },
        { VTD_STAT_INV_CONTEXT_GLOBAL, 1 },
        { VTD_STAT_INV_CONTEXT_DOMAIN, 1 },
        { VTD_STAT_INV_CONTEXT_DEVICE, 1 },
        { VTD_STAT_INV_IOTLB_GLOBAL, 1 }, { VTD_STAT_INV_IOTLB_DOMAIN, 1 },
        { VTD_STAT_INV_IOTLB_PAGE, 1 }, { VTD_STAT_INV_DEVICE_TLB, 1 },
        { VTD_STAT_INV_IEC_GLOBAL, 1 }, { VTD_STAT_INV_IEC_INDEX, 1 },
        { VTD_STAT_INV_WAIT, 8 }, { VTD_STAT_INV_ERRORS, 1 },
        { VTD_STAT_INTERRUPTS_REMAPPED, 2 },
        /* with remapping off, and in the compatibility format */
        { VTD_STAT_INTERRUPTS_PASSED, 2 },
        { VTD_STAT_INTERRUPTS_BLOCKED, 1 },
        { VTD_STAT_IEC_HITS, 1 }, { VTD_STAT_IEC_MISSES, 1 },
    };
    VtdConfig config = host_config;
    Device *d[2];
    uint64_t table, irt;
    VtdInterrupt interrupt;
    VtdTranslation t;
    Host *h;

    config.device_iotlb = true;
    h = host_new(&config);
    d[0] = device_new(h, 0x0100);
    d[1] = device_new(h, 0x0200);
    table = host_pages(h, 1);
    irt = host_pages(h, 1);
    host_enable(h);
    queue_start(h, 0);
    attach(d[0], table, 4, 1);
    set_context(h, 0x0200, pass_through_lo(), context_hi(4, 2));
    map(h, table, 4, 0x5000, 1, 0x9000 | QVTD_RW);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    inv_context(h, QVTD_DOMAIN, 1, 0, 0);
    inv_context(h, QVTD_SELECT, 1, 0x0100, 0);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    inv_iotlb(h, QVTD_DOMAIN, 1, 0, 0);
    inv_iotlb(h, QVTD_SELECT, 1, 0, 0);
    submit(h, 3 | 0x0100ull << 32, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_maps(d[0], 0x5000, VTD_ACCESS_READ, 0x9000);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_maps(d[1], 0x5000, VTD_ACCESS_READ, 0x5000);
    }
    for (unsigned i = 0; i < 2; i++) {
        g_assert_false(device_translate(d[0], 0x6000, VTD_ACCESS_READ, &t));
    }
    g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_PASS);
    set_irta(h, irt);
    host_put(h, irt, QVTD_P);
    gcmd(h, QVTD_IRE, true);
    inv_iec(h, true, 0, 0);
    inv_iec(h, false, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true,
                                      &interrupt), ==,
                        VTD_INTERRUPT_REMAPPED);
    }
    g_assert_cmpint(vtd_interrupt(h->v, 0, QVTD_MSI_ADDR, 0, false, &interrupt),
                    ==, VTD_INTERRUPT_BLOCKED);
    gcmd(h, QVTD_CFI, true);
    g_assert_cmpint(vtd_interrupt(h->v, 0, QVTD_MSI_ADDR, 0, false, &interrupt),
                    ==, VTD_INTERRUPT_PASS);
    submit(h, 0, 0);
    gcmd(h, QVTD_TE, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_test_message("%s", vtd_stat_name(want[i].stat));
        g_assert_cmpuint(vtd_stat(h->v, want[i].stat), ==, want[i].value);
    }
    host_free(h);
}

static void count_now(Host *h, uint64_t gpa)
{
    unsigned *reads = h->opaque;

    ++*reads;
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_CONTEXT_HITS), ==, 0);
}

/* Whoever asks while a request is under way sees no more than there was */
static void test_counters_midway(void)
{
    Host *h = host_new(NULL);
    Device *d = device_new(h, 0x0100);
    uint64_t table = host_pages(h, 1);
    unsigned reads = 0;

    host_enable(h);
    attach(d, table, 4, 1);
    map(h, table, 4, 0x5000, 1, 0x9000 | QVTD_RW);
    h->opaque = &reads;
    h->after_read = count_now;
    assert_maps(d, 0x5000, VTD_ACCESS_READ, 0x9000);
    h->after_read = NULL;
    /* root, context, the top table tried, four levels, the line ahead */
    g_assert_cmpuint(reads, ==, 8);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_CONTEXT_HITS), ==, 0);
    assert_maps(d, 0x5000, VTD_ACCESS_READ, 0x9000);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_CONTEXT_HITS), ==, 1);
    host_free(h);
}

static void reset_now(Host *h, uint64_t gpa)
{
    h->after_read = NULL;
    vtd_reset(h->v);
}

/* A request that a reset overtakes leaves no trace of what was before */
static void test_overtaken(void)
{
    Host *h = host_new(NULL);
    Device *d = device_new(h, 0x0100);
    uint64_t table = host_pages(h, 1), irt = host_pages(h, 1);
    VtdInterrupt interrupt;
    VtdTranslation t;

    for (unsigned kind = 0; kind < 4; kind++) {
        g_test_message("kind %u", kind);
        host_enable(h);
        attach(d, table, 4, 1);
        map(h, table, 4, 0x5000, 1, 0x9000 | QVTD_RW);
        set_irta(h, irt);
        gcmd(h, QVTD_IRE, true);
        wr32(h, QVTD_FECTL, 0);
        host_put(h, irt, kind == 3 ? QVTD_P | 0x11 << 16 : 0);
        g_array_set_size(h->messages, 0);

        h->after_read = reset_now;
        switch (kind) {
        case 0:
            g_assert_false(device_translate(d, 0x6000, VTD_ACCESS_READ, &t));
            break;
        case 1:
            device_translate(d, 0x5000, VTD_ACCESS_READ, &t);
            break;
        default:
            vtd_interrupt(h->v, 0, 0xfee00010, 0, true, &interrupt);
            break;
        }
        g_assert_null(h->after_read);
        g_assert_cmphex(rd32(h, QVTD_FSTS), ==, 0);
        g_assert_cmphex(rd64(h, QVTD_FRCD_HI), ==, 0);
        g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM);
        g_assert_cmpuint(h->messages->len, ==, 0);

        /* Nor is what it read found in a cache */
        host_put(h, irt, QVTD_P | 0x22 << 16);
        host_enable(h);
        attach(d, table, 4, 1);
        map(h, table, 4, 0x5000, 1, 0xa000 | QVTD_RW);
        assert_maps(d, 0x5000, VTD_ACCESS_READ, 0xa000);
        set_irta(h, irt);
        gcmd(h, QVTD_IRE, true);
        g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true,
                                      &interrupt), ==,
                        VTD_INTERRUPT_REMAPPED);
        g_assert_cmphex(interrupt.vector, ==, 0x22);
        vtd_reset(h->v);
    }
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/unit/views", test_views);
    g_test_add_func("/vtd/unit/reset", test_reset);
    g_test_add_func("/vtd/unit/counter-names", test_counter_names);
    g_test_add_func("/vtd/unit/counters", test_counters);
    g_test_add_func("/vtd/unit/counters-midway", test_counters_midway);
    g_test_add_func("/vtd/unit/overtaken", test_overtaken);
    return g_test_run();
}
