"""Of what a search has found, the best is what says the source too: a noisy channel, by the same network the other way.

Beam search finds what is probable for a source. Where that leaves something out, or is about something else, the source
is improbable for it; so hypotheses are ranked by both (Li et al. 2016, arXiv:1510.03055, "MMI-bidi"; Yee et al. 2019,
arXiv:1908.05731). A network of both directions is its own channel. When a search has ended, the source is read from
each of its hypotheses, all tokens at once; some of them beside each step of others, so that these keep their pace.
Where steps are the device's alone, it reads behind some of them, and the host looks a step later.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice, repeat
from math import isfinite, nan

import torch

from model_store.decoding.backends.protocol import Backend
from model_store.decoding.scoring import length_penalties
from model_store.decoding.segment import Channel, Hypothesis, Results, Segment
from model_store.tokenizer import Tokenizer
from model_store.transfers import Fetched

logger = logging.getLogger("verso.decoding")

_PAIRS_AT_ONCE = 64
# A device reads many about as fast as few: so it does behind every eighth step, or where so many tokens wait.
_STEPS_OF_DEVICE, _TOKENS_OF_DEVICE = 8, 16384
# Tokens that are read beside a step, for each row of it; or a part of what waits, else more might come than go.
_TOKENS_A_ROW, _LEAST_PART = 4, 4


def channel_back(
    tokenizer: Tokenizer,
    way: tuple[str, str],
    directions: Collection[tuple[str, str]],
    *,
    weight: float,
    max_source_length: int,
) -> Channel | None:
    """For segments from way[0] to way[1], of a network that translates in these directions and reads so many tokens;
    None if not back, or for a weight of 0."""
    source, target = way
    if not weight or (target, source) not in directions:
        return None
    return Channel(tokenizer.prefix_ids(source), tokenizer.source_prefix, weight, max_source_length)


@dataclass
class _Reading:
    """A segment whose search has found something to choose between.

    asked: how many hypotheses are read or being read. log_probs: of those read so far.
    """

    ticket: int
    segment: Segment
    channel: Channel
    found: tuple[Hypothesis, ...]
    readable: tuple[Hypothesis, ...]
    asked: int = 0
    log_probs: list[float] = field(default_factory=list)

    def pairs(self, bos: int, eos: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """What is left to read, as source and target of the other direction."""
        target = (bos, *self.segment.source[self.channel.skip :])
        left = self.readable[self.asked :]
        return [((*self.channel.prefix, *each.tokens, eos), target) for each in left]

    @property
    def ranked(self) -> tuple[Hypothesis, ...]:
        """Best first: those that were read, and of equals those that the search preferred; then the others. All as the
        search has them if what was read are no numbers. The search that led to them goes with the best."""
        if not all(map(isfinite, self.log_probs)):
            return self.found
        tokens = len(self.segment.source) - self.channel.skip
        weight = self.channel.weight / length_penalties(self.segment.length_penalty, tokens)[-1]
        read = [replace(each, channel_log_prob=log) for each, log in zip(self.readable, self.log_probs, strict=True)]
        read.sort(key=lambda each: -each.score - weight * (each.channel_log_prob or 0.0))
        best, *others = (*read, *(each for each in self.found if each not in self.readable))
        search = self.found[0].search
        return (replace(best, search=search), *(replace(each, search=None) for each in others))


@dataclass(frozen=True)
class _Asked:
    """How many more hypotheses of which segments are being read. log_probs: of all in one; None if they cannot be."""

    parts: list[tuple[_Reading, int]]
    log_probs: Fetched | None


class NoisyChannel:
    """Ranks the hypotheses of one decoder's segments. bos, eos: of the network's vocabulary. rows: of a step."""

    def __init__(self, backend: Backend, *, bos: int, eos: int, rows: int) -> None:
        self._backend = backend
        self._bos = bos
        self._eos = eos
        self._tokens = _TOKENS_OF_DEVICE if backend.on_device else _TOKENS_A_ROW * rows
        self._expected: dict[int, Segment] = {}
        self._readings: deque[_Reading] = deque()
        self._asked: _Asked | None = None
        self._steps = 0  # since something was read

    def __len__(self) -> int:
        """Of the segments whose search has ended, how many are not ranked yet."""
        return len(self._readings)

    def expect(self, ticket: int, segment: Segment) -> None:
        """The segment of that ticket is decoded; its hypotheses will be ranked if it has a channel."""
        if segment.channel is not None:
            self._expected[ticket] = segment

    def forget(self, ticket: int) -> None:
        """The segment of that ticket has no result any more."""
        self._expected.pop(ticket, None)
        self._readings = deque(each for each in self._readings if each.ticket != ticket)

    def take(self, results: Results) -> Results:
        """Those that have nothing to be ranked by; the others are kept to be read."""
        through: Results = []
        for ticket, found in results:
            segment = self._expected.pop(ticket, None)
            readable = () if segment is None else self._readable(segment, found)
            if segment is not None and segment.channel is not None and len(readable) > 1:
                self._readings.append(_Reading(ticket, segment, segment.channel, found, readable))
            else:
                through.append((ticket, found if segment is None else found[: segment.n_best]))
        return through

    def read(self, *, alone: bool) -> Results:
        """Read a part of what is kept, or all of it if nobody steps meanwhile: those that are ranked now. What cannot
        be read is as the search has it."""
        if self._backend.on_device:
            self._answer()
        self._ask(self._parts(alone=alone))
        if not self._backend.on_device:
            self._answer()
        ranked: Results = []
        while self._readings and len(self._readings[0].log_probs) == len(self._readings[0].readable):
            done = self._readings.popleft()
            ranked.append((done.ticket, done.ranked[: done.segment.n_best]))
        return ranked

    def _ask(self, parts: list[tuple[_Reading, int]]) -> None:
        if not parts:
            return
        pairs = [pair for reading, count in parts for pair in reading.pairs(self._bos, self._eos)[:count]]
        try:
            log_probs = Fetched({"log_probs": self._log_probs(pairs)})
        except Exception:
            logger.exception("the way back could not be read: %d segments are ranked without it", len(parts))
            self._asked = _Asked(parts, None)
        else:
            self._asked = _Asked(parts, log_probs)
        for reading, count in parts:
            reading.asked += count

    def _answer(self) -> None:
        """Take what was asked for, once it is here."""
        if self._asked is None:
            return
        asked, self._asked = self._asked, None
        found = repeat(nan) if asked.log_probs is None else iter(asked.log_probs.wait()["log_probs"].tolist())
        for reading, count in asked.parts:
            reading.log_probs += islice(found, count)

    def _readable(self, segment: Segment, found: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
        """What there is to choose between: what is finished and not too long; nothing if the search's best is not."""
        channel, limit = segment.channel, self._backend.target_limit
        if channel is None or (limit is not None and len(segment.source) >= limit):
            return ()
        most = channel.most - len(channel.prefix) - 1
        readable = tuple(each for each in found if each.finished and len(each.tokens) <= most)
        return readable if readable[:1] == tuple(found[:1]) else ()

    def _parts(self, *, alone: bool) -> list[tuple[_Reading, int]]:
        """How many hypotheses of which segments to read now, from the first that is not being read on."""
        costs = [
            (reading, [len(source) + len(target) for source, target in reading.pairs(self._bos, self._eos)])
            for reading in self._readings
        ]
        waiting = sum(sum(each) for _reading, each in costs)
        self._steps += 1
        if not waiting or not (alone or self._is_time(waiting)):
            return []
        self._steps = 0
        left = waiting if alone else max(self._tokens, waiting // _LEAST_PART)
        parts: list[tuple[_Reading, int]] = []
        for reading, tokens in costs:
            fit = sum(total <= left for total in accumulate(tokens))
            if tokens and (fit or not parts):  # one in any case
                parts.append((reading, max(fit, 1)))
            left -= sum(tokens[:fit])
            if fit < len(tokens):
                break
        return parts

    def _is_time(self, waiting: int) -> bool:
        """Of a step that others have a part in. waiting: tokens."""
        return not self._backend.on_device or self._steps >= _STEPS_OF_DEVICE or waiting >= self._tokens

    def _log_probs(self, pairs: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> torch.Tensor:
        at_once = len(pairs) if self._backend.on_device else _PAIRS_AT_ONCE
        found = []
        for start in range(0, len(pairs), at_once):
            sources, targets = zip(*pairs[start : start + at_once], strict=True)
            found.append(self._backend.target_log_probs(sources, targets))
        return torch.cat(found)
