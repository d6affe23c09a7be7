"""Which language a text is in, by a naive Bayes model of n-grams that comes inside its package (py3langid), and that of
a few words by how frequent they are as well."""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import regex
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from service.languages import language_and_script, match_language
from service.text.word_frequencies import are_common, frequencies, log_likelihood

# More of a text says nothing more, and a page of it takes milliseconds.
MOST_CHARACTERS = 4000
# A text is taken to be in a language that is not served if that one is more likely than not, and all that are served
# together are this unlikely. benchmarks/detection.py measures what it does.
_FOREIGN = 0.5
_SERVED_AT_MOST = 0.05
# What each served language has at least before words are asked: n-grams of a few words are sure of what is wrong.
_LEAST = 1e-3
# What says nothing about the language around it.
_NOISE = regex.compile(
    r"(?<!\p{L})\p{L}++://\S+|\bwww\.\S+|(?<!\S)[^\s@]++@\S+\.\p{L}+|%\(\w++\)[a-z]|%[a-z]\b|\{\w*+\}|<[^<>]*+>"
)
# Ways of writing that Unicode does not count as scripts.
_SCRIPT_GROUPS = {"Hans": "Han", "Hant": "Han", "Jpan": "Hira", "Kore": "Hang"}
_LETTER = regex.compile(r"\p{L}")


@dataclass(frozen=True)
class Detection:
    """A language that a text may be in. confidence: 0 to 1, over all languages that were considered."""

    language: str
    confidence: float


def detect(text: str, served: Sequence[str]) -> tuple[Detection, ...]:
    """The `served` languages that `text` may be in, best first; their confidences add up to 1.

    Empty if nothing can be said: there are no letters but in addresses and placeholders. If the text is plainly in a
    language that is not served, this one comes first, with its probability among all languages, and the served ones
    follow with theirs; but not if all words of a short one are in everyday use in a served one. The first call in a
    process loads the model: half a second, some 80 MB; the first for some languages their lists of words.
    """
    # Neither model knows an accent that stands by itself, as macOS writes it.
    heard = unicodedata.normalize("NFC", _NOISE.sub(" ", text[:MOST_CHARACTERS]))
    if not served or not _LETTER.search(heard):
        return ()
    probabilities, others = dict.fromkeys(served, 0.0), dict[str, float]()
    names = _served_names(tuple(served))
    for label, probability in _probabilities(heard).items():
        language = names[label]
        if language is None:
            others[label] = probability
        else:
            probabilities[language] += probability
    total = sum(probabilities.values())
    foreign = max(others, key=lambda label: others[label], default="")
    found = frequencies(heard, served)
    if any(are_common(each) for each in found.values()):
        foreign = ""
    if foreign and others[foreign] >= _FOREIGN and total < _SERVED_AT_MOST:
        return (Detection(foreign, others[foreign]), *_ranked(heard, probabilities, 1.0))
    if found:
        probabilities = _posterior(probabilities, {code: log_likelihood(each) for code, each in found.items()})
        total = 1.0
    return _ranked(heard, probabilities, total) if total else ()


def written_in(text: str, language: str) -> bool:
    """Whether `text` has a letter of the script that `language` is usually written in."""
    pattern = _script_pattern((language_and_script(language) or ("", ""))[1])
    return pattern is None or bool(pattern.search(text))


@functools.cache
def _identifier() -> LanguageIdentifier:
    """With calibrated probabilities; read only from here on, so that threads share it."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _probabilities(text: str) -> dict[str, float]:
    """Of all labels. The mean of the text as it is and in small letters: capitals of a title or of a sentence's first
    word mislead the model about a few words ("Hello World" is Spanish to it), and those of German nouns help it."""
    as_written = dict(_identifier().rank(text))
    small = text.lower()
    if small == text:
        return as_written
    return {label: (as_written[label] + probability) / 2 for label, probability in _identifier().rank(small)}


def _posterior(prior: dict[str, float], log_likelihoods: dict[str, float]) -> dict[str, float]:
    """Of each language after its words were seen. The prior is not taken at its word."""
    most = max(log_likelihoods.values())
    weights = {code: (prior[code] + _LEAST) * math.exp(each - most) for code, each in log_likelihoods.items()}
    return {code: weight / sum(weights.values()) for code, weight in weights.items()}


@functools.lru_cache(maxsize=16)
def _served_names(served: tuple[str, ...]) -> dict[str, str | None]:
    """What each label of the model is called among the served languages; None if it is none of them."""
    return {label: match_language(label, served) for label in _identifier().labels}


def _ranked(text: str, probabilities: dict[str, float], total: float) -> tuple[Detection, ...]:
    """Best first. Where the model cannot tell, as with a short name, a language written in the text's script."""
    found = [Detection(language, probability / total) for language, probability in probabilities.items()]
    return tuple(sorted(found, key=lambda each: (-round(each.confidence, 3), not written_in(text, each.language))))


@functools.cache
def _script_pattern(script: str) -> regex.Pattern[str] | None:
    try:
        return regex.compile(rf"\p{{Script={_SCRIPT_GROUPS.get(script, script)}}}")
    except regex.error:  # not a script that Unicode knows
        return None
