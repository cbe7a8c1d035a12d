"""A small workspace whose campaigns do a bit of everything, and files of tests about them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

from engine.rehearsal.run import Report, run_tests
from tests.services.house import STORE, TEMPLATES, TEXTING

POLICY = {
    **STORE,
    "senders": {**TEXTING, "voice": {"from": "+15045550101"}},
    "calls": {"queues": {"support": {
        "hours": "Mon-Fri 09:00-17:00", "retry": {"attempts": 2, "after": "4h"},
    }}},
    "offers": {"thanks": {"value": "10 % off", "kind": "pool", "pool": "summer", "expires": "30d"}},
    "referrals": {"friends": {
        "name": "Bring a friend", "text": "Better in company.",
        "shop_url": "https://shop.example.com/welcome",
        "reward": {"text": "a gift", "points": 100},
        "friend": {"code": "WELCOME10", "text": "$10 off"},
        "min_order": 20, "return_window": "30d",
    }},
    "loyalty": {},
}  # fmt: skip
WORDS = {
    **TEMPLATES,
    "note/body.de.txt": "Guten Tag.\n{{ links.unsubscribe }}\n",
    "note/subject.de.txt": "Fuer {{ customer.first_name }}",
    "note/body.de.html": "<html><body>Guten Tag. {{ links.unsubscribe }}</body></html>",
    "gift/subject.txt": "A thank-you",
    "gift/body.txt": "{{ gift.value }}: {{ gift.code }}\n{{ links.unsubscribe }}\n",
    "gift/body.html": "<html><body>{{ gift.code }} {{ links.unsubscribe }}</body></html>",
    "invite/body.html": '<html><body><a href="{{ referral.url }}">Invite</a>'
    '<a href="{{ links.unsubscribe }}">No more</a></body></html>',
    "invite/subject.txt": "{{ referral.name }}",
    "invite/body.txt": "{{ referral.code }} {{ referral.url }}\n{{ links.unsubscribe }}",
    "recovery/script.txt": "Call {{ customer.first_name }}.",
}
HEAD = "version: 1\nstage: retention\nstatus: live\npurpose: {purpose}\nid: {id}\n"


def campaign(name: str, body: str, purpose: str = "transactional") -> str:
    return HEAD.format(id=name, purpose=purpose) + dedent(body)


CAMPAIGNS = {
    "plain": campaign(
        "plain",
        """\
        trigger: {event: order.delivered, filter: order.total >= 20}
        exit_on: [order.cancelled]
        steps:
          - id: mail
            send_email: note
          - delay: 2d
          - id: again
            if: "!mail.clicked && !mail.opened"
            send_email: note
        """,
    ),
    "everything": campaign(
        "everything",
        """\
        trigger: order.delivered
        entry: {key: order.id, re_entry: never}
        holdout: 10%
        goal: {event: review.submitted, within: 30d}
        steps:
          - id: way
            split:
              left: {weight: 90, steps: []}
              right:
                weight: 10
                steps:
                  - emit_event: shop.went_right
          - id: nps
            ask_survey: {kind: nps, template: note, timeout: 5d}
          - branch:
              - if: nps.answered && nps.score <= 6
                steps:
                  - id: call
                    assign_call:
                      {queue: support, within: 1d, script: recovery, priority: high, timeout: 7d}
                  - if: call.no_answer
                    exit: nobody there
              - if: nps.answered
                steps:
                  - award_points: {points: 50, reason: answered}
                  - id: gift
                    issue_coupon: thanks
                  - id: thanks
                    send_email: {template: gift, coupon: gift}
              - else:
                  steps:
                    - update_customer: {add_tags: [silent], attributes: {asked: 1}}
          - id: text
            if: customer.phone != ""
            send_sms: text
        """,
        "marketing",
    ),
    "inviting": campaign(
        "inviting",
        """\
        trigger: order.delivered
        steps:
          - id: invite
            ask_referral: {program: friends, template: invite}
          - id: friend
            wait_for: {event: referral.converted, timeout: 3d}
        """,
        "marketing",
    ),
    "drafted": campaign(
        "drafted",
        """\
        trigger: order.placed
        steps:
          - send_email: note
        """,
    ).replace("status: live", "status: draft   # not yet"),
}
EVENTS = "version: 1\nevents:\n  shop.went_right: {object: customer}\n"


def workspace(folder: Path, tests: Mapping[str, str]) -> Path:
    """The workspace, with these files of tests by the campaign that they are named after."""
    files = {f"message_templates/{name}": text for name, text in WORDS.items()}
    files |= {f"campaigns/{name}.yaml": text for name, text in CAMPAIGNS.items()}
    files |= {f"campaigns/{name}.test.yaml": text for name, text in tests.items()}
    files |= {"config/store.yaml": json.dumps(POLICY), "config/events.yaml": EVENTS}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def file_of(name: str, *tests: str, more: str = "") -> str:
    """A file of tests: each text is one test, without the dash before it."""
    listed = "".join("  - " + indent(dedent(one), "    ").strip() + "\n" for one in tests)
    return f"version: 1\ncampaign: {name}\n{dedent(more)}tests:\n{listed}"


def played(folder: Path, name: str, *tests: str, more: str = "") -> Report:
    """What came of these tests of a campaign."""
    return run_tests(workspace(folder, {name: file_of(name, *tests, more=more)}))
