"""The process that all processes that decode come from, as its user has it: started once, asked for one by one.

It is not multiprocessing's fork server, which needs a folder for its socket, looks for modules in the current folder
first, and runs the program that asks once more in every process.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from model_store.errors import DecoderProcessError

# What they need before they have a bundle, by its name: this module is imported before torch is, and what decodes knows
# no bundles.
_IMPORTED_BEFORE = "model_store.preloaded"
# It waits for those that decode, and kills those that hang.
_ENDS_WITHIN_S = 10.0
# At the end of Python, as a priority of multiprocessing's: whatever has a higher one ends before.
ORIGIN_ENDS = 0


class Origin:
    """Used from any thread. Ends with the last reference, or with Python."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def start(self) -> None:
        """Start it, unless it runs. It imports beside whoever asks, who may be importing the same. Raises OSError."""
        with self._starting:
            self._running()

    def fork(self, lifeline: socket.socket, *connections: socket.socket) -> socket.socket:
        """Have a process made that serves the other ends of these connections: `member.run` with them. Its number is
        told at the other end of the lifeline, in digits, once it is there. When that end is closed, all that it has
        become are killed if they have not ended two seconds later.

        Returns what `give_up` takes.

        Raises:
            DecoderProcessError: it cannot be asked. OSError: it cannot be started.
        """
        with self._starting:
            requests = self._running()
            try:
                socket.send_fds(requests, [b"."], [each.fileno() for each in (lifeline, *connections)])
            except OSError as error:
                raise DecoderProcessError(f"the process that those that decode come from is gone: {error}") from error
            return requests

    def give_up(self, asked: socket.socket) -> None:
        """Another is started for who asks next, since what `fork` asked does not do it. It stays, as what it has made
        is at work perhaps: if it goes on, it ends with the last of that, else with Python."""
        with self._starting:
            if self._requests is asked:
                asked.close()
                self._process = self._requests = None

    def _running(self) -> socket.socket:
        if self._process is None or self._requests is None or self._process.poll() is not None:
            self._requests, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    # -P: not the current folder, which may have a module of any name, but what this process looks in.
                    (sys.executable, "-P", "-m", f"{__package__}.forking", str(theirs.fileno()), _IMPORTED_BEFORE),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    process_group=0,  # what is sent to all of the service's is not for what ends its others
                    env=os.environ | {"PYTHONPATH": os.pathsep.join(places_of_modules())},
                )
            Finalize(self, _end, args=(self._process, self._requests), exitpriority=ORIGIN_ENDS)
        return self._requests


@cache
def origin() -> Origin:
    """That of this process."""
    return Origin()


def places_of_modules() -> list[str]:
    """Where this process looks for them, whatever folder another is in."""
    return [path or str(Path.cwd()) for path in sys.path]


def _end(process: subprocess.Popen[bytes], requests: socket.socket) -> None:
    try:
        requests.setblocking(False)
        requests.recv(1)  # it says that it has imported: before, none comes from it, and it would take seconds yet
        requests.close()
        process.wait(_ENDS_WITHIN_S)
    except (OSError, subprocess.TimeoutExpired):
        requests.close()
        process.kill()
        process.wait()
