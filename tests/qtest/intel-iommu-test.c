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
    { "RTADDR", VTD_RTADDR, 8, ALL, 0x0000fffffffffc00, 0x3ff },
    { "CCMD", VTD_CCMD, 8, ALL & ~VTD_CCMD_ICC,
      0x600000000000ffff, 0x1ffffffc00000000 },
    { "FSTS", VTD_FSTS, 4, ALL, 0, 0xffff00ff },
    { "FECTL", VTD_FECTL, 4, ALL, VTD_ECTL_IM, VTD_ECTL_IP },
    { "FEDATA", VTD_FEDATA, 4, ALL, 0xffff, 0 },
    { "FEADDR", VTD_FEADDR, 4, ALL, 0xfffffffc, 3 },
    { "FEUADDR, no EIM", VTD_FEUADDR, 4, ALL, 0, ALL },
    { "AFLOG, no AFL", 0x058, 8, ALL, 0, ALL },
    { "PMEN, no PLMR or PHMR", 0x064, 4, ALL, 0, ALL },
    { "PLMBASE", 0x068, 4, ALL, 0, ALL },
    { "PLMLIMIT", 0x06c, 4, ALL, 0, ALL },
    { "PHMBASE", 0x070, 8, ALL, 0, ALL },
    { "PHMLIMIT", 0x078, 8, ALL, 0, ALL },
    { "IQH", VTD_IQH, 8, ALL, 0, ALL },
    { "IQT", VTD_IQT, 8, ALL, 0x7fff0, ~0x7fff0ull },
    { "IQA", VTD_IQA, 8, ALL, 0x0000fffffffff007, 0x7f8 },
    { "ICS", VTD_ICS, 4, ALL, 0, ALL },
    { "IECTL", VTD_IECTL, 4, ALL, VTD_ECTL_IM, VTD_ECTL_IP },
    { "IEDATA", VTD_IEDATA, 4, ALL, 0xffff, 0 },
    { "IEADDR", VTD_IEADDR, 4, ALL, 0xfffffffc, 3 },
    { "IEUADDR, no EIM", VTD_IEUADDR, 4, ALL, 0, ALL },
    { "IQERCD", VTD_IQERCD, 8, ALL, 0, ALL },
    { "IRTA, no EIM", VTD_IRTA, 8, ALL, 0x0000fffffffff00f, 0xff0 },
    { "MTRRCAP, no MTS", 0x100, 8, ALL, 0, ALL },
    { "MTRRDEF", 0x108, 8, ALL, 0, ALL },
    { "MTRR PHYSBASE0", 0x180, 8, ALL, 0, ALL },
    { "IOTLB", VTD_IOTLB, 8, ALL & ~VTD_IOTLB_IVT,
      0x3000ffff00000000, 0x4ffc0000ffffffff },
    { "FRCD, lower half", VTD_FRCD_LO, 8, ALL, 0, ALL },
    { "FRCD, upper half", VTD_FRCD_HI, 8, ALL, 0, ALL },
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

static uint64_t read_halves(VtdDriver *d, unsigned offset)
{
    return vtd_read32(d, offset) |
           (uint64_t)vtd_read32(d, offset + 4) << 32;
}

static void write_halves(VtdDriver *d, unsigned offset, uint64_t value)
{
    vtd_write32(d, offset, value);
    vtd_write32(d, offset + 4, value >> 32);
}

static void test_masks(void)
{
    static const uint64_t patterns[] = {
        0, ALL, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0,
    };
    VtdDriver d;

    vtd_start(&d, "", "", "");
    for (int i = 0; i < ARRAY_SIZE(masks); i++) {
        const Masks *m = &masks[i];

        for (int p = 0; p < ARRAY_SIZE(patterns); p++) {
            uint64_t value = patterns[p] & m->write;

            if (m->bytes == 4) {
                value = (uint32_t)value;
                vtd_write32(&d, m->offset, value);
                expect_masks("32 bits", m, vtd_read32(&d, m->offset), value);
                continue;
            }
            vtd_write64(&d, m->offset, value);
            expect_masks("64 bits", m, vtd_read64(&d, m->offset), value);
            expect_masks("read in halves", m, read_halves(&d, m->offset),
                         value);
            value = ~value & m->write;
            write_halves(&d, m->offset, value);
            expect_masks("halves", m, vtd_read64(&d, m->offset), value);
        }
    }
    vtd_stop(&d);
}

static void test_eim(void)
{
    static const Masks with_eim[] = {
        { "IRTA, EIM", VTD_IRTA, 8, ALL, 0x0000fffffffff80f, 0x7f0 },
        { "FEUADDR, EIM", VTD_FEUADDR, 4, ALL, 0xffffffff, 0 },
        { "IEUADDR, EIM", VTD_IEUADDR, 4, ALL, 0xffffffff, 0 },
    };
    VtdDriver d;

    vtd_start(&d, "", ",eim=on", "");
    for (int i = 0; i < ARRAY_SIZE(with_eim); i++) {
        unsigned offset = with_eim[i].offset;

        for (int set = 1; set >= 0; set--) {
            uint64_t value = set ? ALL : 0;

            if (with_eim[i].bytes == 4) {
                vtd_write32(&d, offset, value);
                expect_masks("32 bits", &with_eim[i],
                             vtd_read32(&d, offset), value);
            } else {
                vtd_write64(&d, offset, value);
                expect_masks("64 bits", &with_eim[i],
                             vtd_read64(&d, offset), value);
            }
        }
    }
    vtd_stop(&d);
}

/* Registers that nothing writes, and those that read 0 */
static void test_read_only(void)
{
    static const struct {
        const char *name;
        unsigned offset;
        uint64_t value;
    } rows[] = {
        { "VER", VTD_VER, 0x10 },
        { "CAP", VTD_CAP, 0x00d2008c222f0606 },
        { "ECAP", VTD_ECAP, 0x0000000000f00f4a },
        { "GSTS", VTD_GSTS, 0 },
        { "GCMD", VTD_GCMD, 0 },
    };
    VtdDriver d;

    vtd_start(&d, "", "", "");
    vtd_write32(&d, VTD_VER, UINT32_MAX);
    vtd_write64(&d, VTD_CAP, ALL);
    vtd_write64(&d, VTD_ECAP, ALL);
    write_halves(&d, VTD_CAP, 0);
    write_halves(&d, VTD_ECAP, 0);
    vtd_write32(&d, VTD_GSTS, UINT32_MAX);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        expect_eq(vtd_read32(&d, rows[i].offset), (uint32_t)rows[i].value);
        if (rows[i].offset % 8 == 0 && rows[i].value >> 32) {
            expect_eq(vtd_read64(&d, rows[i].offset), rows[i].value);
            expect_eq(read_halves(&d, rows[i].offset), rows[i].value);
        }
    }
    vtd_stop(&d);
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
        { "root table latched", VTD_SRTP, true, VTD_SRTP },
        { "root table latched again", VTD_SRTP, true, VTD_SRTP },
        { "translation on", VTD_TE, true, VTD_SRTP | VTD_TE },
        { "queue on", VTD_QIE, true, VTD_SRTP | VTD_TE | VTD_QIE },
        { "interrupt table latched", VTD_SIRTP, true,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP },
        { "remapping on", VTD_IRE, true,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP | VTD_IRE },
        { "compatibility format on", VTD_CFI, true,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP | VTD_IRE | VTD_CFI },
        { "no write buffer to flush", VTD_WBF, true,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP | VTD_IRE | VTD_CFI },
        { "no advanced log", VTD_EAFL, true,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP | VTD_IRE | VTD_CFI },
        { "no log pointer", VTD_SFL, true,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP | VTD_IRE | VTD_CFI },
        { "compatibility format off", VTD_CFI, false,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP | VTD_IRE },
        { "remapping off", VTD_IRE, false,
          VTD_SRTP | VTD_TE | VTD_QIE | VTD_SIRTP },
        { "translation off", VTD_TE, false, VTD_SRTP | VTD_QIE | VTD_SIRTP },
        { "queue off", VTD_QIE, false, VTD_SRTP | VTD_SIRTP },
        { "translation on again", VTD_TE, true,
          VTD_SRTP | VTD_SIRTP | VTD_TE },
    };
    VtdDriver d;

    vtd_start(&d, "", "", "");
    vtd_write64(&d, VTD_RTADDR, vtd_alloc(&d, 1));
    vtd_write64(&d, VTD_IQA, vtd_alloc(&d, 1));
    vtd_write64(&d, VTD_IRTA, vtd_alloc(&d, 1) | 7);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        qvtd_row("%s", rows[i].name);
        expect_eq(vtd_command(&d, rows[i].bit, rows[i].set), rows[i].status);
        expect_eq(vtd_read32(&d, VTD_GCMD), 0);
    }
    vtd_stop(&d);
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
        { "context, reserved", VTD_CCMD, VTD_CCMD_CIRG(0), false, false },
        { "context, global", VTD_CCMD, VTD_CCMD_CIRG(VTD_GLOBAL),
          false, true },
        { "context, domain", VTD_CCMD,
          VTD_CCMD_CIRG(VTD_DOMAIN) | VTD_CCMD_DID(5), false, true },
        { "context, device", VTD_CCMD,
          VTD_CCMD_CIRG(VTD_SELECT) | VTD_CCMD_DID(5) | VTD_CCMD_SID(0x18) |
          VTD_CCMD_FM(3), false, true },
        { "context, queue on", VTD_CCMD, VTD_CCMD_CIRG(VTD_GLOBAL),
          true, false },
        { "IOTLB, reserved", VTD_IOTLB, VTD_IOTLB_IIRG(0), false, false },
        { "IOTLB, global", VTD_IOTLB, VTD_IOTLB_IIRG(VTD_GLOBAL),
          false, true },
        { "IOTLB, domain", VTD_IOTLB,
          VTD_IOTLB_IIRG(VTD_DOMAIN) | VTD_IOTLB_DID(5), false, true },
        { "IOTLB, pages", VTD_IOTLB,
          VTD_IOTLB_IIRG(VTD_SELECT) | VTD_IOTLB_DID(5), false, true },
        { "IOTLB, queue on", VTD_IOTLB, VTD_IOTLB_IIRG(VTD_GLOBAL),
          true, false },
        { "IOTLB, after the queue", VTD_IOTLB, VTD_IOTLB_IIRG(VTD_GLOBAL),
          false, true },
    };
    VtdDriver d;

    vtd_start(&d, "", "", "");
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        bool context = rows[i].offset == VTD_CCMD;
        uint64_t command = rows[i].command | 1ull << 63;

        if (rows[i].queue) {
            vtd_queue_start(&d, 0);
        }
        for (int halves = 0; halves < 2; halves++) {
            uint64_t asked, actual, got;

            qvtd_row("%s, %s", rows[i].name, halves ? "halves" : "64 bits");
            if (halves) {
                write_halves(&d, rows[i].offset, command);
            } else {
                vtd_write64(&d, rows[i].offset, command);
            }
            got = vtd_read64(&d, rows[i].offset);
            expect_eq(got >> 63, 0);
            asked = context ? command >> 61 & 3 : command >> 60 & 3;
            actual = context ? VTD_CCMD_CAIG(got) : VTD_IOTLB_IAIG(got);
            if (rows[i].done) {
                expect_true(actual >= VTD_GLOBAL && actual <= asked);
            } else {
                expect_eq(actual, 0);
            }
        }
        if (rows[i].queue) {
            vtd_queue_stop(&d);
        }
    }
    vtd_stop(&d);
}

/* A lower half that is written alone fires nothing */
static void test_lone_lower_half(void)
{
    VtdDriver d;

    vtd_start(&d, "", "", "");
    qvtd_row("CCMD");
    vtd_write64(&d, VTD_CCMD, VTD_CCMD_ICC | VTD_CCMD_CIRG(VTD_GLOBAL));
    expect_eq(VTD_CCMD_CAIG(vtd_read64(&d, VTD_CCMD)), VTD_GLOBAL);
    expect_eq(vtd_stat(&d, "inv-context-global"), 1);
    vtd_write32(&d, VTD_CCMD, 0xffffffff);
    expect_eq(vtd_stat(&d, "inv-context-global"), 1);
    qvtd_row("IOTLB");
    vtd_write64(&d, VTD_IOTLB, VTD_IOTLB_IVT | VTD_IOTLB_IIRG(VTD_GLOBAL));
    expect_eq(VTD_IOTLB_IAIG(vtd_read64(&d, VTD_IOTLB)), VTD_GLOBAL);
    expect_eq(vtd_stat(&d, "inv-iotlb-global"), 1);
    vtd_write32(&d, VTD_IOTLB, 0xffffffff);
    expect_eq(vtd_stat(&d, "inv-iotlb-global"), 1);
    vtd_stop(&d);
}

static void read_image(VtdDriver *d, uint32_t *image)
{
    for (unsigned offset = 0; offset < VTD_SIZE; offset += 4) {
        image[offset / 4] = vtd_read32(d, offset);
    }
}

static uint32_t reset_value(unsigned offset)
{
    switch (offset) {
    case VTD_VER:
        return 0x10;
    case VTD_CAP:
        return 0x222f0606;
    case VTD_CAP + 4:
        return 0x00d2008c;
    case VTD_ECAP:
        return 0x00f00f4a;
    case VTD_FECTL:
    case VTD_IECTL:
        return VTD_ECTL_IM;
    default:
        return 0;
    }
}

/* Everything on, a fault recorded, a queue error: reset undoes it all */
static void test_reset(void)
{
    uint32_t before[VTD_SIZE / 4], used[VTD_SIZE / 4], after[VTD_SIZE / 4];
    VtdDriver d;

    vtd_start(&d, "", "", "");
    read_image(&d, before);
    for (unsigned offset = 0; offset < VTD_SIZE; offset += 4) {
        qvtd_row("0x%03x after realize", offset);
        expect_eq(before[offset / 4], reset_value(offset));
    }

    for (int i = 0; i < ARRAY_SIZE(masks); i++) {
        if (masks[i].bytes == 4) {
            vtd_write32(&d, masks[i].offset, UINT32_MAX);
        }
    }
    vtd_write32(&d, VTD_FECTL, 0);
    vtd_write32(&d, VTD_IECTL, 0);
    vtd_enable(&d);
    vtd_remap_enable(&d, 7, 0);
    vtd_command(&d, VTD_CFI, true);
    vtd_queue_put(&d, VTD_WAIT(VTD_WAIT_IF, 0, 0));
    vtd_queue_put(&d, VTD_DESC(0, 0));
    vtd_queue_kick(&d);
    read_image(&d, used);
    qvtd_row("before reset");
    expect_eq(used[VTD_GSTS / 4],
              VTD_TE | VTD_SRTP | VTD_QIE | VTD_IRE | VTD_SIRTP | VTD_CFI);
    expect_eq(used[VTD_FSTS / 4] & VTD_FSTS_IQE, VTD_FSTS_IQE);
    expect_eq(used[VTD_ICS / 4], VTD_ICS_IWC);

    vtd_reset(&d);
    read_image(&d, after);
    for (unsigned offset = 0; offset < VTD_SIZE; offset += 4) {
        qvtd_row("0x%03x after reset", offset);
        expect_eq(after[offset / 4], before[offset / 4]);
    }

    qvtd_row("translation on after reset");
    vtd_enable(&d);
    vtd_stop(&d);
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
