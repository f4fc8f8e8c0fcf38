/*
 * What random tests of the VT-d engine expect
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vtd-legal.h"

unsigned rnd(unsigned n)
{
    return g_test_rand_int_range(0, n);
}

uint64_t rnd64(void)
{
    uint64_t high = (uint32_t)g_test_rand_int();

    return high << 32 | (uint32_t)g_test_rand_int();
}

bool chance(unsigned percent)
{
    return rnd(100) < percent;
}

bool outcome_equal(const Outcome *a, const Outcome *b)
{
    return a->reason == b->reason &&
           (a->reason || (a->result == b->result && a->read == b->read &&
                          a->write == b->write));
}

void legal_add(Legal *legal, Outcome now, bool context)
{
    Outcome last = now;
    unsigned n = 0;

    for (unsigned i = 0; i < legal->n; i++) {
        const Outcome *o = &legal->outcome[i];

        if (!(context ? o->context_cacheable : o->cacheable)) {
            continue;
        }
        if (outcome_equal(o, &now)) {
            /* the one from before may be cached all the same */
            last.cacheable |= o->cacheable;
            last.context_cacheable |= o->context_cacheable;
        } else {
            legal->outcome[n++] = *o;
        }
    }
    g_assert_cmpuint(n, <, OUTCOMES);
    legal->outcome[n++] = last;
    legal->n = n;
    legal->now = now;
}

void legal_add_other(Legal *legal, const Outcome *other)
{
    for (unsigned i = 0; i < legal->n; i++) {
        Outcome *o = &legal->outcome[i];

        if (outcome_equal(o, other)) {
            o->cacheable |= other->cacheable;
            o->context_cacheable |= other->context_cacheable;
            return;
        }
    }
    g_assert_cmpuint(legal->n, <, OUTCOMES);
    legal->outcome[legal->n++] = *other;
}

void legal_settle(Legal *legal)
{
    legal->outcome[0] = legal->now;
    legal->n = 1;
}

bool is_legal(const Legal *legal, const Outcome *found)
{
    for (unsigned i = 0; i < legal->n; i++) {
        if (outcome_equal(&legal->outcome[i], found)) {
            return true;
        }
    }
    g_test_message("found: reason 0x%x result 0x%" PRIx64 " %d%d",
                   found->reason, found->result, found->read, found->write);
    for (unsigned i = 0; i < legal->n; i++) {
        const Outcome *o = &legal->outcome[i];

        g_test_message("legal: reason 0x%x result 0x%" PRIx64 " %d%d",
                       o->reason, o->result, o->read, o->write);
    }
    return false;
}
