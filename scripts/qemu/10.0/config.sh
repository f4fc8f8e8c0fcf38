# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# QEMU 10.0: where it comes from, and how it is configured.

# Debian's suite that has it, and the meson and the BIOS for it
SUITE=trixie
# An older meson does not do.
MESON_MIN=1.5
# Older ones wait half a minute for the disks that this QEMU has.
SEABIOS_MIN=1.16.3

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
