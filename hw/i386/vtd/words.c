/*
 * Intel VT-d: words for numbers of the specification
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what words.h declares.  Constants; any thread, no lock.
 */

#include "qemu/osdep.h"
#include "spec.h"
#include "words.h"

const char *vtd_reason_words(unsigned reason)
{
    switch (reason) {
    case VTD_FAULT_NONE:
        return "no fault";
    case VTD_FAULT_ROOT_NOT_PRESENT:
        return "the root entry of the bus is not present";
    case VTD_FAULT_CONTEXT_NOT_PRESENT:
        return "the context entry of the device is not present";
    case VTD_FAULT_CONTEXT_INVALID:
        return "the context entry of the device is invalid";
    case VTD_FAULT_ADDRESS:
        return "the address is wider than the page tables";
    case VTD_FAULT_WRITE:
        return "no permission to write";
    case VTD_FAULT_READ:
        return "no permission to read";
    case VTD_FAULT_TABLE_ACCESS:
        return "a page table is not in memory";
    case VTD_FAULT_ROOT_ACCESS:
        return "the root table is not in memory";
    case VTD_FAULT_CONTEXT_ACCESS:
        return "the context table is not in memory";
    case VTD_FAULT_ROOT_RESERVED:
        return "a reserved bit is set in the root entry";
    case VTD_FAULT_CONTEXT_RESERVED:
        return "a reserved bit is set in the context entry";
    case VTD_FAULT_TABLE_RESERVED:
        return "a reserved bit is set in a page-table entry";
    case VTD_FAULT_BLOCKED:
        return "the context entry does not allow translation requests";
    case VTD_FAULT_OUTPUT:
        return "the target is in the interrupt range";
    case VTD_FAULT_IR_REQUEST_RESERVED:
        return "a reserved bit is set in the interrupt request";
    case VTD_FAULT_IR_INDEX:
        return "the index is beyond the interrupt table";
    case VTD_FAULT_IR_NOT_PRESENT:
        return "the interrupt entry is not present";
    case VTD_FAULT_IR_ACCESS:
        return "the interrupt table is not in memory";
    case VTD_FAULT_IR_RESERVED:
        return "a reserved bit is set in the interrupt entry";
    case VTD_FAULT_IR_COMPATIBILITY:
        return "the interrupt is not remappable, and such are blocked";
    case VTD_FAULT_IR_SOURCE:
        return "the interrupt entry is for another source";
    case VTD_FAULT_RTADDR:
        return "the root table address is invalid";
    case VTD_FAULT_LEGACY_PASID:
        return "a request with a PASID in legacy mode";
    case VTD_FAULT_ABORT:
        return "the root table address says that all is blocked";
    case VTD_FAULT_SM_ROOT_ACCESS:
        return "the scalable-mode root table is not in memory";
    case VTD_FAULT_SM_ROOT_NOT_PRESENT:
        return "the scalable-mode root entry of the bus is not present";
    case VTD_FAULT_SM_ROOT_RESERVED:
        return "a reserved bit is set in the scalable-mode root entry";
    case VTD_FAULT_SM_CONTEXT_ACCESS:
        return "the scalable-mode context table is not in memory";
    case VTD_FAULT_SM_CONTEXT_NOT_PRESENT:
        return "the scalable-mode context entry is not present";
    case VTD_FAULT_SM_CONTEXT_RESERVED:
        return "a reserved bit is set in the scalable-mode context entry";
    case VTD_FAULT_SM_CONTEXT_INVALID:
        return "the PASID for requests without one is beyond the directory";
    case VTD_FAULT_SM_DTE:
        return "the context entry does not allow a device-TLB";
    case VTD_FAULT_SM_PASIDE:
        return "the context entry does not allow requests with a PASID";
    case VTD_FAULT_SM_PASID_RANGE:
        return "the PASID is beyond the directory";
    case VTD_FAULT_PASID_DIR_ACCESS:
        return "the PASID directory is not in memory";
    case VTD_FAULT_PASID_DIR_NOT_PRESENT:
        return "the PASID directory entry is not present";
    case VTD_FAULT_PASID_DIR_RESERVED:
        return "a reserved bit is set in the PASID directory entry";
    case VTD_FAULT_PASID_ACCESS:
        return "the PASID table is not in memory";
    case VTD_FAULT_PASID_NOT_PRESENT:
        return "the PASID table entry is not present";
    case VTD_FAULT_PASID_RESERVED:
        return "a reserved bit is set in the PASID table entry";
    case VTD_FAULT_PASID_INVALID:
        return "the PASID table entry is invalid";
    case VTD_FAULT_PASID_SRE:
        return "the PASID table entry does not allow privileged requests";
    case VTD_FAULT_FS_ACCESS:
        return "a first-stage page table is not in memory";
    case VTD_FAULT_FS_NOT_PRESENT:
        return "a first-stage entry is not present";
    case VTD_FAULT_FS_RESERVED:
        return "a reserved bit is set in a first-stage entry";
    case VTD_FAULT_FS_TOP_ACCESS:
        return "the top first-stage page table is not in memory";
    case VTD_FAULT_NESTED_TABLE_ADDRESS:
        return "the address of a first-stage table is too wide";
    case VTD_FAULT_NESTED_TOP_READ:
        return "the second stage does not permit to read the top table";
    case VTD_FAULT_NESTED_TABLE_READ:
        return "the second stage does not permit to read a page table";
    case VTD_FAULT_NESTED_TABLE_WRITE:
        return "the second stage does not permit to mark a page table";
    case VTD_FAULT_SM_SS_ACCESS:
        return "a second-stage page table is not in memory";
    case VTD_FAULT_SM_SS_EMPTY:
        return "a second-stage entry is not present";
    case VTD_FAULT_SM_SS_RESERVED:
        return "a reserved bit is set in a second-stage entry";
    case VTD_FAULT_SM_SS_TOP_ACCESS:
        return "the top second-stage page table is not in memory";
    case VTD_FAULT_SM_SS_DIRTY_SNOOP:
        return "a second-stage entry may not be marked";
    case VTD_FAULT_SM_SS_DIRTY_FAILED:
        return "a second-stage entry could not be marked";
    case VTD_FAULT_FS_CANONICAL:
        return "the address is not canonical";
    case VTD_FAULT_FS_USER:
        return "the page is for privileged requests alone";
    case VTD_FAULT_SM_PASS_THROUGH:
        return "the address is wider than physical ones";
    case VTD_FAULT_SM_ADDRESS:
        return "the address is wider than the second stage";
    case VTD_FAULT_SM_WRITE:
        return "no permission to write, in scalable mode";
    case VTD_FAULT_SM_READ:
        return "no permission to read, in scalable mode";
    case VTD_FAULT_SM_OUTPUT:
        return "the target is in the interrupt range, in scalable mode";
    case VTD_FAULT_FS_DIRTY_SNOOP:
        return "a first-stage entry may not be marked";
    case VTD_FAULT_FS_DIRTY_FAILED:
        return "a first-stage entry could not be marked";
    default:
        return "a reason of the VT-d specification";
    }
}

const char *vtd_reason_place(unsigned reason)
{
    switch (reason) {
    case VTD_FAULT_ROOT_NOT_PRESENT:
    case VTD_FAULT_ROOT_ACCESS:
    case VTD_FAULT_ROOT_RESERVED:
    case VTD_FAULT_SM_ROOT_ACCESS:
    case VTD_FAULT_SM_ROOT_NOT_PRESENT:
    case VTD_FAULT_SM_ROOT_RESERVED:
        return "root entry";
    case VTD_FAULT_CONTEXT_NOT_PRESENT:
    case VTD_FAULT_CONTEXT_INVALID:
    case VTD_FAULT_CONTEXT_ACCESS:
    case VTD_FAULT_CONTEXT_RESERVED:
    case VTD_FAULT_SM_CONTEXT_ACCESS:
    case VTD_FAULT_SM_CONTEXT_NOT_PRESENT:
    case VTD_FAULT_SM_CONTEXT_RESERVED:
    case VTD_FAULT_SM_CONTEXT_INVALID:
    case VTD_FAULT_SM_PASIDE:
    case VTD_FAULT_SM_PASID_RANGE:
        return "context entry";
    case VTD_FAULT_PASID_DIR_ACCESS:
    case VTD_FAULT_PASID_DIR_NOT_PRESENT:
    case VTD_FAULT_PASID_DIR_RESERVED:
        return "PASID directory entry";
    case VTD_FAULT_PASID_ACCESS:
    case VTD_FAULT_PASID_NOT_PRESENT:
    case VTD_FAULT_PASID_RESERVED:
    case VTD_FAULT_PASID_INVALID:
    case VTD_FAULT_PASID_SRE:
        return "PASID table entry";
    default:
        return NULL;
    }
}

bool vtd_reason_unread(unsigned reason)
{
    switch (reason) {
    case VTD_FAULT_ROOT_ACCESS:
    case VTD_FAULT_CONTEXT_ACCESS:
    case VTD_FAULT_TABLE_ACCESS:
    case VTD_FAULT_SM_ROOT_ACCESS:
    case VTD_FAULT_SM_CONTEXT_ACCESS:
    case VTD_FAULT_PASID_DIR_ACCESS:
    case VTD_FAULT_PASID_ACCESS:
    case VTD_FAULT_FS_ACCESS:
    case VTD_FAULT_FS_TOP_ACCESS:
    case VTD_FAULT_NESTED_TABLE_ADDRESS:
    case VTD_FAULT_NESTED_TOP_READ:
    case VTD_FAULT_NESTED_TABLE_READ:
    case VTD_FAULT_SM_SS_ACCESS:
    case VTD_FAULT_SM_SS_TOP_ACCESS:
        return true;
    default:
        return false;
    }
}

const char *vtd_iqei_words(unsigned iqei)
{
    switch (iqei) {
    case VTD_IQEI_TAIL:
        return "the tail is beyond the queue";
    case VTD_IQEI_FETCH:
        return "the queue is not in memory";
    case VTD_IQEI_TYPE:
        return "a descriptor has an invalid type";
    case VTD_IQEI_RESERVED:
        return "a reserved field of a descriptor is set";
    case VTD_IQEI_WIDTH:
        return "descriptors of 256 bits are not supported";
    default:
        return "a descriptor could not be carried out";
    }
}

const VtdBitName vtd_cap_names[] = {
    { VTD_CAP_CM, "caching-mode" },
    { VTD_CAP_SAGAW_39, "39-bit" },
    { VTD_CAP_SAGAW_48, "48-bit" },
    { VTD_CAP_SAGAW_57, "57-bit" },
    { VTD_CAP_RWBF, "write-buffer-flush" },
    { VTD_CAP_SSLPS_2M, "2m-pages" },
    { VTD_CAP_SSLPS_1G, "1g-pages" },
    { VTD_CAP_PSI, "page-selective-invalidation" },
    { VTD_CAP_DWD, "write-draining" },
    { VTD_CAP_DRD, "read-draining" },
    { VTD_CAP_FS1GP, "first-stage-1g-pages" },
    { VTD_CAP_FS5LP, "first-stage-5-levels" },
    { VTD_CAP_ESRTPS, "enhanced-set-root-table-pointer" },
    { 0, NULL },
};

const VtdBitName vtd_ecap_names[] = {
    { VTD_ECAP_QI, "queued-invalidation" },
    { VTD_ECAP_DT, "device-tlb" },
    { VTD_ECAP_IR, "interrupt-remapping" },
    { VTD_ECAP_EIM, "extended-interrupt-mode" },
    { VTD_ECAP_PT, "pass-through" },
    { VTD_ECAP_SC, "snoop-control" },
    { VTD_ECAP_SMTS, "scalable-mode" },
    { VTD_ECAP_FSTS, "first-stage" },
    { VTD_ECAP_SSTS, "second-stage" },
    { VTD_ECAP_NEST, "nested" },
    { VTD_ECAP_PASID, "pasid" },
    { VTD_ECAP_SRS, "supervisor" },
    { VTD_ECAP_RPS, "rid-pasid" },
    { VTD_ECAP_SSADS, "second-stage-dirty" },
    { VTD_ECAP_EAFS, "extended-accessed" },
    { VTD_ECAP_SMPWCS, "snooped-walks" },
    { VTD_ECAP_ADMS, "abort-dma" },
    { 0, NULL },
};

const VtdBitName vtd_fsts_names[] = {
    { VTD_FSTS_PFO, "fault-overflow" },
    { VTD_FSTS_PPF, "fault-pending" },
    { VTD_FSTS_IQE, "queue-error" },
    { VTD_FSTS_ICE, "completion-error" },
    { VTD_FSTS_ITE, "timeout-error" },
    { 0, NULL },
};

const VtdBitName vtd_ss_names[] = {
    { VTD_SS_R, "read" },
    { VTD_SS_W, "write" },
    { VTD_SS_PS, "page-size" },
    { VTD_SS_A, "accessed" },
    { VTD_SS_D, "dirty" },
    { VTD_SS_SNP, "snoop" },
    { VTD_SS_TM, "transient" },
    { 0, NULL },
};

const VtdBitName vtd_fs_names[] = {
    { VTD_FS_P, "present" },
    { VTD_FS_RW, "write" },
    { VTD_FS_US, "user" },
    { VTD_FS_A, "accessed" },
    { VTD_FS_D, "dirty" },
    { VTD_FS_PS, "page-size" },
    { VTD_FS_EA, "extended-accessed" },
    { 0, NULL },
};
