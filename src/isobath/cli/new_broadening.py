"""`isobath new NAME --from broaden`: a commented specification that `isobath broaden` takes as it stands."""

from __future__ import annotations

from pathlib import Path

from isobath.base.errors import InputError

TEXT = """\
# A broadened training set: which key decisions, how many rows, what is kept for tests.
#   isobath broaden {file} --dry-run              what it would make and cost; nothing is spent
#   isobath broaden {file} --out train.jsonl      all of it; the same command goes on after an interrupt
# Unknown keys are errors with file and line. docs/broadening/broaden.md lists them all.

# Names of the catalogue (docs/broadening/catalogue.md), or scenario files of yours, beside this one.
scenarios: [honesty, evading_control]

# Rows in all, shared equally.
budget: 1000

# Kept for tests, and never trained on: regions around your own data (or around all that may be trained on).
holdout: {{regions: [bay, sea], extent: points, per_region: 20}}

# What you train on already: a tagged file (docs/my-scenarios.md), or factor -> levels, by scenario.
# own: {{honesty: my_data.jsonl}}

# Every pair of levels that is not held out is covered.
strength: 2

# Shares of the forms: one turn, several, or a turn that offers tools.
renderings: {{single: 2, multi: 1, tools: 1}}

# `per row`, `4 fixed paraphrases` or `4 wordings of each point` (for worst-case training: rows share `same`).
irrelevant: per row

# Who words the rows. Left out: our templates, offline. The key is read from the environment.
# writer: {{url: "https://api.openai.com/v1", model: MODEL, price_in: 0.4, price_out: 1.6}}
# tagger: {{kind: endpoint, url: URL, model: ANOTHER_MODEL}}   # reads points back from the words; default: the writer

# Rows that people really sent, for the realism check, in any format of docs/my-data.md.
# references: real_chats.jsonl

# Word more rows than the budget, and keep the most different ones (k_center or dpp); coverage is kept.
# selection: {{method: k_center, oversample: 1.5}}

# Evolve the points that coverage does not need, towards rare combinations.
# evolution: {{generations: 4, fitness: tuples}}

seed: 0
"""


def new_broadening(name: str) -> int:
    """Write NAME.yaml. Raises `InputError` if it exists, or its folder does not."""
    path = Path(name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    if path.exists():
        raise InputError(f"{str(path)!r} exists", "a new file overwrites nothing", "choose another name, or move it")
    if not path.parent.is_dir():
        raise InputError(
            f"the folder {str(path.parent)!r} does not exist", "a file goes into a folder", "make it first"
        )
    with path.open("x", encoding="utf-8") as stream:
        stream.write(TEXT.format(file=path.name))
    print(f"{path} written. Next: isobath broaden {path} --dry-run")
    return 0
