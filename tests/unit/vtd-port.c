/*
 * The port of tests/vtd/ to a made-up host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-host.h.
 */

#include "qemu/osdep.h"
#include "vtd-host.h"

static Host *port_host(QVtdPort *port)
{
    return (Host *)((char *)port - offsetof(Host, port));
}

static uint64_t port_reg_read(QVtdPort *port, unsigned offset, unsigned size)
{
    return vtd_mmio_read(port_host(port)->v, offset, size);
}

static void port_reg_write(QVtdPort *port, unsigned offset, uint64_t value,
                           unsigned size)
{
    vtd_mmio_write(port_host(port)->v, offset, value, size);
}

/* As the engine reads, but not counted and not interrupted */
static bool port_mem_read(QVtdPort *port, uint64_t gpa, void *buf, size_t len)
{
    uint32_t *from = host_at(port_host(port), gpa, len), *to = buf;

    g_assert_cmpuint((gpa | len) % 4, ==, 0);
    for (size_t i = 0; from && i < len / 4; i++) {
        to[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
    }
    return from;
}

static bool port_mem_write(QVtdPort *port, uint64_t gpa, const void *buf,
                           size_t len)
{
    uint32_t *to = host_at(port_host(port), gpa, len);
    const uint32_t *from = buf;
    size_t i = 0;

    g_assert_cmpuint((gpa | len) % 4, ==, 0);
    if (to && gpa % 8) {
        __atomic_store_n(to, from[0], __ATOMIC_RELAXED);
        i++;
    }
    for (; to && i + 2 <= len / 4; i += 2) {
        uint64_t word;

        memcpy(&word, from + i, 8);
        __atomic_store_n((uint64_t *)(to + i), word, __ATOMIC_RELAXED);
    }
    if (to && i < len / 4) {
        __atomic_store_n(to + i, from[i], __ATOMIC_RELAXED);
    }
    if (to && port_host(port)->after_put) {
        Host *h = port_host(port);
        uint64_t at = (char *)to - (char *)h->ram;

        for (i = at / 8; i <= (at + len - 1) / 8; i++) {
            h->after_put(h, i * 8);
        }
    }
    return to;
}

static bool port_ram(QVtdPort *port, uint64_t gpa, uint64_t *last)
{
    VtdRam piece;

    host_ram(port_host(port), gpa, &piece);
    *last = piece.last;
    return piece.ram;
}

static Device *port_device(QVtdPort *port, uint16_t sid)
{
    Host *h = port_host(port);

    for (unsigned i = 0; i < h->devices->len; i++) {
        Device *d = g_ptr_array_index(h->devices, i);

        if (d->sid == sid) {
            return d;
        }
    }
    g_assert_not_reached();
}

/* Where nothing translates the engine is not asked */
static bool port_translate(Device *d, uint64_t iova, VtdAccess access,
                           VtdTranslation *t)
{
    if (d->view == VTD_VIEW_DIRECT) {
        *t = (VtdTranslation) {
            .mask = UINT64_MAX, .read = true, .write = true,
        };
        return true;
    }
    return device_translate(d, iova, access, t);
}

static bool port_dma(QVtdPort *port, uint16_t sid, uint64_t iova, bool write,
                     uint64_t *value)
{
    uint64_t gpa, data = GUINT64_TO_LE(*value);
    VtdTranslation t;
    bool done;

    if (!port_translate(port_device(port, sid), iova,
                        write ? VTD_ACCESS_WRITE : VTD_ACCESS_READ, &t)) {
        return false;
    }
    gpa = t.addr | (iova & t.mask);
    done = write ? port_mem_write(port, gpa, &data, 8)
                 : port_mem_read(port, gpa, &data, 8);
    *value = GUINT64_FROM_LE(data);
    return done;
}

static void port_probe(QVtdPort *port, uint16_t sid, QVtdProbe *probes,
                       unsigned n)
{
    Device *d = port_device(port, sid);

    for (unsigned i = 0; i < n; i++) {
        uint64_t iova = probes[i].iova;
        VtdTranslation t;

        probes[i] = (QVtdProbe) { .iova = iova };
        if (port_translate(d, iova, VTD_ACCESS_PROBE, &t)) {
            probes[i].target = t.addr | (iova & t.mask);
            probes[i].mask = t.mask;
            probes[i].perm = t.read | t.write << 1;
        }
    }
}

static uint64_t port_stat(QVtdPort *port, const char *name)
{
    for (VtdStat stat = 0; stat < VTD_STAT_COUNT; stat++) {
        if (g_str_equal(vtd_stat_name(stat), name)) {
            return vtd_stat(port_host(port)->v, stat);
        }
    }
    g_assert_not_reached();
}

static void port_pump(QVtdPort *port)
{
    host_pump(port_host(port));
}

const QVtdPort host_port = {
    .reg_read = port_reg_read,
    .reg_write = port_reg_write,
    .mem_read = port_mem_read,
    .mem_write = port_mem_write,
    .ram = port_ram,
    .dma = port_dma,
    .probe = port_probe,
    .stat = port_stat,
    .pump = port_pump,
};
