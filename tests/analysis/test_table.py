"""What a rows frame must be, and what is said when it is not."""

import pandas as pd
import pytest

from isobath.analysis.table import frame_of, read_rows, validate
from isobath.base.errors import InputError
from isobath.base.row import COLUMNS, REQUIRED

ROW = {
    "run": "r",
    "arm": "plain",
    "trait": "t",
    "trait_kind": "unwanted",
    "question": "q",
    "condition": "none",
    "score": "s@1",
    "value": 0.25,
    "state": "ok",
}


def test_records_become_a_frame_with_the_types_of_the_row():
    frame = frame_of([ROW, {**ROW, "value": None, "state": "refused", "seed": 3}])
    assert {c: str(t) for c, t in frame.dtypes.items()} == COLUMNS
    assert list(frame.columns) == list(COLUMNS)
    assert frame["value"].isna().tolist() == [False, True]
    assert frame["seed"].iloc[1] == 3


def test_no_records_are_an_empty_frame_with_all_columns():
    frame = frame_of([])
    assert len(frame) == 0
    assert list(frame.columns) == list(COLUMNS)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_unit_interval_are_values(value):
    assert frame_of([{**ROW, "value": value}])["value"].iloc[0] == value


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vale": 1.0}, "unknown column vale"),
        ({"value": 1.5}, "1.5"),
        ({"value": -0.01}, "-0.01"),
        ({"value": None}, "is ok but has no value"),
        ({"state": "refused"}, "has a value but is not ok"),
        ({"state": "fine", "value": None}, "'fine'"),
        ({"trait_kind": "evil"}, "'evil'"),
        ({"value": "much"}, "value holds something else"),
        ({"seed": "one"}, "seed holds something else"),
        ({"weight": 0.0}, "weight 0.0"),
        *[({column: None}, f"{column} is null in row 1") for column in REQUIRED],
    ],
)
def test_a_bad_row_is_named_with_rule_and_remedy(change, says):
    with pytest.raises(InputError) as error:
        frame_of([ROW, {**ROW, **change}])
    assert says in str(error.value)
    assert error.value.rule and error.value.remedy


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="missing column levels"):
        validate(frame_of([ROW]).drop(columns="levels"))


def test_rows_come_back_from_a_file_as_they_were(tmp_path):
    frame = frame_of([ROW, {**ROW, "value": None, "state": "judge_failed"}])
    frame.to_parquet(tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(read_rows(tmp_path / "rows.parquet"), frame)


@pytest.mark.parametrize("content", [None, b"", b"not parquet at all"])
def test_a_file_that_is_no_rows_file_is_named(tmp_path, content):
    path = tmp_path / "rows.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"rows\.parquet"):
        read_rows(path)
