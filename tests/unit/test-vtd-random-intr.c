/*
 * The VT-d unit's interrupt remapping against a plain twin, on random tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The twin does each request by itself, from memory, as the specification
 * tells it (8); see vtd-legal.h for what caches may add.
 */

#include "qemu/osdep.h"
#include "vtd-host.h"
#include "vtd-legal.h"

#define IRTES                   64
#define REQUESTS                200

typedef struct Request {
    uint16_t sid;
    uint64_t addr;
    uint32_t data;
    unsigned index;
    Legal legal;
} Request;

static Outcome plain_interrupt(Host *h, uint64_t table, bool eime,
                               const Request *r)
{
    Outcome o = { .cacheable = true };
    unsigned svt, mode;
    uint64_t lo, hi;

    if ((r->addr & BIT(3)) && r->data >> 16) {
        o.reason = QVTD_F_IR_REQUEST;
        return o;
    }
    if (r->index >= IRTES) {
        o.reason = QVTD_F_IR_INDEX;
        return o;
    }
    lo = host_get(h, table + r->index * 16);
    hi = host_get(h, table + r->index * 16 + 8);
    svt = hi >> 18 & 3;
    mode = lo >> 5 & 7;
    if (!(lo & QVTD_P)) {
        o.reason = QVTD_F_IR_ENTRY;
    } else if ((lo & (BITS(15, 12) | BITS(31, 24))) || mode == 3 ||
               mode == 6 || hi >> 20 ||
               (!eime && (lo & (BITS(39, 32) | BITS(63, 48))))) {
        o.reason = QVTD_F_IR_RESERVED;
    } else if (svt == 3 ||
               (svt == 1 && ((r->sid ^ hi) & 0xffff &
                             ~qvtd_functions(hi >> 16 & 3))) ||
               (svt == 2 && (r->sid >> 8 < (hi >> 8 & 0xff) ||
                             r->sid >> 8 > (hi & 0xff)))) {
        o.reason = QVTD_F_IR_SOURCE;
    }
    o.cacheable = o.reason != QVTD_F_IR_ENTRY && o.reason != QVTD_F_IR_RESERVED;
    if (o.reason && (lo & QVTD_FPD)) {
        o.reason = SILENT;
    }
    o.result = (eime ? lo >> 32 : lo >> 40 & 0xff) << 32 |
               (lo >> 16 & 0xff) << 8 | mode << 4 | (lo >> 2 & 7);
    return o;
}

/* Returns if it was one from before an edit */
static bool check_interrupt(Host *h, const Request *r)
{
    Outcome found = { 0 };
    VtdInterrupt i;

    if (vtd_interrupt(h->v, r->sid, r->addr, r->data, true, &i) ==
        VTD_INTERRUPT_REMAPPED) {
        found.result = (uint64_t)i.dest << 32 | i.vector << 8 |
                       i.delivery_mode << 4 | i.level << 2 |
                       i.redirection_hint << 1 | i.logical;
        assert_no_fault(h);
    } else if (rd32(h, QVTD_FSTS) & QVTD_FSTS_PPF) {
        found.reason = rd32(h, QVTD_FRCD_HI + 4) & 0xff;
        assert_fault(h, found.reason, r->sid, found.reason == QVTD_F_IR_REQUEST
                     ? 0 : (uint64_t)r->index << 48, false);
    } else {
        found.reason = SILENT;
    }
    g_assert_true(is_legal(&r->legal, &found));
    return !outcome_equal(&r->legal.now, &found);
}

static void put_some_irte(Host *h, uint64_t entry, bool eime)
{
    uint64_t lo = rnd64() & (BITS(23, 16) | BITS(11, 2) | QVTD_FPD |
                             (eime ? BITS(63, 32) : BITS(47, 40)));
    uint64_t hi = chance(50) ? 0x0100 : rnd64() & 0x0307;

    lo |= chance(90) ? QVTD_P : 0;
    hi |= rnd(4) << 16;
    hi |= chance(50) ? 0 : rnd(4) << 18;
    if (chance(10)) {
        uint64_t *half = chance(50) ? &lo : &hi;

        *half ^= BIT(rnd(64));
    }
    host_put(h, entry + 8, hi);
    host_put(h, entry, lo);
}

static void test_interrupts(void)
{
    unsigned worlds = g_test_slow() ? 500 : 40;
    Request *request = g_new0(Request, REQUESTS);
    unsigned stale = 0;

    for (unsigned world = 0; world < worlds; world++) {
        Host *h = host_new(NULL);
        uint64_t table = host_pages(h, 1);
        bool eime = chance(50);

        queue_start(h, 0);
        set_irta(h, table | 5 | (eime ? BIT(11) : 0));
        gcmd(h, QVTD_IRE, true);
        for (unsigned i = 0; i < IRTES; i++) {
            put_some_irte(h, table + i * 16, eime);
        }
        for (unsigned i = 0; i < REQUESTS; i++) {
            Request *r = &request[i];
            unsigned handle = rnd(IRTES + 2);

            *r = (Request) { .sid = rnd64() & 0x0307,
                             .addr = 0xfee00010 | handle << 5 };
            r->data = chance(95) ? rnd(4) : BIT(rnd(32));
            if (chance(50)) {
                r->addr |= BIT(3);
                handle += r->data & 0xffff;
            }
            r->index = handle;
            legal_add(&r->legal, plain_interrupt(h, table, eime, r), false);
        }
        for (unsigned step = 0; step < 600; step++) {
            unsigned index = rnd(IRTES), im = rnd(7);
            bool global = chance(20);

            for (unsigned i = 0; i < 12; i++) {
                stale += check_interrupt(h, &request[rnd(REQUESTS)]);
            }
            if (chance(50)) {
                put_some_irte(h, table + index * 16, eime);
                for (unsigned i = 0; i < REQUESTS; i++) {
                    legal_add(&request[i].legal,
                              plain_interrupt(h, table, eime, &request[i]),
                              false);
                }
                continue;
            }
            inv_iec(h, global, index, im);
            for (unsigned i = 0; i < REQUESTS; i++) {
                if (global || request[i].index >> im == index >> im) {
                    legal_settle(&request[i].legal);
                }
            }
        }
        host_free(h);
    }
    g_test_message("%u from before an edit", stale);
    g_assert_cmpuint(stale, >, worlds);     /* caches cache */
    g_free(request);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/random/interrupts", test_interrupts);

    return g_test_run();
}
