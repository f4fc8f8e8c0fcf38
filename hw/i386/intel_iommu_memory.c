/*
 * Intel IOMMU (VT-d) device: the guest's memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what of the address space is memory that the unit's structures can be
 * in: RAM, and the windows through which a CPU reaches memory of CXL, which
 * QEMU models as I/O.  Registers of devices, the unit's own above all, must
 * never be among it: a guest could let the unit call itself.
 *
 * Runs in any thread, inside an RCU read section, but for writes: they are
 * made under the big lock.
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "system/address-spaces.h"
#include "system/memory_cached.h"
#include "exec/memop.h"
#include "hw/cxl/cxl.h"
#include "hw/cxl/cxl_host.h"
#include "intel_iommu_internal.h"

static const MemTxAttrs ram_only = { .memory = 1 };

/*
 * The region at @gpa if it is a window to CXL memory, else NULL.  @at becomes
 * the offset in it, and *@size is cut to what one access may have.  The caller
 * accesses this very region and must not look it up again: the memory map may
 * change meanwhile, and the second answer be a device's registers.
 */
static MemoryRegion *intel_iommu_cxl_at(uint64_t gpa, bool write,
                                           hwaddr *at, hwaddr *size)
{
    MemoryRegion *region;

    *size = MIN(*size, sizeof(uint64_t));
    region = address_space_translate(&address_space_memory, gpa, at, size,
                                     write, MEMTXATTRS_UNSPECIFIED);
    *size = pow2floor(*size);
    return region->ops == &cfmws_ops ? region : NULL;
}

static bool intel_iommu_read_cxl(uint64_t gpa, uint8_t *buf, hwaddr len)
{
    for (hwaddr at, size = len; len; gpa += size, buf += size, len -= size,
                                     size = len) {
        MemoryRegion *region = intel_iommu_cxl_at(gpa, false, &at, &size);
        uint64_t value;

        if (!region) {
            return false;
        }
        BQL_LOCK_GUARD();
        if (memory_region_dispatch_read(region, at, &value, size_memop(size),
                                        MEMTXATTRS_UNSPECIFIED) != MEMTX_OK) {
            return false;
        }
        stn_he_p(buf, size, value);
    }
    return true;
}

static bool intel_iommu_write_cxl(uint64_t gpa, const uint8_t *buf,
                                     hwaddr len)
{
    for (hwaddr at, size = len; len; gpa += size, buf += size, len -= size,
                                     size = len) {
        MemoryRegion *region = intel_iommu_cxl_at(gpa, true, &at, &size);

        if (!region) {
            return false;
        }
        BQL_LOCK_GUARD();
        if (memory_region_dispatch_write(region, at, ldn_he_p(buf, size),
                                         size_memop(size),
                                         MEMTXATTRS_UNSPECIFIED) !=
            MEMTX_OK) {
            return false;
        }
    }
    return true;
}

bool intel_iommu_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    return intel_iommu_read_in_place(opaque, gpa, buf, len) ||
           address_space_read(&address_space_memory, gpa, ram_only, buf,
                              len) == MEMTX_OK ||
           intel_iommu_read_cxl(gpa, buf, len);
}

/*
 * The RAM that was written to last, so that the status of each wait descriptor
 * needs no search for where it is.  Under the big lock.
 */
struct IntelIOMMUWritten {
    MemoryRegionCache cache;
    hwaddr first;
    hwaddr len;                 /* 0: there is none */
};

void intel_iommu_init_memory(IntelIOMMUState *s)
{
    s->written = g_new0(struct IntelIOMMUWritten, 1);
}

void intel_iommu_forget_written(IntelIOMMUState *s)
{
    address_space_cache_destroy(&s->written->cache);
    s->written->len = 0;
}

/* Something at @gpa was written: remember all of the RAM around it */
static void intel_iommu_note_written(IntelIOMMUState *s, uint64_t gpa)
{
    struct IntelIOMMUWritten *written = s->written;
    VtdRam ram;

    intel_iommu_forget_written(s);
    intel_iommu_ram(s, gpa, &ram);
    if (!ram.data) {
        return;
    }
    written->first = ram.first;
    written->len = address_space_cache_init(&written->cache,
                                            &address_space_memory, ram.first,
                                            ram.last - ram.first + 1, true);
    if (!written->cache.ptr) {
        intel_iommu_forget_written(s);
    }
}

static bool intel_iommu_write_again(IntelIOMMUState *s, uint64_t gpa,
                                    const void *buf, size_t len)
{
    struct IntelIOMMUWritten *written = s->written;
    hwaddr at = gpa - written->first;

    if (gpa < written->first || at >= written->len ||
        len > written->len - at) {
        return false;
    }
    address_space_write_cached(&written->cache, at, buf, len);
    address_space_cache_invalidate(&written->cache, at, len);
    return true;
}

bool intel_iommu_write(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
    if (intel_iommu_write_again(opaque, gpa, buf, len)) {
        return true;
    }
    if (address_space_write(&address_space_memory, gpa, ram_only, buf,
                            len) == MEMTX_OK) {
        intel_iommu_note_written(opaque, gpa);
        return true;
    }
    return intel_iommu_write_cxl(gpa, buf, len);
}

bool intel_iommu_swap(void *opaque, uint64_t gpa, uint64_t old, uint64_t new)
{
    hwaddr at, size = sizeof(new);
    MemoryRegion *region = address_space_translate(&address_space_memory, gpa,
                                                   &at, &size, true,
                                                   ram_only);
    uint64_t *there;

    if (size < sizeof(new) || !memory_access_is_direct(region, true,
                                                       ram_only)) {
        return false;
    }
    there = qemu_map_ram_ptr(region->ram_block, at);
    if (qatomic_cmpxchg(there, old, new) != old) {
        return false;
    }
    memory_region_set_dirty(region, at, sizeof(new));
    return true;
}
