"""Tables of transfer triples from outside: recognised, checked, and never misread in silence."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isobath.analysis.transfer import differential_elicitation, transfer_frame
from isobath.base.errors import InputError
from isobath.base.transfer_row import COLUMNS, GENIES, SHARES
from isobath.gpe.transfer_table import read_transfer

HEADER = (
    "source,target,target_reference,generalization_accuracy,baseline_accuracy,baseline_intervention,"
    "target_tuned_capability,target_tuned_capability_intervention,source_ID_accuracy,RMS_calibration_error,"
    "differential_elicitation"
)
"""The columns of GENIES' published results."""

PLAIN = "model,intervention,source,target,generalisation_accuracy,baseline_accuracy,target_tuned_capability"


def line(source="easy", target="hard", reference="hard", gen=0.75, base=0.5, ttc=0.8, rms="0.2", stated=None):
    stated = repr(differential_elicitation(gen, base, ttc)) if stated is None else stated
    return f"{source},{target},{reference},{gen!r},{base!r},zero_shot,{ttc!r},classify_lora,0.9,{rms},{stated}"


def genies(folder: Path, *lines: str, model="llama-30b", intervention="mms") -> Path:
    path = folder / model / intervention / "GENIES.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def plain(folder: Path, *lines: str, header=PLAIN) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def refusal(path: Path, **how) -> InputError:
    with pytest.raises(InputError) as caught:
        read_transfer([path], **how)
    assert caught.value.rule and caught.value.remedy
    return caught.value


def test_the_published_layout_is_read_with_names_from_its_folders(tmp_path):
    table = read_transfer([genies(tmp_path, line(), line(target="quotes", reference="facts"))])
    first, second = table.records
    assert (first["model"], first["intervention"]) == ("llama-30b", "mms")
    assert (first["generalisation_accuracy"], first["baseline_accuracy"], first["source_accuracy"]) == (0.75, 0.5, 0.9)
    assert first["chance"] == 0.5 and first["items"] is None and first["baseline_intervention"] == "zero_shot"
    assert second["target_reference"] == "facts" and second["place"].endswith("GENIES.csv:3")
    assert first["calibration"] == GENIES
    said = " ".join(table.notes)
    assert "model llama-30b, from the folder's name" in said and "mean of all labels" in said


def test_what_is_told_outranks_the_folders_and_items_are_those_told(tmp_path):
    (record,) = read_transfer([genies(tmp_path, line())], model="big", intervention="shift", items=750).records
    assert (record["model"], record["intervention"]) == ("big", "shift")
    assert (record["items"], record["reference_items"], record["source_items"]) == (750, 750, 750)


@pytest.mark.parametrize("stated", ["0.5", "many"])
def test_a_stated_elicitation_that_the_formula_does_not_give_is_told_and_not_used(tmp_path, stated):
    table = read_transfer([genies(tmp_path, line(), line(target="other", stated=stated))])
    (note,) = [n for n in table.notes if "differential_elicitation" in n]
    assert "1 of 2 rows" in note and "GENIES.csv:3" in note
    assert "elicitation" not in table.records[0]
    assert not [n for n in read_transfer([genies(tmp_path, line())]).notes if "differential_elicitation" in n]


def test_rows_that_repeat_count_once_as_in_the_published_tables(tmp_path):
    table = read_transfer([genies(tmp_path, line(), line(target="other"), line())])
    assert len(table.records) == 2
    assert any("1 rows repeat another" in n and "GENIES.csv:4" in n for n in table.notes)


def test_two_rows_of_one_name_with_other_numbers_are_refused_with_both_places(tmp_path):
    error = refusal(genies(tmp_path, line(), line(gen=0.76)))
    assert error.place.endswith("GENIES.csv:3") and "GENIES.csv:2" in error.what and "seed" in error.remedy


def test_missing_cells_are_no_numbers_and_never_zero(tmp_path):
    path = plain(tmp_path, "m,tuning,a,b,0.5,,0.9", "m,ccs,a,b,NaN,0.4,n/a")
    table = read_transfer([path])
    assert [r["baseline_accuracy"] for r in table.records] == [None, 0.4]
    assert table.records[1]["generalisation_accuracy"] is None
    assert table.records[0]["target_reference"] == "b", "without a column the target is its own reference"
    assert table.records[0]["chance"] is None
    assert sum("never 0" in n for n in table.notes) == 3
    assert transfer_frame(table.records)["baseline_accuracy"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("cells", "what", "remedy"),
    [
        ("m,t,a,b,57.4,0.5,0.9", "'57.4'", "divide percentages"),
        ("m,t,a,b,-0.1,0.5,0.9", "'-0.1'", "correct it"),
        ("m,t,a,b,57 %,0.5,0.9", "'57 %'", "correct it"),
        ("m,t,a,b,inf,0.5,0.9", "'inf'", "correct it"),
        (",t,a,b,0.5,0.5,0.9", "no model", "fill the column"),
        ("m,t,,b,0.5,0.5,0.9", "no source", "fill the column"),
        ("m,t,a,b,0.5,0.5", "6 fields, the header 7", "quotes"),
        ('m,t,"a,b,0.5,0.5,0.9', "never closes", "close it"),
    ],
)
def test_malformed_rows_are_refused_with_file_and_line(tmp_path, cells, what, remedy):
    error = refusal(plain(tmp_path, "m,t,a,c,0.5,0.5,0.9", cells))
    assert error.place.endswith("table.csv:3") and what in error.what and remedy in error.remedy


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (PLAIN.encode() + b"\n", "a header and no rows"),
        (b"source,target\na,b\n", "no column for generalisation_accuracy, baseline_accuracy"),
        (f"{PLAIN},eval_accuracy\nm,t,a,b,1,1,1,1\n".encode(), "both mean generalisation_accuracy"),
        (f"{PLAIN},source\nm,t,a,b,1,1,1,a\n".encode(), "the column 'source' stands twice"),
        (PLAIN.encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08", "gzip"),
        (f"{PLAIN}\nm,t,caf\xe9,b,1,1,1\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_files_that_are_no_such_table_are_refused(tmp_path, content, what):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert what in refusal(path).what and refusal(path).place.startswith(str(path))


def test_a_table_without_names_and_without_folders_asks_for_them(tmp_path, monkeypatch):
    path = plain(tmp_path, "a,b,0.5,0.4,0.9", header=PLAIN.removeprefix("model,intervention,"))
    assert "which model" in refusal(path).what
    assert read_transfer([path], model="m", intervention="t").records[0]["model"] == "m"
    monkeypatch.chdir(genies(tmp_path, line()).parent)
    assert "which model" in refusal(Path("GENIES.csv")).what


def test_no_file_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError):
        read_transfer([])
    assert "cannot read" in refusal(tmp_path / "none.csv").what


SHARE = st.none() | st.floats(0, 1)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "base": st.none() | st.sampled_from(["b0", "b,1", 'b"2']),
            "seed": st.none() | st.integers(0, 9),
            "category": st.none() | st.text("xyz ,;\n", min_size=1).map(str.strip).filter(bool),
            "items": st.none() | st.integers(1, 999),
            **dict.fromkeys(SHARES[:-1], SHARE),
            "chance": st.sampled_from([None, 0.25, 0.5]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_our_own_frame_comes_back_from_csv_to_the_last_digit(tmp_path, rows):
    names = {"model": "m", "intervention": "t", "source": "a"}
    frame = transfer_frame([{**names, "target": f"t{i}", "target_reference": f"t{i}", **r} for i, r in enumerate(rows)])
    path = tmp_path / "ours.csv"
    frame.to_csv(path, index=False)
    again = transfer_frame(read_transfer([path]).records)
    kept = [c for c in COLUMNS if c != "place"]
    pd.testing.assert_frame_equal(again[kept], frame[kept], check_exact=True)


def test_a_table_of_measures_is_read_past_what_follows_from_the_rest(tmp_path):
    path = plain(tmp_path, "m,t,a,b,0.75,0.5,0.8,0.05,0.3125", header=f"{PLAIN},gap,elicitation")
    table = read_transfer([path])
    assert "gap" not in table.records[0] and not table.notes
