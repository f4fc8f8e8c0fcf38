/*
 * Intel VT-d engine: where guest memory is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what VtdOps.ram said, so that a run of the queue asks once for each
 * piece of memory and not for each descriptor.  Nothing of it may outlive the
 * call into the engine: memory that is unplugged afterwards is unmapped.
 * [bql] calls only.
 */

#include "qemu/osdep.h"
#include "internal.h"

void vtd_rams_forget(Vtd *v)
{
    for (unsigned i = 0; i < VTD_RAMS; i++) {
        v->rams.piece[i].ram.last = 0;          /* none is there */
    }
    v->rams.queue = NULL;
}

void vtd_rams_refresh(Vtd *v)
{
    if (!v->rams.kept) {
        vtd_rams_forget(v);
    }
}

void vtd_rams_keep(Vtd *v, bool keep)
{
    vtd_rams_forget(v);
    v->rams.kept = keep;
}

VtdRamPiece *vtd_ram_at(Vtd *v, uint64_t gpa)
{
    VtdRamPiece *piece = v->rams.piece;

    for (unsigned i = 0; i < VTD_RAMS; i++, piece++) {
        if (piece->ram.last && gpa >= piece->ram.first &&
            gpa <= piece->ram.last) {
            return piece;
        }
    }
    piece = &v->rams.piece[v->rams.next++ % VTD_RAMS];
    piece->noted = false;
    v->ops->ram(v->opaque, gpa, &piece->ram);
    return piece;
}

const uint8_t *vtd_ram_data(Vtd *v, uint64_t gpa, uint64_t len)
{
    const VtdRam *ram = &vtd_ram_at(v, gpa)->ram;

    return ram->data && ram->last - gpa >= len - 1
           ? ram->data + (gpa - ram->first) : NULL;
}
