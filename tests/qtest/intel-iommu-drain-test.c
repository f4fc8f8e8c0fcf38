/*
 * VT-d qtests: an invalidation that is complete is a promise
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A device writes a page by DMA without a break, in a thread that does not
 * have the big lock.  The page is mapped to other memory and invalidated, and
 * the wait descriptor writes its status into the memory that the page was
 * mapped to before: this is the first use of that memory for something else.
 * No write of the device's may come after it.  What comes after it all the
 * same, through a pointer that QEMU's memory API gave to a device, is shown,
 * too.
 */

#include "qemu/osdep.h"
#include "vtd-board.h"

#define ROUNDS                  (g_test_slow() ? 100000u : 1500u)
#define OTHER                   (BOARD_RAM + 0x1000)
#define STATUS                  0x5a5a0001u

static void loop(Testdev *t, uint64_t iova, uint64_t count, uint64_t bytes)
{
    expect_eq(testdev_command(t, TESTDEV_LOOP, 7, iova, 1ull, 0ull, count,
                              bytes, (uint64_t)TESTDEV_LOOP_WRITE, 0ull),
              TESTDEV_OK);
}

static void await_head(QVtd *d)
{
    while (qvtd_read64(d, QVTD_IQH) != d->tail * qvtd_desc_size(d)) {
        g_assert_cmphex(qvtd_read32(d, QVTD_FSTS), ==, 0);
    }
}

/* How often the status was overwritten */
static unsigned overwritten(Board *w, QVtdDesc flush, uint64_t bytes)
{
    uint64_t entry = qvtd_entry(&w->d, &w->domain, IOVA, 1);
    uint64_t now = BOARD_RAM, next = OTHER;
    unsigned n = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t at = now + bytes - 4;
        uint64_t old = now;

        qvtd_put(&w->d, entry, next | QVTD_RW);
        qvtd_queue_put(&w->d, flush);
        qvtd_queue_put(&w->d, QVTD_WAIT(QVTD_WAIT_SW, STATUS, at));
        qvtd_queue_kick(&w->d);
        await_head(&w->d);
        now = next;
        next = old;
        /* By now the device has gone on to the next write, or some */
        n += qtest_readl(w->d.qts, at) != STATUS;
    }
    return n;
}

static void check_writes(QVtdDesc flush)
{
    static const uint64_t bytes[] = { 8, 4096 };
    Board w;

    board_start(&w, "", ",record=off,table=off", "");
    BOARD_EDIT(&w, LEAVES(1, IOVA, BOARD_RAM, 1));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
        unsigned n;

        qvtd_row("%" PRIu64 " bytes", bytes[i]);
        qvtd_map(&w.d, &w.domain, IOVA, BOARD_RAM, 1, QVTD_RW);
        qvtd_invalidate(&w.d, FLUSH_DOMAIN);
        loop(&w.a, IOVA, UINT64_MAX, bytes[i]);
        n = overwritten(&w, flush, bytes[i]);
        loop(&w.a, IOVA, 0, 0);
        g_test_message("%u of %u overwritten beside %" PRIu64 " writes of %"
                       PRIu64 " bytes", n, ROUNDS,
                       testdev_count(&w.a, TESTDEV_LOOP_DONE), bytes[i]);
        expect_eq(n, 0);
        expect_eq(testdev_count(&w.a, TESTDEV_LOOP_FAILURES), 0);
    }
    board_stop(&w);
}

static void test_page(void)
{
    check_writes(QVTD_INV_IOTLB_PAGES(1, IOVA, 0));
}

static void test_domain(void)
{
    check_writes(QVTD_INV_IOTLB_DOMAIN(1));
}

/*
 * A device that writes to a register of another one has to wait for the big
 * lock, which the run of the queue holds: the drain must not wait for it then
 */
static void test_register(void)
{
    Board w;

    board_start(&w, "", "", "");
    qvtd_map(&w.d, &w.domain, IOVA, w.b.bar.addr + TESTDEV_BUFFER, 1,
             QVTD_RW);
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    loop(&w.a, IOVA, 20000, 8);
    for (unsigned i = 0; i < 200; i++) {
        qvtd_queue_put(&w.d, QVTD_INV_IOTLB_PAGES(1, IOVA, 0));
        qvtd_queue_put(&w.d, QVTD_WAIT(QVTD_WAIT_SW, i, w.d.status));
        qvtd_queue_kick(&w.d);
        await_head(&w.d);
        expect_eq(qvtd_get32(&w.d, w.d.status), i);
    }
    /* The device's thread wants the lock that ending it would hold */
    while (testdev_count(&w.a, TESTDEV_LOOP_RUNNING)) {
        g_usleep(1000);
    }
    expect_eq(testdev_count(&w.a, TESTDEV_LOOP_DONE), 20000);
    board_stop(&w);
}

/*
 * What no IOMMU of QEMU's can give: a device that has mapped memory by
 * address_space_map() holds a pointer, and nothing tells it to stop.  Where
 * the invalidation does not end that, this says so; should it ever do, the
 * documentation is wrong.
 */
static void test_held(void)
{
    Board w;

    board_start(&w, "", "", "");
    BOARD_EDIT(&w, LEAVES(1, IOVA, BOARD_RAM, 1));
    qvtd_invalidate(&w.d, FLUSH_DOMAIN);
    for (unsigned i = 0; i < 8; i++) {
        testdev_write_reg(&w.a, TESTDEV_BUFFER + 8 * i, 0);
    }
    expect_eq(testdev_command(&w.a, TESTDEV_HOLD, 2, IOVA, 64ull),
              TESTDEV_OK);
    qvtd_map(&w.d, &w.domain, IOVA, OTHER, 1, QVTD_RW);
    qvtd_invalidate(&w.d, QVTD_INV_IOTLB_PAGES(1, IOVA, 0));
    qtest_writeq(w.d.qts, BOARD_RAM, STATUS);
    qtest_writeq(w.d.qts, OTHER, STATUS);
    expect_eq(testdev_command(&w.a, TESTDEV_HOLD, 2, 0ull, 0ull), TESTDEV_OK);
    expect_eq(qtest_readq(w.d.qts, BOARD_RAM), 0);
    expect_eq(qtest_readq(w.d.qts, OTHER), STATUS);
    board_stop(&w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/drain/page", test_page);
    qtest_add_func("/intel-iommu/drain/domain", test_domain);
    qtest_add_func("/intel-iommu/drain/register", test_register);
    qtest_add_func("/intel-iommu/drain/held", test_held);
    return g_test_run();
}
