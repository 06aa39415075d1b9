"""The page in a real browser: charts drawn, nothing loaded, no error, readable in both themes."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from isobath.report.page import write_report
from isobath.report.report import Report

CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome", "chrome") if (p := shutil.which(n))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path")

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps", "--hide-scrollbars"),
    *("--virtual-time-budget=20000", "--enable-logging=stderr", "--v=0", "--host-resolver-rules=MAP * ~NOTFOUND"),
)


@dataclass(frozen=True)
class Opened:
    """A page after its scripts ran: its elements, what the browser logged, and the addresses it asked for."""

    elements: str
    log: str
    asked: frozenset[str]


def opened(page: Path, folder: Path) -> Opened:
    assert CHROMIUM is not None
    record = folder / "requests.json"
    own = (f"--user-data-dir={folder / 'profile'}", f"--log-net-log={record}")
    command = [CHROMIUM, *FLAGS, *own, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    urls = re.findall(r'"url":"(\w+://[^"]*)"', record.read_text(errors="replace"))
    return Opened(done.stdout, done.stderr, frozenset(urls))


@pytest.fixture(scope="module")
def dom(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    folder = tmp_path_factory.mktemp("browser")
    return opened(write_report(report, folder / "report.html"), folder)


def test_every_chart_is_drawn_once_per_theme(dom):
    elements = dom.elements
    assert 'data-drawn="6"' in elements
    assert len(re.findall(r"<svg[^>]*class=\"marks\"", elements)) == 6
    assert "could not be drawn" not in re.sub(r"<script.*?</script>", "", elements, flags=re.S)
    assert "not trained" in elements and elements.count(">irrelevant</text>") >= 4


def test_console_is_silent(dom):
    assert not [line for line in dom.log.splitlines() if ":CONSOLE" in line]


def test_nothing_is_asked_of_any_network(dom):
    """What Chromium asks its maker of its own accord is not the page's doing."""
    local = ("file:", "chrome", "data:", "blob:", "about:")
    assert not {u for u in dom.asked if not u.startswith(local) and "google" not in u and "gvt1.com" not in u}
    assert "editor" not in "".join(re.findall(r'href="([^"]*)"', dom.elements))


def test_number_opens_its_responses_and_theme_turns(report, tmp_path):
    """Clicks are made by a script in the page, which its content policy must first be told to allow."""
    page = write_report(report, tmp_path / "report.html")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    probe = """<script>
addEventListener("load", () => {
  document.querySelector(".theme").click(); document.querySelector(".theme").click();
  document.querySelector("button.open").click();
  const box = document.querySelector("dialog");
  const said = [box.open, box.querySelectorAll(".transcript").length, document.documentElement.dataset.theme];
  box.querySelector(".close").click();
  document.body.dataset.probe = [...said, box.open].join();
});
</script><img src="https://example.org/probe.png" alt="">"""
    page.write_text(text.replace("</body>", f"{probe}</body>"))
    made = opened(page, tmp_path)
    assert 'data-probe="true,5,dark,false"' in made.elements, made.log[-2000:]
    assert "https://example.org/probe.png" in made.asked, "the record of requests would not have shown one"


HOSTILE = "<script>document.title = 'pwned'</script><img src=https://example.org/probe.png alt=''><h1>"


def test_policy_stops_scripts_and_requests_that_are_not_ours(report, tmp_path):
    page = write_report(report, tmp_path / "report.html")
    page.write_text(page.read_text().replace("<h1>", HOSTILE, 1))
    made = opened(page, tmp_path)
    assert "<title>pwned" not in made.elements and 'data-drawn="6"' in made.elements
    assert "https://example.org/probe.png" not in made.asked
