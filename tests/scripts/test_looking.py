# SPDX-License-Identifier: GPL-2.0-or-later
"""vtd-top and vtd-map: what they make of answers of x-query-vtd."""

import copy
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import chart
from asking import whole_of
from rates import rates
from screen import Screen, humanised, spark

TOP = Path(__file__).resolve().parents[2]
ANSWER = json.loads((TOP / "tests/scripts/query.json").read_text())


def grown(answer, **counters):
    """The answer, later: counters of the first device and of the unit."""
    later = copy.deepcopy(answer)
    for name, more in counters.items():
        name = name.replace("_", "-")
        place = later["stats"] if name[:4] == "inv-" else later["spaces"][0]
        place[name] += more
    return later


def maps_of(before, after):
    """MAPs a second of the first device, in two seconds."""
    return rates(before, after, 2)["devices"][0]["rates"]["maps"]


class Rates(unittest.TestCase):

    def test_between_two_answers(self):
        later = grown(ANSWER, iotlb_hits=300, iotlb_misses=100, maps=50,
                      unmaps=10, faults=4, inv_iotlb_page=24)
        found = rates(ANSWER, later, 2.0)
        self.assertEqual(found["devices"][0]["rates"],
                         {"translations": 200, "misses": 50, "maps": 25,
                          "unmaps": 5, "faults": 2})
        self.assertEqual(found["invalidations"]["iotlb-page"], 12)
        rest = [count for each in found["devices"][1:]
                for count in each["rates"].values()]
        rest += [count for name, count in found["invalidations"].items()
                 if name != "iotlb-page"]
        self.assertEqual(set(rest), {0})
        self.assertGreater(len(rest), 10)

    def test_devices_come_and_counters_go_back(self):
        later = grown(ANSWER, maps=6)
        maps = later["spaces"][0]["maps"]
        fresh = {**ANSWER, "spaces": ANSWER["spaces"][1:]}
        self.assertEqual(maps_of(fresh, later), maps / 2)
        later["spaces"][0]["maps"] = 2
        past = grown(ANSWER, maps=9)
        self.assertEqual(maps_of(past, later), 1)

    def test_renumbered(self):
        later = grown(ANSWER, maps=6)
        later["spaces"][0]["device"] = "7f:01.0"
        self.assertEqual(maps_of(ANSWER, later), 3)


class Text(unittest.TestCase):

    def test_80_columns(self):
        later = grown(ANSWER, iotlb_hits=10 ** 18, iotlb_misses=10 ** 12,
                      maps=10 ** 9, unmaps=999999, faults=12345,
                      inv_iotlb_page=10 ** 15)
        for info in (ANSWER, later):
            info["spaces"][0]["id"] = "a-rather-long-id-of-a-device" * 3
        screen = Screen()
        for _ in range(40):
            lines = screen.lines(rates(ANSWER, later, 1))
            self.assertLessEqual(max(map(len, lines)), 80)
        self.assertTrue(any("iotlb-page" in line for line in lines))

    def test_humanised(self):
        for number, text in ((0, "0"), (3, "3"), (999, "999"), (1000, "1.0k"),
                             (99960, "100k"), (999600, "1.0M"),
                             (2.5e9, "2.5G"), (7e12, "7T")):
            self.assertEqual(humanised(number), text)

    def test_spark(self):
        self.assertEqual(spark([0, 1, 4, 8]), " ▂▅█")
        self.assertEqual(spark([0, 0]), "  ")


class Whole(unittest.TestCase):

    def test_pages_of_an_answer(self):
        answers = {0: ([1, 2], 100), 100: ([3], 50)}
        asked = []

        def query(device, first):
            asked.append((device, first))
            ranges, after = answers[first]
            return {"spaces": [{"device": device, "next": after, "ranges":
                                ranges, "refused": [{"iova": 1}]}]}

        space = whole_of(query, "net0")
        self.assertEqual(space["ranges"], [1, 2, 3])
        self.assertEqual(space["refused"], [{"iova": 1}])
        # That leads back, and would go round for ever.
        self.assertEqual(asked, [("net0", 0), ("net0", 100)])


def part(iova, size):
    return {"iova": iova, "size": size}


SPACE = {"device": "00:03.0", "id": "net0", "refused": [part(0x9000, 0x2000)],
         "ranges": [part(0x1000, 0x1000), part(0x200000, 0x10000),
                    part(0x40000000, 0x40000000), part(1 << 46, 0x200000)]}


class Chart(unittest.TestCase):

    def test_ranges_are_in_it(self):
        text = chart.script(SPACE, Path("/tmp/x.svg"))
        for each in (*SPACE["ranges"], *SPACE["refused"], chart.INTERRUPTS):
            self.assertIn(f"\n# {each['iova']:#x} {each['size']:#x}\n", text)
        for name in ("below 64 KiB", "from 64 KiB", "from 2 MiB",
                     "from 1 GiB", chart.REFUSED[0], chart.WINDOW[0]):
            self.assertIn(f'title "{name}"', text)
        self.assertIn("4 ranges mapped, 2 pages refused", text)
        self.assertIn("terminal svg", text)
        self.assertIn("terminal pngcairo", chart.script(SPACE, Path("x.png")))

    def test_no_part_is_left_out(self):
        parts = SPACE["ranges"] + SPACE["refused"]
        rows = chart.rows_of(parts)
        self.assertLessEqual(len(rows), 2 * chart.ROWS)
        for each in parts:
            self.assertTrue(chart.boxes([each], rows), each)
        # Holes are left out: 64 TiB of addresses are 1 GiB and a bit.
        self.assertLess(sum(high - low for low, high in rows), 1 << 33)

    def test_place_in_a_row(self):
        self.assertEqual(list(chart.boxes([part(0x1400, 0x800)],
                                          [(0, 0x1000), (0x1000, 0x2000)])),
                         [(1, 0.25, 0.75)])

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_gnuplot_draws_it(self):
        with tempfile.TemporaryDirectory() as scratch:
            for space in (SPACE, {**SPACE, "ranges": [], "refused": []}):
                output = Path(scratch, "x.svg")
                subprocess.run(["gnuplot"], text=True, check=True,
                               input=chart.script(space, output))
                drawn = output.read_text()
                output.unlink()
                self.assertIn(chart.WINDOW[0], drawn)
                self.assertEqual(chart.REFUSED[0] in drawn,
                                 bool(space["refused"]))


class Commands(unittest.TestCase):
    """Against a QMP server that has a recorded answer."""

    def setUp(self):
        self.qmp = TOP / "build/qemu/python"
        if not (self.qmp / "qemu/qmp").is_dir():
            self.skipTest("no QEMU is unpacked in build/qemu")
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.path = os.path.join(self.scratch.name, "s")
        self.answers = [ANSWER, grown(ANSWER, maps=1000)]

    def start_server(self):
        """For one client, which has to come: the test waits for its end."""
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path)
        server.listen()
        server.settimeout(20)
        thread = threading.Thread(target=self.serve, args=(server,))
        self.addCleanup(thread.join)
        thread.start()

    def serve(self, server):
        with server.accept()[0] as client:
            def say(**what):
                client.sendall(json.dumps(what).encode() + b"\r\n")

            say(QMP={"version": {"qemu": {"major": 10, "minor": 0, "micro": 0},
                                 "package": ""}, "capabilities": []})
            # The client sends no line's end, and waits for each answer.
            while request := client.recv(65536):
                asked = json.loads(request)
                query = asked["execute"] == "x-query-vtd"
                say(id=asked.get("id"), **{
                    "return": self.answers.pop(0) if query else {}})

    def run_script(self, name, *arguments):
        return subprocess.run(
            [sys.executable, TOP / f"scripts/vtd/{name}.py", self.path,
             *arguments], check=False, text=True, timeout=20,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_json(self):
        self.start_server()
        done = self.run_script("top", "--json", "--once", "--interval", "0.1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        found = json.loads(done.stdout)
        self.assertGreater(found["devices"][0]["rates"]["maps"], 0)

    def test_once(self):
        self.start_server()
        done = self.run_script("top", "--once", "--interval", "0.1")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(re.search(r"^per second +transl\.", done.stdout))

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_map(self):
        self.answers = [{**ANSWER, "spaces": [{**ANSWER["spaces"][0],
                                               **SPACE}]}]
        self.start_server()
        output = Path(self.scratch.name, "x.svg")
        done = self.run_script("map", "net0", output)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("<svg", output.read_text())

    def test_no_client(self):
        done = self.run_script("top", "--qmp", self.scratch.name)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no QMP client", done.stderr)

    def test_no_qemu(self):
        self.path += "-not-there"
        done = self.run_script("top", "--once")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot connect to", done.stderr)
        self.assertNotIn("Traceback", done.stderr)
