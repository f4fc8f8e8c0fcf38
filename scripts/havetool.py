# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of the machine's that scripts can do without."""

import os
import shutil
import subprocess


def have(tool, package, use, say=print):
    """Find a tool; install it as root; else say what it is missing for."""
    if shutil.which(tool):
        return True
    command = ['apt-get', 'install', '-y', '--no-install-recommends', package]
    if os.geteuid() == 0 and shutil.which('apt-get'):
        say(f'installing {package}')
        quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}
        env = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
        subprocess.run(['apt-get', 'update'], check=False, **quiet)
        subprocess.run(command, check=False, env=env, **quiet)
        if shutil.which(tool):
            return True
    say(f'{use} is left out; as root: {" ".join(command)}')
    return False
