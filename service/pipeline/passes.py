"""One pass of texts through one model: text -> sentences -> decoded, some of them twice -> text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from service.catalogue import Leg
from service.pipeline.aside import aside
from service.pipeline.explanation import check_explainable
from service.pipeline.labels import with_key
from service.pipeline.leg import Asked, GroupLimits, Patience, WatchText, decode_texts
from service.pipeline.pieces import pieces_of, whole
from service.pipeline.sentence import Sentence, as_it_is, falls_short, faults, in_both_cases, prepare
from service.pipeline.terms import rest_of
from service.pipeline.translation import SegmentTranslation, TextTranslation, TranslationOptions
from service.pipeline.writing import Part
from service.text.access_keys import AccessKey, access_key
from service.text.copied import copied, is_certain, missing
from service.text.glossary import Glossary
from service.text.segmentation import Piece
from service.text.shield import without_placeholders
from service.tracing import phase


@dataclass(frozen=True)
class Pass:
    """Through which model, and how. uncut: whether each text is one segment, as it is where there is a prefix."""

    leg: Leg
    options: TranslationOptions
    limits: GroupLimits
    patience: Patience
    glossary: Glossary | None
    uncut: bool


async def translate_texts(through: Pass, texts: Sequence[str], parts: Sequence[Part] = ()) -> list[TextTranslation]:
    """Translate each text. Raises as decode_texts. parts: those of who reads along, one for each text.

    A sentence in which a placeholder, number or symbol got lost, or which became nothing at all, is tried once more
    with other stand-ins, some of them for what was lost, and all of the beam. One of several words that begins with a
    small letter is decoded as if it began with a capital too, and what the network finds the likelier is taken. A label
    is translated without its access key. A text whose translation has to begin with a prefix is one segment, given to
    the model as it stands.
    """
    leg = through.leg

    def cut(text: str) -> list[Piece]:
        uncut = through.uncut or through.options.prefix
        return whole(leg, text) if uncut else pieces_of(leg, text, through.glossary)

    def cut_label(text: str) -> tuple[AccessKey | None, list[Piece]]:
        key = None if through.options.prefix else access_key(text, lambda part: len(leg.model.tokenizer.encode(part)))
        return key, cut(text if key is None else key.label)

    with phase("segmentation", {"texts": len(texts), "characters": sum(map(len, texts))}):
        cut_texts = await aside(lambda: list(map(cut_label, texts)), texts)
    keys, split = [key for key, _pieces in cut_texts], [pieces for _key, pieces in cut_texts]
    cores = [piece for pieces in split for piece in pieces if piece.translate]
    words = leg.model.decoding.stand_ins
    done = await _decode(through, cores, words, _reading_along(split, keys, parts))
    again = [index for index, each in enumerate(done) if falls_short(each.best) and not through.options.prefix]
    if again:
        # So that those which were lost get others, and the rest of a sentence's gets other ones as well.
        turned = (*words[1:], words[0])
        late = replace(through, patience=through.patience.again())
        lost = [_lost(cores[index].text, done[index]) for index in again]
        second = await _decode(late, [cores[index] for index in again], turned, [], lost)
        for index, each in zip(again, second, strict=True):
            done[index] = min(done[index], each, key=lambda one: _faults(cores[index].text, one))
    translated = iter(done)
    whole_texts = [
        TextTranslation(tuple(next(translated) if piece.translate else piece.text for piece in pieces))
        for pieces in split
    ]
    return [text if key is None else with_key(text, key) for text, key in zip(whole_texts, keys, strict=True)]


def _may_lose(sentence: Sentence, options: TranslationOptions) -> bool:
    return bool(sentence.shielded.atoms) or (options.n_best > 1 and bool(copied(sentence.text)))


def _lost(source: str, translation: SegmentTranslation) -> Counter[str]:
    """The numbers and symbols that are not there any more; those in placeholders are not counted, nor those that a term
    of the glossary was translated for."""
    target = translation.best.text
    read, written = rest_of(source, target, translation.best.terms)
    return missing(without_placeholders(source, read), without_placeholders(target, written))


def _faults(source: str, translation: SegmentTranslation) -> tuple[int, ...]:
    """What speaks against a translation, the worst first. That a short number is another is less than that anything had
    to be put where the model has not written it."""
    certain = sum(number for name, number in _lost(source, translation).items() if is_certain(name))
    return not translation.best.text, certain, *faults(translation.best)


def _reading_along(
    split: Sequence[Sequence[Piece]], keys: Sequence[AccessKey | None], parts: Sequence[Part]
) -> list[tuple[Part, int]]:
    """The part and the number of each piece that is translated. Of labels with a key nobody hears before."""
    parts = [part if key is None else Part(lambda: None) for part, key in zip(parts, keys, strict=False)]
    for pieces, part in zip(split, parts, strict=False):
        part.split([None if piece.translate else piece.text for piece in pieces])
    return [
        (part, number)
        for pieces, part in zip(split, parts, strict=False)
        for number, piece in enumerate(pieces)
        if piece.translate
    ]


async def _decode(
    through: Pass,
    cores: Sequence[Piece],
    stand_ins: Sequence[str],
    places: Sequence[tuple[Part, int]],
    lost: Sequence[Counter[str]] = (),
) -> list[SegmentTranslation]:
    """lost: at the second time, what each core's first translation has not copied."""
    leg, options, texts = through.leg, through.options, [core.text for core in cores]
    if options.explain:
        check_explainable(len(cores))

    def prepared(core: Piece, lost: Counter[str]) -> tuple[Sentence, Sentence | None]:
        if options.prefix:
            return as_it_is(leg, core.text, through.glossary), None
        return in_both_cases(leg, prepare(leg, core, stand_ins, through.glossary, lost))

    with phase("preparation", {"segments": len(cores)}):
        both = await aside(lambda: list(map(prepared, cores, lost or [Counter()] * len(cores))), texts)
    others = {index: other for index, (_sentence, other) in enumerate(both) if other is not None}
    given = [*(sentence for sentence, _other in both), *others.values()]
    # All of the beam where there are placeholders: one that is not the best may be the best that keeps them. And where
    # alternatives have something to copy, since those that do not copy it are none.
    wide = replace(options, n_best=options.beam_size or max(leg.model.decoding.beam_size, options.n_best))
    asked = [
        Asked(each.recased.text, wide if lost or _may_lose(each, options) else options, each.terms) for each in given
    ]
    watch = _watching(given, places, others.keys()) if places else None
    decoded = list(zip(given, await decode_texts(leg, asked, through.limits, through.patience, watch), strict=True))
    chosen, in_another_way = decoded[: len(cores)], decoded[len(cores) :]
    for index, other in zip(others, in_another_way, strict=True):
        chosen[index] = max(chosen[index], other, key=lambda pair: (bool(pair[1].best.text), pair[1].best.score))

    def restored(pair: tuple[Sentence, SegmentTranslation]) -> SegmentTranslation:
        return pair[0].restore(pair[1], options.n_best)

    with phase("join", {"segments": len(cores)}):
        return await aside(lambda: list(map(restored, chosen)), texts)


def _watching(
    sentences: Sequence[Sentence], places: Sequence[tuple[Part, int]], undecided: Container[int]
) -> WatchText:
    """Those sentences whose translation is what the model writes can be read while it does. undecided: the numbers of
    those that are decoded in another way too, behind the others."""

    def told(index: int, text: str, whole: bool) -> None:
        if index >= len(places) or index in undecided or not sentences[index].plain:
            return
        sentence, (part, piece) = sentences[index], places[index]
        if whole:
            sure = sentence.sure(text)
            if sure is not None:
                part.written(piece, sure)
        elif not copied(sentence.text):
            part.begun(piece, sentence.begun(text))

    return told
