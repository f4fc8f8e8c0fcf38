# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened between two answers of x-query-vtd, per second."""

# A device's rates, each with the counters that add up to it
DEVICE = {"translations": ("iotlb-hits", "iotlb-misses"),
          "misses": ("iotlb-misses",), "maps": ("maps",),
          "unmaps": ("unmaps",), "faults": ("faults",)}


def rate(before, after, seconds):
    """A counter that went back is that of a unit made anew."""
    return (after - before if after >= before else after) / seconds


def invalidations(stats):
    """The unit's invalidations by kind; they are of domains, not devices."""
    return {name.removeprefix("inv-"): count for name, count in stats.items()
            if name.startswith("inv-")}


def key(space):
    """The same device in both answers, though the guest may renumber it."""
    return space.get("qom-path", space["device"])


def rates(before, after, seconds):
    """The rates of the unit's invalidations, and of each device."""
    old = {key(space): space for space in before["spaces"]}
    devices = []
    for space in after["spaces"]:
        # One that is new has counted from zero.
        past = old.get(key(space), {})
        devices.append({"device": space["device"], "id": space.get("id"),
                        "view": space["view"],
                        "mapped-pages": space.get("mapped-pages"),
                        "rates": {name: sum(rate(past.get(each, 0),
                                                 space[each], seconds)
                                            for each in counters)
                                  for name, counters in DEVICE.items()}})
    past = invalidations(before["stats"])
    return {"seconds": seconds, "devices": devices, "invalidations":
            {name: rate(past.get(name, 0), count, seconds)
             for name, count in invalidations(after["stats"]).items()}}
