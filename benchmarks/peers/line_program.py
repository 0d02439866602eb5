# SPDX-License-Identifier: Apache-2.0
"""A benchmark's program that stays and answers a line with a line, so that it and its peer can take turns."""

import json
import os
import subprocess
import sys


class Program:
    """Answers a line with a line."""

    def __init__(self, command, **environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"does not start: {' '.join(map(str, command))}")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.communicate("end\n")
