/*
 * VT-d qtests: interrupt remapping
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages of a device's MSI and of its DMA to the interrupt range: what CPU
 * gets which vector, each reason to block one, the interrupt entry cache.
 * Each delivery uses a vector of its own, see vtd-lapic.h.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-lapic.h"

#define FIRST_VECTOR            0x30

typedef struct Fixture {
    EduPair p;
    Lapic cpus[2];
    int vector;                 /* the next one not used yet */
} Fixture;

static void start(Fixture *f, const char *props)
{
    edu_pair_start(&f->p, "", props, "-smp 2");
    lapic_start(&f->cpus[0], f->p.d.qts, 0);
    lapic_start(&f->cpus[1], f->p.d.qts, 1);
    f->vector = FIRST_VECTOR;
}

static void stop(Fixture *f)
{
    edu_pair_stop(&f->p);
}

static int new_vector(Fixture *f)
{
    g_assert_cmpint(f->vector, <, 0xff);
    return f->vector++;
}

#define CPU0                    1
#define CPU1                    2

/* These CPUs, and no others, were given the vector; @cpus may be 0 */
static void expect_delivered(Fixture *f, unsigned cpus, int vector)
{
    for (int i = 0; i < ARRAY_SIZE(f->cpus); i++) {
        expect_eq(lapic_take(&f->cpus[i]),
                  cpus & (1 << i) ? vector : LAPIC_NONE);
    }
}

/* Recorded, with the index unless that is left open (-1) */
static void expect_blocked(Fixture *f, uint8_t reason, uint16_t sid,
                           int index)
{
    QVtdFault fault;

    expect_delivered(f, 0, 0);
    if (expect_true(qvtd_take_fault(&f->p.d, &fault))) {
        expect_eq(fault.reason, reason);
        expect_eq(fault.sid, sid);
        if (index >= 0) {
            expect_eq(fault.info, (uint64_t)index << 48);
        }
    }
    expect_eq(qvtd_read32(&f->p.d, QVTD_FSTS), 0);
}

static uint32_t remappable(uint16_t handle)
{
    return QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_HANDLE(handle);
}

static void set_irte(Fixture *f, unsigned index, uint64_t lo, uint64_t hi)
{
    qvtd_set_irte(&f->p.d, index, lo, hi);
    qvtd_invalidate(&f->p.d, QVTD_INV_IEC_GLOBAL);
}

/* Compatibility format: what lets it pass */
static void test_compatibility(void)
{
    static const struct {
        const char *name;
        bool remapping;
        bool cfi;
        uint64_t irta;
        bool passes;
    } rows[] = {
        { "remapping off", false, false, 0, true },
        { "remapping off, CFI", false, true, 0, true },
        { "remapping on", true, false, 0, false },
        { "CFI", true, true, 0, true },
        { "EIME", true, false, QVTD_IRTA_EIME, false },
        { "EIME and CFI", true, true, QVTD_IRTA_EIME, false },
        { "remapping off again", false, false, 0, true },
    };
    Fixture f;

    start(&f, ",eim=on");
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        int vector = new_vector(&f);

        qvtd_row("%s", rows[i].name);
        qvtd_command(&f.p.d, QVTD_IRE, false);
        if (rows[i].remapping) {
            qvtd_remap_enable(&f.p.d, 7, rows[i].irta);
        }
        qvtd_command(&f.p.d, QVTD_CFI, rows[i].cfi);
        edu_msi_program(&f.p.a, QVTD_MSI_ADDR | QVTD_MSI_DEST(1), vector);
        edu_msi_fire(&f.p.a);
        if (rows[i].passes) {
            expect_delivered(&f, CPU1, vector);
            qvtd_expect_no_fault(&f.p.d);
        } else {
            expect_blocked(&f, QVTD_F_IR_COMPATIBLE, f.p.a.sid, -1);
        }
    }

    qvtd_row("after reset");
    qvtd_remap_enable(&f.p.d, 7, 0);
    edu_pair_reset(&f.p);
    lapic_start(&f.cpus[0], f.p.d.qts, 0);
    edu_msi_program(&f.p.a, QVTD_MSI_ADDR, 0x42);
    edu_msi_fire(&f.p.a);
    expect_delivered(&f, CPU0, 0x42);
    stop(&f);
}

/* Remappable format: the entry says what is delivered */

/* Source ids as the devices have them: a is 00:03.0, b is 00:04.0 */
#define SID_A                   0x18

typedef struct Remapped {
    const char *name;
    uint16_t handle;
    bool shv;
    uint16_t data;              /* the subhandle, if shv */
    uint16_t index;
    uint64_t lo, hi;            /* of the entry, beside P and the vector */
    unsigned cpus;
    bool level;
} Remapped;

static const Remapped remapped[] = {
    { "first entry", 0, false, 0, 0, 0, 0, CPU0 },
    { "last entry", 255, false, 0, 255, 0, 0, CPU0 },
    { "other CPU", 1, false, 0, 1, QVTD_IRTE_DST(1), 0, CPU1 },
    { "all CPUs", 2, false, 0, 2, QVTD_IRTE_DST(0xff), 0, CPU0 | CPU1 },
    { "no such CPU", 2, false, 0, 2, QVTD_IRTE_DST(0x77), 0, 0 },
    { "data ignored", 3, false, 0xffff, 3, 0, 0, CPU0 },
    { "lowest priority", 4, false, 0, 4,
      QVTD_IRTE_DST(1) | QVTD_IRTE_DLM(1), 0, CPU1 },
    { "level", 5, false, 0, 5, QVTD_IRTE_TM, 0, CPU0, true },
    { "redirection hint", 6, false, 0, 6, 1 << 3, 0, CPU0 },
    { "AVAIL bits", 7, false, 0, 7, 0xf00, 0, CPU0 },
    { "subhandle 0", 16, true, 0, 16, 0, 0, CPU0 },
    { "subhandle 3", 16, true, 3, 19, 0, 0, CPU0 },
    { "subhandle 255", 0, true, 255, 255, 0, 0, CPU0 },
    { "source", 8, false, 0, 8, 0, QVTD_IRTE_SOURCE(1, 0, SID_A), CPU0 },
    { "source but function bit 2", 8, false, 0, 8, 0,
      QVTD_IRTE_SOURCE(1, 1, SID_A ^ 4), CPU0 },
    { "source but function bits 2:1", 8, false, 0, 8, 0,
      QVTD_IRTE_SOURCE(1, 2, SID_A ^ 6), CPU0 },
    { "source but function", 8, false, 0, 8, 0,
      QVTD_IRTE_SOURCE(1, 3, SID_A ^ 7), CPU0 },
    { "bus 0 to 0", 8, false, 0, 8, 0, QVTD_IRTE_SOURCE(2, 0, 0x0000), CPU0 },
    { "bus 0 to 255", 8, false, 0, 8, 0, QVTD_IRTE_SOURCE(2, 0, 0x00ff), CPU0 },
    { "unverified source", 8, false, 0, 8, 0,
      QVTD_IRTE_SOURCE(0, 0, 0xffff), CPU0 },
};

/* In a table of 65536 entries */
static const Remapped remapped_large[] = {
    { "handle 0x7fff", 0x7fff, false, 0, 0x7fff, 0, 0, CPU0 },
    { "handle 0x8000", 0x8000, false, 0, 0x8000, 0, 0, CPU0 },
    { "handle 0xffff", 0xffff, false, 0, 0xffff, 0, 0, CPU0 },
    { "sum 0x8000", 0x7fff, true, 1, 0x8000, 0, 0, CPU0 },
    { "sum 0xffff", 0x8000, true, 0x7fff, 0xffff, 0, 0, CPU0 },
};

static void check_remapped(Fixture *f, const Remapped *row)
{
    int vector = new_vector(f);
    uint64_t before = qvtd_stat(&f->p.d, "interrupts-remapped");

    qvtd_row("%s", row->name);
    set_irte(f, row->index, QVTD_P | QVTD_IRTE_V(vector) | row->lo,
             row->hi);
    edu_msi_program(&f->p.a,
                    remappable(row->handle) | (row->shv ? QVTD_MSI_SHV : 0),
                    row->data);
    edu_msi_fire(&f->p.a);
    expect_delivered(f, row->cpus, vector);
    for (int i = 0; i < ARRAY_SIZE(f->cpus); i++) {
        if (row->cpus & (1 << i)) {
            expect_eq(f->cpus[i].level, row->level);
        }
    }
    qvtd_expect_no_fault(&f->p.d);
    expect_eq(qvtd_stat(&f->p.d, "interrupts-remapped"), before + 1);
    set_irte(f, row->index, 0, 0);
}

static void test_remapped(void)
{
    Fixture f;

    start(&f, "");
    qvtd_remap_enable(&f.p.d, 7, 0);
    for (int i = 0; i < ARRAY_SIZE(remapped); i++) {
        check_remapped(&f, &remapped[i]);
    }
    qvtd_remap_enable(&f.p.d, 15, 0);
    for (int i = 0; i < ARRAY_SIZE(remapped_large); i++) {
        check_remapped(&f, &remapped_large[i]);
    }
    stop(&f);
}

/* Blocked messages */

#define INDEX                   10

typedef struct Blocked {
    const char *name;
    uint32_t addr;              /* 0 for the message to INDEX */
    uint32_t data;
    uint64_t clear_lo;          /* in a good entry at INDEX */
    uint64_t lo, hi;
    uint8_t reason;
    int index;                  /* as recorded, -1 if left open */
    bool qualified;             /* hidden by FPD in the entry */
} Blocked;

#define SHV(handle) \
    (QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_SHV | QVTD_MSI_HANDLE(handle))
#define PLAIN(handle) \
    (QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_HANDLE(handle))
#define RESERVED_LO(bit) \
    { "entry bit " #bit, 0, 0, 0, 1ull << (bit), 0, \
      QVTD_F_IR_RESERVED, INDEX, true }
#define RESERVED_HI(bit) \
    { "entry bit 64 + " #bit, 0, 0, 0, 0, 1ull << (bit), \
      QVTD_F_IR_RESERVED, INDEX, true }
#define SOURCE(text, svt, sq, sid) \
    { text, 0, 0, 0, 0, QVTD_IRTE_SOURCE(svt, sq, sid), \
      QVTD_F_IR_SOURCE, INDEX, true }

static const Blocked blocked[] = {
    { "data bit 16 with SHV", SHV(INDEX), 1 << 16, 0, 0, 0,
      QVTD_F_IR_REQUEST, -1, false },
    { "data bit 31 with SHV", SHV(INDEX), 1u << 31, 0, 0, 0,
      QVTD_F_IR_REQUEST, -1, false },
    { "index at the end", PLAIN(256), 0, 0, 0, 0, QVTD_F_IR_INDEX, 256, false },
    { "index 0x7fff", PLAIN(0x7fff), 0, 0, 0, 0,
      QVTD_F_IR_INDEX, 0x7fff, false },
    { "index 0xffff", PLAIN(0xffff), 0, 0, 0, 0,
      QVTD_F_IR_INDEX, 0xffff, false },
    { "sum at the end", SHV(255), 1, 0, 0, 0, QVTD_F_IR_INDEX, 256, false },
    { "sum above 16 bits", SHV(0xffff), INDEX + 1, 0, 0, 0,
      QVTD_F_IR_INDEX, -1, false },
    { "not present", 0, 0, QVTD_P, 0, 0, QVTD_F_IR_ENTRY, INDEX, true },
    { "not present, reserved bits set", 0, 0, QVTD_P, 0x7000, 1ull << 63,
      QVTD_F_IR_ENTRY, INDEX, true },
    RESERVED_LO(12), RESERVED_LO(13), RESERVED_LO(14),
    RESERVED_LO(24), RESERVED_LO(31), RESERVED_LO(32), RESERVED_LO(39),
    RESERVED_LO(48), RESERVED_LO(63), RESERVED_HI(20), RESERVED_HI(63),
    { "delivery mode 3", 0, 0, 0, QVTD_IRTE_DLM(3), 0,
      QVTD_F_IR_RESERVED, INDEX, true },
    { "delivery mode 6", 0, 0, 0, QVTD_IRTE_DLM(6), 0,
      QVTD_F_IR_RESERVED, INDEX, true },
    { "posted, without PI", 0, 0, 0, QVTD_IRTE_IM, 0,
      QVTD_F_IR_RESERVED, INDEX, true },
    SOURCE("another source", 1, 0, SID_A + 8),
    SOURCE("another function", 1, 0, SID_A ^ 1),
    SOURCE("another bus", 1, 0, SID_A | 0x100),
    SOURCE("SQ 01, function bit 0", 1, 1, SID_A ^ 1),
    SOURCE("SQ 01, function bit 1", 1, 1, SID_A ^ 2),
    SOURCE("SQ 10, function bit 0", 1, 2, SID_A ^ 1),
    SOURCE("SQ 11, device", 1, 3, SID_A ^ 8),
    SOURCE("bus 1 to 2", 2, 0, 0x0102),
    SOURCE("bus 1 to 255", 2, 0, 0x01ff),
    SOURCE("SVT 11", 3, 0, SID_A),
};

static void check_blocked(Fixture *f, const Blocked *row, bool fpd)
{
    int vector = new_vector(f);
    uint64_t good = QVTD_P | QVTD_IRTE_V(vector);
    uint64_t before = qvtd_stat(&f->p.d, "interrupts-blocked");

    qvtd_row("%s%s", row->name, fpd ? ", FPD" : "");
    set_irte(f, INDEX, (good & ~row->clear_lo) | row->lo |
             (fpd ? QVTD_FPD : 0), row->hi);
    if (row->data >> 16) {
        edu_message(&f->p.a, row->addr, row->data);
    } else {
        edu_msi_program(&f->p.a, row->addr ?: PLAIN(INDEX), row->data);
        edu_msi_fire(&f->p.a);
    }
    if (fpd && row->qualified) {
        expect_delivered(f, 0, 0);
        qvtd_expect_no_fault(&f->p.d);
    } else {
        expect_blocked(f, row->reason, f->p.a.sid, row->index);
    }
    expect_eq(qvtd_stat(&f->p.d, "interrupts-blocked"), before + 1);

    qvtd_row("%s, mended", row->name);
    set_irte(f, INDEX, good, 0);
    edu_msi_program(&f->p.a, PLAIN(INDEX), 0);
    edu_msi_fire(&f->p.a);
    expect_delivered(f, CPU0, vector);
    qvtd_expect_no_fault(&f->p.d);
}

static void test_blocked(void)
{
    Fixture f;

    start(&f, "");
    qvtd_remap_enable(&f.p.d, 7, 0);
    for (int i = 0; i < ARRAY_SIZE(blocked); i++) {
        check_blocked(&f, &blocked[i], false);
        check_blocked(&f, &blocked[i], true);
    }
    stop(&f);
}

/* IRTA: where it points to, and when it counts */
static void test_table_address(void)
{
    uint64_t irt;
    Fixture f;

    start(&f, "");
    qvtd_remap_enable(&f.p.d, 7, 0);
    irt = f.p.d.irt;
    edu_msi_program(&f.p.a, PLAIN(INDEX), 0);

    qvtd_row("written, not latched");
    set_irte(&f, INDEX, QVTD_P | QVTD_IRTE_V(0x31), 0);
    qvtd_write64(&f.p.d, QVTD_IRTA, QVTD_HOLE | 7);
    qvtd_invalidate(&f.p.d, QVTD_INV_IEC_GLOBAL);
    edu_msi_fire(&f.p.a);
    expect_delivered(&f, CPU0, 0x31);

    qvtd_row("in a hole");
    qvtd_command(&f.p.d, QVTD_SIRTP, true);
    qvtd_invalidate(&f.p.d, QVTD_INV_IEC_GLOBAL);
    edu_msi_fire(&f.p.a);
    expect_blocked(&f, QVTD_F_IR_ACCESS, f.p.a.sid, INDEX);

    qvtd_row("fewer entries");
    qvtd_write64(&f.p.d, QVTD_IRTA, irt | 2);
    qvtd_command(&f.p.d, QVTD_SIRTP, true);
    qvtd_invalidate(&f.p.d, QVTD_INV_IEC_GLOBAL);
    edu_msi_fire(&f.p.a);
    expect_blocked(&f, QVTD_F_IR_INDEX, f.p.a.sid, INDEX);

    qvtd_row("as it was");
    qvtd_set_irte(&f.p.d, INDEX, QVTD_P | QVTD_IRTE_V(0x32), 0);
    qvtd_write64(&f.p.d, QVTD_IRTA, irt | 3);
    qvtd_command(&f.p.d, QVTD_SIRTP, true);
    qvtd_invalidate(&f.p.d, QVTD_INV_IEC_GLOBAL);
    edu_msi_fire(&f.p.a);
    expect_delivered(&f, CPU0, 0x32);
    qvtd_expect_no_fault(&f.p.d);
    stop(&f);
}

/* The interrupt entry cache */

static void test_iec(void)
{
    static const struct {
        const char *name;
        QVtdDesc desc;
        uint8_t changed;        /* of entries 0 to 7 */
    } rows[] = {
        { "global", QVTD_INV_IEC_GLOBAL, 0xff },
        { "entry 3", QVTD_INV_IEC_INDEX(3, 0), 0x08 },
        { "entries 2 and 3", QVTD_INV_IEC_INDEX(2, 1), 0x0c },
        { "entries 2 and 3, index not aligned", QVTD_INV_IEC_INDEX(3, 1),
          0x0c },
        { "entries 4 to 7", QVTD_INV_IEC_INDEX(4, 2), 0xf0 },
        { "entries 0 to 7", QVTD_INV_IEC_INDEX(0, 3), 0xff },
        { "entries 0 to 0x7fff", QVTD_INV_IEC_INDEX(0, 15), 0xff },
        { "entries from 0x8000", QVTD_INV_IEC_INDEX(0x8000, 15), 0 },
        { "entry 8", QVTD_INV_IEC_INDEX(8, 0), 0 },
        { "entry 0x103", QVTD_INV_IEC_INDEX(0x103, 0), 0 },
    };
    Fixture f;

    start(&f, "");
    qvtd_remap_enable(&f.p.d, 15, 0);
    f.vector = FIRST_VECTOR + 8;
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        int first_new = f.vector;
        uint8_t changed = 0;

        f.vector += 8;
        qvtd_row("%s", rows[i].name);
        for (int n = 0; n < 8; n++) {
            qvtd_set_irte(&f.p.d, n,
                          QVTD_P | QVTD_IRTE_V(FIRST_VECTOR + n), 0);
        }
        qvtd_invalidate(&f.p.d, QVTD_INV_IEC_GLOBAL);
        for (int n = 0; n < 8; n++) {
            edu_msi_program(&f.p.a, PLAIN(n), 0);
            edu_msi_fire(&f.p.a);
            /* The old vectors are seen once only */
            expect_delivered(&f, i ? 0 : CPU0, FIRST_VECTOR + n);
        }

        for (int n = 0; n < 8; n++) {
            qvtd_set_irte(&f.p.d, n, QVTD_P | QVTD_IRTE_V(first_new + n), 0);
        }
        qvtd_invalidate(&f.p.d, rows[i].desc);
        for (int n = 0; n < 8; n++) {
            edu_msi_program(&f.p.a, PLAIN(n), 0);
            edu_msi_fire(&f.p.a);
            changed |= (lapic_take(&f.cpus[0]) == first_new + n) << n;
        }
        expect_eq(changed, rows[i].changed);
        expect_eq(qvtd_stat(&f.p.d, "interrupts-remapped"), 16 * (i + 1));
    }
    stop(&f);
}

/* An entry that appears: without caching mode nothing was cached of it */
static void test_appearances(void)
{
    static const struct {
        const char *name;
        const char *props;
        uint64_t before;
        uint8_t reason;
        bool invalidate;
    } rows[] = {
        { "not present", "", 0, 0x22, false },
        { "bad", "", QVTD_P | 1 << 12, 0x24, false },
        { "not present, caching mode", ",caching-mode=on", 0, 0x22, true },
        { "bad, caching mode", ",caching-mode=on", QVTD_P | 1 << 12, 0x24,
          true },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        Fixture f;

        qvtd_row("%s", rows[i].name);
        start(&f, rows[i].props);
        qvtd_remap_enable(&f.p.d, 7, 0);
        set_irte(&f, INDEX, rows[i].before, 0);
        edu_msi_program(&f.p.a, PLAIN(INDEX), 0);
        edu_msi_fire(&f.p.a);
        expect_blocked(&f, rows[i].reason, f.p.a.sid, INDEX);
        qvtd_set_irte(&f.p.d, INDEX, QVTD_P | QVTD_IRTE_V(0x40), 0);
        if (rows[i].invalidate) {
            qvtd_invalidate(&f.p.d, QVTD_INV_IEC_INDEX(INDEX, 0));
        }
        edu_msi_fire(&f.p.a);
        expect_delivered(&f, CPU0, 0x40);
        qvtd_expect_no_fault(&f.p.d);
        stop(&f);
    }
}

/* The range is never translated, and asks no context entry */
static void test_with_translation(void)
{
    QVtdDomain domain;
    uint64_t page;
    Fixture f;

    start(&f, "");
    page = qvtd_alloc(&f.p.d, 1);
    domain = qvtd_domain_new(&f.p.d, 1, 4);
    qvtd_map(&f.p.d, &domain, QVTD_MSI_ADDR, page, 1, QVTD_RW);
    qvtd_attach(&f.p.d, f.p.a.sid, &domain);
    qvtd_enable(&f.p.d);

    qvtd_row("MSI through a context");
    edu_msi_program(&f.p.a, QVTD_MSI_ADDR, 0x41);
    edu_msi_fire(&f.p.a);
    expect_delivered(&f, CPU0, 0x41);

    qvtd_row("MSI without a context");
    edu_msi_program(&f.p.b, QVTD_MSI_ADDR, 0x42);
    edu_msi_fire(&f.p.b);
    expect_delivered(&f, CPU0, 0x42);

    qvtd_row("a DMA of four bytes");
    edu_message(&f.p.a, QVTD_MSI_ADDR, 0x43);
    expect_delivered(&f, CPU0, 0x43);

    qvtd_row("a DMA of four bytes, remapped");
    qvtd_remap_enable(&f.p.d, 7, 0);
    set_irte(&f, INDEX, QVTD_P | QVTD_IRTE_V(0x44),
             QVTD_IRTE_SOURCE(1, 0, f.p.a.sid));
    edu_message(&f.p.a, PLAIN(INDEX), 0);
    expect_delivered(&f, CPU0, 0x44);

    qvtd_row("the page that is mapped there");
    expect_eq(qtest_readq(f.p.d.qts, page), 0);
    qvtd_expect_no_fault(&f.p.d);

    qvtd_row("a DMA of eight bytes is no interrupt and no DMA");
    qvtd_command(&f.p.d, QVTD_IRE, false);
    edu_load(&f.p.a, 0, 0x4500000045);
    edu_dma_write(&f.p.a, QVTD_MSI_ADDR, 0, 8);
    expect_delivered(&f, 0, 0);
    expect_eq(qtest_readq(f.p.d.qts, page), 0);
    stop(&f);
}

/*
 * A write that is not of four bytes is one request, and refused whole.  The
 * memory core cuts it into aligned powers of two: what begins with four bytes
 * looks like a message until the rest comes.
 */
static void test_lengths(void)
{
    static const struct {
        const char *name;
        unsigned offset, size;
        bool delivered;
    } rows[] = {
        { "4 bytes", 0, 4, true },
        { "1 byte", 0, 1 }, { "2 bytes", 0, 2 }, { "3 bytes", 0, 3 },
        { "8 bytes", 0, 8 }, { "12 bytes", 0, 12 }, { "16 bytes", 0, 16 },
        { "20 bytes", 0, 20 }, { "24 bytes", 0, 24 }, { "28 bytes", 0, 28 },
        { "4 bytes, across a word", 2, 4 }, { "4 bytes, odd", 1, 4 },
        { "4 bytes, odd, into the next", 3, 4 }, { "6 bytes, from 2", 2, 6 },
        { "again 4 bytes", 0, 4, true },
        /* The first piece is a message; the rest is not seen in time */
        { "5 bytes", 0, 5, true }, { "6 bytes", 0, 6, true },
        { "7 bytes", 0, 7, true },
    };
    /* By stat: who gets what is of no matter */
    static const struct {
        int32_t offset;
        unsigned size, messages;
    } counted[] = {
        { 4, 8, 0 }, { 4, 12, 0 }, { 4, 16, 0 }, { 12, 8, 0 }, { 8, 12, 0 },
        { 1, 8, 0 }, { 2, 12, 0 }, { 1, 7, 0 }, { 3, 5, 0 }, { 0, 9, 0 },
        { 0, 11, 0 }, { 0, 15, 0 }, { 0xff8, 8, 0 }, { 0xffffc, 8, 0 },
        { 0xff008, 12, 0 }, { 0xffffc, 4, 1 },
        /* Requests end at a page: the last four bytes are one of their own */
        { 0xff8, 12, 1 }, { 0xff0, 20, 1 },
        /* What begins before the range may end with a message */
        { -4, 8, 1 }, { -8, 12, 1 },
    };
    int vector = FIRST_VECTOR;
    Fixture f;

    start(&f, "");
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++, vector += 8) {
        qvtd_row("%s", rows[i].name);
        for (unsigned at = 0; at < 32; at += 8) {
            edu_load(&f.p.a, at, (uint64_t)(vector + at / 4 + 1) << 32 |
                                 (vector + at / 4));
        }
        edu_dma_write(&f.p.a, QVTD_MSI_ADDR + rows[i].offset, rows[i].offset,
                      rows[i].size);
        expect_eq(lapic_take(&f.cpus[0]),
                  rows[i].delivered ? vector : LAPIC_NONE);
    }

    for (unsigned i = 0; i < ARRAY_SIZE(counted); i++) {
        uint64_t before = qvtd_stat(&f.p.d, "interrupts-passed");

        qvtd_row("%u bytes at %d", counted[i].size, counted[i].offset);
        edu_dma_write(&f.p.a, QVTD_MSI_ADDR + counted[i].offset, 0,
                      counted[i].size);
        expect_eq(qvtd_stat(&f.p.d, "interrupts-passed"),
                  before + counted[i].messages);
        lapic_take(&f.cpus[0]);
    }

    qvtd_row("a message elsewhere ends the refused write");
    edu_dma_write(&f.p.a, QVTD_MSI_ADDR, 0, 8);
    edu_message(&f.p.a, QVTD_MSI_ADDR, vector);
    expect_eq(lapic_take(&f.cpus[0]), vector++);
    edu_message(&f.p.a, QVTD_MSI_ADDR + 8, vector);
    expect_eq(lapic_take(&f.cpus[0]), vector++);
    qvtd_row("another device's is another request");
    edu_dma_write(&f.p.a, QVTD_MSI_ADDR, 0, 8);
    edu_message(&f.p.b, QVTD_MSI_ADDR + 8, vector);
    expect_eq(lapic_take(&f.cpus[0]), vector);
    stop(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/intr/compatibility", test_compatibility);
    qtest_add_func("/intel-iommu/intr/remapped", test_remapped);
    qtest_add_func("/intel-iommu/intr/blocked", test_blocked);
    qtest_add_func("/intel-iommu/intr/table-address", test_table_address);
    qtest_add_func("/intel-iommu/intr/iec", test_iec);
    qtest_add_func("/intel-iommu/intr/appearances", test_appearances);
    qtest_add_func("/intel-iommu/intr/with-translation",
                   test_with_translation);
    qtest_add_func("/intel-iommu/intr/lengths", test_lengths);
    return g_test_run();
}
