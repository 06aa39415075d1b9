"""The study behind `isobath profile`: somebody's model, somebody's rows, traits before and after."""

from __future__ import annotations

import math
import re
from pathlib import Path

from isobath.analysis.question import Question
from isobath.base.row import Claim, TraitKind
from isobath.gpe.english.trait_file import BUILT_IN, built_in
from isobath.gpe.jsonl import read_jsonl
from isobath.models.folder import folder_identity
from isobath.study.arm import PLAIN, UNTRAINED
from isobath.study.bases import FolderBase
from isobath.study.components import GPERef
from isobath.study.study import Study
from isobath.train.recipe import LoRA, Recipe

BATCH, PASSES = 16, 3


def profile_study(
    model: str, train: str, seeds: tuple[int, ...], steps: int | None, learning_rate: float, rank: int
) -> Study:
    """LoRA on the rows of `train`, built-in traits before and after, one run per seed.

    `steps` None means three passes over the rows in batches of 16. Raises `InputError` for a model folder or a data
    file that cannot be used, before anything is trained.
    """
    from isobath.models.template_facts import template_facts
    from isobath.study.checkpoint import tokenizer_of

    folder_identity(model)
    data = read_jsonl(train)
    facts = template_facts(tokenizer_of(model))
    options: dict[str, str | int | float | bool | None] = {
        "path": train,
        "system_role": facts.system_role in ("supported", "merged"),
    }
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"profile-{Path(model).resolve().name}-{data.name}").strip("-.")
    return Study(
        name=name,
        description=(
            f"{Path(model).resolve().name} fine-tuned (LoRA) on {data.count} rows of {Path(train).name} "
            f"(sha256 {data.sha256[:12]}), compared with itself before. {' '.join(data.warnings)}"
        ).strip(),
        bases=(FolderBase(path=model),),
        gpes=(GPERef(name="dataset", options=options),),
        arms=(UNTRAINED, PLAIN),
        recipe=Recipe(
            steps=steps or max(1, math.ceil(PASSES * data.count / BATCH)),
            batch_size=BATCH,
            learning_rate=learning_rate,
            warmup_steps=5,
            max_grad_norm=1.0,
            adapter=LoRA(r=rank, alpha=2.0 * rank),
        ),
        seeds=seeds,
        conditions=("none", "positive"),
        questions=tuple(_question(trait, data.name) for trait in BUILT_IN),
    )


def _question(trait: str, data: str) -> Question:
    file = built_in(trait)
    wanted = file.kind is TraitKind.CAPABILITY
    text = f"Does training on {data} cost {trait}?" if wanted else f"Does training on {data} raise {trait}?"
    return Question(
        text=text,
        gpe="dataset",
        trait=trait,
        contrast=("plain", "untrained"),
        expect="lower" if wanted else "higher",
        claim=Claim.THIS_MODEL,
    )
