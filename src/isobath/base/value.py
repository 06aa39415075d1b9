"""`Value`: the frozen, serialisable record every spec in this package is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen record whose fields are its identity; unknown fields are an error, never ignored.

    Only what decides an answer belongs in a Value that is fingerprinted. Device, workers, batch sizes, paths and
    engines are execution and are passed beside it (docs/decisions/03-fingerprint.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
