# SPDX-License-Identifier: GPL-2.0-or-later
"""
Patches by mail, made in a repository of git's for the time being.

It has those files alone that the series touches.  Git knows a file by its
content, so the patches are what they would be in the whole tree.
"""

import os
import re
import subprocess
from email.header import Header
from email.utils import formatdate

# What is behind the header of a file that goes, so that git deletes it if it
# is the one of that id, and its text is neither needed nor shown
GONE = 'GIT binary patch\nliteral 0\nHcmV?d00001\n\n'


class Repository:
    """Commits of whole states, each a dictionary of paths and bytes."""

    def __init__(self, directory, who):
        self.directory = directory
        self.env = dict(
            os.environ, GIT_AUTHOR_NAME=who[0], GIT_AUTHOR_EMAIL=who[1],
            GIT_COMMITTER_NAME=who[0], GIT_COMMITTER_EMAIL=who[1],
            GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM='1')
        for name in ('GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE'):
            self.env.pop(name, None)
        self.git('init', '-q')

    def git(self, *command, **more):
        return subprocess.run(
            ['git', '-C', self.directory, *command], check=True, text=True,
            stdout=subprocess.PIPE, env=self.env, **more).stdout.strip('\n')

    def commit(self, state, message, parent=None):
        """Commit a state; return the commit."""
        self.git('rm', '-rq', '--cached', '--ignore-unmatch', '.')
        for path, content in state.items():
            full = os.path.join(self.directory, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, 'wb') as f:
                f.write(content)
        self.git('add', '-f', '--pathspec-from-file=-', '--',
                 input='\n'.join(state))
        tree = self.git('write-tree')
        parents = ['-p', parent] if parent else []
        return self.git('commit-tree', *parents, tree, input=message)

    def mail(self, commit, number, total, gone, directory):
        """
        Write the mail of a commit; return its file's name.

        @gone is what it deletes, as gone_between() has it.
        """
        digits = len(str(total))
        name = self.git(
            'format-patch', '-1', '--no-renames', '--no-numbered',
            '--no-signature', f'--start-number={number}',
            f'--subject-prefix=PATCH {number:0{digits}}/{total}',
            '-o', directory, commit)
        if gone:
            with open(name, encoding='utf-8') as f:
                head, body = f.read().split('\ndiff --git ', 1)
            with open(name, 'w', encoding='utf-8') as f:
                f.write(f'{head}\n{gone}diff --git {body}')
        return name

    def gone_between(self, before, after):
        """Patches of files that go from one commit to another."""
        text = self.git('diff', '--full-index', '--irreversible-delete',
                        '--diff-filter=D', '--no-renames', before, after)
        return ''.join(each + GONE for each in re.findall(
            r'diff --git .*\ndeleted file .*\nindex .*(?:\n|\Z)', text + '\n'))

    def stat(self, before, after):
        """What a cover letter tells of all, but for what goes."""
        return self.git('diff', '--stat=72', '--no-renames',
                        '--diff-filter=AM', before, after)


def cover(who, subject, body):
    """A cover letter as a mail."""
    name = Header(who[0], 'utf-8').encode()
    return (f'From: {name} <{who[1]}>\nDate: {formatdate(localtime=True)}\n'
            f'Subject: {subject}\nMIME-Version: 1.0\n'
            'Content-Type: text/plain; charset=UTF-8\n'
            f'Content-Transfer-Encoding: 8bit\n\n{body}')
