/*
 * A VT-d unit with one device, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-unit.h.
 */

#include "qemu/osdep.h"
#include "vtd-unit.h"

Unit unit_new(const VtdConfig *config, uint16_t sid, unsigned levels,
              uint16_t did)
{
    Unit u = { .h = host_new(config) };

    u.levels = levels ?: u.h->config.aw_bits == 48 ? 4 : 3;
    u.d = device_new(u.h, sid);
    u.table = host_pages(u.h, 1);
    host_enable(u.h);
    attach(u.d, u.table, u.levels, did);
    return u;
}
