/*
 * Intel IOMMU (VT-d) device: what monitors ask for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the QMP commands x-query-vtd and x-vtd-explain: what the engine tells
 * (vtd/look.h) in the types of qapi/vtd.json, with devices by name.  All of it
 * runs under the big lock.  A look at ranges lets go of that between pieces:
 * the guest goes on meanwhile, so all else is found anew after each.
 */

#include "qemu/osdep.h"
#include "qemu/coroutine.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-vtd.h"
#include "qapi/qapi-visit-vtd.h"
#include "qapi/qobject-input-visitor.h"
#include "hw/pci/pci_device.h"
#include "qobject/qdict.h"
#include "intel_iommu_internal.h"
#include "vtd/trace.h"
#include "vtd/words.h"

/* Each range is some microseconds of work, until it is JSON */
#define RANGES_MAX              32
/* For how long others have the big lock between two pieces */
#define PAUSE_NS                (100 * 1000)

IntelIOMMUState *intel_iommu_find(Error **errp)
{
    X86IOMMUState *iommu = x86_iommu_get_default();
    Object *unit = iommu ? object_dynamic_cast(OBJECT(iommu),
                                               TYPE_INTEL_IOMMU_DEVICE) : NULL;

    if (!unit) {
        error_setg(errp, "this machine has no intel-iommu");
        return NULL;
    }
    return INTEL_IOMMU_DEVICE(unit);
}

char *intel_iommu_sid_name(uint16_t sid)
{
    return g_strdup_printf("%02x:%02x.%x", PCI_BUS_NUM(sid), PCI_SLOT(sid),
                           PCI_FUNC(sid));
}

const char *intel_iommu_device_id(PCIDevice *dev)
{
    return dev ? DEVICE(dev)->id : NULL;
}

const char *intel_iommu_sid_id(IntelIOMMUState *s, uint16_t sid)
{
    g_autoptr(GArray) list = intel_iommu_list_spaces(s);
    const char *id = NULL;

    for (unsigned i = 0; i < list->len && !id; i++) {
        IntelIOMMUSpaceInfo *info = &g_array_index(list, IntelIOMMUSpaceInfo,
                                                   i);

        if (info->sid == sid) {
            id = intel_iommu_device_id(info->dev);
        }
    }
    return id;
}

/* A device by id or QOM path, or NULL */
static PCIDevice *intel_iommu_find_device(const char *name)
{
    PCIDevice *dev = NULL;

    if (name[0] != '/') {
        /* Part of a path would be looked for in all of QOM, which takes long */
        pci_qdev_find_device(name, &dev);
        return dev;
    }
    return (PCIDevice *)object_dynamic_cast(object_resolve_path(name, NULL),
                                            TYPE_PCI_DEVICE);
}

/* The space of a device by id, QOM path or bus:slot.function */
static bool intel_iommu_find_space(IntelIOMMUState *s, const char *name,
                                   IntelIOMMUSpaceInfo *found, Error **errp)
{
    g_autoptr(GArray) list = intel_iommu_list_spaces(s);
    PCIDevice *dev = intel_iommu_find_device(name);
    AddressSpace *as = dev ? pci_device_iommu_address_space(dev) : NULL;

    for (unsigned i = 0; i < list->len; i++) {
        IntelIOMMUSpaceInfo *info = &g_array_index(list, IntelIOMMUSpaceInfo,
                                                   i);
        g_autofree char *at = intel_iommu_sid_name(info->sid);

        if (as ? info->as == as : info->dev && !strcmp(at, name)) {
            *found = *info;
            return true;
        }
    }
    error_setg(errp, "no device '%s' behind the intel-iommu: give its id, its "
               "QOM path, or bus:slot.function, such as 00:03.0", name);
    return false;
}

/* The names of all bits that are set */
static strList *intel_iommu_names(uint64_t value, const VtdBitName *names)
{
    strList *list = NULL, **tail = &list;

    for (; names->name; names++) {
        if ((value & names->bits) == names->bits) {
            QAPI_LIST_APPEND(tail, g_strdup(names->name));
        }
    }
    return list;
}

/* Units */

IntelIommuQueue *intel_iommu_qmp_queue(const VtdUnitLook *look)
{
    IntelIommuQueue *queue;

    if (!look->queue_entries) {
        return NULL;
    }
    queue = g_new0(IntelIommuQueue, 1);
    queue->address = look->queue_base;
    queue->entries = look->queue_entries;
    queue->head = look->queue_head;
    queue->tail = look->queue_tail;
    if (look->fsts & VTD_FSTS_IQE) {
        queue->error = g_strdup(vtd_iqei_words(look->iqei));
    }
    return queue;
}

static IntelIommuUnit *intel_iommu_qmp_unit(IntelIOMMUState *s)
{
    IntelIommuUnit *unit = g_new0(IntelIommuUnit, 1);
    strList **tail;
    VtdUnitLook look;

    vtd_look_unit(s->vtd, &look);
    unit->qom_path = object_get_canonical_path(OBJECT(s));
    unit->translation = look.gsts & VTD_GCMD_TE;
    unit->mode = VTD_RTADDR_TTM(look.rtaddr);
    unit->root_table = look.rtaddr & VTD_PAGE_MASK;
    unit->interrupt_remapping = look.gsts & VTD_GCMD_IRE;
    unit->interrupt_table = look.irta & VTD_PAGE_MASK;
    unit->interrupt_entries = unit->interrupt_remapping
                              ? VTD_IRTA_ENTRIES(look.irta) : 0;
    unit->x2apic = look.irta & VTD_IRTA_EIME;
    unit->aw_bits = look.aw_bits;
    unit->physical_bits = look.haw_bits;
    unit->cap = look.cap;
    unit->ecap = look.ecap;
    unit->capabilities = intel_iommu_names(look.cap, vtd_cap_names);
    tail = &unit->capabilities;
    while (*tail) {
        tail = &(*tail)->next;
    }
    *tail = intel_iommu_names(look.ecap, vtd_ecap_names);
    unit->fault_status = intel_iommu_names(look.fsts, vtd_fsts_names);
    unit->queue = intel_iommu_qmp_queue(&look);
    unit->pending = look.pending;
    unit->caches = g_new0(IntelIommuCaches, 1);
    unit->caches->contexts = look.contexts;
    unit->caches->iotlb = look.iotlb_used;
    unit->caches->iotlb_size = look.iotlb_size;
    unit->caches->interrupts = look.iec_used;
    unit->caches->interrupts_size = look.iec_size;
    return unit;
}

/* By name, so that a counter that the schema lacks is an error */
static IntelIommuStats *intel_iommu_qmp_stats(IntelIOMMUState *s, Error **errp)
{
    IntelIommuStats *stats = NULL;
    QDict *dict = qdict_new();
    Visitor *v;

    for (VtdStat stat = 0; stat < VTD_STAT_COUNT; stat++) {
        qdict_put_int(dict, vtd_stat_name(stat), vtd_stat(s->vtd, stat));
    }
    v = qobject_input_visitor_new(QOBJECT(dict));
    visit_type_IntelIommuStats(v, NULL, &stats, errp);
    visit_free(v);
    qobject_unref(dict);
    return stats;
}

/* Spaces */

static IntelIommuListenerList *
intel_iommu_qmp_listeners(const IntelIOMMUSpaceInfo *info)
{
    IntelIommuListenerList *list = NULL, **tail = &list;

    if (info->map) {
        QAPI_LIST_APPEND(tail, INTEL_IOMMU_LISTENER_MAP);
    }
    if (info->cache) {
        QAPI_LIST_APPEND(tail, INTEL_IOMMU_LISTENER_CACHE);
    }
    if (info->device_tlb) {
        QAPI_LIST_APPEND(tail, INTEL_IOMMU_LISTENER_DEVICE_TLB);
    }
    return list;
}

static IntelIommuSpace *intel_iommu_qmp_space(const IntelIOMMUSpaceInfo *info)
{
    static const IntelIommuView views[] = {
        [VTD_VIEW_DIRECT] = INTEL_IOMMU_VIEW_DIRECT,
        [VTD_VIEW_PASS_THROUGH] = INTEL_IOMMU_VIEW_PASS_THROUGH,
        [VTD_VIEW_TRANSLATED] = INTEL_IOMMU_VIEW_TRANSLATED,
    };
    IntelIommuSpace *space = g_new0(IntelIommuSpace, 1);
    VtdSpaceLook look;

    vtd_look_space(info->vtd, &look);
    space->device = intel_iommu_sid_name(info->sid);
    space->id = g_strdup(intel_iommu_device_id(info->dev));
    space->qom_path = object_get_canonical_path(OBJECT(info->dev));
    space->view = views[look.view];
    if (look.reason) {
        space->fault = g_strdup(vtd_reason_words(look.reason));
    }
    space->has_domain = look.context;
    space->domain = look.did;
    space->has_page_table = space->has_levels = look.levels;
    space->page_table = look.top;
    space->levels = look.levels;
    space->has_stage = look.levels;
    space->stage = look.nested ? INTEL_IOMMU_STAGE_NESTED :
                   look.first ? INTEL_IOMMU_STAGE_FIRST
                              : INTEL_IOMMU_STAGE_SECOND;
    space->faults_hidden = look.fpd;
    space->listeners = intel_iommu_qmp_listeners(info);
    space->iotlb_hits = look.hits;
    space->iotlb_misses = look.misses;
    space->faults = look.faults;
    space->maps = look.maps;
    space->unmaps = look.unmaps;
    space->pending = look.pending;
    space->limited = look.limited;
    space->has_sharers = space->has_mapped_pages =
        space->has_refused_pages = look.sharers;
    space->sharers = look.sharers;
    space->mapped_pages = look.pages;
    space->refused_pages = look.refused_pages;
    return space;
}

static IntelIommuRangeList *intel_iommu_qmp_ranges(const GArray *ranges)
{
    IntelIommuRangeList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < ranges->len; i++) {
        const VtdMapped *mapped = &g_array_index(ranges, VtdMapped, i);
        IntelIommuRange *range = g_new0(IntelIommuRange, 1);

        range->iova = mapped->first;
        range->size = mapped->last - mapped->first + 1;
        range->gpa = mapped->addr;
        range->contiguous = mapped->straight;
        range->read = mapped->read;
        range->write = mapped->write;
        QAPI_LIST_APPEND(tail, range);
    }
    return list;
}

/* Refused ranges up to the end of the ranges that are shown */
static IntelIommuRefusedList *
intel_iommu_qmp_refused(VtdSpace *space, uint64_t first, uint64_t last,
                        unsigned limit, bool *more, uint64_t *next)
{
    IntelIommuRefusedList *list = NULL, **tail = &list;
    uint64_t from = first, to = last;

    for (unsigned n = 0; vtd_look_refused(space, &from, &to); n++) {
        IntelIommuRefused *refused;

        if (n == limit) {
            *more = true;
            *next = from;
            break;
        }
        refused = g_new0(IntelIommuRefused, 1);
        refused->iova = from;
        refused->size = to - from + 1;
        QAPI_LIST_APPEND(tail, refused);
        if (to == last) {
            break;
        }
        from = to + 1;
        to = last;
    }
    return list;
}

/* For a trace alone: the time that this thread has run, in ns */
static int64_t intel_iommu_thread_time(void)
{
    struct timespec now = { 0 };

#ifdef CLOCK_THREAD_CPUTIME_ID
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
#endif
    return now.tv_sec * NANOSECONDS_PER_SECOND + now.tv_nsec;
}

/* One piece of a look; all of it is done under the big lock */
static void intel_iommu_look_piece(VtdSpace *space, VtdMappedLook *look)
{
    bool traced = trace_event_get_state_backends(TRACE_VTD_QUERY_PIECE);
    int64_t begin = traced ? intel_iommu_thread_time() : 0;

    RCU_READ_LOCK_GUARD();
    vtd_look_mapped(space, look);
    if (traced) {
        trace_vtd_query_piece(look->next, look->ranges->len,
                              intel_iommu_thread_time() - begin);
    }
}

/*
 * The space of a device with its ranges.  Out of a coroutine there is time for
 * one piece; the next one is where the answer says.
 */
static IntelIommuSpace *
intel_iommu_qmp_device(IntelIOMMUState *s, const char *device, uint64_t first,
                       uint64_t last, unsigned limit, Error **errp)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(VtdMapped));
    VtdMappedLook look = {
        .next = first, .last = last, .limit = limit, .ranges = ranges,
    };
    IntelIommuSpace *space;
    IntelIOMMUSpaceInfo info;
    uint64_t end;

    for (;;) {
        if (!intel_iommu_find_space(s, device, &info, errp)) {
            return NULL;
        }
        intel_iommu_look_piece(info.vtd, &look);
        if (look.done || !qemu_in_coroutine()) {
            break;
        }
        qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, PAUSE_NS);
    }

    RCU_READ_LOCK_GUARD();
    space = intel_iommu_qmp_space(&info);
    space->has_ranges = space->has_refused = true;
    space->ranges = intel_iommu_qmp_ranges(ranges);
    space->has_next = look.more || !look.done;
    space->next = look.next;
    end = space->has_next ? look.next - 1 : last;
    if (first <= end) {
        space->refused = intel_iommu_qmp_refused(info.vtd, first, end, limit,
                                                 &space->has_next,
                                                 &space->next);
    }
    return space;
}

static IntelIommuSpaceList *intel_iommu_qmp_spaces(IntelIOMMUState *s)
{
    g_autoptr(GArray) list = intel_iommu_list_spaces(s);
    IntelIommuSpaceList *spaces = NULL, **tail = &spaces;

    for (unsigned i = 0; i < list->len; i++) {
        IntelIOMMUSpaceInfo *info = &g_array_index(list, IntelIOMMUSpaceInfo,
                                                   i);

        if (info->dev) {
            QAPI_LIST_APPEND(tail, intel_iommu_qmp_space(info));
        }
    }
    return spaces;
}

/* Faults */

IntelIommuFault *intel_iommu_qmp_fault(IntelIOMMUState *s,
                                       const VtdPastFault *past)
{
    IntelIommuFault *fault = g_new0(IntelIommuFault, 1);
    int64_t time = g_get_real_time() - (get_clock() - past->time) / 1000;

    fault->device = intel_iommu_sid_name(past->sid);
    fault->id = g_strdup(intel_iommu_sid_id(s, past->sid));
    fault->has_pasid = past->pasid != VTD_NO_PASID;
    fault->pasid = past->pasid;
    fault->reason = past->reason;
    fault->words = g_strdup(vtd_reason_words(past->reason));
    fault->access = past->read && !past->interrupt ? INTEL_IOMMU_ACCESS_READ
                                                   : INTEL_IOMMU_ACCESS_WRITE;
    fault->address = past->addr;
    fault->has_index = past->interrupt;
    fault->index = past->index;
    fault->has_level = fault->has_entry = past->level;
    fault->level = past->level;
    fault->entry = past->entry;
    fault->hidden = past->hidden;
    fault->count = past->count;
    fault->seconds = time / G_USEC_PER_SEC;
    fault->microseconds = time % G_USEC_PER_SEC;
    return fault;
}

static IntelIommuFaultList *intel_iommu_qmp_faults(IntelIOMMUState *s)
{
    IntelIommuFaultList *list = NULL, **tail = &list;
    VtdPastFault past;

    for (unsigned i = 0; vtd_look_fault(s->vtd, i, &past); i++) {
        QAPI_LIST_APPEND(tail, intel_iommu_qmp_fault(s, &past));
    }
    return list;
}

IntelIommuInfo *intel_iommu_query(const char *device, uint64_t first,
                                  uint64_t last, uint32_t limit, Error **errp)
{
    IntelIOMMUState *s = intel_iommu_find(errp);
    g_autoptr(IntelIommuInfo) info = g_new0(IntelIommuInfo, 1);
    IntelIommuSpace *space;

    if (!s) {
        return NULL;
    }
    if (!limit || limit > RANGES_MAX) {
        error_setg(errp, "limit is to be from 1 to %u", RANGES_MAX);
        return NULL;
    }
    if (device) {
        space = intel_iommu_qmp_device(s, device, first, last, limit, errp);
        if (!space) {
            return NULL;
        }
        QAPI_LIST_PREPEND(info->spaces, space);
    }

    RCU_READ_LOCK_GUARD();
    if (!device) {
        info->spaces = intel_iommu_qmp_spaces(s);
    }
    info->unit = intel_iommu_qmp_unit(s);
    info->faults = intel_iommu_qmp_faults(s);
    info->stats = intel_iommu_qmp_stats(s, errp);
    return info->stats ? g_steal_pointer(&info) : NULL;
}

IntelIommuInfo *coroutine_fn
qmp_x_query_vtd(const char *device, bool has_first, uint64_t first,
                bool has_last, uint64_t last, bool has_limit, uint32_t limit,
                Error **errp)
{
    if (!device && !intel_iommu_find(NULL)) {
        return g_new0(IntelIommuInfo, 1);
    }
    return intel_iommu_query(device, has_first ? first : 0,
                             has_last ? last : UINT64_MAX,
                             has_limit ? limit : RANGES_MAX, errp);
}

/* Explained */

static IntelIommuStep *intel_iommu_qmp_step(const VtdStep *from)
{
    static const VtdBitName present[] = {
        { VTD_CONTEXT_P, "present" },
        { 0, NULL },
    };
    static const VtdBitName faults[] = {
        { VTD_CONTEXT_P, "present" },
        { VTD_CONTEXT_FPD, "faults-hidden" },
        { 0, NULL },
    };
    static const struct {
        IntelIommuEntry entry;
        const VtdBitName *names;
    } kinds[] = {
        [VTD_STEP_ROOT] = { INTEL_IOMMU_ENTRY_ROOT, present },
        [VTD_STEP_CONTEXT] = { INTEL_IOMMU_ENTRY_CONTEXT, faults },
        [VTD_STEP_PASID_DIRECTORY] = { INTEL_IOMMU_ENTRY_PASID_DIRECTORY,
                                       faults },
        [VTD_STEP_PASID] = { INTEL_IOMMU_ENTRY_PASID, faults },
        [VTD_STEP_PAGE] = { INTEL_IOMMU_ENTRY_PAGE, NULL },
    };
    IntelIommuStep *step = g_new0(IntelIommuStep, 1);

    step->entry = kinds[from->kind].entry;
    step->has_level = from->level;
    step->level = from->level;
    step->has_stage = from->level;
    step->stage = from->first ? INTEL_IOMMU_STAGE_FIRST
                              : INTEL_IOMMU_STAGE_SECOND;
    step->address = from->addr;
    step->has_low = from->readable;
    step->low = from->lo;
    step->has_high = from->readable && from->wide;
    step->high = from->hi;
    if (from->kind != VTD_STEP_PAGE) {
        step->bits = intel_iommu_names(from->lo, kinds[from->kind].names);
    } else {
        step->bits = intel_iommu_names(from->lo, from->first ? vtd_fs_names
                                                             : vtd_ss_names);
    }
    return step;
}

static IntelIommuTranslation *
intel_iommu_qmp_translation(const VtdTranslation *from)
{
    IntelIommuTranslation *to = g_new0(IntelIommuTranslation, 1);

    to->iova = from->iova;
    to->size = from->mask + 1;
    to->gpa = from->addr;
    to->read = from->read;
    to->write = from->write;
    return to;
}

static char *intel_iommu_verdict(const VtdExplained *e, uint64_t iova,
                                 VtdAccess access)
{
    uint64_t to = e->out.addr + (iova - e->out.iova);
    const VtdStep *last = e->steps ? &e->step[e->steps - 1] : NULL;

    if (!e->translating) {
        return g_strdup("passes as it is: translation is off");
    }
    if (e->interrupt) {
        return g_strdup(access == VTD_ACCESS_WRITE
                        ? "is an interrupt request, no access to memory"
                        : "is aborted: a read of the interrupt range");
    }
    if (e->reason && last && last->level) {
        return g_strdup_printf("is blocked, reason 0x%x: %s, at level %u%s",
                               e->reason, vtd_reason_words(e->reason),
                               last->level,
                               !e->nested ? "" :
                               last->first ? " of the first stage"
                                           : " of the second stage");
    }
    if (e->reason) {
        return g_strdup_printf("is blocked, reason 0x%x: %s", e->reason,
                               vtd_reason_words(e->reason));
    }
    return g_strdup_printf("goes to 0x%" PRIx64 "%s", to,
                           e->pass_through ? ", as it is: pass-through" : "");
}

IntelIommuExplanation *qmp_x_vtd_explain(const char *device, uint64_t iova,
                                         bool has_access,
                                         IntelIommuAccess access,
                                         bool has_pasid, uint32_t pasid,
                                         Error **errp)
{
    VtdAccess wanted = has_access && access == INTEL_IOMMU_ACCESS_WRITE
                       ? VTD_ACCESS_WRITE : VTD_ACCESS_READ;
    IntelIOMMUState *s = intel_iommu_find(errp);
    IntelIommuExplanation *out;
    IntelIommuStepList **tail;
    IntelIOMMUSpaceInfo info;
    VtdExplained e;

    if (!s || !intel_iommu_find_space(s, device, &info, errp)) {
        return NULL;
    }
    if (has_pasid && pasid >= 1u << 20) {
        error_setg(errp, "a PASID has 20 bits");
        return NULL;
    }

    RCU_READ_LOCK_GUARD();
    vtd_explain(info.vtd, has_pasid ? pasid : VTD_NO_PASID, iova, wanted, &e);
    out = g_new0(IntelIommuExplanation, 1);
    out->device = intel_iommu_sid_name(info.sid);
    out->id = g_strdup(intel_iommu_device_id(info.dev));
    out->verdict = intel_iommu_verdict(&e, iova, wanted);
    out->reason = e.reason;
    out->has_domain = e.steps && (e.pass_through || e.did);
    out->domain = e.did;
    tail = &out->steps;
    for (unsigned i = 0; i < e.steps; i++) {
        QAPI_LIST_APPEND(tail, intel_iommu_qmp_step(&e.step[i]));
    }
    if (e.translating && !e.interrupt && !e.reason) {
        out->translation = intel_iommu_qmp_translation(&e.out);
    }
    out->context_cached = e.context_cached;
    out->context_stale = e.context_stale;
    if (e.iotlb_cached) {
        out->iotlb = intel_iommu_qmp_translation(&e.iotlb);
    }
    out->iotlb_stale = e.iotlb_stale;
    out->table_stale = e.table_stale;
    out->followed = e.shadowed;
    if (e.seen) {
        out->mapped = intel_iommu_qmp_translation(&e.shadow);
    }
    out->mapped_stale = e.shadow_stale;
    out->refused = e.refused;
    return out;
}
