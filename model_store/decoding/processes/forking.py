"""The process that all processes that decode come from: it has what they need in memory once, and one thread."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
from multiprocessing.connection import Connection
from types import FrameType

_MOST_CONNECTIONS = 253  # Linux sends no more descriptors at once


def main(descriptor: int, imported_before: str) -> None:
    """Import that module, and serve the socket of that descriptor until its other end is closed."""
    # Whoever asks decides when this ends, and those that come from it inherit that. Before anything takes time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    importlib.import_module(imported_before)
    from model_store.decoding.processes.member import wait_for_children

    signal.signal(signal.SIGCHLD, _wait_for_ended)
    with socket.socket(fileno=descriptor) as requests, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        requests.send(b".")  # that it has imported
        while _serve_next(requests):
            pass
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    wait_for_children()


def _serve_next(requests: socket.socket) -> bool:
    """Fork, for connections that come in a message of one byte; False if there is none any more."""
    message, descriptors, _flags, _address = socket.recv_fds(requests, 1, _MOST_CONNECTIONS)
    if not message:
        return False
    connections = [Connection(each) for each in descriptors]
    try:
        process = os.fork()
    except OSError as error:
        from model_store.decoding.processes.messages import Failed

        connections[0].send(Failed(error))
    else:
        if process == 0:
            _become_first(requests, connections)
    for each in connections:
        each.close()
    return True


def _become_first(requests: socket.socket, connections: list[Connection]) -> None:
    from model_store.decoding.processes.member import run

    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        requests.close()
        run(connections)
        status = 0
    except Exception:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _wait_for_ended(_signal: int, _frame: FrameType | None) -> None:
    """They would stay as zombies, and the time that they took would be nobody's."""
    with contextlib.suppress(ChildProcessError):  # none is left
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
