"""Rules and fixtures that every test shares."""

import os
from collections.abc import Callable, Iterator

import hypothesis
import pytest
import structlog

from tests import soak

pytest_plugins = ["tests.databases"]

# A short run is the same run every time; a soak goes looking for new cases.
hypothesis.settings.register_profile(
    "lagniappe",
    deadline=None,
    derandomize=not soak.SOAK,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("lagniappe")

# A developer's own settings must not decide how a test ends.
for name in [name for name in os.environ if name.startswith("LAGNIAPPE_")]:
    if name != "LAGNIAPPE_SOAK":
        del os.environ[name]


_LOGGING = structlog.get_config()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command may log to its own standard error, which is closed when its test has ended."""
    yield
    structlog.configure(**_LOGGING)


@pytest.fixture
def scale() -> Callable[[int, int], int]:
    """`scale(short, long)`: the count for this run, see `tests.soak.scale`."""
    return soak.scale


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are processors: a third of the time goes into waiting for daemons."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for `scale` as one with a long form."""
    for item in items:
        if "scale" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.soak)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped anything: a skipped test guards nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why such a run failed."""
    if skipped := terminalreporter.stats.get("skipped"):
        terminalreporter.write_line(f"{len(skipped)} skipped: no test may be skipped", red=True)
