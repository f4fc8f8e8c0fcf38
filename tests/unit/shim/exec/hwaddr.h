/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit build only: a physical or bus address. */

#ifndef SHIM_EXEC_HWADDR_H
#define SHIM_EXEC_HWADDR_H

typedef uint64_t hwaddr;

#define HWADDR_BITS 64
#define HWADDR_MAX UINT64_MAX
#define HWADDR_PRIx PRIx64

#endif
