"""Becomes the command on its command line, which then ends when the process PARENT does.

    python demo/tied.py PARENT COMMAND ARGUMENT...

For kill -9, which leaves a parent no time to stop anything. The kernel keeps the parent-death
signal across exec (prctl(2), Linux); on other systems there is none.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        # SIGTERM, so that the command can stop what it has started itself.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have died before the line above took effect.
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
