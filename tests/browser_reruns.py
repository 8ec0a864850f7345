"""Tests that drive a browser may be tried again, and a run may do so only a few times.

A browser on a busy machine misses a click now and then. What fails three times over is a fault of
ours, and so is a suite in which many tests need a second try: above the budget the run fails and
names them. Reruns are counted where their reports arrive, which is the one controlling process also
when workers run the tests.
"""

from __future__ import annotations

from collections import Counter

import pytest

RERUNS_PER_TEST = 2
BUDGET = 4
"""Reruns of one run, over all tests: one in sixteen of the browser tests."""

_RERUNS = pytest.StashKey[Counter[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that drive a browser be tried again."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=RERUNS_PER_TEST))


def pytest_configure(config: pytest.Config) -> None:
    """Count from zero."""
    config.stash[_RERUNS] = Counter()
    config.pluginmanager.register(_Count(config.stash[_RERUNS]))


class _Count:
    def __init__(self, reruns: Counter[str]) -> None:
        self._reruns = reruns

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if str(report.outcome) == "rerun":
            self._reruns[report.nodeid] += 1


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run that needed more reruns than its budget."""
    if session.config.stash[_RERUNS].total() > BUDGET and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the tests that used the budget up."""
    reruns = config.stash[_RERUNS]
    if reruns.total() <= BUDGET:
        return
    terminalreporter.section("too many reruns", red=True)
    terminalreporter.line(
        f"{reruns.total()} reruns; one run may need {BUDGET}. Make these tests wait for what they"
        " need, or find what makes the page slow:"
    )
    for test, n in reruns.most_common():
        terminalreporter.line(f"  {n} x {test}")
