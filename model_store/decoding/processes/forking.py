"""The process that all processes that decode come from: it has what they need in memory once, and one thread."""

from __future__ import annotations

import contextlib
import importlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NoReturn

_MOST_DESCRIPTORS = 253  # Linux sends no more at once
# They end at once, or wait for a step or for each other. Whoever takes longer opens its model yet, or hangs.
_END_WITHIN_S = 2.0
_LOOKS_EVERY_S = 0.01


def main(descriptor: int, imported_before: str) -> None:
    """Import that module, and serve the socket of that descriptor until its other end is closed and all that came from
    here has ended."""
    # Whoever asks decides when this ends, and those that come from it inherit that. Before anything takes time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # or there would be nobody to wait for, if whoever asks ignores it
    importlib.import_module(imported_before)
    importlib.import_module("model_store.decoding.processes.member")
    with socket.socket(fileno=descriptor) as requests:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            requests.send(b".")  # that it has imported
        _serve(requests)


def _serve(requests: socket.socket) -> None:
    """Each model's processes are a group, whose number is that of the first. They are to end when the other end of
    their lifeline is closed, which it is too when whoever asked is gone."""
    ending: dict[int, float] = {}  # groups, and when each is killed
    with selectors.PollSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while ending or selector.get_map():
            for key, _events in selector.select(_LOOKS_EVERY_S if ending else None):
                if key.fileobj is requests:
                    if not (descriptors := _next_request(requests)):
                        selector.unregister(requests)
                        continue
                    others = [each.fd for each in selector.get_map().values()]
                    lifeline, first = _make(descriptors, others)
                    selector.register(lifeline, selectors.EVENT_READ, first)
                else:
                    selector.unregister(key.fileobj)
                    os.close(key.fd)
                    if key.data is not None:
                        ending[key.data] = time.monotonic() + _END_WITHIN_S
            ending = {group: until_s for group, until_s in ending.items() if not _has_ended(group, until_s)}


def _next_request(requests: socket.socket) -> list[int]:
    """Descriptors, that come in a message of one byte: of the lifeline and of a connection for each process; none if
    nobody asks any more."""
    try:
        return socket.recv_fds(requests, 1, _MOST_DESCRIPTORS)[1]
    except ConnectionResetError:
        return []


def _make(descriptors: Sequence[int], others: Sequence[int]) -> tuple[int, int | None]:
    """Fork; returns the lifeline, in which the new process's number is told, and that number, None if there is no
    process. others: descriptors that it is not to have."""
    lifeline, *rest = descriptors
    connections = [Connection(each) for each in rest]
    try:
        process: int | None = os.fork()
    except OSError as error:
        process, failed = None, error
    if process == 0:
        for each in (lifeline, *others):
            os.close(each)
        _become_first(connections)
    with contextlib.suppress(BrokenPipeError):  # nobody wants it any more, which is seen next
        if process is None:
            from model_store.decoding.processes.messages import Failed

            connections[0].send(Failed(failed))
        else:
            os.write(lifeline, str(process).encode())
    for connection in connections:
        connection.close()
    return lifeline, process


def _become_first(connections: list[Connection]) -> NoReturn:
    from model_store.decoding.processes.member import run, wait_for_children

    status = 1
    try:
        os.setpgid(0, 0)
        run(connections)
        wait_for_children()
        status = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _has_ended(group: int, until_s: float) -> bool:
    """Whether the first of them has, which waits for the others; what is left then is killed, since the first was, and
    after `until_s` all, on the clock of `time.monotonic`."""
    ended = os.waitid(os.P_PID, group, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None  # its number stays its own
    if ended or time.monotonic() > until_s:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    if ended:
        os.waitpid(group, 0)
    return ended


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
