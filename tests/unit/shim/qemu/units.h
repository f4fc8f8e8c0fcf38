/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit build only: sizes in bytes, 64 bits wide. */

#ifndef SHIM_QEMU_UNITS_H
#define SHIM_QEMU_UNITS_H

#define KiB (INT64_C(1) << 10)
#define MiB (INT64_C(1) << 20)
#define GiB (INT64_C(1) << 30)
#define TiB (INT64_C(1) << 40)

#endif
