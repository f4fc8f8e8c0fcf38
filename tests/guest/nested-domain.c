/*
 * A program in a guest that makes first-stage tables of its own
 *
 * It takes a test device (docs/specs/vtd-testdev.rst) by VFIO and iommufd,
 * has the kernel put tables of this program's under a domain of the second
 * stage, as a VMM does for its guest, and looks what the device reaches, and
 * what its shadow is told.  Prints a line for each check: ok or "not ok", and
 * what was looked at.
 *
 *     nested-domain DEVICE        for instance /dev/vfio/devices/vfio1
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#define PAGE 4096
#define PAGES 16
#define SPARE PAGES             /* one that is mapped in the place of another */
#define ENTRIES 512

/* What the first stage translates: anywhere within 48 bits, and canonical */
#define IOVA 0x7654321ff000ULL

/* Entries of the first stage */
#define P_RW_US 0x7
#define ACCESSED 0x20
#define DIRTY 0x40
#define ECAP_NEST (1ULL << 26)

/* The test device's registers, numbered by words, and its commands */
enum {
    COMMAND = 0, STATUS = 1, ARG = 8, COUNTER = 0x20, BUFFER = 0x200,
    COMMAND_DMA = 7,
    MAPS = 0, UNMAPS = 1, MAPPED_PAGES = 8, ALL_ERRORS = 21,
};

static int iommufd, device;
static uint32_t device_id;      /* as iommufd has it */
static uint8_t *memory;         /* page n is at n * PAGE in the second stage */
static volatile uint64_t *registers;

static void need(bool done, const char *what)
{
    if (!done) {
        printf("not ok %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void check(bool good, const char *what)
{
    printf("%sok %s\n", good ? "" : "not ", what);
}

static void check_number(uint64_t seen, uint64_t expected, const char *what)
{
    check(seen == expected, what);
    if (seen != expected) {
        printf("# seen: %llu, expected: %llu\n", (unsigned long long)seen,
               (unsigned long long)expected);
    }
}

static uint8_t *page(unsigned n)
{
    return memory + n * PAGE;
}

static uint64_t *entry(unsigned table, uint64_t address, unsigned level)
{
    return (uint64_t *)page(table) +
        (address >> (12 + 9 * (level - 1))) % ENTRIES;
}

static uint64_t counter(unsigned n)
{
    return registers[COUNTER + n];
}

/* DMA by the device, of its buffer; true if it is done */
static bool dma(uint64_t address, unsigned bytes, bool write)
{
    registers[ARG] = address;
    registers[ARG + 1] = bytes;
    registers[ARG + 2] = write;
    registers[COMMAND] = COMMAND_DMA;
    return !registers[STATUS];
}

/* Whether the device reads at an address what a page has */
static bool reads(uint64_t address, unsigned n)
{
    const uint64_t *expected = (const uint64_t *)page(n);
    bool same = dma(address, PAGE, false);

    for (unsigned i = 0; i < ENTRIES; i++) {
        same = same && registers[BUFFER + i] == expected[i];
    }
    return same;
}

/* Whether the device writes what a page has to an address */
static bool writes(uint64_t address, unsigned n)
{
    const uint64_t *source = (const uint64_t *)page(n);

    for (unsigned i = 0; i < ENTRIES; i++) {
        registers[BUFFER + i] = source[i];
    }
    return dma(address, PAGE, true);
}

static void open_device(const char *path)
{
    struct vfio_region_info info = { .argsz = sizeof(info) };
    struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
    struct iommu_hw_info_vtd unit = { 0 };
    struct iommu_hw_info hw = {
        .size = sizeof(hw), .data_len = sizeof(unit),
        .data_uptr = (uintptr_t)&unit,
    };
    uint16_t command = 6;       /* memory space, bus master */

    iommufd = open("/dev/iommu", O_RDWR);
    device = open(path, O_RDWR);
    bind.iommufd = iommufd;
    need(iommufd >= 0 && device >= 0 &&
         !ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind), "bind the device");
    hw.dev_id = device_id = bind.out_devid;
    need(!ioctl(iommufd, IOMMU_GET_HW_INFO, &hw), "ask for the IOMMU");
    check(hw.out_data_type == IOMMU_HW_INFO_TYPE_INTEL_VTD &&
          unit.ecap_reg & ECAP_NEST, "the IOMMU can nest");

    info.index = VFIO_PCI_CONFIG_REGION_INDEX;
    need(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) &&
         pwrite(device, &command, 2, info.offset + 4) == 2,
         "switch the device on");
    info.index = VFIO_PCI_BAR0_REGION_INDEX;
    need(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info), "find its BAR");
    registers = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED,
                     device, info.offset);
    need(registers != MAP_FAILED, "map its BAR");
    memory = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    need(memory != MAP_FAILED, "allocate memory");
    for (unsigned i = 0; i < (PAGES + 1) * PAGE; i++) {
        memory[i] = i / PAGE + i % 251;
    }
}

static void map(uint32_t ioas, unsigned first, unsigned count, unsigned at)
{
    struct iommu_ioas_map map = {
        .size = sizeof(map), .ioas_id = ioas,
        .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
                 IOMMU_IOAS_MAP_WRITEABLE,
        .user_va = (uintptr_t)page(first), .length = count * PAGE,
        .iova = at * PAGE,
    };

    need(!ioctl(iommufd, IOMMU_IOAS_MAP, &map), "map in the second stage");
}

static void unmap(uint32_t ioas, unsigned first, unsigned count)
{
    struct iommu_ioas_unmap unmap = {
        .size = sizeof(unmap), .ioas_id = ioas,
        .iova = first * PAGE, .length = count * PAGE,
    };

    need(!ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap),
         "unmap in the second stage");
}

static uint32_t make_domain(uint32_t parent, uint32_t flags,
                            struct iommu_hwpt_vtd_s1 *data)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc), .flags = flags, .dev_id = device_id,
        .pt_id = parent,
    };

    if (data) {
        alloc.data_type = IOMMU_HWPT_DATA_VTD_S1;
        alloc.data_len = sizeof(*data);
        alloc.data_uptr = (uintptr_t)data;
    }
    need(!ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc),
         data ? "make a nested domain" : "make a domain to nest in");
    return alloc.out_hwpt_id;
}

static void attach(uint32_t domain)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach), .pt_id = domain,
    };

    need(!ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach),
         "attach the device to a domain");
}

static void invalidate(uint32_t domain, uint64_t address, uint64_t pages)
{
    struct iommu_hwpt_vtd_s1_invalidate range = {
        .addr = address, .npages = pages,
    };
    struct iommu_hwpt_invalidate invalidate = {
        .size = sizeof(invalidate), .hwpt_id = domain,
        .data_uptr = (uintptr_t)&range,
        .data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
        .entry_len = sizeof(range), .entry_num = 1,
    };

    need(!ioctl(iommufd, IOMMU_HWPT_INVALIDATE, &invalidate) &&
         invalidate.entry_num == 1, "invalidate the first stage");
}

/* Tables in pages 0 to 3 and 4: two pages at IOVA, each with its own leaf */
static void make_tables(void)
{
    memset(memory, 0, 5 * PAGE);
    *entry(0, IOVA, 4) = 1 * PAGE | P_RW_US;
    *entry(1, IOVA, 3) = 2 * PAGE | P_RW_US;
    *entry(2, IOVA, 2) = 3 * PAGE | P_RW_US;
    *entry(2, IOVA + PAGE, 2) = 4 * PAGE | P_RW_US;
    *entry(3, IOVA, 1) = 6 * PAGE | P_RW_US;
    *entry(4, IOVA + PAGE, 1) = 9 * PAGE | P_RW_US;
}

static void check_first_stage(uint32_t nested)
{
    uint64_t *first = entry(3, IOVA, 1), *second = entry(4, IOVA + PAGE, 1);
    uint64_t maps, unmaps;

    check_number(counter(MAPPED_PAGES), 2, "the shadow has both pages");
    check(reads(IOVA, 6) && reads(IOVA + PAGE, 9),
          "the device reads both pages");
    /* A shadow lets a device write without another look at the tables. */
    check(*first & *second & ACCESSED && *first & *second & DIRTY,
          "both leaves are accessed, and dirty, as they are in a shadow");
    check(writes(IOVA, 10) && !memcmp(page(6), page(10), PAGE),
          "the device writes to a page");

    maps = counter(MAPS);
    unmaps = counter(UNMAPS);
    *second = 11 * PAGE | P_RW_US;
    invalidate(nested, IOVA + PAGE, 1);
    check(reads(IOVA + PAGE, 11),
          "a changed entry leads elsewhere");
    check_number(counter(UNMAPS) - unmaps, 1, "one page was unmapped for it");
    check_number(counter(MAPS) - maps, 1, "and one mapped");

    /* Of all pages Linux 6.12 makes a mask of 52, which is CAP.MAMV then. */
    *first = 0;
    invalidate(nested, 0, UINT64_MAX);
    check_number(counter(MAPPED_PAGES), 1, "the shadow lacks a cleared entry");
    check_number(counter(UNMAPS) - unmaps, 2, "and was left alone otherwise");
    *first = 12 * PAGE | P_RW_US;
    invalidate(nested, IOVA, 1);
    check(reads(IOVA, 12), "an entry that is new leads there");
}

static void check_second_stage(uint32_t ioas, uint32_t nested)
{
    uint64_t unmaps = counter(UNMAPS);

    unmap(ioas, 12, 1);
    check_number(counter(MAPPED_PAGES), 1,
                 "the shadow lacks what the second stage does");
    map(ioas, SPARE, 1, 12);
    /* Linux 6.12 does not tell the unit of it, in caching mode either. */
    invalidate(nested, IOVA, 1);
    check_number(counter(MAPPED_PAGES), 2, "and has what it has again");
    check(reads(IOVA, SPARE),
          "a page of the second stage leads elsewhere");
    check_number(counter(UNMAPS) - unmaps, 1,
                 "the other page was left alone");
}

int main(int argc, char **argv)
{
    struct iommu_ioas_alloc space = { .size = sizeof(space) };
    struct iommu_hwpt_vtd_s1 tables = { .pgtbl_addr = 0, .addr_width = 48 };
    uint32_t ioas, parent, nested;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc != 2) {
        return 2;
    }
    open_device(argv[1]);
    make_tables();
    need(!ioctl(iommufd, IOMMU_IOAS_ALLOC, &space), "make an address space");
    ioas = space.out_ioas_id;
    map(ioas, 0, 12, 0);
    map(ioas, 12, 1, 12);
    map(ioas, 13, PAGES - 13, 13);
    parent = make_domain(ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, NULL);
    nested = make_domain(parent, 0, &tables);
    attach(nested);
    check_first_stage(nested);
    check_second_stage(ioas, nested);
    attach(parent);
    check_number(counter(MAPPED_PAGES), PAGES,
                 "with the second stage alone the shadow has all of it");
    check(reads(6 * PAGE, 6), "and the device reads there");
    attach(nested);
    check(reads(IOVA, SPARE), "and in the nested domain again");
    check_number(counter(MAPPED_PAGES), 2, "which the shadow follows");
    check_number(counter(ALL_ERRORS), 0, "no rule of VFIO's was broken");
    return 0;
}
