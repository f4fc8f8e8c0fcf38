# SPDX-License-Identifier: GPL-2.0-or-later
"""The floors of the engine: what goes up is found."""

import importlib.util
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location(
    "check_layers", TOP / "scripts/check-layers.py")
layers = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(layers)

DOCUMENT = """
Other
=====

7     ``not.c``

Floors
======

===== ======
Floor Files
===== ======
2     ``top.c``
1     ``left.c``, ``deep/right.c``
0     ``ground.c``
===== ======

Words
=====

9     ``not.c``
"""

FLOORS = {"top": 2, "left": 1, "deep/right": 1, "ground": 0}


class Layers(unittest.TestCase):

    def test_floors_are_read(self):
        self.assertEqual(layers.read_floors(DOCUMENT), FLOORS)

    def test_a_file_has_one_floor(self):
        with self.assertRaises(ValueError):
            layers.read_floors(DOCUMENT.replace("ground", "top"))

    def test_the_tree_has_floors(self):
        self.assertGreater(
            len(layers.read_floors(layers.DOCUMENT.read_text())), 10)

    def test_down_is_right(self):
        self.assertEqual(layers.going_up(FLOORS, [
            ("top", "f()", "ground"), ("top", "f()", "left"),
            ("left", "f()", "left"), ("deep/right", "f()", "ground")]), [])

    def test_up_and_aside_are_found(self):
        found = layers.going_up(FLOORS, [
            ("ground", "f()", "top"), ("left", "right.h", "deep/right"),
            ("top", "f()", "ground")])
        self.assertEqual(found, [
            "ground.c (floor 0) uses f() of top.c (floor 2)",
            "left.c (floor 1) uses right.h of deep/right.c (floor 1)"])

    def test_a_second_table_is_its_own(self):
        text = DOCUMENT + "Floors of it\n------------\n\n1  ``one-two.c``\n"
        self.assertEqual(layers.read_floors(text), FLOORS)
        self.assertEqual(layers.read_floors(text, "Floors of it"),
                         {"one-two": 1})

    def test_sources_are_read(self):
        defined, used = layers.source_symbols(
            "static int own(int a)\n{\n}\n\nvoid *for_all(int a,\n"
            "              int b)\n{\n    there(own(a));\n}\n")
        self.assertEqual(defined, {"for_all"})
        self.assertIn("there", used)

    def test_the_test_device_has_floors(self):
        floors = layers.read_floors(layers.DOCUMENT.read_text(),
                                    "Floors of the test device")
        calls = layers.calls(floors)
        self.assertEqual(layers.going_up(floors, calls), [])
        floors["vtd-testdev-table"] = 2
        self.assertIn(
            "vtd-testdev-listener.c (floor 2) uses testdev_table_update() of "
            "vtd-testdev-table.c (floor 2)", layers.going_up(floors, calls))

    def test_includes_are_read(self):
        self.assertIn(("iotlb", "walk.h", "walk"),
                      layers.includes(["iotlb"]))
