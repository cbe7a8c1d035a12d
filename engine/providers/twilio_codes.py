"""What Twilio's error codes say of the number itself, whether they come at once or in a receipt.

https://www.twilio.com/docs/api/errors. Not here, because they say nothing that lasts: 30003 (the
handset was off or out of reach), 30004 (blocked: by the device, the carrier, or a rule of the
country), 30007 (filtered for its content), 30008 (unknown), 21612 and 21408 (no route or permission
from this sender to that country).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.core.receipt import Verdict

_VERDICTS: Final[Mapping[str, Verdict]] = {
    "21610": Verdict.STOPPED,  # the recipient has replied STOP
    "21211": Verdict.DEAD,  # not a valid phone number
    "21614": Verdict.DEAD,  # not a mobile number
    "30005": Verdict.DEAD,  # unknown destination handset
    "30006": Verdict.DEAD,  # landline or unreachable carrier
}


def verdict_of(error_code: str | None) -> Verdict:
    """What an error says of the number; ``NOTHING`` for any other code."""
    return _VERDICTS.get(error_code or "", Verdict.NOTHING)
