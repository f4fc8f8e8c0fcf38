/*
 * Take IOVAs of another process's iommufd, or give them back
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * taken-iova map|unmap PID FIRST LENGTH [FIRST LENGTH ...]     (in hex)
 *
 * Maps memory of its own into the address spaces (IOAS) of QEMU's, behind its
 * back.  What a guest maps there afterwards the kernel refuses: -EEXIST.  The
 * memory stays pinned when this program ends.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/iommufd.h>

/* Objects of an iommufd have small numbers; only some are address spaces. */
#define OBJECTS                 64
#define FDS                     1024

/* A descriptor here for /dev/iommu there; -1 if it has none */
static int iommufd_of(long pid)
{
    int pidfd = syscall(SYS_pidfd_open, pid, 0);
    char path[64], target[64] = "";

    for (int fd = 0; pidfd >= 0 && fd < FDS; fd++) {
        ssize_t length;

        snprintf(path, sizeof(path), "/proc/%ld/fd/%d", pid, fd);
        length = readlink(path, target, sizeof(target) - 1);
        if (length > 0 && !strncmp(target, "/dev/iommu", length)) {
            return syscall(SYS_pidfd_getfd, pidfd, fd, 0);
        }
    }
    return -1;
}

static int take(int iommufd, __u32 ioas, __u64 first, __u64 length)
{
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct iommu_ioas_map map = {
        .size = sizeof(map),
        .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
                 IOMMU_IOAS_MAP_WRITEABLE,
        .ioas_id = ioas,
        .user_va = (unsigned long)memory,
        .iova = first,
        .length = length,
    };

    return memory == MAP_FAILED ? -1 : ioctl(iommufd, IOMMU_IOAS_MAP, &map);
}

static int give_back(int iommufd, __u32 ioas, __u64 first, __u64 length)
{
    struct iommu_ioas_unmap unmap = {
        .size = sizeof(unmap),
        .ioas_id = ioas,
        .iova = first,
        .length = length,
    };

    return ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap);
}

int main(int argc, char **argv)
{
    int map = argc > 1 && !strcmp(argv[1], "map");
    int iommufd = argc > 4 ? iommufd_of(atol(argv[2])) : -1;
    int done = 0;

    if (iommufd < 0) {
        perror("no iommufd");
        return 1;
    }
    for (int i = 3; i + 1 < argc; i += 2) {
        __u64 first, length;

        if (sscanf(argv[i], "%llx", &first) != 1 ||
            sscanf(argv[i + 1], "%llx", &length) != 1) {
            fprintf(stderr, "no numbers: %s %s\n", argv[i], argv[i + 1]);
            return 1;
        }
        for (__u32 ioas = 1; ioas < OBJECTS; ioas++) {
            if (!(map ? take : give_back)(iommufd, ioas, first, length)) {
                done++;
            } else if (errno != ENOENT) {
                fprintf(stderr, "object %u, %s: %s\n", ioas, argv[i],
                        strerror(errno));
                return 1;
            }
        }
    }
    printf("%d\n", done);
    return !done;
}
