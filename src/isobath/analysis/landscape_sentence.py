"""A landscape in plain English: every word follows from a number."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from isobath.analysis.region_rates import NEARNESS, REGIONS
from isobath.analysis.sentence import REPLICATES, detectable_words, in_region, percent, points
from isobath.analysis.verdict import FEWEST_REPLICATES

if TYPE_CHECKING:
    from isobath.analysis.landscape import Landscape

Record = Mapping[Hashable, Any]


def landscape_sentences(found: Landscape) -> list[str]:
    """Per trait: each arm from the island to the furthest region, its slope, the order of its regions, what is lost;
    then each arm against the reference in the furthest region. What could not be told apart, or measured, is said."""
    out = []
    for gpe, trait, condition in found.names:
        where = {"gpe": gpe, "trait": trait, "condition": condition}
        several = len({name[:1] for name in found.names}) > 1
        head = f"{_words(gpe)}: " if several else ""
        head += "" if condition == "none" else f"Asked under condition '{condition}': "
        for arm in dict.fromkeys(_of(found.regions, where)["arm"]):
            out.append(f"{head}{' '.join(s for s in _arm_sentences(found, where, str(arm)) if s)}")
        out += [f"{head}{s}" for s in _against(found, where)]
    return out


def fall_sentence(contrast: Record, inner: Record, outer: Record, few: str = "") -> str:
    """One arm from an inner region to an outer one: falls, rises, or is not told apart.

    `few` says that the replicates carry no claim; then no direction is claimed.
    """
    arm, trait = _words(contrast["arm"]), _capital(_words(contrast["trait"]))
    here, there = in_region(str(contrast["reference"])), in_region(str(contrast["region"]))
    span = _span(contrast)
    if not contrast["measurable"]:
        return f"{trait} cannot be compared in the {arm} arm: too many answers have no value {here} or {there}."
    rates = f"{rate_words(inner)} {here}", f"{rate_words(outer)} {there}"
    if not _known(contrast["low"]):
        return f"{trait} is {rates[0]} and {rates[1]} in the {arm} arm; a single replicate gives no interval."
    if contrast["told_apart"]:
        verb = "falls" if contrast["difference"] < 0 else "rises"
        return f"{trait} {verb} from {rates[0]} to {rates[1]} in the {arm} arm: a difference of {span}."
    if few:
        return f"{trait} is {rates[0]} and {rates[1]} in the {arm} arm: a difference of {span}.{few}"
    return (
        f"{trait} is not clearly different between {rates[0]} and {rates[1]} in the {arm} arm: a difference of "
        f"{span}.{_null(contrast)}"
    )


def rate_words(record: Record) -> str:
    """A rate with its interval: ``98% [96% to 99%]``."""
    if not _known(record["mean"]):
        return "not measurable"
    interval = "" if not _known(record["low"]) else f" [{percent(record['low'])} to {percent(record['high'])}]"
    return f"{percent(record['mean'])}{interval}"


def _arm_sentences(found: Landscape, where: Mapping[str, str], arm: str) -> list[str]:
    regions = {str(r["region"]): r for r in _of(found.regions, where, arm=arm).to_dict("records")}
    home = next((r for r in (REGIONS[0], NEARNESS[0]) if r in regions), "")
    measured = [r for r, record in regions.items() if record["rows"] and record["state"] != "contested"]
    if home not in measured and home in regions and regions[home]["rows"]:
        trait, place = _capital(_words(where["trait"])), in_region(home)
        return [f"{trait} has no value {place} in the {_words(arm)} arm: no scenario there has an agreed decision."]
    if home not in measured:
        return [f"{_capital(_words(where['trait']))} was not asked {in_region(home)} in the {_words(arm)} arm."]
    far = measured[-1]
    pair = _of(found.contrasts, where, arm=arm, region=far, reference=home)
    if far == home or pair.empty:
        return [
            f"{_capital(_words(where['trait']))} is {rate_words(regions[home])} {in_region(home)} in the {_words(arm)} "
            "arm; nothing further out has a value."
        ]
    record = pair.to_dict("records")[0]
    few = _few(found, record)
    said = [fall_sentence(record, regions[home], regions[far], few)]
    if few or not _known(record["low"]):
        return said  # what cannot carry a claim has no order or slope to speak of
    return [*said, _order(found, where, arm), _trend(found, where, arm), _lost(found, where, arm, far)]


def _few(found: Landscape, record: Record) -> str:
    count, (one, many) = int(record["replicates"]), REPLICATES[found.claim]
    if count >= FEWEST_REPLICATES or record["over"] == "questions":
        return ""
    return f" {count} {one if count == 1 else many} cannot carry a claim: it takes {FEWEST_REPLICATES}."


def _order(found: Landscape, where: Mapping[str, str], arm: str) -> str:
    order = next((o for o in found.orders if o.arm == arm and {**where}.items() <= _fields(o).items()), None)
    if order is None or len(order.regions) < 3:
        return ""
    chain = " ≥ ".join(order.regions)
    pairs = ", ".join(f"{a} and {b}" for a, b in order.open)
    if order.verdict == "ordered":
        return f"The regions are in the expected order ({chain})."
    if order.verdict == "contradicted":
        wrong = ", ".join(f"{in_region(b)} than {in_region(a)}" for a, b in order.rises)
        return f"The expected order ({chain}) does not hold: the rate is higher {wrong}."
    if order.verdict == "flat":
        return f"No two of the {len(order.regions)} regions can be told apart."
    return f"Nothing contradicts the expected order ({chain}), but these cannot be told apart: {pairs}."


def _trend(found: Landscape, where: Mapping[str, str], arm: str) -> str:
    part = _of(found.trends, where, arm=arm, along="d")
    if part.empty or part["low"].isna().any() or not part["measurable"].all():
        return ""
    record = part.to_dict("records")[0]
    verb = "no clear slope" if not record["told_apart"] else "a fall" if record["slope"] < 0 else "a rise"
    span = _span({**record, "difference": record["slope"]})
    counted = "" if record["told_apart"] else _null({**record, "detectable": None})
    return f"Per unit of distance: {verb}, {span}.{counted}"


def _lost(found: Landscape, where: Mapping[str, str], arm: str, region: str) -> str:
    part = _of(found.gaps, where, arm=arm, region=region)
    if part.empty:
        return ""
    record = part.to_dict("records")[0]
    if record["state"] == "undefined":
        return (
            f"Its rate at home is not above chance ({percent(record['chance'])}) by twice its standard error, so there "
            "is nothing to lose and no gap index."
        )
    if record["state"] not in ("measured", "few replicates"):
        return ""
    share = f"{_share(record['index'])} [{_share(record['low'])} to {_share(record['high'])}]"
    return f"Of what it has above chance at home, {share} is lost {in_region(region)}."


def _against(found: Landscape, where: Mapping[str, str]) -> list[str]:
    """Each arm against the reference in the furthest region that both were asked in."""
    part, out = _of(found.against, where), []
    for arm in dict.fromkeys(part["arm"]):
        record = part[part["arm"] == arm].to_dict("records")[-1]
        region, reference = str(record["region"]), str(record["reference"])
        rates = [_of(found.regions, where, arm=str(a), region=region).to_dict("records")[0] for a in (arm, reference)]
        told = (
            f"{rate_words(rates[0])} in the {_words(arm)} arm and {rate_words(rates[1])} in the {_words(reference)} arm"
        )
        trait, place = _words(where["trait"]), _capital(in_region(region))
        if not record["measurable"] or not _known(record["low"]):
            out.append(f"{place}, {trait} is {told}; no interval can be given for the difference.")
            continue
        few = _few(found, record)
        if few:
            out.append(f"{place}, {trait} is {told}, a difference of {_span(record)}.{few}")
            continue
        verb = "differs clearly" if record["told_apart"] else "does not differ clearly"
        tail = "" if record["told_apart"] else _null(record)
        out.append(f"{place}, {trait} {verb}: {told}, a difference of {_span(record)}.{tail}")
    return out


def _null(record: Record) -> str:
    """What stands behind a difference that is not clear: how many comparisons were made, or what could be seen."""
    if record["low"] > 0 or record["high"] < 0:
        p = f"{record['p_adjusted']:.2g}"
        return f" Its interval excludes no difference, but not once all comparisons are counted (adjusted p {p})."
    if not _known(record["detectable"]):
        return ""
    return f" {detectable_words(record['detectable'])}"


def _of(frame: pd.DataFrame, where: Mapping[str, str], **more: str) -> pd.DataFrame:
    if frame.empty:
        return frame
    mask = pd.Series(True, index=frame.index)
    for column, value in {**where, **more}.items():
        mask &= frame[column] == value
    return frame[mask]


def _fields(order: Any) -> dict[str, str]:
    return {"gpe": order.gpe, "trait": order.trait, "condition": order.condition}


def _span(record: Record) -> str:
    low, high = points(record["low"]).removesuffix(" points"), points(record["high"])
    return f"{points(record['difference'])} [{low} to {high}]"


def _known(value: Any) -> bool:
    return value is not None and not math.isnan(float(value))


def _share(value: float) -> str:
    return f"{100 * value:.0f}%"


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
