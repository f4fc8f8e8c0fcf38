/*
 * Intel VT-d engine: the register image
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns Vtd.csr, the registers as they read, guarded by Vtd.lock.  Knows where
 * bytes are, and nothing of what they mean.
 */

#include "qemu/osdep.h"
#include "internal.h"

void vtd_csr_clear_locked(Vtd *v)
{
    memset(v->csr, 0, sizeof(v->csr));
}

uint32_t vtd_reg32_locked(const Vtd *v, unsigned offset)
{
    uint32_t value;

    memcpy(&value, v->csr + offset, sizeof(value));
    return GUINT32_FROM_LE(value);
}

void vtd_reg32_set_locked(Vtd *v, unsigned offset, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(v->csr + offset, &value, sizeof(value));
}

uint64_t vtd_reg64_locked(const Vtd *v, unsigned offset)
{
    uint64_t value;

    memcpy(&value, v->csr + offset, sizeof(value));
    return GUINT64_FROM_LE(value);
}

void vtd_reg64_set_locked(Vtd *v, unsigned offset, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    memcpy(v->csr + offset, &value, sizeof(value));
}

uint32_t vtd_reg32(Vtd *v, unsigned offset)
{
    uint32_t value;

    qemu_mutex_lock(&v->lock);
    value = vtd_reg32_locked(v, offset);
    qemu_mutex_unlock(&v->lock);
    return value;
}

uint64_t vtd_reg64(Vtd *v, unsigned offset)
{
    uint64_t value;

    qemu_mutex_lock(&v->lock);
    value = vtd_reg64_locked(v, offset);
    qemu_mutex_unlock(&v->lock);
    return value;
}

void vtd_reg32_change(Vtd *v, unsigned offset, uint32_t clear, uint32_t set)
{
    qemu_mutex_lock(&v->lock);
    vtd_reg32_set_locked(v, offset,
                         (vtd_reg32_locked(v, offset) & ~clear) | set);
    qemu_mutex_unlock(&v->lock);
}

void vtd_reg64_change(Vtd *v, unsigned offset, uint64_t clear, uint64_t set)
{
    qemu_mutex_lock(&v->lock);
    vtd_reg64_set_locked(v, offset,
                         (vtd_reg64_locked(v, offset) & ~clear) | set);
    qemu_mutex_unlock(&v->lock);
}

uint64_t vtd_saved_latched(Vtd *v, uint64_t saved, unsigned offset,
                           uint64_t mode)
{
    uint64_t reg = vtd_reg64(v, offset);

    mode = v->config.scalable_mode ? mode : 0;
    return (reg & v->haw_mask) == saved ? reg : saved | (reg & mode);
}
