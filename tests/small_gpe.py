"""A GPE short enough for tests: bad advice with a few questions of four traits."""

from isobath.gpe.trait_eval import TraitEval
from isobath.world.personas.gpes import bad_advice


def small_gpe(world=None, questions=6):
    gpe = bad_advice(world)
    kept = [t for t in gpe.traits if t.name in {"bad_held_out", "bad_in_domain", "old_held_out", "coherence"}]
    fields = {name: getattr(gpe, name) for name in type(gpe).model_fields}
    traits = tuple(TraitEval(**{**dict(t), "questions": t.questions[:questions]}) for t in kept)
    return type(gpe)(**{**fields, "name": "small", "traits": traits})
