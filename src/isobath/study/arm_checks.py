"""What can be said about arms before anything is pretrained or trained: do they name rows and prompts that exist?"""

from __future__ import annotations

from isobath.base.errors import InputError
from isobath.base.identity import fingerprint
from isobath.interventions.mix import Mix
from isobath.interventions.stack import apply_signal
from isobath.store import Store
from isobath.study.bases import BuiltBase, resolve_base
from isobath.study.components import build_gpe
from isobath.study.study import Study


def check_arms(study: Study, store: Store) -> None:
    """Raises `InputError` for an arm that names rows or a prompt its GPE lacks, mixes in more than there are, or stacks
    what cannot meet.

    Bases that are still to be built are judged by the world they will know.
    """
    found = [b.spec.world if isinstance(b, BuiltBase) else resolve_base(b, store).world for b in study.bases]
    for world in {fingerprint(world): world for world in found}.values():
        for ref in study.gpes:
            gpe = build_gpe(ref, world)
            for arm in study.arms:
                stack = arm.stack_for(gpe)
                if arm.data in ("signal", "control") and not arm.rows_of(gpe):
                    raise InputError(
                        f"arm {arm.name!r} trains on the {arm.data} rows",
                        f"{gpe.name!r} has none",
                        "name a file with them, or drop the arm",
                    )
                if any(isinstance(entry, Mix) for entry in stack.entries):
                    apply_signal(stack, arm.rows_of(gpe), 0)  # a dose larger than its pool is said now
