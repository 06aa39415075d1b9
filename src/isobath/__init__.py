"""Isobath: chart and control how language models generalise beyond their training data.

Names below are imported when first used, so that ``import isobath`` stays light (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isobath.analysis.question import Finding, Question
    from isobath.analysis.target import Target, TargetProfile
    from isobath.base.row import Claim, Role, State, TraitKind
    from isobath.design.covering import covering
    from isobath.design.factor import Factor
    from isobath.design.places import place_all, place_of
    from isobath.design.region import Place, Region
    from isobath.design.rule import Case, DecisionRule
    from isobath.design.space import Space
    from isobath.design.split import hold_out
    from isobath.design.support import support_of
    from isobath.design.test_points import test_points
    from isobath.gpe.gpe import GPE, Signal
    from isobath.gpe.scenarios.catalogue import scenario
    from isobath.gpe.scenarios.scenario_file import read_scenario
    from isobath.gpe.scenarios.scenario_gpe import scenario_gpe
    from isobath.gpe.trait_eval import Option, TraitEval, TraitQuestion
    from isobath.interventions.ablate import AblateAsked, ConceptAblation
    from isobath.interventions.adapter_direction import adapter_directions
    from isobath.interventions.change import Change
    from isobath.interventions.control_tag import ControlTag
    from isobath.interventions.cvar import CVaR
    from isobath.interventions.decay import DecayToInitial
    from isobath.interventions.deliberate import Deliberate
    from isobath.interventions.direction import PromptContrast, RandomDirection, RowContrast
    from isobath.interventions.early_stop import EarlyStop
    from isobath.interventions.filter import Filter
    from isobath.interventions.filter_corpus import FilterCorpus
    from isobath.interventions.further_pretraining import FurtherPretraining
    from isobath.interventions.group_balanced import GroupBalanced
    from isobath.interventions.group_dro import GroupDRO
    from isobath.interventions.hardest import Hardest
    from isobath.interventions.in_pretraining import InPretraining
    from isobath.interventions.inoculate import Inoculate
    from isobath.interventions.inoculation_adapter import InoculationAdapter
    from isobath.interventions.kl import KLToBase
    from isobath.interventions.labels import Label
    from isobath.interventions.latent_paraphrase import LatentParaphrase
    from isobath.interventions.merge import Merge, MergeSource
    from isobath.interventions.mix import Mix
    from isobath.interventions.prompt_library import library
    from isobath.interventions.recontextualise import Recontextualise
    from isobath.interventions.reviewed_answers import ReviewedAnswers
    from isobath.interventions.route import Route
    from isobath.interventions.route_parts import Block, Heads, Neurons
    from isobath.interventions.row_rule import RowRule
    from isobath.interventions.screen import Screen
    from isobath.interventions.stack import Stack
    from isobath.interventions.steer import PreventativeSteering, SteerAsked
    from isobath.interventions.system_prompt import SystemPrompt
    from isobath.interventions.tamper_resistant import SimulatedAttack, TamperResistant
    from isobath.interventions.task_vector import TaskVector
    from isobath.interventions.upsample import Upsample
    from isobath.interventions.vary import Vary
    from isobath.interventions.vrex import VREx
    from isobath.interventions.worst_paraphrase import WorstParaphrase
    from isobath.measures.attack import Attack, AttackGrid
    from isobath.measures.curve import Curve
    from isobath.measures.onset import OnsetRule, onset, onset_table
    from isobath.measures.trait_rates import asking
    from isobath.measures.verification.verify import verify
    from isobath.models.chat import Message, Prompt, Row
    from isobath.study.arm import STANDARD_ARMS, Arm
    from isobath.study.bases import BuiltBase, FolderBase, ShippedBase, shipped
    from isobath.study.broadening.runner import Broadened, broaden
    from isobath.study.broadening.spec import Broadening
    from isobath.study.components import GPERef
    from isobath.study.compose import compose
    from isobath.study.file import load_study
    from isobath.study.prescreen import prescreen
    from isobath.study.results import Results
    from isobath.study.search import Rung, Search
    from isobath.study.study import Study
    from isobath.train.recipe import LoRA, Recipe
    from isobath.world.base_spec import BaseSpec
    from isobath.world.personas.spec import PersonasSpec

_HOMES = {
    "isobath.analysis.question": ("Finding", "Question"),
    "isobath.base.row": ("Claim", "Role", "State", "TraitKind"),
    "isobath.design.covering": ("covering",),
    "isobath.design.factor": ("Factor",),
    "isobath.design.places": ("place_all", "place_of"),
    "isobath.design.region": ("Place", "Region"),
    "isobath.design.rule": ("Case", "DecisionRule"),
    "isobath.design.space": ("Space",),
    "isobath.design.split": ("hold_out",),
    "isobath.design.support": ("support_of",),
    "isobath.design.test_points": ("test_points",),
    "isobath.gpe.gpe": ("GPE", "Signal"),
    "isobath.gpe.scenarios.catalogue": ("scenario",),
    "isobath.gpe.scenarios.scenario_file": ("read_scenario",),
    "isobath.gpe.scenarios.scenario_gpe": ("scenario_gpe",),
    "isobath.gpe.trait_eval": ("Option", "TraitEval", "TraitQuestion"),
    "isobath.interventions.change": ("Change",),
    "isobath.interventions.ablate": ("AblateAsked", "ConceptAblation"),
    "isobath.interventions.direction": ("PromptContrast", "RandomDirection", "RowContrast"),
    "isobath.interventions.steer": ("PreventativeSteering", "SteerAsked"),
    "isobath.interventions.control_tag": ("ControlTag",),
    "isobath.interventions.filter": ("Filter",),
    "isobath.interventions.filter_corpus": ("FilterCorpus",),
    "isobath.interventions.further_pretraining": ("FurtherPretraining",),
    "isobath.interventions.in_pretraining": ("InPretraining",),
    "isobath.interventions.upsample": ("Upsample",),
    "isobath.interventions.inoculate": ("Inoculate",),
    "isobath.interventions.mix": ("Mix",),
    "isobath.interventions.adapter_direction": ("adapter_directions",),
    "isobath.interventions.inoculation_adapter": ("InoculationAdapter",),
    "isobath.interventions.labels": ("Label",),
    "isobath.interventions.merge": ("Merge", "MergeSource"),
    "isobath.interventions.route": ("Route",),
    "isobath.interventions.route_parts": ("Block", "Heads", "Neurons"),
    "isobath.interventions.task_vector": ("TaskVector",),
    "isobath.interventions.cvar": ("CVaR",),
    "isobath.interventions.decay": ("DecayToInitial",),
    "isobath.interventions.group_balanced": ("GroupBalanced",),
    "isobath.interventions.group_dro": ("GroupDRO",),
    "isobath.interventions.kl": ("KLToBase",),
    "isobath.interventions.vrex": ("VREx",),
    "isobath.interventions.worst_paraphrase": ("WorstParaphrase",),
    "isobath.interventions.hardest": ("Hardest",),
    "isobath.interventions.latent_paraphrase": ("LatentParaphrase",),
    "isobath.interventions.vary": ("Vary",),
    "isobath.measures.curve": ("Curve",),
    "isobath.measures.onset": ("OnsetRule", "onset", "onset_table"),
    "isobath.measures.trait_rates": ("asking",),
    "isobath.measures.verification.verify": ("verify",),
    "isobath.study.prescreen": ("prescreen",),
    "isobath.interventions.deliberate": ("Deliberate",),
    "isobath.interventions.early_stop": ("EarlyStop",),
    "isobath.interventions.prompt_library": ("library",),
    "isobath.interventions.recontextualise": ("Recontextualise",),
    "isobath.interventions.reviewed_answers": ("ReviewedAnswers",),
    "isobath.interventions.row_rule": ("RowRule",),
    "isobath.interventions.screen": ("Screen",),
    "isobath.interventions.system_prompt": ("SystemPrompt",),
    "isobath.interventions.stack": ("Stack",),
    "isobath.interventions.tamper_resistant": ("SimulatedAttack", "TamperResistant"),
    "isobath.measures.attack": ("Attack", "AttackGrid"),
    "isobath.models.chat": ("Message", "Prompt", "Row"),
    "isobath.study.arm": ("STANDARD_ARMS", "Arm"),
    "isobath.study.bases": ("BuiltBase", "FolderBase", "ShippedBase", "shipped"),
    "isobath.study.broadening.runner": ("Broadened", "broaden"),
    "isobath.study.broadening.spec": ("Broadening",),
    "isobath.study.components": ("GPERef",),
    "isobath.study.compose": ("compose",),
    "isobath.study.search": ("Rung", "Search"),
    "isobath.analysis.target": ("Target", "TargetProfile"),
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
    "AblateAsked",
    "Arm",
    "Attack",
    "AttackGrid",
    "BaseSpec",
    "Block",
    "Broadened",
    "Broadening",
    "BuiltBase",
    "CVaR",
    "Case",
    "Change",
    "Claim",
    "ConceptAblation",
    "ControlTag",
    "Curve",
    "DecayToInitial",
    "DecisionRule",
    "Deliberate",
    "EarlyStop",
    "Factor",
    "Filter",
    "FilterCorpus",
    "Finding",
    "FolderBase",
    "FurtherPretraining",
    "GPERef",
    "GroupBalanced",
    "GroupDRO",
    "Hardest",
    "Heads",
    "InPretraining",
    "Inoculate",
    "InoculationAdapter",
    "KLToBase",
    "Label",
    "LatentParaphrase",
    "LoRA",
    "Merge",
    "MergeSource",
    "Message",
    "Mix",
    "Neurons",
    "OnsetRule",
    "Option",
    "PersonasSpec",
    "Place",
    "PreventativeSteering",
    "Prompt",
    "PromptContrast",
    "Question",
    "RandomDirection",
    "Recipe",
    "Recontextualise",
    "Region",
    "Results",
    "ReviewedAnswers",
    "Role",
    "Route",
    "Row",
    "RowContrast",
    "RowRule",
    "Rung",
    "Screen",
    "Search",
    "ShippedBase",
    "Signal",
    "SimulatedAttack",
    "Space",
    "Stack",
    "State",
    "SteerAsked",
    "Study",
    "SystemPrompt",
    "TamperResistant",
    "Target",
    "TargetProfile",
    "TaskVector",
    "TraitEval",
    "TraitKind",
    "TraitQuestion",
    "Upsample",
    "VREx",
    "Vary",
    "WorstParaphrase",
    "__version__",
    "adapter_directions",
    "asking",
    "broaden",
    "compose",
    "covering",
    "hold_out",
    "library",
    "load_study",
    "onset",
    "onset_table",
    "place_all",
    "place_of",
    "prescreen",
    "read_scenario",
    "scenario",
    "scenario_gpe",
    "shipped",
    "support_of",
    "test_points",
    "verify",
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
