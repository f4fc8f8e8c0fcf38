/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit build only. */

#ifndef SHIM_QEMU_CUTILS_H
#define SHIM_QEMU_CUTILS_H

/* @len is not 0 */
static inline bool buffer_is_zero(const void *buf, size_t len)
{
    const char *byte = buf;

    return !byte[0] && !memcmp(byte, byte + 1, len - 1);
}

#endif
