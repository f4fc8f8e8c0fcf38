/*
 * Intel IOMMU (VT-d) device: lines on the guest's mistakes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns IntelIOMMULog: lines of threads without the big lock, which wait for it,
 * since devices have their ids under it.  There are few: the engine counts what
 * is more, until it is called back under the big lock as well.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "intel_iommu_internal.h"

typedef struct IntelIOMMULine {
    bool first;
    uint32_t sid;
    char *text;
} IntelIOMMULine;

typedef struct IntelIOMMULog {
    QemuMutex lock;
    GQueue waiting;             /* lock: IntelIOMMULine */
    QEMUBH *bh;
    QEMUTimer *timer;
} IntelIOMMULog;

/*
 * The first line of each cause goes to stderr, so that every user sees it;
 * the others are for -d guest_errors.
 */
static void intel_iommu_print(IntelIOMMUState *s, bool first, uint32_t sid,
                              const char *text)
{
    const char *id = sid == VTD_LOG_NO_SID ? NULL
                                           : intel_iommu_sid_id(s, sid);
    g_autofree char *line = id ? g_strdup_printf("%s, device id '%s'", text, id)
                               : g_strdup(text);

    if (first) {
        error_report("%s", line);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "%s\n", line);
    }
}

static IntelIOMMULine *intel_iommu_log_pop(IntelIOMMULog *log)
{
    QEMU_LOCK_GUARD(&log->lock);
    return g_queue_pop_head(&log->waiting);
}

static void intel_iommu_log_bh(void *opaque)
{
    IntelIOMMUState *s = opaque;
    IntelIOMMULine *line;

    while ((line = intel_iommu_log_pop(s->log))) {
        intel_iommu_print(s, line->first, line->sid, line->text);
        g_free(line->text);
        g_free(line);
    }
}

void intel_iommu_log(void *opaque, bool first, uint32_t sid, const char *text)
{
    IntelIOMMUState *s = opaque;
    IntelIOMMULine *line;

    if (bql_locked()) {
        intel_iommu_print(s, first, sid, text);
        return;
    }
    line = g_new(IntelIOMMULine, 1);
    *line = (IntelIOMMULine) { first, sid, g_strdup(text) };
    WITH_QEMU_LOCK_GUARD(&s->log->lock) {
        g_queue_push_tail(&s->log->waiting, line);
    }
    qemu_bh_schedule(s->log->bh);
}

bool intel_iommu_log_more(void *opaque)
{
    return qemu_loglevel_mask(LOG_GUEST_ERROR);
}

static void intel_iommu_log_held(void *opaque)
{
    IntelIOMMUState *s = opaque;

    vtd_log_held(s->vtd);
}

void intel_iommu_log_later(void *opaque)
{
    IntelIOMMUState *s = opaque;

    timer_mod(s->log->timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + 1000);
}

void intel_iommu_init_log(IntelIOMMUState *s)
{
    s->log = g_new0(IntelIOMMULog, 1);
    qemu_mutex_init(&s->log->lock);
    g_queue_init(&s->log->waiting);
    s->log->bh = qemu_bh_new(intel_iommu_log_bh, s);
    s->log->timer = timer_new_ms(QEMU_CLOCK_REALTIME, intel_iommu_log_held, s);
}
