"""The bodies of GET /v1/models."""

from __future__ import annotations

from pydantic import BaseModel

from model_store.config import Task
from service.api.schemas import ModelBody
from service.catalogue import ServedModel


class PairBody(BaseModel):
    """A direction that a model serves by itself. formality: whether a way of addressing the reader can be asked for."""

    source: str
    target: str
    formality: bool


class ModelCard(ModelBody):
    """A loaded bundle and what it does. horizon: tokens that a search waits for a
    better end; a million: until none can come. pruning: nats that a hypothesis may be behind the best one; a million:
    any number. channel_weight: how much results are ranked by what the model makes of the way back; 0: not at all.
    no_repeat_ngram: so many tokens in a row are not written twice, but in translations of what repeats itself or has
    terms of a glossary; 0: they may be. clause_tokens: above so many a sentence is translated clause by
    clause; 0: none is. least_empty: how probable an empty result has to be."""

    task: Task
    pairs: list[PairBody]
    beam_size: int
    length_penalty: float
    horizon: int
    pruning: float
    channel_weight: float
    no_repeat_ngram: int
    clause_tokens: int
    least_empty: float
    max_source_length: int
    description: str


class ModelsAnswer(BaseModel):
    """What answers requests. failed: newer versions that cannot be loaded; the log and the admin API say why."""

    models: list[ModelCard]
    failed: list[str] = []


def model_card(model: ServedModel) -> ModelCard:
    """The body of a loaded bundle."""
    return ModelCard(
        name=model.name,
        version=model.version,
        task=model.task,
        pairs=[
            PairBody(source=source, target=target, formality=target in model.formality)
            for source, target in model.directions
        ],
        beam_size=model.decoding.beam_size,
        length_penalty=model.decoding.length_penalty,
        horizon=model.decoding.horizon,
        pruning=model.decoding.pruning,
        channel_weight=model.decoding.channel_weight,
        no_repeat_ngram=model.decoding.no_repeat_ngram,
        clause_tokens=model.decoding.clause_tokens,
        least_empty=model.decoding.least_empty,
        max_source_length=model.decoding.max_source_length,
        description=model.description,
    )
