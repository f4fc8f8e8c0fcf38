/*
 * A PCI device that tests IOMMUs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the device's registers, commands and properties, the region that
 * floor=on uses, and the device of the host that host-aw-bits makes up.  It
 * stands for a device with DMA outside of QEMU, and knows the memory API and
 * nothing of any IOMMU.  All of it runs under the big lock.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/lockable.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "system/address-spaces.h"
#include "hw/core/qdev-properties.h"
#include "vtd-testdev-state.h"

#define TYPE_TESTDEV_FLOOR      "vtd-testdev-floor"
#define TYPE_TESTDEV_HOST       "vtd-testdev-host"

/* Records that one command may bring along: 32 MiB */
#define MAX_RECORDS             (1u << 20)

/* Commands: each returns its status */

/* Records live in RAM; elsewhere they are unreadable */
static const MemTxAttrs ram_only = { .memory = 1 };

static int to_guest(uint64_t addr, const void *records, uint64_t bytes)
{
    return address_space_write(&address_space_memory, addr, ram_only, records,
                               bytes) == MEMTX_OK ? TESTDEV_OK
                                                  : TESTDEV_FAILED;
}

/* @n records of @bytes each; NULL if there are too many or none to read */
static void *from_guest(uint64_t addr, uint64_t n, uint64_t bytes)
{
    g_autofree void *records = NULL;

    if (n > MAX_RECORDS) {
        return NULL;
    }
    records = g_malloc(n * bytes);
    if (address_space_read(&address_space_memory, addr, ram_only, records,
                           n * bytes) != MEMTX_OK) {
        return NULL;
    }
    return g_steal_pointer(&records);
}

static int do_clear(VtdTestdev *s)
{
    static const uint8_t now[] = {
        TESTDEV_MAPPINGS, TESTDEV_MAPPED_PAGES, TESTDEV_SECTIONS,
        TESTDEV_DIRECT, TESTDEV_LOOP_RUNNING,
    };
    uint64_t old[ARRAY_SIZE(now)];

    g_array_set_size(s->log, 0);
    QEMU_LOCK_GUARD(&s->table_lock);
    for (int i = 0; i < ARRAY_SIZE(now); i++) {
        old[i] = s->counters[now[i]];
    }
    memset(s->counters, 0, sizeof(s->counters));
    for (int i = 0; i < ARRAY_SIZE(now); i++) {
        s->counters[now[i]] = old[i];
    }
    return TESTDEV_OK;
}

static int do_read_log(VtdTestdev *s)
{
    uint64_t from = MIN(s->args[1], s->log->len);

    s->result = MIN(s->args[2], s->log->len - from);
    return to_guest(s->args[0], &g_array_index(s->log, TestdevLog, from),
                    s->result * sizeof(TestdevLog));
}

static int do_read_table(VtdTestdev *s)
{
    uint64_t max = MIN(s->args[2], s->counters[TESTDEV_MAPPINGS]);
    g_autofree TestdevMapping *records = g_new(TestdevMapping, max);
    const TestdevExtent *e = testdev_table_find(&s->mappings, s->args[1]);

    for (s->result = 0; e && s->result < max; s->result++) {
        records[s->result] = (TestdevMapping) {
            .iova = cpu_to_le64(e->iova),
            .last = cpu_to_le64(e->last),
            .target = cpu_to_le64(e->target),
            .perm = cpu_to_le64(e->perm),
        };
        e = testdev_table_next(&s->mappings, e);
    }
    return to_guest(s->args[0], records, s->result * sizeof(*records));
}

static int do_register(VtdTestdev *s)
{
    if (s->args[0] & ~(uint64_t)IOMMU_NOTIFIER_ALL) {
        return TESTDEV_REFUSED;
    }
    testdev_register(s, s->args[0]);
    return TESTDEV_OK;
}

static int do_replay(VtdTestdev *s)
{
    testdev_replay(s);
    return TESTDEV_OK;
}

/* Where there is no translation */
static IOMMUTLBEntry identity(uint64_t iova)
{
    IOMMUTLBEntry entry = {
        .target_as = &address_space_memory,
        .iova = iova & ~(TESTDEV_PAGE - 1),
        .translated_addr = iova & ~(TESTDEV_PAGE - 1),
        .addr_mask = TESTDEV_PAGE - 1,
        .perm = IOMMU_RW,
    };

    testdev_set_pasid(&entry, PCI_NO_PASID);
    return entry;
}

/* What the IOMMU's region says; without @flags all permissions and no fault */
static IOMMUTLBEntry ask_region(VtdTestdev *s, uint64_t iova, unsigned flags)
{
    TestdevSection *section;

    QLIST_FOREACH(section, &s->sections, next) {
        uint64_t addr = iova - section->offset;

        if (addr >= section->n.start && addr <= section->n.end) {
            return memory_region_get_iommu_class_nocheck(section->iommu)->
                translate(section->iommu, addr, flags,
                          section->n.iommu_idx);
        }
    }
    return identity(iova);
}

static int do_probe(VtdTestdev *s)
{
    uint64_t n = s->args[1], access = s->args[2];
    bool of_region = !access || access & TESTDEV_PROBE_FLAGS;
    g_autofree TestdevProbe *probes = from_guest(s->args[0], n,
                                                 sizeof(*probes));

    if (!probes || (access > IOMMU_WO &&
                    access / TESTDEV_PROBE_FLAGS != 1)) {
        return TESTDEV_REFUSED;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t iova = le64_to_cpu(probes[i].iova);
        IOMMUTLBEntry entry;

        WITH_RCU_READ_LOCK_GUARD() {
            entry = of_region
                ? ask_region(s, iova, access & ~TESTDEV_PROBE_FLAGS)
                : address_space_get_iotlb_entry(s->as, iova,
                                                access == IOMMU_WO,
                                                MEMTXATTRS_UNSPECIFIED);
        }
        /* The core's own entries do not say */
        if (of_region && testdev_pasid(&entry) != PCI_NO_PASID) {
            testdev_count_error(s, TESTDEV_ERROR_PASID);
        }
        probes[i].target = cpu_to_le64(
            (entry.translated_addr & ~entry.addr_mask) |
            (iova & entry.addr_mask));
        probes[i].mask = cpu_to_le64(entry.addr_mask);
        probes[i].perm = cpu_to_le64(entry.perm);
    }
    return to_guest(s->args[0], probes, n * sizeof(*probes));
}

static int do_dma(VtdTestdev *s)
{
    if (s->args[1] > TESTDEV_BUFFER_BYTES) {
        return TESTDEV_REFUSED;
    }
    return testdev_dma(s, s->args[0], s->buffer, s->args[1], s->args[2])
           == MEMTX_OK ? TESTDEV_OK : TESTDEV_FAILED;
}

/* As a device that maps a buffer, and writes to it later */
static int do_hold(VtdTestdev *s)
{
    AddressSpace *as = pci_get_address_space(PCI_DEVICE(s));
    dma_addr_t len = s->args[1];

    if (s->held) {
        memcpy(s->held, s->buffer, s->held_bytes);
        dma_memory_unmap(as, s->held, s->held_bytes,
                         DMA_DIRECTION_FROM_DEVICE, s->held_bytes);
        s->held = NULL;
    }
    if (!len) {
        return TESTDEV_OK;
    }
    if (len > TESTDEV_BUFFER_BYTES) {
        return TESTDEV_REFUSED;
    }
    s->held = dma_memory_map(as, s->args[0], &len, DMA_DIRECTION_FROM_DEVICE,
                             MEMTXATTRS_UNSPECIFIED);
    s->held_bytes = len;
    return s->held ? TESTDEV_OK : TESTDEV_FAILED;
}

static int do_loop(VtdTestdev *s)
{
    testdev_loop_stop(s);
    if (!s->args[3]) {
        return TESTDEV_OK;
    }
    if (!s->args[1] || s->args[1] > UINT64_MAX / 2 ||
        s->args[4] > TESTDEV_BUFFER_BYTES) {
        return TESTDEV_REFUSED;
    }
    testdev_loop_start(s);
    return TESTDEV_OK;
}

static int do_reader(VtdTestdev *s)
{
    TestdevWatch *watch;

    testdev_reader_stop(s);
    if (!s->args[1]) {
        return TESTDEV_OK;
    }
    watch = from_guest(s->args[0], s->args[1], sizeof(*watch));
    if (!watch) {
        return TESTDEV_REFUSED;
    }
    for (uint64_t i = 0; i < s->args[1]; i++) {
        watch[i].iova = le64_to_cpu(watch[i].iova);
        watch[i].target = le64_to_cpu(watch[i].target);
    }
    testdev_reader_start(s, watch);
    return TESTDEV_OK;
}

static int do_dirty(VtdTestdev *s)
{
    if (!!s->args[0] == s->dirty) {
        return TESTDEV_OK;
    }
    if (s->dirty) {
        memory_global_dirty_log_stop(GLOBAL_DIRTY_DIRTY_RATE);
    } else if ((global_dirty_tracking & GLOBAL_DIRTY_DIRTY_RATE) ||
               !memory_global_dirty_log_start(GLOBAL_DIRTY_DIRTY_RATE,
                                              NULL)) {
        return TESTDEV_FAILED;
    }
    s->dirty = !s->dirty;
    return TESTDEV_OK;
}

static int do_notify(VtdTestdev *s)
{
    IOMMUTLBEvent event = {
        .type = s->args[0],
        .entry = {
            .target_as = &address_space_memory,
            .iova = s->args[1],
            .addr_mask = s->args[2],
            .translated_addr = s->args[3],
            .perm = s->args[4] & IOMMU_RW,
        },
    };

    /* What the memory API would not accept from an IOMMU */
    if (!s->use_floor || !is_power_of_2(s->args[0]) ||
        s->args[0] > IOMMU_NOTIFIER_DEVIOTLB_UNMAP ||
        s->args[1] + s->args[2] < s->args[1] ||
        (event.type == IOMMU_NOTIFIER_MAP) != (event.entry.perm != 0) ||
        !testdev_set_pasid(&event.entry, s->args[5] - 1)) {
        return TESTDEV_REFUSED;
    }
    memory_region_notify_iommu(&s->floor.iommu, 0, event);
    return TESTDEV_OK;
}

static int (*const commands[])(VtdTestdev *) = {
    [TESTDEV_CLEAR] = do_clear,
    [TESTDEV_READ_LOG] = do_read_log,
    [TESTDEV_READ_TABLE] = do_read_table,
    [TESTDEV_REGISTER] = do_register,
    [TESTDEV_REPLAY] = do_replay,
    [TESTDEV_PROBE] = do_probe,
    [TESTDEV_DMA] = do_dma,
    [TESTDEV_LOOP] = do_loop,
    [TESTDEV_READER] = do_reader,
    [TESTDEV_DIRTY] = do_dirty,
    [TESTDEV_NOTIFY] = do_notify,
    [TESTDEV_HOLD] = do_hold,
};

/* Registers */

static uint64_t testdev_counter(VtdTestdev *s, unsigned n)
{
    QEMU_LOCK_GUARD(&s->table_lock);
    return s->counters[n];
}

static uint64_t testdev_read(void *opaque, hwaddr addr, unsigned size)
{
    VtdTestdev *s = opaque;

    if (addr >= TESTDEV_BUFFER) {
        return ldn_le_p(s->buffer + addr - TESTDEV_BUFFER, size);
    }
    if (size != 8) {
        return 0;
    }
    switch (addr) {
    case TESTDEV_STATUS:
        return s->status;
    case TESTDEV_RESULT:
        return s->result;
    case TESTDEV_FAIL_MAP:
        return s->fail_map;
    case TESTDEV_LIMIT:
        return s->mappings.limit;
    case TESTDEV_ARG(0) ... TESTDEV_ARG(TESTDEV_ARGS - 1):
        return s->args[(addr - TESTDEV_ARG(0)) / 8];
    case TESTDEV_COUNTER(0) ... TESTDEV_COUNTER(TESTDEV_COUNTER_END - 1):
        return testdev_counter(s, (addr - TESTDEV_COUNTER(0)) / 8);
    default:
        return 0;
    }
}

static void testdev_write(void *opaque, hwaddr addr, uint64_t value,
                          unsigned size)
{
    VtdTestdev *s = opaque;

    if (addr >= TESTDEV_BUFFER) {
        stn_le_p(s->buffer + addr - TESTDEV_BUFFER, size, value);
        return;
    }
    if (size != 8) {
        return;
    }
    switch (addr) {
    case TESTDEV_COMMAND:
        s->result = 0;
        s->status = value < ARRAY_SIZE(commands) && commands[value]
                    ? commands[value](s) : TESTDEV_REFUSED;
        break;
    case TESTDEV_FAIL_MAP:
        s->fail_map = (uint32_t)value;
        s->fail_errno = (value >> 32) ?: EFAULT;
        break;
    case TESTDEV_LIMIT:
        s->mappings.limit = value;
        break;
    case TESTDEV_ARG(0) ... TESTDEV_ARG(TESTDEV_ARGS - 1):
        s->args[(addr - TESTDEV_ARG(0)) / 8] = value;
        break;
    }
}

static const MemoryRegionOps testdev_ops = {
    .read = testdev_read,
    .write = testdev_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/* The floor */

static IOMMUTLBEntry floor_translate(IOMMUMemoryRegion *iommu, hwaddr addr,
                                     IOMMUAccessFlags flag, int iommu_idx)
{
    return identity(addr);
}

/* Nothing is mapped until TESTDEV_NOTIFY says so */
static void floor_replay(IOMMUMemoryRegion *iommu, IOMMUNotifier *n)
{
}

static void floor_class_init(ObjectClass *klass, TestdevClassData data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = floor_translate;
    imrc->replay = floor_replay;
}

/* The device of the host: a width and nothing else */

static int host_get_cap(HostIOMMUDevice *host, int cap, Error **errp)
{
    VtdTestdev *s = host->agent;

    if (cap != HOST_IOMMU_DEVICE_CAP_AW_BITS) {
        error_setg(errp, "capability %d is unknown", cap);
        return -EINVAL;
    }
    if (s->host_aw_bits > 64) {
        error_setg(errp, "the host does not tell");
        return -EIO;
    }
    return s->host_aw_bits;
}

static void host_class_init(ObjectClass *klass, TestdevClassData data)
{
    HostIOMMUDeviceClass *hc = HOST_IOMMU_DEVICE_CLASS(klass);

    hc->get_cap = host_get_cap;
}

static void testdev_detach(VtdTestdev *s)
{
    pci_device_unset_iommu_device(PCI_DEVICE(s));
    g_clear_pointer(&s->host, object_unref);
}

static bool testdev_attach(VtdTestdev *s, Error **errp)
{
    s->host = HOST_IOMMU_DEVICE(object_new(TYPE_TESTDEV_HOST));
    s->host->agent = s;
    if (!pci_device_set_iommu_device(PCI_DEVICE(s), s->host, errp)) {
        g_clear_pointer(&s->host, object_unref);
        return false;
    }
    return true;
}

/* The device */

static void testdev_realize(PCIDevice *pdev, Error **errp)
{
    VtdTestdev *s = VTD_TESTDEV(pdev);

    if (s->unmap_only && s->device_tlb) {
        error_setg(errp, "unmap-only=on and device-tlb=on exclude each other");
        return;
    }
    if (s->host_aw_bits && !testdev_attach(s, errp)) {
        return;
    }
    memory_region_init_io(&s->bar, OBJECT(s), &testdev_ops, s,
                          TYPE_VTD_TESTDEV, TESTDEV_BAR_BYTES);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
    memory_region_init_iommu(&s->floor, sizeof(s->floor), TYPE_TESTDEV_FLOOR,
                             OBJECT(s), TYPE_TESTDEV_FLOOR, UINT64_MAX);
    address_space_init(&s->floor_as, MEMORY_REGION(&s->floor),
                       TYPE_TESTDEV_FLOOR);

    testdev_listen(s, s->use_floor ? &s->floor_as
                                   : pci_device_iommu_address_space(pdev));
}

static void testdev_exit(PCIDevice *pdev)
{
    VtdTestdev *s = VTD_TESTDEV(pdev);

    testdev_loop_stop(s);
    testdev_reader_stop(s);
    if (s->dirty) {
        memory_global_dirty_log_stop(GLOBAL_DIRTY_DIRTY_RATE);
    }
    testdev_forget(s);
    if (s->host) {
        testdev_detach(s);
    }
    address_space_destroy(&s->floor_as);
}

static const Property testdev_properties[] = {
    DEFINE_PROP_BOOL("unmap-only", VtdTestdev, unmap_only, false),
    DEFINE_PROP_BOOL("device-tlb", VtdTestdev, device_tlb, false),
    DEFINE_PROP_BOOL("record", VtdTestdev, record, true),
    DEFINE_PROP_BOOL("table", VtdTestdev, table, true),
    DEFINE_PROP_UINT8("host-aw-bits", VtdTestdev, host_aw_bits, 0),
    DEFINE_PROP_UINT64("limit", VtdTestdev, mappings.limit, 0),
    DEFINE_PROP_BOOL("iommufd", VtdTestdev, mappings.iommufd, false),
    DEFINE_PROP_BOOL("floor", VtdTestdev, use_floor, false),
};

static void testdev_class_init(ObjectClass *klass, TestdevClassData data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);

    dc->desc = "IOMMU test device";
    device_class_set_props(dc, testdev_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    pc->realize = testdev_realize;
    pc->exit = testdev_exit;
    pc->vendor_id = PCI_VENDOR_ID_QEMU;
    pc->device_id = VTD_TESTDEV_DEVICE_ID;
    pc->class_id = PCI_CLASS_OTHERS;
}

static const TypeInfo testdev_types[] = {
    {
        .name = TYPE_VTD_TESTDEV,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(VtdTestdev),
        .class_init = testdev_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    }, {
        .name = TYPE_TESTDEV_HOST,
        .parent = TYPE_HOST_IOMMU_DEVICE,
        .class_init = host_class_init,
    }, {
        .name = TYPE_TESTDEV_FLOOR,
        .parent = TYPE_IOMMU_MEMORY_REGION,
        .instance_size = sizeof(TestdevFloor),
        .class_init = floor_class_init,
    },
};

DEFINE_TYPES(testdev_types)
