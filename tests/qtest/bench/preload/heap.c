/*
 * VT-d benchmark: how much of QEMU's heap is in use
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A library to be preloaded into QEMU, whose resident memory says little: it
 * has megabytes of free heap when it has started, and keeps what is freed.
 * On SIGURG it writes the bytes that are allocated to the file that
 * BENCH_HEAP_FILE names.  The sender sees to it that QEMU is at rest then,
 * and not inside of malloc().
 */

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static int fd;

static void tell(int sig)
{
    struct mallinfo2 info = mallinfo2();
    uint64_t bytes = info.uordblks + info.hblkhd;

    if (pwrite(fd, &bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        abort();
    }
}

static void __attribute__((constructor)) begin(void)
{
    const char *path = getenv("BENCH_HEAP_FILE");
    struct sigaction action = { .sa_handler = tell, .sa_flags = SA_RESTART };

    if (path) {
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0) {
            abort();
        }
        sigaction(SIGURG, &action, NULL);
    }
}
