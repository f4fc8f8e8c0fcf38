# SPDX-License-Identifier: GPL-2.0-or-later
"""DPDK's testpmd: Debian's, with its drivers and libraries in one directory.

Packages are unpacked, never installed. Which ones are needed follows from
the libraries that testpmd and its drivers name, and Debian's policy of
naming a library's package after it.
"""

import re
import shutil
import subprocess

import initramfs

PROGRAM = "dpdk-testpmd"
DRIVERS = ("mempool_ring", "net_e1000", "net_vhost", "net_virtio")
UNNAMED = "libgcc_s.so.1"       # what libc loads when a thread is cancelled

# Libraries that have their package's name not from policy, and those of the
# C library, which is always the machine's.
PACKAGES = {"libmlx5.so.1": "ibverbs-providers", "libz.so.1": "zlib1g",
            "libcrypto.so.3": "libssl3"}
C_LIBRARY = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread))\.so\.\d+")


def _needed(path):
    """The libraries that a file names."""
    text = subprocess.run(["readelf", "-d", path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return [name for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text)
            if not C_LIBRARY.fullmatch(name)]


def _package(library):
    """The package that has libNAME.so.VERSION."""
    if library in PACKAGES:
        return PACKAGES[library]
    name, version = library.replace("_", "-").split(".so.")
    return name + ("-" if name[-1].isdigit() else "") + version


def _collect(target, packages):
    """Fill a directory; the packages are unpacked below another."""

    def add(name, package):
        if (target / name).exists():
            return
        path = next(path for path in
                    initramfs.unpack(package, packages).rglob(name)
                    if not path.parent.name.startswith("pmds-"))
        shutil.copy(path, target / name)
        for library in _needed(path):
            add(library, _package(library))

    add(PROGRAM, "dpdk-dev")
    add(UNNAMED, _package(UNNAMED))
    version = next(target.glob("librte_eal.so.*")).suffix
    for driver in DRIVERS:
        library = f"librte_{driver}.so{version}"
        add(library, _package(library))


def unpack(cache):
    """Return a directory with testpmd and all that it needs but libc."""
    target = cache / "testpmd"
    if not target.is_dir():
        partial, packages = cache / "testpmd.partial", cache / "testpmd.debs"
        for directory in (partial, packages):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
        _collect(partial, packages)
        shutil.rmtree(packages)
        partial.rename(target)
    return target


def programs(cache):
    """Pairs of paths, in a guest and here, of all of it."""
    return [(f"testpmd/{path.name}", path)
            for path in sorted(unpack(cache).iterdir())]


def command(cache, directory, drivers, arguments, forward):
    """testpmd's command line, for a shell or for Popen().

    It waits for commands. directory: where it is when it runs. arguments: of
    the environment's layer; forward: of testpmd itself.
    """
    libraries = [path.name for driver in ("mempool_ring", *drivers)
                 for path in unpack(cache).glob(f"librte_{driver}.so.*")]
    return ["env", f"LD_LIBRARY_PATH={directory}", f"{directory}/{PROGRAM}",
            *(f"-d{library}" for library in libraries),
            "--no-telemetry", *arguments, "--", "--interactive",
            "--forward-mode=io", *forward]
