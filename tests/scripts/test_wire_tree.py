# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree of QEMU that nobody has tried: wired, or said what is not there."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import wiring

TOP = Path(__file__).resolve().parents[2]
WIRE = TOP / "scripts/wire-qemu"

# As much of each file as is looked for, and what it is called when it is not
# there
FILES = {
    "meson.build": (
        ("  unpack_edk2_blobs = bzip2.found()\n", "the test for bzip2"),
        ("    'hw/i386',\n", "'hw/i386' among trace_events_subdirs")),
    "hw/misc/meson.build": (),
    "hw/misc/Kconfig": (),
    "pc-bios/meson.build": (),
    "pythondeps.toml": (),
    "docs/system/device-emulation.rst": (
        ("   devices/igb.rst\n", "a device before ours"),),
    "docs/specs/index.rst": (("   pci-testdev\n", "a test device"),),
    "docs/devel/index-internals.rst": (
        ("   ebpf_rss\n", "an internal subsystem"),),
    "hw/i386/meson.build": (
        ("x.add(when: 'CONFIG_VTD', if_true: files('intel_iommu.c'))\n",
         "the sources of CONFIG_VTD"),),
    "hw/i386/trace-events": (),
    "hw/i386/trace.h": (),
    "hw/vfio/listener.c": (
        ('#include "qemu/osdep.h"\n', "the first header"),
        ("static void vfio_iommu_map_notify(int n)\n{\n"
         "    if (iotlb->target_as != &address_space_memory) {\n    }\n"
         "    ret = vfio_container_dma_map(n);\n}\n",
         "vfio_iommu_map_notify()")),
    "hw/virtio/vhost-vdpa.c": (
        ('#include "qemu/osdep.h"\n', "the first header"),
        ("static void vhost_vdpa_iommu_map_notify(int n)\n{\n"
         "    if (iotlb->target_as != &address_space_memory) {\n    }\n"
         "    ret = vhost_vdpa_dma_map(n);\n}\n",
         "vhost_vdpa_iommu_map_notify()")),
    "tests/qtest/meson.build": (
        ("  (config_all ? ['intel-iommu-test'] : []) + \\\n",
         "the qtests of CONFIG_VTD"),
        ("qtests_x86_64 = qtests_i386\n", "the tests of x86"),
        ("tpmemu_files = []\n", "an earlier list"),
        ("qtests = {\n}\n", "the dictionary of qtests")),
    "tests/qtest/libqtest.h": (
        ("#define LIBQTEST_H\n", "its guard"),),
    "tests/qtest/libqos/meson.build": (),
    "qapi/meson.build": (("  'virtio',\n", "a module"),),
    "qapi/qapi-schema.json": (
        ("{ 'include': 'virtio.json' }\n", "a module"),),
    "hmp-commands-info.hx": (),
    "tests/unit/meson.build": (
        ("test_env.set('G_TEST_BUILDDIR', x)\n",
         "the place before the tests"),
        ("slow_tests = {\n", "the place behind the tests")),
    "MAINTAINERS": (
        ("VT-d Emulation\nS: Supported\n\n", "the section VT-d Emulation"),
        ("IOVA Tree\nS: Supported\n", "the section IOVA Tree")),
}


def make_tree(tree, without=None):
    """A tree that has all of it, but for one line of a file, or the file."""
    (tree / "VERSION").write_text("99.0.50\n")
    for new in wiring.FORWARDS:
        header = tree / "include" / new
        header.parent.mkdir(parents=True, exist_ok=True)
        header.touch()
    for path, lines in FILES.items():
        if without == (path, None):
            continue
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(["\n", *(
            text for text, what in lines if without != (path, what))]))


def wire(without=None):
    """Wire such a tree; return the status and what was said."""
    with tempfile.TemporaryDirectory() as name:
        make_tree(Path(name), without)
        result = subprocess.run([WIRE, name], check=False, text=True,
                                stderr=subprocess.PIPE,
                                stdout=subprocess.DEVNULL)
        return result.returncode, result.stderr


def wire_again(tree):
    """Wire a tree; return what was done of taking away."""
    said = subprocess.run([WIRE, tree], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return sorted(line.strip() for line in said.splitlines()
                  if re.match("  (?:removed|took)", line))


def contents(tree):
    """All that is in a tree."""
    return {path.relative_to(tree): path.readlink() if path.is_symlink()
            else path.read_text()
            for path in tree.rglob("*")
            if path.is_symlink() or path.is_file()}


class Tree(unittest.TestCase):

    def test_all_is_there(self):
        self.assertEqual(wire(), (0, ""))

    def test_each_file_is_known(self):
        paths = {path if isinstance(path, str) else path[0]
                 for path, _ in wiring.OURS}
        self.assertEqual(paths, set(FILES))

    def test_what_is_missing_is_named(self):
        for path, lines in FILES.items():
            for what in (None, *(what for _, what in lines)):
                with self.subTest(path, what=what):
                    status, said = wire((path, what))
                    self.assertEqual(status, 1)
                    self.assertIn(path, said.splitlines()[0])
                    self.assertIn(what or "No such file", said.splitlines()[0])
                    self.assertIn("nothing was guessed", said)

    def test_what_an_earlier_run_put_goes(self):
        """A link, a header, lines and pages that are not wired any more."""
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            make_tree(tree)
            for path in ("no/edit.c", "no/edit.build", "include/q.h"):
                (tree / path).parent.mkdir(exist_ok=True)
                (tree / path).write_text("QEMU's\n\n\n")
            self.assertEqual(wire_again(tree), [])
            before = contents(tree)
            self.assertEqual(wire_again(tree), [])
            self.assertEqual(contents(tree), before)

            # QEMU's own, which stay
            (tree / "no/link.h").symlink_to("../include/q.h")
            (tree / "no/far.h").symlink_to("/usr/include/far.h")
            (tree / "include/own.h").write_text('#include "q.h"\n')
            before = contents(tree)
            # Of a file that stays here, of one that is gone, of a place that
            # is no more, of another checkout
            stay = "tests/unit/bench-engine.c"
            self.assertTrue((TOP / stay).exists())
            for path, target in ((stay, TOP / stay),
                                 ("hw/i386/vtd/old.c", TOP /
                                  "hw/i386/vtd/old.c"),
                                 ("no/where/old.c", TOP / "no/where/old.c"),
                                 ("hw/old.c", Path("/elsewhere/hw/old.c"))):
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).symlink_to(target)
            header = wiring.FORWARD.format(old="q.h", mark="  /* wired */")
            (tree / "include/new.h").write_text(header)
            for path, line in (("no/edit.c", "f();  /* wired */\n"),
                               ("no/edit.build", "  # wired\n"),
                               ("hw/misc/Kconfig", "config OLD  # wired\n")):
                with open(tree / path, "a", encoding="utf-8") as file:
                    file.write(line)
            page = tree / "docs/specs/index.rst"
            page.write_text(page.read_text() + "   old-page\n")
            self.assertEqual(wire_again(tree), [
                "removed hw/i386/vtd/old.c", "removed hw/old.c",
                "removed include/new.h", "removed no/where/old.c",
                f"removed {stay}", "took our lines out of no/edit.build",
                "took our lines out of no/edit.c"])
            self.assertEqual(contents(tree), before)

    def test_no_header_by_any_name(self):
        with tempfile.TemporaryDirectory() as name:
            make_tree(Path(name))
            Path(name, "include/hw/core/boards.h").unlink()
            result = subprocess.run([WIRE, name], check=False, text=True,
                                    capture_output=True)
            self.assertEqual(result.returncode, 1)
            self.assertIn("neither hw/core/boards.h nor hw/boards.h",
                          result.stderr)
