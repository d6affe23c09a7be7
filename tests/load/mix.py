"""The texts of the load: English as software writes it, short and long in a fixed mix, no two the same."""

from __future__ import annotations

import random

_SHORT = (
    "Open file {n}",
    "Delete {n} items?",
    "The {thing} was not found.",
    "Save the {thing} as…",
    "{n} of {m} files copied",
    "Connection {n} was closed.",
    "Select a {thing} to open",
    "Press key {n} to continue.",
)
_MIDDLE = (
    "The {thing} {n} could not be opened because it is used by another program.",
    "You have {n} unread messages in {m} folders, and no {thing} was added today.",
    "Please enter the name of the {thing} that you want to send to computer {n}.",
    "If you delete this {thing}, its {n} copies on the server will be lost as well.",
    "This package contains the documentation of the {thing} in version {n}.",
    "The download of {n} files has finished, but {m} of them are damaged.",
)
_LONG = (
    "When the {thing} is started for the first time, it reads the settings of version {n}, looks for a network, and "
    "asks for the name of the user, who may change it later in the window of the settings.",
    "The administrator of this computer has not allowed you to change the {thing}, so ask for the password, or use "
    "account {n} until the work on the server is done.",
)
_THINGS = ("document", "folder", "printer", "picture", "password", "message", "window", "database", "program", "game")


def texts(count: int, seed: int) -> list[str]:
    """Of ten: five of a short sentence, three of a middling one, one of a long one, one of three to six sentences."""
    draw = random.Random(seed)
    return [_text(draw) for _ in range(count)]


def _text(draw: random.Random) -> str:
    kind = draw.randrange(10)
    if kind < 5:
        return _sentence(draw, _SHORT)
    if kind < 8:
        return _sentence(draw, _MIDDLE)
    if kind == 8:
        return _sentence(draw, _LONG)
    kinds = draw.choices((_SHORT[2:3], _MIDDLE, _LONG), (1, 2, 1), k=draw.randint(3, 6))
    return " ".join(_sentence(draw, each) for each in kinds)


def _sentence(draw: random.Random, templates: tuple[str, ...]) -> str:
    n, m = draw.randrange(2, 100_000), draw.randrange(2, 100_000)
    return draw.choice(templates).format(n=n, m=m, thing=f"{draw.choice(_THINGS)} {draw.randrange(1000)}")
