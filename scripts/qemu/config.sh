# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# QEMU: which versions, where they come from, and how they are configured.

# The one that is built if nobody asks for another
QEMU_DEFAULT=10.0

# Debian's suite that has it, and the meson and the BIOS for all
SUITE=trixie
# An older meson does not do.
MESON_MIN=1.5
# Older ones wait half a minute for the disks that this QEMU has.
SEABIOS_MIN=1.16.3

# Debian's suites that may have the source of QEMU @1.
suites_of() {
    echo "$SUITE"
    [ "$1" = "$QEMU_DEFAULT" ] || printf '%s\n' "$SUITE-backports" forky sid
}

QEMU_OPTIONS=(
    --target-list=x86_64-softmmu
    --python=/usr/bin/python3
    --without-default-features --disable-download --disable-install-blobs
    --enable-system --enable-tools --enable-tcg --enable-kvm
    --enable-vhost-kernel --enable-vhost-net
    --enable-vhost-user --enable-vhost-vdpa
    --enable-slirp --enable-virtfs --enable-attr --enable-cap-ng
    --enable-pixman --enable-trace-backends=log
)

# Not unpacked: our build has no use for it.
UNWANTED=('roms/*' 'tests/lcitool/*' .git build)
