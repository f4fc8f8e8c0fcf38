/*
 * Intel IOMMU (VT-d) device: what a person is told who asks
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns "info vtd" of the human monitor: what x-query-vtd returns as tables of
 * 80 columns.  All of it runs under the big lock.
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "qapi/qapi-types-vtd.h"
#include "qapi/qapi-visit-vtd.h"
#include "qapi/qobject-output-visitor.h"
#include "qobject/qdict.h"
#include "qobject/qnum.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "intel_iommu_internal.h"

#define COLUMNS                 80
#define LABEL                   "  %-14s"
#define LABEL_WIDTH             16
#define RANGES                  32
#define PAGE                    4096

/* "on" and so on behind its label, names wrapped to lines of 80 columns */
static void intel_iommu_print_names(Monitor *mon, const char *label,
                                    const strList *names)
{
    int column = LABEL_WIDTH;

    monitor_printf(mon, "  %-13s", label);
    for (; names; names = names->next) {
        const char *comma = names->next ? "," : "";
        int width = strlen(names->value) + strlen(comma) + 1;

        if (column + width > COLUMNS) {
            monitor_printf(mon, "\n%*s", LABEL_WIDTH - 1, "");
            column = LABEL_WIDTH;
        }
        monitor_printf(mon, " %s%s", names->value, comma);
        column += width;
    }
    monitor_printf(mon, "\n");
}

static void intel_iommu_print_unit(Monitor *mon, const IntelIommuUnit *unit)
{
    monitor_printf(mon, "Intel IOMMU %s\n", unit->qom_path);
    monitor_printf(mon, LABEL, "translation");
    if (unit->translation) {
        monitor_printf(mon, "on, %s mode, root table 0x%" PRIx64 "%s\n",
                       IntelIommuMode_str(unit->mode), unit->root_table,
                       unit->pending ? ", an invalidation runs" : "");
    } else {
        monitor_printf(mon, "off\n");
    }
    monitor_printf(mon, LABEL, "interrupts");
    if (unit->interrupt_remapping) {
        monitor_printf(mon, "remapped, %u entries at 0x%" PRIx64 "%s\n",
                       unit->interrupt_entries, unit->interrupt_table,
                       unit->x2apic ? ", x2APIC" : "");
    } else {
        monitor_printf(mon, "not remapped\n");
    }
    monitor_printf(mon, LABEL "%u bits for DMA, %u bits of memory\n",
                   "addresses", unit->aw_bits, unit->physical_bits);
    intel_iommu_print_names(mon, "capabilities", unit->capabilities);
    monitor_printf(mon, LABEL, "queue");
    if (!unit->queue) {
        monitor_printf(mon, "off\n");
    } else {
        monitor_printf(mon, "%u descriptors at 0x%" PRIx64 ", head %u, tail "
                       "%u\n", unit->queue->entries, unit->queue->address,
                       unit->queue->head, unit->queue->tail);
        if (unit->queue->error) {
            monitor_printf(mon, "%*sSTOPPED: %s\n", LABEL_WIDTH, "",
                           unit->queue->error);
        }
    }
    if (unit->fault_status) {
        intel_iommu_print_names(mon, "fault status", unit->fault_status);
    }
    monitor_printf(mon, LABEL "%u contexts; IOTLB %u of %u; interrupt entries "
                   "%u of %u\n", "cached", unit->caches->contexts,
                   unit->caches->iotlb, unit->caches->iotlb_size,
                   unit->caches->interrupts, unit->caches->interrupts_size);
}

/* Those that are not 0, two in a line */
static void intel_iommu_print_stats(Monitor *mon, IntelIommuStats *stats)
{
    QObject *object;
    Visitor *v = qobject_output_visitor_new(&object);
    unsigned n = 0;

    visit_type_IntelIommuStats(v, NULL, &stats, &error_abort);
    visit_complete(v, &object);
    visit_free(v);
    monitor_printf(mon, "Counters\n");
    for (VtdStat stat = 0; stat < VTD_STAT_COUNT; stat++) {
        const char *name = vtd_stat_name(stat);
        QNum *value = qobject_to(QNum, qdict_get(qobject_to(QDict, object),
                                                 name));

        if (qnum_get_uint(value)) {
            monitor_printf(mon, "  %-22s %14" PRIu64 "%s", name,
                           qnum_get_uint(value), n % 2 ? "\n" : "");
            n++;
        }
    }
    monitor_printf(mon, "%s", n % 2 ? "\n" : "");
    qobject_unref(object);
}

static const char *intel_iommu_print_listeners(const IntelIommuSpace *space)
{
    return space->listeners ? IntelIommuListener_str(space->listeners->value)
                            : "-";
}

/* A size in pages, humanised; "-" if it is not known */
static char *intel_iommu_print_pages(bool known, uint64_t pages)
{
    return known ? size_to_str(pages * PAGE) : g_strdup("-");
}

static void intel_iommu_print_spaces(Monitor *mon,
                                     const IntelIommuSpaceList *list)
{
    monitor_printf(mon, "%-8s %-12s %-12s %6s %14s %-10s %9s\n", "Device", "Id",
                   "View", "Domain", "Page table", "Listener", "Mapped");
    for (; list; list = list->next) {
        const IntelIommuSpace *space = list->value;
        g_autofree char *mapped =
            intel_iommu_print_pages(space->has_mapped_pages,
                                    space->mapped_pages);
        g_autofree char *domain =
            space->has_domain ? g_strdup_printf("%u", space->domain)
                              : g_strdup("-");
        g_autofree char *table =
            space->has_page_table
            ? g_strdup_printf("0x%" PRIx64, space->page_table)
            : g_strdup("-");

        monitor_printf(mon, "%-8s %-12.12s %-12s %6s %14s %-10s %9s\n",
                       space->device, space->id ?: "-",
                       space->fault ? "blocked"
                                    : IntelIommuView_str(space->view),
                       domain, table,
                       intel_iommu_print_listeners(space), mapped);
        if (space->fault && space->faults) {
            monitor_printf(mon, "         BLOCKED: %s\n", space->fault);
        }
        if (space->has_refused_pages && space->refused_pages) {
            g_autofree char *refused =
                intel_iommu_print_pages(true, space->refused_pages);

            monitor_printf(mon, "         REFUSED by the host: %s, %" PRIu64
                           " pages\n", refused, space->refused_pages);
        }
        if (space->limited) {
            monitor_printf(mon, "         LIMITED: more is mapped than "
                           "max-mappings allows\n");
        }
    }
}

static void intel_iommu_print_ranges(Monitor *mon, const IntelIommuSpace *space)
{
    monitor_printf(mon, "%18s %18s %9s %2s %s\n", "From", "To", "Size", "",
                   "Leads to");
    for (IntelIommuRangeList *list = space->ranges; list; list = list->next) {
        const IntelIommuRange *range = list->value;
        g_autofree char *size = size_to_str(range->size);

        monitor_printf(mon, "0x%016" PRIx64 " 0x%016" PRIx64 " %9s %c%c 0x%"
                       PRIx64 "%s\n", range->iova,
                       range->iova + (range->size - 1), size,
                       range->read ? 'r' : '-', range->write ? 'w' : '-',
                       range->gpa, range->contiguous ? "" : " ...");
    }
    for (IntelIommuRefusedList *list = space->refused; list;
         list = list->next) {
        const IntelIommuRefused *refused = list->value;
        g_autofree char *size = size_to_str(refused->size);

        monitor_printf(mon, "0x%016" PRIx64 " 0x%016" PRIx64 " %9s    REFUSED "
                       "by the host\n", refused->iova,
                       refused->iova + (refused->size - 1), size);
    }
    if (!space->has_sharers) {
        monitor_printf(mon, "(what is mapped is followed for listeners of the "
                       "kind map alone)\n");
    } else if (space->has_next) {
        monitor_printf(mon, "(more from 0x%" PRIx64 " on: see x-query-vtd of "
                       "QMP)\n", space->next);
    }
}

static void intel_iommu_print_faults(Monitor *mon,
                                     const IntelIommuFaultList *list)
{
    if (!list) {
        monitor_printf(mon, "No faults\n");
        return;
    }
    monitor_printf(mon, "%-12s %-7s %-5s %-18s %s\n", "Fault at", "Device",
                   "", "Address", "Reason");
    for (; list; list = list->next) {
        const IntelIommuFault *fault = list->value;
        g_autoptr(GDateTime) time =
            g_date_time_new_from_unix_local(fault->seconds);
        g_autofree char *clock = g_date_time_format(time, "%H:%M:%S");

        monitor_printf(mon, "%s.%03u %s %-5s 0x%016" PRIx64 " 0x%02x",
                       clock, (unsigned)(fault->microseconds / 1000),
                       fault->device,
                       fault->has_index ? "irq"
                                        : IntelIommuAccess_str(fault->access),
                       fault->address, fault->reason);
        if (fault->count > 1) {
            monitor_printf(mon, ", %" PRIu64 " times", fault->count);
        }
        if (fault->hidden) {
            monitor_printf(mon, ", hidden");
        }
        monitor_printf(mon, "\n%13s%s", "", fault->words);
        if (fault->has_level) {
            monitor_printf(mon, ": level %u, entry 0x%" PRIx64, fault->level,
                           fault->entry);
        } else if (fault->has_index) {
            monitor_printf(mon, ": index %u", fault->index);
        }
        monitor_printf(mon, "\n");
    }
}

void hmp_info_vtd(Monitor *mon, const QDict *qdict)
{
    const char *device = qdict_get_try_str(qdict, "device");
    g_autoptr(IntelIommuInfo) info = NULL;
    Error *err = NULL;

    info = intel_iommu_query(device, 0, UINT64_MAX, RANGES, &err);
    if (hmp_handle_error(mon, err)) {
        return;
    }
    if (!device) {
        intel_iommu_print_unit(mon, info->unit);
    }
    intel_iommu_print_spaces(mon, info->spaces);
    if (device) {
        intel_iommu_print_ranges(mon, info->spaces->value);
        return;
    }
    intel_iommu_print_stats(mon, info->stats);
    intel_iommu_print_faults(mon, info->faults);
}
