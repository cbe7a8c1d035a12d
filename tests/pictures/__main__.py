"""``make pictures``: the library's emails and the public pages, and the page that shows them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.pictures.album import album
from tests.pictures.browser import DESKTOP, PHONE, camera
from tests.pictures.mails import ROOT, mails
from tests.pictures.pages import pages

PICTURES = ROOT / "docs" / "pictures"
ALBUM = ROOT / "docs" / "explanation" / "the-library-in-pictures.md"
_GERMAN = ("thank_you", "satisfaction_ask", "review_request", "delivery_delayed")


def main() -> int:
    """Take every picture anew, or those asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--only", metavar="NAME", default="", help="pictures that begin so")
    told = parser.parse_args()
    english = list(mails())
    german = [mail for mail in mails("de") if mail.name.removesuffix(".de") in _GERMAN]
    with tempfile.TemporaryDirectory() as workspace:
        public = list(pages(Path(workspace)))
    wanted = {f"{mail.name}-phone": (mail.html, PHONE) for mail in (*english, *german)}
    wanted |= {f"{mail.name}-desktop": (mail.html, DESKTOP) for mail in english}
    wanted |= {page.name: (page.html, PHONE) for page in public}
    for path in PICTURES.glob("*.webp"):
        if path.stem not in wanted:
            path.unlink()
    with camera() as lens:
        for name, (html, width) in wanted.items():
            if name.startswith(told.only):
                lens.take(html, width, PICTURES / f"{name}.webp")
    ALBUM.write_text(album(english, german, public), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
