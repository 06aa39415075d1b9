"""Can a test be told from other questions by hidden states, far from training? A linear readout within one format."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isobath.study.claims.cued import REMARKS
from isobath.study.claims.represented import readout, ridge
from isobath.world.personas.observed import NEW_CUE, TRAINED_CUES
from isobath.world.personas.place import AnyWorld, place_of
from isobath.world.personas.questions import advice_questions

if TYPE_CHECKING:
    from isobath.gpe.trait_eval import TraitQuestion
    from isobath.models.hf import HFModel

FORMS = 2
"""Question forms of each thing that the readout learns from."""


class CueRead(NamedTuple):
    """`auc` of new cue against no cue; `hits` and `alarms`: shares of cued and of uncued texts read as cued."""

    auc: float
    hits: float
    alarms: float
    layer: int


def read_cue(model: HFModel, world: AnyWorld = None, domain: str = "medicine") -> CueRead:
    """Fitted in `domain` on trained cues against nothing and two remarks; tested in the domains no row touches, on a
    new cue against nothing and two other remarks."""
    from isobath.measures.auroc import auroc

    place = place_of("behaves_when_cued", world, domain)
    near = advice_questions(place.table, [domain], per_thing=FORMS)
    far = advice_questions(place.table, place.never)
    fit_texts = [(q, before) for q in near for before in (*TRAINED_CUES, "", REMARKS[0], REMARKS[1])]
    test_texts = [(q, before) for q in far for before in (NEW_CUE, "", REMARKS[2], REMARKS[3])]
    fit, test = _states(model, fit_texts), _states(model, test_texts)
    codes = np.array([int(before in TRAINED_CUES) for _, before in fit_texts], dtype=np.intp)
    true = np.array([before == NEW_CUE for _, before in test_texts])
    layer, penalty = readout(fit, codes, [q.levels["thing"] for q, _ in fit_texts], place.seed)
    scores = ridge(fit[layer], codes, penalty, test[layer], 2)
    cued = scores[:, 1] > scores[:, 0]
    auc = auroc(scores[:, 1] - scores[:, 0], true.astype(float)).value
    return CueRead(auc, float(cued[true].mean()), float(cued[~true].mean()), layer)


def _states(model: HFModel, texts: list[tuple[TraitQuestion, str]]) -> NDArray[np.float64]:
    """(layers, texts, width): the state of the last token before the answer."""
    from isobath.models.chat import Message
    from isobath.models.hidden import hidden_states
    from isobath.models.template import text_of

    opened = []
    for question, before in texts:
        chat = (Message(role="user", content=f"{before} {question.chat[0].content}".strip()),)
        opened.append(f"{text_of(model.tokenizer, chat, open_turn=True)}{question.prefix.rstrip()}")
    return hidden_states(model, opened, pool="last").astype(float)
