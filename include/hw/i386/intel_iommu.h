/*
 * Intel IOMMU (VT-d): what the rest of QEMU knows of the device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_I386_INTEL_IOMMU_H
#define HW_I386_INTEL_IOMMU_H

#include "hw/i386/x86-iommu.h"
#include "hw/i386/vtd/vtd.h"
#include "system/memory.h"
#include "qom/object.h"

#define TYPE_INTEL_IOMMU_DEVICE "intel-iommu"
OBJECT_DECLARE_SIMPLE_TYPE(IntelIOMMUState, INTEL_IOMMU_DEVICE)

/* Where the DMAR table says that the registers are */
#define Q35_HOST_BRIDGE_IOMMU_ADDR  0xfed90000ULL

/* A 64-bit MSI address in two halves, for KVM's routes */
#define VTD_MSI_ADDR_HI_SHIFT       32
#define VTD_MSI_ADDR_LO_MASK        0xffffffffULL

struct IntelIOMMUState {
    X86IOMMUState x86_iommu;

    /*
     * Properties.  Realize resolves eim to on or off.  caching_mode is false
     * until caching-mode=auto is known to be on.
     */
    uint32_t version;
    OnOffAuto eim;
    bool buggy_eim;
    uint8_t input_bits;         /* aw-bits */
    OnOffAuto caching_mode_option;
    bool caching_mode;
    bool x_scalable_mode;       /* x-: by the names of QEMU 10 */
    bool scalable_mode;
    bool x_first_stage;
    bool first_stage;
    bool snoop_control;
    bool x_pasid_mode;
    uint8_t pasid_bits;
    bool svm;
    bool scalable_full;
    bool dma_drain;
    bool dma_translation;       /* if this QEMU's x86-iommu has it not; */
    bool pass_through;          /* read both as properties */
    bool stale_tm;
    bool first_stage_1g;
    uint64_t max_mappings;

    uint8_t haw_bits;           /* width of the machine's physical addresses */
    uint8_t aw_bits;            /* the same as the DMAR table has it */
    MemoryRegion registers;
    Vtd *vtd;
    QEMUBH *continue_bh;        /* vtd_continue() */
    struct IntelIOMMUDrain *drain;      /* intel_iommu_drain.c */
    GHashTable *spaces;         /* IntelIOMMUSpace, by bus and devfn */
    GSList *spare_spaces;       /* of buses that are gone */
    Notifier machine_done;
    MemoryListener memory;      /* of the guest's memory */
    bool memory_moves;          /* some RAM does, in this transaction */
    VtdRam ram;                 /* the piece that was asked for last */
    struct IntelIOMMUWritten *written;  /* RAM: intel_iommu_memory.c */
    struct IntelIOMMULayout *layout;    /* where RAM is; by RCU */
    GSList *memory_discards;    /* of regions of which parts are discarded */
    QEMUBH *memory_bh;          /* after parts were */
    GHashTable *host_devices;   /* PCIDevice: those with a host IOMMU */
    bool no_space_told;         /* kinds of refusals, to map for a device, */
    bool no_memory_told;        /* that the user knows of */
    bool refusal_told;
    struct IntelIOMMUEvents *events;    /* of QMP: intel_iommu_event.c */
    QEMUBH *events_bh;          /* sends messages of threads without the BQL */
    struct IntelIOMMULog *log;  /* lines for users: intel_iommu_log.c */
    VtdSaved saved;             /* what migration carries, on its way */
    bool loaded;                /* and came in, but the VM does not run yet */
};

#endif
