"""The bases of a study: shipped with the package, built on demand, or a model somebody gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.models.endpoint.endpoint import Endpoint
from isobath.models.hub import hub_folder
from isobath.store import Store
from isobath.study.given import ADAPTER, found_folder
from isobath.world.base_spec import BaseSpec


class ShippedBase(Value):
    """One of the base models of an embedded world that come with the package, by base seed.

    A base of the personas world has the identity and the serialised form it had when there was no other world.
    """

    kind: Literal["shipped"] = "shipped"
    base_seed: int
    world: Literal["personas", "decisions"] = Field(default="personas", exclude_if=lambda world: world == "personas")


class BuiltBase(Value):
    """A base of an embedded world, pretrained when a study first needs it and then kept in the store."""

    kind: Literal["built"] = "built"
    spec: BaseSpec


class FolderBase(Value):
    """A Hugging Face model folder on this machine, or a PEFT adapter folder. Its content is its identity, not its path.

    An adapter stands on the model that its configuration names, or on `base` (a folder or hub id) where that is given.
    """

    kind: Literal["folder"] = "folder"
    path: str
    base: str | None = None


class HubBase(Value):
    """A model or adapter on the Hugging Face hub, by id and revision; fetched once, since the study names it."""

    kind: Literal["hub"] = "hub"
    id: str
    revision: str | None = None
    base: str | None = None


class EndpointBase(Value):
    """A model behind an OpenAI-compatible endpoint: asked, never trained. Nobody can check that it stays the same."""

    kind: Literal["endpoint"] = "endpoint"
    endpoint: Endpoint


Base = Annotated[ShippedBase | BuiltBase | FolderBase | HubBase | EndpointBase, Field(discriminator="kind")]


class ResolvedBase(Value):
    """A base that is there: where it lies (execution) and what is known of it (identity is `identity`).

    `folder` is empty for an endpoint; `adapter` is the folder of a PEFT adapter on top of `folder`, or None.
    """

    name: str
    folder: str
    identity: str
    model: str
    base_seed: int | None = None
    world: Any = None
    """The world's spec, or None for a model from outside."""
    adapter: str | None = None
    endpoint: Endpoint | None = None


def shipped(count: int = 5, world: Literal["personas", "decisions"] = "personas") -> tuple[ShippedBase, ...]:
    """The first `count` shipped bases of `world`."""
    return tuple(ShippedBase(base_seed=seed, world=world) for seed in range(count))


SHIPPED_WORDS: dict[str, tuple[ShippedBase, ...]] = {
    "shipped": shipped(),
    "shipped decisions": shipped(world="decisions"),
}
"""What a study file may say in place of five shipped bases."""


def built_key(base: BuiltBase, store: Store) -> str:
    """The key a built base has in the store."""
    from isobath.world.build import KIND

    return store.key(KIND, base.spec)


def resolve_base(base: Base, store: Store) -> ResolvedBase:
    """Find the folder of `base`. Raises `InputError` if it is not there (a built base must be built before)."""
    if isinstance(base, FolderBase | HubBase):
        return _given(base)
    if isinstance(base, EndpointBase):
        endpoint = base.endpoint
        return ResolvedBase(
            name=endpoint.model, folder="", identity=endpoint.identity, model=endpoint.model, endpoint=endpoint
        )
    if isinstance(base, ShippedBase):
        from isobath.world.shipped import shipped_bases

        found = {b.spec.base_seed: b for b in shipped_bases(base.world)}
        if base.base_seed not in found:
            raise InputError(
                f"shipped base {base.base_seed} of the world {base.world!r}",
                f"the package ships base seeds {sorted(found)}",
                "use a built base",
            )
        folder, spec = found[base.base_seed].folder, found[base.base_seed].spec
    else:
        from isobath.world.build import KIND

        key = built_key(base, store)
        artifact = store.find(KIND, key)
        if artifact is None:
            raise InputError(
                f"base {base.spec.name} is not built yet", "a built base is in the store", "build it first"
            )
        folder, spec = artifact.path, base.spec
    from isobath.models.folder import folder_identity

    return ResolvedBase(
        name=spec.name,
        folder=str(folder),
        identity=folder_identity(folder),
        model=spec.architecture,
        base_seed=spec.base_seed,
        world=spec.world,
    )


def is_adapter(base: Base) -> bool:
    """Whether `base` is a PEFT adapter, which is asked but not trained on."""
    return isinstance(base, FolderBase | HubBase) and (_folder(base) / ADAPTER).is_file()


def named_base(base: FolderBase | HubBase) -> str | None:
    """The model that an adapter's own configuration names; None for a whole model, or where it names none."""
    if not is_adapter(base):
        return None
    try:
        named = json.loads((_folder(base) / ADAPTER).read_text(encoding="utf-8")).get("base_model_name_or_path")
    except ValueError:
        return None
    return named if isinstance(named, str) and named else None


def _folder(base: FolderBase | HubBase) -> Path:
    return hub_folder(base.id, base.revision) if isinstance(base, HubBase) else Path(base.path).expanduser()


def _given(base: FolderBase | HubBase) -> ResolvedBase:
    found = found_folder(_folder(base), base.base)
    name = base.id if isinstance(base, HubBase) else found.name
    return ResolvedBase(
        name=name, folder=str(found.model), identity=found.identity, model=name, adapter=found.adapter_path
    )
