"""How many threads each process may use."""

from __future__ import annotations

import os

import pytest

from model_store.decoding.processes.core_share import CoreShare


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")
def test_the_cores_belong_to_those_that_are_at_work() -> None:
    share = CoreShare(cores=6, processes=4)
    assert share.threads() == 1
    others = []
    for place in (1, 2):
        ready, go_on = os.pipe(), os.pipe()
        if (child := os.fork()) == 0:
            share.join(place)
            share.work(True)
            os.write(ready[1], b"x")
            os.read(go_on[0], 1)
            share.work(False)
            os._exit(share.threads())
        os.read(ready[0], 1)
        others.append((child, go_on[1]))
    share.join(0)
    assert share.threads() == 3
    share.work(True)
    assert share.threads() == 2
    for child, go_on_end in others:
        os.write(go_on_end, b"x")
        _pid, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (3, 6)
    assert share.threads() == 6
    share.work(False)
    assert share.threads() == 6


def test_each_has_one_thread_at_least() -> None:
    share = CoreShare(cores=1, processes=2)
    share.join(0)
    assert share.threads() == 1
