# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC3045 # busybox has read -t
#
# What the guests of a nested run can be told to do (see agent), at every
# layer.  PCI addresses are written as 0000:00:04.0.

await() {                       # until a command succeeds, up to a minute
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "gave up waiting: $*"
    return 1
}

sum() { sha256sum | cut -d ' ' -f 1; }

driver_of() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }

give() {                        # a device to a driver
    device=/sys/bus/pci/devices/$1
    echo "$2" >"$device/driver_override"
    if [ -e "$device/driver" ]; then
        echo "$1" >"$device/driver/unbind"
    fi
    echo "$1" >/sys/bus/pci/drivers_probe
    [ "$(driver_of "$1")" = "$2" ]
}

disk_read() {                   # block device, first MiB, how many
    await test -b "/dev/$1" &&
        dd if="/dev/$1" bs=1M skip="$2" count="$3" iflag=direct \
            status=none | sum
}

disk_copy() {                   # block device, from MiB, to MiB, how many
    dd if="/dev/$1" of="/dev/$1" bs=1M skip="$2" seek="$3" count="$4" \
        iflag=direct oflag=direct status=none
}

disk_read_by_vfio() {           # PCI address, how many MiB
    qemu-img dd -f raw -O raw bs=1M count="$2" "if=nvme://$1/1" of=/tmp/out &&
        sum </tmp/out
    rm -f /tmp/out
}

interface_of() { basename "$(find "/sys/bus/pci/devices/$1/" \
                             -path '*/net/*' -prune)"; }

net_up() {                      # PCI address, own address/length
    await test -d "/sys/bus/pci/devices/$1" || return
    await sh -c "find /sys/bus/pci/devices/$1/ -path '*/net/*' | grep -q ." ||
        return
    net=$(interface_of "$1")
    ip addr add "$2" dev "$net"
    ip link set "$net" up
    await grep -q 1 "/sys/class/net/$net/carrier"
}

# At the end of its input busybox's nc says so to the other side, which then
# ends. An input without an end lets the sender be the one who ends it.
net_take() {                    # nc's arguments
    [ -p /tmp/idle ] || mkfifo /tmp/idle
    nc "$@" 0<>/tmp/idle
}

net_receive() { net_take "$@" | sum; }

# Of a server that waits for the end of what it gets, and then sends
net_fetch() { nc "$1" "$2" </dev/null | sum; }

net_give() {                    # MiB, host, port; prints what it sends is of
    dd if=/dev/urandom of=/tmp/given bs=1M count="$1" status=none
    nc "$2" "$3" </tmp/given >/dev/null && sum </tmp/given
}

# Of all interrupts of a device, by its name

irqs_to_cpu() {                 # name, CPU
    grep "$1" /proc/interrupts | while IFS=': ' read -r number _; do
        echo "$2" >"/proc/irq/$number/smp_affinity_list"
    done
}

irqs_of() {                     # name; how many came to CPU 0, and to CPU 1
    awk -v name="$1" '$0 ~ name { a += $2; b += $3 } END { print a, b }' \
        /proc/interrupts
}

# The next layer down. Its QEMU has two pipes: to its agent, and QMP.

inner_open() {
    rm -f /tmp/agent.* /tmp/qmp.*
    mkfifo /tmp/agent.in /tmp/agent.out /tmp/qmp.in /tmp/qmp.out
    exec 5<>/tmp/agent.in 6<>/tmp/agent.out 7<>/tmp/qmp.in 8<>/tmp/qmp.out
}

# Where a child ends meanwhile, ash's read forgets what it has of the line. So
# lines of others are read in subshells, which have no children.

inner_await() (                 # the end of what the inner guest does
    while read -r -t "${patience:-300}" line <&6; do
        case $line in
        "@done "*) exit "${line#@done }" ;;
        *) echo "$line" ;;
        esac
    done
    echo "the inner guest does not answer"
    exit 99
)

inner() {                       # a command
    echo "$*" >&5
    inner_await
}

qmp() (                         # a command as JSON; prints events, too
    echo "$*" >&7
    while read -r -t 180 line <&8; do
        case $line in
        '{"QMP"'*) ;;
        *) echo "$line" ;;
        esac
        case $line in
        '{"return"'* | '{"error"'*) exit 0 ;;
        esac
    done
    echo "QEMU does not answer"
    exit 99
)

# What QEMU's trace says of VFIO's ioctls for the inner guest's IOMMU

ioctls() {                      # MAPs, UNMAPs, pages of those
    awk '/iommu MAP @/ { maps++ }
         /iommu UNMAP @/ { unmaps++; pages += ($NF - $(NF - 2) + 1) / 4096 }
         END { printf "%d %d %d\n", maps, unmaps, pages }'
}

# A line begins with thread@seconds:event, or with a date and the event.
ioctl_list() {                  # the last of them: time, kind, page, pages
    grep -E 'iommu (UN)?MAP @' | tail -n 6000 |
        sed 's/^[0-9]*@//; s/:vfio/ vfio/' |
        awk '{ op = $(NF - 4) == "MAP" ? "M" : "U"
               printf "%s %s %d %d\n", $1, op, $(NF - 2) / 4096,
                      ($NF - $(NF - 2) + 1) / 4096 }'
}
