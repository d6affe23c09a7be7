"""How often is the language of a text found, and how often is a text wrongly taken for one that is not served?

    python -m benchmarks.detection FOLDER [--served en,ru] [--texts 400]

FOLDER holds pairs as NAME.en-XX.tsv[.xz], English on the left. Each text is asked for whole, and as its first one, two
and three words. For a language that is served: percent found. For another: percent refused as not served. And of the
texts in served languages that are found with a confidence of 0.95 and more: how many, and how many of these wrongly.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

from benchmarks.pairs import read_pairs
from service.text.detection import Detection, detect

SURE = 0.95


def texts_by_language(folder: Path, count: int) -> dict[str, list[str]]:
    """At most `count` texts of each language, drawn with a fixed seed from all files together."""
    texts: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.en-*.tsv*")):
        language = path.name.split(".en-")[1].partition(".")[0]
        for left, right in read_pairs(path):
            texts.setdefault("en", []).append(left)
            texts.setdefault(language, []).append(right)
    generator = random.Random(1)
    return {language: generator.sample(each, min(count, len(each))) for language, each in texts.items()}


def best(text: str, served: tuple[str, ...]) -> Detection:
    return next(iter(detect(text, served)), Detection("", 0.0))


def is_right(found: Detection, language: str, served: tuple[str, ...]) -> bool:
    return found.language == language if language in served else found.language not in served


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--served", default="de,en,es,fr,ru")
    parser.add_argument("--texts", type=int, default=400)
    options = parser.parse_args()
    served = tuple(options.served.split(","))
    texts = texts_by_language(options.folder, options.texts)
    started, asked, sure, wrong = time.perf_counter(), 0, 0, 0
    result: dict[str, dict[str, float]] = {}
    for words in (1, 2, 3, None):
        row = result[f"{words} words" if words else "whole"] = {}
        for language, each in sorted(texts.items()):
            cut = [" ".join(text.split()[:words]) for text in each]
            found = [best(text, served) for text in cut]
            row[language] = round(100 * sum(is_right(one, language, served) for one in found) / len(cut), 1)
            asked += len(cut)
            if language in served:
                sure += sum(one.confidence >= SURE for one in found)
                wrong += sum(one.confidence >= SURE and one.language != language for one in found)
    each_us = round((time.perf_counter() - started) / asked * 1e6)
    counts = {"sure": sure, "wrong_though_sure": wrong, "us_per_text": each_us}
    print(json.dumps({"benchmark": "detection", "served": served, "percent": result, **counts}))


if __name__ == "__main__":
    main()
