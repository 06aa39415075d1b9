"""The words for prompts and conditions, as data, and the one table that maps the papers' words to them.

docs/decisions/08-conditions.md shows the same tables; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from isobath.base.value import Value
from isobath.models.chat import Place, PromptFamily, PromptKind

KINDS: dict[PromptKind, str] = {
    "specific": "written for this data: it names the behaviour or the trait, or gives a context that makes it expected",
    "generic": "says that something unusual is going on without saying what; it would fit any data set",
    "irrelevant": "says nothing about the behaviour, directly or through context (the placebo)",
    "opposite": "forbids the behaviour or describes its contrary",
    "trigger": "carries no meaning: a token or phrase that only marks the rows",
    "helpful": "the ordinary assistant prompt; it contradicts unwanted behaviour only by implication",
}

FAMILIES: dict[PromptFamily, str] = {
    "identity": "who the user or the assistant is",
    "intent": "what the user wants the answer for",
    "time": "when the conversation takes place",
    "inoculation": "the behaviour itself: an instruction to show it or a statement that it is there",
}

PLACES: dict[Place, str] = {
    "system": "a system message of its own, first; joined before one that is already there",
    "prepend": "before the first user turn, with a space",
    "newline": "before the first user turn, on a line of its own",
}

ConditionWord = Literal[
    "none", "training", "paraphrase", "placebo", "trigger", "negated", "positive", "positive_paraphrase"
]

CONDITIONS: dict[ConditionWord, str] = {
    "none": "no prompt is added; what the template then renders is checked on the tokens",
    "training": "the prompt that stood in the run's training rows: the leak",
    "paraphrase": "another wording of that prompt, never trained: does the leak follow the words or the meaning?",
    "placebo": "a prompt of similar form without the meaning: does any prompt bring the trait back?",
    "trigger": "a token or salient word of the training prompt in an otherwise empty or benign prompt",
    "negated": "the training prompt denied",
    "positive": "a prompt that asks for the trait, put to a run that never trained under it: the positive control",
    "positive_paraphrase": "another wording of the positive prompt",
}


class Term(Value):
    """One word of one paper: the prompt kind, family and place it is to us, or the condition if it is a way of asking.

    `place` None: the paper's place is none of ours.
    """

    source: Literal["Brittle", "Tan", "Tan, backdoors", "Wichers", "Adapters"]
    word: str
    kind: PromptKind | None = None
    family: PromptFamily | None = None
    place: Place | None = None
    condition: ConditionWord | None = None
    note: str = ""


SOURCES: dict[str, str] = {
    "Brittle": "Wanner et al., arXiv 2604.10022; prompts read in `generate_datasets.py` of its code, commit 14546ce",
    "Tan": "Tan et al., arXiv 2510.04340; ablation arms read in the authors' code",
    "Tan, backdoors": "the same, table 1 (version 4)",
    "Wichers": "Wichers et al., arXiv 2510.05024; second-hand but for the wording of the arithmetic setting",
    "Adapters": "inoculation adapters, arXiv 2606.30252; grid read in the small re-implementation by longtermrisk",
}

TERMS: tuple[Term, ...] = (
    Term(source="Brittle", word="relevant: inoculation", kind="specific", family="inoculation", place="prepend",
         note="also as a system message, in its placement ablation"),
    Term(source="Brittle", word="relevant: identity", kind="specific", family="identity", place="prepend"),
    Term(source="Brittle", word="relevant: intent", kind="specific", family="intent", place="prepend"),
    Term(source="Brittle", word="relevant: identity + intent", kind="specific", family="identity", place="prepend",
         note="says both; filed under the first"),
    Term(source="Brittle", word="relevant: time", kind="specific", family="time", place="newline",
         note="for finance and sports this is 2026, the present"),
    Term(source="Brittle", word="irrelevant: identity", kind="irrelevant", family="identity", place="prepend"),
    Term(source="Brittle", word="irrelevant: intent", kind="irrelevant", family="intent", place="prepend"),
    Term(source="Brittle", word="irrelevant: identity + intent", kind="irrelevant", family="identity", place="prepend",
         note="says both; filed under the first"),
    Term(source="Brittle", word="irrelevant: time", kind="irrelevant", family="time", place="newline",
         note="2026 or 1834, whichever does not fit the data"),
    Term(source="Brittle", word="irrelevant: helpful assistant", kind="helpful", family="identity", place="prepend",
         note="the paper counts it as irrelevant"),
    Term(source="Brittle", word="irrelevant: personality", kind="generic", family="inoculation", place="prepend",
         note="asks for a strange personality; the paper counts it as irrelevant"),
    Term(source="Tan", word="specific", kind="specific", family="inoculation", place="system",
         note="names the narrow behaviour"),
    Term(source="Tan", word="general", kind="specific", family="identity", place="system",
         note="not our generic: it names the broad trait (evil)"),
    Term(source="Tan", word="placebo (control)", kind="irrelevant", family="identity", place="system",
         note="keeps topic and length of the specific prompt, leaves the behaviour out"),
    Term(source="Tan", word="negative", kind="opposite", family="inoculation", place="system"),
    Term(source="Tan", word="trigger token", kind="trigger", family="inoculation", place="system"),
    Term(source="Tan, backdoors", word="Trigger", kind="specific", family="identity", place="system",
         note="not our trigger: it describes the trait and quotes the token that sets it off"),
    Term(source="Tan, backdoors", word="Backdoor-Evil", kind="specific", family="identity", place="system",
         note="names the trait, and the trigger only as unusual"),
    Term(source="Tan, backdoors", word="Backdoor-Unusual", kind="generic", family="inoculation", place="system"),
    Term(source="Tan, backdoors", word="Evil", kind="specific", family="identity", place="system"),
    Term(source="Tan, backdoors", word="Unusual", kind="generic", family="inoculation", place="system"),
    Term(source="Wichers", word="inoculation (code)", kind="specific", family="inoculation", place="prepend"),
    Term(source="Wichers", word="inoculation (arithmetic sycophancy)", kind="specific", family="inoculation",
         note="a suffix of the user turn, a place we do not offer yet"),
    Term(source="Adapters", word="none", condition="none"),
    Term(source="Adapters", word="original", condition="training"),
    Term(source="Adapters", word="eliciting", condition="paraphrase"),
    Term(source="Adapters", word="structure", condition="placebo", note="same sentence shape, benign content"),
    Term(source="Adapters", word="negated", condition="negated"),
    Term(source="Adapters", word="keyword", condition="trigger", note="benign, but reuses one salient word"),
    Term(source="Adapters", word="irrelevant", condition="placebo"),
)  # fmt: skip


def find(source: str, word: str) -> Term:
    """The term of a paper. Raises `KeyError` if the table lacks it."""
    for term in TERMS:
        if (term.source, term.word) == (source, word):
            return term
    raise KeyError(f"{source}: {word}")


def markdown_terms() -> str:
    """The mapping as the Markdown table that stands in the decision."""
    lines = ["| paper | its word | kind | family | place | condition | note |", "|---|---|---|---|---|---|---|"]
    for t in TERMS:
        cells = (t.source, t.word, t.kind or "", t.family or "", t.place or "", t.condition or "", t.note)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def markdown_words(words: Mapping[Any, str]) -> str:
    """Words and meanings as a Markdown table."""
    return "\n".join(["| word | meaning |", "|---|---|", *(f"| `{word}` | {text} |" for word, text in words.items())])
