/*
 * VT-d qtests: the requests of a unit that is looked at
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the device that makes them: the test device, or edu, which each QEMU
 * has.  Of edu's DMA can be seen which faults it met, and where a write went;
 * it does not say what it read, and no shadow is kept for it.
 */

#include "qemu/osdep.h"
#include "vtd-subject.h"

#define PATTERN                 0x5a5a

/* What is where in edu's buffer: words for messages, to write, read */
#define WORDS                   0
#define WRITTEN                 0x800
#define READ                    0xc00
#define WORD_BASES              ((const uint32_t[]) { 0, 1, DEVICE_VECTOR })

/* Each word that differs from one of those of messages by one bit at most */
static uint32_t word_at(unsigned i)
{
    return WORD_BASES[i / 33] ^ (uint32_t)(1ull << (i % 33));
}

/* Fill the buffer, which outlives resets, while nothing is translated */
static void load_words(Subject *w)
{
    uint64_t page = qvtd_alloc(&w->d, 1);

    for (unsigned i = 0; i < 3 * 33; i++) {
        qtest_writel(w->d.qts, page + WORDS + i * 4, word_at(i));
    }
    qtest_writeq(w->d.qts, page + WRITTEN, PATTERN);
    edu_dma_read(&w->edu, page, 0, EDU_BUFFER_BYTES);
}

void subject_find_requester(Subject *w, bool first)
{
    if (w->has_testdev) {
        testdev_start(&w->t, &w->d, SID);
        return;
    }
    edu_start(&w->edu, &w->d, SID);
    if (first) {
        load_words(w);
    }
}

void subject_lose_requester(Subject *w)
{
    if (w->has_testdev) {
        testdev_stop(&w->t);
    } else {
        edu_stop(&w->edu);
    }
}

static void testdev_request(Subject *w, uint64_t iova, bool write)
{
    TestdevProbe probe = { .iova = iova };

    if (write) {
        w->now.extra[COMPARE_DMA] = !testdev_dma_write(&w->t, iova, PATTERN);
    } else {
        testdev_write_reg(&w->t, TESTDEV_BUFFER, 0);
        w->now.extra[COMPARE_DMA] = !testdev_dma_read(&w->t, iova,
                                        &w->now.extra[COMPARE_DATA]);
    }
    testdev_probe_all(&w->t, &probe, 1, write ? 2 : 1);
    w->now.extra[COMPARE_PERM] = probe.perm;
    w->now.extra[COMPARE_TARGET] = probe.perm ? probe.target : 0;
}

static bool has_fault(Subject *w)
{
    return qvtd_read32(&w->d, QVTD_FRCD_HI + 4) >> 31;
}

/* Which target was written to, which is undone; 0 if none was */
static uint64_t take_written(Subject *w)
{
    uint64_t written = 0;

    for (uint64_t pa = TARGET; pa <= OTHER_TARGET;
         pa += OTHER_TARGET - TARGET) {
        if (qtest_readq(w->d.qts, pa) == PATTERN) {
            qtest_writeq(w->d.qts, pa, pa);
            written = pa;
        }
    }
    return written;
}

bool subject_dma(Subject *w, uint64_t iova, bool write)
{
    if (w->has_testdev) {
        testdev_request(w, iova, write);
        return write && !w->now.extra[COMPARE_DMA] && !take_written(w);
    }
    if (!write) {
        edu_dma_read(&w->edu, iova, READ, 8);
        return false;
    }
    edu_dma_write(&w->edu, iova, WRITTEN, 8);
    w->now.extra[COMPARE_TARGET] = take_written(w);
    return !w->now.extra[COMPARE_TARGET] && !has_fault(w);
}

void subject_look(Subject *w, uint64_t iova)
{
    subject_dma(w, iova, !w->has_testdev);
}

void subject_dma_message(Subject *w, uint64_t addr, uint32_t data)
{
    unsigned i = 0;

    if (w->has_testdev) {
        testdev_write_reg(&w->t, TESTDEV_BUFFER, data);
        w->now.extra[COMPARE_DMA] = testdev_command(
            &w->t, TESTDEV_DMA, 3, addr, (uint64_t)4, (uint64_t)true);
        return;
    }
    while (word_at(i) != data) {
        i++;
        g_assert_cmpuint(i, <, 3 * 33);
    }
    edu_dma_write(&w->edu, addr, WORDS + i * 4, 4);
}
