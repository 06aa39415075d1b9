"""The bases of a study: shipped with the package, built on demand, or a folder somebody gives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from isobath.base.errors import InputError
from isobath.base.value import Value
from isobath.models.folder import folder_identity
from isobath.store import Store
from isobath.world.base_spec import BaseSpec


class ShippedBase(Value):
    """One of the base models of the embedded world that come with the package, by base seed."""

    kind: Literal["shipped"] = "shipped"
    base_seed: int


class BuiltBase(Value):
    """A base of an embedded world, pretrained when a study first needs it and then kept in the store."""

    kind: Literal["built"] = "built"
    spec: BaseSpec


class FolderBase(Value):
    """A Hugging Face model folder on this machine. Its content is its identity; its path is not."""

    kind: Literal["folder"] = "folder"
    path: str


Base = Annotated[ShippedBase | BuiltBase | FolderBase, Field(discriminator="kind")]


class ResolvedBase(Value):
    """A base that is there: its folder (execution) and what is known of it (identity is `identity`)."""

    name: str
    folder: str
    identity: str
    model: str
    base_seed: int | None = None
    world: Any = None
    """The world's spec, or None for a model from outside."""


def shipped(count: int = 5) -> tuple[ShippedBase, ...]:
    """The first `count` shipped bases."""
    return tuple(ShippedBase(base_seed=seed) for seed in range(count))


def built_key(base: BuiltBase, store: Store) -> str:
    """The key a built base has in the store."""
    from isobath.world.build import KIND

    return store.key(KIND, base.spec)


def resolve_base(base: Base, store: Store) -> ResolvedBase:
    """Find the folder of `base`. Raises `InputError` if it is not there (a built base must be built before)."""
    if isinstance(base, FolderBase):
        folder = Path(base.path).expanduser()
        return ResolvedBase(
            name=folder.resolve().name,
            folder=str(folder),
            identity=folder_identity(folder),
            model=folder.resolve().name,
        )
    if isinstance(base, ShippedBase):
        from isobath.world.shipped import shipped_bases

        found = {b.spec.base_seed: b for b in shipped_bases()}
        if base.base_seed not in found:
            raise InputError(
                f"shipped base {base.base_seed}", f"the package ships base seeds {sorted(found)}", "use a built base"
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
    return ResolvedBase(
        name=spec.name,
        folder=str(folder),
        identity=folder_identity(folder),
        model=spec.architecture,
        base_seed=spec.base_seed,
        world=spec.world,
    )
