/*
 * Intel IOMMU (VT-d) device: the buses behind it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the watch over PCI bridges.  A device's source id has the number of
 * its bus: whether the device bypasses translation can depend on a write to
 * its bridge.  And a bus that is unplugged may be followed by another one at
 * the same address.  All of it runs under the big lock.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "intel_iommu_internal.h"

static IntelIOMMUState *intel_iommu_unit(void)
{
    return INTEL_IOMMU_DEVICE(x86_iommu_get_default());
}

static void intel_iommu_bridge_write(PCIDevice *dev, uint32_t addr,
                                     uint32_t val, int len)
{
    PCIBus *bus = pci_bridge_get_sec_bus(PCI_BRIDGE(dev));
    int number = pci_bus_num(bus);

    PCI_DEVICE_GET_CLASS(dev)->config_write(dev, addr, val, len);
    if (pci_bus_num(bus) != number) {
        vtd_sources_changed(intel_iommu_unit()->vtd);
    }
}

static PCIDevice *intel_iommu_bridge(DeviceState *dev)
{
    return (PCIDevice *)object_dynamic_cast(OBJECT(dev), TYPE_PCI_BRIDGE);
}

/*
 * The watch replaces a bridge's config_write and calls the one of its class.
 * A bridge whose config_write is another one already was taken over by
 * somebody else, whose call must not be lost: it is left alone.
 */
static void intel_iommu_bus_comes(DeviceListener *listener, DeviceState *dev)
{
    PCIDevice *bridge = intel_iommu_bridge(dev);

    if (bridge && bridge->config_write ==
                  PCI_DEVICE_GET_CLASS(bridge)->config_write) {
        bridge->config_write = intel_iommu_bridge_write;
    }
}

static void intel_iommu_bus_goes(DeviceListener *listener, DeviceState *dev)
{
    PCIDevice *bridge = intel_iommu_bridge(dev);

    if (bridge) {
        intel_iommu_forget_bus(intel_iommu_unit(),
                               pci_bridge_get_sec_bus(PCI_BRIDGE(bridge)));
    }
}

void intel_iommu_watch_buses(void)
{
    static DeviceListener listener = {
        .realize = intel_iommu_bus_comes,
        .unrealize = intel_iommu_bus_goes,
    };

    device_listener_register(&listener);
}
