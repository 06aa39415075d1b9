"""The chart bundle is made once per machine, and nothing that goes wrong with the copy goes wrong with a report."""

from __future__ import annotations

import pytest

from isobath.report.bundle import cache_folder, chart_script

MADE = "window.vegaEmbed=1;"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path) -> list[int]:
    """Counts how often the bundle is really made; the cache is a fresh folder."""
    calls: list[int] = []

    def bundle() -> str:
        calls.append(1)
        return MADE

    monkeypatch.setattr("vl_convert.javascript_bundle", bundle)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return calls


def fresh() -> str:
    return chart_script.__wrapped__()


def test_made_once_then_read(made):
    assert [fresh(), fresh()] == [MADE, MADE]
    assert len(made) == 1
    assert [p.suffix for p in cache_folder().iterdir()] == [".js"]


@pytest.mark.parametrize("broken", [b"", b"half of a bun", b"\xff\xfe\x00"])
def test_a_broken_copy_is_made_anew(made, broken):
    fresh()
    kept = next(cache_folder().iterdir())
    kept.write_bytes(broken)
    assert fresh() == MADE and kept.read_text() == MADE


def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(made, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert [fresh(), fresh()] == [MADE, MADE]
    assert len(made) == 2
