"""Language codes as people write them: any case, a script or region more or less, LibreTranslate's own names."""

from __future__ import annotations

from collections.abc import Iterable

from babel import Locale
from babel.core import get_global, parse_locale

# What is no code of its own anywhere but in LibreTranslate, and Norwegian, whose one written standard is often meant.
_OTHER_NAMES = {"pb": "pt_BR", "zt": "zh_Hant", "no": "nb"}


def match_language(code: str, served: Iterable[str]) -> str | None:
    """The one of `served` that `code` names; None if it names none.

    The same code in another case goes first, then one of the same language and script: "EN" and "en-US" name "en",
    "zh-TW" names "zh-Hant" but not "zh", "pt" and "pb" name "pt-BR".
    """
    served = tuple(served)
    for language in served:
        if _plain(language) == _plain(code):
            return language
    wanted = language_and_script(code)
    same = [language for language in served if wanted and language_and_script(language) == wanted]
    return same[0] if same else None


def english_name(code: str) -> str:
    """The English name of a language, its code if it has none."""
    return str(Locale("en").languages.get(code.replace("-", "_"), code))


def language_and_script(code: str) -> tuple[str, str] | None:
    """Of a well-formed code: its language, and the script that it states or that is usual for it ("Latn"; "" if not
    known). None if the code is not well formed."""
    name = _OTHER_NAMES.get(code.lower(), code.replace("-", "_"))
    try:
        language, territory, script, *_ = parse_locale(name)
    except ValueError:
        return None
    language = str(get_global("language_aliases").get(language, language))
    likely = get_global("likely_subtags")
    usual = likely.get(f"{language}_{territory}") or likely.get(language) or ""
    return language, script or str(usual).partition("_")[2].partition("_")[0]


def _plain(code: str) -> str:
    return code.replace("_", "-").lower()
