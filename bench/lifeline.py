"""No process outlives the one that started it, however that one died."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess

_PR_SET_PDEATHSIG = 1  # Linux, prctl(2)


def die_with_parent() -> None:
    """End this process when its parent ends.

    On Linux the kernel sends SIGKILL, even to a process stuck inside an extension; the forkserver dies with the
    command and its cells die with the forkserver. Elsewhere a thread waits on the pipe that multiprocessing keeps to
    the command.
    """
    if platform.system() == "Linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent or parent == 1:  # it died before the kernel was told
            os._exit(1)
        return
    command = parent_process()
    if command is not None:
        threading.Thread(target=_end_after, args=(command,), daemon=True).start()


def _end_after(command: BaseProcess) -> None:
    command.join()
    os._exit(1)
