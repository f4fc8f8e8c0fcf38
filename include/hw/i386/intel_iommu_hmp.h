/*
 * Intel IOMMU (VT-d) device: its command of the human monitor
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A row of QEMU's table of "info" commands, which this is included in.  The
 * device registers what carries it out; machines without it have the row alone.
 */

    {
        .name       = "vtd",
        .args_type  = "device:s?",
        .params     = "[device]",
        .help       = "show the Intel IOMMU, or what it maps for a device",
    },
