"""Claim 4: broadening changes the representation (source 0: broader training should make values "more robustly
represented").

Written before any shipped base was looked at (22 November 2026).

Arms (2,000 rows, 200 steps, one run seed, five bases, 25 trainings): ``untrained``, ``plain`` (the same budget,
narrow), ``control`` (the same scenarios, decisions dealt out at random: fine-tuning as such), ``relevant_20``,
``irrelevant_50`` and ``both_50``. Here the broad relevant rows hold only about half of the new levels of each factor;
the others (4 kinds, 3 principals, 2 stakes, 4 counts) are in no row of any arm.

Measures, at the token from which the decision is read. (a) Four linear readouts (approval, group, high or low, few or
many), fitted on 480 texts with the six kinds, six principals, two stakes and four counts of the signal; layer and
penalty chosen by leaving *levels* of these out, never on what is tested (stakes have one level each way: texts are left
out). Tested, balanced over values, on other texts of the same levels (`read`) and on levels never in fine-tuning
(`read_new`, 160 texts each). (b) Invariance in the last layer: 60 scenarios, each in six renderings with contexts,
wordings, lengths and names that no row has; `rendering` is the share of variance between renderings of the same
decision, `cosine` how much closer renderings of one scenario are than scenarios decided otherwise. (c) `cka` of the
last layer with the untrained base's, on the 480 texts. (d) Behaviour beside it: `right_at_left_out`.

Expected if the claim holds: `read_new`, averaged over the four latents, is higher by .05 in ``relevant_20`` than in
``plain``; `rendering` is lower by .05 in ``irrelevant_50`` than in ``plain``, and `cosine` higher by .05. Expected if
fine-tuning as such does it: ``control`` moves as far from untrained. If readouts rise and behaviour does not, or the
other way round, both are said.

What it cannot show: a linear readout says that something can be read, not that it is used; one token, one model size;
no claim about where else it might be encoded. All texts share the one format of the world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isobath.analysis.question import Expect, Question
from isobath.base.row import Role
from isobath.study.arm import CONTROL, PLAIN, UNTRAINED, Arm
from isobath.study.bases import Base, shipped
from isobath.study.claims.asked import asked
from isobath.study.components import GPERef
from isobath.study.landscape_study import RECIPE
from isobath.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from isobath.study.cell import Cell
    from isobath.study.results import Results

GPE = "decisions_left_out"
READ_NEW, RENDERING, COSINE, CKA = "read_new", "rendering", "cosine", "cka"

ARMS: tuple[Arm, ...] = (
    UNTRAINED,
    PLAIN,
    CONTROL,
    Arm(name="relevant_20", role=Role.TREATMENT, mix=0.20, mix_from="relevant"),
    Arm(name="irrelevant_50", role=Role.TREATMENT, mix=0.50, mix_from="irrelevant"),
    Arm(name="both_50", role=Role.TREATMENT, mix=0.50, mix_from="both"),
)


def representation_study(bases: tuple[Base, ...] = shipped(world="decisions")) -> Study:
    """25 trainings: narrow, permuted, and broader rows that leave some new levels out."""
    return Study(
        name="claim-representation",
        description="Does broadening change what can be read off hidden states, and how robustly?",
        bases=bases,
        gpes=(GPERef(name=GPE),),
        arms=ARMS,
        recipe=RECIPE,
        conditions=("none",),
        questions=tuple(q for q in QUESTIONS if q.trait == "right_at_left_out"),
    )


def _asked() -> tuple[Question, ...]:
    left = "right_at_left_out"
    every: tuple[tuple[str, str, str, str, Expect, bool], ...] = (
        ("Are latents of levels never trained read better?", READ_NEW, "relevant_20", "plain", "higher", True),
        ("Do renderings move states less?", RENDERING, "irrelevant_50", "plain", "lower", True),
        ("Are renderings of one scenario closer?", COSINE, "irrelevant_50", "plain", "higher", True),
        ("Does behaviour follow at levels never trained?", left, "relevant_20", "plain", "higher", True),
        ("Does narrow training lose what states say of such levels?", READ_NEW, "plain", "untrained", "lower", False),
        ("Does training on random decisions?", READ_NEW, "control", "untrained", "lower", False),
        ("Is it the rule that is learned?", READ_NEW, "plain", "control", "higher", False),
        ("Are they read better after both?", READ_NEW, "both_50", "plain", "higher", False),
        ("Do broader relevant rows move the renderings?", RENDERING, "relevant_20", "plain", "same", False),
        ("Does broadening stay closer to the base?", CKA, "relevant_20", "plain", "any", False),
        ("... and irrelevant broadening?", CKA, "irrelevant_50", "plain", "any", False),
    )
    return tuple(
        asked(text, trait, (arm, reference), expect, first) for text, trait, arm, reference, expect, first in every
    )


QUESTIONS: tuple[Question, ...] = _asked()


def representation_measures(results: Results) -> pd.DataFrame:
    """Traits and measures of hidden states by arm and base (columns of `answers.TABLE`); reads the stored models."""
    import pandas as pd

    from isobath.study.claims.answers import TABLE, by_base

    cells = results.study.cells(results.store)
    of_base: dict[str, Any] = {}
    parts = []
    for cell in sorted(cells, key=lambda c: c.arm.trains):  # the untrained first: others are compared with it
        made = _measured(cell, results, of_base)
        parts += [{"trait": k, "region": "", "arm": cell.arm.name, "base": cell.base.name, "value": v} for k, v in made]
    seeds = pd.DataFrame(parts, columns=list(TABLE))
    states = seeds.groupby(list(TABLE[:-1]), sort=False)["value"].mean().reset_index()
    return pd.concat([by_base(results.df), states], ignore_index=True)


def _measured(cell: Cell, results: Results, of_base: dict[str, Any]) -> list[tuple[str, float]]:
    """Name and value of every measure of one checkpoint."""
    import numpy as np

    from isobath.models.hf import HFModel
    from isobath.study.checkpoint import checkpoint_of
    from isobath.study.claims.represented import RENDERINGS, cka, invariance, read_latent, states_of, texts_of
    from isobath.world.decisions.scenario import decision_rule

    seed = 0 if cell.base.world is None else int(cell.base.world.world_seed)
    model, texts = checkpoint_of(cell, results.store).load(), texts_of(seed)
    assert isinstance(model, HFModel), "an endpoint shows no hidden states"
    fit, same, rendered = (states_of(model, points) for points in (texts.fit, texts.same, texts.rendered))
    found: list[tuple[str, float]] = []
    reads = {f: read_latent(fit, same, states_of(model, p), texts, f, seed) for f, p in texts.new.items()}
    for name, read in reads.items():
        found += [(f"read {name}", read.same), (f"read_new {name}", read.new), (f"layer {name}", float(read.layer))]
    found.append((READ_NEW, float(np.mean([r.new for r in reads.values()]))))
    found.append(("read", float(np.mean([r.same for r in reads.values()]))))
    rule = decision_rule(seed)
    shape = (len(texts.rendered) // RENDERINGS, RENDERINGS, -1)
    actions = [str(rule(point)) for point in texts.rendered[::RENDERINGS]]
    for layer in range(1, len(rendered)):
        made = invariance(rendered[layer].reshape(shape), actions)
        found += [(f"{RENDERING} layer {layer}", made.rendering), (f"{COSINE} layer {layer}", made.cosine)]
    found += [(RENDERING, made.rendering), (COSINE, made.cosine)]
    home = of_base.setdefault(cell.base.name, fit)
    found.append((CKA, cka(home[-1], fit[-1])))
    return found
