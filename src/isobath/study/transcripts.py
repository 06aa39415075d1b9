"""The responses behind rows, as a person reads them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from isobath.grading.response import Response
from isobath.store import Store
from isobath.study.respond import stored_responses

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("run", "base", "gpe", "arm", "trait", "question", "condition", "sample", "response_id", "value", "state")


def transcripts(rows: pd.DataFrame, store: Store, n: int) -> pd.DataFrame:
    """`n` of `rows` spread evenly over them, with prompt and answer.

    Columns: those of `SHOWN`, then kind (choice | text), prompt, options (JSON list of text and logprob) and text.
    """
    ordered = rows.sort_values(["base", "question", "sample"], kind="stable")
    step = max(1, len(ordered) // n)
    return with_responses(ordered.iloc[::step].head(n), store)


def with_responses(rows: pd.DataFrame, store: Store) -> pd.DataFrame:
    """`rows` (columns `SHOWN`) joined with the stored responses they were scored from."""
    import pandas as pd

    wanted = rows.groupby("run", observed=True)["response_id"]
    found: dict[str, dict[str, Response]] = {str(run): stored_responses(str(run), store, set(i)) for run, i in wanted}
    made = [_spoken(found[run][rid]) for run, rid in zip(rows["run"], rows["response_id"], strict=True)]
    spoken = pd.DataFrame(made, index=rows.index, columns=["kind", "prompt", "options", "text"])
    return pd.concat([rows[list(SHOWN)], spoken], axis=1).reset_index(drop=True)


def _spoken(response: Response) -> tuple[str, str, str, str]:
    if not response.options:
        return "text", response.prompt, "[]", response.text
    options = [
        {"text": text, "logprob": logprob, "probability": math.exp(logprob)}
        for text, logprob in zip(response.options, response.logprobs, strict=True)
    ]
    return "choice", response.prompt, json.dumps(options, ensure_ascii=False), ""
