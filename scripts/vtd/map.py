# SPDX-License-Identifier: GPL-2.0-or-later
"""
Draw what is mapped for a device of a running QEMU, as SVG or PNG.

What is mapped is known where a listener maps for the device (vfio-pci, vDPA).
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.append(str(Path(__file__).resolve().parents[1]))

from asking import Monitor, add_socket              # noqa: E402
from chart import script                            # noqa: E402
from havetool import have                           # noqa: E402


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/vtd-map", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_socket(parser)
    parser.add_argument("device", metavar="DEVICE", help="its id, QOM path, "
                        "or bus:slot.function as the guest numbered it")
    parser.add_argument("output", type=Path, metavar="OUT.svg|OUT.png")
    options = parser.parse_args()
    if options.output.suffix not in (".svg", ".png"):
        parser.error("the picture's name has to end in .svg or .png")
    if not have("gnuplot", "gnuplot-nox", "the picture"):
        sys.exit(1)
    monitor = Monitor(options)
    space = monitor.whole(options.device)
    monitor.close()
    if "mapped-pages" not in space:
        print("nobody maps for this device: the picture shows no mappings",
              file=sys.stderr)
    sys.exit(subprocess.run(["gnuplot"], text=True, check=False,
                            input=script(space, options.output)).returncode)


if __name__ == "__main__":
    main()
