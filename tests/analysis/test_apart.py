"""Two regions of one arm: paired by base, with the questions of either side drawn on their own; held to truth."""

import math

import numpy as np
import pytest
from scipy import special, stats

from isobath.analysis.answer import answer
from isobath.analysis.apart import apart, apart_moments, unpaired_moments
from isobath.analysis.contrasts import contrast
from isobath.analysis.question import Question, Verdict
from isobath.analysis.replicates import replicate_means, side
from isobath.base.identity import fingerprint
from isobath.base.logit_normal import logit_normal_mean
from isobath.base.row import Claim
from made_landscape import Fork, made_landscape

STUDIES, SEED = 2000, 11
TOLERANCE = 2.58  # standard errors: a true value at the edge is refused once in two hundred


def inside(share, low, high, studies=STUDIES):
    slack = TOLERANCE * math.sqrt(0.05 * 0.95 / studies)
    return low - slack <= share <= high + slack


def drawn(near, far, bases=5, asked=(24, 40), base_region_sd=0.3, question_sd=1.0, samples=2, studies=STUDIES):
    """Values of the same bases in two regions (S, R, Q each), and the true difference of the regions' rates."""
    stream = np.random.default_rng(SEED)
    base, sides, rates = stream.normal(0, 0.6, (studies, bases, 1)), [], []
    for centre, count in zip((far, near), asked, strict=True):
        own = stream.normal(0, base_region_sd, (studies, bases, 1)) + stream.normal(0, question_sd, (studies, 1, count))
        p = special.expit(centre + base + own)
        sides.append(stream.binomial(samples, p) / samples if samples else p)
        rates.append(logit_normal_mean(centre, math.sqrt(0.36 + base_region_sd**2 + question_sd**2)))
    return sides[0], sides[1], rates[0] - rates[1]


def coverage(made, truth):
    half = stats.t.ppf(0.975, made.df) * made.se
    return float(np.mean(np.abs(made.mean - truth) <= half))


@pytest.mark.parametrize("bases", [5, 10])
@pytest.mark.parametrize(("near", "far"), [(0.5, 0.5), (2.0, 0.0), (1.0, -1.0)])
@pytest.mark.parametrize("samples", [0, 2])
def test_the_difference_of_two_regions_covers_the_truth(bases, near, far, samples):
    a, b, truth = drawn(near, far, bases, samples=samples)
    assert inside(coverage(apart_moments(a, b), truth), 0.93, 0.98)


@pytest.mark.parametrize(("base_region_sd", "question_sd"), [(0.0, 1.0), (0.6, 0.3), (0.3, 2.0)])
def test_a_true_null_between_regions_is_rejected_one_time_in_twenty(base_region_sd, question_sd):
    a, b, truth = drawn(0.0, 0.0, base_region_sd=base_region_sd, question_sd=question_sd)
    assert truth == 0
    assert inside(1 - coverage(apart_moments(a, b), 0), 0.02, 0.07)


def test_bases_alone_as_error_reject_true_nulls_too_often():
    """Why the questions of both regions have to be counted: few bases alike, many questions that differ."""
    a, b, _ = drawn(0.0, 0.0, base_region_sd=0.1, studies=500)
    assert 1 - coverage(apart_moments(a, b, over="replicates"), 0) > 0.12


def test_pairing_takes_out_what_makes_a_base_high_or_low():
    a, b, _ = drawn(0.5, 0.0, studies=200)
    assert np.median(apart_moments(a, b).se / unpaired_moments(a, b).se) < 0.8


def test_the_same_value_of_every_question_leaves_the_bases_differences():
    """Without spread between questions the comparison is the paired t test of the bases' rates."""
    near, far = np.array([0.9, 0.8, 0.95, 0.85, 0.9]), np.array([0.5, 0.3, 0.7, 0.4, 0.5])
    made = apart_moments(np.repeat(far[:, None], 6, axis=1), np.repeat(near[:, None], 9, axis=1))
    test = stats.ttest_rel(far, near)
    assert made.mean / made.se == pytest.approx(test.statistic)
    assert made.df == pytest.approx(4)


def test_one_base_is_two_samples_of_questions():
    stream = np.random.default_rng(SEED)
    far, near = stream.random((1, 12)), stream.random((1, 20))
    made = apart_moments(far, near, over="questions")
    test = stats.ttest_ind(far[0], near[0], equal_var=False)
    assert made.mean / made.se == pytest.approx(test.statistic)
    assert made.df == pytest.approx(test.df)


def sides_of(frame, *regions, claim=Claim.THIS_RECIPE, arm="plain"):
    means = replicate_means(frame, claim)
    return [side(means[(means["arm"] == arm) & (means["region"] == r)]) for r in regions]


def test_one_replicate_has_a_difference_and_no_interval():
    far, near = sides_of(made_landscape(bases=1), "sea", "island")
    made = apart(far, near)
    assert made.mean < -0.3 and made.spread is None and made.replicates == 1
    assert apart(far, near, "questions").spread.over == "questions"


def test_bases_that_only_one_side_has_are_left_out_and_counted():
    frame = made_landscape()
    frame = frame[~((frame["base"] == "forks-4") & (frame["region"] == "sea"))]
    made = apart(*sides_of(frame, "sea", "island"))
    assert made.replicates == 4 and made.paired and made.dropped == 8
    none = frame[(frame["base"] < "forks-2") == (frame["region"] == "sea")]
    made = apart(*sides_of(none, "sea", "island"))
    assert not made.paired and made.spread is not None


def test_a_model_without_runs_is_the_partner_of_every_run():
    frame = made_landscape(seeds=3)
    (far,) = sides_of(frame, "sea", claim=Claim.THIS_MODEL)
    (near,) = sides_of(frame, "island", claim=Claim.THIS_MODEL, arm="untrained")
    made = apart(far, near)
    assert made.paired and made.replicates == 3 and made.mean == pytest.approx(-apart(near, far).mean)
    (there,) = sides_of(frame, "sea", claim=Claim.THIS_MODEL, arm="untrained")
    assert apart(there, near).spread.over == "questions"


def test_a_side_without_any_value_cannot_be_compared():
    frame = made_landscape()
    frame["state"] = frame["state"].mask(frame["region"] == "sea", "not_applicable")
    frame["value"] = frame["value"].mask(frame["region"] == "sea")
    assert apart(*sides_of(frame, "sea", "island")) is None


def question(**fields):
    fields = {"contrast": ("plain", "plain"), "region": "sea", "reference_region": "island", **fields}
    return Question(text="Is it lower at sea?", trait="right_decision", expect="lower", **fields)


def test_a_fall_from_island_to_sea_is_found_and_told():
    (found,) = answer([question()], made_landscape())
    assert found.verdict is Verdict.YES and found.paired and (found.n_replicates, found.n_questions) == (5, 8)
    assert found.low < found.estimate < found.high < 0
    assert "in plain at sea" in found.sentence and "in plain on the island" in found.sentence
    assert found.treatment.region == "sea" and found.reference.region == "island"


def test_no_fall_is_no_yes():
    flat = (Fork("plain", "plain", 1.0, 0.0),)
    (found,) = answer([question()], made_landscape(forks=flat))
    assert found.verdict in (Verdict.NO, Verdict.TOO_UNCERTAIN) and "at sea" in found.sentence


def test_two_arms_in_two_regions():
    (found,) = answer([question(contrast=("broad_relevant", "plain"))], made_landscape())
    assert found.treatment.arm == "broad_relevant" and found.reference.region == "island" and found.paired


def test_two_arms_in_one_region_are_paired_by_question_as_before():
    frame = made_landscape()
    (found,) = answer([question(contrast=("plain", "broad_relevant"), reference_region=None)], frame)
    means = replicate_means(frame, Claim.THIS_RECIPE)
    a, b = (side(means[(means["arm"] == n) & (means["region"] == "sea")]) for n in ("plain", "broad_relevant"))
    assert found.estimate == pytest.approx(contrast(a, b).mean)
    assert found.verdict is Verdict.YES and "right decision at sea is" in found.sentence


def test_a_region_without_rows_or_values_is_not_measurable():
    frame = made_landscape()
    (found,) = answer([question()], frame[frame["region"] != "island"])
    assert found.verdict is Verdict.NOT_MEASURABLE and "'island'" in found.reason
    gone = frame.assign(value=frame["value"].mask(frame["region"] == "sea"))
    gone["state"] = gone["state"].mask(gone["region"] == "sea", "not_applicable")
    (found,) = answer([question()], gone)
    assert found.verdict is Verdict.NOT_MEASURABLE


def test_too_much_missing_in_one_region_says_where():
    frame = made_landscape()
    some = (frame["region"] == "sea") & (frame["base"] < "forks-2")
    frame["state"] = frame["state"].mask(some & (frame["state"] == "ok"), "parse_error")
    frame["value"] = frame["value"].mask(some)
    (found,) = answer([question()], frame)
    assert found.verdict is Verdict.NOT_MEASURABLE and "at sea" in found.reason


@pytest.mark.parametrize(
    "fields",
    [
        {"reference_region": None, "region": None},
        {"reference_region": "sea"},
        {"region": None, "reference_region": "island", "contrast": ("plain", "control")},
        {"reference_region": None},
    ],
)
def test_a_question_needs_two_sides(fields):
    with pytest.raises(ValueError, match=r"both sides are|reference_region"):
        question(**fields)


def test_a_question_without_a_second_region_is_the_question_it_was():
    """The new field leaves itself out: stored studies keep their identity."""
    asked = question(reference_region=None, contrast=("plain", "control"))
    assert "reference_region" not in asked.model_dump()
    assert fingerprint(asked) != fingerprint(question(contrast=("plain", "control")))
