/*
 * VT-d qtests: the numbers of the specification
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the register offsets, bits and layouts that the tests use.  They are
 * written down here a second time, apart from the device's own header, so
 * that a wrong number there does not agree with itself.
 */

#ifndef TESTS_VTD_REGS_H
#define TESTS_VTD_REGS_H

#define VTD_BASE                0xfed90000ull
#define VTD_SIZE                0x230

#define VTD_VER                 0x000
#define VTD_CAP                 0x008
#define VTD_ECAP                0x010
#define VTD_GCMD                0x018
#define VTD_GSTS                0x01c
#define VTD_RTADDR              0x020
#define VTD_CCMD                0x028
#define VTD_FSTS                0x034
#define VTD_FECTL               0x038
#define VTD_FEDATA              0x03c
#define VTD_FEADDR              0x040
#define VTD_FEUADDR             0x044
#define VTD_IQH                 0x080
#define VTD_IQT                 0x088
#define VTD_IQA                 0x090
#define VTD_ICS                 0x09c
#define VTD_IECTL               0x0a0
#define VTD_IEDATA              0x0a4
#define VTD_IEADDR              0x0a8
#define VTD_IEUADDR             0x0ac
#define VTD_IQERCD              0x0b0
#define VTD_IRTA                0x0b8
#define VTD_IVA                 0x0f0
#define VTD_IOTLB               0x0f8
#define VTD_FRCD_LO             0x220
#define VTD_FRCD_HI             0x228

/* GCMD, and at the same place in GSTS */
#define VTD_TE                  (1u << 31)
#define VTD_SRTP                (1u << 30)
#define VTD_SFL                 (1u << 29)
#define VTD_EAFL                (1u << 28)
#define VTD_WBF                 (1u << 27)
#define VTD_QIE                 (1u << 26)
#define VTD_IRE                 (1u << 25)
#define VTD_SIRTP               (1u << 24)
#define VTD_CFI                 (1u << 23)
/* What stays of GSTS when software composes the next command */
#define VTD_GCMD_LEVELS         0x96ffffffu

#define VTD_CCMD_ICC            (1ull << 63)
#define VTD_CCMD_CIRG(g)        ((uint64_t)(g) << 61)
#define VTD_CCMD_CAIG(reg)      (((reg) >> 59) & 3)
#define VTD_CCMD_FM(fm)         ((uint64_t)(fm) << 32)
#define VTD_CCMD_SID(sid)       ((uint64_t)(sid) << 16)
#define VTD_CCMD_DID(did)       ((uint64_t)(did))

#define VTD_IOTLB_IVT           (1ull << 63)
#define VTD_IOTLB_IIRG(g)       ((uint64_t)(g) << 60)
#define VTD_IOTLB_IAIG(reg)     (((reg) >> 57) & 3)
#define VTD_IOTLB_DID(did)      ((uint64_t)(did) << 32)

#define VTD_GLOBAL              1
#define VTD_DOMAIN              2
#define VTD_SELECT              3

#define VTD_FSTS_PFO            (1u << 0)
#define VTD_FSTS_PPF            (1u << 1)
#define VTD_FSTS_IQE            (1u << 4)
#define VTD_FRCD_F              (1ull << 63)

#define VTD_ECTL_IM             (1u << 31)
#define VTD_ECTL_IP             (1u << 30)
#define VTD_ICS_IWC             (1u << 0)

#define VTD_IQA_DW              (1ull << 11)
#define VTD_IQERCD_IQEI(reg)    ((reg) & 0xf)

#define VTD_IRTA_EIME           (1ull << 11)

/* Context entries */
#define VTD_CONTEXT_P           (1ull << 0)
#define VTD_CONTEXT_FPD         (1ull << 1)
#define VTD_CONTEXT_TT(tt)      ((uint64_t)(tt) << 2)
#define VTD_CONTEXT_DID(did)    ((uint64_t)(did) << 8)
#define VTD_AW_39               1ull
#define VTD_AW_48               2ull

/* Second-stage entries */
#define VTD_R                   (1ull << 0)
#define VTD_W                   (1ull << 1)
#define VTD_RW                  (VTD_R | VTD_W)
#define VTD_PS                  (1ull << 7)
#define VTD_SNP                 (1ull << 11)
#define VTD_TM                  (1ull << 62)
#define VTD_ADDR_MASK           0x000ffffffffff000ull

/* A 128-bit invalidation descriptor */
typedef struct VtdDesc {
    uint64_t lo, hi;
} VtdDesc;

#define VTD_DESC(lo, hi)        ((VtdDesc) { (lo), (hi) })
#define VTD_DESC_G(g)           ((uint64_t)(g) << 4)
#define VTD_DESC_DID(did)       ((uint64_t)(did) << 16)

#define VTD_INV_CONTEXT_GLOBAL  VTD_DESC(0x1 | VTD_DESC_G(VTD_GLOBAL), 0)
#define VTD_INV_CONTEXT_DOMAIN(did) \
    VTD_DESC(0x1 | VTD_DESC_G(VTD_DOMAIN) | VTD_DESC_DID(did), 0)
#define VTD_INV_CONTEXT_DEVICE(did, sid, fm) \
    VTD_DESC(0x1 | VTD_DESC_G(VTD_SELECT) | VTD_DESC_DID(did) | \
             (uint64_t)(sid) << 32 | (uint64_t)(fm) << 48, 0)
#define VTD_INV_IOTLB_GLOBAL    VTD_DESC(0x2 | VTD_DESC_G(VTD_GLOBAL), 0)
#define VTD_INV_IOTLB_DOMAIN(did) \
    VTD_DESC(0x2 | VTD_DESC_G(VTD_DOMAIN) | VTD_DESC_DID(did), 0)
#define VTD_INV_IOTLB_PAGES(did, addr, am) \
    VTD_DESC(0x2 | VTD_DESC_G(VTD_SELECT) | VTD_DESC_DID(did), (addr) | (am))
#define VTD_IOTLB_IH            (1ull << 6)
#define VTD_INV_DEVICE_TLB(sid, addr) \
    VTD_DESC(0x3 | (uint64_t)(sid) << 32, (addr))
#define VTD_INV_IEC_GLOBAL      VTD_DESC(0x4, 0)
#define VTD_INV_IEC_INDEX(index, im) \
    VTD_DESC(0x4 | 1 << 4 | (uint64_t)(im) << 27 | (uint64_t)(index) << 32, 0)
#define VTD_WAIT_IF             (1ull << 4)
#define VTD_WAIT_SW             (1ull << 5)
#define VTD_WAIT_FN             (1ull << 6)
#define VTD_WAIT(flags, data, addr) \
    VTD_DESC(0x5 | (flags) | (uint64_t)(data) << 32, (addr))

/* Messages */
#define VTD_MSI_ADDR            0xfee00000u
#define VTD_MSI_DEST(id)        ((uint32_t)(id) << 12)
#define VTD_MSI_REMAP           (1u << 4)
#define VTD_MSI_SHV             (1u << 3)
#define VTD_MSI_HANDLE(h) \
    (((uint32_t)(h) & 0x7fff) << 5 | ((uint32_t)(h) >> 15 & 1) << 2)

/* Interrupt remapping entries, lower half; the upper is SVT, SQ, SID */
#define VTD_IRTE_P              (1ull << 0)
#define VTD_IRTE_FPD            (1ull << 1)
#define VTD_IRTE_TM             (1ull << 4)
#define VTD_IRTE_DLM(dlm)       ((uint64_t)(dlm) << 5)
#define VTD_IRTE_IM             (1ull << 15)
#define VTD_IRTE_V(v)           ((uint64_t)(v) << 16)
#define VTD_IRTE_DST(id)        ((uint64_t)(id) << 40)
#define VTD_IRTE_DST_X2APIC(id) ((uint64_t)(id) << 32)
#define VTD_IRTE_SOURCE(svt, sq, sid) \
    ((uint64_t)(svt) << 18 | (uint64_t)(sq) << 16 | (sid))

/*
 * Addresses that are neither RAM nor a device with the default 128 MiB of
 * memory, below every supported address width.
 */
#define VTD_HOLE                0x4000000000ull

#endif
