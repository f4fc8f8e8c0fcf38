/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit build only: the part of QEMU's osdep.h that our files use. */

#ifndef SHIM_QEMU_OSDEP_H
#define SHIM_QEMU_OSDEP_H

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What QEMU allows: a newer GLib call fails here as it would there. */
#define GLIB_VERSION_MIN_REQUIRED GLIB_VERSION_2_66
#define GLIB_VERSION_MAX_ALLOWED GLIB_VERSION_2_66
#include <glib.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define QEMU_BUILD_BUG_ON(x) _Static_assert(!(x), "not expecting: " #x)
#define QEMU_PACKED __attribute__((packed))
#define ROUND_UP(n, d) (((n) + (d) - 1) / (d) * (d))
#define QEMU_ALWAYS_INLINE __attribute__((always_inline))

#endif
