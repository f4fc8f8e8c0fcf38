/*
 * VT-d qtests: where our device differs from QEMU's own, on purpose
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the list.  What follows a row's bits is where
 * docs/system/devices/intel-iommu-differences.rst says why, and by what the
 * units can be told that it is of, if not of all.
 */

#include "qemu/osdep.h"
#include "vtd-compare.h"

#define ANY                     UINT64_MAX

const QVtdDifference qvtd_differences[] = {
    /* Registers */
    { "*", "*/8@0x*", "ALIVE", ANY, "wide-access", COMPARE_X_SCALABLE },
    { "*", "*/8@0x038/*", "FEDATA", ANY, "wide-access", COMPARE_SCALABLE },
    { "*", "*/8@0x0a0/*", "IEDATA", ANY, "wide-access", COMPARE_SCALABLE },
    { "*", "errors/8@0x098/write", "IECTL", ANY, "wide-access" },
    { "*", "*/?@0x01?/*", "CFIS", ANY, "compatibility-format" },
    { "*", "cfi/*", "CFIS", ANY, "compatibility-format" },
    { "*", "*/?@0x02?/*", "CCMD-SOURCE", ANY, "read-back" },
    { "*", "by-register/ccmd-*", "CCMD-SOURCE", ANY, "read-back" },
    { "*", "*/?@0x0a?/*", "IEDATA-HIGH", ANY, "read-back" },
    { "*", "all/event-iedata", "IEDATA-HIGH", 0xffff0000, "read-back" },
    { "*", "*/?@0x0b?/*", "EIME", ANY, "read-back" },
    { "*", "all/irta", "EIME", QVTD_IRTA_EIME, "read-back" },
    { "*", "eime/*", "EIME", ANY, "read-back" },
    { "*", "*/?@0x0*/*", "IQA", ANY, "read-back" },
    { "*", "ready/*", "IQA", ANY, "read-back" },
    { "eim", "*", "?EUADDR", ANY, "upper-address" },
    { "eim", "all/event-?euaddr", "MESSAGE", 0xff, "upper-address" },
    { "*", "*", "PASID", ANY, "pasid-field", COMPARE_X_SCALABLE },
    { "*", "*/?@0x02?/*", "CCMD", ANY, "command-with-queue" },
    { "*", "*/?@0x0f?/*", "IOTLB", ANY, "command-with-queue" },
    { "*", "by-register/ccmd-*", "CCMD", ANY, "granularity" },
    { "*", "by-register/iva*", "*", 0x3f, "granularity" },
    { "*", "*", "IQERCD", ANY, "iqercd" },
    { "*", "errors/4@0x034/write", "*", ANY, "queue-error" },
    { "*", "errors/8@0x030/write", "*", ANY, "queue-error" },
    { "*", "errors/?@0x018/write", "*", QVTD_QIE, "queue-off" },
    { "*", "faults/?@0x22?/write", "FECTL", ANY, "event-pending" },

    /* Addresses */
    { "*", "pass-through/address/?", "*", 0xffffff8000000000,
      "address-width" },
    { "*", "all/irta", "*", 0xffffff8000000000, "address-width" },
    { "*", "ready/iqa", "*", 0xffffff8000000000, "address-width" },
    { "*", "all/rtaddr", "*", 0xffffff8000000000, "address-width" },
    { "*", "all/rtaddr", "*", 0xc00, "table-mode" },
    { "*", "ready/iqa", "*", QVTD_IQA_DW, "table-mode" },
    { "39-bits", "all/*/?", "*", 1ull << 39, "host-width" },
    { "8.2", "all/*/?", "*", 1ull << 39, "host-width" },
    { "*", "all/iotlb-page*/hi", "*", 0xffff000000000000,
      "invalidation-width" },
    { "*", "by-register/iva*", "*", 0xffff000000000000,
      "invalidation-width" },
    { "*", "*/context-pass/?", "*", 0xffffff8000000000,
      "pass-through-pointer" },
    { "*", "*/leaf-1g/?", "*", 0x80000000, "interrupt-range" },
    { "scalable", "*/leaf-*/?", "*", 1 << 11, "snoop-bit",
      COMPARE_X_SCALABLE },
    { "scalable", "*/leaf-4k-*", "*", ANY, "snoop-bit", COMPARE_X_SCALABLE },

    /* Faults with two causes */
    { "*", "*/leaf-4k-*", "REASON", ANY, "first-cause" },
    { "*", "all/irte-*", "REASON", ANY, "first-cause" },

    /* Descriptors */
    { "*", "all/iec-global/lo", "*", 1 << 0, "empty-wait" },
    { "*", "all/wait-status/lo", "*", QVTD_WAIT_SW, "empty-wait" },
    { "*", "all/wait-interrupt/lo", "*", QVTD_WAIT_IF, "empty-wait" },
    { "*", "all/wait-fence/*", "*", ANY, "empty-wait" },
    { "*", "all/wait-both/hi", "*", 0xffffffff80000000, "failed-status" },
    { "*", "all/iec-index/lo", "*", 1u << 31, "interrupt-mask" },
    { "caching-mode", "all/device-tlb-all/*", "ALIVE", ANY,
      "device-tlb-abort", COMPARE_PLAIN },
    { "*", "all/pasid-cache/*", "*", ANY, "pasid-descriptor",
      COMPARE_X_SCALABLE },
    { "*", "all/pasid-iotlb/lo", "*", 1 << 0, "pasid-descriptor",
      COMPARE_X_SCALABLE },
    { "scalable", "all/wait-*/lo", "*", 1 << 1, "pasid-descriptor",
      COMPARE_X_SCALABLE },
    { "first-stage", "all/wait-*/lo", "*", 1 << 1, "pasid-descriptor",
      COMPARE_X_SCALABLE },

    /* Interrupts */
    { "*", "all/irte/lo", "*", 0xffff00ff00008000, "reserved-entry" },
    { "eim", "eime/irte/lo", "*", 1 << 15, "reserved-entry" },
    { "*", "all/irte-posted/*", "*", ANY, "reserved-entry" },
    { "*", "all/irte-2-?/hi", "*", 0xffff, "bus-range" },
    { "*", "all/irte-3-?/hi", "*", 1 << 18, "bus-range" },
    { "*", "*-dma/*", "SID", ANY, "dma-message" },
    { "*", "*/remapped*/address", "*", QVTD_MSI_REMAP,
      "compatibility-format" },
    { "*", "all/compatible*", "*", ANY, "compatibility-format" },
    { "*", "eime/compatible*", "*", ANY, "compatibility-format" },

    /* Assigned devices */
    { "caching-mode", "*/leaf-1g/?", "MAPPED", 1 << 30, "part-of-page",
      COMPARE_TESTDEV },

    /* What is not offered */
    { "default", "all/device-tlb*", "*", ANY, "no-feature" },
    { "caching-mode", "all/device-tlb/*", "*", ANY, "no-feature" },
    { "caching-mode", "all/device-tlb-all/*", "*", ANY, "no-feature",
      COMPARE_ESRTPS },
    { "*", "all/page-response/lo", "*", 1 << 4, "no-feature", COMPARE_ESRTPS },
    { "*", "all/context-global/lo", "*", 1 << 3, "no-feature",
      COMPARE_ESRTPS },
    { "no-intremap", "all/device-tlb*", "*", ANY, "no-feature" },
    { "scalable", "all/device-tlb*", "*", ANY, "no-feature",
      COMPARE_X_SCALABLE },
    { "first-stage", "all/device-tlb*", "*", ANY, "no-feature",
      COMPARE_X_SCALABLE },
    { "no-intremap", "*", "IRTA", ANY, "no-feature" },
    { "no-intremap", "*", "GSTS", ANY, "no-feature" },
    { "no-intremap", "all/iec-*", "*", ANY, "no-feature" },
    { "no-intremap", "all/zero/lo", "*", 1 << 2, "no-feature" },
    { "no-intremap", "all/wait-interrupt/lo", "*", 1 << 0, "no-feature" },
};

const unsigned qvtd_differences_count = ARRAY_SIZE(qvtd_differences);
