# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts/vtd-top and vtd-map see of a guest while it works."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from cases import WATCHED

TOP = Path(__file__).resolve().parents[2]


class Watch:
    """Asks by a monitor of its own. After end(), the attributes say what."""

    def __init__(self, directory):
        # The path of a socket must be short.
        self._scratch = Path(tempfile.mkdtemp(prefix="vtd-watch-"))
        self._socket = self._scratch / "qmp"
        self._rates = directory / "vtd-top.json"
        self.picture = directory / "vtd-map.svg"
        self._top = None
        self.rates = []             # what vtd-top printed, each interval
        self.errors = ""            # what either complained of
        self.arguments = ("-qmp", f"unix:{self._socket},server=on,wait=off")

    def start(self):
        with self._rates.open("w") as output:
            self._top = subprocess.Popen(
                [TOP / "scripts/vtd-top", self._socket, "--json"],
                stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.PIPE, text=True)

    def stop(self):
        """However it ends, nothing is left behind."""
        if self._top:
            self._top.terminate()
            self.errors += self._top.communicate()[1]
            self._top = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def end(self):
        """Draw a picture; a monitor has one client at a time."""
        if not self._top:
            return
        self._top.terminate()
        self.errors += self._top.communicate()[1]
        self._top = None
        lines = self._rates.read_text().splitlines(keepends=True)
        self.rates = [json.loads(line) for line in lines
                      if line.endswith("\n")]
        drawn = subprocess.run(
            [TOP / "scripts/vtd-map", self._socket, WATCHED, self.picture],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            check=False)
        self.errors += drawn.stderr

    def most(self, name):
        """The highest rate of any device."""
        return max((device["rates"][name] for each in self.rates
                    for device in each["devices"]), default=0)

    def ranges(self):
        """How many ranges the picture says that it shows."""
        text = self.picture.read_text() if self.picture.exists() else ""
        said = re.search(rf"{WATCHED}: (\d+) ranges mapped, 0 pages refused",
                         text)
        return int(said[1]) if said else 0
