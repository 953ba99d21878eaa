"""What every event of a run has."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field


def _now() -> datetime:
    return datetime.now(UTC)


class EventRecord(BaseModel):
    """Something that happened."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    at: datetime = Field(default_factory=_now)
    """When it happened, UTC."""
