/*
 * VT-d: the protocol of the IOTLB and of the drain, for spin
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One page is mapped to place 0, then to place 1.  A device's thread (reader)
 * translates it and writes, several times, each time in an RCU read section;
 * the unit (invalidator) sees the guest change the entry, invalidates, drains,
 * and shows that it is done.  From then on place 0 is something else's: no
 * write may go there.
 *
 * What is modelled, by its name in the code: VtdIotlbSlot with seq and two
 * words (a reader that sees halves of two entries is found), the epochs of
 * iotlb.c, the insertion that is refused when the epoch has moved on, and
 * rcu_reader_data.ctr, to which intel_iommu_drain.c looks.  A store of the
 * reader to ctr waits in a store buffer, as x86's do, until a barrier or until
 * it pleases.  Loads and all stores of the others are in order.
 *
 * Each macro takes one thing away, and spin must find that it was needed:
 *   NO_SEQ          the second look at VtdIotlbSlot.seq
 *   NO_EPOCH_CHECK  the check of the epoch when a walk's result is inserted
 *   NO_BARRIER      the barrier in rcu_read_lock()
 *   NO_DRAIN        the drain
 *   DRAIN_FIRST     the drain comes before what is to be dropped
 */

#define TURNS   2

/* The guest's entry */
byte entry = 0;

/* The IOTLB: a slot, and what epoch.c of it counts */
byte seq = 0;
byte tag = 0;                   /* of the slot: place + 1; 0 is free */
byte output = 0;                /* the same place, in another word */
byte walked = 0;
byte now = 1, alive_from = 0;
bit lock = 0;

/* rcu_reader_data.ctr, and what is in the reader's store buffer for it */
bit ctr = 0;
bit buffered = 0;

/* Shown to the guest */
bit done = 0;

#define LOCK    atomic { lock == 0 -> lock = 1 }
#define UNLOCK  lock = 0

/* It pleases the store buffer */
active proctype buffer()
{
end:
    do
    :: atomic { buffered -> ctr = 1; buffered = 0 }
    od
}

active proctype reader()
{
    byte turn, s, t, place, w, epoch;
    bit hit;

    do
    :: turn < TURNS ->
        turn++;
        /* rcu_read_lock() */
        buffered = 1;
#ifndef NO_BARRIER
        atomic { if :: buffered -> ctr = 1; buffered = 0 :: else fi };
#endif
        /* vtd_translate_request() */
        epoch = now;
        /* vtd_iotlb_lookup() */
        hit = 0;
        s = seq;
        if
        :: s % 2 == 0 ->
            t = tag;
            place = output;
            w = walked;
            if
#ifndef NO_SEQ
            :: seq != s -> skip
#endif
            :: else ->
                if
                :: t != 0 && w >= alive_from ->
                    hit = 1;
                    /* Words of one entry */
                    assert(t == place + 1)
                :: else -> skip
                fi
            fi
        :: else -> skip
        fi;
        if
        :: !hit ->
            /* The walk, then vtd_iotlb_insert() */
            place = entry;
            LOCK;
            if
#ifndef NO_EPOCH_CHECK
            :: epoch < alive_from -> skip
#endif
            :: else ->
                seq++;
                tag = place + 1;
                output = place;
#ifdef NO_EPOCH_CHECK
                walked = now;
#else
                walked = epoch;
#endif
                seq++
            fi;
            UNLOCK
        :: else -> skip
        fi;
        /* The access */
        assert(!(done && place == 0));
        /* rcu_read_unlock(): after the store before it, and the access */
        atomic { buffered = 0; ctr = 0 }
    :: else -> break
    od
}

/* Another device's thread, that fills the slot with what is there */
active proctype filler()
{
    byte place, epoch, turn;

    do
    :: turn < TURNS ->
        turn++;
        epoch = now;
        place = entry;
        LOCK;
        if
#ifndef NO_EPOCH_CHECK
        :: epoch < alive_from -> skip
#endif
        :: else ->
            seq++;
            tag = place + 1;
            output = place;
            walked = epoch;
            seq++
        fi;
        UNLOCK
    :: else -> break
    od
}

active proctype invalidator()
{
    /* The guest changes the entry, then asks */
    entry = 1;
#ifdef DRAIN_FIRST
    ctr == 0;
#endif
    /* vtd_iotlb_drop_domain(): the epoch goes on, then entries die */
    now++;
    alive_from = now;
    /* intel_iommu_drain(): smp_mb_global(), then the look */
#if !defined(NO_DRAIN) && !defined(DRAIN_FIRST)
    ctr == 0;
#endif
    /* The status of the wait descriptor */
    done = 1
}
