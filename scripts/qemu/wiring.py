# SPDX-License-Identifier: GPL-2.0-or-later
"""
What is replaced and edited in QEMU's source.

One table for all versions: its rows ask what a tree has, and not which
version it is of.
"""

from edit import Behind, Drop, DropMissing, InFunction, Replace, Unless

# These files go, whether or not we have one of that name.  The libqos drivers
# of other IOMMUs go with the tests that use them: our qtests bring a driver of
# their own.
REPLACED = (
    'hw/i386/*intel_iommu*',
    'include/hw/i386/*intel_iommu*',
    'util/iova-tree.c',
    'include/qemu/iova-tree.h',
    'tests/qtest/*intel-iommu*',
    'tests/qtest/iommu-intel-test.c',
    'tests/qtest/libqos/*intel-iommu*',
    'tests/qtest/libqos/*riscv-iommu*',
    'tests/qtest/libqos/*virtio-iommu*',
    'tests/unit/test-iova-tree.c',
)

# Headers by their newest names, which our files include, and what they were
# before.  A tree without a new one gets a header that includes the old one.
FORWARDS = {
    'system/memory.h': 'exec/memory.h',
    'system/address-spaces.h': 'exec/address-spaces.h',
    'system/ram-discard-manager.h': 'system/memory.h',
    'hw/core/boards.h': 'hw/boards.h',
    'hw/core/qdev.h': 'hw/qdev-core.h',
    'hw/core/qdev-properties.h': 'hw/qdev-properties.h',
}

# File, and what is done to it in this order; for names between @ see
# names_of_ours() of wire-qemu.  With QEMU's own device, too:
COMMON = (
    # What tests need in hw/misc, and what hears of refused MAPs
    ('hw/misc/meson.build', (
        Behind('an end', '', (
            "system_ss.add(files('iommu-refusal.c'))",
            "system_ss.add(when: 'CONFIG_VTD_TESTDEV', "
            "if_true: files(@TESTDEV@))")),)),
    ('hw/misc/Kconfig', (
        Behind('an end', '', (
            'config VTD_TESTDEV',
            '    bool',
            '    default y if TEST_DEVICES',
            '    depends on PCI && MSI_NONBROKEN')),)),
    # Debian's source has no firmware images, so there is none to unpack.
    ('meson.build', (
        Replace('the test for bzip2', r'^( +unpack_edk2_blobs = ).*$',
                r'\1false'),)),
    # Nor those that dtc makes, where it is not installed.
    ('pc-bios/meson.build', (Drop(r"subdir\('dtb'\)"),)),
    # QEMU's functional tests alone need pycotap, which Debian 12 lacks.
    ('pythondeps.toml', (Drop('pycotap'),)),
)

# Functions that map what an IOMMU notifies of note what became of it.  Until
# the call that maps has been made, the result is that it was not.
REFUSAL = Replace('the first header', r'^(#include "qemu/osdep.h"\n)',
                  r'\1#include "hw/misc/iommu-refusal.h"  /* wired */\n')
NOT_MAPPED = (r'    if \(iotlb->target_as != &address_space_memory\) \{',
              '    iommu_map_set_result(-EINVAL);', '')
MAPPED = '        iommu_map_set_result(ret);'

OURS = COMMON + (
    ('docs/system/device-emulation.rst', (
        Behind('a device before ours', r'^   devices/igb\.rst$', (
            '   devices/@DEVICE_PAGE@',)),)),
    ('docs/specs/index.rst', (
        Behind('a test device', r'^   pci-testdev$', (
            '   @SPEC_PAGE@',)),)),
    ('docs/devel/index-internals.rst', (
        Behind('an internal subsystem', r'^   ebpf_rss$', (
            '   @DEVEL_PAGE@',)),)),
    # The schema of what monitors ask for; of machines without the unit, too
    ('qapi/meson.build', (
        Behind('a module', r"^  'virtio',$", ("  'vtd',",)),)),
    ('qapi/qapi-schema.json', (
        Behind('a module', r"^\{ 'include': 'virtio\.json' \}$", (
            "{ 'include': 'vtd.json' }",)),)),
    ('hmp-commands-info.hx', (
        Behind('the last command', '', (
            '#include "hw/i386/intel_iommu_hmp.h"',)),)),
    ('hw/misc/meson.build', (
        Behind('an end', '', (
            "system_ss.add(when: 'CONFIG_VTD', "
            "if_false: files('vtd-query-stub.c'))",)),)),
    ('hw/i386/meson.build', (
        Replace('the sources of CONFIG_VTD',
                r"('CONFIG_VTD', if_true: files\()[^)]*\)",
                r'\g<1>@DEVICE@)'),
        DropMissing(r'intel_iommu\w*\.c', ''))),
    ('meson.build', (
        Replace("'hw/i386' among trace_events_subdirs",
                r"^( +)'hw/i386',\n( +'hw/i386/vtd',\n)?",
                r"\g<1>'hw/i386',\n\g<1>'hw/i386/vtd',\n"),)),
    # Our events have a file of their own, beside the code.
    ('hw/i386/trace-events', (Drop('vtd_'),)),
    (('hw/vfio/listener.c', 'hw/vfio/common.c'), (
        REFUSAL,
        InFunction('vfio_iommu_map_notify', *NOT_MAPPED),
        InFunction('vfio_iommu_map_notify',
                   r' +ret = vfio_container_dma_map\(', '', MAPPED))),
    ('hw/virtio/vhost-vdpa.c', (
        REFUSAL,
        InFunction('vhost_vdpa_iommu_map_notify', *NOT_MAPPED),
        InFunction('vhost_vdpa_iommu_map_notify',
                   r' +ret = vhost_vdpa_dma_map\(', '', MAPPED))),
    ('tests/qtest/meson.build', (
        Replace('the qtests of CONFIG_VTD', r"(\? \[)'intel-iommu-[^\]]*\]",
                r'\g<1>@QTESTS@]'),
        DropMissing('iommu-intel-test', '.c'),
        # Compiled once, as libqos is, and not for each test
        Behind('an earlier list', r'^tpmemu_files = ', (
            'vtd_helpers = declare_dependency(link_with: static_library(',
            "    'vtd-helpers', files(@HELPERS@) + genh,",
            '    build_by_default: false))')),
        Behind('the dictionary of qtests', r'^qtests = \{$', (
            "  '@QTEST@': [vtd_helpers],",)),
        Drop(r" +'(virtio|riscv)-iommu-test\.c',"),
        # A program on the same helpers that is no test
        Behind('an end', '', (
            "executable('vtd-bench', build_by_default: false,",
            "           sources: files(@BENCH@),",
            "           dependencies: [qemuutil, qos, vtd_helpers])",
            "shared_library('vtd-bench-heap', build_by_default: false,",
            "               sources: files('bench/preload/heap.c'))")))),
    # Our qtests know functions by their newest names.
    ('tests/qtest/libqtest.h', (
        Unless('qtest_init_ext', Behind(
            'its guard', '^#define LIBQTEST_H$', (
                '#define qtest_init_ext qtest_init_with_env_and_capabilities',
            ))),)),
    ('tests/qtest/libqos/meson.build', (
        DropMissing(r'[\w-]*iommu[\w-]*\.c', ''),)),
)
