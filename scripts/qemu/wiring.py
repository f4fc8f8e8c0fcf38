# SPDX-License-Identifier: GPL-2.0-or-later
"""
What is replaced and edited in QEMU's source.

One table for all versions: its rows ask what a tree has, and not which
version it is of.
"""

from edit import (Behind, Drop, DropMissing, For, InFunction, Maintained,
                  Replace, Unless, Until)

# Files of QEMU's that go, whether or not we have one of that name, and the one
# of ours with which.
REPLACED = {
    'hw/i386/*intel_iommu*': 'hw/i386/intel_iommu.c',
    'include/hw/i386/*intel_iommu*': 'hw/i386/intel_iommu.c',
    'util/iova-tree.c': 'util/iova-tree.c',
    'include/qemu/iova-tree.h': 'util/iova-tree.c',
    'tests/unit/test-iova-tree.c': 'util/iova-tree.c',
    'tests/qtest/*intel-iommu*': 'hw/i386/intel_iommu.c',
    'tests/qtest/iommu-intel-test.c': 'hw/i386/intel_iommu.c',
    'tests/qtest/libqos/*intel-iommu*': 'hw/i386/intel_iommu.c',
}

# Files of ours that have no place there, though their directory has: the
# everyday build's own.  Seams take the place of that build's atomics, the
# sweep links each program twice, instructions are counted without sanitizers,
# the heap is measured with GLib's own allocator off.
STAYS = (
    'tests/unit/shim/*',
    'tests/unit/bench-engine.c',
    'tests/unit/test-vtd-heap.c',
    'tests/unit/*vtd-seam*',
    'tests/unit/*vtd-sweep*',
    'tests/unit/vtd-judge.c',
    'tests/unit/vtd-record.c',
    'tests/unit/vtd-replay.h',
)

EVENTS = 'hw/i386/vtd/trace-events'

# Headers by their newest names, which our files include, and what they were
# before.  A tree without a new one gets a header that includes the old one.
FORWARDS = {
    'system/memory.h': 'exec/memory.h',
    'system/address-spaces.h': 'exec/address-spaces.h',
    'system/memory_cached.h': 'system/memory.h',
    'system/ram-discard-manager.h': 'system/memory.h',
    'hw/core/boards.h': 'hw/boards.h',
    'hw/core/qdev.h': 'hw/qdev-core.h',
    'hw/core/qdev-properties.h': 'hw/qdev-properties.h',
}

# All that is in such a header
FORWARD = ('/* SPDX-License-Identifier: GPL-2.0-or-later */\n'
           '#include "{old}"{mark}\n')

# File, and what is done to it in this order; what is between @ is a list of
# class Names.  These are for Debian's source and no part of a series:
HERE = (
    # It has no firmware images, so there is none to unpack.
    ('meson.build', (
        Replace('the test for bzip2', r'^( +unpack_edk2_blobs = ).*$',
                r'\1false'),)),
    # Nor those that dtc makes, where it is not installed.
    ('pc-bios/meson.build', (Drop(r"subdir\('dtb'\)"),)),
    # QEMU's functional tests alone need pycotap, which Debian 12 lacks.
    ('pythondeps.toml', (Drop('pycotap'),)),
)

# What tests need in hw/misc, and what hears of refused MAPs
MISC = (
    ('hw/misc/meson.build', (
        For('hw/misc/iommu-refusal.c', (
            Behind('an end', '', (
                "system_ss.add(files('iommu-refusal.c'))",)),)),
        For('hw/misc/vtd-testdev.c', (
            Behind('an end', '', (
                "system_ss.add(when: 'CONFIG_VTD_TESTDEV', if_true: files(",
                "  '@TESTDEV@',",
                '))')),)))),
    ('hw/misc/Kconfig', (
        For('hw/misc/vtd-testdev.c', (
            Behind('an end', '', (
                '',
                'config VTD_TESTDEV',
                '    bool',
                '    default y if TEST_DEVICES',
                '    depends on PCI && MSI_NONBROKEN')),)),)),
)

# No list names drivers and tests that are not there.
LIBQOS = (
    ('tests/qtest/libqos/meson.build', (
        DropMissing(r'[\w-]*iommu[\w-]*\.c'),)),
    ('tests/qtest/meson.build', (
        DropMissing('(iommu-intel-test)', r'\1.c'),
        DropMissing(r'((?:virtio|riscv)-iommu)-test\.c', r'libqos/\1.c'))),
)

# With QEMU's own device, too:
COMMON = HERE + MISC + LIBQOS

# Functions that map what an IOMMU notifies of note what became of it.  Until
# the call that maps has been made, the result is that it was not.
REFUSAL = Replace('the first header', r'^(#include "qemu/osdep.h"\n)',
                  r'\1#include "hw/misc/iommu-refusal.h"@MARK@\n')
NOT_MAPPED = (r'    if \(iotlb->target_as != &address_space_memory\) \{',
              '    iommu_map_set_result(-EINVAL);', '')
MAPPED = '        iommu_map_set_result(ret);'

SERIES = MISC + LIBQOS + (
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
        For('qapi/vtd.json', (
            Behind('a module', r"^  'virtio',$", ("  'vtd',",)),)),)),
    ('qapi/qapi-schema.json', (
        For('qapi/vtd.json', (
            Behind('a module', r"^\{ 'include': 'virtio\.json' \}$", (
                "{ 'include': 'vtd.json' }",)),)),)),
    ('hmp-commands-info.hx', (
        For('qapi/vtd.json', (
            Behind('the last command', '', (
                '#include "hw/i386/intel_iommu_hmp.h"',)),)),)),
    ('hw/misc/meson.build', (
        For('qapi/vtd.json', (
            Behind('an end', '', (
                "system_ss.add(when: 'CONFIG_VTD', "
                "if_false: files('vtd-query-stub.c'))",)),)),)),
    ('hw/i386/meson.build', (
        For('hw/i386/intel_iommu.c', (
            Replace('the sources of CONFIG_VTD',
                    r"('CONFIG_VTD', if_true: files\()[^)]*\)",
                    "\\g<1>\n  '@DEVICE@',\n)"),)),
        DropMissing(r'intel_iommu\w*\.c'))),
    ('meson.build', (
        For(EVENTS, (
            Replace("'hw/i386' among trace_events_subdirs",
                    r"^( +)'hw/i386',\n( +'hw/i386/vtd',\n)?",
                    r"\g<1>'hw/i386',\n\g<1>'hw/i386/vtd',\n"),)),)),
    # Our events have a file of their own, beside the code.
    ('hw/i386/trace-events', (
        Drop(r'@EVENT@\('),
        For('hw/i386/intel_iommu.c', (
            Drop('# intel_iommu'),
            Drop('vtd_'))))),
    # In a series QEMU's own device tells them for some time.
    ('hw/i386/trace.h', (
        Until('hw/i386/intel_iommu.c', (
            For(EVENTS, (
                Behind('its events', 'trace/trace-hw_i386.h', (
                    '#include "trace/trace-hw_i386_vtd.h"',
                    '/* What was read is told by the next device. */',
                    '#define trace_vtd_reg_read(addr, size) \\',
                    '    trace_vtd_reg_read(addr, size, 0)')),)),)),)),
    (('hw/vfio/listener.c', 'hw/vfio/common.c'), (
        For('hw/misc/iommu-refusal.c', (
            REFUSAL,
            InFunction('vfio_iommu_map_notify', *NOT_MAPPED),
            InFunction('vfio_iommu_map_notify',
                       r' +ret = vfio_container_dma_map\(', '', MAPPED))),)),
    ('hw/virtio/vhost-vdpa.c', (
        For('hw/misc/iommu-refusal.c', (
            REFUSAL,
            InFunction('vhost_vdpa_iommu_map_notify', *NOT_MAPPED),
            InFunction('vhost_vdpa_iommu_map_notify',
                       r' +ret = vhost_vdpa_dma_map\(', '', MAPPED))),)),
    ('tests/qtest/meson.build', (
        For('hw/i386/intel_iommu.c', (
            Replace('the qtests of CONFIG_VTD',
                    r"(\? \[)'intel-iommu-[^\]]*\]",
                    r"\g<1>'intel-iommu-test']"),)),
        # Compiled once, as libqos is, and not for each test
        For('tests/qtest/vtd-driver.c', (
            Behind('an earlier list', r'^tpmemu_files = ', (
                'vtd_helpers = declare_dependency(link_with: static_library(',
                "    'vtd-helpers', files(",
                "  '@HELPER@',",
                '    ) + genh, build_by_default: false))')),)),
        For('tests/qtest/*-test.c', (
            Behind('the tests of x86', r'^qtests_x86_64 = qtests_i386$', (
                "if config_all_devices.has_key('CONFIG_VTD') and \\",
                "   config_all_devices.has_key('CONFIG_VTD_TESTDEV')",
                '  qtests_x86_64 += [',
                "    '@QTEST_MORE@',",
                '  ]',
                'endif')),
            Behind('the dictionary of qtests', r'^qtests = \{$', (
                "  '@QTEST@': [vtd_helpers],",)))),
        # Programs on the same helpers that are no tests
        For('tests/qtest/bench/*', (
            Behind('an end', '', (
                "foreach name : ['vtd-bench', 'vtd-bench-dma']",
                '  executable(name, build_by_default: false,',
                "             sources: files('bench/' + name + '.c',",
                "               '@BENCH@',",
                '             ), dependencies: [qemuutil, qos, vtd_helpers])',
                'endforeach',
                "shared_library('vtd-bench-heap', build_by_default: false,",
                "               sources: files('bench/preload/heap.c'))")),
        )))),
    # Our qtests know functions by their newest names.
    ('tests/qtest/libqtest.h', (
        For('tests/qtest/vtd-driver.c', (
            Unless('qtest_init_ext', Behind(
                'its guard', '^#define LIBQTEST_H$', (
                    '#define qtest_init_ext '
                    'qtest_init_with_env_and_capabilities',))),)),)),
    ('tests/unit/meson.build', (
        DropMissing('(test-iova-tree)', r'\1.c'),
        For('tests/unit/test-iova-*.c', (
            Drop(" +'test-iova-tree': "),
            Behind('the place behind the tests', r'^slow_tests = \{$', (
                "  'test-iova-tree-random': 60,",)),
            Behind('the place before the tests', r"^test_env\.set\(.*BUILDDIR",
                   ('',
                    'if have_system',
                    '  tests += {',
                    "    '@UNIT_TREE@': [],",
                    '  }',
                    'endif')))),
        For('tests/unit/test-vtd-*.c', (
            Behind('the place behind the tests', r'^slow_tests = \{$', (
                "  '@UNIT_VTD@': 300,",)),
            Behind('the place before the tests', r"^test_env\.set\(.*BUILDDIR",
                   ('',
                    'if have_system',
                    '  foreach test_name : [',
                    "    '@UNIT_VTD@',",
                    '  ]',
                    '    tests += {test_name: [vtd_unit]}',
                    '  endforeach',
                    'endif')))),
        For('tests/unit/vtd-host.c', (
            Behind('the place before the tests', r"^test_env\.set\(.*BUILDDIR",
                   ('',
                    '# What its tests have in common',
                    'if have_system',
                    "  vtd_unit = declare_dependency(dependencies: vtd_unit,",
                    "      link_with: static_library('vtd-host', files(",
                    "    '@UNIT_HOST@',",
                    "    '../../hw/misc/vtd-testdev-table.c',",
                    '      ), genh))',
                    'endif')),)),
        For('hw/i386/vtd/*.c', (
            Behind('the place before the tests', r"^test_env\.set\(.*BUILDDIR",
                   ('',
                    '# The VT-d engine alone',
                    'if have_system',
                    '  vtd_unit = declare_dependency(',
                    "      link_with: static_library('vtd-engine', files(",
                    "    '../../@ENGINE@',",
                    '      ), genh))',
                    'endif')),)))),
    ('MAINTAINERS', (
        Maintained('VT-d Emulation'),
        Maintained('IOVA Tree'))),
)

OURS = HERE + SERIES
