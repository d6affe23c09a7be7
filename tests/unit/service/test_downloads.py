"""Translated files: kept for a while, the oldest give way, names are harmless."""

from __future__ import annotations

from service.downloads import KEPT_S, MOST_BYTES, Downloads


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_file_is_kept_for_a_while() -> None:
    clock = Clock()
    downloads = Downloads(clock)
    key = downloads.put("a.txt", b"a", "text/plain")
    clock.now_s = KEPT_S - 1
    found = downloads.get(key)
    assert found is not None
    assert (found.name, found.content, found.media_type) == ("a.txt", b"a", "text/plain")
    clock.now_s = KEPT_S
    assert downloads.get(key) is None


def test_the_oldest_make_room() -> None:
    downloads = Downloads()
    keys = [downloads.put("a.txt", bytes(MOST_BYTES // 3), "text/plain") for _ in range(4)]
    assert [downloads.get(key) is not None for key in keys] == [False, True, True, True]


def test_the_latest_is_kept_for_a_while_however_large_it_is() -> None:
    clock = Clock()
    downloads = Downloads(clock)
    small, large, more = (downloads.put("a.txt", bytes(size), "text/plain") for size in (1, MOST_BYTES, 1))
    assert [downloads.get(key) is not None for key in (small, large, more)] == [False, False, True]
    larger = downloads.put("a.txt", bytes(MOST_BYTES + 1), "text/plain")
    assert [downloads.get(key) is not None for key in (more, larger)] == [False, True]
    clock.now_s = KEPT_S
    assert downloads.get(larger) is None


def test_names_hold_nothing_that_a_shell_or_a_path_would_mind() -> None:
    downloads = Downloads()
    for name, safe in (("../../etc/passwd", "_.._etc_passwd"), ("..", "file"), ('a"; rm -rf ~.txt', "a_rm_-rf_.txt")):
        found = downloads.get(downloads.put(name, b"", "text/plain"))
        assert found is not None
        assert found.name == safe
    long = downloads.get(downloads.put("x" * 1000 + ".txt", b"", "text/plain"))
    assert long is not None
    assert len(long.name) == 100
    assert long.name.endswith("x.txt")


def test_a_file_of_another_process_is_kept_under_its_own_key_by_the_own_clock() -> None:
    clock, here = Clock(), Downloads(lambda: 1_000_000.0)
    key = here.put("a.txt", b"a", "text/plain")
    made = here.get(key)
    assert made is not None
    there = Downloads(clock)
    there.keep(key, made)
    clock.now_s = KEPT_S - 1
    found = there.get(key)
    assert found is not None
    assert (found.name, found.content, found.media_type) == ("a.txt", b"a", "text/plain")
    clock.now_s = KEPT_S
    assert there.get(key) is None
