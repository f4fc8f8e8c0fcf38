/*
 * What the VT-d unit tells a user of a guest's mistakes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each line in the words that scripts look for, once for each cause, and
 * again only where more is wanted.  Lines are patterns: addresses of tables
 * are '*'.
 */

#include "qemu/osdep.h"
#include "vtd-unit.h"

#define SID                     0x03fa          /* 03:1f.2 */
#define IOVA                    0x112233445678ull
#define OUTPUT                  0x77000ull

#define FAILURE(iova) \
    "vtd_iommu_translate: detected translation failure " \
    "(dev=03:1f:02, iova=" iova ")"
#define SLPTE                   "vtd_iova_to_slpte: detected "

/* One good page */
static Unit good_unit(const VtdConfig *config)
{
    Unit u = unit_new(config, SID, 4, 9);

    map(u.h, u.table, 4, IOVA, 1, OUTPUT | QVTD_RW);
    queue_start(u.h, 0);
    return u;
}

/* A table of interrupts, of which 5 is good for the device */
static uint64_t remap_interrupts(Host *h)
{
    uint64_t irt = host_pages(h, 1);

    host_put(h, irt + 5 * 16, 1);
    host_put(h, irt + 5 * 16 + 8, BIT(18) | SID);
    set_irta(h, irt | 7);
    gcmd(h, QVTD_IRE, true);
    return irt;
}

/* Exactly these lines since the last time; each behind "again: " if @again */
static void expect_lines(Host *h, bool again, const char *first,
                         const char *second)
{
    const char *want[] = { first, second };
    unsigned n = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_autofree char *pattern =
            g_strconcat(again ? "again: " : "", want[i], NULL);
        const char *line;

        if (!want[i]) {
            continue;
        }
        g_assert_cmpuint(n, <, h->lines->len);
        line = g_ptr_array_index(h->lines, n++);
        if (!g_pattern_match_simple(pattern, line)) {
            g_assert_cmpstr(line, ==, pattern);
        }
    }
    g_assert_cmpuint(h->lines->len, ==, n);
    g_ptr_array_set_size(h->lines, 0);
}

static uint64_t leaf(Unit *u)
{
    return table_entry(u->h, u->table, 4, IOVA, 1);
}

static void no_root(Unit *u)
{
    host_put(u->h, u->h->vtd.root + 3 * 16, 0);
}

static void root_reserved(Unit *u)
{
    uint64_t entry = u->h->vtd.root + 3 * 16;

    host_put(u->h, entry, host_get(u->h, entry) | BIT(1));
}

static void no_context(Unit *u)
{
    set_context(u->h, SID, 0, 0);
}

static void context_reserved(Unit *u)
{
    set_context(u->h, SID, u->table | QVTD_P | BIT(11), context_hi(4, 9));
}

static void context_width(Unit *u)
{
    set_context(u->h, SID, u->table | QVTD_P, context_hi(5, 9));
}

static void context_type(Unit *u)
{
    set_context(u->h, SID, u->table | QVTD_P | QVTD_TT(3), context_hi(4, 9));
}

static void context_device_tlb(Unit *u)
{
    set_context(u->h, SID, u->table | QVTD_P | QVTD_TT(1), context_hi(4, 9));
}

static void context_pass_through(Unit *u)
{
    set_context(u->h, SID, QVTD_P | QVTD_TT(2), context_hi(4, 9));
}

static void no_top_table(Unit *u)
{
    host_set_ram(u->h, u->table, false);
}

static void no_last_table(Unit *u)
{
    host_set_ram(u->h, leaf(u) & ~0xfffull, false);
}

static void no_leaf(Unit *u)
{
    host_put(u->h, leaf(u), 0);
}

static void read_only(Unit *u)
{
    host_put(u->h, leaf(u), OUTPUT | QVTD_R);
}

static void leaf_reserved(Unit *u)
{
    host_put(u->h, leaf(u), OUTPUT | QVTD_RW | BIT(62));
}

static void leaf_to_interrupts(Unit *u)
{
    host_put(u->h, leaf(u), QVTD_MSI_ADDR | QVTD_RW);
}

static void root_mode(Unit *u)
{
    set_root_table(u->h, u->h->vtd.root | 2 << 10);
}

static void nothing(Unit *u)
{
}

static const struct {
    const char *name;
    void (*spoil)(Unit *u);
    bool write;
    const char *line;           /* beside FAILURE; may be NULL */
    uint64_t above;             /* bits in the address beside IOVA's */
} dma_rows[] = {
    { "no root entry", no_root, false, NULL },
    { "root entry, reserved bit", root_reserved, false,
      "vtd_root_entry_rsvd_bits_check: invalid root entry: "
      "hi=0x0, lo=0x*3" },
    { "no context entry", no_context, false, NULL },
    { "context entry, reserved bit", context_reserved, false,
      "vtd_context_entry_rsvd_bits_check: invalid context entry: "
      "hi=902, lo=*801 (reserved nonzero)" },
    { "width", context_width, false,
      "vtd_dev_to_context_entry: invalid context entry: "
      "hi=903, lo=*1 (level 5 not supported)" },
    { "type", context_type, false,
      "vtd_ce_type_check: unknown ce type: 12" },
    { "no device-TLB", context_device_tlb, false,
      "vtd_ce_type_check: DT specified but not supported" },
    { "no pass-through", context_pass_through, false,
      "vtd_ce_type_check: PT specified but not supported" },
    { "no top table", no_top_table, false,
      SLPTE "read error on DMAR slpte (iova=0x112233445678, "
      "pasid=0xffffffff)" },
    { "no last table", no_last_table, true,
      SLPTE "read error on DMAR slpte (iova=0x112233445678, "
      "pasid=0xffffffff)" },
    { "address", nothing, false,
      SLPTE "IOVA overflow (iova=0x4112233445678,pasid=0xffffffff)",
      BIT(50) },
    { "no leaf", no_leaf, false,
      SLPTE "slpte permission error (iova=0x112233445678, level=0x1, "
      "slpte=0x0, write=0, pasid=0xffffffff)" },
    { "read-only leaf", read_only, true,
      SLPTE "slpte permission error (iova=0x112233445678, level=0x1, "
      "slpte=0x77001, write=1, pasid=0xffffffff)" },
    { "leaf, reserved bit", leaf_reserved, false,
      SLPTE "splte reserve non-zero iova=0x112233445678, "
      "level=0x1slpte=0x4000000000077003, pasid=0xFFFFFFFF)" },
    { "leaf to interrupts", leaf_to_interrupts, true,
      "vtd_do_iommu_translate: xlat address is in interrupt range "
      "(iova=0x112233445678, level=0x1, pte=0xfee00003, write=1, "
      "xlat=0xfee00000, size=0x1000, pasid=0xffffffff)" },
    { "table type", root_mode, false, NULL },
};

/* A request that faults, with what is told of it */
static void test_dma(void)
{
    VtdConfig config = host_config;

    config.pass_through = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(dma_rows); i++) {
        const char *line = dma_rows[i].line;
        const char *failure = dma_rows[i].above
                              ? FAILURE("0x4112233445678")
                              : FAILURE("0x112233445678");
        uint64_t iova = IOVA | dma_rows[i].above;
        VtdAccess access = dma_rows[i].write ? VTD_ACCESS_WRITE
                                             : VTD_ACCESS_READ;
        Unit u = good_unit(&config);
        VtdTranslation out;

        g_test_message("%s", dma_rows[i].name);
        dma_rows[i].spoil(&u);
        inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
        inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
        expect_lines(u.h, false, NULL, NULL);
        device_translate(u.d, iova, VTD_ACCESS_PROBE, &out);
        expect_lines(u.h, false, NULL, NULL);
        g_assert_cmpuint(u.h->log_asked, ==, 0);

        g_assert_false(device_translate(u.d, iova, access, &out));
        expect_lines(u.h, false, line ?: failure, line ? failure : NULL);
        for (unsigned n = 0; n < 1000; n++) {
            g_assert_false(device_translate(u.d, iova, access, &out));
        }
        expect_lines(u.h, false, NULL, NULL);
        u.h->log_more = true;
        g_assert_false(device_translate(u.d, iova, access, &out));
        expect_lines(u.h, true, line ?: failure, line ? failure : NULL);
        host_free(u.h);
    }
}

/* FPD keeps a fault from the record, not from the user */
static void test_hidden(void)
{
    Unit u = good_unit(NULL);
    VtdTranslation out;

    no_leaf(&u);
    set_context(u.h, SID, u.table | QVTD_P | QVTD_FPD, context_hi(4, 9));
    inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    assert_no_fault(u.h);
    expect_lines(u.h, false, SLPTE "slpte permission error *",
                 FAILURE("0x112233445678"));
    host_free(u.h);
}

/* Causes are told apart, and all DMA has one line in common */
static void test_each_cause(void)
{
    Unit u = good_unit(NULL);
    VtdTranslation out;

    no_leaf(&u);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    expect_lines(u.h, false, SLPTE "slpte permission error *",
                 FAILURE("0x112233445678"));
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_WRITE, &out));
    expect_lines(u.h, false, SLPTE "slpte permission error *", NULL);
    leaf_reserved(&u);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    expect_lines(u.h, false, SLPTE "splte reserve non-zero *", NULL);
    /* A reset does not make old mistakes new */
    vtd_reset(u.h->v);
    host_enable(u.h);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    expect_lines(u.h, false, NULL, NULL);
    host_free(u.h);
}

/* Interrupts */

#define MESSAGE(index)          (0xfee00010u | (index) << 5)

static const struct {
    const char *name;
    uint64_t clear, set, hi_clear, hi_set;
    uint32_t addr, data;
    const char *line;
    bool no_table;
} interrupt_rows[] = {
    { "handle with reserved data", 0, 0, 0, 0, MESSAGE(5) | BIT(3), 0x10000,
      "vtd_interrupt_remap_msi: invalid IR MSI (sid=1018, "
      "address=0xfee000b8, data=0x10000)" },
    { "compatibility format", 0, 0, 0, 0, QVTD_MSI_ADDR, 0x41,
      "vtd_interrupt_remap_msi: invalid IR MSI (sid=1018, "
      "address=0xfee00000, data=0x41)" },
    { "index", 0, 0, 0, 0, MESSAGE(300), 0,
      "vtd_irte_get: index too large: ind=0x12c" },
    { "not present", 1, 0, 0, 0, MESSAGE(5), 0,
      "vtd_irte_get: detected non-present IRTE (index=5, high=0x403fa, "
      "low=0x0)" },
    { "reserved bit", 0, BIT(12), 0, 0, MESSAGE(5), 0,
      "vtd_irte_get: detected non-zero reserved IRTE (index=5, "
      "high=0x403fa, low=0x1001)" },
    { "no table", 0, 0, 0, 0, MESSAGE(5), 0,
      "vtd_irte_get: read failed: ind=0x5 addr=0x*050", true },
    { "source", 0, 0, 0xffff, 0x1234, MESSAGE(5), 0,
      "vtd_irte_get: invalid IRTE SID (index=5, sid=1018, "
      "source_id=4660)" },
    { "bus", 0, 0, 0xfffff, BIT(19) | 0x0506, MESSAGE(5), 0,
      "vtd_irte_get: invalid SVT_BUS (index=5, bus=3, min=5, max=6)" },
    { "kind of source", 0, 0, 0, BIT(19), MESSAGE(5), 0,
      "vtd_irte_get: detected invalid IRTE SVT (index=5, type=3)" },
};

static void test_interrupt(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(interrupt_rows); i++) {
        uint32_t addr = interrupt_rows[i].addr, data = interrupt_rows[i].data;
        const char *line = interrupt_rows[i].line;
        Unit u = good_unit(NULL);
        uint64_t irt = remap_interrupts(u.h), entry = irt + 5 * 16;
        VtdInterrupt out;

        g_test_message("%s", interrupt_rows[i].name);
        g_assert_cmpint(vtd_interrupt(u.h->v, SID, MESSAGE(5), 0, true, &out),
                        ==, VTD_INTERRUPT_REMAPPED);
        host_put(u.h, entry, (host_get(u.h, entry) &
                              ~interrupt_rows[i].clear) |
                             interrupt_rows[i].set);
        host_put(u.h, entry + 8, (host_get(u.h, entry + 8) &
                                  ~interrupt_rows[i].hi_clear) |
                                 interrupt_rows[i].hi_set);
        host_set_ram(u.h, irt, !interrupt_rows[i].no_table);
        inv_iec(u.h, true, 0, 0);

        /* A route that is set up is no interrupt yet */
        vtd_interrupt(u.h->v, SID, addr, data, false, &out);
        expect_lines(u.h, false, NULL, NULL);
        for (unsigned n = 0; n < 3; n++) {
            g_assert_cmpint(vtd_interrupt(u.h->v, SID, addr, data, true,
                                          &out), ==, VTD_INTERRUPT_BLOCKED);
            expect_lines(u.h, false, n ? NULL : line, NULL);
        }
        host_free(u.h);
    }
}

/* Descriptors */

static const struct {
    uint64_t lo, hi;
    const char *line;
} descriptor_rows[] = {
    { 0x0, 0, "vtd_process_inv_desc: invalid inv desc: hi=0, lo=0 "
      "(unknown type)" },
    { 0xf, 0, "vtd_process_inv_desc: invalid inv desc: hi=0, lo=f "
      "(unknown type)" },
    { 0x3, 0, "vtd_process_inv_desc: invalid inv desc: hi=0, lo=3 "
      "(unknown type)" },
    { 0x1, 0, "vtd_process_context_cache_desc: invalid cc inv desc: "
      "hi=0, lo=1 (invalid type)" },
    { 0x1011, 0, "vtd_process_context_cache_desc: invalid cc inv desc: "
      "hi=0, lo=1011 (reserved nonzero)" },
    { 0x2, 0, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=0x0, lo=0x2 (type mismatch: 0x0)" },
    { 0x12, 0x80, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=80, lo=12 (reserved nonzero)" },
    { 0x50032, 0x3f, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=0x3f, lo=0x50032 (am=63 > VTD_MAMV=18)" },
    { 0x24, 0, "vtd_process_inv_iec_desc: invalid iec inv desc: "
      "hi=0, lo=24 (reserved nonzero)" },
    { 0x85, 0, "vtd_process_wait_desc: invalid wait desc: "
      "hi=0, lo=85 (reserved nonzero)" },
};

static void test_descriptor(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(descriptor_rows); i++) {
        Host *h = host_new(NULL);

        g_test_message("%s", descriptor_rows[i].line);
        queue_start(h, 0);
        for (unsigned n = 0; n < 3; n++) {
            submit(h, descriptor_rows[i].lo, descriptor_rows[i].hi);
            expect_lines(h, false, n ? NULL : descriptor_rows[i].line, NULL);
            queue_recover(h);
        }
        host_free(h);
    }
}

static void test_queue(void)
{
    Host *h = host_new(NULL);

    queue_start(h, 0);
    for (unsigned n = 0; n < 3; n++) {
        wr32(h, QVTD_IQT, 0x100 << 4);
        expect_lines(h, false, n ? NULL : "vtd_fetch_inv_desc: detected "
                     "invalid QI tail (tail=0x100, size=0x100)", NULL);
        queue_kick(h);
        wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    }
    for (unsigned n = 0; n < 3; n++) {
        submit(h, 5 | QVTD_WAIT_SW, RAM_SIZE);
        expect_lines(h, false, n ? NULL : "vtd_process_wait_desc: the status "
                     "cannot be written: hi=1000000, lo=25", NULL);
        queue_recover(h);
    }
    for (unsigned n = 0; n < 2; n++) {
        wr64(h, n ? QVTD_CCMD : QVTD_IOTLB, BIT(63) | BIT(n ? 61 : 60));
        expect_lines(h, false, n ? NULL : "Queued Invalidation enabled, "
                     "should not use register-based invalidation", NULL);
    }
    for (unsigned n = 0; n < 3; n++) {
        host_set_ram(h, h->vtd.queue, false);
        queue_put(h, 5, 0);
        queue_kick(h);
        expect_lines(h, false, n ? NULL : "vtd_fetch_inv_desc: the queue is "
                     "not in memory (addr=0x*, head=0x*)", NULL);
        host_set_ram(h, h->vtd.queue, true);
        queue_recover(h);
    }
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/log/dma", test_dma);
    g_test_add_func("/vtd/log/hidden", test_hidden);
    g_test_add_func("/vtd/log/each-cause", test_each_cause);
    g_test_add_func("/vtd/log/interrupt", test_interrupt);
    g_test_add_func("/vtd/log/descriptor", test_descriptor);
    g_test_add_func("/vtd/log/queue", test_queue);
    return g_test_run();
}
