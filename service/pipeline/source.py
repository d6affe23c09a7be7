"""Finds out which served language each text is in, where a request says "auto"."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from service.catalogue import Catalogue
from service.errors import UnsupportedLanguageError
from service.text.detection import Detection, detect


async def detect_sources(texts: Sequence[str], catalogue: Catalogue) -> list[Detection]:
    """The language of each text, by itself: a batch may be mixed.

    A text of which nothing can be said (no letters) counts as the pivot language's, with confidence 0.

    Raises:
        UnsupportedLanguageError: a text is plainly in a language that is not served.
    """
    languages = catalogue.languages
    unknown = Detection(catalogue.pivot if catalogue.pivot in languages else languages[0], 0.0)

    def one(index: int, text: str) -> Detection:
        best = next(iter(detect(text, languages)), unknown)
        if best.language not in languages:
            raise UnsupportedLanguageError(
                "source", best.language, languages, f"found in text {index} with confidence {best.confidence:.2f}"
            )
        return best

    return await asyncio.to_thread(lambda: [one(index, text) for index, text in enumerate(texts)])
