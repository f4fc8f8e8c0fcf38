/*
 * The VT-d unit's registers: values, widths, masks, commands
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vtd-host.h"

/* What software may write and read back */
static const struct {
    uint16_t offset;
    uint8_t size;
    uint64_t reset;
    uint64_t writable;
} regs[] = {
    { QVTD_VER, 4, 0x10, 0 },
    { QVTD_CAP, 8, 0x00d2008c222f0606, 0 },
    { QVTD_ECAP, 8, 0xf00f5a, 0 },
    { QVTD_GSTS, 4, 0, 0 },
    { QVTD_RTADDR, 8, 0, BITS(63, 10) },
    { QVTD_FECTL, 4, QVTD_ECTL_IM, QVTD_ECTL_IM },
    { QVTD_FEDATA, 4, 0, 0xffff },
    { QVTD_FEADDR, 4, 0, 0xfffffffc },
    { QVTD_FEUADDR, 4, 0, 0xffffffff },
    { QVTD_IQH, 8, 0, 0 },
    { QVTD_IQT, 8, 0, BITS(18, 4) },
    { QVTD_IQA, 8, 0, BITS(63, 11) | BITS(2, 0) },
    { QVTD_IECTL, 4, QVTD_ECTL_IM, QVTD_ECTL_IM },
    { QVTD_IEDATA, 4, 0, 0xffff },
    { QVTD_IEADDR, 4, 0, 0xfffffffc },
    { QVTD_IEUADDR, 4, 0, 0xffffffff },
    { QVTD_IQERCD, 8, 0, 0 },
    { QVTD_IRTA, 8, 0, BITS(63, 11) | BITS(3, 0) },
    { QVTD_FRCD_LO, 8, 0, 0 },
    { QVTD_FRCD_HI, 8, 0, 0 },
    /* bits that command, or that only a 1 clears, are tested below */
    { QVTD_FSTS, 4, 0, 0 },
    { QVTD_ICS, 4, 0, 0 },
};

static uint64_t rd(Host *h, unsigned offset, unsigned size)
{
    return size == 8 ? rd64(h, offset) : rd32(h, offset);
}

static void test_reset_values(void)
{
    Host *h = host_new(NULL);
    uint32_t want[QVTD_SIZE / 4] = { 0 };

    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        g_assert_cmphex(rd(h, regs[i].offset, regs[i].size), ==,
                        regs[i].reset);
        memcpy((char *)want + regs[i].offset, &regs[i].reset, regs[i].size);
    }
    /* all else reads 0, beyond the last register too */
    for (unsigned offset = 0; offset < QVTD_PAGE; offset += 4) {
        g_assert_cmphex(rd32(h, offset), ==,
                        offset < QVTD_SIZE ? want[offset / 4] : 0);
    }
    host_free(h);
}

static void test_capabilities(void)
{
    static const uint64_t cap = 0x0012008c22000006;    /* but MGAW, SAGAW */
    static const struct {
        VtdConfig config;
        uint64_t cap;
        uint64_t ecap;
    } table[] = {
        { { .aw_bits = 39 }, cap | 38 << 16, 0xf02 },
        { { .aw_bits = 48 }, cap | 47 << 16, 0xf02 },
        { { .aw_bits = 39, .dma_translation = true },
          cap | 38 << 16 | BIT(9), 0xf02 },
        { { .aw_bits = 48, .dma_translation = true },
          cap | 47 << 16 | BIT(9) | BIT(10), 0xf02 },
        { { .aw_bits = 39, .caching_mode = true },
          cap | 38 << 16 | BIT(7), 0xf02 },
        { { .aw_bits = 39, .dma_drain = true },
          cap | 38 << 16 | BIT(54) | BIT(55), 0xf02 },
        { { .aw_bits = 39, .esrtps = true },
          cap | 38 << 16 | BIT(63), 0xf02 },
        { { .aw_bits = 39, .snoop_control = true },
          cap | 38 << 16, 0xf02 | BIT(7) },
        { { .aw_bits = 39, .device_iotlb = true },
          cap | 38 << 16, 0xf02 | BIT(2) },
        { { .aw_bits = 39, .pass_through = true },
          cap | 38 << 16, 0xf02 | BIT(6) },
        { { .aw_bits = 39, .intr_remap = true },
          cap | 38 << 16, 0xf02 | BIT(3) | 15 << 20 },
        { { .aw_bits = 39, .intr_remap = true, .eim = true },
          cap | 38 << 16, 0xf02 | BIT(3) | BIT(4) | 15 << 20 },
        { { .aw_bits = 39, .stale_tm = true }, cap | 38 << 16, 0xf02 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        Host *h = host_new(&table[i].config);

        g_assert_cmphex(rd64(h, QVTD_CAP), ==, table[i].cap);
        g_assert_cmphex(rd64(h, QVTD_ECAP), ==, table[i].ecap);
        host_free(h);
    }
}

static void test_late_caching_mode(void)
{
    VtdConfig config = { .aw_bits = 39 };
    Host *h = host_new(&config);
    uint64_t cap = rd64(h, QVTD_CAP);

    g_assert_cmphex(cap & BIT(7), ==, 0);
    vtd_use_caching_mode(h->v);
    g_assert_cmphex(rd64(h, QVTD_CAP), ==, cap | BIT(7));
    vtd_reset(h->v);
    g_assert_cmphex(rd64(h, QVTD_CAP), ==, cap | BIT(7));
    host_free(h);
}

static void test_write_masks(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        unsigned offset = regs[i].offset;
        uint64_t fixed = regs[i].reset & ~regs[i].writable;
        Host *h = host_new(NULL);

        g_test_message("offset 0x%03x", offset);
        if (regs[i].size == 4) {
            wr32(h, offset, UINT32_MAX);
            g_assert_cmphex(rd32(h, offset), ==, fixed | regs[i].writable);
            wr32(h, offset, 0);
            g_assert_cmphex(rd32(h, offset), ==, fixed);
            host_free(h);
            continue;
        }
        wr64(h, offset, UINT64_MAX);
        g_assert_cmphex(rd64(h, offset), ==, fixed | regs[i].writable);
        wr64(h, offset, 0);
        g_assert_cmphex(rd64(h, offset), ==, fixed);
        /* by halves: each leaves the other alone */
        for (unsigned half = 0; half < 8; half += 4) {
            uint64_t mask = half ? BITS(63, 32) : BITS(31, 0);

            wr32(h, offset + half, UINT32_MAX);
            g_assert_cmphex(rd64(h, offset), ==,
                            fixed | (regs[i].writable & mask));
            wr32(h, offset + half, 0);
            g_assert_cmphex(rd64(h, offset), ==, fixed);

            wr64(h, offset, UINT64_MAX);
            wr32(h, offset + half, 0);
            g_assert_cmphex(rd64(h, offset), ==,
                            fixed | (regs[i].writable & ~mask));
            wr64(h, offset, 0);
        }
        host_free(h);
    }
}

/* Registers that only read 0, or that are not there */
static void test_reserved(void)
{
    uint8_t known[QVTD_SIZE] = { 0 };
    Host *h = host_new(&(VtdConfig) { .aw_bits = 48 });

    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        memset(known + regs[i].offset, 1, regs[i].size);
    }
    memset(known + QVTD_IRTA, 0, 8);     /* reserved without ECAP.IR */
    memset(known + QVTD_FEUADDR, 0, 4);  /* without ECAP.EIM */
    memset(known + QVTD_IEUADDR, 0, 4);
    memset(known + QVTD_CCMD, 1, 8);
    memset(known + QVTD_IOTLB, 1, 8);
    memset(known + QVTD_GCMD, 1, 4);
    for (unsigned offset = 0; offset < QVTD_PAGE; offset += 4) {
        if (offset >= QVTD_SIZE || !known[offset]) {
            wr32(h, offset, UINT32_MAX);
            g_assert_cmphex(rd32(h, offset), ==, 0);
        }
    }
    /* write-only, as GCMD and IVA */
    wr64(h, QVTD_IVA, UINT64_MAX);
    g_assert_cmphex(rd64(h, QVTD_IVA), ==, 0);
    wr32(h, QVTD_GCMD, UINT32_MAX);
    g_assert_cmphex(rd32(h, QVTD_GCMD), ==, 0);
    host_free(h);
}

static void test_irta_without_eim(void)
{
    VtdConfig config = host_config;
    Host *h;

    config.eim = false;
    h = host_new(&config);
    wr64(h, QVTD_IRTA, UINT64_MAX);
    g_assert_cmphex(rd64(h, QVTD_IRTA), ==, BITS(63, 12) | BITS(3, 0));
    wr32(h, QVTD_IRTA, UINT32_MAX);
    g_assert_cmphex(rd64(h, QVTD_IRTA), ==, BITS(63, 12) | BITS(3, 0));
    wr64(h, QVTD_IRTA, BIT(11));
    g_assert_cmphex(rd64(h, QVTD_IRTA), ==, 0);
    host_free(h);
}

/* Sizes and alignments that are not defined do nothing (vtd.h) */
static void test_odd_accesses(void)
{
    static const struct {
        uint16_t offset;
        uint8_t size;
    } table[] = {
        { QVTD_FEUADDR, 1 }, { QVTD_FEUADDR, 2 }, { QVTD_FEUADDR + 1, 4 },
        { QVTD_FEUADDR + 2, 4 }, { QVTD_FEUADDR, 8 }, { QVTD_FEUADDR, 3 },
        { QVTD_FEUADDR, 16 }, { QVTD_SIZE - 4, 8 }, { QVTD_SIZE, 8 },
    };
    Host *h = host_new(NULL);

    wr32(h, QVTD_FEUADDR, 0x12345678);
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        vtd_mmio_write(h->v, table[i].offset, UINT64_MAX, table[i].size);
        g_assert_cmphex(vtd_mmio_read(h->v, table[i].offset, table[i].size),
                        ==, 0);
        g_assert_cmphex(rd32(h, QVTD_FEUADDR), ==, 0x12345678);
    }
    vtd_mmio_write(h->v, UINT64_MAX - 7, 1, 8);
    g_assert_cmphex(vtd_mmio_read(h->v, UINT64_MAX - 7, 8), ==, 0);
    host_free(h);
}

/* A 64-bit read is its two halves, whatever has been written before */
static void test_widths_agree(void)
{
    Host *h = host_new(NULL);

    for (unsigned i = 0; i < 20000; i++) {
        unsigned offset = g_test_rand_int_range(0, QVTD_SIZE / 4) * 4;
        uint64_t value = (uint64_t)g_test_rand_int() << 32 |
                         g_test_rand_int();

        if (offset % 8 == 0 && g_test_rand_int_range(0, 2)) {
            wr64(h, offset, value);
        } else {
            wr32(h, offset, value);
        }
        offset &= ~7u;
        value = rd64(h, offset);
        g_assert_cmphex(value, ==, (uint64_t)rd32(h, offset + 4) << 32 |
                                   rd32(h, offset));
    }
    host_free(h);
}

static void test_commands(void)
{
    static const struct {
        uint32_t command;
        uint32_t status;
    } table[] = {
        { 0, 0 },
        { QVTD_SRTP, QVTD_SRTP },
        { 0, QVTD_SRTP },       /* one-shot: its status stays */
        { QVTD_TE, QVTD_SRTP | QVTD_TE },
        { QVTD_TE | QVTD_QIE, QVTD_SRTP | QVTD_TE | QVTD_QIE },
        { QVTD_TE | QVTD_QIE | QVTD_SIRTP,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP },
        { QVTD_TE | QVTD_QIE | QVTD_IRE,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE },
        { QVTD_TE | QVTD_QIE | QVTD_IRE | QVTD_CFI,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE | QVTD_CFI },
        { QVTD_TE | QVTD_QIE | QVTD_IRE | QVTD_CFI | QVTD_SRTP,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE | QVTD_CFI },
        { QVTD_TE | QVTD_QIE | QVTD_IRE,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE },
        { QVTD_QIE | QVTD_IRE, QVTD_SRTP | QVTD_QIE | QVTD_SIRTP | QVTD_IRE },
        { QVTD_IRE, QVTD_SRTP | QVTD_SIRTP | QVTD_IRE },
        { 0, QVTD_SRTP | QVTD_SIRTP },
        /* WBF with RWBF=0, SFL and EAFL without AFL, the reserved ones */
        { BIT(27), QVTD_SRTP | QVTD_SIRTP },
        { BIT(28) | BIT(29), QVTD_SRTP | QVTD_SIRTP },
        { BITS(22, 0), QVTD_SRTP | QVTD_SIRTP },
    };
    static const struct {
        uint32_t command;
        uint32_t status;
    } without_ir[] = {
        { QVTD_SIRTP, 0 }, { QVTD_IRE, 0 }, { QVTD_CFI, 0 },
        { QVTD_QIE, QVTD_QIE }, { QVTD_TE, QVTD_TE },
    };
    Host *h = host_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        wr32(h, QVTD_GCMD, table[i].command);
        g_assert_cmphex(rd32(h, QVTD_GSTS), ==, table[i].status);
        g_assert_cmphex(rd32(h, QVTD_GCMD), ==, 0);
    }
    host_free(h);

    h = host_new(&(VtdConfig) { .aw_bits = 39, .dma_translation = true });
    for (unsigned i = 0; i < G_N_ELEMENTS(without_ir); i++) {
        wr32(h, QVTD_GCMD, without_ir[i].command);
        g_assert_cmphex(rd32(h, QVTD_GSTS), ==, without_ir[i].status);
    }
    host_free(h);

    /* No width to translate with: it is never on */
    h = host_new(&(VtdConfig) { .aw_bits = 39 });
    wr32(h, QVTD_GCMD, QVTD_TE);
    g_assert_cmphex(rd32(h, QVTD_GSTS), ==, 0);
    host_free(h);
}

/* RTADDR, IRTA and IQA count when they are latched, not when written */
static void test_latched(void)
{
    Host *h = host_new(NULL);
    Device *d = device_new(h, 0x0010);
    uint64_t table = host_pages(h, 1), irt = host_pages(h, 1);
    VtdInterrupt interrupt;

    host_enable(h);
    attach(d, table, 3, 1);
    map(h, table, 3, 0x5000, 1, 0x9000 | QVTD_RW);
    wr64(h, QVTD_RTADDR, host_pages(h, 1));
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    assert_maps(d, 0x5000, VTD_ACCESS_READ, 0x9000);
    gcmd(h, QVTD_SRTP, true);
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    assert_blocked(d, 0x5000, VTD_ACCESS_READ, QVTD_F_ROOT);

    queue_start(h, 0);
    host_put(h, irt, QVTD_P | 0x55 << 16);
    set_irta(h, irt);
    inv_iec(h, true, 0, 0);
    gcmd(h, QVTD_IRE, true);
    wr64(h, QVTD_IRTA, host_pages(h, 1));
    inv_iec(h, true, 0, 0);
    g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_REMAPPED);
    gcmd(h, QVTD_SIRTP, true);
    inv_iec(h, true, 0, 0);
    g_assert_cmpint(vtd_interrupt(h->v, 0, 0xfee00010, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_BLOCKED);
    assert_fault(h, QVTD_F_IR_ENTRY, 0, 0, false);

    gcmd(h, QVTD_QIE, false);
    wr32(h, QVTD_IQT, 0);
    wr64(h, QVTD_IQA, host_pages(h, 1));         /* but no QIE */
    wr32(h, QVTD_IQT, 0x10);
    assert_queue(h, 0, 0);
    host_free(h);
}

/* The register interface: granularity asked for and done, bit by bit */
static void test_invalidation(gconstpointer opaque)
{
    static const struct {
        uint64_t value;
        unsigned granularity;       /* done */
    } table[2][4] = {
        { { 1ull << 61, 1 }, { 2ull << 61 | 7, 2 },
          { 3ull << 61 | 3ull << 32 | 0x00100007, 3 }, { 0, 0 } },
        { { 1ull << 60, 1 }, { 2ull << 60 | 7ull << 32, 2 },
          { 3ull << 60 | 3ull << 48, 3 }, { 0, 0 } },
    };
    bool iotlb = GPOINTER_TO_INT(opaque);
    unsigned offset = iotlb ? QVTD_IOTLB : QVTD_CCMD;
    unsigned done = iotlb ? 57 : 59;
    Host *h = host_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(table[0]); i++) {
        unsigned granularity = table[iotlb][i].granularity;
        uint64_t value = table[iotlb][i].value | BIT(63);

        /* at once; then by halves, of which only the high one fires */
        wr64(h, offset, value);
        g_assert_cmphex(rd64(h, offset) >> 63, ==, 0);
        g_assert_cmphex(rd64(h, offset) >> done & 3, ==, granularity);

        wr64(h, offset, BIT(63));
        g_assert_cmphex(rd64(h, offset) >> done & 3, ==, 0);
        wr32(h, offset, value);
        g_assert_cmphex(rd64(h, offset) >> done & 3, ==, 0);
        wr32(h, offset + 4, value >> 32);
        g_assert_cmphex(rd64(h, offset) >> 63, ==, 0);
        g_assert_cmphex(rd64(h, offset) >> done & 3, ==, granularity);

        /* without the command bit nothing happens */
        wr64(h, offset, BIT(63));
        wr64(h, offset, value & ~BIT(63));
        g_assert_cmphex(rd64(h, offset) >> done & 3, ==, 0);
    }
    /* each was carried out twice, and nothing besides */
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_CONTEXT_GLOBAL + i), ==,
                         iotlb ? 0 : 2);
        g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_IOTLB_GLOBAL + i), ==,
                         iotlb ? 2 : 0);
    }
    /* what is asked for stays, what was done is not software's to write */
    wr64(h, offset, BITS(62, 0));
    g_assert_cmphex(rd64(h, offset), ==,
                    iotlb ? BITS(61, 60) | BITS(49, 32)
                          : BITS(62, 61) | BITS(33, 0));
    wr64(h, offset, 0);

    /* dropped while the queue is on; fields that are reserved stay 0 */
    queue_start(h, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(table[0]); i++) {
        wr64(h, offset, table[iotlb][i].value | BIT(63));
        g_assert_cmphex(rd64(h, offset) >> 63, ==, 0);
        g_assert_cmphex(rd64(h, offset) >> done & 3, ==, 0);
    }
    wr64(h, offset, UINT64_MAX);
    g_assert_cmphex(rd64(h, offset) &
                    (iotlb ? BITS(31, 0) | BITS(56, 50) | BIT(59) | BIT(62)
                           : BITS(58, 34)), ==, 0);
    host_free(h);
}

/* AM above MAMV: wider or nothing (1.9), and always an end */
static void test_too_many_pages(const void *nested)
{
    VtdConfig config = {
        .aw_bits = 48, .scalable_mode = nested, .first_stage = nested,
        .second_stage = nested, .nested = nested,
    };
    Host *h = host_new(&config);
    unsigned most = nested ? 52 : 18;

    g_assert_cmpuint(QVTD_CAP_MAMV(rd64(h, QVTD_CAP)), ==, most);
    for (unsigned am = 0; am < 64; am++) {
        unsigned done;

        wr64(h, QVTD_IVA, am);
        wr64(h, QVTD_IOTLB, BIT(63) | 3ull << 60);
        g_assert_cmphex(rd64(h, QVTD_IOTLB) & BIT(63), ==, 0);
        done = rd64(h, QVTD_IOTLB) >> 57 & 3;
        g_assert_true(am <= most ? done == 3 : done == 0 || done == 2);

        /* for the other granularities IVA means nothing */
        for (unsigned granularity = 1; granularity <= 2; granularity++) {
            wr64(h, QVTD_IOTLB, BIT(63) | (uint64_t)granularity << 60);
            g_assert_cmphex(rd64(h, QVTD_IOTLB) >> 57 & 3, ==, granularity);
        }
    }
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/regs/reset-values", test_reset_values);
    g_test_add_func("/vtd/regs/capabilities", test_capabilities);
    g_test_add_func("/vtd/regs/late-caching-mode", test_late_caching_mode);
    g_test_add_func("/vtd/regs/write-masks", test_write_masks);
    g_test_add_func("/vtd/regs/reserved", test_reserved);
    g_test_add_func("/vtd/regs/irta-without-eim", test_irta_without_eim);
    g_test_add_func("/vtd/regs/odd-accesses", test_odd_accesses);
    g_test_add_func("/vtd/regs/widths-agree", test_widths_agree);
    g_test_add_func("/vtd/regs/commands", test_commands);
    g_test_add_func("/vtd/regs/latched", test_latched);
    g_test_add_data_func("/vtd/regs/ccmd", GINT_TO_POINTER(false),
                         test_invalidation);
    g_test_add_data_func("/vtd/regs/iotlb", GINT_TO_POINTER(true),
                         test_invalidation);
    g_test_add_data_func("/vtd/regs/too-many-pages", GINT_TO_POINTER(false),
                         test_too_many_pages);
    g_test_add_data_func("/vtd/regs/too-many-pages/nested",
                         GINT_TO_POINTER(true), test_too_many_pages);

    return g_test_run();
}
