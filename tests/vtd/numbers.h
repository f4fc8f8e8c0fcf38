/*
 * VT-d tests: the numbers of the specification
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the register offsets, bits, layouts and fault reasons that the tests
 * use.  They are written down here a second time, apart from the device's own
 * spec.h, so that a wrong number there does not agree with itself, and nowhere
 * else.  Macros put a field in its place, where those of spec.h take it out.
 * Section numbers are those of docs/specs/intel-vtd.rst.
 */

#ifndef TESTS_VTD_NUMBERS_H
#define TESTS_VTD_NUMBERS_H

/* Bits @last down to @first, as the specification writes them */
#define QVTD_BITS(last, first) \
    ((~0ull >> (63 - (last))) & (~0ull << (first)))

/* Sizes; MIB2 and GIB are those of leaves of level 2 and 3 */
#define QVTD_PAGE               0x1000ull
#define KIB                     0x400ull
#define MIB                     0x100000ull
#define MIB2                    0x200000ull
#define GIB                     0x40000000ull

#define QVTD_BASE               0xfed90000ull

enum {                          /* 1.1; IRO and FRO as CAP and ECAP say */
    QVTD_VER = 0x000, QVTD_CAP = 0x008, QVTD_ECAP = 0x010, QVTD_GCMD = 0x018,
    QVTD_GSTS = 0x01c, QVTD_RTADDR = 0x020, QVTD_CCMD = 0x028,
    QVTD_FSTS = 0x034, QVTD_FECTL = 0x038, QVTD_FEDATA = 0x03c,
    QVTD_FEADDR = 0x040, QVTD_FEUADDR = 0x044, QVTD_IQH = 0x080,
    QVTD_IQT = 0x088, QVTD_IQA = 0x090, QVTD_ICS = 0x09c, QVTD_IECTL = 0x0a0,
    QVTD_IEDATA = 0x0a4, QVTD_IEADDR = 0x0a8, QVTD_IEUADDR = 0x0ac,
    QVTD_IQERCD = 0x0b0, QVTD_IRTA = 0x0b8, QVTD_IVA = 0x0f0,
    QVTD_IOTLB = 0x0f8, QVTD_FRCD_LO = 0x220, QVTD_FRCD_HI = 0x228,
    QVTD_SIZE = 0x230,
};

/* CAP and ECAP (1.4, 1.5) */
#define QVTD_CAP_CM             (1ull << 7)
#define QVTD_CAP_SAGAW_39       (1ull << 9)
#define QVTD_CAP_SAGAW_48       (1ull << 10)
#define QVTD_CAP_SAGAW_57       (1ull << 11)
#define QVTD_CAP_MGAW(bits)     (((bits) - 1ull) << 16)
#define QVTD_CAP_MAMV(reg)      ((reg) >> 48 & 0x3f)
#define QVTD_CAP_DRAINS         (3ull << 54)
#define QVTD_CAP_FS1GP          (1ull << 56)
#define QVTD_CAP_FS5LP          (1ull << 60)
#define QVTD_CAP_ESRTPS         (1ull << 63)
#define QVTD_ECAP_DT            (1ull << 2)
#define QVTD_ECAP_IR            (1ull << 3)
#define QVTD_ECAP_EIM           (1ull << 4)
#define QVTD_ECAP_PT            (1ull << 6)
#define QVTD_ECAP_SC            (1ull << 7)
#define QVTD_ECAP_MHMV(order)   ((uint64_t)(order) << 20)
#define QVTD_ECAP_NEST          (1ull << 26)
#define QVTD_ECAP_PRS           (1ull << 29)
#define QVTD_ECAP_SRS           (1ull << 31)
#define QVTD_ECAP_EAFS          (1ull << 34)
#define QVTD_ECAP_PASID         (1ull << 40)
#define QVTD_ECAP_PDS           (1ull << 42)
#define QVTD_ECAP_SMTS          (1ull << 43)
#define QVTD_ECAP_SSADS         (1ull << 45)
#define QVTD_ECAP_SSTS          (1ull << 46)
#define QVTD_ECAP_FSTS          (1ull << 47)
#define QVTD_ECAP_SMPWCS        (1ull << 48)
#define QVTD_ECAP_RPS           (1ull << 49)

/* RTADDR.TTM (1.7); legacy mode is 0 */
#define QVTD_TTM                QVTD_BITS(11, 10)
#define QVTD_TTM_SCALABLE       (1ull << 10)

/* GCMD, and at the same place in GSTS (1.6) */
#define QVTD_TE                 (1u << 31)
#define QVTD_SRTP               (1u << 30)
#define QVTD_SFL                (1u << 29)
#define QVTD_EAFL               (1u << 28)
#define QVTD_WBF                (1u << 27)
#define QVTD_QIE                (1u << 26)
#define QVTD_IRE                (1u << 25)
#define QVTD_SIRTP              (1u << 24)
#define QVTD_CFI                (1u << 23)
/* What stays of GSTS when software composes the next command */
#define QVTD_GCMD_LEVELS        0x96ffffffu

/* CCMD, IVA and IOTLB (1.8, 1.9) */
#define QVTD_CCMD_ICC           (1ull << 63)
#define QVTD_CCMD_CIRG(g)       ((uint64_t)(g) << 61)
#define QVTD_CCMD_CAIG(reg)     (((reg) >> 59) & 3)
#define QVTD_CCMD_FM(fm)        ((uint64_t)(fm) << 32)
#define QVTD_CCMD_SID(sid)      ((uint64_t)(sid) << 16)
#define QVTD_CCMD_DID(did)      ((uint64_t)(did))
#define QVTD_IVA_IH             (1ull << 6)     /* and of a descriptor */
#define QVTD_IOTLB_IVT          (1ull << 63)
#define QVTD_IOTLB_IIRG(g)      ((uint64_t)(g) << 60)
#define QVTD_IOTLB_IAIG(reg)    (((reg) >> 57) & 3)
#define QVTD_IOTLB_DID(did)     ((uint64_t)(did) << 32)

/* Granularities (7.5); the third is one device, or pages */
#define QVTD_GLOBAL             1
#define QVTD_DOMAIN             2
#define QVTD_SELECT             3

/* Bits of a function that FM and SQ take no notice of (7.5, 8.2) */
static inline uint16_t qvtd_functions(unsigned fm)
{
    static const uint16_t ignored[] = { 0, 4, 6, 7 };

    return ignored[fm];
}

/* FSTS, FRCD, FECTL and IECTL (1.10) */
#define QVTD_FSTS_PFO           (1u << 0)
#define QVTD_FSTS_PPF           (1u << 1)
#define QVTD_FSTS_IQE           (1u << 4)
#define QVTD_FRCD_F             (1ull << 63)
#define QVTD_FRCD_READ          (1ull << 62)
#define QVTD_FRCD_REASON(fr)    ((uint64_t)(fr) << 32)
#define QVTD_ECTL_IM            (1u << 31)
#define QVTD_ECTL_IP            (1u << 30)

/* The queue's registers (1.12) */
#define QVTD_IQA_DW             (1ull << 11)
#define QVTD_ICS_IWC            (1u << 0)
enum {                          /* IQERCD.IQEI (7.6) */
    QVTD_IQEI_TAIL = 1, QVTD_IQEI_FETCH, QVTD_IQEI_TYPE, QVTD_IQEI_RESERVED,
    QVTD_IQEI_WIDTH, QVTD_IQEI_ALIGN, QVTD_IQEI_TTM,
};

#define QVTD_IRTA_EIME          (1ull << 11)

/* Root and context entries (2.1), interrupt remapping entries (8.3) */
#define QVTD_P                  (1ull << 0)
#define QVTD_FPD                (1ull << 1)
#define QVTD_TT(tt)             ((uint64_t)(tt) << 2)
#define QVTD_AW_39              1ull
#define QVTD_AW_48              2ull
#define QVTD_CONTEXT_DID(did)   ((uint64_t)(did) << 8)

/* A context entry of scalable mode: four words (2.2) */
#define QVTD_DTE                (1ull << 2)
#define QVTD_PASIDE             (1ull << 3)
#define QVTD_PRE                (1ull << 4)
#define QVTD_PDTS(pdts)         ((uint64_t)(pdts) << 9)
#define QVTD_RID_PASID          QVTD_BITS(19, 0)        /* of word 1 */
#define QVTD_RID_PRIV           (1ull << 20)

/* A PASID entry: eight words (2.2), of which this is word 0, */
#define QVTD_PE_AW(aw)          ((uint64_t)(aw) << 2)
#define QVTD_PGTT(pgtt)         ((uint64_t)(pgtt) << 6)
enum {
    QVTD_PGTT_FIRST = 1, QVTD_PGTT_SECOND, QVTD_PGTT_NESTED,
    QVTD_PGTT_PASS_THROUGH,
};
#define QVTD_SSADE              (1ull << 9)
/* word 1, whose lowest 16 bits are the DID, */
#define QVTD_PWSNP              (1ull << 23)
#define QVTD_PGSNP              (1ull << 24)
#define QVTD_CD                 (1ull << 25)
#define QVTD_EMTE               (1ull << 26)
/* and word 2; NXE and SMEP mean nothing any more */
#define QVTD_SRE                (1ull << 0)
#define QVTD_ERE                (1ull << 1)
#define QVTD_FSPM(fspm)         ((uint64_t)(fspm) << 2)
#define QVTD_WPE                (1ull << 4)
#define QVTD_NXE                (1ull << 5)
#define QVTD_SMEP               (1ull << 6)
#define QVTD_EAFE               (1ull << 7)

/* Second-stage entries (3.2) */
#define QVTD_R                  (1ull << 0)
#define QVTD_W                  (1ull << 1)
#define QVTD_RW                 (QVTD_R | QVTD_W)
#define QVTD_PS                 (1ull << 7)     /* of both stages */
#define QVTD_SS_A               (1ull << 8)
#define QVTD_SS_D               (1ull << 9)
#define QVTD_SNP                (1ull << 11)
#define QVTD_TM                 (1ull << 62)
#define QVTD_ADDR_MASK          QVTD_BITS(51, 12)

/* First-stage entries (4) */
#define QVTD_FS_P               (1ull << 0)
#define QVTD_FS_RW              (1ull << 1)
#define QVTD_FS_US              (1ull << 2)
#define QVTD_FS_A               (1ull << 5)
#define QVTD_FS_D               (1ull << 6)
#define QVTD_FS_EA              (1ull << 10)
/* A user's page, and what may go on above it */
#define QVTD_FS_USER            (QVTD_FS_P | QVTD_FS_RW | QVTD_FS_US)

/* An invalidation descriptor (7.4, 7.5); @upper counts with 256 bits */
typedef struct QVtdDesc {
    uint64_t lo, hi;
    uint64_t upper[2];
} QVtdDesc;

#define QVTD_DESC(lo, hi)       ((QVtdDesc) { (lo), (hi) })
#define QVTD_DESC_G(g)          ((uint64_t)(g) << 4)
#define QVTD_DESC_DID(did)      ((uint64_t)(did) << 16)
#define QVTD_DESC_PASID(pasid)  ((uint64_t)(pasid) << 32)

#define QVTD_INV_CONTEXT(g, did, sid, fm) \
    QVTD_DESC(0x1 | QVTD_DESC_G(g) | QVTD_DESC_DID(did) | \
              (uint64_t)(sid) << 32 | (uint64_t)(fm) << 48, 0)
#define QVTD_INV_CONTEXT_GLOBAL QVTD_INV_CONTEXT(QVTD_GLOBAL, 0, 0, 0)
#define QVTD_INV_CONTEXT_DOMAIN(did) QVTD_INV_CONTEXT(QVTD_DOMAIN, did, 0, 0)
#define QVTD_INV_CONTEXT_DEVICE(did, sid, fm) \
    QVTD_INV_CONTEXT(QVTD_SELECT, did, sid, fm)
#define QVTD_INV_IOTLB(g, did, hi) \
    QVTD_DESC(0x2 | QVTD_DESC_G(g) | QVTD_DESC_DID(did), hi)
#define QVTD_INV_IOTLB_GLOBAL   QVTD_INV_IOTLB(QVTD_GLOBAL, 0, 0)
#define QVTD_INV_IOTLB_DOMAIN(did) QVTD_INV_IOTLB(QVTD_DOMAIN, did, 0)
#define QVTD_INV_IOTLB_PAGES(did, addr, am) \
    QVTD_INV_IOTLB(QVTD_SELECT, did, (addr) | (am))
#define QVTD_INV_DEVICE_TLB(sid, addr) \
    QVTD_DESC(0x3 | (uint64_t)(sid) << 32, (addr))
#define QVTD_INV_IEC_GLOBAL     QVTD_DESC(0x4, 0)
#define QVTD_INV_IEC_INDEX(index, im) \
    QVTD_DESC(0x4 | 1 << 4 | (uint64_t)(im) << 27 | \
              (uint64_t)(index) << 32, 0)
#define QVTD_WAIT_IF            (1ull << 4)
#define QVTD_WAIT_SW            (1ull << 5)
#define QVTD_WAIT_FN            (1ull << 6)
#define QVTD_WAIT(flags, data, addr) \
    QVTD_DESC(0x5 | (flags) | (uint64_t)(data) << 32, (addr))

/* Of 256 bits: the PASID-based IOTLB, */
#define QVTD_INV_PASID_IOTLB(g, did, pasid, hi) \
    QVTD_DESC(0x6 | QVTD_DESC_G(g) | QVTD_DESC_DID(did) | \
              QVTD_DESC_PASID(pasid), hi)
#define QVTD_INV_PASID_IOTLB_ALL(did, pasid) \
    QVTD_INV_PASID_IOTLB(2, did, pasid, 0)
#define QVTD_INV_PASID_IOTLB_PAGES(did, pasid, addr, am) \
    QVTD_INV_PASID_IOTLB(3, did, pasid, (addr) | (am))
/* the PASID-cache, */
#define QVTD_INV_PASID_CACHE(g, did, pasid) \
    QVTD_DESC(0x7 | QVTD_DESC_G(g) | QVTD_DESC_DID(did) | \
              QVTD_DESC_PASID(pasid), 0)
#define QVTD_INV_PASID_CACHE_DOMAIN(did) QVTD_INV_PASID_CACHE(0, did, 0)
#define QVTD_INV_PASID_CACHE_ONE(did, pasid) \
    QVTD_INV_PASID_CACHE(1, did, pasid)
#define QVTD_INV_PASID_CACHE_GLOBAL QVTD_INV_PASID_CACHE(3, 0, 0)
/* and device-TLBs */
#define QVTD_INV_PASID_DEVICE_TLB(sid, pasid, hi) \
    QVTD_DESC(0x8 | (uint64_t)(sid) << 16 | QVTD_DESC_PASID(pasid), hi)

/* Messages, and the addresses that are theirs (8.1) */
#define QVTD_MSI_ADDR           0xfee00000u
#define QVTD_MSI_LAST           0xfeefffffu
#define QVTD_IS_MSI(addr)       ((addr) >> 20 == QVTD_MSI_ADDR >> 20)
#define QVTD_MSI_DEST(id)       ((uint32_t)(id) << 12)
#define QVTD_MSI_REMAP          (1u << 4)
#define QVTD_MSI_SHV            (1u << 3)
#define QVTD_MSI_HANDLE(h) \
    (((uint32_t)(h) & 0x7fff) << 5 | ((uint32_t)(h) >> 15 & 1) << 2)

/* Interrupt remapping entries: the lower half, and the upper (8.3) */
#define QVTD_IRTE_TM            (1ull << 4)
#define QVTD_IRTE_DLM(dlm)      ((uint64_t)(dlm) << 5)
#define QVTD_IRTE_IM            (1ull << 15)
#define QVTD_IRTE_V(v)          ((uint64_t)(v) << 16)
#define QVTD_IRTE_DST(id)       ((uint64_t)(id) << 40)
#define QVTD_IRTE_DST_X2APIC(id) ((uint64_t)(id) << 32)
#define QVTD_IRTE_SID(sid)      ((uint64_t)(sid))
#define QVTD_IRTE_SQ(sq)        ((uint64_t)(sq) << 16)
#define QVTD_IRTE_SVT(svt)      ((uint64_t)(svt) << 18)
#define QVTD_IRTE_SOURCE(svt, sq, sid) \
    (QVTD_IRTE_SVT(svt) | QVTD_IRTE_SQ(sq) | QVTD_IRTE_SID(sid))

/* Fault reasons (6.1, 6.2, 6.3) */
enum {
    QVTD_F_ROOT = 0x01,         /* not present, as the next */
    QVTD_F_CONTEXT = 0x02,
    QVTD_F_CONTEXT_INVALID = 0x03,
    QVTD_F_ADDRESS = 0x04,      /* beyond the width */
    QVTD_F_WRITE = 0x05,
    QVTD_F_READ = 0x06,
    QVTD_F_TABLE_ACCESS = 0x07, /* is no memory, as the next two */
    QVTD_F_ROOT_ACCESS = 0x08,
    QVTD_F_CONTEXT_ACCESS = 0x09,
    QVTD_F_ROOT_RESERVED = 0x0a,
    QVTD_F_CONTEXT_RESERVED = 0x0b,
    QVTD_F_RESERVED = 0x0c,     /* in an entry of a table */
    QVTD_F_ATS_BLOCKED = 0x0d,
    QVTD_F_OUTPUT = 0x0e,       /* is an interrupt */
    QVTD_F_IR_REQUEST = 0x20,   /* has reserved bits set */
    QVTD_F_IR_INDEX = 0x21,
    QVTD_F_IR_ENTRY = 0x22,     /* not present */
    QVTD_F_IR_ACCESS = 0x23,
    QVTD_F_IR_RESERVED = 0x24,
    QVTD_F_IR_COMPATIBLE = 0x25,
    QVTD_F_IR_SOURCE = 0x26,
    QVTD_F_RTADDR = 0x30,
    /* of scalable mode; _ACCESS is no memory, and no suffix not present */
    QVTD_F_SM_ROOT_ACCESS = 0x38, QVTD_F_SM_ROOT, QVTD_F_SM_ROOT_RESERVED,
    QVTD_F_SM_CONTEXT_ACCESS = 0x40, QVTD_F_SM_CONTEXT,
    QVTD_F_SM_CONTEXT_RESERVED, QVTD_F_SM_CONTEXT_INVALID,
    QVTD_F_RID_PASID = 0x48,    /* beyond PDTS */
    QVTD_F_PASID_DIR_ACCESS = 0x50, QVTD_F_PASID_DIR,
    QVTD_F_PASID_DIR_RESERVED,
    QVTD_F_PASID_ACCESS = 0x58, QVTD_F_PASID, QVTD_F_PASID_RESERVED,
    QVTD_F_PASID_INVALID,
    QVTD_F_FS_ACCESS = 0x70, QVTD_F_FS, QVTD_F_FS_RESERVED,
    QVTD_F_FS_TOP_ACCESS,
    QVTD_F_FS_ADDRESS,          /* of an FS table, nested, as the next three */
    QVTD_F_FS_TOP_READ, QVTD_F_FS_READ, QVTD_F_FS_WRITE,
    QVTD_F_SS_ACCESS = 0x78, QVTD_F_SS, QVTD_F_SS_RESERVED,
    QVTD_F_SS_TOP_ACCESS,
    QVTD_F_SS_NOT_SNOOPED, QVTD_F_SS_UPDATE,    /* of A or D */
    QVTD_F_CANONICAL = 0x80, QVTD_F_USER,
    QVTD_F_PASS_THROUGH = 0x83, /* beyond HAW */
    QVTD_F_SM_ADDRESS, QVTD_F_SM_WRITE, QVTD_F_SM_READ, QVTD_F_SM_OUTPUT,
    QVTD_F_FS_NOT_SNOOPED = 0x90, QVTD_F_FS_UPDATE,
};

#endif
