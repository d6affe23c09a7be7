"""Beam search the slow, obvious way: one sentence, Python lists, the whole prefix run again for every token.

Shares no code with the decoder: probabilities come from the teacher-forced pass over the prefix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from model_store.decoding.segment import Form, Segment, Term
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding import close_calls

NextLogProbs = Callable[[Sequence[int]], list[float]]


@dataclass(frozen=True)
class Found:
    """tokens without EOS; finished: whether EOS was reached."""

    tokens: tuple[int, ...]
    log_prob: float
    score: float
    finished: bool


# A step: what lives on as (token, row extended, log_prob), and what finished.
Candidate = tuple[int, int, float]
Step = tuple[list[Candidate], list[Candidate]]


def beam_search(
    next_log_probs: NextLogProbs,
    segment: Segment,
    eos: int,
    history: list[Step] | None = None,
    spelled: Sequence[bytes] = (),
    attention: NextLogProbs | None = None,
    *,
    to_the_end: bool = False,
    gaps: list[float] | None = None,
) -> list[Found]:
    """The semantics stated in hypotheses.py and demands.py, literally. Each step is appended to `history`.

    spelled: what each id writes. attention: the weights with which the next token is written. to_the_end: search up to
    maximum length, whatever is proven before. gaps: gets how far apart it was what choices hung on, of segments that
    demand nothing.
    """
    gaps = [] if gaps is None else gaps
    beam = segment.beam_size
    live: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[Found] = []
    for length in range(1, segment.max_length + 1):
        candidates = [
            (total + log_prob, row, token)
            for row, (total, tokens) in enumerate(live)
            for token, log_prob in enumerate(without_repeats(next_log_probs(tokens), tokens, segment, spelled))
            if total + log_prob > -math.inf
        ]
        candidates.sort(key=lambda candidate: (-candidate[0], candidate[1], candidate[2]))
        if segment.prefix or segment.terms:
            weights = [[] if attention is None else attention(tokens) for _total, tokens in live]
            tokens_of = [tokens for _total, tokens in live]
            candidates = demanded(candidates, tokens_of, weights, segment, eos, spelled)
            candidates = free_of_the_prefix(candidates, tokens_of, segment, spelled)
        gaps.append(close_calls.of_step(candidates, beam, segment.pruning, eos))
        extended = []
        going_on: list[Candidate] = []
        ended: list[Candidate] = []
        for rank, (total, row, token) in enumerate(candidates[: 2 * beam]):
            if token != eos:
                extended.append((total, (*live[row][1], token)))
                going_on.append((token, row, total))
            elif rank < beam:
                if length > 1 or math.exp(total) >= segment.least_empty:
                    finished.append(Found(live[row][1], total, total / penalty(length, segment), finished=True))
                gaps += [abs(math.exp(total) - segment.least_empty)] if length == 1 else []
                ended.append((token, row, total))
        finished.sort(key=lambda found: -found.score)  # stable: of equals, the one finished first
        live = extended[:beam]
        most = max((total for total, _tokens in live), default=0.0)
        live = [each for each in live if each[0] >= most - segment.pruning]
        if history is not None:
            history.append((going_on[: len(live)], ended))
        if not live or (not to_the_end and proven(finished, live, length, segment, gaps)):
            break
    live.sort(key=lambda each: -each[0])
    gaps.append(close_calls.of_order([found.score for found in finished], segment.n_best))
    gaps.append(close_calls.of_order([total for total, _tokens in live], segment.n_best - len(finished)))
    unfinished = [Found(tokens, total, total / penalty(len(tokens), segment), finished=False) for total, tokens in live]
    return (finished[:beam] + unfinished)[: segment.n_best]


def penalty(length: int, segment: Segment) -> float:
    return math.pow((5 + length) / 6, segment.length_penalty)


def proven(
    finished: list[Found], live: list[tuple[float, tuple[int, ...]]], length: int, segment: Segment, gaps: list[float]
) -> bool:
    """Whether what goes on cannot be among the n best within the horizon. `gaps`: as of beam_search."""
    if len(finished) < segment.n_best:
        return False
    longest = min(length + segment.horizon, segment.max_length)
    lead = finished[segment.n_best - 1].score - max(total for total, _tokens in live) / penalty(longest, segment)
    gaps.append(abs(lead))
    return lead >= 0


def network_log_probs(network: Seq2Seq, source: Sequence[int], bos: int, forbidden: Sequence[int]) -> NextLogProbs:
    """Next-token log-probabilities of a network for one source: the whole prefix, teacher-forced, every time."""
    ids = torch.tensor([list(source)])
    lengths = torch.tensor([len(source)])

    def next_log_probs(prefix: Sequence[int]) -> list[float]:
        with torch.no_grad():
            readouts = network(ids, lengths, torch.tensor([[bos, *prefix]]))
            logits = network.projection(readouts[0, -1])
            logits[list(forbidden)] = -math.inf
            exact = torch.promote_types(logits.dtype, torch.float32)
            return torch.log_softmax(logits, dim=0, dtype=exact).tolist()

    return next_log_probs


def network_attention(network: Seq2Seq, source: Sequence[int], bos: int) -> NextLogProbs:
    """The attention with which a network writes the next token, step by step from the start, every time."""
    ids, lengths = torch.tensor([list(source)]), torch.tensor([len(source)])

    def next_weights(prefix: Sequence[int]) -> list[float]:
        with torch.no_grad():
            memory, state = network.encode(ids, lengths)
            for position, token in enumerate((bos, *prefix)):
                step = network.step(torch.tensor([[token]]), memory, state, torch.tensor([position]))
                state = step.state
        assert step.weights is not None
        weights: list[float] = step.weights[0, 0].tolist()
        return weights

    return next_weights


def without_repeats(
    log_probs: list[float], written: tuple[int, ...], segment: Segment, spelled: Sequence[bytes]
) -> list[float]:
    """The distribution without the tokens that would make no_repeat_ngram tokens in a row occur twice; whole as long as
    some of the prefix is left."""
    ngram = segment.no_repeat_ngram
    if not ngram or (segment.prefix and not b"".join(spelled[each] for each in written).startswith(segment.prefix)):
        return log_probs

    def repeats(tokens: tuple[int, ...]) -> bool:
        ngrams = [tokens[start : start + ngram] for start in range(len(tokens) - ngram + 1)]
        return bool(ngrams) and ngrams[-1] in ngrams[:-1]  # a prefix may have repeated before

    left = [-math.inf if repeats((*written, token)) else value for token, value in enumerate(log_probs)]
    total = math.log(sum(math.exp(value) for value in left))
    return [value - total for value in left]


Scored = tuple[float, int, int]  # total, row, token


def demanded(
    candidates: list[Scored],
    live: list[tuple[int, ...]],
    weights: list[list[float]],
    segment: Segment,
    eos: int,
    spelled: Sequence[bytes],
) -> list[Scored]:
    """Of all extensions, best first, those that come into question, in the order in which they are taken."""
    terms = segment.terms

    def allowed(row: int, token: int) -> bool:
        before = b"".join(spelled[each] for each in live[row])
        if token == eos:
            return before.startswith(segment.prefix) and not lacking(live[row], terms, spelled)
        text = before + spelled[token]
        if before.startswith(segment.prefix):
            return True
        return bool(spelled[token]) and (text.startswith(segment.prefix) or segment.prefix.startswith(text))

    fit = [each for each in candidates if allowed(each[1], each[2])]
    totals = {(row, token): total for total, row, token in fit[: 2 * segment.beam_size]}
    for row, tokens in enumerate(live):
        own = [each for each in fit if each[1] == row]
        if own and lacking(tokens, terms, spelled):
            most = own[0][0]
            totals.setdefault((row, own[0][2]), most)
            for total, _row, token in own:
                here = in_place(tokens, token, weights[row], terms, spelled)
                if here is not None:
                    totals[row, token] = most - (1 - here) * (most - total)
    chosen = sorted(
        ((total, row, token) for (row, token), total in totals.items()), key=lambda each: (-each[0], each[1], each[2])
    )
    written = {each: live[each[1]] + (() if each[2] == eos else (each[2],)) for each in chosen}
    left = {each: lacking(tokens, terms, spelled) for each, tokens in written.items()}
    bank = {each: bank_of(tokens, terms, spelled) for each, tokens in written.items()}
    length = len(live[0]) + 1
    possible = [each for each in chosen if not left[each] or length + left[each] <= segment.max_length] or chosen

    def place(each: Scored) -> int:
        return [other for other in possible if bank[other] == bank[each]].index(each)

    return sorted(possible, key=lambda each: (place(each), -each[0], each[1], each[2]))


def free_of_the_prefix(
    candidates: list[Scored], live: list[tuple[int, ...]], segment: Segment, spelled: Sequence[bytes]
) -> list[Scored]:
    """The same, relative to the best as long as none of those that they extend has written all of the prefix."""
    written = [b"".join(spelled[token] for token in tokens) for tokens in live]
    if not candidates or any(text.startswith(segment.prefix) for text in written):
        return candidates
    most = max(total for total, _row, _token in candidates)
    return [(total - most, row, token) for total, row, token in candidates]


def continues(token: int, spelled: Sequence[bytes]) -> bool:
    text = spelled[token].decode(errors="replace")
    return bool(text) and not text.startswith("\u2581") and (text[0].isalnum() or text[0] == "\ufffd")


def missing_of(tokens: tuple[int, ...], term: Term, spelled: Sequence[bytes]) -> int:
    """Occurrences still to come; one in the middle of a word is none of a whole word."""
    ends = set()
    for form in term.forms:
        for end in range(len(form.tokens), len(tokens) + 1):
            inside = end < len(tokens) and continues(tokens[end], spelled)
            if tokens[end - len(form.tokens) : end] == form.tokens and not (form.whole and inside):
                ends.add(end)
    return max(term.count - len(ends), 0)


def begun(tokens: tuple[int, ...], form: Form) -> int:
    """How many tokens of the form, but not all, the last tokens are."""
    return max(size for size in range(len(form.tokens)) if size == 0 or tokens[-size:] == form.tokens[:size])


def lacking(tokens: tuple[int, ...], terms: Sequence[Term], spelled: Sequence[bytes]) -> int:
    """The fewest tokens that complete all terms."""
    total, gain = 0, 0
    for term in terms:
        missing = missing_of(tokens, term, spelled)
        shortest = min(len(form.tokens) for form in term.forms)
        total += missing * shortest
        if missing:
            gain = max(gain, *(shortest - len(form.tokens) + begun(tokens, form) for form in term.forms))
    return total - gain


def bank_of(tokens: tuple[int, ...], terms: Sequence[Term], spelled: Sequence[bytes]) -> tuple[int, int]:
    """Missing occurrences, and the most that was begun of any."""
    missing = [term for term in terms if missing_of(tokens, term, spelled)]
    most = max((begun(tokens, form) for term in missing for form in term.forms), default=0)
    return sum(missing_of(tokens, term, spelled) for term in missing), -most


def in_place(
    tokens: tuple[int, ...], token: int, weights: list[float], terms: Sequence[Term], spelled: Sequence[bytes]
) -> float | None:
    """How much the token is in its place, from 0 to 1, as the next one of a form of a missing term; None if it is no
    such. All but a thousandth is all."""
    found = []
    for term in terms:
        if not missing_of(tokens, term, spelled):
            continue
        for form in term.forms:
            if form.tokens[begun(tokens, form)] != token:
                continue
            if begun(tokens, form):
                found.append(1.0)
            elif weights and form.initial in (None, tokens == ()):
                found.append(sum(weights[place] for place in term.near))
            else:
                found.append(0.0)
    if not found:
        return None
    return 1.0 if max(found) >= 0.999 else max(*found, 0.0)
