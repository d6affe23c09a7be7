"""What /v1/documents takes and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import UploadFile
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service.api.fields import ModelField
from service.documents.reading import DOCUMENT_FORMATS
from service.documents.store import Job
from service.pipeline.translation import AUTO

# What a download may be, for the documentation.
FILE_CONTENT: dict[str, Any] = {
    each.media_type: {"schema": {"type": "string", "format": "binary"}} for each in DOCUMENT_FORMATS
}


def _uploaded(value: Any) -> Any:
    """The framework's own message names a class of Python."""
    if isinstance(value, str):
        raise PydanticCustomError("file_type", "must be a file, with a name")
    return value


UploadedFile = Annotated[UploadFile, BeforeValidator(_uploaded)]


class DocumentForm(BaseModel):
    """A document to translate, as multipart/form-data."""

    model_config = ConfigDict(extra="forbid")

    file: UploadedFile = Field(description="The document; its name says its format.")
    source: str = Field(AUTO, max_length=40, description='Language code, or "auto".')
    target: str = Field(min_length=1, max_length=40, description="Language code.", examples=["ru"])
    model: ModelField = None


class DocumentProblem(BaseModel):
    """Why a document could not be translated."""

    type: str
    message: str
    field: str | None


class DocumentAnswer(BaseModel):
    """A document and how far it is."""

    id: str
    name: str = Field(description="Of the file.")
    state: Literal["queued", "running", "done", "failed"]
    source: str
    target: str
    segments: int = Field(description="Texts to translate.")
    segments_done: int
    characters: int = Field(description="Of all segments; what a quota counts.")
    warnings: dict[str, int] = Field(description="How many texts were translated with each warning.")
    models: list[str] = Field(description='Those that translated, as "name@version".')
    created: datetime
    expires: datetime = Field(description="When it is deleted.")
    error: DocumentProblem | None = Field(description="If it failed.")


def document_answer(job: Job) -> DocumentAnswer:
    """The answer that a job is."""
    error = job.error
    return DocumentAnswer(
        id=job.new.id,
        name=job.new.name,
        state=job.state,
        source=job.new.order.source,
        target=job.new.order.target,
        segments=job.new.segments,
        segments_done=job.new.segments if job.state == "done" else job.done,
        characters=job.new.characters,
        warnings=dict(sorted(job.report.warnings.items())),
        models=sorted(job.report.models),
        created=_date(job.created),
        expires=_date(job.expires),
        error=DocumentProblem(type=error.type, message=error.message, field=error.field) if error else None,
    )


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
