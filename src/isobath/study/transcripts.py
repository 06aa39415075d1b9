"""The responses behind rows, as a person reads them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from isobath.grading.response import Response
from isobath.store import Store
from isobath.study.respond import stored_responses

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("run", "base", "gpe", "arm", "trait", "question", "condition", "sample", "response_id", "value", "state")


Labels = Mapping[tuple[str, str, str], str]
"""(GPE, question id, option text) -> the option's label."""


def transcripts(rows: pd.DataFrame, store: Store, n: int, labels: Labels) -> pd.DataFrame:
    """`n` of `rows` spread evenly over them, with prompt and answer.

    Columns: those of `SHOWN`, then kind (choice | text), prompt, options (JSON list of text, label, logprob and
    probability) and text.
    """
    ordered = rows.sort_values(["base", "question", "sample"], kind="stable")
    step = max(1, len(ordered) // n)
    return with_responses(ordered.iloc[::step].head(n), store, labels)


def with_responses(rows: pd.DataFrame, store: Store, labels: Labels) -> pd.DataFrame:
    """`rows` (columns `SHOWN`) joined with the stored responses they were scored from."""
    import pandas as pd

    wanted = rows.groupby("run", observed=True)["response_id"]
    found: dict[str, dict[str, Response]] = {str(run): stored_responses(str(run), store, set(i)) for run, i in wanted}
    asked = zip(rows["run"], rows["response_id"], rows["gpe"], rows["question"], strict=True)
    made = [_spoken(found[run][rid], (str(gpe), str(question)), labels) for run, rid, gpe, question in asked]
    spoken = pd.DataFrame(made, index=rows.index, columns=["kind", "prompt", "options", "text"])
    return pd.concat([rows[list(SHOWN)], spoken], axis=1).reset_index(drop=True)


def _spoken(response: Response, asked: tuple[str, str], labels: Labels) -> tuple[str, str, str, str]:
    if not response.options:
        return "text", response.prompt, "[]", response.text
    options = [
        {
            "text": text,
            "label": labels.get((*asked, text)),
            "logprob": logprob,
            "probability": math.exp(logprob),
        }
        for text, logprob in zip(response.options, response.logprobs, strict=True)
    ]
    return "choice", response.prompt, json.dumps(options, ensure_ascii=False), ""
