"""One pass of texts through one model: text -> sentences -> decoded, some of them twice -> text."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

from service.catalogue import Leg
from service.pipeline.leg import GroupLimits, Patience, decode_texts
from service.pipeline.sentence import LOST, Sentence, pieces_of, prepare
from service.pipeline.translation import SegmentTranslation, TextTranslation, TranslationOptions
from service.tracing import phase


async def translate_texts(
    leg: Leg, texts: Sequence[str], options: TranslationOptions, limits: GroupLimits, patience: Patience
) -> list[TextTranslation]:
    """Translate each text. Raises as decode_texts.

    A sentence in which a placeholder got lost is tried once more with other stand-ins.
    """
    # Segmenting a long text takes longer than the event loop may stand still.
    with phase("segmentation", {"texts": len(texts), "characters": sum(map(len, texts))}):
        split = await asyncio.to_thread(lambda: [pieces_of(leg, text) for text in texts])
    cores = [piece.text for pieces in split for piece in pieces if piece.translate]
    words = leg.model.decoding.stand_ins
    done = await _decode(leg, cores, words, options, limits, patience)
    again = [index for index, each in enumerate(done) if LOST in each.warnings]
    if again:
        # So that those which were lost get others, and the rest of a sentence's gets other ones as well.
        turned = (*words[1:], words[0])
        late = replace(patience, refused_after=math.inf)
        second = await _decode(leg, [cores[index] for index in again], turned, options, limits, late)
        for index, each in zip(again, second, strict=True):
            if LOST not in each.warnings:
                done[index] = each
    translated = iter(done)
    return [TextTranslation(tuple(next(translated) if p.translate else p.text for p in pieces)) for pieces in split]


async def _decode(
    leg: Leg,
    cores: Sequence[str],
    stand_ins: Sequence[str],
    options: TranslationOptions,
    limits: GroupLimits,
    patience: Patience,
) -> list[SegmentTranslation]:
    with phase("preparation", {"segments": len(cores)}):
        sentences = await asyncio.to_thread(lambda: [prepare(leg, core, stand_ins) for core in cores])
    given = [sentence.recased.text for sentence in sentences]
    # All of the beam where there are placeholders: one that is not the best may be the best that keeps them.
    beam = options.beam_size or max(leg.model.decoding.beam_size, options.n_best)
    wide = replace(options, beam_size=beam, n_best=beam)
    each_options = [wide if sentence.shielded.atoms else options for sentence in sentences]
    decoded = await decode_texts(leg, given, each_options, limits, patience)

    def restored(pair: tuple[Sentence, SegmentTranslation]) -> SegmentTranslation:
        return pair[0].restore(pair[1], options.n_best)

    with phase("join", {"segments": len(cores)}):
        return await asyncio.to_thread(lambda: list(map(restored, zip(sentences, decoded, strict=True))))
