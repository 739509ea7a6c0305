"""Python in new processes."""

from __future__ import annotations

import os
import subprocess
import sys


def run(*command, **variables):
    """Run Python in a new process and return what it prints, or raise with its errors."""
    environment = {**os.environ, "PYTHONWARNINGS": "error", **variables}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
