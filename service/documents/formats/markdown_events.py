"""Markdown source -> what its inline content is made of, in slices of the source.

The library's parser says what everything is; where it stands is noted while it parses.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

HARD_BREAKS = ("\\\n", "  \n")
IMAGE = "!["
_READ = ("text", "text_special", "softbreak")


@dataclass(frozen=True)
class Event:
    """source: in the document, but for "text", which is characters. "raw" is both. Of an "image" it is what is behind
    its `text`, as characters."""

    kind: Literal["text", "raw", "open", "close", "html", "point", "word", "image"]
    source: str
    text: str = ""


def block_parser() -> MarkdownIt:
    """Finds blocks, and leaves what is in them."""
    return _parser()


def inline_events(source: str, env: dict[str, Any]) -> Iterator[Event]:
    """The content of a block. env: what the parser of its document has found, such as the targets of links."""
    parser = _parser()
    state = _State(source, parser, env)
    parser.inline.tokenize(state)
    assert state.label is not None
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    return _joined_raw(_events(source, state.label.steps))


@dataclass
class _Step:
    """What a rule has read: [start, end) of the source. tokens: that it made. inside: of a link's label."""

    rule: str
    start: int
    end: int
    tokens: list[Token]
    inside: _Inside | None = None


@dataclass
class _Inside:
    end: int
    steps: list[_Step] = field(default_factory=list)


class _State(StateInline):
    """A state that is noted down."""

    def __init__(self, source: str, parser: MarkdownIt, env: dict[str, Any]) -> None:
        super().__init__(source, parser, env, [])
        self.inside = _Inside(len(source))
        self.label: _Inside | None = None


class _NotingParser(ParserInline):
    def tokenize(self, state: StateInline) -> None:
        """As the library's, noting what each rule reads."""
        if not isinstance(state, _State):
            super().tokenize(state)
            return
        outer, state.inside = state.inside, _Inside(state.posMax)
        rules = list(zip(self.ruler.get_active_rules(), self.ruler.getRules(""), strict=True))
        end = state.posMax
        while state.pos < end:
            start, made = state.pos, len(state.tokens)
            state.label = None
            deep = state.level >= state.md.options["maxNesting"]
            rule = "" if deep else next((name for name, rule in rules if rule(state, False)), "")
            if not rule:
                state.pending += state.src[state.pos]
                state.pos += 1
            step = _Step(rule, start, state.pos, state.tokens[made:], state.label if rule == "link" else None)
            state.inside.steps.append(step)
        if state.pending:
            state.pushPending()
        state.label, state.inside = state.inside, outer


@functools.cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    noting = _NotingParser()
    noting.ruler.enableOnly(parser.inline.ruler.get_active_rules())
    noting.ruler2.enableOnly(["balance_pairs", "strikethrough", "emphasis"])
    parser.inline = noting
    parser.core.ruler.enableOnly(["normalize", "block"])
    # What others write besides: formulas, which are no text, and blocks whose lines a paragraph would run together.
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, allow_blank_lines=False, double_inline=True)
    parser.use(deflist_plugin).use(admon_plugin)
    parser.use(container_plugin, "container", validate=lambda _name, _fence: True)
    return parser


def _events(source: str, steps: Sequence[_Step]) -> Iterator[Event]:
    for step in steps:
        raw = source[step.start : step.end]
        last = step.tokens[-1] if step.tokens else None
        kind = last.type if last else "text"
        if kind == "hardbreak":
            yield Event("point", HARD_BREAKS[not raw.startswith("\\")])
        elif kind == "softbreak":
            yield Event("text", " ")
        elif step.rule in ("emphasis", "strikethrough"):
            yield from _delimiters(step)
        elif step.rule in ("escape", "entity") and last is not None:
            yield Event("text", last.content)
        elif step.rule == "link" and step.inside is not None:
            yield from _link(source, step, step.inside)
        elif step.rule == "html_inline":
            yield Event("html", raw)
        elif kind == "image" and last is not None:
            yield _image(raw, last)
        elif kind == "code_inline" or step.rule in ("autolink", "math_inline"):
            yield Event("word", raw)
        else:
            yield Event("raw", raw)


def _link(source: str, step: _Step, inside: _Inside) -> Iterator[Event]:
    yield Event("open", "[")
    yield from _events(source, inside.steps)
    yield Event("close", _closing(source[step.start + 1 : inside.end], source[inside.end : step.end]))


def _closing(label: str, closing: str) -> str:
    """What is behind the text of a link or an image: that may be the name of its target, which a translation is not."""
    return f"][{' '.join(label.split())}]" if closing in ("]", "][]") else closing


def _image(raw: str, token: Token) -> Event:
    """Formatting in the text of an image is shown to nobody, and not kept; with code or a break in it, it stays."""
    children = token.children or []
    text = "".join(" " if child.type == "softbreak" else child.content for child in children)
    if not text.strip() or any(child.type not in _READ and not child.nesting for child in children):
        return Event("point", raw)
    label = raw[len(IMAGE) : len(IMAGE) + len(token.content)]
    return Event("image", _closing(label, raw[len(IMAGE) + len(label) :]), text)


def _joined_raw(events: Iterator[Event]) -> Iterator[Event]:
    """Neighbours that are text as it stands in the source are one; rules read it in small parts."""
    for kind, group in itertools.groupby(events, key=lambda event: event.kind):
        if kind == "raw":
            yield Event("raw", "".join(event.source for event in group))
        else:
            yield from group


def _delimiters(step: _Step) -> Iterator[Event]:
    """One token each; those that were paired have become tags, and their like beside them are empty."""
    left = step.end - step.start
    own: list[Token] = []
    for token in reversed(step.tokens):
        length = len(token.content) or len(token.markup)
        if left <= 0:
            break
        own.append(token)
        left -= length
    for token in reversed(own):
        if token.nesting:
            yield Event("open" if token.nesting > 0 else "close", token.markup)
        elif token.content:
            yield Event("text", token.content)
