/*
 * Intel IOMMU (VT-d) device: events of QMP
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns IntelIOMMUEvents: when each kind was told last, and what came since.  A
 * guest can make any number of faults, so of a kind there is one event in a
 * second at most, with the count of what it stands for.  All of it runs under
 * the big lock, but for intel_iommu_fault(), which runs in any thread.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/qapi-events-vtd.h"
#include "intel_iommu_internal.h"

/* A kind of event, and whether it is to be told when its time comes */
typedef struct IntelIOMMUTeller {
    IntelIOMMUState *s;
    QEMUTimer *timer;
    int64_t last;               /* when it was told, in ns; 0: never */
    bool wanted;
    void (*tell)(IntelIOMMUState *s);
} IntelIOMMUTeller;

typedef struct IntelIOMMUEvents {
    IntelIOMMUTeller fault, queue, refused;
    uint64_t faults;            /* atomic: since the last event */
    QEMUBH *fault_bh;
    /* The last MAP that was refused */
    char *device;
    char *id;
    uint64_t iova;
    uint64_t size;
    int error;
    const char *remedy;
    uint64_t refused_pages;
} IntelIOMMUEvents;

static void intel_iommu_teller_due(void *opaque)
{
    IntelIOMMUTeller *teller = opaque;

    if (teller->wanted) {
        teller->wanted = false;
        teller->last = get_clock();
        teller->tell(teller->s);
    }
}

/* Tell now, or when a second has passed since it was told last */
static void intel_iommu_teller_want(IntelIOMMUTeller *teller)
{
    int64_t now = get_clock();

    teller->wanted = true;
    if (!teller->last || now - teller->last >= NANOSECONDS_PER_SECOND) {
        timer_del(teller->timer);
        intel_iommu_teller_due(teller);
    } else if (!timer_pending(teller->timer)) {
        timer_mod(teller->timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + 1000);
    }
}

static void intel_iommu_teller_init(IntelIOMMUTeller *teller,
                                    IntelIOMMUState *s,
                                    void (*tell)(IntelIOMMUState *s))
{
    teller->s = s;
    teller->tell = tell;
    teller->timer = timer_new_ms(QEMU_CLOCK_REALTIME, intel_iommu_teller_due,
                                 teller);
}

/* Faults */

static void intel_iommu_tell_fault(IntelIOMMUState *s)
{
    uint64_t count = qatomic_xchg(&s->events->faults, 0);
    g_autoptr(IntelIommuFault) fault = NULL;
    VtdPastFault past;

    if (vtd_look_fault(s->vtd, 0, &past)) {
        fault = intel_iommu_qmp_fault(s, &past);
        qapi_event_send_vtd_fault(fault, count);
    }
}

static void intel_iommu_fault_bh(void *opaque)
{
    IntelIOMMUState *s = opaque;

    intel_iommu_teller_want(&s->events->fault);
}

/* Only the first since the last event has more to do than to be counted */
void intel_iommu_fault(void *opaque)
{
    IntelIOMMUState *s = opaque;

    if (!qatomic_fetch_inc(&s->events->faults)) {
        qemu_bh_schedule(s->events->fault_bh);
    }
}

/* The queue */

static void intel_iommu_tell_queue(IntelIOMMUState *s)
{
    g_autoptr(IntelIommuQueue) queue = NULL;
    VtdUnitLook look;

    vtd_look_unit(s->vtd, &look);
    queue = intel_iommu_qmp_queue(&look);
    if (queue && queue->error) {
        qapi_event_send_vtd_queue_stopped(queue);
    }
}

void intel_iommu_queue_stopped(void *opaque)
{
    IntelIOMMUState *s = opaque;

    intel_iommu_teller_want(&s->events->queue);
}

/* Mappings */

static void intel_iommu_tell_last_refused(IntelIOMMUState *s)
{
    IntelIOMMUEvents *e = s->events;

    qapi_event_send_vtd_map_refused(e->device, e->id, e->iova, e->size,
                                    strerror(-e->error), e->remedy,
                                    e->refused_pages);
}

void intel_iommu_tell_refused(IntelIOMMUState *s,
                              const IntelIOMMUSpaceInfo *space,
                              const VtdNotice *notice, int error,
                              const char *remedy)
{
    IntelIOMMUEvents *e = s->events;
    VtdSpaceLook look;

    vtd_look_space(space->vtd, &look);
    g_free(e->device);
    g_free(e->id);
    e->device = intel_iommu_sid_name(space->sid);
    e->id = g_strdup(intel_iommu_device_id(space->dev));
    e->iova = notice->first;
    e->size = notice->last - notice->first + 1;
    e->error = error;
    e->remedy = remedy;
    e->refused_pages = look.refused_pages;
    intel_iommu_teller_want(&e->refused);
}

void intel_iommu_over_limit(void *opaque)
{
    IntelIOMMUState *s = opaque;

    warn_report("intel-iommu: the guest maps more than max-mappings=%" PRIu64
                " pages for a device; the device cannot reach the rest",
                s->max_mappings);
    qapi_event_send_vtd_limit_reached(s->max_mappings);
}

void intel_iommu_init_events(IntelIOMMUState *s)
{
    IntelIOMMUEvents *e = g_new0(IntelIOMMUEvents, 1);

    s->events = e;
    e->fault_bh = qemu_bh_new(intel_iommu_fault_bh, s);
    intel_iommu_teller_init(&e->fault, s, intel_iommu_tell_fault);
    intel_iommu_teller_init(&e->queue, s, intel_iommu_tell_queue);
    intel_iommu_teller_init(&e->refused, s, intel_iommu_tell_last_refused);
}
