"""The prepare step: corpora -> cleaned pairs -> a tokenizer -> packed ids in the run's folder."""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from model_store.config import Formality
from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from training.back_translation import without_improbable
from training.cleaning import CleaningReport, clean, clean_own, fold
from training.config import Recipe
from training.corpora.pair import SentencePair
from training.corpora.phrasebook import with_capitals
from training.corpora.read import read_source
from training.corpora.sampling import sample
from training.dataset import BACK_TRANSLATED_ID, PackedPairs
from training.draw import order_drawn
from training.held_out import Corpus, Drawn, without_held_out
from training.prepared_options import what_it_depends_on
from training.run_folder import RunFolder
from training.sides import check_sides
from training.source_config import SourceConfig
from training.stand_ins import with_stand_ins
from training.start import load_start
from training.test_sets import folded
from training.tokenizer_training import train_tokenizer
from training.word_pairs import word_pairs
from training.writing import naming

_FORMALITIES: tuple[Formality, ...] = get_args(Formality)
# One of so many pairs that say how they address their reader is learned without that, so that "default" is learned too.
_LEARNED_WITHOUT = 4


def prepare(recipe: Recipe, data_root: Path, folder: RunFolder) -> CleaningReport:
    """Read, clean, deduplicate, train the tokenizer, encode; returns what was kept and what was dropped, by reason.

    Raises ConfigError if nothing usable is left, of one of the directions or at all, if a source stands the other way
    round, or if it cannot be written.
    """
    if folder.checkpoint.exists():
        raise ConfigError(
            f"checkpoint: {folder.checkpoint} was trained on what is prepared already; remove it, or choose "
            "another --runs"
        )
    report = CleaningReport()
    corpora, drawn = _left_to_learn(recipe, data_root, report)
    corpora = [without_improbable(corpus, recipe, report) for corpus in corpora]
    if recipe.data.stand_ins:
        corpora = list(_teaching_to_copy(recipe, corpora))
    _check_enough(sum(len(corpus.pairs) for corpus in corpora), recipe, report)
    languages = recipe.data.languages
    tokenizer = _tokenizer(recipe, corpora)
    pairs, drawable = _pack(corpora, tokenizer, languages, recipe, report)
    _check_enough(len(pairs), recipe, report)
    train, validation = _split(pairs, drawable, recipe)
    with naming(f"data: {folder.tokenizer.parent}"):
        for path in (folder.prepared, folder.report):  # till all is written again, nothing is prepared there
            path.unlink(missing_ok=True)
        folder.tokenizer.parent.mkdir(parents=True, exist_ok=True)
        for each in drawn:
            rows = (f"{pair.left}\t{pair.right}\n" for pair in each.pairs)
            file = folder.held_out(each.draw.left, each.draw.right, each.draw.config.name)
            file.write_text("".join(rows), encoding="utf-8")
        folder.tokenizer.write_bytes(tokenizer.serialized)
        train.save(folder.train)
        validation.save(folder.validation)
        folder.prepared.write_text(json.dumps(what_it_depends_on(recipe), indent=2) + "\n", encoding="utf-8")
        folder.report.write_text(json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return report


def learned_pairs(recipe: Recipe, data_root: Path) -> list[SentencePair]:
    """What `prepare` keeps to learn from and to validate on, without stand-ins."""
    return [pair for corpus in _left_to_learn(recipe, data_root, CleaningReport())[0] for pair in corpus.pairs]


def _check_enough(pairs: int, recipe: Recipe, report: CleaningReport) -> None:
    if pairs <= recipe.data.validation_pairs:
        raise ConfigError(
            f"data: {pairs} usable pairs are left; allowed: more than validation_pairs, "
            f"{recipe.data.validation_pairs}\n{report}"
        )
    kept = [each for each in recipe.data.sources if report.source(each.name).kept and not each.out_of_domain]
    learned = {way for source in kept for way in source.ways}
    for direction, way in zip(recipe.data.directions, recipe.data.pairs, strict=True):
        if way not in learned:
            raise ConfigError(f"data.directions: {direction!r} has no usable pair left to learn from\n{report}")


def _corpora(recipe: Recipe, data_root: Path, reported: frozenset[bytes], report: CleaningReport) -> Iterator[Corpus]:
    held_out = reported | folded(recipe.data.validation, recipe.data.task, data_root)
    seen: set[bytes] = set()
    for config in recipe.data.sources:
        items, name = read_source(config, data_root), config.name
        if config.own:
            cleaned = clean_own(items, source_name=name, task=recipe.data.task, report=report, reported=reported)
        else:
            cleaned = clean(items, source_name=name, data=recipe.data, report=report, seen=seen, held_out=held_out)
        corpus = _up_to_limit(config, cleaned, recipe, report)
        if config.out_of_domain:
            corpus = Corpus(config, [SentencePair(pair.left, "") for pair in corpus.pairs])
        check_sides(f"data.sources: {name}", config.left, config.right, corpus.pairs)
        yield corpus


def _up_to_limit(config: SourceConfig, pairs: Iterable[SentencePair], recipe: Recipe, report: CleaningReport) -> Corpus:
    chosen = sample(pairs, config.limit, recipe.trainer.seed)
    if surplus := report.source(config.name).kept - len(chosen):
        report.drop(config.name, "over_limit", surplus)
    return Corpus(config, chosen)


def _left_to_learn(recipe: Recipe, data_root: Path, report: CleaningReport) -> tuple[list[Corpus], list[Drawn]]:
    """The corpora without the pairs drawn for test sets and those near them; and the sets drawn."""
    reported = folded(recipe.data.report, recipe.data.task, data_root)
    corpora = list(_corpora(recipe, data_root, reported, report))
    drawn: list[Drawn] = []
    if recipe.data.held_out:
        corpora, drawn = without_held_out(corpora, recipe, report)
    only_reported = [each for each in drawn if not each.draw.config.validation]
    texts = (text for each in only_reported for pair in each.pairs for text in (pair.left, pair.right))
    reported |= {fold(text, recipe.data.task) for text in texts}
    return [_with_words(corpus, corpora, recipe, reported, report) for corpus in corpora], drawn


def _with_words(
    corpus: Corpus, corpora: list[Corpus], recipe: Recipe, reported: frozenset[bytes], report: CleaningReport
) -> Corpus:
    """The corpus; if it is one of word pairs, with what is learned from what people wrote in its two languages.

    Without words that a wordbook among the corpora has, alone or as part of something longer: "ice" is not "helado"
    because "ice cream" is.
    """
    config = corpus.config
    if config.format != "word_pairs":
        return corpus
    alike = [other for other in corpora if {other.config.left, other.config.right} == {config.left, config.right}]
    books = [pair for other in alike if other.config.format == "wordbook" for pair in _turned(other, config)]
    left, right = (
        {word for pair in books for word in getattr(pair, side).casefold().split()} for side in ("left", "right")
    )
    written = [other for other in alike if other.config.genuine]
    learned = word_pairs([pair for other in written for pair in _turned(other, config)], seed=recipe.trainer.seed)
    others = [pair for pair in learned if pair.left.casefold() not in left and pair.right.casefold() not in right]
    kept = clean_own(
        with_capitals(others), source_name=config.name, task=recipe.data.task, report=report, reported=reported
    )
    return _up_to_limit(config, kept, recipe, report)


def _turned(corpus: Corpus, like: SourceConfig) -> Iterator[SentencePair]:
    """The pairs of a corpus of the two languages of `like` as those of that stand, left and right."""
    if corpus.config.left == like.left:
        yield from corpus.pairs
    else:
        yield from (SentencePair(pair.right, pair.left) for pair in corpus.pairs)


def _teaching_to_copy(recipe: Recipe, corpora: list[Corpus]) -> Iterator[Corpus]:
    """The corpora, with stand-ins in a share of the pairs that have something to copy, but for the package's own."""
    random = np.random.default_rng(recipe.trainer.seed)
    words = recipe.decoding.stand_ins
    for corpus in corpora:
        if corpus.config.own:
            yield corpus
            continue
        pairs = [
            (with_stand_ins(pair, words, random) if random.random() < recipe.data.stand_ins else None) or pair
            for pair in corpus.pairs
        ]
        yield Corpus(corpus.config, pairs)


def _tokenizer(recipe: Recipe, corpora: list[Corpus]) -> Tokenizer:
    """That of the bundle to start from, or one learned from the corpora."""
    if recipe.start_from is not None:
        tokenizer = load_start(recipe.start_from).tokenizer
        for _source, target in recipe.data.pairs:
            # Raises if the bundle knows no such language, or nothing of formality.
            asked: Formality = "formal" if target in recipe.data.formality else "default"
            tokenizer.prefix_ids(target, recipe.data.task, asked)
        return tokenizer
    return train_tokenizer(
        _genuine_texts(corpora),
        recipe.tokenizer,
        languages=recipe.data.languages,
        tasks=() if recipe.data.task == "translate" else (recipe.data.task,),
        formality=bool(recipe.data.formality),
        seed=recipe.trainer.seed,
    )


def _genuine_texts(corpora: list[Corpus]) -> Iterator[str]:
    """Both sides of every pair, but for back-translated sides and empty ones."""
    for corpus in corpora:
        config = corpus.config
        left, right = (code != config.back_translated for code in (config.left, config.right))
        for pair in corpus.pairs:
            if left:
                yield pair.left
            if right and pair.right:
                yield pair.right


def _pack(
    corpora: list[Corpus], tokenizer: Tokenizer, languages: tuple[str, ...], recipe: Recipe, report: CleaningReport
) -> tuple[PackedPairs, NDArray[np.bool_]]:
    """The pairs as ids, and which of them may be drawn to validate on: shape = (P,)."""
    ids = array("i")
    offsets = array("q", [0])
    left, right, repeats, formality, drawable = array("h"), array("h"), array("h"), array("b"), array("b")
    cut = recipe.data.cut_source_tokens
    for corpus in corpora:
        config = corpus.config
        sides = [tokenizer.encode_many([getattr(pair, side) for pair in corpus.pairs]) for side in ("left", "right")]
        tags = [[BACK_TRANSLATED_ID] * (code == config.back_translated) for code in (config.left, config.right)]
        ways = [_FORMALITIES.index(config.formality.get(code, "default")) for code in (config.left, config.right)]
        for number, (source, target) in enumerate(zip(*sides, strict=True)):
            if cut is not None and len(source) > cut:
                source = source[:cut]
                report.source(config.name).cut += 1
            if max(len(source), len(target)) > recipe.data.max_tokens:
                report.drop(config.name, "too_many_tokens")
                continue
            for tag, side in zip(tags, (source, target), strict=True):
                ids.extend(tag)
                ids.extend(side)
                offsets.append(len(ids))
            left.append(languages.index(config.left))
            right.append(languages.index(config.right))
            repeats.append(config.repeat)
            drawable.append(config.genuine)
            formality.extend(ways if number % _LEARNED_WITHOUT else (0, 0))
    narrow = np.uint16 if tokenizer.vocabulary <= 1 << 16 else np.int32
    packed = PackedPairs(
        np.asarray(ids, dtype=narrow),
        np.asarray(offsets, dtype=np.int64),
        np.asarray(left, dtype=np.int16),
        np.asarray(right, dtype=np.int16),
        np.asarray(repeats, dtype=np.int16),
        languages,
        np.asarray(formality, dtype=np.int8).reshape(-1, 2),
    )
    return packed, np.asarray(drawable, dtype=np.bool_)


def _split(pairs: PackedPairs, drawable: NDArray[np.bool_], recipe: Recipe) -> tuple[PackedPairs, PackedPairs]:
    """Training pairs, and `validation_pairs` of those that may be drawn: the same whatever the recipe's seed.

    Raises ConfigError if there are fewer.
    """
    starts = pairs.offsets[::2]
    spans = (pairs.ids[start:end].tobytes() for start, end in itertools.pairwise(starts))
    order = np.asarray(order_drawn(spans, seed=0), dtype=np.int64)
    among = order[drawable[order]]
    wanted = recipe.data.validation_pairs
    if len(among) < wanted:
        raise ConfigError(
            f"data.validation_pairs: {wanted}, but they are drawn from pairs that are neither back-translated nor the "
            f"package's own, of which {len(among)} are left"
        )
    held = np.sort(among[:wanted])
    kept = np.setdiff1d(order, held)
    return _take(pairs, kept, repeat=True), _take(pairs, held, repeat=False)


def _take(pairs: PackedPairs, chosen: np.ndarray, *, repeat: bool) -> PackedPairs:
    spans = [pairs.ids[pairs.offsets[2 * p] : pairs.offsets[2 * p + 2]] for p in chosen]
    lengths = np.diff(pairs.offsets).reshape(-1, 2)[chosen].reshape(-1)
    return PackedPairs(
        np.concatenate(spans) if spans else pairs.ids[:0],
        np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        pairs.left[chosen],
        pairs.right[chosen],
        pairs.repeats[chosen] if repeat else np.ones(len(chosen), np.int16),
        pairs.languages,
        pairs.formality[chosen],
    )
