/*
 * A VT-d unit's state on its way to another unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-move.h.
 */

#include "qemu/osdep.h"
#include "vtd-move.h"

void move_start(Move *m, const VtdConfig *config)
{
    Host *h = host_new(config);

    *m = (Move) {
        .from = h,
        .to = host_new(config),
        .d = device_new(h, SID),
        .table = host_pages(h, 1),
        .irt = host_pages(h, 1),
        .page = host_pages(h, 1),
        .other = host_pages(h, 1),
    };
    m->arrived = device_new(m->to, SID);
    host_enable(h);
    attach(m->d, m->table, 4, 1);
    map(h, m->table, 4, IOVA, 1, m->page | QVTD_RW);
    queue_start(h, 0);
    host_put(h, m->irt, QVTD_P | 0x11 << 16);
    set_irta(h, m->irt);
    gcmd(h, QVTD_IRE, true);
    submit_wait(h);
}

char *move_load(Move *m, const VtdSaved *saved)
{
    Host *to = m->to;

    memcpy(to->ram, m->from->ram, RAM_SIZE);
    to->vtd = m->from->vtd;
    to->vtd.port = &to->port;
    return vtd_load(to->v, saved);
}

void move_end(Move *m)
{
    host_free(m->to);
    host_free(m->from);
}

void put32(VtdSaved *saved, unsigned offset, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(saved->csr + offset, &value, sizeof(value));
}
