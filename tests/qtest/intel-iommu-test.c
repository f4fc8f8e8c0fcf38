/*
 * VT-d qtests: the register file
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What each register keeps of what is written, in one access of 64 bits or
 * two of 32, what the commands do, and that reset brings back the image
 * that realize left.
 */

#include "qemu/osdep.h"
#include "vtd-driver.h"

#define ALL                     UINT64_MAX

/*
 * Bits that keep what is written, and bits that read 0 whatever is written.
 * A bit in neither is left open.  Command bits are not set here.
 */
typedef struct Masks {
    const char *name;
    unsigned offset;
    unsigned bytes;
    uint64_t write;             /* the ones that are written */
    uint64_t kept;
    uint64_t zero;
} Masks;

static const Masks masks[] = {
    { "RTADDR", QVTD_RTADDR, 8, ALL, 0x0000fffffffffc00, 0x3ff },
    { "CCMD", QVTD_CCMD, 8, ALL & ~QVTD_CCMD_ICC,
      0x600000000000ffff, 0x1ffffffc00000000 },
    { "FSTS", QVTD_FSTS, 4, ALL, 0, 0xffff00ff },
    { "FECTL", QVTD_FECTL, 4, ALL, QVTD_ECTL_IM, QVTD_ECTL_IP },
    { "FEDATA", QVTD_FEDATA, 4, ALL, 0xffff, 0 },
    { "FEADDR", QVTD_FEADDR, 4, ALL, 0xfffffffc, 3 },
    { "FEUADDR, no EIM", QVTD_FEUADDR, 4, ALL, 0, ALL },
    { "AFLOG, no AFL", 0x058, 8, ALL, 0, ALL },
    { "PMEN, no PLMR or PHMR", 0x064, 4, ALL, 0, ALL },
    { "PLMBASE", 0x068, 4, ALL, 0, ALL },
    { "PLMLIMIT", 0x06c, 4, ALL, 0, ALL },
    { "PHMBASE", 0x070, 8, ALL, 0, ALL },
    { "PHMLIMIT", 0x078, 8, ALL, 0, ALL },
    { "IQH", QVTD_IQH, 8, ALL, 0, ALL },
    { "IQT", QVTD_IQT, 8, ALL, 0x7fff0, ~0x7fff0ull },
    { "IQA", QVTD_IQA, 8, ALL, 0x0000fffffffff007, 0x7f8 },
    { "ICS", QVTD_ICS, 4, ALL, 0, ALL },
    { "IECTL", QVTD_IECTL, 4, ALL, QVTD_ECTL_IM, QVTD_ECTL_IP },
    { "IEDATA", QVTD_IEDATA, 4, ALL, 0xffff, 0 },
    { "IEADDR", QVTD_IEADDR, 4, ALL, 0xfffffffc, 3 },
    { "IEUADDR, no EIM", QVTD_IEUADDR, 4, ALL, 0, ALL },
    { "IQERCD", QVTD_IQERCD, 8, ALL, 0, ALL },
    { "IRTA, no EIM", QVTD_IRTA, 8, ALL, 0x0000fffffffff00f, 0xff0 },
    { "MTRRCAP, no MTS", 0x100, 8, ALL, 0, ALL },
    { "MTRRDEF", 0x108, 8, ALL, 0, ALL },
    { "MTRR PHYSBASE0", 0x180, 8, ALL, 0, ALL },
    { "IOTLB", QVTD_IOTLB, 8, ALL & ~QVTD_IOTLB_IVT,
      0x3000ffff00000000, 0x4ffc0000ffffffff },
    { "FRCD, lower half", QVTD_FRCD_LO, 8, ALL, 0, ALL },
    { "FRCD, upper half", QVTD_FRCD_HI, 8, ALL, 0, ALL },
    { "gap at 0x004", 0x004, 4, ALL, 0, ALL },
    { "gap at 0x030", 0x030, 4, ALL, 0, ALL },
    { "gap at 0x048", 0x048, 8, ALL, 0, ALL },
    { "gap at 0x050", 0x050, 8, ALL, 0, ALL },
    { "gap at 0x098", 0x098, 4, ALL, 0, ALL },
};

static void expect_masks(const char *how, const Masks *m, uint64_t got,
                         uint64_t written)
{
    qvtd_row("%s, %s, 0x%" PRIx64 " written", m->name, how, written);
    expect_eq(got & m->kept, written & m->kept);
    expect_eq(got & m->zero, 0);
}

static uint64_t read_halves(QVtd *d, unsigned offset)
{
    return qvtd_read32(d, offset) |
           (uint64_t)qvtd_read32(d, offset + 4) << 32;
}

static void write_halves(QVtd *d, unsigned offset, uint64_t value)
{
    qvtd_write32(d, offset, value);
    qvtd_write32(d, offset + 4, value >> 32);
}

static void test_masks(void)
{
    static const uint64_t patterns[] = {
        0, ALL, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0,
    };
    QVtd d;

    qvtd_start(&d, "", "", "");
    for (int i = 0; i < ARRAY_SIZE(masks); i++) {
        const Masks *m = &masks[i];

        for (int p = 0; p < ARRAY_SIZE(patterns); p++) {
            uint64_t value = patterns[p] & m->write;

            if (m->bytes == 4) {
                value = (uint32_t)value;
                qvtd_write32(&d, m->offset, value);
                expect_masks("32 bits", m, qvtd_read32(&d, m->offset), value);
                continue;
            }
            qvtd_write64(&d, m->offset, value);
            expect_masks("64 bits", m, qvtd_read64(&d, m->offset), value);
            expect_masks("read in halves", m, read_halves(&d, m->offset),
                         value);
            value = ~value & m->write;
            write_halves(&d, m->offset, value);
            expect_masks("halves", m, qvtd_read64(&d, m->offset), value);
        }
    }
    qvtd_stop(&d);
}

static void test_eim(void)
{
    static const Masks with_eim[] = {
        { "IRTA, EIM", QVTD_IRTA, 8, ALL, 0x0000fffffffff80f, 0x7f0 },
        { "FEUADDR, EIM", QVTD_FEUADDR, 4, ALL, 0xffffffff, 0 },
        { "IEUADDR, EIM", QVTD_IEUADDR, 4, ALL, 0xffffffff, 0 },
    };
    QVtd d;

    qvtd_start(&d, "", ",eim=on", "");
    for (int i = 0; i < ARRAY_SIZE(with_eim); i++) {
        unsigned offset = with_eim[i].offset;

        for (int set = 1; set >= 0; set--) {
            uint64_t value = set ? ALL : 0;

            if (with_eim[i].bytes == 4) {
                qvtd_write32(&d, offset, value);
                expect_masks("32 bits", &with_eim[i],
                             qvtd_read32(&d, offset), value);
            } else {
                qvtd_write64(&d, offset, value);
                expect_masks("64 bits", &with_eim[i],
                             qvtd_read64(&d, offset), value);
            }
        }
    }
    qvtd_stop(&d);
}

/* Registers that nothing writes, and those that read 0 */
static void test_read_only(void)
{
    static const struct {
        const char *name;
        unsigned offset;
        uint64_t value;
    } rows[] = {
        { "VER", QVTD_VER, 0x10 },
        { "CAP", QVTD_CAP, QVTD_CAP_USUAL },
        { "ECAP", QVTD_ECAP, 0x0000000000f00f4a },
        { "GSTS", QVTD_GSTS, 0 },
        { "GCMD", QVTD_GCMD, 0 },
    };
    QVtd d;

    qvtd_start(&d, "", "", "");
    qvtd_write32(&d, QVTD_VER, UINT32_MAX);
    qvtd_write64(&d, QVTD_CAP, ALL);
    qvtd_write64(&d, QVTD_ECAP, ALL);
    write_halves(&d, QVTD_CAP, 0);
    write_halves(&d, QVTD_ECAP, 0);
    qvtd_write32(&d, QVTD_GSTS, UINT32_MAX);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        expect_eq(qvtd_read32(&d, rows[i].offset), (uint32_t)rows[i].value);
        if (rows[i].offset % 8 == 0 && rows[i].value >> 32) {
            expect_eq(qvtd_read64(&d, rows[i].offset), rows[i].value);
            expect_eq(read_halves(&d, rows[i].offset), rows[i].value);
        }
    }
    qvtd_stop(&d);
}

/* Commands one after another, as software gives them */
static void test_commands(void)
{
    static const struct {
        const char *name;
        uint32_t bit;
        bool set;
        uint32_t status;
    } rows[] = {
        { "nothing to latch yet", 0, true, 0 },
        { "root table latched", QVTD_SRTP, true, QVTD_SRTP },
        { "root table latched again", QVTD_SRTP, true, QVTD_SRTP },
        { "translation on", QVTD_TE, true, QVTD_SRTP | QVTD_TE },
        { "queue on", QVTD_QIE, true, QVTD_SRTP | QVTD_TE | QVTD_QIE },
        { "interrupt table latched", QVTD_SIRTP, true,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP },
        { "remapping on", QVTD_IRE, true,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE },
        { "compatibility format on", QVTD_CFI, true,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE | QVTD_CFI },
        { "no write buffer to flush", QVTD_WBF, true,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE | QVTD_CFI },
        { "no advanced log", QVTD_EAFL, true,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE | QVTD_CFI },
        { "no log pointer", QVTD_SFL, true,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE | QVTD_CFI },
        { "compatibility format off", QVTD_CFI, false,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP | QVTD_IRE },
        { "remapping off", QVTD_IRE, false,
          QVTD_SRTP | QVTD_TE | QVTD_QIE | QVTD_SIRTP },
        { "translation off", QVTD_TE, false,
          QVTD_SRTP | QVTD_QIE | QVTD_SIRTP },
        { "queue off", QVTD_QIE, false, QVTD_SRTP | QVTD_SIRTP },
        { "translation on again", QVTD_TE, true,
          QVTD_SRTP | QVTD_SIRTP | QVTD_TE },
    };
    QVtd d;

    qvtd_start(&d, "", "", "");
    qvtd_write64(&d, QVTD_RTADDR, qvtd_alloc(&d, 1));
    qvtd_write64(&d, QVTD_IQA, qvtd_alloc(&d, 1));
    qvtd_write64(&d, QVTD_IRTA, qvtd_alloc(&d, 1) | 7);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        expect_eq(qvtd_command(&d, rows[i].bit, rows[i].set), rows[i].status);
        expect_eq(qvtd_read32(&d, QVTD_GCMD), 0);
    }
    qvtd_stop(&d);
}

/*
 * The register-based invalidation interface: the command is in the upper
 * half, it is complete on the next read, and it is dropped while the queue
 * is on.
 */
static void test_register_invalidation(void)
{
    static const struct {
        const char *name;
        unsigned offset;
        uint64_t command;
        bool queue;
        bool done;              /* with the granularity asked for, or wider */
    } rows[] = {
        { "context, reserved", QVTD_CCMD, QVTD_CCMD_CIRG(0), false, false },
        { "context, global", QVTD_CCMD, QVTD_CCMD_CIRG(QVTD_GLOBAL),
          false, true },
        { "context, domain", QVTD_CCMD,
          QVTD_CCMD_CIRG(QVTD_DOMAIN) | QVTD_CCMD_DID(5), false, true },
        { "context, device", QVTD_CCMD,
          QVTD_CCMD_CIRG(QVTD_SELECT) | QVTD_CCMD_DID(5) | QVTD_CCMD_SID(0x18) |
          QVTD_CCMD_FM(3), false, true },
        { "context, queue on", QVTD_CCMD, QVTD_CCMD_CIRG(QVTD_GLOBAL),
          true, false },
        { "IOTLB, reserved", QVTD_IOTLB, QVTD_IOTLB_IIRG(0), false, false },
        { "IOTLB, global", QVTD_IOTLB, QVTD_IOTLB_IIRG(QVTD_GLOBAL),
          false, true },
        { "IOTLB, domain", QVTD_IOTLB,
          QVTD_IOTLB_IIRG(QVTD_DOMAIN) | QVTD_IOTLB_DID(5), false, true },
        { "IOTLB, pages", QVTD_IOTLB,
          QVTD_IOTLB_IIRG(QVTD_SELECT) | QVTD_IOTLB_DID(5), false, true },
        { "IOTLB, queue on", QVTD_IOTLB, QVTD_IOTLB_IIRG(QVTD_GLOBAL),
          true, false },
        { "IOTLB, after the queue", QVTD_IOTLB, QVTD_IOTLB_IIRG(QVTD_GLOBAL),
          false, true },
    };
    QVtd d;

    qvtd_start(&d, "", "", "");
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        bool context = rows[i].offset == QVTD_CCMD;
        uint64_t command = rows[i].command | 1ull << 63;

        if (rows[i].queue) {
            qvtd_queue_start(&d, 0);
        }
        for (int halves = 0; halves < 2; halves++) {
            uint64_t asked, actual, got;

            qvtd_row("%s, %s", rows[i].name, halves ? "halves" : "64 bits");
            if (halves) {
                write_halves(&d, rows[i].offset, command);
            } else {
                qvtd_write64(&d, rows[i].offset, command);
            }
            got = qvtd_read64(&d, rows[i].offset);
            expect_eq(got >> 63, 0);
            asked = context ? command >> 61 & 3 : command >> 60 & 3;
            actual = context ? QVTD_CCMD_CAIG(got) : QVTD_IOTLB_IAIG(got);
            if (rows[i].done) {
                expect_true(actual >= QVTD_GLOBAL && actual <= asked);
            } else {
                expect_eq(actual, 0);
            }
        }
        if (rows[i].queue) {
            qvtd_queue_stop(&d);
        }
    }
    qvtd_stop(&d);
}

/* A lower half that is written alone fires nothing */
static void test_lone_lower_half(void)
{
    QVtd d;

    qvtd_start(&d, "", "", "");
    qvtd_row("CCMD");
    qvtd_write64(&d, QVTD_CCMD, QVTD_CCMD_ICC | QVTD_CCMD_CIRG(QVTD_GLOBAL));
    expect_eq(QVTD_CCMD_CAIG(qvtd_read64(&d, QVTD_CCMD)), QVTD_GLOBAL);
    expect_eq(qvtd_stat(&d, "inv-context-global"), 1);
    qvtd_write32(&d, QVTD_CCMD, 0xffffffff);
    expect_eq(qvtd_stat(&d, "inv-context-global"), 1);
    qvtd_row("IOTLB");
    qvtd_write64(&d, QVTD_IOTLB, QVTD_IOTLB_IVT | QVTD_IOTLB_IIRG(QVTD_GLOBAL));
    expect_eq(QVTD_IOTLB_IAIG(qvtd_read64(&d, QVTD_IOTLB)), QVTD_GLOBAL);
    expect_eq(qvtd_stat(&d, "inv-iotlb-global"), 1);
    qvtd_write32(&d, QVTD_IOTLB, 0xffffffff);
    expect_eq(qvtd_stat(&d, "inv-iotlb-global"), 1);
    qvtd_stop(&d);
}

static void read_image(QVtd *d, uint32_t *image)
{
    for (unsigned offset = 0; offset < QVTD_SIZE; offset += 4) {
        image[offset / 4] = qvtd_read32(d, offset);
    }
}

static uint32_t reset_value(unsigned offset)
{
    switch (offset) {
    case QVTD_VER:
        return 0x10;
    case QVTD_CAP:
        return (uint32_t)QVTD_CAP_USUAL;
    case QVTD_CAP + 4:
        return QVTD_CAP_USUAL >> 32;
    case QVTD_ECAP:
        return 0x00f00f4a;
    case QVTD_FECTL:
    case QVTD_IECTL:
        return QVTD_ECTL_IM;
    default:
        return 0;
    }
}

/* Everything on, a fault recorded, a queue error: reset undoes it all */
static void test_reset(void)
{
    uint32_t before[QVTD_SIZE / 4], used[QVTD_SIZE / 4], after[QVTD_SIZE / 4];
    QVtd d;

    qvtd_start(&d, "", "", "");
    read_image(&d, before);
    for (unsigned offset = 0; offset < QVTD_SIZE; offset += 4) {
        qvtd_row("0x%03x after realize", offset);
        expect_eq(before[offset / 4], reset_value(offset));
    }

    for (int i = 0; i < ARRAY_SIZE(masks); i++) {
        if (masks[i].bytes == 4) {
            qvtd_write32(&d, masks[i].offset, UINT32_MAX);
        }
    }
    qvtd_write32(&d, QVTD_FECTL, 0);
    qvtd_write32(&d, QVTD_IECTL, 0);
    qvtd_enable(&d);
    qvtd_remap_enable(&d, 7, 0);
    qvtd_command(&d, QVTD_CFI, true);
    qvtd_queue_put(&d, QVTD_WAIT(QVTD_WAIT_IF, 0, 0));
    qvtd_queue_put(&d, QVTD_DESC(0, 0));
    qvtd_queue_kick(&d);
    read_image(&d, used);
    qvtd_row("before reset");
    expect_eq(used[QVTD_GSTS / 4],
              QVTD_TE | QVTD_SRTP | QVTD_QIE | QVTD_IRE | QVTD_SIRTP |
              QVTD_CFI);
    expect_eq(used[QVTD_FSTS / 4] & QVTD_FSTS_IQE, QVTD_FSTS_IQE);
    expect_eq(used[QVTD_ICS / 4], QVTD_ICS_IWC);

    qvtd_reset(&d);
    read_image(&d, after);
    for (unsigned offset = 0; offset < QVTD_SIZE; offset += 4) {
        qvtd_row("0x%03x after reset", offset);
        expect_eq(after[offset / 4], before[offset / 4]);
    }

    qvtd_row("translation on after reset");
    qvtd_enable(&d);
    qvtd_stop(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/registers/masks", test_masks);
    qtest_add_func("/intel-iommu/registers/eim", test_eim);
    qtest_add_func("/intel-iommu/registers/read-only", test_read_only);
    qtest_add_func("/intel-iommu/registers/commands", test_commands);
    qtest_add_func("/intel-iommu/registers/register-invalidation",
                   test_register_invalidation);
    qtest_add_func("/intel-iommu/registers/lone-lower-half",
                   test_lone_lower_half);
    qtest_add_func("/intel-iommu/registers/reset", test_reset);
    return g_test_run();
}
