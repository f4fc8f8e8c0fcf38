/*
 * VT-d qtests: DMA faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each end of a request's way through the tables (tests/vtd/rows-fault.c),
 * and the limits of addresses, with DMA of QEMU's own edu.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "vtd-edu.h"
#include "vtd-testdev.h"

/* Width of the CPU's physical addresses */
#define PHYS_BITS(n)            "-cpu qemu64,phys-bits=" n

#define SID                     QPCI_DEVFN(3, 0)

/* Rows that the unit tests have too, for a machine of its own each */
static void start(QVtd *d, Testdev *t, const char *props)
{
    g_autofree char *args = g_strconcat(TESTDEV_DEVICE("3"), " ",
                                        strstr(props, "aw-bits=39")
                                        ? PHYS_BITS("39") : "", NULL);

    qvtd_start(d, "", props, args);
    testdev_start(t, d, SID);
}

static void stop(QVtd *d, Testdev *t)
{
    testdev_stop(t);
    qvtd_stop(d);
}

static void test_reasons(void)
{
    for (int i = 0; qvtd_fault_props[i]; i++) {
        Testdev t;
        QVtd d;

        start(&d, &t, qvtd_fault_props[i]);
        qvtd_rows_faults(&d, SID, qvtd_fault_props[i]);
        stop(&d, &t);
    }
}

static void test_root(void)
{
    Testdev t;
    QVtd d;

    start(&d, &t, "");
    qvtd_rows_root(&d, SID);
    stop(&d, &t);
}

/* Pass-through reaches up to the host's address width and no further */
static void test_pass_through_limit(void)
{
    static const struct {
        const char *props, *args;
        uint64_t aw;
        unsigned bits;          /* that pass */
    } cases[] = {
        { ",aw-bits=48", "", QVTD_AW_48, 48 },
        { ",aw-bits=48", PHYS_BITS("52"), QVTD_AW_48, 52 },
        { ",aw-bits=39", PHYS_BITS("36"), QVTD_AW_39, 39 },
        { ",aw-bits=39", "", QVTD_AW_39, 40 },
        { ",aw-bits=39", PHYS_BITS("46"), QVTD_AW_39, 46 },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        const uint64_t above[] = { 1ull << cases[i].bits, 1ull << 63 };
        EduPair p;

        qvtd_row("pass-through%s %s", cases[i].props, cases[i].args);
        edu_pair_start(&p, "", cases[i].props, cases[i].args);
        qvtd_attach_pass_through(&p.d, p.a.sid, 1, cases[i].aw);
        qvtd_enable(&p.d);
        for (int j = 0; j < ARRAY_SIZE(above); j++) {
            edu_dma_write(&p.a, above[j], 0, 8);
            qvtd_expect_fault(&p.d, QVTD_F_ADDRESS, p.a.sid, above[j], false);
            edu_dma_read(&p.a, above[j], 0, 8);
            qvtd_expect_fault(&p.d, QVTD_F_ADDRESS, p.a.sid, above[j], true);
        }
        /* There is nothing below either, but that is no fault of the unit */
        edu_dma_read(&p.a, above[0] - 8, 0, 8);
        qvtd_expect_no_fault(&p.d);
        edu_pair_stop(&p);
    }
}

/*
 * A large leaf that leads to the interrupt range, among others: what was
 * translated beside the range opens no way into it.
 */
static void test_output_range(void)
{
    static const struct {
        unsigned level;
        uint64_t pa;
        uint64_t beside, within;        /* offsets in the leaf */
    } cases[] = {
        { 2, QVTD_MSI_ADDR, 0x100000, 0x0ff000 },
        { 2, QVTD_MSI_ADDR, 0x1ff000, 0x000000 },
        { 3, 0xc0000000, 0x000000, 0x3ee00000 },
        { 3, 0xc0000000, 0x3edff000, 0x3eeff000 },
        { 3, 0xc0000000, 0x3ef00000, 0x3ee80000 },
    };
    EduPair p;

    edu_pair_start(&p, "", "", "");
    qvtd_enable(&p.d);
    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        QVtdDomain domain = qvtd_domain_new(&p.d, i + 1, 4);
        uint64_t iova = 1ull << 40;

        qvtd_row("level %u, 0x%" PRIx64 " after 0x%" PRIx64, cases[i].level,
                 cases[i].within, cases[i].beside);
        qvtd_map(&p.d, &domain, iova, cases[i].pa, cases[i].level, QVTD_RW);
        qvtd_attach(&p.d, p.a.sid, &domain);
        qvtd_invalidate_all(&p.d);
        edu_dma_read(&p.a, iova + cases[i].beside, 0, 8);
        qvtd_expect_no_fault(&p.d);
        edu_dma_read(&p.a, iova + cases[i].within, 0, 8);
        qvtd_expect_fault(&p.d, QVTD_F_OUTPUT, p.a.sid, iova + cases[i].within,
                          true);
        edu_dma_write(&p.a, iova + cases[i].within, 0, 8);
        qvtd_expect_fault(&p.d, QVTD_F_OUTPUT, p.a.sid, iova + cases[i].within,
                          false);
    }
    edu_pair_stop(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/fault/reasons", test_reasons);
    qtest_add_func("/intel-iommu/fault/pass-through-limit",
                   test_pass_through_limit);
    qtest_add_func("/intel-iommu/fault/output-range", test_output_range);
    qtest_add_func("/intel-iommu/fault/root", test_root);
    return g_test_run();
}
