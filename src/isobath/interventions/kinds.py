"""Every kind of intervention by name: built in, from a plugin's entry point, or a class of the user's own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationError, WithJsonSchema

from isobath.base.value import Value
from isobath.interventions.intervention import Intervention

GROUP = "isobath.interventions"
"""Entry-point group: ``kind = "package.module:Class"``, the class a frozen Value with that ``kind``."""

BUILT_IN: dict[str, str] = {
    "system_prompt": "isobath.interventions.system_prompt:SystemPrompt",
    "screen": "isobath.interventions.screen:Screen",
    "reviewed_answers": "isobath.interventions.reviewed_answers:ReviewedAnswers",
    "recontextualise": "isobath.interventions.recontextualise:Recontextualise",
    "early_stop": "isobath.interventions.early_stop:EarlyStop",
    "deliberate": "isobath.interventions.deliberate:Deliberate",
    "steer_asked": "isobath.interventions.steer:SteerAsked",
    "prevent": "isobath.interventions.steer:PreventativeSteering",
    "caft": "isobath.interventions.ablate:ConceptAblation",
    "ablate_asked": "isobath.interventions.ablate:AblateAsked",
    "control_tag": "isobath.interventions.control_tag:ControlTag",
    "filter_corpus": "isobath.interventions.filter_corpus:FilterCorpus",
    "further_pretraining": "isobath.interventions.further_pretraining:FurtherPretraining",
    "in_pretraining": "isobath.interventions.in_pretraining:InPretraining",
    "upsample": "isobath.interventions.upsample:Upsample",
    "label": "isobath.interventions.labels:Label",
    "route": "isobath.interventions.route:Route",
    "task_vector": "isobath.interventions.task_vector:TaskVector",
    "merge": "isobath.interventions.merge:Merge",
    "inoculation_adapter": "isobath.interventions.inoculation_adapter:InoculationAdapter",
    "filter": "isobath.interventions.filter:Filter",
    "inoculate": "isobath.interventions.inoculate:Inoculate",
    "mix": "isobath.interventions.mix:Mix",
    "kl": "isobath.interventions.kl:KLToBase",
    "decay": "isobath.interventions.decay:DecayToInitial",
    "group_balanced": "isobath.interventions.group_balanced:GroupBalanced",
    "group_dro": "isobath.interventions.group_dro:GroupDRO",
    "vrex": "isobath.interventions.vrex:VREx",
    "cvar": "isobath.interventions.cvar:CVaR",
    "tamper_resistant": "isobath.interventions.tamper_resistant:TamperResistant",
    "worst_paraphrase": "isobath.interventions.worst_paraphrase:WorstParaphrase",
    "hardest": "isobath.interventions.hardest:Hardest",
    "vary": "isobath.interventions.vary:Vary",
    "latent_paraphrase": "isobath.interventions.latent_paraphrase:LatentParaphrase",
}
"""Kind -> where its class is. Imported when first named, so that a study without it does not pay for it."""


def kinds() -> list[str]:
    """Every kind a study file may name."""
    return sorted({*BUILT_IN, *(e.name for e in entry_points(group=GROUP))})


def intervention_class(kind: str) -> type[Value]:
    """The class of `kind`. Raises `ValueError` with the nearest known kind."""
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        found: type[Value] = getattr(import_module(module), name)
        return found
    for entry in entry_points(group=GROUP):
        if entry.name == kind:
            return entry.load()  # type: ignore[no-any-return]
    near = difflib.get_close_matches(kind, kinds(), 1)
    raise ValueError(f"no intervention {kind!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {kinds()}"))


def _read(value: Any) -> Any:
    if isinstance(value, BaseModel):
        if not isinstance(value, Intervention):
            raise ValueError(
                f"{type(value).__name__} is no intervention: it lacks one of stage, name, label, version, conflict"
            )
        return value
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
        raise ValueError("an intervention is a map with a `kind`")
    kind = intervention_class(value["kind"])
    try:
        return kind.model_validate(dict(value))
    except ValidationError as error:
        raise ValueError(_told(value["kind"], kind, error)) from error


def _told(name: str, kind: type[Value], error: ValidationError) -> str:
    found = error.errors(include_url=False)
    first = next(
        (e for e in found if e["type"] == "extra_forbidden"), found[0]
    )  # a misspelt name explains a missing one
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(first["loc"][-1]), list(kind.model_fields), 1)
        return f"{name} has no field {where!r}; " + (f"did you mean {near[0]!r}?" if near else "drop it")
    message = first["msg"].removeprefix("Value error, ")
    return f"{name}.{where}: {message}" if where else f"{name}: {message}"


ANY_SCHEMA = {"title": "Intervention", "type": "object", "required": ["kind"]}
"""What stands for any intervention in a schema until `json_schemas` says what they are: kinds are imported late."""

if TYPE_CHECKING:
    AnyIntervention = Intervention
else:
    AnyIntervention = Annotated[Any, BeforeValidator(_read), WithJsonSchema(dict(ANY_SCHEMA))]
"""Any intervention; in a file its `kind` says which."""


def json_schemas() -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schema of `AnyIntervention`, and the definitions it refers to."""
    definitions: dict[str, Any] = {}
    members = []
    for kind in kinds():
        schema = intervention_class(kind).model_json_schema(ref_template="#/$defs/{model}", mode="validation")
        definitions |= schema.pop("$defs", {})
        schema["required"] = sorted({"kind", *schema.get("required", ())})
        definitions[schema["title"]] = schema
        members.append({"$ref": f"#/$defs/{schema['title']}"})
    return {"anyOf": members}, definitions
