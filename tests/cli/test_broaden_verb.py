"""`isobath broaden` as a person meets it: the plan first, a yes before spending, calm words, errors with a remedy."""

import json

import pytest

from isobath.base.errors import InputError
from isobath.cli.main import app, main
from small_scenario import Doors
from stub_server import StubServer


def run(capsys, *arguments):
    code = app(list(arguments), result_action="return_value")
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A specification with an endpoint that nobody may ask by accident."""
    monkeypatch.chdir(tmp_path)
    with StubServer() as stub:
        text = (
            "scenarios: [honesty]\nbudget: 8\nholdout: none\nchecks: [leakage]\n"
            f'writer: {{url: "{stub.url}", model: stub, price_in: 1, price_out: 2}}\n'
        )
        (tmp_path / "paid.yaml").write_text(text)
        yield stub


def test_rows_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ("broaden", "honesty", "--budget", "60", "--holdout", "bay,sea", "--out", "t.jsonl")
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    words = " ".join(out.split())
    assert "Plan" in out and "honesty 60" in words and "cost nothing" in words
    assert "contested: asked, never scored" in words
    assert "60 training rows from 1 scenario" in words and "0 leaked" in words
    assert (tmp_path / "t.jsonl").read_text().count("\n") == 60
    assert "isobath broaden honesty --budget 60 --holdout bay,sea --out t.jsonl" in (tmp_path / "t.card.md").read_text()
    code, out, _ = run(capsys, *arguments)
    assert code == 0 and "nothing to do" in out


def test_a_dry_run_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "broaden", "honesty", "--budget", "60", "--dry-run")
    assert code == 0 and "test questions" in out and not list(tmp_path.iterdir())
    code, out, _ = run(capsys, "broaden", "honesty", "--budget", "60", "--dry-run", "--json")
    plan = json.loads(out)
    assert plan["rows"] == 60 and plan["calls"] == 0 and plan["scenarios"][0]["name"] == "honesty"


def test_json_is_all_that_is_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _, out, err = run(capsys, "broaden", "honesty", "--budget", "40", "--json")
    made = json.loads(out)
    assert made["finished"] and made["rows"] == 40 and made["leaked"] == 0 and "Plan" in err


def test_nothing_is_spent_without_a_yes(written, capsys):
    with pytest.raises(InputError, match="--yes"):
        run(capsys, "broaden", "paid.yaml", "--out", "t.jsonl")
    out = capsys.readouterr().out
    assert "calls" in out and "$" in out and not written.bodies


@pytest.mark.parametrize(("answer", "spent"), [("n", False), ("", False), ("y", True)])
def test_on_a_terminal_it_asks(written, capsys, monkeypatch, answer, spent):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: answer)
    if spent:
        run(capsys, "broaden", "paid.yaml", "--out", "t.jsonl")
    else:
        with pytest.raises(InputError, match="nothing was spent"):
            run(capsys, "broaden", "paid.yaml", "--out", "t.jsonl")
    assert bool(written.bodies) is spent


def test_yes_spends_and_what_was_not_made_is_said(written, capsys):
    code, out, _ = run(capsys, "broaden", "paid.yaml", "--out", "t.jsonl", "--yes")
    # the stub answers with numbers only
    assert code == 1 and "No row was made" in out and "could not be made" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("honesti",), "did you mean 'honesty'?"),
        (("missing.py",), "does not exist"),
        (("missing.yaml",), "missing.yaml"),
        (("honesty", "--holdout", "see"), "holdout"),
        (("honesty", "--out", "rows.csv"), ".jsonl"),
        (("honesty", "--budget", "0"), "budget"),
        (("honesty", "--workers", "0"), "--workers 0"),
    ],
)
def test_a_mistake_ends_with_2_and_a_remedy(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as found:
        main(["broaden", *arguments])
    assert found.value.code == 2 and said in capsys.readouterr().err


def test_a_new_specification_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "new", "mine", "--from", "broaden")[0] == 0
    code, out, _ = run(capsys, "broaden", "mine.yaml", "--budget", "40", "--dry-run")
    assert code == 0 and "evading_control 20" in " ".join(out.split())
    with pytest.raises(InputError, match="exists"):
        run(capsys, "new", "mine", "--from", "broaden")


HOSTILE = (
    "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\n```\n# Not a heading | [a](javascript:b) & \x1b[31m"
)


def test_hostile_words_stay_words_in_the_card_and_on_the_page(tmp_path):
    from isobath import Broadening

    title = "<b>doors</b> | `x`"

    class Titled(Doors):
        pass

    Titled.title = title
    hostile = Titled(says=HOSTILE)
    made = Broadening(scenarios=(hostile,), budget=20, rounds=0).run(tmp_path / "train.jsonl")
    page = made.paths.page.read_text()
    assert "<script>" not in page and "<img" not in page and "<b>doors" not in page
    assert "&lt;script&gt;alert(1)" in page and "default-src 'none'" in page
    card = made.paths.card.read_text()
    outside, fence = [], None
    for line in card.splitlines():
        if fence is None and line.startswith("```"):
            fence = line.removesuffix("text")
        elif line == fence:
            fence = None
        elif fence is None:
            outside.append(line)
    text = "\n".join(outside)
    assert fence is None and "script" not in text and "Not a heading" not in text
    assert r"\<b\>doors\</b\> \| \`x\`" in text
