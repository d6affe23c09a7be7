"""What part of its limit a benchmark with a bundle reaches: the least time of what was done over the time it took."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import horizon, pace, prefixes, shortlist
from benchmarks.limits import Limits
from benchmarks.work import forced_segments
from model_store.bundle import Bundle, load_bundle
from model_store.decoding.in_flight import MAX_ROWS
from tests.unit.model_store.tiny_bundle import network, save_tiny, translations_by

LIMITS = Limits(peak=1e8, bandwidth=1e8, weight_bytes=1)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    save_tiny(tmp_path / "tiny")
    return load_bundle(tmp_path / "tiny")


def test_of_horizons_it_is_that_of_the_sources_and_outputs(bundle: Bundle) -> None:
    decoding, tokenizer = bundle.manifest.decoding, bundle.tokenizer
    texts, outputs = ["abc def", "g"], ["клм", "ноп рст"]
    source, target = (
        sum(map(len, each)) / 2
        for each in (
            [tokenizer.source_ids(text, target_language="ru") for text in texts],
            [(*tokenizer.encode(text), tokenizer.eos_id) for text in outputs],
        )
    )
    together = LIMITS.together_s(
        bundle.manifest.network, MAX_ROWS // decoding.beam_size, source, target, decoding.beam_size
    )
    least = horizon.least_s(LIMITS, bundle, texts, outputs, ("en", "ru"))
    assert least == pytest.approx(together * 2 * decoding.beam_size / MAX_ROWS)


def test_of_prefixes_it_is_that_of_the_steps_that_were_done(bundle: Bundle) -> None:
    told = prefixes.typed(bundle, LIMITS, [prefixes.opened(bundle), prefixes.opened(bundle)], ("abc", "кл"))
    source = len(bundle.tokenizer.source_ids("abc", target_language="ru"))
    step_ms = 1e3 * LIMITS.step_s(bundle.manifest.network, 1, source, bundle.manifest.decoding.beam_size)
    for end in ("", "_from_the_start"):
        steps, took, fraction = (told[f"{name}{end}"] for name in ("steps_a_key", "ms_a_key", "fraction_of_limit"))
        assert isinstance(steps, float)
        assert isinstance(took, float)
        assert fraction == pytest.approx(steps * step_ms / took, rel=0.01)


def test_with_shortlists_it_is_that_of_the_lists(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock by which each takes a second, so that its fraction of the limit is the least seconds."""
    monkeypatch.setattr(shortlist, "time", SimpleNamespace(perf_counter=cycle((0.0, 1.0)).__next__))
    texts = ["abc def", "g"]
    _outputs, whole = shortlist.translated(bundle, LIMITS, texts, "ru", {})
    _outputs, listed = shortlist.translated(bundle, LIMITS, texts, "ru", {"ru": translations_by([20, 21, 22])})
    assert whole.keys() == {"target_tokens_per_s", "fraction_of_limit"}
    assert 3 <= listed["candidates"] < bundle.manifest.network.vocabulary
    assert 0 < listed["fraction_of_limit"] < whole["fraction_of_limit"]


def test_of_the_pace_the_steps_are_counted_that_are_done_while_others_are_read() -> None:
    running, coming = forced_segments(((5, 6, 7),)), forced_segments(((8, 9, 10, 11),) * 4)
    at_once = pace.pace(pace.opened(network(), 4, at_once=True), running, coming)
    assert at_once.steps == 1
    assert at_once.longest == at_once.encoded
