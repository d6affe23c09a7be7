"""Lines of a paragraph of Markdown: a translation is broken into lines like those that the source was broken into."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Stands for a space between words, where a line may end; spaces in code and in targets of links are left as they are.
SPACE = "\ue000"
_SPACE = re.compile(r"(?<! ) (?! )")
# What must not come to stand at the start of a line, since it would begin something else there.
_STAYS_BEHIND = re.compile(r"[#>+\-=|:<]|\d{1,9}[.)]|\*(?!\*?\w)|```|~~~|~$|\$\$|!!!|\?\?\?|_(?!\w)")
_ENDS_SENTENCE = re.compile(r"[.!?…:;][\"'”»)*_]*$")


def marked(text: str) -> str:
    """Text with the mark for its single spaces."""
    return _SPACE.sub(SPACE, text)


class LineLengths:
    """How long the lines of a paragraph are. A translation gets lines no longer than the longest of them; and if every
    line ends with a sentence, its sentences begin lines as well."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._longest = max(map(len, lines))
        self._by_sentence = all(_ENDS_SENTENCE.search(line.rstrip()) for line in lines[:-1])
        self.several = len(lines) > 1

    def broken(self, source: str) -> list[str]:
        """The lines of a source whose spaces are marked."""
        lines = [""]
        for word in source.split(SPACE):
            line = lines[-1]
            ends = self._by_sentence and _ENDS_SENTENCE.search(line) is not None
            if line and (ends or len(line) + 1 + len(word) > self._longest) and not _STAYS_BEHIND.match(word):
                lines.append(word)
            else:
                lines[-1] += f" {word}" if line else word
        return lines
