/*
 * VT-d qtests: our device against QEMU's own, bit by bit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every bit of each register, structure, descriptor and message is changed
 * in turn, alone and with the rest set up as it should be.  What a guest can
 * see of it must be what it sees of QEMU's own device (QTEST_STOCK_BINARY),
 * but for vtd_differences[].
 */

#include "qemu/osdep.h"
#include "vtd-migrate.h"
#include "vtd-subject.h"

/* What is compared on a machine */
#define REGISTERS               (1 << 0)
#define ACCESSES                (1 << 1)
#define REGISTERS_SET_UP        (1 << 2)
#define TABLES                  (1 << 3)
#define TABLES_BY_REGISTER      (1 << 4)
#define ADDRESSES               (1 << 5)
#define LATCHES                 (1 << 6)
#define DESCRIPTORS             (1 << 7)
#define COMMANDS                (1 << 8)
#define EVENTS                  (1 << 9)
#define INTERRUPTS              (1 << 10)
#define EVERYTHING              0x7ff

typedef struct Machine {
    const char *name;
    const char *machine;
    const char *props;
    unsigned what;
} Machine;

/* Registers */

static void write_size(Subject *w, unsigned offset, unsigned size,
                       uint64_t value)
{
    uint64_t addr = QVTD_BASE + offset;

    switch (size) {
    case 1:
        qtest_writeb(w->d.qts, addr, value);
        break;
    case 2:
        qtest_writew(w->d.qts, addr, value);
        break;
    case 4:
        qtest_writel(w->d.qts, addr, value);
        break;
    default:
        qtest_writeq(w->d.qts, addr, value);
        break;
    }
}

static uint64_t read_size(Subject *w, unsigned offset, unsigned size)
{
    uint64_t addr = QVTD_BASE + offset;

    switch (size) {
    case 1:
        return qtest_readb(w->d.qts, addr);
    case 2:
        return qtest_readw(w->d.qts, addr);
    case 4:
        return qtest_readl(w->d.qts, addr);
    default:
        return qtest_readq(w->d.qts, addr);
    }
}

/* What software would write to change nothing */
static uint64_t old_value(Subject *w, unsigned offset, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, (char *)w->before + offset, size);
    if (offset == QVTD_GCMD) {
        value |= w->levels;
    }
    return value;
}

/* Each bit of what is at @offset: alone, or with the rest as it is */
static void test_write(Subject *w, const State *state, unsigned offset,
                       unsigned size, bool alone)
{
    for (unsigned bit = 0; bit < size * 8; bit++) {
        uint64_t value = 1ull << bit;

        if (!subject_begin(w, state, bit, "%u@0x%03x/write", size, offset)) {
            continue;
        }
        value ^= alone ? 0 : old_value(w, offset, size);
        write_size(w, offset, size, value);
        subject_end(w);
        if (subject_is_unchanged(w)) {
            continue;
        }
        if (offset != QVTD_GCMD) {
            write_size(w, offset, size, old_value(w, offset, size));
        }
        subject_leave(w);
    }
}

/* Wherever they start, and past the last register */
static void test_access(Subject *w, const State *state, unsigned size)
{
    for (unsigned offset = 0; offset < 0x1000;
         offset += offset < QVTD_SIZE ? 1 : 0x5d) {
        if (subject_begin(w, state, 0, "%u@0x%03x/ones", size, offset)) {
            write_size(w, offset, size, -1);
            subject_end(w);
            w->state = subject_is_unchanged(w) ? state : NULL;
        }
        if (subject_begin(w, state, 0, "read%u@0x%03x", size, offset)) {
            w->now.extra[COMPARE_DATA] = read_size(w, offset, size);
            subject_end(w);
        }
    }
}

/* Of the widths that the registers have; @end is where to end */
static void test_registers(Subject *w, const State *state, unsigned end)
{
    subject_state(w, state);
    for (unsigned size = 4; size <= 8; size *= 2) {
        for (unsigned offset = 0; offset < end; offset += size) {
            test_write(w, state, offset, size, state == &state_fresh);
        }
    }
}

static void test_registers_alone(Subject *w)
{
    test_registers(w, &state_fresh, QVTD_SIZE);
}

static void test_registers_set_up(Subject *w)
{
    static const State *const states[] = {
        &state_ready, &state_faults, &state_errors,
    };

    test_registers(w, &state_all, QVTD_SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
        /* The rest is a gap, and then the fault record */
        test_registers(w, states[i], QVTD_IOTLB + 8);
        for (unsigned size = 4; size <= 8; size *= 2) {
            for (unsigned offset = QVTD_FRCD_LO; offset < QVTD_SIZE;
                 offset += size) {
                test_write(w, states[i], offset, size, false);
            }
        }
    }
}

static void test_accesses(Subject *w)
{
    for (unsigned size = 1; size <= 2; size *= 2) {
        for (unsigned offset = 0; offset < QVTD_SIZE; offset += size) {
            test_write(w, &state_fresh, offset, size, true);
        }
    }
    for (unsigned size = 1; size <= 8; size *= 2) {
        test_access(w, &state_fresh, size);
    }
    subject_state(w, &state_all);
    for (unsigned size = 1; size <= 8; size *= 2) {
        test_access(w, &state_all, size);
    }
}

/* The words of structures that a DMA meets, and the address it goes to */
typedef struct Word {
    const char *name;
    uint64_t (*find)(Subject *w, unsigned arg);
    unsigned arg;
    uint64_t iova;
    uint64_t also;              /* bits that are changed besides */
} Word;

static uint64_t find_root(Subject *w, unsigned arg)
{
    return w->d.root + arg;
}

static uint64_t find_context(Subject *w, unsigned arg)
{
    return w->context + arg;
}

static uint64_t find_entry(Subject *w, unsigned level)
{
    return qvtd_entry(&w->d, &w->domain, IOVA_4K, level);
}

static uint64_t find_leaf(Subject *w, unsigned level)
{
    return qvtd_entry(&w->d, &w->domain, level == 2 ? IOVA_2M : IOVA_1G,
                      level);
}

/* Each bit of a word, for a request that reads and one that writes */
static void test_word(Subject *w, const State *state, const Word *word)
{
    for (unsigned write = 0; write < 2; write++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t addr, old;

            if (!subject_begin(w, state, bit, "%s/%s", word->name,
                       write ? "w" : "r")) {
                continue;
            }
            addr = word->find(w, word->arg);
            old = qtest_readq(w->d.qts, addr);
            qtest_writeq(w->d.qts, addr, old ^ 1ull << bit ^ word->also);
            subject_flush(w);
            subject_see_dma(w, word->iova, write);
            qtest_writeq(w->d.qts, addr, old);
            subject_flush(w);
            subject_settle(w);
        }
    }
}

static void test_tables(Subject *w, const State *state)
{
    static const Word words[] = {
        { "root-lo", find_root, 0, IOVA_4K },
        { "root-hi", find_root, 8, IOVA_4K },
        { "context-lo", find_context, 0, IOVA_4K },
        { "context-hi", find_context, 8, IOVA_4K },
        { "context-absent-fpd", find_context, 0, IOVA_4K,
          QVTD_P | QVTD_FPD },
        { "context-ats", find_context, 0, IOVA_4K, QVTD_TT(1) },
        { "context-pass", find_context, 0, IOVA_4K, QVTD_TT(2) },
        { "context-reserved", find_context, 0, IOVA_4K, QVTD_TT(3) },
        { "level4", find_entry, 4, IOVA_4K },
        { "level3", find_entry, 3, IOVA_4K },
        { "level2", find_entry, 2, IOVA_4K },
        { "leaf-4k", find_entry, 1, IOVA_4K },
        { "leaf-4k-r", find_entry, 1, IOVA_4K, QVTD_W },
        { "leaf-4k-w", find_entry, 1, IOVA_4K, QVTD_R },
        { "leaf-4k-none", find_entry, 1, IOVA_4K, QVTD_RW },
        { "leaf-4k-snoop", find_entry, 1, IOVA_4K, QVTD_SNP },
        { "leaf-2m", find_leaf, 2, IOVA_2M },
        { "leaf-1g", find_leaf, 3, IOVA_1G + TARGET },
    };

    subject_state(w, state);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (words[i].arg != 4 || (w->cap & QVTD_CAP_SAGAW_48)) {
            test_word(w, state, &words[i]);
        }
    }
}

/* Addresses of requests: tables, pass-through, no translation */
static void test_addresses(Subject *w)
{
    static const State *const states[] = {
        &state_all, &state_pass_through, &state_ready,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
        subject_state(w, states[i]);
        for (unsigned write = 0; write < 2; write++) {
            for (unsigned bit = 0; bit < 64; bit++) {
                if (subject_begin(w, states[i], bit, "address/%s",
                          write ? "w" : "r")) {
                    subject_see_dma(w, IOVA_4K ^ 1ull << bit, write);
                    subject_settle(w);
                }
            }
        }
    }
}

/* A register of an address that takes effect with a command */
static void test_latch(Subject *w, const State *state, unsigned reg,
                       const char *name, uint32_t latch, bool interrupt)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        if (!subject_begin(w, state, bit, "%s", name)) {
            continue;
        }
        qvtd_write64(&w->d, reg, qvtd_read64(&w->d, reg) ^ 1ull << bit);
        subject_command(w, latch, true);
        subject_flush(w);
        if (interrupt) {
            subject_message(w, MESSAGE_ADDR, 0);
        } else {
            subject_dma(w, IOVA_4K, false);
        }
        subject_end(w);
        w->state = NULL;
    }
}

/* The queue where its register says that it is */
static void test_queue_address(Subject *w)
{
    subject_state(w, &state_ready);
    for (unsigned bit = 0; bit < 64; bit++) {
        if (!subject_begin(w, &state_ready, bit, "iqa")) {
            continue;
        }
        qvtd_write64(&w->d, QVTD_IQA, w->d.queue ^ 1ull << bit);
        subject_command(w, QVTD_QIE, true);
        qvtd_queue_put(&w->d, QVTD_WAIT(QVTD_WAIT_SW, 1, w->d.status));
        qvtd_queue_kick(&w->d);
        subject_end(w);
        w->state = NULL;
    }
}

static void test_latches(Subject *w)
{
    subject_state(w, &state_all);
    test_latch(w, &state_all, QVTD_RTADDR, "rtaddr", QVTD_SRTP, false);
    test_latch(w, &state_all, QVTD_IRTA, "irta", QVTD_SIRTP, true);
    test_queue_address(w);
}

/*
 * Change what is cached, invalidate in some way, and see whether that had an
 * effect.
 */
static void move_leaf(Subject *w, uint64_t target)
{
    qtest_writeq(w->d.qts, find_entry(w, 1), target | QVTD_RW);
}

static void test_descriptor(Subject *w, const char *name, QVtdDesc desc)
{
    for (unsigned bit = 0; bit < 128; bit++) {
        QVtdDesc changed = desc;

        if (!subject_begin(w, &state_all, bit % 64, "%s/%s", name,
                   bit < 64 ? "lo" : "hi")) {
            continue;
        }
        changed.lo ^= bit < 64 ? 1ull << bit : 0;
        changed.hi ^= bit < 64 ? 0 : 1ull << (bit - 64);
        subject_dma(w, IOVA_4K, false);
        move_leaf(w, OTHER_TARGET);
        qvtd_queue_put(&w->d, changed);
        qvtd_queue_kick(&w->d);
        subject_look(w, IOVA_4K);
        subject_end(w);
        move_leaf(w, TARGET);
        subject_settle(w);
        subject_flush(w);
        subject_settle(w);
        if ((desc.lo & 0xf) == 0x5 && bit >= 64) {
            /* The status may have gone into a table */
            w->state = NULL;
        }
    }
}

static void test_descriptors(Subject *w)
{
    const struct {
        const char *name;
        QVtdDesc desc;
    } rows[] = {
        { "zero", QVTD_DESC(0, 0) },
        { "context-global", QVTD_INV_CONTEXT_GLOBAL },
        { "context-domain", QVTD_INV_CONTEXT_DOMAIN(DID) },
        { "context-device", QVTD_INV_CONTEXT_DEVICE(DID, SID, 0) },
        { "iotlb-global", QVTD_INV_IOTLB_GLOBAL },
        { "iotlb-domain", QVTD_INV_IOTLB_DOMAIN(DID) },
        { "iotlb-page", QVTD_INV_IOTLB_PAGES(DID, IOVA_4K, 0) },
        { "iotlb-pages", QVTD_INV_IOTLB_PAGES(DID, 0, 18) },
        { "device-tlb", QVTD_INV_DEVICE_TLB(SID, IOVA_4K) },
        { "device-tlb-all", QVTD_INV_DEVICE_TLB(SID, 0x7ffffffffffff001) },
        { "iec-global", QVTD_INV_IEC_GLOBAL },
        { "iec-index", QVTD_INV_IEC_INDEX(INDEX, 0) },
        { "wait-status", QVTD_WAIT(QVTD_WAIT_SW, 0x1234, w->d.status) },
        { "wait-interrupt", QVTD_WAIT(QVTD_WAIT_IF, 0, 0) },
        { "wait-both", QVTD_WAIT(QVTD_WAIT_IF | QVTD_WAIT_SW, 0x1234,
                                 w->d.status) },
        { "wait-fence", QVTD_WAIT(QVTD_WAIT_FN, 0, 0) },
        { "pasid-iotlb", QVTD_DESC(0x6 | 2 << 4 | DID << 16, 0) },
        { "pasid-cache", QVTD_DESC(0x7 | 3 << 4, 0) },
        { "pasid-device-tlb", QVTD_DESC(0x8 | SID << 16, IOVA_4K) },
        { "page-response", QVTD_DESC(0x9 | SID << 16, 0) },
    };

    subject_state(w, &state_all);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        test_descriptor(w, rows[i].name, rows[i].desc);
    }
}

/* Commands by registers, with the same look at their effect */
static void test_commands(Subject *w)
{
    static const struct {
        const char *name;
        unsigned reg;
        uint64_t value;
        uint64_t iva;
    } rows[] = {
        { "ccmd-global", QVTD_CCMD, QVTD_CCMD_ICC | QVTD_CCMD_CIRG(1), 0 },
        { "ccmd-domain", QVTD_CCMD, QVTD_CCMD_ICC | QVTD_CCMD_CIRG(2) | DID,
          0 },
        { "ccmd-device", QVTD_CCMD, QVTD_CCMD_ICC | QVTD_CCMD_CIRG(3) |
          QVTD_CCMD_SID(SID) | DID, 0 },
        { "iotlb-global", QVTD_IOTLB, QVTD_IOTLB_IVT | QVTD_IOTLB_IIRG(1), 0 },
        { "iotlb-domain", QVTD_IOTLB, QVTD_IOTLB_IVT | QVTD_IOTLB_IIRG(2) |
          QVTD_IOTLB_DID(DID), 0 },
        { "iotlb-page", QVTD_IOTLB, QVTD_IOTLB_IVT | QVTD_IOTLB_IIRG(3) |
          QVTD_IOTLB_DID(DID), IOVA_4K },
        { "iva", QVTD_IVA, IOVA_4K, 0 },
        { "iva-18", QVTD_IVA, 18, 0 },
    };

    subject_state(w, &state_by_register);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned bit = 0; bit < 64; bit++) {
            uint64_t value = rows[i].value ^ 1ull << bit;

            if (!subject_begin(w, &state_by_register, bit, "%s",
                               rows[i].name)) {
                continue;
            }
            subject_dma(w, IOVA_4K, false);
            move_leaf(w, OTHER_TARGET);
            if (rows[i].reg == QVTD_IVA) {
                qvtd_write64(&w->d, QVTD_IVA, value);
                qvtd_write64(&w->d, QVTD_IOTLB, QVTD_IOTLB_IVT |
                             QVTD_IOTLB_IIRG(3) | QVTD_IOTLB_DID(DID));
            } else {
                qvtd_write64(&w->d, QVTD_IVA, rows[i].iva);
                qvtd_write64(&w->d, rows[i].reg, value);
            }
            subject_look(w, IOVA_4K);
            subject_end(w);
            move_leaf(w, TARGET);
            subject_flush(w);
            subject_settle(w);
        }
    }
}

/* The unit's own messages: faults and completions */
static void test_events(Subject *w)
{
    static const struct {
        const char *name;
        unsigned reg;
    } rows[] = {
        { "fectl", QVTD_FECTL }, { "fedata", QVTD_FEDATA },
        { "feaddr", QVTD_FEADDR }, { "feuaddr", QVTD_FEUADDR },
        { "iectl", QVTD_IECTL }, { "iedata", QVTD_IEDATA },
        { "ieaddr", QVTD_IEADDR }, { "ieuaddr", QVTD_IEUADDR },
    };

    subject_state(w, &state_all);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            uint32_t old;

            if (!subject_begin(w, &state_all, bit, "event-%s", rows[i].name)) {
                continue;
            }
            old = qvtd_read32(&w->d, rows[i].reg);
            qvtd_write32(&w->d, rows[i].reg, old ^ 1u << bit);
            subject_dma(w, QVTD_HOLE, true);
            qvtd_queue_put(&w->d, QVTD_WAIT(QVTD_WAIT_IF, 0, 0));
            qvtd_queue_kick(&w->d);
            subject_end(w);
            qvtd_write32(&w->d, rows[i].reg, old);
            subject_settle(w);
        }
    }
}

/* Interrupt entries and messages */

static void test_irte(Subject *w, const State *state, const char *name,
                      uint64_t also_lo, uint64_t hi)
{
    /* Whatever the source, the lower half means the same */
    for (unsigned bit = hi ? 64 : 0; bit < 128; bit++) {
        uint64_t lo_bits = also_lo, hi_bits = hi;

        if (!subject_begin(w, state, bit % 64, "%s/%s", name,
                   bit < 64 ? "lo" : "hi")) {
            continue;
        }
        lo_bits ^= bit < 64 ? 1ull << bit : 0;
        hi_bits ^= bit < 64 ? 0 : 1ull << (bit - 64);
        qvtd_set_irte(&w->d, INDEX, IRTE ^ lo_bits, hi_bits);
        subject_flush(w);
        subject_message(w, MESSAGE_ADDR, 0);
        subject_end(w);
        qvtd_set_irte(&w->d, INDEX, IRTE, 0);
        subject_flush(w);
        subject_settle(w);
    }
}

static void test_messages(Subject *w, const State *state, const char *name,
                          uint64_t addr, uint32_t data)
{
    for (unsigned dma = 0; dma < 2; dma++) {
        for (unsigned bit = 0; bit < 96; bit++) {
            uint64_t to = bit < 64 ? addr ^ 1ull << bit : addr;
            uint32_t what = bit < 64 ? data : data ^ 1u << (bit - 64);

            if (!subject_begin(w, state, bit % 64, "%s%s/%s", name,
                               dma ? "-dma" : "",
                               bit < 64 ? "address" : "data")) {
                continue;
            }
            if (dma) {
                subject_dma_message(w, to, what);
            } else {
                subject_message(w, to, what);
            }
            subject_end(w);
            subject_settle(w);
        }
    }
}

static void test_interrupts(Subject *w)
{
    static const State *const states[] = {
        &state_all, &state_ready, &state_compatible, &state_extended,
    };

    subject_state(w, &state_all);
    test_irte(w, &state_all, "irte", 0, 0);
    test_irte(w, &state_all, "irte-posted", QVTD_IRTE_IM, 0);
    test_irte(w, &state_all, "irte-absent-fpd", QVTD_P | QVTD_FPD, 0);
    for (unsigned svt = 1; svt < 4; svt++) {
        for (unsigned sq = 0; sq < 4; sq++) {
            g_autofree char *name = g_strdup_printf("irte-%u-%u", svt, sq);

            test_irte(w, &state_all, name, 0,
                      QVTD_IRTE_SOURCE(svt, sq, svt == 2 ? 0 : MSI_SID));
        }
    }
    test_messages(w, &state_all, "remapped", MESSAGE_ADDR, 0);
    test_messages(w, &state_all, "remapped-shv",
                  QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_SHV |
                  QVTD_MSI_HANDLE(INDEX - 1), 1);
    for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
        subject_state(w, states[i]);
        test_messages(w, states[i], "compatible", QVTD_MSI_ADDR,
                      DEVICE_VECTOR);
    }
    test_messages(w, &state_extended, "remapped", MESSAGE_ADDR, 0);
    if (w->ecap & QVTD_ECAP_EIM) {
        test_irte(w, &state_extended, "irte", 0, 0);
    }
}

static void test_tables_queue(Subject *w)
{
    test_tables(w, &state_all);
}

static void test_tables_register(Subject *w)
{
    test_tables(w, &state_by_register);
}

/* By number of the bit in Machine.what */
static void (*const parts[])(Subject *w) = {
    test_registers_alone, test_accesses, test_registers_set_up,
    test_tables_queue, test_tables_register, test_addresses, test_latches,
    test_descriptors, test_commands, test_events, test_interrupts,
};

static unsigned traits;                 /* of QEMU's own unit */

static void run_machine(CompareLog *log, const void *opaque)
{
    const Machine *machine = opaque;
    Subject w;

    subject_start(&w, log, traits & COMPARE_TESTDEV, machine->machine,
                  machine->props);
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        if (machine->what & 1 << i) {
            parts[i](&w);
        }
    }
    subject_stop(&w);
}

static const Machine machines[] = {
    { "default", "q35", "", EVERYTHING },
    { "39-bits", "q35", ",aw-bits=39", TABLES | ADDRESSES | LATCHES },
    { "8.2", "pc-q35-8.2", "", TABLES },
    { "caching-mode", "q35", ",caching-mode=on",
      TABLES | LATCHES | DESCRIPTORS | COMMANDS },
    { "device-iotlb", "q35", ",device-iotlb=on", TABLES | DESCRIPTORS },
    { "no-stale-tm", "q35", ",device-iotlb=on,stale-tm=off", TABLES },
    { "snoop-control", "q35", ",snoop-control=on", TABLES },
    { "eim", "q35", ",eim=on", REGISTERS | LATCHES | EVENTS | INTERRUPTS },
    { "no-pt", "q35", ",pt=off", TABLES },
    { "no-intremap", "q35", ",intremap=off",
      REGISTERS | LATCHES | DESCRIPTORS },
    { "no-translation", "q35", ",dma-translation=off",
      REGISTERS | ADDRESSES | LATCHES },
    /* Units that have scalable mode, of which the guest makes no use */
    { "scalable", "q35", ",x-scalable-mode=on", TABLES | DESCRIPTORS },
    { "first-stage", "q35", ",x-scalable-mode=on,x-flts=on", DESCRIPTORS },
};

static unsigned machines_done;

static void test_machine(const void *opaque)
{
    const Machine *machine = opaque;

    if (!g_getenv(QVTD_STOCK)) {
        g_test_skip("no " QVTD_STOCK);
        return;
    }
    traits = traits ?: compare_find_traits();
    if (strstr(machine->props, ",pt=") &&
        !qvtd_has_option(QVTD_STOCK, "intel-iommu", "pt")) {
        g_test_skip("QEMU's own unit has no option pt");
    } else if (strstr(machine->props, "x-scalable-mode") &&
               !(traits & COMPARE_X_SCALABLE)) {
        g_test_skip("QEMU's own unit has no option x-scalable-mode");
    } else {
        compare(machine->name, run_machine, machine);
    }
    if (++machines_done == ARRAY_SIZE(machines)) {
        compare_expect_all_met();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int i = 0; i < ARRAY_SIZE(machines); i++) {
        g_autofree char *path = g_strdup_printf("/intel-iommu/compare/%s",
                                                machines[i].name);

        qtest_add_data_func(path, &machines[i], test_machine);
    }
    return g_test_run();
}
