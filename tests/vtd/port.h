/*
 * VT-d tests: how a test reaches a unit, whatever it runs in
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the few calls that all else in tests/vtd/ is written with.  The unit
 * tests' made-up host (tests/unit/vtd-port.c) has them, and QEMU under qtest
 * (tests/qtest/vtd-port.c).  One thread.
 */

#ifndef TESTS_VTD_PORT_H
#define TESTS_VTD_PORT_H

/* Neither memory nor a device, below every width of addresses */
#define QVTD_HOLE               0x4000000000ull

/* Where the unit would send a request; nothing is recorded if nowhere */
typedef struct QVtdProbe {
    uint64_t iova;              /* asked for */
    uint64_t target;            /* of that very address */
    uint64_t mask;              /* of the piece that goes there with it */
    unsigned perm;              /* bit 0 read, bit 1 write; 0: blocked */
} QVtdProbe;

typedef struct QVtdPort QVtdPort;

struct QVtdPort {
    /* A register, @size 4 or 8 */
    uint64_t (*reg_read)(QVtdPort *port, unsigned offset, unsigned size);
    void (*reg_write)(QVtdPort *port, unsigned offset, uint64_t value,
                      unsigned size);
    /*
     * Guest memory, as bytes: false where not all of the range is memory.
     * @gpa and @len are multiples of 4, as each word is written at once.
     */
    bool (*mem_read)(QVtdPort *port, uint64_t gpa, void *buf, size_t len);
    bool (*mem_write)(QVtdPort *port, uint64_t gpa, const void *buf,
                      size_t len);
    /* Whether @gpa is RAM, and up to where what follows on is the same */
    bool (*ram)(QVtdPort *port, uint64_t gpa, uint64_t *last);
    /* A device's DMA of eight bytes to or from @value; false: it failed */
    bool (*dma)(QVtdPort *port, uint16_t sid, uint64_t iova, bool write,
                uint64_t *value);
    /* Fill in @n probes, whose iova is set, for that device */
    void (*probe)(QVtdPort *port, uint16_t sid, QVtdProbe *probes,
                  unsigned n);
    /* A counter of the unit's, as its property "stats" names them */
    uint64_t (*stat)(QVtdPort *port, const char *name);
    /* Let the unit get on with what takes it long, until it is done */
    void (*pump)(QVtdPort *port);
};

#endif
