/*
 * Intel VT-d engine: the guest's tables, for a sync
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what guest.h declares.
 */

#include "qemu/osdep.h"
#include "guest.h"
#include "mark.h"

/* A table that is copied by a call costs as much as so many in place */
#define WORK_COPY               100
/* and so much if it is composed */
#define WORK_COMPOSE            8

void vtd_guest_begin(VtdGuest *guest, VtdSeen *seen)
{
    const VtdSeenConfig *config = seen->config;
    const VtdTables *tables = &seen->tables;

    guest->config = config;
    guest->tables = tables;
    guest->ram = (VtdRam) { 0 };
    guest->copy = NULL;
    guest->work = 0;
    if (tables->second_levels) {
        vtd_compose_begin(&guest->compose, config, tables,
                          seen->copies_wanted ? seen : NULL);
    }
}

void vtd_guest_end(VtdGuest *guest)
{
    g_free(guest->copy);
}

static uint64_t *vtd_guest_copy(VtdGuest *guest, unsigned level)
{
    if (!guest->copy) {
        guest->copy = g_new(uint64_t, VTD_LEVELS_MAX * VTD_ENTRIES);
    }
    return guest->copy + (level - 1) * VTD_ENTRIES;
}

const uint64_t *vtd_guest_table(VtdGuest *guest, uint64_t ref, unsigned level,
                                uint64_t upper)
{
    const VtdSeenConfig *config = guest->config;
    const uint64_t *table;
    uint64_t *copy;

    if (guest->tables->second_levels) {
        guest->work += WORK_COMPOSE;
        copy = vtd_guest_copy(guest, level);
        return vtd_compose_table(&guest->compose, ref, level, upper, copy)
               ? copy : NULL;
    }
    guest->gpa[level] = ref;
    table = vtd_table_in_place(config, &guest->ram, ref);
    if (table) {
        return table;
    }
    guest->work += WORK_COPY;
    copy = vtd_guest_copy(guest, level);
    return config->read(config->opaque, ref, copy, VTD_PAGE_SIZE) ? copy : NULL;
}

bool vtd_guest_as_before(VtdGuest *guest, const VtdSource *source,
                         uint64_t ref, uint64_t upper)
{
    return source && vtd_compose_as_before(&guest->compose, source, ref, upper);
}

uint64_t vtd_guest_mark(VtdGuest *guest, unsigned level, unsigned i,
                        uint64_t entry, uint64_t upper)
{
    uint64_t gpa = guest->gpa[level] + i * sizeof(entry);

    return vtd_mark_entry(guest->config, guest->tables, gpa, level, upper,
                          &entry) ? entry : 0;
}
