"""Becomes the program given on its command line, bound to die with its parent.

python -m heliograph.broker.child PARENT_PID PROGRAM ARGUMENT...

The kernel's parent-death signal (prctl 1, Linux) is kept across exec. It is set here, in a process
of its own, since code between fork and exec is not safe in a program with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tied(*program: str) -> list[str]:
    """The command line that runs the program, the full path of a file first, until we die."""
    return [sys.executable, "-P", "-m", "heliograph.broker.child", str(os.getpid()), *program]


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the line above took effect.
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
