"""The status as a page: tables that are there without a script, with everything escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.api.model_states import ModelState
    from service.api.status import Rates, StatusAnswer


def status_page(status: StatusAnswer) -> str:
    """The page, in HTML; web/status.js keeps it up to date."""
    state = "ready" if status.ready else "not ready"
    versions = f"Verso {status.version}, Python {status.python}, torch {status.torch}; up for {_age(status.uptime_s)}."
    limits = (
        f"For each model {status.queue_limit_segments:,} segments with {status.queue_limit_tokens:,} source tokens may "
        f"wait. {status.requests_in_progress} requests are under way."
    )
    parts = [
        f'<p class="state {"good" if status.ready else "bad"}">{state}</p>',
        *(f'<p class="bad">{escape(reason)}</p>' for reason in status.reasons),
        f"<p>{escape(versions)}</p>",
        "<h2>Models</h2>",
        _table(
            (
                "model",
                "role",
                "device",
                "requests",
                "running",
                "waiting",
                "tokens waiting",
                "slots",
                "MB",
                "restarts",
                "problem",
            ),
            (_model(each) for each in status.models),
        ),
        f"<p>{escape(limits)}</p>",
        "<h2>Lately, a second</h2>",
        _table(
            ("over", "requests", "refused", "failed", "segments", "source tokens", "target tokens"),
            (_rates(each) for each in status.rates),
        ),
    ]
    if status.failures:
        shown = ((each.model, each.message or "the message is for whoever has the token") for each in status.failures)
        parts += ["<h2>Could not be loaded</h2>", _table(("model", "why"), shown)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Verso: {state}</title>"
        '<link rel="icon" href="/web/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="/web/style.css">'
        '<link rel="stylesheet" href="/web/status.css"><script type="module" src="/web/status.js"></script></head>'
        '<body><header class="top"><h1 class="wordmark">Verso</h1>'
        f"</header><main>\n{chr(10).join(parts)}\n</main></body></html>\n"
    )


def _model(model: ModelState) -> tuple[str, ...]:
    role = f"{model.role} {model.share:.0%}" if model.share is not None else model.role
    return (
        model.model,
        role,
        model.device,
        str(model.requests),
        str(model.segments_running),
        str(model.segments_waiting),
        f"{model.tokens_waiting:,}",
        f"{model.hypotheses_running} of {model.decoder_rows}",
        f"{model.memory_bytes / 1e6:.0f}",
        str(model.restarts),
        "" if model.healthy else f"unhealthy: {model.error or 'its engine does not run'}",
    )


def _rates(rates: Rates) -> tuple[str, ...]:
    figures = (
        rates.requests_per_s,
        rates.refused_per_s,
        rates.failed_per_s,
        rates.segments_per_s,
        rates.source_tokens_per_s,
        rates.target_tokens_per_s,
    )
    return (_age(rates.window_s), *(f"{each:,.1f}" for each in figures))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    lines = []
    for row in rows:
        first, *others = row
        cells = "".join(f"<td>{escape(each)}</td>" for each in others)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    body = "\n".join(lines)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def _age(seconds: float) -> str:
    """As people say it: the two largest units."""
    whole = int(seconds)
    units = ((whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    shown = [f"{count} {unit}" for count, unit in units if count]
    return " ".join(shown[:2]) or "0 s"
