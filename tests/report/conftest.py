"""One report for all tests that only read it."""

import pytest
from report_material import made_report

from isobath.report.report import Report


@pytest.fixture(scope="session")
def report() -> Report:
    return made_report()
