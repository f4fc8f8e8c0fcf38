/*
 * Intel VT-d: layouts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the numbers of the specification and nothing else: register offsets
 * and fields, root and context entries, second-stage entries, descriptors,
 * interrupt remapping entries, fault reasons.  Bit ranges are written as the
 * specification writes them, VTD_BITS(value, last, first).  No state, no
 * lock.
 */

#ifndef HW_I386_VTD_SPEC_H
#define HW_I386_VTD_SPEC_H

#define VTD_BIT(n)              (1ull << (n))
#define VTD_MASK(last, first) \
    ((~0ull >> (63 - (last))) & (~0ull << (first)))
#define VTD_BITS(value, last, first) \
    (((value) & VTD_MASK(last, first)) >> (first))

#define VTD_PAGE_SHIFT          12
#define VTD_PAGE_SIZE           (1ull << VTD_PAGE_SHIFT)
#define VTD_PAGE_MASK           VTD_MASK(63, VTD_PAGE_SHIFT)

/* Requests without a PASID to this range are interrupts (5.1, 8.1) */
#define VTD_INTERRUPT_FIRST     0xfee00000ull
#define VTD_INTERRUPT_LAST      0xfeefffffull

static inline bool vtd_meets_interrupts(uint64_t first, uint64_t last)
{
    return first <= VTD_INTERRUPT_LAST && last >= VTD_INTERRUPT_FIRST;
}

/* Registers (1.1).  CAP.FRO and ECAP.IRO say where those of FRCD, IOTLB are */
#define VTD_REG_VER             0x000
#define VTD_REG_CAP             0x008
#define VTD_REG_ECAP            0x010
#define VTD_REG_GCMD            0x018
#define VTD_REG_GSTS            0x01c
#define VTD_REG_RTADDR          0x020
#define VTD_REG_CCMD            0x028
#define VTD_REG_FSTS            0x034
#define VTD_REG_FECTL           0x038
#define VTD_REG_FEDATA          0x03c
#define VTD_REG_FEADDR          0x040
#define VTD_REG_FEUADDR         0x044
#define VTD_REG_IQH             0x080
#define VTD_REG_IQT             0x088
#define VTD_REG_IQA             0x090
#define VTD_REG_ICS             0x09c
#define VTD_REG_IECTL           0x0a0
#define VTD_REG_IEDATA          0x0a4
#define VTD_REG_IEADDR          0x0a8
#define VTD_REG_IEUADDR         0x0ac
#define VTD_REG_IQERCD          0x0b0
#define VTD_REG_IRTA            0x0b8
#define VTD_REG_IVA             0x0f0
#define VTD_REG_IOTLB           0x0f8
#define VTD_REG_FRCD_LO         0x220
#define VTD_REG_FRCD_HI         0x228
#define VTD_REG_SIZE            0x230

#define VTD_VER_1_0             0x10

/* CAP (1.4) */
#define VTD_CAP_ND_16BIT        6ull
#define VTD_CAP_RWBF            VTD_BIT(4)
#define VTD_CAP_CM              VTD_BIT(7)
#define VTD_CAP_SAGAW_OF(aw)    VTD_BIT(8 + (aw))     /* AW of an entry */
#define VTD_CAP_SAGAW_39        VTD_CAP_SAGAW_OF(1)
#define VTD_CAP_SAGAW_48        VTD_CAP_SAGAW_OF(2)
#define VTD_CAP_SAGAW_57        VTD_CAP_SAGAW_OF(3)
#define VTD_CAP_MGAW(bits)      (((bits) - 1ull) << 16)
#define VTD_CAP_MGAW_MASK       VTD_MASK(21, 16)
#define VTD_CAP_MGAW_BITS(reg)  ((unsigned)VTD_BITS(reg, 21, 16) + 1)
#define VTD_CAP_FRO(offset)     (((offset) / 16ull) << 24)
#define VTD_CAP_SSLPS_2M        VTD_BIT(34)
#define VTD_CAP_SSLPS_1G        VTD_BIT(35)
#define VTD_CAP_PSI             VTD_BIT(39)
#define VTD_CAP_MAMV(order)     ((uint64_t)(order) << 48)
#define VTD_CAP_MAMV_ORDER(cap) VTD_BITS(cap, 53, 48)
#define VTD_CAP_DWD             VTD_BIT(54)
#define VTD_CAP_DRD             VTD_BIT(55)
#define VTD_CAP_FS1GP           VTD_BIT(56)
#define VTD_CAP_FS5LP           VTD_BIT(60)
#define VTD_CAP_ESRTPS          VTD_BIT(63)

/* ECAP (1.5) */
#define VTD_ECAP_QI             VTD_BIT(1)
#define VTD_ECAP_DT             VTD_BIT(2)
#define VTD_ECAP_IR             VTD_BIT(3)
#define VTD_ECAP_EIM            VTD_BIT(4)
#define VTD_ECAP_PT             VTD_BIT(6)
#define VTD_ECAP_SC             VTD_BIT(7)
#define VTD_ECAP_IRO(offset)    (((offset) / 16ull) << 8)
#define VTD_ECAP_MHMV(order)    ((uint64_t)(order) << 20)
#define VTD_ECAP_NEST           VTD_BIT(26)
#define VTD_ECAP_SRS            VTD_BIT(31)
#define VTD_ECAP_EAFS           VTD_BIT(34)
#define VTD_ECAP_PSS(bits)      (((bits) - 1ull) << 35)
#define VTD_ECAP_PSS_MASK       VTD_MASK(39, 35)
#define VTD_ECAP_PSS_BITS(reg)  ((unsigned)VTD_BITS(reg, 39, 35) + 1)
#define VTD_ECAP_PASID          VTD_BIT(40)
#define VTD_ECAP_SMTS           VTD_BIT(43)
#define VTD_ECAP_SSADS          VTD_BIT(45)
#define VTD_ECAP_SSTS           VTD_BIT(46)
#define VTD_ECAP_FSTS           VTD_BIT(47)
#define VTD_ECAP_SMPWCS         VTD_BIT(48)
#define VTD_ECAP_RPS            VTD_BIT(49)
#define VTD_ECAP_ADMS           VTD_BIT(52)

/* What this implementation advertises (the limits behind CAP and ECAP) */
#define VTD_MAMV                18
#define VTD_MAMV_NESTED         52      /* all addresses at once */
#define VTD_MHMV                15

/* GCMD and GSTS (1.6): a status bit is where its command bit is */
#define VTD_GCMD_TE             VTD_BIT(31)
#define VTD_GCMD_SRTP           VTD_BIT(30)
#define VTD_GCMD_WBF            VTD_BIT(27)
#define VTD_GCMD_QIE            VTD_BIT(26)
#define VTD_GCMD_IRE            VTD_BIT(25)
#define VTD_GCMD_SIRTP          VTD_BIT(24)
#define VTD_GCMD_CFI            VTD_BIT(23)

/* RTADDR (1.7) */
#define VTD_RTADDR_TTM(reg)     VTD_BITS(reg, 11, 10)
#define VTD_RTADDR_SCALABLE     VTD_BIT(10)     /* of TTM */
#define VTD_TTM_LEGACY          0
#define VTD_TTM_SCALABLE        1
#define VTD_TTM_ABORT           3

/* CCMD (1.8) */
#define VTD_CCMD_ICC            VTD_BIT(63)
#define VTD_CCMD_CIRG(reg)      VTD_BITS(reg, 62, 61)
#define VTD_CCMD_CAIG_SHIFT     59
#define VTD_CCMD_CAIG_MASK      VTD_MASK(60, 59)
#define VTD_CCMD_FM(reg)        VTD_BITS(reg, 33, 32)
#define VTD_CCMD_SID(reg)       VTD_BITS(reg, 31, 16)
#define VTD_CCMD_DID(reg)       VTD_BITS(reg, 15, 0)

/* IVA and IOTLB (1.9) */
#define VTD_IVA_AM(reg)         VTD_BITS(reg, 5, 0)
#define VTD_IVA_IH              VTD_BIT(6)      /* and of a descriptor */
#define VTD_IOTLB_IVT           VTD_BIT(63)
#define VTD_IOTLB_IIRG(reg)     VTD_BITS(reg, 61, 60)
#define VTD_IOTLB_IAIG_SHIFT    57
#define VTD_IOTLB_IAIG_MASK     VTD_MASK(58, 57)
#define VTD_IOTLB_DID(reg)      VTD_BITS(reg, 47, 32)

/* The granularities of CCMD.CIRG, IOTLB.IIRG and both descriptors */
#define VTD_GRANULARITY_GLOBAL  1
#define VTD_GRANULARITY_DOMAIN  2
#define VTD_GRANULARITY_SELECT  3       /* one device, or pages */

/* FSTS (1.10) */
#define VTD_FSTS_PFO            VTD_BIT(0)
#define VTD_FSTS_PPF            VTD_BIT(1)
#define VTD_FSTS_IQE            VTD_BIT(4)
#define VTD_FSTS_ICE            VTD_BIT(5)
#define VTD_FSTS_ITE            VTD_BIT(6)
/* The causes of the fault event (6.4) */
#define VTD_FSTS_EVENTS \
    (VTD_FSTS_PPF | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

/* FECTL and IECTL (1.10, 1.12) */
#define VTD_ECTL_IM             VTD_BIT(31)
#define VTD_ECTL_IP             VTD_BIT(30)

/* FRCD, the upper half (1.10) */
#define VTD_FRCD_HI_F           VTD_BIT(63)
#define VTD_FRCD_HI_T1_READ     VTD_BIT(62)
#define VTD_FRCD_HI_FR(reason)  ((uint64_t)(reason) << 32)
#define VTD_FRCD_HI_SID(sid)    ((uint64_t)(sid))
#define VTD_FRCD_HI_PASID(pasid) ((uint64_t)(pasid) << 40)
#define VTD_FRCD_HI_PP          VTD_BIT(31)
#define VTD_FRCD_HI_PRIV        VTD_BIT(29)

/* IQH, IQT, IQA, ICS, IQERCD (1.12) */
/* Of a descriptor of 128 bits, or with @wide of 256 */
#define VTD_IQ_OFFSET(index, wide) ((uint64_t)(index) << (4 + (wide)))
#define VTD_IQT_INDEX(reg, wide) (VTD_BITS(reg, 18, 4) >> (wide))
#define VTD_IQT_ODD             VTD_BIT(4)
#define VTD_IQA_QS(reg)         VTD_BITS(reg, 2, 0)
#define VTD_IQA_DW              VTD_BIT(11)
#define VTD_ICS_IWC             VTD_BIT(0)
#define VTD_IQEI_TAIL           1
#define VTD_IQEI_FETCH          2
#define VTD_IQEI_TYPE           3
#define VTD_IQEI_RESERVED       4
#define VTD_IQEI_WIDTH          5
#define VTD_IQEI_ALIGN          6
#define VTD_IQEI_TTM            7
/* An error that has no code: what of this fits into IQEI is 0 */
#define VTD_IQEI_NO_CODE        0x10

/* IRTA (1.13) */
#define VTD_IRTA_ENTRIES(reg)   (2u << VTD_BITS(reg, 3, 0))
#define VTD_IRTA_EIME           VTD_BIT(11)

/* Root entry, legacy mode (2.1) */
#define VTD_ROOT_P              VTD_BIT(0)
#define VTD_ROOT_LO_RESERVED    VTD_MASK(11, 1)

/* Context entry, legacy mode (2.1) */
#define VTD_CONTEXT_P           VTD_BIT(0)
#define VTD_CONTEXT_FPD         VTD_BIT(1)
#define VTD_CONTEXT_TT(lo)      VTD_BITS(lo, 3, 2)
#define VTD_TT_TABLES           0
#define VTD_TT_DEVICE_TLB       1
#define VTD_TT_PASS_THROUGH     2
#define VTD_CONTEXT_LO_RESERVED VTD_MASK(11, 4)
#define VTD_CONTEXT_AW(hi)      VTD_BITS(hi, 2, 0)
#define VTD_CONTEXT_DID(hi)     VTD_BITS(hi, 23, 8)
#define VTD_CONTEXT_HI_RESERVED (VTD_BIT(7) | VTD_MASK(63, 24))

/* Root, context and PASID structures, scalable mode (2.2) */
#define VTD_SM_CONTEXT_BYTES    32u
#define VTD_SM_CONTEXT_DTE      VTD_BIT(2)
#define VTD_SM_CONTEXT_PASIDE   VTD_BIT(3)
#define VTD_SM_CONTEXT_PRE      VTD_BIT(4)
#define VTD_SM_CONTEXT_PDTS(lo) VTD_BITS(lo, 11, 9)
#define VTD_SM_CONTEXT_RID_PASID(hi) VTD_BITS(hi, 19, 0)
#define VTD_SM_CONTEXT_RID_PASID_MASK VTD_MASK(19, 0)
#define VTD_SM_CONTEXT_LO_RESERVED VTD_MASK(8, 5)
#define VTD_SM_CONTEXT_HI_RESERVED VTD_MASK(63, 20)     /* RID_PRIV, too */
#define VTD_PASID_DIR_LO_RESERVED VTD_MASK(11, 2)
#define VTD_PASID_DIR_INDEX(pasid) VTD_BITS(pasid, 19, 6)
#define VTD_PASID_INDEX(pasid)  VTD_BITS(pasid, 5, 0)
#define VTD_PASID_BYTES         64u
/* PASID table entry: its qwords 0, 1 and 2; P and FPD as in a context entry */
#define VTD_PASID_AW(q0)        VTD_BITS(q0, 4, 2)
#define VTD_PASID_PGTT(q0)      VTD_BITS(q0, 8, 6)
#define VTD_PGTT_FIRST          1
#define VTD_PGTT_SECOND         2
#define VTD_PGTT_NESTED         3
#define VTD_PGTT_PASS_THROUGH   4
#define VTD_PASID_SSADE         VTD_BIT(9)
#define VTD_PASID_0_RESERVED    (VTD_BIT(5) | VTD_MASK(11, 10))
#define VTD_PASID_DID(q1)       VTD_BITS(q1, 15, 0)
#define VTD_PASID_PWSNP         VTD_BIT(23)
#define VTD_PASID_PGSNP         VTD_BIT(24)
/* CD, EMTE, EMT, PWT, PCD and PAT, for want of memory types, too */
#define VTD_PASID_1_RESERVED    (VTD_MASK(22, 16) | VTD_MASK(63, 25))
#define VTD_PASID_SRE           VTD_BIT(0)
#define VTD_PASID_FSPM(q2)      VTD_BITS(q2, 3, 2)
#define VTD_FSPM_4_LEVELS       0
#define VTD_FSPM_5_LEVELS       1
#define VTD_PASID_WPE           VTD_BIT(4)
#define VTD_PASID_EAFE          VTD_BIT(7)
#define VTD_PASID_2_RESERVED    (VTD_BIT(1) | VTD_MASK(11, 8))

/* First-stage entries (4) */
#define VTD_FS_P                VTD_BIT(0)
#define VTD_FS_RW               VTD_BIT(1)
#define VTD_FS_US               VTD_BIT(2)
#define VTD_FS_A                VTD_BIT(5)
#define VTD_FS_D                VTD_BIT(6)
#define VTD_FS_PS               VTD_BIT(7)
#define VTD_FS_EA               VTD_BIT(10)
#define VTD_FS_PAT_LARGE        VTD_BIT(12)     /* of a superpage */

/* Second-stage entries (3.2) */
#define VTD_SS_R                VTD_BIT(0)
#define VTD_SS_W                VTD_BIT(1)
#define VTD_SS_PS               VTD_BIT(7)
#define VTD_SS_A                VTD_BIT(8)
#define VTD_SS_D                VTD_BIT(9)
#define VTD_SS_SNP              VTD_BIT(11)
#define VTD_SS_TM               VTD_BIT(62)

/* Invalidation descriptors (7.4, 7.5) */
#define VTD_DESC_TYPE(lo)       (VTD_BITS(lo, 3, 0) | VTD_BITS(lo, 11, 9) << 4)
#define VTD_DESC_CONTEXT        0x1
#define VTD_DESC_IOTLB          0x2
#define VTD_DESC_DEVICE_TLB     0x3
#define VTD_DESC_IEC            0x4
#define VTD_DESC_WAIT           0x5
#define VTD_DESC_PASID_IOTLB    0x6
#define VTD_DESC_PASID_CACHE    0x7
#define VTD_DESC_PASID_DEVICE_TLB 0x8
#define VTD_DESC_G(lo)          VTD_BITS(lo, 5, 4)
#define VTD_DESC_DID(lo)        VTD_BITS(lo, 31, 16)
#define VTD_DESC_SID(lo)        VTD_BITS(lo, 47, 32)
#define VTD_DESC_FM(lo)         VTD_BITS(lo, 49, 48)
#define VTD_DESC_AM(hi)         VTD_BITS(hi, 5, 0)
#define VTD_DESC_PASID(lo)      VTD_BITS(lo, 51, 32)
#define VTD_DESC_DEVICE_S       VTD_BIT(0)
/* PASID-based: G of type 7, and the domain and PASID of types 6 and 7 */
#define VTD_PASID_CACHE_DOMAIN  0
#define VTD_PASID_CACHE_SELECT  1
#define VTD_PASID_CACHE_GLOBAL  3
#define VTD_DESC_IEC_G          VTD_BIT(4)
#define VTD_DESC_IEC_IM(lo)     VTD_BITS(lo, 31, 27)
#define VTD_DESC_IEC_IIDX(lo)   VTD_BITS(lo, 47, 32)
#define VTD_DESC_WAIT_IF        VTD_BIT(4)
#define VTD_DESC_WAIT_SW        VTD_BIT(5)
#define VTD_DESC_WAIT_DATA(lo)  VTD_BITS(lo, 63, 32)
#define VTD_DESC_WAIT_ADDR(hi)  ((hi) & VTD_MASK(63, 2))

/* Interrupt requests (8.1) */
#define VTD_MSI_REMAPPABLE      VTD_BIT(4)
#define VTD_MSI_SHV             VTD_BIT(3)
#define VTD_MSI_HANDLE(addr) \
    (VTD_BITS(addr, 19, 5) | VTD_BITS(addr, 2, 2) << 15)
#define VTD_MSI_SUBHANDLE(data) VTD_BITS(data, 15, 0)
#define VTD_MSI_DATA_RESERVED   VTD_MASK(31, 16)

/* Interrupt remapping table entry (8.3) */
#define VTD_IRTE_BYTES          16u
#define VTD_IRTE_P              VTD_BIT(0)
#define VTD_IRTE_FPD            VTD_BIT(1)
#define VTD_IRTE_DM             VTD_BIT(2)
#define VTD_IRTE_RH             VTD_BIT(3)
#define VTD_IRTE_TM             VTD_BIT(4)
#define VTD_IRTE_DLM(lo)        VTD_BITS(lo, 7, 5)
#define VTD_IRTE_IM             VTD_BIT(15)
#define VTD_IRTE_VECTOR(lo)     VTD_BITS(lo, 23, 16)
#define VTD_IRTE_DST_X2APIC(lo) VTD_BITS(lo, 63, 32)
#define VTD_IRTE_DST_XAPIC(lo)  VTD_BITS(lo, 47, 40)
#define VTD_IRTE_LO_RESERVED    (VTD_MASK(14, 12) | VTD_MASK(31, 24))
#define VTD_IRTE_LO_RESERVED_XAPIC (VTD_MASK(39, 32) | VTD_MASK(63, 48))
#define VTD_IRTE_SID(hi)        VTD_BITS(hi, 15, 0)
#define VTD_IRTE_SQ(hi)         VTD_BITS(hi, 17, 16)
#define VTD_IRTE_SVT(hi)        VTD_BITS(hi, 19, 18)
#define VTD_IRTE_HI_RESERVED    VTD_MASK(63, 20)
#define VTD_SVT_NONE            0
#define VTD_SVT_SID             1
#define VTD_SVT_BUS             2

/* Bits of a source id that are not compared, by FM (7.5) or SQ (8.5) */
static inline uint16_t vtd_function_mask(unsigned fm)
{
    static const uint16_t ignored[] = { 0, 4, 6, 7 };

    return ignored[fm];
}

/* Fault reasons (6.1, 6.2, 6.3); 0 is never recorded */
typedef enum VtdReason {
    VTD_FAULT_NONE = 0,
    VTD_FAULT_ROOT_NOT_PRESENT = 0x01,
    VTD_FAULT_CONTEXT_NOT_PRESENT = 0x02,
    VTD_FAULT_CONTEXT_INVALID = 0x03,
    VTD_FAULT_ADDRESS = 0x04,
    VTD_FAULT_WRITE = 0x05,
    VTD_FAULT_READ = 0x06,
    VTD_FAULT_TABLE_ACCESS = 0x07,
    VTD_FAULT_ROOT_ACCESS = 0x08,
    VTD_FAULT_CONTEXT_ACCESS = 0x09,
    VTD_FAULT_ROOT_RESERVED = 0x0a,
    VTD_FAULT_CONTEXT_RESERVED = 0x0b,
    VTD_FAULT_TABLE_RESERVED = 0x0c,
    VTD_FAULT_BLOCKED = 0x0d,
    VTD_FAULT_OUTPUT = 0x0e,
    VTD_FAULT_IR_REQUEST_RESERVED = 0x20,
    VTD_FAULT_IR_INDEX = 0x21,
    VTD_FAULT_IR_NOT_PRESENT = 0x22,
    VTD_FAULT_IR_ACCESS = 0x23,
    VTD_FAULT_IR_RESERVED = 0x24,
    VTD_FAULT_IR_COMPATIBILITY = 0x25,
    VTD_FAULT_IR_SOURCE = 0x26,
    VTD_FAULT_RTADDR = 0x30,
    VTD_FAULT_LEGACY_PASID = 0x31,
    VTD_FAULT_ABORT = 0x33,
    VTD_FAULT_SM_ROOT_ACCESS = 0x38,
    VTD_FAULT_SM_ROOT_NOT_PRESENT = 0x39,
    VTD_FAULT_SM_ROOT_RESERVED = 0x3a,
    VTD_FAULT_SM_CONTEXT_ACCESS = 0x40,
    VTD_FAULT_SM_CONTEXT_NOT_PRESENT = 0x41,
    VTD_FAULT_SM_CONTEXT_RESERVED = 0x42,
    VTD_FAULT_SM_CONTEXT_INVALID = 0x43,
    VTD_FAULT_SM_DTE = 0x44,
    VTD_FAULT_SM_PASIDE = 0x45,
    VTD_FAULT_SM_PASID_RANGE = 0x46,
    VTD_FAULT_PASID_DIR_ACCESS = 0x50,
    VTD_FAULT_PASID_DIR_NOT_PRESENT = 0x51,
    VTD_FAULT_PASID_DIR_RESERVED = 0x52,
    VTD_FAULT_PASID_ACCESS = 0x58,
    VTD_FAULT_PASID_NOT_PRESENT = 0x59,
    VTD_FAULT_PASID_RESERVED = 0x5a,
    VTD_FAULT_PASID_INVALID = 0x5b,
    VTD_FAULT_PASID_SRE = 0x5d,
    VTD_FAULT_FS_ACCESS = 0x70,
    VTD_FAULT_FS_NOT_PRESENT = 0x71,
    VTD_FAULT_FS_RESERVED = 0x72,
    VTD_FAULT_FS_TOP_ACCESS = 0x73,
    VTD_FAULT_NESTED_TABLE_ADDRESS = 0x74,
    VTD_FAULT_NESTED_TOP_READ = 0x75,
    VTD_FAULT_NESTED_TABLE_READ = 0x76,
    VTD_FAULT_NESTED_TABLE_WRITE = 0x77,
    VTD_FAULT_SM_SS_ACCESS = 0x78,
    VTD_FAULT_SM_SS_EMPTY = 0x79,
    VTD_FAULT_SM_SS_RESERVED = 0x7a,
    VTD_FAULT_SM_SS_TOP_ACCESS = 0x7b,
    VTD_FAULT_SM_SS_DIRTY_SNOOP = 0x7c,
    VTD_FAULT_SM_SS_DIRTY_FAILED = 0x7d,
    VTD_FAULT_FS_CANONICAL = 0x80,
    VTD_FAULT_FS_USER = 0x81,
    VTD_FAULT_SM_PASS_THROUGH = 0x83,
    VTD_FAULT_SM_ADDRESS = 0x84,
    VTD_FAULT_SM_WRITE = 0x85,
    VTD_FAULT_SM_READ = 0x86,
    VTD_FAULT_SM_OUTPUT = 0x87,
    VTD_FAULT_FS_DIRTY_SNOOP = 0x90,
    VTD_FAULT_FS_DIRTY_FAILED = 0x91,
} VtdReason;

#endif
