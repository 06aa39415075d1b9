"""The mean of a replicates x questions table and its standard error, both counted as drawn from more of their kind.

Crossed random effects, y_rq = mu + a_r + b_q + e_rq: Var(mean) = s_a^2/R + s_b^2/Q + s_e^2/(RQ), estimated from the
mean squares as (MS_r + MS_q - MS_e)/(RQ), with Satterthwaite's degrees of freedom (Searle, Casella and McCulloch 1992,
ch. 4; Satterthwaite 1946). Legend: R replicates, Q questions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Mean, standard error and degrees of freedom; `replicates` and `questions` say over what.

    `over` is ``both``, ``questions`` (one replicate: nothing is known of others) or ``replicates`` (one question).
    """

    mean: float
    se: float
    df: float
    replicates: int
    questions: int
    over: str

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """t interval around the mean."""
        half = float(stats.t.ppf(0.5 + level / 2, self.df)) * self.se if self.se > 0 else 0.0
        return self.mean - half, self.mean + half

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided p of the mean being `null`; 1 where there is no spread and no difference."""
        if self.se == 0:
            return 1.0 if self.mean == null else 0.0
        return float(2 * stats.t.sf(abs(self.mean - null) / self.se, self.df))


def two_way(values_RQ: Array) -> Spread | None:
    """`Spread` of a table without gaps; None if it is empty or a single number (nothing can be said of others)."""
    replicates, questions = values_RQ.shape
    if values_RQ.size < 2:
        return None
    mean = float(values_RQ.mean())
    if replicates == 1 or questions == 1:
        flat = values_RQ.ravel()
        se = float(flat.std(ddof=1)) / flat.size**0.5
        over = "questions" if replicates == 1 else "replicates"
        return Spread(mean, se, flat.size - 1, replicates, questions, over)
    rows_R, columns_Q = values_RQ.mean(axis=1), values_RQ.mean(axis=0)
    ms_r = questions * float(rows_R.var(ddof=1))
    ms_q = replicates * float(columns_Q.var(ddof=1))
    rest = values_RQ - rows_R[:, None] - columns_Q[None, :] + mean
    df_r, df_q = replicates - 1, questions - 1
    ms_e = float((rest**2).sum()) / (df_r * df_q)
    total = ms_r + ms_q - ms_e
    floor = max(ms_r, ms_q)
    if total <= floor:  # a component estimated below zero: leave it out rather than shrink the error
        total, df = floor, float(df_r if ms_r >= ms_q else df_q)
    else:
        df = total**2 / (ms_r**2 / df_r + ms_q**2 / df_q + ms_e**2 / (df_r * df_q))
    se = (total / values_RQ.size) ** 0.5
    return Spread(mean, se, max(df, float(min(df_r, df_q))), replicates, questions, "both")
