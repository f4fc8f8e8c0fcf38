/*
 * Intel VT-d engine: context and PASID entries of scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the way from the root table to a PASID table entry, its checks in the
 * order of 2.4, and the decoding of that entry into VtdContext (2.2).  Runs in
 * any thread and holds no lock: each entry is read once.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

#define QWORDS(bytes)           ((bytes) / sizeof(uint64_t))

/* The steps of the way, and the reasons of what can go wrong in each */
typedef struct VtdPasidStep {
    VtdStepKind kind;
    uint8_t access, not_present, reserved;
} VtdPasidStep;

static const VtdPasidStep vtd_step_root = {
    VTD_STEP_ROOT,
    VTD_FAULT_SM_ROOT_ACCESS, VTD_FAULT_SM_ROOT_NOT_PRESENT,
    VTD_FAULT_SM_ROOT_RESERVED,
};
static const VtdPasidStep vtd_step_context = {
    VTD_STEP_CONTEXT,
    VTD_FAULT_SM_CONTEXT_ACCESS, VTD_FAULT_SM_CONTEXT_NOT_PRESENT,
    VTD_FAULT_SM_CONTEXT_RESERVED,
};
static const VtdPasidStep vtd_step_directory = {
    VTD_STEP_PASID_DIRECTORY,
    VTD_FAULT_PASID_DIR_ACCESS, VTD_FAULT_PASID_DIR_NOT_PRESENT,
    VTD_FAULT_PASID_DIR_RESERVED,
};
static const VtdPasidStep vtd_step_pasid = {
    VTD_STEP_PASID,
    VTD_FAULT_PASID_ACCESS, VTD_FAULT_PASID_NOT_PRESENT,
    VTD_FAULT_PASID_RESERVED,
};

static bool vtd_pasid_fault(VtdFault *fault, VtdReason reason)
{
    fault->reason = reason;
    return false;
}

/*
 * Read an entry of @n qwords, of which those beyond @known are reserved; of
 * the others the bits in @reserved are.  A root entry has no FPD.
 */
static bool vtd_pasid_step(Vtd *v, const VtdPasidStep *step, uint64_t gpa,
                           uint64_t *entry, unsigned n,
                           const uint64_t *reserved, unsigned known,
                           VtdFault *fault)
{
    uint64_t bad = 0;

    if (!v->ops->read(v->opaque, gpa, entry, n * sizeof(uint64_t))) {
        vtd_note(fault, step->kind, gpa, NULL, n);
        return vtd_pasid_fault(fault, step->access);
    }
    for (unsigned i = 0; i < n; i++) {
        entry[i] = GUINT64_FROM_LE(entry[i]);
        bad |= entry[i] & (i < known ? reserved[i] : ~0ull);
    }
    vtd_note(fault, step->kind, gpa, entry, n);
    fault->lo = entry[0];
    fault->hi = n > 1 ? entry[1] : 0;
    fault->fpd |= step != &vtd_step_root && (entry[0] & VTD_CONTEXT_FPD);
    if (!(entry[0] & VTD_CONTEXT_P)) {
        return vtd_pasid_fault(fault, step->not_present);
    }
    return !bad || vtd_pasid_fault(fault, step->reserved);
}

/* The address bits that no pointer may have */
static uint64_t vtd_pointer_reserved(const Vtd *v)
{
    return VTD_PAGE_MASK & ~v->haw_mask;
}

static bool vtd_pasid_root(Vtd *v, uint64_t root, uint16_t sid,
                           uint64_t *contexts, VtdFault *fault)
{
    uint64_t reserved = VTD_ROOT_LO_RESERVED | vtd_pointer_reserved(v);
    uint64_t half = root + (sid >> 8) * 16 + (sid & 0x80 ? 8 : 0);
    uint64_t entry;

    if (!vtd_pasid_step(v, &vtd_step_root, half, &entry, 1, &reserved, 1,
                        fault)) {
        return false;
    }
    *contexts = entry & VTD_PAGE_MASK;
    return true;
}

static bool vtd_pasid_context(Vtd *v, uint64_t contexts, uint16_t sid,
                              uint64_t *entry, VtdFault *fault)
{
    const uint64_t reserved[2] = {
        VTD_SM_CONTEXT_LO_RESERVED | vtd_pointer_reserved(v) |
        VTD_SM_CONTEXT_PRE |
        (v->config.device_iotlb ? 0 : VTD_SM_CONTEXT_DTE) |
        (v->config.pasid_bits ? 0 : VTD_SM_CONTEXT_PASIDE),
        VTD_SM_CONTEXT_HI_RESERVED |
        (v->config.rid_pasid ? 0 : VTD_SM_CONTEXT_RID_PASID_MASK),
    };

    return vtd_pasid_step(v, &vtd_step_context,
                          contexts + (sid & 0x7f) * VTD_SM_CONTEXT_BYTES,
                          entry, QWORDS(VTD_SM_CONTEXT_BYTES), reserved,
                          G_N_ELEMENTS(reserved), fault);
}

/* Which PASID table entry translates a request (2.3) */
static bool vtd_pasid_of_request(const VtdRequest *request,
                                 const uint64_t *context, uint32_t *pasid,
                                 VtdFault *fault)
{
    uint32_t end = 1u << (VTD_SM_CONTEXT_PDTS(context[0]) + 13);

    if (request->pasid == VTD_NO_PASID) {
        *pasid = VTD_SM_CONTEXT_RID_PASID(context[1]);
        return *pasid < end ||
               vtd_pasid_fault(fault, VTD_FAULT_SM_CONTEXT_INVALID);
    }
    *pasid = request->pasid;
    if (!(context[0] & VTD_SM_CONTEXT_PASIDE)) {
        return vtd_pasid_fault(fault, VTD_FAULT_SM_PASIDE);
    }
    return *pasid < end || vtd_pasid_fault(fault, VTD_FAULT_SM_PASID_RANGE);
}

static bool vtd_pasid_entry(Vtd *v, uint64_t directory, uint32_t pasid,
                            uint64_t *entry, VtdFault *fault)
{
    const VtdConfig *config = &v->config;
    const uint64_t directory_reserved = VTD_PASID_DIR_LO_RESERVED |
                                        vtd_pointer_reserved(v);
    const uint64_t reserved[3] = {
        VTD_PASID_0_RESERVED | vtd_pointer_reserved(v) |
        (config->ss_dirty ? 0 : VTD_PASID_SSADE),
        VTD_PASID_1_RESERVED |
        (config->snooped_walks ? 0 : VTD_PASID_PWSNP) |
        (config->snoop_control ? 0 : VTD_PASID_PGSNP),
        VTD_PASID_2_RESERVED | vtd_pointer_reserved(v) |
        (config->supervisor ? 0 : VTD_PASID_SRE) |
        (config->extended_accessed ? 0 : VTD_PASID_EAFE),
    };
    uint64_t gpa = directory + VTD_PASID_DIR_INDEX(pasid) * sizeof(gpa);
    uint64_t table;

    if (!vtd_pasid_step(v, &vtd_step_directory, gpa, &table, 1,
                        &directory_reserved, 1, fault)) {
        return false;
    }
    gpa = (table & VTD_PAGE_MASK) + VTD_PASID_INDEX(pasid) * VTD_PASID_BYTES;
    return vtd_pasid_step(v, &vtd_step_pasid, gpa, entry,
                          QWORDS(VTD_PASID_BYTES), reserved,
                          G_N_ELEMENTS(reserved), fault);
}

/* The first stage of @entry goes to @tables; false if it is none */
static bool vtd_pasid_first(Vtd *v, const uint64_t *entry, bool supervisor,
                            VtdTables *tables)
{
    unsigned fspm = VTD_PASID_FSPM(entry[2]);

    if (fspm > (v->cap & VTD_CAP_FS5LP ? VTD_FSPM_5_LEVELS
                                       : VTD_FSPM_4_LEVELS)) {
        return false;
    }
    tables->top = entry[2] & VTD_PAGE_MASK;
    tables->levels = fspm + 4;
    tables->first = true;
    tables->supervisor = supervisor;
    tables->format = &v->first[!supervisor ? VTD_FIRST_USER :
                               entry[2] & VTD_PASID_WPE ? VTD_FIRST_WPE
                                                        : VTD_FIRST_ALL];
    tables->accessed = VTD_FS_A |
                       (entry[2] & VTD_PASID_EAFE ? VTD_FS_EA : 0);
    tables->dirty = VTD_FS_D;
    return true;
}

/* Whether the second stage of @entry has a width that the unit has */
static bool vtd_pasid_second(const Vtd *v, const uint64_t *entry)
{
    return v->cap & VTD_CAP_SAGAW_OF(VTD_PASID_AW(entry[0]));
}

static bool vtd_pasid_decode(Vtd *v, const uint64_t *entry, bool supervisor,
                             VtdContext *context)
{
    VtdTables *tables = &context->tables;
    uint64_t second_top = entry[0] & VTD_PAGE_MASK;
    unsigned second_levels = VTD_PASID_AW(entry[0]) + 2;
    bool second_dirty = entry[0] & VTD_PASID_SSADE;

    /*
     * Where no snooped walks are offered, PWSNP must be 0, and entries are
     * marked all the same: memory is coherent here.
     */
    tables->marks_snooped = !v->config.snooped_walks ||
                            (entry[1] & VTD_PASID_PWSNP);
    switch (VTD_PASID_PGTT(entry[0])) {
    case VTD_PGTT_FIRST:
        return v->config.first_stage &&
               vtd_pasid_first(v, entry, supervisor, tables);
    case VTD_PGTT_SECOND:
        tables->top = second_top;
        tables->levels = second_levels;
        tables->format = &v->second;
        tables->accessed = second_dirty ? VTD_SS_A : 0;
        tables->dirty = second_dirty ? VTD_SS_D : 0;
        return v->config.second_stage && vtd_pasid_second(v, entry);
    case VTD_PGTT_NESTED:
        tables->second_top = second_top;
        tables->second_levels = second_levels;
        tables->second_dirty = second_dirty;
        return v->config.nested && vtd_pasid_second(v, entry) &&
               vtd_pasid_first(v, entry, supervisor, tables);
    case VTD_PGTT_PASS_THROUGH:
        context->pass_through = true;
        return v->config.pass_through;
    default:
        return false;
    }
}

bool vtd_pasid_read(Vtd *v, uint64_t root, const VtdRequest *request,
                    VtdContext *context, VtdFault *fault)
{
    uint64_t contexts, sm_context[QWORDS(VTD_SM_CONTEXT_BYTES)];
    uint64_t entry[QWORDS(VTD_PASID_BYTES)];
    uint32_t pasid;

    fault->fpd = false;
    if (!vtd_pasid_root(v, root, request->sid, &contexts, fault) ||
        !vtd_pasid_context(v, contexts, request->sid, sm_context, fault) ||
        !vtd_pasid_of_request(request, sm_context, &pasid, fault) ||
        !vtd_pasid_entry(v, sm_context[0] & VTD_PAGE_MASK, pasid, entry,
                         fault)) {
        return false;
    }
    *context = (VtdContext) {
        .request = *request,
        .scalable = true,
        .fpd = fault->fpd,
        .lo = entry[0],
        .hi = entry[1],
        .tables = { .did = VTD_PASID_DID(entry[1]), .pasid = pasid },
    };
    if (!vtd_pasid_decode(v, entry, request->supervisor, context)) {
        return vtd_pasid_fault(fault, VTD_FAULT_PASID_INVALID);
    }
    if (request->supervisor && !(entry[2] & VTD_PASID_SRE)) {
        return vtd_pasid_fault(fault, VTD_FAULT_PASID_SRE);
    }
    return true;
}
