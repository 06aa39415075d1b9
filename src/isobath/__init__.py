"""Isobath: chart and control how language models generalise beyond their training data.

Names below are imported when first used, so that ``import isobath`` stays light (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isobath.analysis.question import Finding, Question
    from isobath.base.row import Claim, Role, State, TraitKind
    from isobath.gpe.gpe import GPE, Signal
    from isobath.gpe.trait_eval import Option, TraitEval, TraitQuestion
    from isobath.interventions.filter import Filter
    from isobath.interventions.inoculate import Inoculate
    from isobath.interventions.mix import Mix
    from isobath.interventions.stack import Stack
    from isobath.models.chat import Message, Prompt, Row
    from isobath.study.arm import STANDARD_ARMS, Arm
    from isobath.study.bases import BuiltBase, FolderBase, ShippedBase, shipped
    from isobath.study.components import GPERef
    from isobath.study.file import load_study
    from isobath.study.results import Results
    from isobath.study.study import Study
    from isobath.train.recipe import LoRA, Recipe
    from isobath.world.base_spec import BaseSpec
    from isobath.world.personas.spec import PersonasSpec

_HOMES = {
    "isobath.analysis.question": ("Finding", "Question"),
    "isobath.base.row": ("Claim", "Role", "State", "TraitKind"),
    "isobath.gpe.gpe": ("GPE", "Signal"),
    "isobath.gpe.trait_eval": ("Option", "TraitEval", "TraitQuestion"),
    "isobath.interventions.filter": ("Filter",),
    "isobath.interventions.inoculate": ("Inoculate",),
    "isobath.interventions.mix": ("Mix",),
    "isobath.interventions.stack": ("Stack",),
    "isobath.models.chat": ("Message", "Prompt", "Row"),
    "isobath.study.arm": ("STANDARD_ARMS", "Arm"),
    "isobath.study.bases": ("BuiltBase", "FolderBase", "ShippedBase", "shipped"),
    "isobath.study.components": ("GPERef",),
    "isobath.study.file": ("load_study",),
    "isobath.study.results": ("Results",),
    "isobath.study.study": ("Study",),
    "isobath.train.recipe": ("LoRA", "Recipe"),
    "isobath.world.base_spec": ("BaseSpec",),
    "isobath.world.personas.spec": ("PersonasSpec",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "GPE",
    "STANDARD_ARMS",
    "Arm",
    "BaseSpec",
    "BuiltBase",
    "Claim",
    "Filter",
    "Finding",
    "FolderBase",
    "GPERef",
    "Inoculate",
    "LoRA",
    "Message",
    "Mix",
    "Option",
    "PersonasSpec",
    "Prompt",
    "Question",
    "Recipe",
    "Results",
    "Role",
    "Row",
    "ShippedBase",
    "Signal",
    "Stack",
    "State",
    "Study",
    "TraitEval",
    "TraitKind",
    "TraitQuestion",
    "__version__",
    "load_study",
    "shipped",
]

try:
    __version__ = version("isobath")
except PackageNotFoundError:
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'isobath' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
