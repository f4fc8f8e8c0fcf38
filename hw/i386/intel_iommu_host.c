/*
 * Intel IOMMU (VT-d) device: assigned devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the conditions under which a device of the host can be behind the
 * unit: vfio-pci, and vhost-vdpa as far as caching-mode=auto goes.  All of
 * it runs under the big lock.
 */

#include "qemu/osdep.h"
#ifdef CONFIG_LINUX
#include <sys/prctl.h>
#include <sys/resource.h>
#include <linux/capability.h>
#endif
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "system/address-spaces.h"
#include "hw/core/boards.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "hw/core/qdev.h"
#include "hw/virtio/virtio-net.h"
#include "net/net.h"
#include "intel_iommu_internal.h"

#define RAISE_LOCKED_MEMORY \
    "raise the limit of locked memory (ulimit -l; hard_limit of libvirt's " \
    "memtune)"

/* Types by name, since a QEMU may be built without these devices */
#define TYPE_ASSIGNED   "vfio-pci"
#define TYPE_VDPA       "vhost-vdpa-device"

bool intel_iommu_check_order(Error **errp)
{
    bool several = false;

    if (object_resolve_path_type("", TYPE_ASSIGNED, &several) || several) {
        error_setg(errp, "-device intel-iommu must come before "
                   "-device " TYPE_ASSIGNED);
        return false;
    }
    return true;
}

void intel_iommu_use_caching_mode(IntelIOMMUState *s)
{
    s->caching_mode = true;
    vtd_use_caching_mode(s->vtd);
}

/*
 * An assigned device needs caching mode.  @late: the guest runs and has read
 * CAP.CM, so that it is too late to switch caching mode on.
 */
static bool intel_iommu_need_caching_mode(IntelIOMMUState *s, bool late,
                                          Error **errp)
{
    if (s->caching_mode) {
        return true;
    }
    if (s->caching_mode_option == ON_OFF_AUTO_OFF) {
        error_setg(errp, "an assigned device needs "
                   "-device intel-iommu,caching-mode=on (or auto), not off");
        return false;
    }
    if (late) {
        error_setg(errp, "a device that is assigned later needs "
                   "-device intel-iommu,caching-mode=on: caching-mode=auto "
                   "was off at the start");
        return false;
    }
    intel_iommu_use_caching_mode(s);
    return true;
}

/*
 * VFIO pins the guest's memory once for each assigned device, and each time
 * counts against the limit.  VFIO itself fails past it without naming a
 * remedy.
 */
static void intel_iommu_check_locked_memory(IntelIOMMUState *s)
{
#ifdef CONFIG_LINUX
    unsigned count = g_hash_table_size(s->host_devices);
    uint64_t memory = current_machine->ram_size * count;
    struct rlimit limit;

    if (count > 1 && !getrlimit(RLIMIT_MEMLOCK, &limit) &&
        limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < memory &&
        !(geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_IPC_LOCK) == 1)) {
        warn_report("intel-iommu: memory is pinned once for each of %u "
                    "assigned devices, up to %" PRIu64 " MiB in all; if VFIO "
                    "cannot allocate memory, " RAISE_LOCKED_MEMORY ", now %"
                    PRIu64 " MiB", count, memory / MiB,
                    (uint64_t)limit.rlim_cur / MiB);
    }
#endif
}

/* VFIO's and vDPA's own messages name no remedy */
void intel_iommu_refused(void *space_opaque, const VtdNotice *notice,
                         int error)
{
    IntelIOMMUState *s = intel_iommu_of_space(space_opaque);
    IntelIOMMUSpaceInfo space = intel_iommu_space_info(space_opaque);
    const char *id = intel_iommu_device_id(space.dev);
    g_autofree char *name = intel_iommu_sid_name(space.sid);
    bool *told = error == -ENOSPC ? &s->no_space_told :
                 error == -ENOMEM ? &s->no_memory_told : &s->refusal_told;
    const char *remedy =
        error == -ENOSPC ? "raise dma_entry_limit of the host's module "
                           "vfio_iommu_type1, or use hugepages" :
        error == -ENOMEM ? RAISE_LOCKED_MEMORY :
        error == -EIO ? "vDPA tells no reason; perhaps " RAISE_LOCKED_MEMORY :
        NULL;

    if (!*told) {
        *told = true;
        warn_report("intel-iommu: the host refuses to map what the guest "
                    "maps for a device: %s%s%s (device %s%s%s; see info vtd)",
                    strerror(-error), remedy ? "; " : "", remedy ?: "", name,
                    id ? ", " : "", id ?: "");
    }
    intel_iommu_tell_refused(s, &space, notice, error, remedy);
}

bool intel_iommu_set_host_device(PCIBus *bus, void *opaque, int devfn,
                                 HostIOMMUDevice *host, Error **errp)
{
    IntelIOMMUState *s = opaque;
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_GET_CLASS(host);
    int bits;

    if (s->snoop_control) {
        error_setg(errp, "an assigned device needs "
                   "-device intel-iommu,snoop-control=off");
        return false;
    }
    if (!hc->get_cap) {
        error_setg(errp, "the address width of the host's IOMMU is unknown");
        return false;
    }
    bits = hc->get_cap(host, HOST_IOMMU_DEVICE_CAP_AW_BITS, errp);
    if (bits < 0) {
        return false;
    }
    if (bits < intel_iommu_mapped_bits(s)) {
        error_setg(errp, "aw-bits=%u is wider than the %d bits of the host's "
                   "IOMMU%s", s->input_bits, bits,
                   bits < 39 ? "" :
                   bits < 48 ? ", use -device intel-iommu,aw-bits=39" :
                               ", use -device intel-iommu,aw-bits=48");
        return false;
    }
    if (!intel_iommu_need_caching_mode(s, phase_check(PHASE_MACHINE_READY),
                                       errp)) {
        return false;
    }
    if (vtd_misses_mappings(s->vtd)) {
        error_setg(errp, "the guest started with QEMU's own intel-iommu, and "
                   "does not tell of its mappings of the first stage: a "
                   "device can be assigned after the guest's reset");
        return false;
    }
    g_hash_table_add(s->host_devices, bus->devices[devfn]);
    intel_iommu_check_locked_memory(s);
    return true;
}

void intel_iommu_unset_host_device(PCIBus *bus, void *opaque, int devfn)
{
    IntelIOMMUState *s = opaque;

    g_hash_table_remove(s->host_devices, bus->devices[devfn]);
}

static int intel_iommu_is_assigned(Object *obj, void *opaque)
{
    return object_dynamic_cast(obj, TYPE_ASSIGNED) &&
           pci_device_iommu_address_space(PCI_DEVICE(obj)) !=
           &address_space_memory;
}

/* A virtio device behind vhost-vdpa, which maps guest memory as VFIO does */
static int intel_iommu_is_vdpa(Object *obj, void *opaque)
{
    if (object_dynamic_cast(obj, TYPE_VIRTIO_NET)) {
        NetClientState *peer = VIRTIO_NET(obj)->nic_conf.peers.ncs[0];

        if (!peer || peer->info->type != NET_CLIENT_DRIVER_VHOST_VDPA) {
            return false;
        }
    } else if (!object_dynamic_cast(obj, TYPE_VDPA)) {
        return false;
    }
    return VIRTIO_DEVICE(obj)->dma_as != &address_space_memory;
}

static bool intel_iommu_any(int (*match)(Object *obj, void *opaque))
{
    return object_child_foreach_recursive(object_get_root(), match, NULL);
}

bool intel_iommu_settle_caching_mode(IntelIOMMUState *s, Error **errp)
{
    /*
     * Other vfio-pci devices came by set_iommu_device before.  Left are
     * mediated devices, which have no host IOMMU.
     */
    if (intel_iommu_any(intel_iommu_is_assigned)) {
        return intel_iommu_need_caching_mode(s, false, errp);
    }
    if (s->caching_mode_option == ON_OFF_AUTO_AUTO &&
        intel_iommu_any(intel_iommu_is_vdpa)) {
        intel_iommu_use_caching_mode(s);
    }
    return true;
}
