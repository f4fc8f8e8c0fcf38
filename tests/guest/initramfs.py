# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel and busybox, and an initramfs made of them.

Packages are downloaded and unpacked once, below the cache directory, and
never installed. The archive is made anew for each boot: it takes less time
than to tell whether an old one still fits.
"""

import lzma
import re
import shutil
import stat
import subprocess
from pathlib import Path

INIT = Path(__file__).with_name("init")
TOP = Path(__file__).resolve().parents[2]
FETCH_KERNEL = TOP / "scripts/qemu/fetch-kernel"
FETCH_IOMMUFD = TOP / "scripts/qemu/fetch-iommufd"
IOMMUFD = "iommufd-vdpa"        # in the place of a suite: see FETCH_IOMMUFD


def _apt(tool, *arguments, options=(), **more):
    # As root apt would drop to a user that cannot write into our directory.
    return subprocess.run(
        [tool, "-q", "-o", "APT::Sandbox::User=root", *options, *arguments],
        check=True, text=True, stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT, stdout=subprocess.PIPE, **more).stdout


def _real_name(package, options):
    """The versioned package that a meta package stands for, or itself."""
    if package != "linux-image-amd64":
        return package
    depends = _apt("apt-cache", "depends", package, options=options)
    return re.search(r"Depends: (linux-image-\S+)", depends)[1]


def _download(package, directory, options=()):
    name = _real_name(package, options)
    _apt("apt-get", "download", name, options=options, cwd=directory)
    return next(directory.glob(f"{name}_*.deb"))


def unpack(package, cache):
    """Return the directory that holds the package's files."""
    target = cache / package
    if target.is_dir():
        return target
    print(f"# getting Debian's package {package}", flush=True)
    partial = cache / f"{package}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        archive = _download(package, partial)
    except (subprocess.CalledProcessError, TypeError):
        # The system's lists are missing or too old. Ours leave them alone.
        lists = cache / "apt"
        (lists / "lists/partial").mkdir(parents=True, exist_ok=True)
        options = ("-o", f"Dir::State::Lists={lists.resolve()}/lists",
                   "-o", f"Dir::Cache={lists.resolve()}")
        _apt("apt-get", "update", options=options)
        archive = _download(package, partial, options)
    subprocess.run(["dpkg-deb", "-x", archive, partial], check=True)
    archive.unlink()
    partial.rename(target)      # what has its final name is complete
    return target


def _module_text(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def _modules(kernel, drivers):
    """Return {name: contents} of drivers and dependencies, in load order.

    The package has no modules.dep (it is made at installation), but each
    module names those that it needs itself.
    """
    paths = {path.name.split(".")[0].replace("-", "_"): path
             for path in kernel.rglob("*.ko*")}
    built_in = {Path(line).stem.replace("-", "_")
                for file in kernel.rglob("modules.builtin")
                for line in file.read_text().split()}
    found = {}

    def add(name):
        name = name.replace("-", "_")
        if name in found or name in built_in:
            return
        text = _module_text(paths[name])
        depends = re.search(rb"\0depends=([^\0]*)\0", text)[1].decode()
        for other in filter(None, depends.split(",")):
            add(other)
        found[name] = text

    for driver in drivers:
        add(driver)
    return found


def _cpio(entries):
    """Return an archive of (path, mode, contents) in the newc format."""
    out = bytearray()
    entries = [*entries, ("TRAILER!!!", 0, b"")]
    for inode, (path, mode, text) in enumerate(entries, 1):
        name = path.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, 0, len(text), 0, 0, 0, 0,
                  len(name), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields)
        out += name
        out += bytes(-len(out) % 4)
        out += text
        out += bytes(-len(out) % 4)
    return bytes(out)


def libraries(program):
    """Return the paths of the shared libraries that a program needs."""
    text = subprocess.run(["ldd", program], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", text)]


def _kernel(cache, suite):
    """Return the directory that holds the kernel's files.

    suite: of Debian's; the system's own if empty; or IOMMUFD.
    """
    if not suite:
        return unpack("linux-image-amd64", cache)
    target = cache / f"linux-image-amd64-{suite}"
    if suite == IOMMUFD and not target.is_dir():
        print("# getting a kernel, and building iommufd for it", flush=True)
        subprocess.run([FETCH_IOMMUFD, target.resolve()], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if not target.is_dir():
        print(f"# getting the kernel of Debian's suite {suite}", flush=True)
        subprocess.run([FETCH_KERNEL, suite, target.resolve()], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return target


def kernel_image(cache, suite=""):
    """Return the path of Debian's kernel."""
    return next(_kernel(cache, suite).glob("boot/vmlinuz-*"))


def build(cache, drivers, files, target, init=INIT, programs=(), suite=""):
    """Write an initramfs to target; return the path of the kernel.

    files: {name: text} of what the guest's init reads below /etc.
    programs: pairs of a path in the guest and the file that goes there.
    suite: whose kernel; the system's own if empty.
    """
    kernel = _kernel(cache, suite)
    busybox = next(path for path in unpack("busybox-static",
                                           cache).rglob("bin/busybox"))
    programs = [("init", init), ("bin/busybox", busybox), *programs]
    directories = {"bin", "dev", "etc", "modules", "proc", "sys", "tmp"}
    for name, _ in programs:
        directories |= {str(parent) for parent in Path(name).parents}
    entries = [(name, stat.S_IFDIR | 0o755, b"")
               for name in sorted(directories - {"."})]
    program = stat.S_IFREG | 0o755
    entries += [(name, program, Path(path).read_bytes())
                for name, path in programs]
    for number, (name, text) in enumerate(_modules(kernel,
                                                   drivers).items()):
        entries.append((f"modules/{number:03}-{name}.ko", program, text))
    for name, text in files.items():
        entries.append((f"etc/{name}", program, text.encode()))
    target.write_bytes(_cpio(entries))
    return kernel_image(cache, suite)
