/*
 * The VT-d unit's state on its way to another unit: what is refused
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * And that what is let in can be lived with.  TEST_SEED=N in the environment
 * repeats the random one.
 */

#include "qemu/osdep.h"
#include "vtd-move.h"

/* Refused: with these words, and nothing is changed */
static void assert_refused(Move *m, const VtdSaved *saved, const char *words)
{
    VtdSaved before, after;
    g_autofree char *error = NULL;

    vtd_save(m->to->v, &before);
    error = vtd_load(m->to->v, saved);
    vtd_save(m->to->v, &after);
    if (!error || !strstr(error, words)) {
        g_test_message("\"%s\" instead of \"%s\"", error ?: "", words);
        g_test_fail();
    }
    g_assert_cmpint(memcmp(&after, &before, sizeof(after)), ==, 0);
}

static void test_refused(void)
{
    VtdConfig config = host_config;
    VtdSaved good, saved;
    Move m;

    config.eim = false;
    move_start(&m, &config);
    vtd_save(m.from->v, &good);
    g_assert_null(move_load(&m, &good));
#define REFUSED(field, value) do { \
        saved = good; \
        saved.field = (value); \
        assert_refused(&m, &saved, #field); \
    } while (0)
    REFUSED(root, 1);
    REFUSED(root, BIT(48));
    REFUSED(root, ~0ull);
    REFUSED(intr_root, 0x800);
    REFUSED(intr_root, BIT(63));
    REFUSED(iq, 0xfff);
    REFUSED(iq, BIT(48));
    REFUSED(intr_size, 1);
    REFUSED(intr_size, 3);
    REFUSED(intr_size, 1 << 17);
    REFUSED(intr_size, ~0u);
    REFUSED(iq_size, 0);
    REFUSED(iq_size, 1);
    REFUSED(iq_size, 128);
    REFUSED(iq_size, 257);
    REFUSED(iq_size, 65535);
    REFUSED(iq_head, 256);
    REFUSED(iq_head, 65535);
    REFUSED(iq_tail, 32768);
    REFUSED(next_frcd_reg, 1);
    REFUSED(intr_eime, true);
#undef REFUSED
    /* Not refused: of what a guest can do itself, or harmless */
    saved = good;
    saved.iq_tail = 32767;
    saved.iq_last_desc_type = 255;
    saved.root = saved.iq = saved.intr_root = BIT(48) - QVTD_PAGE;
    g_assert_null(vtd_load(m.to->v, &saved));
    saved = good;
    saved.qi_enabled = false;
    saved.iq_size = saved.iq_head = saved.iq = 0;
    g_assert_null(vtd_load(m.to->v, &saved));
    move_end(&m);

    config.intr_remap = false;
    m.to = host_new(&config);
    vtd_save(m.to->v, &saved);
    saved.intr_enabled = true;
    assert_refused(&m, &saved, "intr_enabled");
    host_free(m.to);
}

/*
 * How wide physical addresses are is the machine's, and no register tells:
 * only an address that the other one cannot have is refused.
 */
static void test_physical_width(void)
{
    const uint64_t high = BIT(45);
    VtdConfig config = host_config;
    VtdSaved saved;
    Move m;

    config.aw_bits = 39;
    config.haw_bits = 46;
    m.from = host_new(&config);
    host_add_alias(m.from, high);
    host_enable(m.from);
    set_root_table(m.from, m.from->vtd.root | high);
    queue_start(m.from, 0);
    submit_wait(m.from);
    gcmd(m.from, QVTD_QIE, false);
    wr32(m.from, QVTD_IQT, 0);
    wr64(m.from, QVTD_IQA, m.from->vtd.queue | high);
    gcmd(m.from, QVTD_QIE, true);
    m.from->vtd.tail = 0;
    submit_wait(m.from);
    set_irta(m.from, high);
    vtd_save(m.from->v, &saved);
    g_assert_cmphex(saved.root, ==, m.from->vtd.root | high);
    g_assert_cmphex(saved.iq, ==, m.from->vtd.queue | high);
    g_assert_cmphex(saved.intr_root, ==, high);

    for (config.haw_bits = 45; config.haw_bits <= 52; config.haw_bits++) {
        m.to = host_new(&config);
        host_add_alias(m.to, high);
        if (config.haw_bits == 45) {
            assert_refused(&m, &saved, "root");
        } else {
            g_assert_null(move_load(&m, &saved));
            vtd_load_finish(m.to->v);
            submit_wait(m.to);
        }
        host_free(m.to);
    }
    config.haw_bits = 39;
    m.to = host_new(&config);
    saved.root = 0;
    assert_refused(&m, &saved, "intr_root");
    saved.intr_root = 0;
    assert_refused(&m, &saved, "iq");
    saved.iq = m.from->vtd.queue;
    g_assert_null(vtd_load(m.to->v, &saved));
    host_free(m.to);
    host_free(m.from);
}

/* Units of other properties: each is named, with its value */
static void test_unlike(void)
{
    static const struct {
        size_t offset;
        uint8_t value;
        const char *words, *back;
    } rows[] = {
        { offsetof(VtdConfig, aw_bits), 39,
          "intel-iommu,aw-bits=39, unlike", "intel-iommu,aw-bits=48, unlike" },
        { offsetof(VtdConfig, caching_mode), true,
          ",caching-mode=on,", ",caching-mode=off," },
        { offsetof(VtdConfig, snoop_control), true,
          ",snoop-control=on,", ",snoop-control=off," },
        { offsetof(VtdConfig, device_iotlb), true,
          ",device-iotlb=on,", ",device-iotlb=off," },
        { offsetof(VtdConfig, pass_through), false,
          ",pt=off,", ",pt=on," },
        { offsetof(VtdConfig, intr_remap), false,
          ",intremap=off,", ",intremap=on," },
        { offsetof(VtdConfig, eim), false, ",eim=off,", ",eim=on," },
        { offsetof(VtdConfig, dma_drain), false,
          ",dma-drain=off,", ",dma-drain=on," },
        { offsetof(VtdConfig, dma_translation), false,
          ",dma-translation=off,", ",dma-translation=on," },
    };
    VtdConfig config;
    VtdSaved saved;
    Move m = { };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        config = host_config;
        memcpy((char *)&config + rows[i].offset, &rows[i].value, 1);
        m.from = host_new(&config);
        m.to = host_new(NULL);
        vtd_save(m.from->v, &saved);
        assert_refused(&m, &saved, rows[i].words);
        g_assert_cmpint(vtd_saved_caching_mode(&saved), ==,
                        config.caching_mode);
        host_free(m.to);
        m.to = m.from;
        m.from = host_new(NULL);
        vtd_save(m.from->v, &saved);
        assert_refused(&m, &saved, rows[i].back);
        host_free(m.from);
        host_free(m.to);
    }

    /* Capabilities that no property of ours makes */
    m.to = host_new(NULL);
    vtd_save(m.to->v, &saved);
    saved.csr[QVTD_ECAP + 5] ^= 1 << 3;
    assert_refused(&m, &saved, ",x-scalable-mode=on,");
    saved.csr[QVTD_ECAP + 5] ^= 1 << 3;
    saved.csr[QVTD_CAP + 7] ^= 1 << 3;
    assert_refused(&m, &saved, "csr");
    host_free(m.to);
}

static const VtdConfig legacy = { .aw_bits = 48, .dma_drain = true };
static const VtdConfig second_stage = {
    .aw_bits = 48, .dma_drain = true, .scalable_mode = true,
    .second_stage = true, .supervisor = true,
};
static const VtdConfig first_stage = {
    .aw_bits = 48, .dma_drain = true, .scalable_mode = true,
    .first_stage = true,
};
static const VtdConfig full = {
    .aw_bits = 48, .dma_drain = true, .scalable_mode = true,
    .first_stage = true, .second_stage = true, .supervisor = true,
    .nested = true,
};

/*
 * CAP and ECAP tell all options of scalable mode, so that a stream needs no
 * field for them
 */
static void test_scalable(void)
{
    static const struct {
        const VtdConfig *from, *to;
        uint8_t pasid_from, pasid_to;
        const char *words;      /* NULL: it is taken */
    } rows[] = {
        { &second_stage, &second_stage },
        { &first_stage, &first_stage },
        { &full, &full },
        { &second_stage, &second_stage, 1, 1 },
        { &second_stage, &legacy, 0, 0,
          "intel-iommu,x-scalable-mode=on,fsts=off, " },
        { &legacy, &second_stage, 0, 0, "intel-iommu,x-scalable-mode=off, " },
        { &first_stage, &second_stage, 0, 0, ",x-scalable-mode=on,fsts=on, " },
        { &second_stage, &first_stage, 0, 0, ",x-scalable-mode=on,fsts=off, " },
        { &full, &second_stage, 0, 0,
          ",x-scalable-mode=on,x-scalable-full=on, " },
        { &second_stage, &full, 0, 0, ",x-scalable-mode=on,fsts=off, " },
        { &full, &legacy, 20, 0, ",x-scalable-mode=on,x-scalable-full=on,"
          "pasid-bits=20, " },
        { &first_stage, &first_stage, 1, 0, "intel-iommu,x-pasid-mode=on, " },
        { &first_stage, &first_stage, 0, 1, "intel-iommu,pasid-bits=0, " },
        { &first_stage, &first_stage, 16, 0, "intel-iommu,pasid-bits=16, " },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        VtdConfig config = *rows[i].from;
        VtdSaved saved;
        Move m = { };

        config.pasid_bits = rows[i].pasid_from;
        m.from = host_new(&config);
        config = *rows[i].to;
        config.pasid_bits = rows[i].pasid_to;
        m.to = host_new(&config);
        vtd_save(m.from->v, &saved);
        if (rows[i].words) {
            assert_refused(&m, &saved, rows[i].words);
        } else {
            g_assert_null(vtd_load(m.to->v, &saved));
        }
        host_free(m.from);
        host_free(m.to);
    }
}

/* Another width of PASIDs is taken, and the guest goes on with what it knows */
static void test_pasid_width(void)
{
    VtdConfig config = second_stage;
    VtdSaved saved;

    for (unsigned bits = 1; bits <= 20; bits += 19) {
        Host *from, *to;

        config.pasid_bits = bits;
        from = host_new(&config);
        config.pasid_bits = 21 - bits;
        to = host_new(&config);
        vtd_save(from->v, &saved);
        g_assert_null(vtd_load(to->v, &saved));
        g_assert_cmpuint(rd64(to, QVTD_ECAP) >> 35 & 0x1f, ==, bits - 1);
        vtd_reset(to->v);
        g_assert_cmpuint(rd64(to, QVTD_ECAP) >> 35 & 0x1f, ==, 20 - bits);
        host_free(to);
        host_free(from);
    }
}

/*
 * A guest that was not told to flush the write buffer goes on, but no shadow
 * of a first stage can be kept for it until it is reset
 */
static void test_write_buffer(void)
{
    for (unsigned bits = 0; bits < 4; bits++) {
        VtdConfig config = first_stage;
        Host *from, *to;
        VtdSaved saved;

        config.caching_mode = true;
        config.write_buffer = bits & 1;
        from = host_new(&config);
        config.write_buffer = bits >> 1;
        to = host_new(&config);
        g_assert_false(vtd_misses_mappings(to->v));
        vtd_save(from->v, &saved);
        g_assert_null(vtd_load(to->v, &saved));
        g_assert_cmpuint(rd64(to, QVTD_CAP) >> 4 & 1, ==, bits & 1);
        g_assert_cmpint(vtd_misses_mappings(to->v), ==, bits == 2);
        vtd_reset(to->v);
        g_assert_cmpuint(rd64(to, QVTD_CAP) >> 4 & 1, ==, bits >> 1);
        g_assert_false(vtd_misses_mappings(to->v));
        host_free(to);
        host_free(from);
    }
}

/*
 * CAP.ESRTPS may differ, since a unit without it does the same.  The guest goes
 * on with what it has read, also at a third place, until it is reset.
 */
static void test_esrtps(void)
{
    for (unsigned bits = 0; bits < 4; bits++) {
        VtdConfig config = host_config;
        Host *from, *to;
        VtdSaved saved, again;
        uint64_t cap;

        config.esrtps = bits & 1;
        from = host_new(&config);
        config.esrtps = bits >> 1;
        to = host_new(&config);
        cap = rd64(from, QVTD_CAP);
        g_assert_cmpuint(cap >> 63, ==, bits & 1);
        vtd_save(from->v, &saved);
        g_assert_null(vtd_load(to->v, &saved));
        g_assert_cmphex(rd64(to, QVTD_CAP), ==, cap);
        vtd_save(to->v, &again);
        g_assert_cmpmem(&again, sizeof(again), &saved, sizeof(saved));
        vtd_reset(to->v);
        g_assert_cmphex(rd64(to, QVTD_CAP) ^ cap, ==,
                        ((bits & 1) ^ (bits >> 1)) * BIT(63));
        host_free(to);
        host_free(from);
    }
}

/* What no write and no fault makes of a register does not come in */
static void test_impossible(void)
{
    VtdConfig config = host_config;
    VtdSaved good, saved;
    Move m;

    config.eim = false;
    move_start(&m, &config);
    vtd_save(m.from->v, &good);

    /* Every bit of every register, but for CAP and ECAP, which must agree */
    saved = good;
    memset(saved.csr, 0xff, sizeof(saved.csr));
    memcpy(saved.csr + 8, good.csr + 8, 16);
    g_assert_null(move_load(&m, &saved));
    g_assert_cmphex(rd32(m.to, QVTD_VER), ==, 0x10);
    g_assert_cmphex(rd32(m.to, 0x04), ==, 0);
    g_assert_cmphex(rd64(m.to, QVTD_RTADDR), ==, ~0x3ffull);
    g_assert_cmphex(rd64(m.to, QVTD_CCMD), ==,
                    BITS(62, 59) | BITS(33, 0));
    g_assert_cmphex(rd64(m.to, QVTD_IOTLB), ==,
                    BITS(61, 60) | BITS(58, 57) | BITS(49, 32));
    g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, 0x73);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    g_assert_cmphex(rd32(m.to, QVTD_FEDATA), ==, 0xffff);
    g_assert_cmphex(rd64(m.to, QVTD_IQA), ==, ~0xfffull | BIT(11) | 7);
    g_assert_cmphex(rd64(m.to, QVTD_IQERCD), ==, 0xf);
    g_assert_cmphex(rd64(m.to, QVTD_IRTA), ==, ~0xfffull | 0xf);
    g_assert_cmphex(rd64(m.to, QVTD_IVA), ==, 0);
    g_assert_cmphex(rd64(m.to, QVTD_FRCD_LO), ==, ~0xfffull);
    g_assert_cmphex(rd32(m.to, QVTD_ICS), ==, 1);

    /* F alone: PPF follows, and the event that nobody raised is raised */
    saved = good;
    put32(&saved, QVTD_FRCD_HI + 4, 1u << 31 | 6);
    put32(&saved, QVTD_FECTL, 0);
    g_array_set_size(m.to->messages, 0);
    g_assert_null(move_load(&m, &saved));
    g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, QVTD_FSTS_PPF);
    g_assert_cmpuint(m.to->messages->len, ==, 0);
    vtd_load_finish(m.to->v);
    g_assert_cmpuint(m.to->messages->len, ==, 1);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, 0);

    /* PPF alone would hide each later cause */
    saved = good;
    put32(&saved, QVTD_FSTS, QVTD_FSTS_PPF);
    put32(&saved, QVTD_FECTL, QVTD_ECTL_IP);
    put32(&saved, QVTD_IECTL, QVTD_ECTL_IP);
    g_array_set_size(m.to->messages, 0);
    g_assert_null(move_load(&m, &saved));
    vtd_load_finish(m.to->v);
    g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, 0);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, 0);
    g_assert_cmphex(rd32(m.to, QVTD_IECTL), ==, 0);
    g_assert_cmpuint(m.to->messages->len, ==, 0);
    assert_blocked(m.arrived, 0x9000, VTD_ACCESS_READ, 6);
    g_assert_cmpuint(m.to->messages->len, ==, 1);

    /* A message that was under way when the state was saved */
    saved = good;
    put32(&saved, QVTD_ICS, 1);
    put32(&saved, QVTD_IECTL, QVTD_ECTL_IP);
    g_array_set_size(m.to->messages, 0);
    g_assert_null(move_load(&m, &saved));
    vtd_load_finish(m.to->v);
    g_assert_cmpuint(m.to->messages->len, ==, 1);
    g_assert_cmphex(rd32(m.to, QVTD_IECTL), ==, 0);
    move_end(&m);

    /* Without interrupt remapping its status bits and table are not there */
    config.intr_remap = false;
    m.to = host_new(&config);
    vtd_save(m.to->v, &saved);
    put32(&saved, QVTD_GSTS, QVTD_SIRTP | QVTD_CFI | QVTD_SRTP);
    put32(&saved, QVTD_IRTA, 0xfff00000);
    g_assert_null(vtd_load(m.to->v, &saved));
    g_assert_cmphex(rd32(m.to, QVTD_GSTS), ==, QVTD_SRTP);
    g_assert_cmphex(rd64(m.to, QVTD_IRTA), ==, 0);
    host_free(m.to);
}

/* Anything that is let in can be lived with */
static void use(Move *m, GRand *rand)
{
    Host *h = m->to;
    VtdInterrupt interrupt;
    VtdTranslation t;

    vtd_load_finish(h->v);
    for (unsigned i = 0; i < 30; i++) {
        device_translate(m->arrived, (uint64_t)g_rand_int(rand) << 12,
                         i % 3, &t);
        vtd_interrupt(h->v, g_rand_int_range(rand, 0, 0x10001),
                      QVTD_MSI_ADDR | (g_rand_int(rand) & 0xffffc),
                      g_rand_int_range(rand, 0, 0x20000), true, &interrupt);
        rd64(h, g_rand_int_range(rand, 0, QVTD_SIZE / 8) * 8);
        wr32(h, g_rand_int_range(rand, 0, QVTD_SIZE / 4) * 4,
             g_rand_int(rand));
    }
    vtd_reset(h->v);
}

static void test_hostile(void)
{
    const char *text = g_getenv("TEST_SEED");
    guint32 seed = text ? g_ascii_strtoull(text, NULL, 0) : 1;
    GRand *rand = g_rand_new_with_seed(seed);
    unsigned loaded = 0, refused = 0;
    VtdSaved good, saved;
    Move m;

    g_test_message("TEST_SEED=%u", seed);
    move_start(&m, NULL);
    vtd_save(m.from->v, &good);
    g_free(move_load(&m, &good));
    for (unsigned round = 0; round < 3000; round++) {
        unsigned edits = g_rand_int_range(rand, 1, 6);
        uint8_t *bytes = (uint8_t *)&saved;
        g_autofree char *error = NULL;

        saved = good;
        for (unsigned i = 0; i < edits; i++) {
            static const uint64_t odd[] = {
                0, 1, ~0ull, 0x8000, 0x100, BIT(63), BIT(47), 0x7fff, 0xfff
            };
            uint64_t value = g_rand_boolean(rand)
                ? odd[g_rand_int_range(rand, 0, G_N_ELEMENTS(odd))]
                : (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

            switch (g_rand_int_range(rand, 0, 15)) {
            case 0:
                saved.root = value;
                break;
            case 1:
                saved.intr_root = value & ~0xfffull;
                break;
            case 2:
                saved.iq = value & BITS(47, 12);
                break;
            case 3:
                saved.intr_size = value;
                break;
            case 4:
                saved.intr_size = 1u << (value & 31);
                break;
            case 5:
                saved.intr_eime = value & 1;
                break;
            case 6:
                saved.iq_size = value;
                break;
            case 7:
                saved.iq_size = 256u << (value & 7);
                break;
            case 8:
                saved.iq_head = value & 0x1ff;
                break;
            case 9:
                saved.iq_tail = value;
                break;
            case 10:
                saved.next_frcd_reg = value & 1;
                break;
            case 11:
                saved.iq_last_desc_type = value;
                break;
            case 12:
                saved.dmar_enabled = value & 1;
                break;
            case 13:
                saved.qi_enabled = value & 1;
                break;
            default:
                bytes = saved.csr + 8 * g_rand_int_range(rand, 0,
                                                         QVTD_SIZE / 8);
                memcpy(bytes, &value, 8);
                break;
            }
        }
        error = vtd_load(m.to->v, &saved);
        if (error) {
            refused++;
        } else {
            loaded++;
            use(&m, rand);
        }
    }
    g_test_message("%u loaded, %u refused", loaded, refused);
    g_assert_cmpuint(loaded, >, 500);
    g_assert_cmpuint(refused, >, 500);
    move_end(&m);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/save/refused", test_refused);
    g_test_add_func("/vtd/save/physical-width", test_physical_width);
    g_test_add_func("/vtd/save/unlike", test_unlike);
    g_test_add_func("/vtd/save/scalable", test_scalable);
    g_test_add_func("/vtd/save/scalable/pasid-width", test_pasid_width);
    g_test_add_func("/vtd/save/scalable/write-buffer", test_write_buffer);
    g_test_add_func("/vtd/save/esrtps", test_esrtps);
    g_test_add_func("/vtd/save/impossible", test_impossible);
    g_test_add_func("/vtd/save/hostile", test_hostile);

    return g_test_run();
}
