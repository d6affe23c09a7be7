"""Does HTML keep its tags, and text its placeholders, with the shipped model?

Draws sentences from a file of `source<TAB>target`, writes random tags into them (a third of the fragments are tag
soup), translates the fragments, and compares the tags of both sides, as an HTML5 tokenizer sees them. Then writes
placeholders of every kind into sentences, and counts those that are there, that were put back with a warning, and that
got lost silently. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from pathlib import Path

from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tokenTypes

from benchmarks.pairs import read_pairs
from benchmarks.shipped import translate

INLINE = ("<b>", "<i>", '<a href="/x?a=1&amp;b=2" title="T">', "<span class=x>", "<em>", "<strong>", "<u>")
POINTS = ("<img src=x.png>", "<!-- note -->", "<wbr>", "<input type=checkbox>", "<b></b>", "<code>ls -l</code>", "<br>")
BLOCKS = ("p", "li", "div", "h1", "td", "blockquote")
SOUP = ("</b>", "<i>", "</p>", "<div>", "</a>", "<b", "</", "<td>", "<u/>", "</x y=1>")
PLACEHOLDERS = (
    *("%s", "%(name)s", "%1$s", "%-5.2lf", "{0}", "{name}", "{{ x }}", "${x}", "#{y}", "$1", "$HOME", "%APPDATA%"),
    *("{n, plural, one {# file} other {# files}}", "https://example.org/a?b=c", "www.example.org", "me@example.org"),
    *("`ls -la`", "[X12X]", "__PH0__", "&lt;b&gt;", "&#39;", "/etc/fstab", "C:\\Windows\\x.txt", "config.json"),
    *("--force=yes", "-f", "foo_bar", "baz()", "\ue000"),
)


def fragment(rng: random.Random, sentences: list[str]) -> str:
    """One to three blocks of one or two sentences with nested inline tags, points and, in a third, soup."""
    soup = rng.random() < 1 / 3
    blocks = []
    for _block in range(rng.randint(1, 3)):
        words = " ".join(rng.choice(sentences) for _sentence in range(rng.randint(1, 2))).split()
        _tag(rng, words, 0, len(words), depth=3)
        extra = POINTS + SOUP if soup else POINTS
        for _point in range(rng.randint(0, 2)):
            words.insert(rng.randrange(len(words) + 1), rng.choice(extra))
        name = rng.choice(BLOCKS)
        blocks.append(f"<{name}>{' '.join(words)}</{name}>")
    return "\n".join(blocks)


def _tag(rng: random.Random, words: list[str], first: int, last: int, depth: int) -> None:
    """Write elements around words[first:last], nested and side by side, into the words themselves."""
    while depth and first < last and rng.random() < 0.6:
        start = rng.randrange(first, last)
        end = rng.randrange(start, last) + 1
        tag = rng.choice(INLINE)
        _tag(rng, words, start, end, depth - 1)
        words[start] = tag + words[start]
        words[end - 1] += f"</{re.findall(r'[a-z]+', tag)[0]}>"
        first = end


def tags_of(html: str) -> list[tuple[str, str, str]]:
    """Kind, name and attributes of the tags of `html`."""
    kinds = {tokenTypes[kind]: kind for kind in ("StartTag", "EndTag", "EmptyTag", "Comment")}
    return [
        (kinds[token["type"]], token.get("name", ""), str(token["data"]))
        for token in HTMLTokenizer(html)
        if token["type"] in kinds
    ]


def crossed(html: str) -> bool:
    opened = []
    for kind, name, _attributes in tags_of(html):
        if kind == "StartTag" and name not in ("img", "wbr", "input", "br"):
            opened.append(name)
        elif kind == "EndTag" and (not opened or opened.pop() != name):
            return True
    return bool(opened)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--fragments", type=int, default=1000)
    parser.add_argument("--sentences", type=int, default=100, help="different ones that fragments are made of")
    parser.add_argument("--each", type=int, default=4, help="sentences for each kind of placeholder")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    options = parser.parse_args()
    rng = random.Random(1)
    lines = [source for source, _target in read_pairs(options.pairs)]
    sentences = rng.sample([line for line in lines if 20 < len(line) < 80 and "<" not in line], options.sentences)
    fragments = [fragment(rng, sentences) for _fragment in range(options.fragments)]
    html = translate(fragments, options.source, options.target, "html")
    answers = [each.best.text for each in html]
    changed = [f for f, a in zip(fragments, answers, strict=True) if Counter(tags_of(f)) != Counter(tags_of(a))]
    wrongly = [f for f, a in zip(fragments, answers, strict=True) if crossed(a) and not crossed(f)]
    for each in (*changed[:3], *wrongly[:3]):
        print("not kept:", each, "->", answers[fragments.index(each)])
    asked = []
    for placeholder in PLACEHOLDERS:
        for sentence in rng.sample(sentences, options.each):
            words = sentence.split()
            words.insert(rng.randrange(len(words) + 1), placeholder)
            asked.append((" ".join(words), placeholder))
    plain = translate([text for text, _placeholder in asked], options.source, options.target, "text")
    present = [(a[0].count(a[1]) == t.best.text.count(a[1]), t) for a, t in zip(asked, plain, strict=True)]
    result = {
        "benchmark": "markup",
        "fragments": len(fragments),
        "tags": sum(len(tags_of(each)) for each in fragments),
        "fragments_with_tags_lost_or_doubled": len(changed),
        "fragments_with_tags_crossed": len(wrongly),
        "placeholders": len(asked),
        "present": sum(there for there, _translation in present),
        "put_back_and_warned": sum("placeholder_lost" in each.warnings for _there, each in present),
        "absent_and_not_warned": sum(not there and "placeholder_lost" not in t.warnings for there, t in present),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
