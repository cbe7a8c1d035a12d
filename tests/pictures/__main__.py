"""``make pictures``: the library's emails, the public pages, a report, and the emails' album."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from engine.cli.simulate import quiet
from tests.pictures.album import album
from tests.pictures.browser import DESKTOP, PHONE, camera
from tests.pictures.mails import ROOT, mails
from tests.pictures.pages import pages
from tests.pictures.simulated import report_page

PICTURES = ROOT / "docs" / "pictures"
ALBUM = ROOT / "docs" / "explanation" / "the-library-in-pictures.md"
_REPORT = {"desktop": (1040, 965), "phone": (390, 1240)}  # what a report's reader sees first
_GERMAN = ("thank_you", "satisfaction_ask", "review_request", "delivery_delayed")


def main() -> int:
    """Take every picture anew, or those asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--only", metavar="NAME", default="", help="pictures that begin so")
    told = parser.parse_args()
    quiet()
    english = list(mails())
    german = [mail for mail in mails("de") if mail.name.removesuffix(".de") in _GERMAN]
    with tempfile.TemporaryDirectory() as workspace:
        public = list(pages(Path(workspace)))
    report = report_page()
    wanted: dict[str, tuple[str, int, int | None]] = {
        f"{mail.name}-phone": (mail.html, PHONE, None) for mail in (*english, *german)
    }
    wanted |= {f"{mail.name}-desktop": (mail.html, DESKTOP, None) for mail in english}
    wanted |= {page.name: (page.html, PHONE, None) for page in public}
    wanted |= {f"simulation-{name}": (report, *size) for name, size in _REPORT.items()}
    for path in PICTURES.glob("*.webp"):
        if path.stem not in wanted:
            path.unlink()
    with camera() as lens:
        for name, (html, width, most) in wanted.items():
            if name.startswith(told.only):
                lens.take(html, width, PICTURES / f"{name}.webp", most=most)
    ALBUM.write_text(album(english, german, public), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
