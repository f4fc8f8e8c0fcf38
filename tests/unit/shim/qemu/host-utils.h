/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit build only: as QEMU's header of this name, so far as is used. */

#ifndef SHIM_QEMU_HOST_UTILS_H
#define SHIM_QEMU_HOST_UTILS_H

static inline int ctz32(uint32_t value)
{
    return value ? __builtin_ctz(value) : 32;
}

#endif
