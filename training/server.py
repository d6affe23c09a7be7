"""A running Verso server as something that can be scored: its sentence splitting and HTTP included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from model_store.errors import ConfigError
from training.evaluation import Decoded

TEXTS_PER_REQUEST = 200
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Server:
    """url: as "http://127.0.0.1:5000"."""

    url: str

    def decode(self, texts: Sequence[str], source_language: str, target_language: str) -> Decoded:
        """Translate by POST /v1/translate, some texts at a time.

        Raises ConfigError if the server cannot be reached or refuses; the message has its answer.
        """
        outputs: list[str] = []
        unfinished = 0
        with httpx.Client(base_url=self.url, timeout=TIMEOUT_S) as client:
            for start in range(0, len(texts), TEXTS_PER_REQUEST):
                body = {
                    "text": list(texts[start : start + TEXTS_PER_REQUEST]),
                    "source": source_language,
                    "target": target_language,
                }
                try:
                    answer = client.post("/v1/translate", json=body)
                except httpx.HTTPError as error:
                    raise ConfigError(f"server: {self.url}: {error}") from error
                if answer.is_error:
                    raise ConfigError(f"server: {self.url} answered {answer.status_code}: {answer.text}")
                translations = answer.json()["translations"]
                outputs += [translation["text"] for translation in translations]
                unfinished += sum("truncated" in translation["warnings"] for translation in translations)
        return Decoded(outputs, unfinished)
