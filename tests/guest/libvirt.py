# SPDX-License-Identifier: GPL-2.0-or-later
"""Have libvirt start what the docs say of it, with our QEMU.

A libvirtd of its own, in session mode, defines and starts the domain of
docs/system/devices/intel-iommu.rst under TCG, takes the devices of that page,
plugs the one in that needs no hardware, and asks the monitor what the docs say
that it can be asked. Neither KVM nor systemd is needed, and nothing of the
system's own libvirt is touched. As root it runs as the user nobody. Prints
TAP; the exit status is 0 if every check passed.
"""

import argparse
import contextlib
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import xml.etree.ElementTree as etree
from pathlib import Path

sys.dont_write_bytecode = True

import tools                                        # noqa: E402
from checks import Tap                              # noqa: E402

TOP = Path(__file__).resolve().parents[2]
PAGE = TOP / "docs/system/devices/intel-iommu.rst"
SYMPTOMS = PAGE.with_name("intel-iommu-symptoms.rst")
NAME = "behind-the-iommu"
USER = "nobody"

# Where QEMU looks for firmware, and what the domain can want of it
FIRMWARE = "qemu-bundle/usr/local/share/qemu-firmware"

# Neither another daemon for the log, nor one for labels
QEMU_CONF = 'stdio_handler = "file"\nsecurity_driver = "none"\n'

# Memory that may be locked, in bytes: so much that it cannot be raised
LOCKED = 1 << 16

# How long anything may take, in seconds; a loaded machine is slow
LIMIT = 120


class Broken(Exception):
    """It does not go on; why is for the user."""


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/libvirt", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    tools.add_build_options(parser)
    return parser.parse_args()


def xml_of(page):
    """The blocks of XML of a page, by the name of their element."""
    blocks = re.findall(r"^\.\. code-block:: xml\n\n((?:   .*\n|\n)+)",
                        page.read_text(), re.MULTILINE)
    elements = [etree.fromstring(textwrap.dedent(block)) for block in blocks]
    return {element.tag: element for element in elements}


class Libvirt:
    """A libvirtd of our own, and its virsh; a context."""

    def __init__(self, qemu):
        self.home = Path(tempfile.mkdtemp(prefix="vtd-libvirt-"))
        self.qemu = self.home / "bin" / qemu.name
        self._daemon = None
        self._as = []
        if os.geteuid() == 0:
            self._as = ["setpriv", f"--reuid={USER}", "--regid=nogroup",
                        "--clear-groups"]
        # Who runs it may not be let into our tree
        self.qemu.parent.mkdir()
        shutil.copy(qemu, self.qemu)
        shutil.copytree(qemu.resolve().parent / FIRMWARE,
                        self.qemu.parent / FIRMWARE)
        for name in ("config/libvirt", "cache", "run"):
            (self.home / name).mkdir(parents=True)
        (self.home / "config/libvirt/qemu.conf").write_text(QEMU_CONF)
        self.log = self.home / "libvirtd.log"
        self._env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                     "HOME": str(self.home),
                     "XDG_CONFIG_HOME": str(self.home / "config"),
                     "XDG_CACHE_HOME": str(self.home / "cache"),
                     "XDG_RUNTIME_DIR": str(self.home / "run")}

    def __enter__(self):
        if self._as:
            for path in (self.home, *self.home.rglob("*")):
                shutil.chown(path, USER)
        with self.log.open("w") as log:
            self._daemon = subprocess.Popen(
                [*self._as, "prlimit", f"--memlock={LOCKED}", "libvirtd"],
                env=self._env, cwd="/", stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Broken):
            self.virsh("destroy", NAME)
        self._daemon.terminate()
        try:
            self._daemon.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
        shutil.rmtree(self.home)

    def said(self):
        """The last lines of the daemon's log, and of QEMU's."""
        logs = [self.log, *self.home.glob("cache/libvirt/qemu/log/*.log")]
        return "\n".join(line for log in logs
                         for line in [f"{log.name}:",
                                      *log.read_text().splitlines()[-15:]])

    def virsh(self, *words):
        """What virsh prints; Broken if it fails."""
        socket = self.home / "run/libvirt/libvirt-sock"
        try:
            run = subprocess.run(
                [*self._as, "virsh", "-q", "-c",
                 f"qemu+unix:///session?socket={socket}", *words],
                env=self._env, cwd="/", stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
                check=False)
        except subprocess.TimeoutExpired as hung:
            raise Broken(f"virsh {words[0]} hangs\n{self.said()}") from hung
        if run.returncode:
            raise Broken(f"virsh {words[0]}: {run.stderr}{self.said()}")
        return run.stdout.strip()

    def wait(self):
        """Wait until it answers; Broken if it does not."""
        end = time.monotonic() + LIMIT
        while True:
            try:
                return self.virsh("uri")
            except Broken:
                if self._daemon.poll() is not None:
                    raise Broken("libvirtd ended with status "
                                 f"{self._daemon.returncode}\n{self.said()}"
                                 ) from None
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def virsh_xml(self, element, *words):
        """virsh with a file that has an element, as the last word."""
        file = self.home / f"{element.tag}.xml"
        file.write_text(etree.tostring(element, encoding="unicode"))
        return self.virsh(*words, file)

    def qmp(self, command, **more):
        """What a command of the monitor returns."""
        answer = json.loads(self.virsh(
            "qemu-monitor-command", NAME,
            json.dumps({"execute": command, "arguments": more})))
        if "return" not in answer:
            raise Broken(f"{command}: {answer}")
        return answer["return"]


def with_our_qemu(domain, qemu):
    """Make the domain of the docs one under TCG, and with this QEMU."""
    domain.set("type", "qemu")
    domain.find("name").text = NAME
    emulator = domain.find("devices/emulator")
    emulator.text = str(qemu)


def of_device(spaces, device):
    """What the unit tells of a device, by its id."""
    return next((s for s in spaces if s.get("id") == device), None)


def judge_monitor(tap, libvirt, device):
    """What the docs say that the monitor can be asked."""
    iommu = {"path": "/machine/peripheral/iommu0"}
    caching = libvirt.qmp("qom-get", property="caching-mode", **iommu)
    tap.check(caching is True, "qom-get: caching-mode is on", caching)
    stats = libvirt.qmp("qom-get", property="stats", **iommu)
    tap.check("shadow-maps" in stats, "qom-get: stats counts", stats)
    spaces = libvirt.qmp("x-query-vtd")["spaces"]
    tap.check(of_device(spaces, device),
              f"x-query-vtd: the unit knows {device}", spaces)
    told = libvirt.qmp("x-vtd-explain", device=device, iova=1 << 30)
    tap.check(told["verdict"] == "passes as it is: translation is off",
              "x-vtd-explain: firmware has not switched translation on",
              told["verdict"])
    info = libvirt.virsh("qemu-monitor-command", NAME, "--hmp", "info vtd")
    tap.check("caching-mode" in info and device in info,
              "info vtd: shows both", info)


# What libvirt refuses: edits of the domain of the docs, and what it then says

def _no_ioapic(domain, _):
    features = domain.find("features")
    features.remove(features.find("ioapic"))


def _eim_alone(domain, _):
    domain.find("devices/iommu/driver").attrib |= {"intremap": "off",
                                                   "eim": "on"}


def _other_machine(domain, _):
    domain.find("os/type").set("machine", "pc")
    devices = domain.find("devices")
    for controller in devices.findall("controller"):
        devices.remove(controller)


def _many_cpus(domain, _):
    etree.SubElement(domain, "vcpu").text = "300"


def _device(domain, blocks):
    domain.find("devices").append(copy.deepcopy(blocks["hostdev"]))


def _hard_limit(domain, _):
    limit = etree.SubElement(etree.SubElement(domain, "memtune"), "hard_limit")
    limit.text = str(1 << 20)


def _locked(domain, _):
    etree.SubElement(etree.SubElement(domain, "memoryBacking"), "locked")


def _transitional(domain, blocks):
    rng = copy.deepcopy(blocks["rng"])
    rng.set("model", "virtio-transitional")
    domain.find("devices").append(rng)


REFUSALS = (
    ("without a split I/O APIC", _no_ioapic,
     "IOMMU interrupt remapping requires split I/O APIC (ioapic "
     "driver='qemu')"),
    ("with eim alone", _eim_alone,
     "IOMMU eim requires interrupt remapping to be enabled"),
    ("of another machine", _other_machine,
     "IOMMU device: 'intel' is only supported with Q35 machines"),
    ("with many CPUs", _many_cpus,
     "more than 255 vCPUs require extended interrupt mode enabled on the "
     "iommu device"),
    ("with a device that the host cannot assign", _device,
     "host doesn't support passthrough of host PCI devices"),
    ("with a hard limit", _hard_limit,
     "Memory tuning is not available in session mode"),
    ("with locked memory", _locked, "cannot limit locked memory of process"),
    ("with a transitional device", _transitional,
     "VIRTIO_F_IOMMU_PLATFORM was supported by neither legacy nor "
     "transitional device"),
)


def refusal(libvirt, domain):
    """What libvirt says of a domain, when it is defined or started."""
    try:
        libvirt.virsh_xml(domain, "define")
        libvirt.virsh("start", NAME)
        libvirt.virsh("destroy", NAME)
        said = "it takes that"
    except Broken as why:
        said = str(why)
    with contextlib.suppress(Broken):
        libvirt.virsh("undefine", NAME)
    return said


def judge_refusals(tap, libvirt, blocks):
    """What libvirt says of domains that the page of symptoms has."""
    page = " ".join(SYMPTOMS.read_text().split())
    can_assign = any(Path("/sys/kernel/iommu_groups").glob("*"))
    for name, edit, words in REFUSALS:
        tap.check(words in page, f"{name}: the docs have what libvirt says",
                  words)
        if edit is _device and can_assign:
            tap.skip(name, "this host can assign devices")
            continue
        domain = copy.deepcopy(blocks["domain"])
        edit(domain, blocks)
        # The first lines are this command's, those of the log are all
        said = refusal(libvirt, domain).partition(f"{libvirt.log.name}:")[0]
        tap.check(words in said, f"{name}: libvirt says so", said)


def judge(tap, libvirt, blocks):
    """All checks; what can't go on raises Broken."""
    libvirt.wait()
    tap.check(True, "libvirtd runs in session mode")
    with_our_qemu(blocks["domain"], libvirt.qemu)
    judge_refusals(tap, libvirt, blocks)
    libvirt.virsh_xml(blocks["domain"], "define")
    libvirt.virsh("start", NAME)
    state = libvirt.virsh("domstate", NAME)
    tap.check(state == "running", "the domain of the docs runs", state)
    before = {s.get("id") for s in libvirt.qmp("x-query-vtd")["spaces"]}
    libvirt.virsh_xml(blocks["rng"], "attach-device", "--live", NAME)
    plugged = {s.get("id") for s in libvirt.qmp("x-query-vtd")["spaces"]}
    new = plugged - before
    tap.check(len(new) == 1, "the device of the docs is plugged in", new)
    if new:
        judge_monitor(tap, libvirt, new.pop())
    # These need a device and a network of the host to start with
    for tag in ("hostdev", "interface"):
        libvirt.virsh_xml(blocks[tag], "attach-device", "--config", NAME)
        text = libvirt.virsh("dumpxml", NAME, "--inactive")
        tap.check(f"<{tag} " in text, f"libvirt takes the {tag} of the docs",
                  text)


def main():
    options = arguments()
    tools.build(options, options.qemu)
    tap = Tap()
    try:
        with Libvirt(options.qemu.absolute()) as libvirt:
            judge(tap, libvirt, xml_of(PAGE))
    except Broken as why:
        tap.check(False, "it goes on", why)
    tap.plan()
    return tap.verdict()


if __name__ == "__main__":
    sys.exit(main())
