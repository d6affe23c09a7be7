"""Finds out which served language each text is in, where a request says "auto"; where a text is mixed; and whether it
is in another language than the request says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from service.catalogue import Catalogue
from service.errors import UnsupportedLanguageError
from service.languages import match_language
from service.text.attributes import readable_attributes
from service.text.detection import Detection, detect, written_in
from service.text.markup import text_of

# A line in another language than the one before it has another script, or so many letters and this confidence: at that
# one, benchmarks/detection.py saw none of 4,934 short texts taken for another language.
_LEAST_LETTERS = 4
_SURE = 0.95
_LINE = regex.compile(r"[^\n\r]*[\n\r]*+")
_LETTER = regex.compile(r"\p{L}")


@dataclass(frozen=True)
class Passage:
    """A stretch of the `index`-th text of a request in one language. Those of a text join to the text."""

    index: int
    text: str
    language: str


async def detect_sources(
    texts: Sequence[str], catalogue: Catalogue, *, html: bool = False
) -> tuple[list[Detection], list[Passage]]:
    """The language of each text, by itself: a batch may be mixed. And of each text's lines, which may be mixed too.

    A text of which nothing can be said (no letters) counts as the pivot language's, with confidence 0. Of HTML only the
    text counts, attributes where it has none; it is taken for one passage.

    Raises:
        UnsupportedLanguageError: a text is plainly in a language that is not served.
    """
    languages = catalogue.languages

    def all_of_them() -> tuple[list[Detection], list[Passage]]:
        heard = [_words_of(text) for text in texts] if html else texts
        detections = find_languages(heard, languages, catalogue.pivot, field="source", use="a served language")
        if html:
            whole_texts = zip(texts, detections, strict=True)
            return detections, [Passage(index, text, each.language) for index, (text, each) in enumerate(whole_texts)]
        passages = [
            passage
            for index, (text, whole) in enumerate(zip(texts, detections, strict=True))
            for passage in _passages(index, text, whole.language, languages)
        ]
        return detections, passages

    return await asyncio.to_thread(all_of_them)


def find_languages(
    texts: Sequence[str], languages: Sequence[str], pivot: str, *, field: str, use: str
) -> list[Detection]:
    """Which of `languages` (one at least) each text is in. One that does not say counts as `pivot`'s, if that names one
    of them, with confidence 0.

    Raises:
        UnsupportedLanguageError: a text is plainly in another one, which `field` did not allow. It is not what `use`
            says of `languages`, as "summarized".
    """
    unknown = Detection(_unsaid(pivot, languages), 0.0)
    found = []
    for index, text in enumerate(texts):
        best = next(iter(detect(text, languages)), unknown)
        if best.language not in languages:
            how = f"found in text {index} with confidence {best.confidence:.2f}"
            raise UnsupportedLanguageError(field, best.language, languages, how, use=use)
        found.append(best)
    return found


def surely_in_another(text: str, language: str, languages: Sequence[str]) -> bool:
    """Whether `text` is plainly not in `language`, one of `languages`, but in another one, of them or not."""
    best = next(iter(detect(text, languages)), None)
    return best is not None and best.language != language and _is_sure(text, best)


def _words_of(html: str) -> str:
    return text_of(html) or "\n".join(each.text for each in readable_attributes(html))


def document_languages(texts: Sequence[str], target: str, catalogue: Catalogue) -> list[str]:
    """The language of each of a document's texts: that of the text before it, unless it is surely in another one that
    can be translated to `target`, or is `target`.

    Raises:
        UnsupportedLanguageError: the document is plainly in a language that is not served.
    """
    languages = catalogue.languages
    best = next(iter(detect("\n".join(texts), languages)), None)
    if best is not None and best.language not in languages:
        raise UnsupportedLanguageError(
            "source", best.language, languages, f"found with confidence {best.confidence:.2f}"
        )
    usable = {target, *(language for language in languages if target in catalogue.targets(language))}
    found: list[str] = []
    before = best.language if best else _unsaid(catalogue.pivot, languages)
    for text in texts:
        language = _language_of_line(text, before, languages)
        before = language if language in usable else before
        found.append(before)
    return found


def _unsaid(pivot: str, languages: Sequence[str]) -> str:
    """What a text counts as that does not say anything."""
    return match_language(pivot, languages) or languages[0]


def _is_sure(text: str, found: Detection) -> bool:
    return found.confidence >= _SURE and len(_LETTER.findall(text)) >= _LEAST_LETTERS


def _passages(index: int, text: str, whole: str, languages: Sequence[str]) -> list[Passage]:
    """Neighbouring lines of one language are one passage; a line that does not say goes with the one before it."""
    passages: list[Passage] = []
    for line in _LINE.findall(text):
        before = passages[-1].language if passages else whole
        language = _language_of_line(line, before, languages)
        if passages and language == before:
            passages[-1] = Passage(index, passages[-1].text + line, language)
        else:
            passages.append(Passage(index, line, language))
    return passages


def _language_of_line(line: str, before: str, languages: Sequence[str]) -> str:
    """Its own language if that is sure; a short line's only if it cannot be in that of the line before."""
    best = next(iter(detect(line, languages)), None)
    if best is None or best.language not in languages:
        return before
    other_script = not written_in(line, before) and written_in(line, best.language)
    return best.language if _is_sure(line, best) or other_script else before
