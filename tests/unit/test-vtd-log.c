/*
 * What the VT-d unit tells a user of a guest's mistakes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each fault is a line with the words that scripts look for, the reason and
 * where the walk stopped, once for each cause, and again only where more is
 * wanted: a few, then their count.  Lines are patterns: addresses of tables are
 * '*'.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
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

/* Exactly this line since the last time, or none; behind "again: " if @again */
static void expect_line(Host *h, bool again, const char *want)
{
    g_autofree char *pattern = g_strconcat(again ? "again: " : "", want, NULL);

    if (h->lines->len != !!want) {
        g_assert_cmpstr(h->lines->len ? g_ptr_array_index(h->lines, 0) : NULL,
                        ==, want);
    }
    if (want) {
        const char *line = g_ptr_array_index(h->lines, 0);

        if (!g_pattern_match_simple(pattern, line)) {
            g_assert_cmpstr(line, ==, pattern);
        }
        g_ptr_array_set_size(h->lines, 0);
    }
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
    const char *reason;         /* from its number on */
    const char *line;           /* what QEMU's own device has more, or NULL */
    uint64_t above;             /* bits in the address beside IOVA's */
} dma_rows[] = {
    { "no root entry", no_root, false,
      "0x1: the root entry of the bus is not present, stopped at the "
      "root entry, hi=0x0, lo=0x0", NULL },
    { "root entry, reserved bit", root_reserved, false,
      "0xa: a reserved bit is set in the root entry, stopped at the "
      "root entry, hi=0x0, lo=0x*3",
      "vtd_root_entry_rsvd_bits_check: invalid root entry: "
      "hi=0x0, lo=0x*3" },
    { "no context entry", no_context, false,
      "0x2: the context entry of the device is not present, stopped "
      "at the context entry, hi=0x0, lo=0x0", NULL },
    { "context entry, reserved bit", context_reserved, false,
      "0xb: a reserved bit is set in the context entry, stopped at "
      "the context entry, hi=0x902, lo=0x*801",
      "vtd_context_entry_rsvd_bits_check: invalid context entry: "
      "hi=902, lo=*801 (reserved nonzero)" },
    { "width", context_width, false,
      "0x3: the context entry of the device is invalid, stopped at "
      "the context entry, hi=0x903, lo=0x*1",
      "vtd_dev_to_context_entry: invalid context entry: "
      "hi=903, lo=*1 (level 5 not supported)" },
    { "type", context_type, false,
      "0x3: the context entry of the device is invalid, stopped at "
      "the context entry, hi=0x902, lo=0x*d",
      "vtd_ce_type_check: unknown ce type: 12" },
    { "no device-TLB", context_device_tlb, false,
      "0x3: the context entry of the device is invalid, stopped at "
      "the context entry, hi=0x902, lo=0x*5",
      "vtd_ce_type_check: DT specified but not supported" },
    { "no pass-through", context_pass_through, false,
      "0x3: the context entry of the device is invalid, stopped at "
      "the context entry, hi=0x902, lo=0x9",
      "vtd_ce_type_check: PT specified but not supported" },
    { "no top table", no_top_table, false,
      "0x3: the context entry of the device is invalid, stopped at "
      "the context entry, hi=0x902, lo=0x*1",
      SLPTE "read error on DMAR slpte (iova=0x112233445678, "
      "pasid=0xffffffff)" },
    { "no last table", no_last_table, true,
      "0x7: a page table is not in memory, stopped at level 1",
      SLPTE "read error on DMAR slpte (iova=0x112233445678, "
      "pasid=0xffffffff)" },
    { "address", nothing, false,
      "0x4: the address is wider than the page tables",
      SLPTE "IOVA overflow (iova=0x4112233445678,pasid=0xffffffff)",
      BIT(50) },
    { "no leaf", no_leaf, false,
      "0x6: no permission to read, stopped at level 1, entry 0x0",
      SLPTE "slpte permission error (iova=0x112233445678, level=0x1, "
      "slpte=0x0, write=0, pasid=0xffffffff)" },
    { "read-only leaf", read_only, true,
      "0x5: no permission to write, stopped at level 1, entry 0x77001",
      SLPTE "slpte permission error (iova=0x112233445678, level=0x1, "
      "slpte=0x77001, write=1, pasid=0xffffffff)" },
    { "leaf, reserved bit", leaf_reserved, false,
      "0xc: a reserved bit is set in a page-table entry, stopped at "
      "level 1, entry 0x4000000000077003",
      SLPTE "splte reserve non-zero iova=0x112233445678, "
      "level=0x1slpte=0x4000000000077003, pasid=0xFFFFFFFF)" },
    { "leaf to interrupts", leaf_to_interrupts, true,
      "0xe: the target is in the interrupt range, stopped at level 1, "
      "entry 0xfee00003",
      "vtd_do_iommu_translate: xlat address is in interrupt range "
      "(iova=0x112233445678, level=0x1, pte=0xfee00003, write=1, "
      "xlat=0xfee00000, size=0x1000, pasid=0xffffffff)" },
    { "table type", root_mode, false,
      "0x30: the root table address is invalid", NULL },
};

/* A request that faults, with what is told of it */
static void test_dma(void)
{
    VtdConfig config = host_config;

    config.pass_through = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(dma_rows); i++) {
        const char *detail = dma_rows[i].line;
        g_autofree char *line =
            g_strconcat(dma_rows[i].above ? FAILURE("0x4112233445678")
                                          : FAILURE("0x112233445678"), ": ",
                        dma_rows[i].write ? "write" : "read", ", reason ",
                        dma_rows[i].reason, detail ? "; " : "", detail, NULL);
        uint64_t iova = IOVA | dma_rows[i].above;
        VtdAccess access = dma_rows[i].write ? VTD_ACCESS_WRITE
                                             : VTD_ACCESS_READ;
        Unit u = good_unit(&config);
        VtdTranslation out;

        g_test_message("%s", dma_rows[i].name);
        dma_rows[i].spoil(&u);
        inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
        inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
        expect_line(u.h, false, NULL);
        device_translate(u.d, iova, VTD_ACCESS_PROBE, &out);
        expect_line(u.h, false, NULL);
        g_assert_cmpuint(u.h->log_asked, ==, 0);

        g_assert_false(device_translate(u.d, iova, access, &out));
        expect_line(u.h, false, line);
        g_assert_cmphex(u.h->line_sid, ==, SID);
        for (unsigned n = 0; n < 1000; n++) {
            g_assert_false(device_translate(u.d, iova, access, &out));
        }
        expect_line(u.h, false, NULL);
        g_assert_cmpuint(u.h->log_later, ==, 0);
        u.h->log_more = true;
        g_assert_false(device_translate(u.d, iova, access, &out));
        expect_line(u.h, true, line);
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
    expect_line(u.h, false, FAILURE("0x112233445678") ": read, reason 0x6: *");
    host_free(u.h);
}

/* A table that goes after the context that names it was cached */
static void test_gone(void)
{
    Unit u = good_unit(NULL);
    VtdTranslation out;

    g_assert_true(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    no_top_table(&u);
    inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    expect_line(u.h, false, FAILURE("0x112233445678") ": read, reason 0x3: "
                "the context entry of the device is invalid, stopped at "
                "level 4; " SLPTE "read error on DMAR slpte *");
    host_free(u.h);
}

/* Causes are told apart */
static void test_each_cause(void)
{
    Unit u = good_unit(NULL);
    VtdTranslation out;

    no_leaf(&u);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    expect_line(u.h, false, "*: read, reason 0x6: *");
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_WRITE, &out));
    expect_line(u.h, false, "*: write, reason 0x5: *");
    leaf_reserved(&u);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    expect_line(u.h, false, "*: read, reason 0xc: *");
    /* A reset does not make old mistakes new */
    vtd_reset(u.h->v);
    set_root_table(u.h, u.h->vtd.root);
    gcmd(u.h, QVTD_TE, true);
    g_assert_false(device_translate(u.d, IOVA, VTD_ACCESS_READ, &out));
    expect_line(u.h, false, NULL);
    host_free(u.h);
}

/* The lines of a storm */
#define FEW                     5

static void make_faults(Unit *u, unsigned n)
{
    VtdTranslation out;

    for (unsigned i = 0; i < n; i++) {
        g_assert_false(device_translate(u->d, IOVA, VTD_ACCESS_READ, &out));
    }
}

static void expect_lines(Unit *u, unsigned n)
{
    g_assert_cmpuint(u->h->lines->len, ==, n);
    g_ptr_array_set_size(u->h->lines, 0);
}

/* Of a storm a few lines are told, then a count once a second, until it ends */
static void test_storm(void)
{
    Unit u = good_unit(NULL);

    no_leaf(&u);
    u.h->log_more = true;
    make_faults(&u, FEW);
    expect_lines(&u, FEW);
    g_assert_cmpuint(u.h->log_later, ==, 1);
    make_faults(&u, 95);
    expect_lines(&u, 0);

    /* Another cause has its own lines, and no count if it has few */
    submit(u.h, 0xf, 0);
    expect_lines(&u, 1);
    queue_recover(u.h);
    g_assert_cmpuint(u.h->log_later, ==, 1);
    vtd_log_held(u.h->v);
    expect_line(u.h, true,
                "vtd: 95 more faults of reason 0x6: no permission to read");
    g_assert_cmphex(u.h->line_sid, ==, VTD_LOG_NO_SID);
    g_assert_cmpuint(u.h->log_later, ==, 2);

    /* It goes on */
    make_faults(&u, 7);
    expect_lines(&u, 0);
    vtd_log_held(u.h->v);
    expect_line(u.h, true, "vtd: 7 more faults of reason 0x6: *");
    g_assert_cmpuint(u.h->log_later, ==, 3);

    /* A quiet second ends it, and nobody is called any more */
    vtd_log_held(u.h->v);
    expect_line(u.h, true, NULL);
    g_assert_cmpuint(u.h->log_later, ==, 3);
    make_faults(&u, FEW + 1);
    expect_lines(&u, FEW);
    g_assert_cmpuint(u.h->log_later, ==, 4);
    host_free(u.h);
}

/* The count of each other cause has words */
static void test_held(void)
{
    static const struct {
        uint64_t lo, hi;
        const char *line;
    } rows[] = {
        { 0x1, 0, "vtd: 1 more invalid descriptors" },
        { 0xf, 0, "vtd: 1 more descriptors of an unknown type" },
        { 0x25, RAM_SIZE, "vtd: 1 more statuses that cannot be written" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Host *h = host_new(NULL);

        h->log_more = true;
        queue_start(h, 0);
        for (unsigned n = 0; n <= FEW; n++) {
            submit(h, rows[i].lo, rows[i].hi);
            queue_recover(h);
        }
        g_ptr_array_set_size(h->lines, 0);
        vtd_log_held(h->v);
        expect_line(h, true, rows[i].line);
        host_free(h);
    }
}

/* Scalable mode */

/* All that can be had of it */
static VtdConfig scalable(void)
{
    VtdConfig config = host_config;

    config.aw_bits = 48;
    config.haw_bits = 48;
    config.scalable_mode = config.first_stage = config.second_stage = true;
    config.nested = config.fs_1g = config.ss_dirty = true;
    config.snooped_walks = config.supervisor = config.rid_pasid = true;
    config.extended_accessed = config.snoop_control = true;
    config.pasid_bits = 20;
    return config;
}

/* Where the walk stops by these reasons is the same for all, or nowhere */
static const char *place_of(unsigned reason)
{
    return reason >= 0x38 && reason <= 0x3a ? "the root entry" :
           reason >= 0x40 && reason <= 0x46 ? "the context entry" :
           reason >= 0x50 && reason <= 0x52 ? "the PASID directory entry" :
           reason >= 0x58 && reason <= 0x5d ? "the PASID table entry" :
           reason == 0x74 || reason == 0x80 || reason == 0x83 ||
           reason == 0x84 ? NULL :
           "level ";
}

static void expect_scalable(const char *line, bool *told)
{
    g_auto(GStrv) parts = g_regex_split_simple(
        "^(vtd_iommu_translate: detected translation failure "
        "\\(dev=03:1f:02, iova=0x[0-9a-f]+\\): )"
        "(?:pasid=0x[0-9a-f]+(?:, privileged)?, )?(?:read|write), "
        "reason 0x([0-9a-f]+): ([^;,]+(?:, in scalable mode)?)"
        "(?:, stopped at ([^;]+))?$", line, 0, 0);
    unsigned reason;
    const char *place;

    if (g_strv_length(parts) < 4) {
        g_error("%s", line);
    }
    reason = g_ascii_strtoull(parts[2], NULL, 16);
    g_assert_cmpuint(reason, <, 0x100);
    g_assert_cmpstr(parts[3], !=, "a reason of the VT-d specification");
    place = place_of(reason);
    if (!place || reason < 0x38) {
        /* Of a nested way, or a way that did not begin */
    } else if (!parts[4] || !g_str_has_prefix(parts[4], place)) {
        g_error("%s", line);
    }
    told[reason] = true;
}

/* Each reason of scalable mode, from each row that comes to it */
static void test_scalable(void)
{
    static void (*const rows[])(QVtd *d, uint16_t sid, unsigned haw) = {
        qvtd_rows_sm_entries, qvtd_rows_sm_second, qvtd_rows_sm_first,
        qvtd_rows_sm_nested, qvtd_rows_sm_marks, qvtd_rows_sm_pass_through,
    };
    static const uint8_t reasons[] = {
        0x39, 0x3a, 0x40, 0x41, 0x42, 0x50, 0x51, 0x52, 0x58, 0x59, 0x5a, 0x5b,
        0x70, 0x71, 0x72, 0x73, 0x78, 0x79, 0x7a, 0x7b, 0x80, 0x83, 0x84, 0x85,
        0x86, 0x87,
    };
    bool told[0x100] = { false };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VtdConfig config = scalable();
        Host *h = host_new(&config);

        device_new(h, SID);
        rows[i](&h->vtd, SID, h->config.haw_bits);
        for (unsigned n = 0; n < h->lines->len; n++) {
            expect_scalable(g_ptr_array_index(h->lines, n), told);
        }
        host_free(h);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (!told[reasons[i]]) {
            g_error("nothing is told of reason 0x%x", reasons[i]);
        }
    }
}

/* A request with a PASID says which */
static void test_pasid(void)
{
    VtdConfig config = scalable();
    Host *h = host_new(&config);
    Device *d = device_new(h, SID);
    VtdTranslation out;

    host_enable(h);
    set_root_table(h, h->vtd.root | BIT(10));
    g_assert_false(vtd_translate_pasid(d->space, 5, true, IOVA,
                                       VTD_ACCESS_WRITE, &out));
    expect_line(h, false, FAILURE("0x112233445678") ": pasid=0x5, privileged, "
                "write, reason 0x39: the scalable-mode root entry of the bus "
                "is not present, stopped at the root entry, hi=0x0, lo=0x0");
    host_set_ram(h, h->vtd.root, false);
    g_assert_false(device_translate(d, IOVA, VTD_ACCESS_READ, &out));
    expect_line(h, false, FAILURE("0x112233445678") ": read, reason 0x38: the "
                "scalable-mode root table is not in memory, stopped at the "
                "root entry");
    host_free(h);
}

/* Interrupts */

#define MESSAGE(index)          (0xfee00010u | (index) << 5)

static const struct {
    const char *name;
    uint64_t clear, set, hi_clear, hi_set;
    uint32_t addr, data;
    const char *reason;
    const char *line;
    bool no_table;
} interrupt_rows[] = {
    { "handle with reserved data", 0, 0, 0, 0, MESSAGE(5) | BIT(3), 0x10000,
      "0x20: a reserved bit is set in the interrupt request",
      "vtd_interrupt_remap_msi: invalid IR MSI (sid=1018, "
      "address=0xfee000b8, data=0x10000)" },
    { "compatibility format", 0, 0, 0, 0, QVTD_MSI_ADDR, 0x41,
      "0x25: the interrupt is not remappable, and such are blocked",
      "vtd_interrupt_remap_msi: invalid IR MSI (sid=1018, "
      "address=0xfee00000, data=0x41)" },
    { "index", 0, 0, 0, 0, MESSAGE(300), 0,
      "0x21: the index is beyond the interrupt table",
      "vtd_irte_get: index too large: ind=0x12c" },
    { "not present", 1, 0, 0, 0, MESSAGE(5), 0,
      "0x22: the interrupt entry is not present",
      "vtd_irte_get: detected non-present IRTE (index=5, high=0x403fa, "
      "low=0x0)" },
    { "reserved bit", 0, BIT(12), 0, 0, MESSAGE(5), 0,
      "0x24: a reserved bit is set in the interrupt entry",
      "vtd_irte_get: detected non-zero reserved IRTE (index=5, "
      "high=0x403fa, low=0x1001)" },
    { "no table", 0, 0, 0, 0, MESSAGE(5), 0,
      "0x23: the interrupt table is not in memory",
      "vtd_irte_get: read failed: ind=0x5 addr=0x*050", true },
    { "source", 0, 0, 0xffff, 0x1234, MESSAGE(5), 0,
      "0x26: the interrupt entry is for another source",
      "vtd_irte_get: invalid IRTE SID (index=5, sid=1018, "
      "source_id=4660)" },
    { "bus", 0, 0, 0xfffff, BIT(19) | 0x0506, MESSAGE(5), 0,
      "0x26: the interrupt entry is for another source",
      "vtd_irte_get: invalid SVT_BUS (index=5, bus=3, min=5, max=6)" },
    { "kind of source", 0, 0, 0, BIT(19), MESSAGE(5), 0,
      "0x26: the interrupt entry is for another source",
      "vtd_irte_get: detected invalid IRTE SVT (index=5, type=3)" },
};

static void test_interrupt(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(interrupt_rows); i++) {
        uint32_t addr = interrupt_rows[i].addr, data = interrupt_rows[i].data;
        g_autofree char *line =
            g_strconcat(interrupt_rows[i].line, ": dev=03:1f:02, interrupt, "
                        "reason ", interrupt_rows[i].reason, NULL);
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
        expect_line(u.h, false, NULL);
        for (unsigned n = 0; n < 3; n++) {
            g_assert_cmpint(vtd_interrupt(u.h->v, SID, addr, data, true,
                                          &out), ==, VTD_INTERRUPT_BLOCKED);
            expect_line(u.h, false, n ? NULL : line);
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
    { 0x1001, 0, "vtd_process_context_cache_desc: invalid cc inv desc: "
      "hi=0, lo=1001 (reserved nonzero)" },
    { 0x1, 0x1, "vtd_process_context_cache_desc: invalid cc inv desc: "
      "hi=1, lo=1 (reserved nonzero)" },
    { 0x2, 0, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=0x0, lo=0x2 (type mismatch: 0x0)" },
    { 0x1002, 0, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=0, lo=1002 (reserved nonzero)" },
    { 0x12, 0x80, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=80, lo=12 (reserved nonzero)" },
    { 0x50032, 0x3f, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=0x3f, lo=0x50032 (am=63 > VTD_MAMV=18)" },
    { 0x50032, 0xbf, "vtd_process_iotlb_desc: invalid iotlb inv desc: "
      "hi=bf, lo=50032 (reserved nonzero)" },
    { 0x24, 0, "vtd_process_inv_iec_desc: invalid iec inv desc: "
      "hi=0, lo=24 (reserved nonzero)" },
    { 0x80000014, 0, "vtd_process_inv_iec_desc: invalid iec inv desc: "
      "hi=0x0, lo=0x80000014 (im=16 > VTD_MHMV=15)" },
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
            expect_line(h, false, n ? NULL : descriptor_rows[i].line);
            queue_recover(h);
        }
        host_free(h);
    }
}

/* In scalable mode: @words of QEMU's own device, which has none for some */
static const struct {
    QVtdDesc desc;
    const char *words;
    const char *values;         /* NULL: a reserved bit is set */
} wide_rows[] = {
    { { 0x1, 0 }, "vtd_process_context_cache_desc: invalid cc inv desc",
      "hi=0, lo=1 (invalid type)" },
    { { 0x1001, 0 }, "vtd_process_context_cache_desc: invalid cc inv desc" },
    { { 0x11, 0, { 1 } },
      "vtd_process_context_cache_desc: invalid cc inv desc" },
    { { 0x2, 0 }, "vtd_process_iotlb_desc: invalid iotlb inv desc",
      "hi=0x0, lo=0x2 (type mismatch: 0x0)" },
    { { 0x12, 0x80 }, "vtd_process_iotlb_desc: invalid iotlb inv desc" },
    { { 0x12, 0, { 0, 2 } },
      "vtd_process_iotlb_desc: invalid iotlb inv desc" },
    { { 0x3, 2 },
      "vtd_process_device_iotlb_desc: invalid dev-iotlb inv desc" },
    { { 0x1014, 0 }, "vtd_process_inv_iec_desc: invalid iec inv desc" },
    { { 0x85, 0 }, "vtd_process_wait_desc: invalid wait desc" },
    { { 0x6, 0 }, "vtd_process_piotlb_desc: invalid piotlb inv desc",
      "hi=0x0, lo=0x6 (type mismatch: 0x0)" },
    { { 0x16, 0 }, "vtd_process_piotlb_desc: invalid piotlb inv desc",
      "hi=0x0, lo=0x16 (type mismatch: 0x10)" },
    { { 0x50036, 0x13 }, "vtd_process_piotlb_desc: invalid piotlb inv desc",
      "hi=0x13, lo=0x50036 (am=19 > VTD_MAMV=18)" },
    { { 0x50036, 0x93 }, "vtd_process_piotlb_desc: invalid piotlb inv desc" },
    { { 0x1016, 0 }, "vtd_process_piotlb_desc: invalid piotlb inv desc" },
    { { 0x27, 0 }, "invalid PASID-cache inv desc",
      "hi=0x0, lo=0x27 (type mismatch: 0x20)" },
    { { 0x17, 1 }, "invalid PASID-cache inv desc" },
    { { 0x8, 2 },
      "vtd_process_device_piotlb_desc: invalid device piotlb inv desc" },
    { { 0xa, 0 }, "vtd_process_inv_desc: invalid inv desc",
      "hi=0, lo=a (unknown type)" },
};

static void test_wide_descriptor(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(wide_rows); i++) {
        const QVtdDesc *desc = &wide_rows[i].desc;
        VtdConfig config = scalable();
        g_autofree char *line = wide_rows[i].values
            ? g_strdup_printf("%s: %s", wide_rows[i].words,
                              wide_rows[i].values)
            : g_strdup_printf("%s val[3]: 0x%" PRIx64 " val[2]: 0x%" PRIx64
                              " val[1]=0x%" PRIx64 " val[0]=0x%" PRIx64
                              " (reserved nonzero)", wide_rows[i].words,
                              desc->upper[1], desc->upper[0], desc->hi,
                              desc->lo);
        Host *h;

        g_test_message("%s", line);
        config.nested = false;
        config.device_iotlb = true;
        h = host_new(&config);
        set_root_table(h, host_pages(h, 1) | QVTD_TTM_SCALABLE);
        h->vtd.wide = true;
        queue_start(h, 0);
        for (unsigned n = 0; n < 3; n++) {
            g_assert_cmpuint(qvtd_queue_error(&h->vtd, *desc), !=, 0);
            expect_line(h, false, n ? NULL : line);
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
        expect_line(h, false, n ? NULL : "vtd_fetch_inv_desc: detected "
                     "invalid QI tail (tail=0x100, size=0x100)");
        queue_kick(h);
        wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    }
    for (unsigned n = 0; n < 3; n++) {
        submit(h, 5 | QVTD_WAIT_SW, RAM_SIZE);
        expect_line(h, false, n ? NULL : "vtd_process_wait_desc: the status "
                     "cannot be written: hi=1000000, lo=25");
        queue_recover(h);
    }
    for (unsigned n = 0; n < 2; n++) {
        wr64(h, n ? QVTD_CCMD : QVTD_IOTLB, BIT(63) | BIT(n ? 61 : 60));
        expect_line(h, false, n ? NULL : "Queued Invalidation enabled, "
                     "should not use register-based invalidation");
    }
    for (unsigned n = 0; n < 3; n++) {
        host_set_ram(h, h->vtd.queue, false);
        queue_put(h, 5, 0);
        queue_kick(h);
        expect_line(h, false, n ? NULL : "vtd_fetch_inv_desc: the queue is "
                     "not in memory (addr=0x*, head=0x*)");
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
    g_test_add_func("/vtd/log/gone", test_gone);
    g_test_add_func("/vtd/log/each-cause", test_each_cause);
    g_test_add_func("/vtd/log/storm", test_storm);
    g_test_add_func("/vtd/log/held", test_held);
    g_test_add_func("/vtd/log/scalable", test_scalable);
    g_test_add_func("/vtd/log/pasid", test_pasid);
    g_test_add_func("/vtd/log/interrupt", test_interrupt);
    g_test_add_func("/vtd/log/descriptor", test_descriptor);
    g_test_add_func("/vtd/log/wide-descriptor", test_wide_descriptor);
    g_test_add_func("/vtd/log/queue", test_queue);
    return g_test_run();
}
