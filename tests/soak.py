"""How long a test runs: its short form in `make test`, its full counts in `make soak`."""

import os

SOAK = os.environ.get("LAGNIAPPE_SOAK") == "1"


def scale(short: int, long: int) -> int:
    """Return `long` in a soak run, else `short`.

    Mark a test that uses this `@pytest.mark.soak`, so that `make soak` runs it; the fixture of
    the same name does so by itself.
    """
    return long if SOAK else short
