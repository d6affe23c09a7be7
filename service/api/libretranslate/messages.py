"""LibreTranslate's own words for what is wrong with a request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from starlette.exceptions import HTTPException

from model_store.errors import SegmentError
from service.errors import (
    InvalidRequestError,
    RequestTooLargeError,
    UnsupportedLanguageError,
    UnsupportedPairError,
)
from service.languages import english_name

# What LibreTranslate calls the fields of /v1.
_FIELDS = {"text": "q", "options.n_best": "alternatives"}


def invalid(what: str) -> HTTPException:
    """A 400; `what` follows "Invalid request: "."""
    return HTTPException(400, f"Invalid request: {what}")


def missing(name: str) -> HTTPException:
    """A field is not there, or empty."""
    return invalid(f"missing {name} parameter")


@contextlib.contextmanager
def in_its_words() -> Iterator[None]:
    """Turns what the service says of a request into what LibreTranslate would say."""
    try:
        yield
    except RequestTooLargeError as error:
        if error.field == "file" and not error.unit.startswith("characters"):
            raise invalid(str(error)) from error  # a file has other limits, too
        raise invalid(f"request ({error.size}) exceeds text limit ({error.limit})") from error
    except UnsupportedLanguageError as error:
        raise HTTPException(400, f"{error.code[:40]} is not supported") from error
    except UnsupportedPairError as error:
        target, source = (f"{english_name(code)} ({code})" for code in (error.target, error.source))
        raise HTTPException(400, f"{target} is not available as a target language from {source}") from error
    except InvalidRequestError as error:
        if error.field == "format":
            raise HTTPException(400, "html format is not supported") from error
        raise invalid(f"{_FIELDS.get(error.field, error.field)}: {error.problem}") from error
    except SegmentError as error:
        raise invalid(str(error)) from error
