"""The exception tree of the service; api/error_handlers.py maps it once to statuses.

ServiceError
├── InvalidRequestError        400  a field's value is outside what is allowed; names field, value, allowed
├── RequestTooLargeError       413  more text, or a larger body, than the service takes at once
├── UnsupportedLanguageError   400  no loaded bundle serves the language at all
├── UnsupportedPairError       400  no loaded bundle serves the pair of two served languages
├── ModelNotFoundError         404  no loaded bundle of that name
├── ModelConflictError         409  the models cannot be changed in that way now
│   └── ModelMemoryError       409  a model does not fit into the memory that models may take
├── ModelUnusableError         422  a bundle is there, but cannot be served
├── AdminKeyError              401  the admin API was asked without its key
├── AdminOffError              403  there is no admin API
├── ApiKeyError                401  a key that does not exist, or none where one is required
├── ApiKeyNotFoundError             `verso keys revoke` found none; never a response
├── TryAgainLaterError              nothing is wrong with the request; says when to try again
│   ├── QuotaError             429  the caller asked for more than its rate or quota
│   ├── TooManyDocumentsError  429  as many documents are kept as may be
│   └── EngineOverloadedError  429  the queue is full; an EngineError, too
├── SuggestionsFullError       403  no more suggestions are kept
├── DocumentNotFoundError      404  no such document, or another key's
├── DocumentNotReadyError      409  the document is not translated (yet)
├── DocumentStoreError         503  the documents' database cannot be read or written
├── GlossaryNotFoundError      404  no kept glossary of that name
├── GlossariesFullError        403  no more glossaries are kept
├── GlossaryStoreError         503  the file of glossaries cannot be read or written
├── KeyStoreError              503  the file of keys cannot be read
├── SuggestionStoreError       503  the file of suggestions cannot be written
├── InputError                      what the command line is given cannot be read or used; never a response
├── ClusterError                    a Ray cluster cannot be had, or could not do its work; never a response
├── AddressError                    `verso serve` cannot listen there; never a response
└── EngineError
    ├── EngineOverloadedError  429  as above
    ├── EngineUnavailableError 503  not loaded yet, draining, or stopped
    ├── EngineDeadlineError    504  the request's own deadline passed before its segments were decoded
    └── EngineFailedError      500  the decoder raised; the segment was not decoded
"""

from __future__ import annotations

from collections.abc import Sequence


class ServiceError(Exception):
    """Anything that the service refuses or cannot do. field: the part of the request that is at fault, if one is."""

    field: str | None = None


class InvalidRequestError(ServiceError):
    """A field's value is outside what is allowed. `problem` says so without naming the field."""

    field: str

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class RequestTooLargeError(ServiceError):
    """More text than the service takes at once: `size` of the `unit` where `limit` is allowed."""

    def __init__(self, field: str, size: int, limit: int, unit: str) -> None:
        super().__init__(f"{field}: {size} {unit}; allowed: at most {limit}")
        self.field = field
        self.size = size
        self.limit = limit
        self.unit = unit


class UnsupportedLanguageError(ServiceError):
    """No loaded bundle serves the language `code`, which `field` named or, as `found` tells, was detected. use: what
    the languages in `served` are, and it is not."""

    def __init__(
        self, field: str, code: str, served: Sequence[str], found: str = "", *, use: str = "a served language"
    ) -> None:
        how = f" ({found})" if found else ""
        allowed = ", ".join(served) or "none"
        super().__init__(f"{field}: {code[:40]!r}{how} is not {use}; allowed: {allowed}")
        self.field = field
        self.code = code


class UnsupportedPairError(ServiceError):
    """No loaded bundle leads from `source` to `target`, which are served otherwise; the message has the `pairs`."""

    field = "target"

    def __init__(self, source: str, target: str, pairs: Sequence[str]) -> None:
        super().__init__(f"target: {source}-{target} is not a served pair; allowed: {', '.join(pairs)}")
        self.source = source
        self.target = target


class ModelNotFoundError(ServiceError):
    """No loaded bundle of that name; the message lists what is loaded."""

    field = "model"


class ModelConflictError(ServiceError):
    """The models cannot be changed in that way now; the message says what stands in the way."""


class ModelMemoryError(ModelConflictError):
    """A model does not fit into the memory that models may take; the message states budget, need and what is loaded."""


class ModelUnusableError(ServiceError):
    """A bundle is there, but it is not whole, or of a format that is not read."""


class AdminKeyError(ServiceError):
    """The admin API was asked without its key, or with another."""


class AdminOffError(ServiceError):
    """The operator has set no key for the admin API, so there is none."""


class ApiKeyError(ServiceError):
    """A key that does not exist; or, as `missing` says, none where one is required."""

    def __init__(self, message: str, *, missing: bool) -> None:
        super().__init__(message)
        self.missing = missing


class ApiKeyNotFoundError(ServiceError):
    """There is no such key to revoke."""


class TryAgainLaterError(ServiceError):
    """Nothing is wrong with the request. retry_after_s: seconds after which it may be taken."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QuotaError(TryAgainLaterError):
    """The caller has used up what it may ask for."""


class SuggestionsFullError(ServiceError):
    """The operator's file of suggestions has reached its size."""


class KeyStoreError(ServiceError):
    """The file of API keys cannot be read: nobody can say who asks."""


class SuggestionStoreError(ServiceError):
    """The operator's file of suggestions cannot be written: a full disk, or a folder that is gone."""


class EngineError(ServiceError):
    """The engine did not decode a segment."""


class EngineOverloadedError(EngineError, TryAgainLaterError):
    """The queue is full. retry_after_s is computed from the queue's length and the measured rate."""


class EngineUnavailableError(EngineError):
    """The engine is not running yet, is draining, or has stopped."""


class EngineDeadlineError(EngineError):
    """The deadline that the caller set passed first."""


class EngineFailedError(EngineError):
    """The decoder raised while it held the segment."""


class DocumentNotFoundError(ServiceError):
    """There is no document of that id, or it belongs to another key."""


class DocumentNotReadyError(ServiceError):
    """The document is not translated yet, or could not be; the message says which."""


class TooManyDocumentsError(TryAgainLaterError):
    """As many documents are kept as may be."""


class DocumentStoreError(ServiceError):
    """The documents' database cannot be read or written, as on a full disk."""


class GlossaryNotFoundError(ServiceError):
    """Whoever asks has no glossary of that name."""

    field = "glossary"

    def __init__(self, name: str) -> None:
        super().__init__(f"glossary: there is none named {name[:100]!r}")


class GlossariesFullError(ServiceError):
    """One who has so many glossaries can only replace them."""


class GlossaryStoreError(ServiceError):
    """The file of glossaries cannot be read or written: a full disk, or a lock that somebody else holds."""


class InputError(ServiceError):
    """What the command line is given cannot be read or used; the message names it."""


class ClusterError(ServiceError):
    """A Ray cluster cannot be had, or did not do what it was to do; the message says why."""


class AddressError(ServiceError):
    """The address cannot be listened on; the message says which and why."""
