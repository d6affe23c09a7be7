"""A running Verso server as something that can be scored: its sentence splitting and HTTP included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx

from model_store.config import Task
from model_store.errors import ConfigError
from training.evaluation import Decoded

TEXTS_PER_REQUEST = 200
CHARACTERS_PER_REQUEST = 50_000  # a server takes 100,000, unless it says otherwise
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Server:
    """url: as "http://127.0.0.1:5000"."""

    url: str
    task: Task = "translate"

    def decode(self, texts: Sequence[str], source_language: str, target_language: str) -> Decoded:
        """By POST /v1/translate or /v1/summarize, some texts at a time.

        Raises ConfigError if the server cannot be reached, refuses or is something else; the message has its answer.
        """
        outputs: list[str] = []
        unfinished = 0
        written_by: set[str] = set()
        with httpx.Client(base_url=self.url, timeout=TIMEOUT_S) as client:
            for some in _requests(texts):
                path, answers, languages = _route(self.task, source_language, target_language)
                body = {"text": some, **languages}
                try:
                    answer = client.post(path, json=body)
                except httpx.HTTPError as error:
                    raise ConfigError(f"server: {self.url}: {error}") from error
                if answer.is_error:
                    raise ConfigError(f"server: {self.url} answered {answer.status_code}: {answer.text}")
                try:
                    content = answer.json()
                    items, model = content[answers], content["model"]
                except (ValueError, LookupError, TypeError) as error:
                    raise ConfigError(
                        f"server: {self.url} answered as no Verso server does: {answer.text[:200]!r}"
                    ) from error
                if model is not None:
                    written_by.add(f"{model['name']}@{model['version']}")
                outputs += [item["text"] for item in items]
                unfinished += sum("truncated" in item["warnings"] for item in items)
        return Decoded(outputs, unfinished, frozenset(written_by))


def _requests(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts, as many at once as a server takes; one that is too long for it by itself."""
    some: list[str] = []
    for text in texts:
        if some and (len(some) == TEXTS_PER_REQUEST or sum(map(len, some)) + len(text) > CHARACTERS_PER_REQUEST):
            yield some
            some = []
        some.append(text)
    if some:
        yield some


def _route(task: Task, source_language: str, target_language: str) -> tuple[str, str, dict[str, str]]:
    """Where a task is served, the field that holds the answers, and the fields that name languages."""
    if task == "translate":
        return "/v1/translate", "translations", {"source": source_language, "target": target_language}
    if task == "summarize":
        return "/v1/summarize", "summaries", {"language": source_language}
    raise ConfigError(f"--server: task {task!r} is not served; allowed: translate, summarize")
