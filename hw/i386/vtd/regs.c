/*
 * Intel VT-d engine: the registers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the table that says of each register what software may write and what
 * a write sets off.  The hooks run after Vtd.lock, which guards the register
 * image, is dropped; register writes come under the BQL.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

typedef struct VtdRegister {
    uint16_t offset;
    uint8_t size;
    bool write_only;            /* reads 0 */
    uint64_t needs;             /* reserved without these bits of ECAP */
    uint64_t reset;
    uint64_t writable;
    uint64_t write_1_clear;
    uint64_t one_shot;          /* of writable: the unit clears it when done */
    uint64_t own;               /* bits that the unit alone sets */
    void (*written)(Vtd *v);
} VtdRegister;

static void vtd_fsts_written(Vtd *v)
{
    vtd_fault_written(v);
    if (!(vtd_reg32(v, VTD_REG_FSTS) & VTD_FSTS_IQE)) {
        vtd_queue_run(v);
    }
}

static void vtd_fectl_written(Vtd *v)
{
    trace_vtd_reg_write_fectl(vtd_reg32(v, VTD_REG_FECTL));
    vtd_fault_written(v);
}

static void vtd_iectl_written(Vtd *v)
{
    trace_vtd_reg_write_iectl(vtd_reg32(v, VTD_REG_IECTL));
    vtd_completion_written(v);
}

/* The field is there with ECAP.EIM only (1.13) */
static void vtd_irta_written(Vtd *v)
{
    if (!v->config.eim) {
        vtd_reg64_change(v, VTD_REG_IRTA, VTD_IRTA_EIME, 0);
    }
}

#define UADDR_MASK              VTD_MASK(31, 0)
#define ADDR_MASK               VTD_MASK(31, 2)
#define DATA_MASK               VTD_MASK(15, 0)

static const VtdRegister vtd_registers[] = {
    { VTD_REG_VER, 4, .reset = VTD_VER_1_0 },
    /* A guest that moves has read what its unit had there */
    { VTD_REG_CAP, 8, .own = VTD_CAP_ESRTPS | VTD_CAP_RWBF },
    { VTD_REG_ECAP, 8, .own = VTD_ECAP_PSS_MASK },
    { VTD_REG_GCMD, 4, .write_only = true, .writable = VTD_MASK(31, 0),
      .written = vtd_gcmd_written },
    { VTD_REG_GSTS, 4,
      .own = VTD_GCMD_TE | VTD_GCMD_SRTP | VTD_GCMD_QIE | VTD_GCMD_IRE |
             VTD_GCMD_SIRTP | VTD_GCMD_CFI },
    { VTD_REG_RTADDR, 8, .writable = VTD_MASK(63, 10) },
    { VTD_REG_CCMD, 8, .writable = VTD_MASK(63, 61) | VTD_MASK(33, 0),
      .one_shot = VTD_CCMD_ICC, .own = VTD_CCMD_CAIG_MASK,
      .written = vtd_ccmd_written },
    { VTD_REG_FSTS, 4,
      .write_1_clear = VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE |
                       VTD_FSTS_ITE,
      .own = VTD_FSTS_PPF,
      .written = vtd_fsts_written },
    { VTD_REG_FECTL, 4, .reset = VTD_ECTL_IM, .writable = VTD_ECTL_IM,
      .own = VTD_ECTL_IP,
      .written = vtd_fectl_written },
    { VTD_REG_FEDATA, 4, .writable = DATA_MASK },
    { VTD_REG_FEADDR, 4, .writable = ADDR_MASK },
    { VTD_REG_FEUADDR, 4, .needs = VTD_ECAP_EIM, .writable = UADDR_MASK },
    { VTD_REG_IQH, 8, .own = VTD_MASK(18, 4) },
    { VTD_REG_IQT, 8, .writable = VTD_MASK(18, 4),
      .written = vtd_queue_run },
    { VTD_REG_IQA, 8,
      .writable = VTD_PAGE_MASK | VTD_IQA_DW | VTD_MASK(2, 0) },
    { VTD_REG_ICS, 4, .write_1_clear = VTD_ICS_IWC,
      .written = vtd_completion_written },
    { VTD_REG_IECTL, 4, .reset = VTD_ECTL_IM, .writable = VTD_ECTL_IM,
      .own = VTD_ECTL_IP,
      .written = vtd_iectl_written },
    { VTD_REG_IEDATA, 4, .writable = DATA_MASK },
    { VTD_REG_IEADDR, 4, .writable = ADDR_MASK },
    { VTD_REG_IEUADDR, 4, .needs = VTD_ECAP_EIM, .writable = UADDR_MASK },
    { VTD_REG_IQERCD, 8, .own = VTD_MASK(3, 0) },
    { VTD_REG_IRTA, 8, .needs = VTD_ECAP_IR,
      .writable = VTD_PAGE_MASK | VTD_IRTA_EIME | VTD_MASK(3, 0),
      .written = vtd_irta_written },
    { VTD_REG_IVA, 8, .write_only = true,
      .writable = VTD_PAGE_MASK | VTD_MASK(6, 0) },
    { VTD_REG_IOTLB, 8,
      .writable = VTD_IOTLB_IVT | VTD_MASK(61, 60) | VTD_MASK(49, 32),
      .one_shot = VTD_IOTLB_IVT, .own = VTD_IOTLB_IAIG_MASK,
      .written = vtd_iotlb_written },
    { VTD_REG_FRCD_LO, 8, .own = VTD_PAGE_MASK },
    { VTD_REG_FRCD_HI, 8, .write_1_clear = VTD_FRCD_HI_F,
      .own = VTD_MASK(62, 28) | VTD_MASK(15, 0),
      .written = vtd_fault_written },
};

static uint64_t vtd_register_locked(Vtd *v, const VtdRegister *reg)
{
    return reg->size == 8 ? vtd_reg64_locked(v, reg->offset)
                          : vtd_reg32_locked(v, reg->offset);
}

static void vtd_register_set_locked(Vtd *v, const VtdRegister *reg,
                                    uint64_t value)
{
    if (reg->size == 8) {
        vtd_reg64_set_locked(v, reg->offset, value);
    } else {
        vtd_reg32_set_locked(v, reg->offset, value);
    }
}

/* Requests that began before record no fault: see VtdFault.life */
static void vtd_regs_reset_locked(Vtd *v)
{
    qatomic_fetch_add(&v->life, 1);
    vtd_csr_clear_locked(v);
    for (size_t i = 0; i < G_N_ELEMENTS(vtd_registers); i++) {
        const VtdRegister *reg = &vtd_registers[i];

        vtd_register_set_locked(v, reg, reg->reset);
        for (unsigned at = 0; at < reg->size; at += 4) {
            v->rows[(reg->offset + at) / 4] = i + 1;
        }
    }
    vtd_reg64_set_locked(v, VTD_REG_CAP, v->cap);
    vtd_reg64_set_locked(v, VTD_REG_ECAP, v->ecap);
}

void vtd_regs_reset(Vtd *v)
{
    qemu_mutex_lock(&v->lock);
    vtd_regs_reset_locked(v);
    qemu_mutex_unlock(&v->lock);
}

void vtd_regs_save(Vtd *v, VtdSaved *saved)
{
    qemu_mutex_lock(&v->lock);
    memcpy(saved->csr, v->csr, sizeof(saved->csr));
    qemu_mutex_unlock(&v->lock);
}

/* Take over bits that a write or the unit can set, and no others */
static void vtd_register_load_locked(Vtd *v, const VtdRegister *reg,
                                     const VtdSaved *saved)
{
    uint64_t bits = (reg->writable | reg->write_1_clear | reg->own) &
                    ~reg->one_shot;
    uint64_t value = 0;

    if ((v->ecap & reg->needs) != reg->needs) {
        return;
    }
    memcpy(&value, saved->csr + reg->offset, reg->size);
    value = GUINT64_FROM_LE(value) & bits;
    vtd_register_set_locked(v, reg, value |
                            (vtd_register_locked(v, reg) & ~bits));
}

static uint32_t vtd_status_bit(bool on, uint32_t bit)
{
    return on ? bit : 0;
}

/* What the stream has in fields of its own, or the configuration decides */
static void vtd_status_load_locked(Vtd *v, const VtdSaved *saved)
{
    uint32_t status = vtd_reg32_locked(v, VTD_REG_GSTS) &
                      ~(VTD_GCMD_TE | VTD_GCMD_QIE | VTD_GCMD_IRE);
    bool wide = (vtd_reg64_locked(v, VTD_REG_IQA) & VTD_IQA_DW) &&
                vtd_queue_takes_wide(v);

    status |= vtd_status_bit(saved->dmar_enabled, VTD_GCMD_TE) |
              vtd_status_bit(saved->qi_enabled, VTD_GCMD_QIE) |
              vtd_status_bit(saved->intr_enabled, VTD_GCMD_IRE);
    if (!v->config.intr_remap) {
        status &= ~(VTD_GCMD_SIRTP | VTD_GCMD_CFI);
    }
    vtd_reg32_set_locked(v, VTD_REG_GSTS, status);
    vtd_reg64_set_locked(v, VTD_REG_IQT, VTD_IQ_OFFSET(saved->iq_tail, wide));
    vtd_reg64_set_locked(v, VTD_REG_IQH, VTD_IQ_OFFSET(saved->iq_head, wide));
    if (!v->config.eim) {
        vtd_reg64_set_locked(v, VTD_REG_IRTA,
                             vtd_reg64_locked(v, VTD_REG_IRTA) &
                             ~VTD_IRTA_EIME);
    }
}

void vtd_regs_load(Vtd *v, const VtdSaved *saved)
{
    qemu_mutex_lock(&v->lock);
    vtd_regs_reset_locked(v);
    for (size_t i = 0; i < G_N_ELEMENTS(vtd_registers); i++) {
        vtd_register_load_locked(v, &vtd_registers[i], saved);
    }
    vtd_status_load_locked(v, saved);
    vtd_fault_load_locked(v, saved->qi_enabled);
    qemu_mutex_unlock(&v->lock);
}

static bool vtd_mmio_valid(uint64_t offset, unsigned size)
{
    return (size == 4 || size == 8) && offset % size == 0 &&
           offset <= VTD_REG_SIZE - size;
}

/*
 * The first register with bytes from *at on and before @end, or NULL; *@at
 * moves behind it
 */
static const VtdRegister *vtd_register_next(const Vtd *v, unsigned *at,
                                            unsigned end)
{
    for (; *at < end; *at += 4) {
        unsigned row = v->rows[*at / 4];

        if (row) {
            const VtdRegister *reg = &vtd_registers[row - 1];

            *at = reg->offset + reg->size;
            return reg;
        }
    }
    return NULL;
}

/*
 * The bytes that a register and an access share: bits of the register at @mask,
 * which stand @shift bits higher in the access (or lower, if negative).
 */
static bool vtd_register_met(Vtd *v, const VtdRegister *reg, uint64_t offset,
                             unsigned size, uint64_t *mask, int *shift)
{
    int start = MAX((int)offset, reg->offset);
    int end = MIN((int)(offset + size), reg->offset + reg->size);

    if ((v->ecap & reg->needs) != reg->needs) {
        return false;
    }
    *mask = VTD_MASK((end - reg->offset) * 8 - 1, (start - reg->offset) * 8);
    *shift = (reg->offset - (int)offset) * 8;
    return true;
}

static uint64_t vtd_mmio_shift(uint64_t value, int shift)
{
    return shift >= 0 ? value << shift : value >> -shift;
}

uint64_t vtd_mmio_read(Vtd *v, uint64_t offset, unsigned size)
{
    uint64_t value = 0, mask;
    const VtdRegister *reg;
    unsigned at = offset;
    int shift;

    if (!vtd_mmio_valid(offset, size)) {
        return 0;
    }
    qemu_mutex_lock(&v->lock);
    while ((reg = vtd_register_next(v, &at, offset + size))) {
        if (!reg->write_only &&
            vtd_register_met(v, reg, offset, size, &mask, &shift)) {
            value |= vtd_mmio_shift(vtd_register_locked(v, reg) & mask, shift);
        }
    }
    qemu_mutex_unlock(&v->lock);
    trace_vtd_reg_read(offset, size, value);
    return value;
}

void vtd_mmio_write(Vtd *v, uint64_t offset, uint64_t value, unsigned size)
{
    void (*written[2])(Vtd *v);
    unsigned count = 0, at = offset;
    const VtdRegister *reg;
    uint64_t mask;
    int shift;

    trace_vtd_reg_write(offset, size, value);
    if (!vtd_mmio_valid(offset, size)) {
        return;
    }
    qemu_mutex_lock(&v->lock);
    while ((reg = vtd_register_next(v, &at, offset + size))) {
        uint64_t bits, before;

        if (!vtd_register_met(v, reg, offset, size, &mask, &shift)) {
            continue;
        }
        bits = vtd_mmio_shift(value, -shift) & mask;
        before = vtd_register_locked(v, reg);
        vtd_register_set_locked(v, reg,
                                ((before & ~(mask & reg->writable)) |
                                 (bits & reg->writable)) &
                                ~(bits & reg->write_1_clear));
        if (reg->written) {
            written[count++] = reg->written;
        }
    }
    qemu_mutex_unlock(&v->lock);
    /* Both halves of a wide access are in place before either acts */
    vtd_piece_begin(v);
    for (unsigned i = 0; i < count; i++) {
        written[i](v);
    }
}
