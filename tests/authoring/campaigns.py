"""Campaigns that are good: each compiles, and has no problem at all."""

from __future__ import annotations

import textwrap


def _campaign(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


# The example of the design document, with the verbs of this release.
REVIEW_REQUEST = _campaign("""
    version: 1
    id: review-request
    name: Review request after delivery
    stage: advocacy           # onboarding | delivery | support | retention | loyalty | …
    status: live              # draft | live | paused
    purpose: marketing        # or transactional: selects consent and cap rules
    priority: 50
    trigger:
      event: order.delivered      # or schedule: {cron: "0 9 * * *", timezone: customer}
                                  # or date: customer.birthday, offset: -7d, at: "10:00"
      filter: order.total >= 20 && !order.is_gift   # once, at entry
      max_age: 3d                                   # a trigger older than this enrols nobody
    profile_filter: customer.open_tickets == 0      # at entry and before every message
    hold_while: order.has_open_return               # waits instead
    entry: {key: order.id, re_entry: never}         # never | always | {after: 180d}
    holdout: 10%
    exit_on: [order.returned, order.refunded, review.submitted]
    goal: {event: review.submitted, within: 30d}
    volume_limit: 2000/d
    in_flight: finish                               # or migrate
    steps:
      - delay: {for: 3d, until: "10:00", days: weekdays}   # the customer's own time zone
      - id: nps
        wait_for: {event: survey.answered, timeout: 5d}
      - branch:
          - if: nps.happened && customer.orders_count <= 6
            steps:
              - update_customer: {add_tags: [talkative]}
          - if: nps.happened && customer.orders_count >= 9
            steps:
              - emit_event: shop.pinged
          - else:
              steps: []
      - id: ask
        send_email: {template: review_request}      # everyone is asked: no review gating
      - delay: 7d
      - id: remind
        if: customer.sms_consent && !ask.clicked
        send_sms: {template: review_reminder, max_lateness: 2d}
""")

EVERY_FIELD = _campaign("""
    version: "1"
    id: every-field
    name: "Every field"
    stage: win_back
    status: draft
    purpose: marketing
    priority: 0
    trigger:
      schedule: {cron: "30 9 * * MON-FRI", timezone: Europe/Vienna}
      segment: >-
        customer.days_since_order >= 60 &&
        customer.days_since_order < 67
      filter: "!('lost' in customer.tags)"
      max_age: 12h
    profile_filter: customer.email_consent
    hold_while: customer.open_tickets > 0
    entry: customer.id
    holdout: 2.5%
    exit_on:
      - {event: order.placed, match: customer}
      - event: survey.answered
        if: event.data.kind == 'nps' && event.data.score <= 6
    goal: {event: order.placed, match: customer, within: 4w}
    volume_limit: 100/h
    in_flight: migrate
    steps:
      - id: first
        delay: {until: "09:30", days: [mon, wednesday, weekend]}
      - id: order_seen
        name: Which words win?
        split:
          a:
            weight: 50
            steps:
              - id: ask
                send_email: {template: thank_you, max_lateness: 36h}
          b:
            weight: 30
            steps:
              - id: ask_b
                if: customer.sms_consent
                send_sms: thank_you
          nothing: {weight: 20, steps: []}
      - id: answered
        if: order_seen.variant != 'nothing'
        wait_for:
          event: survey.answered
          match: customer
          if: event.data.score >= 9 && ask.sent
          since: now
          timeout: 5d
      - id: paid
        wait_for: {until: customer.orders_count > 3, timeout: 90m}
      - id: which
        branch:
          - if: answered.happened
            steps:
              - id: note
                update_customer:
                  add_tags: [fan]
                  remove_tags: [lost, sleepy]
                  attributes: {score: 9, ratio: 0.5, vip: true, code: "007", note: plain}
              - id: tell
                emit_event:
                  type: shop.quiz_done
                  data: {score: 9, share: 1, passed: true, favourite: 7, topics: [tea]}
              - id: thanked
                exit: thanked
          - if: answered.timed_out
            steps:
              - id: report
                call_webhook: {url: "https://shop.example.com/hook?x=1", data: {list: [1, a]}}
          - else:
            steps:
              - id: neither
                exit:
      - id: end
        call_webhook: https://shop.example.com/hook
""")

TICKET = _campaign("""
    version: 1
    id: ticket
    stage: support
    status: paused
    purpose: transactional
    trigger: ticket.solved
    profile_filter: ticket.status == 'solved' && order.total > 10
    entry: {re_entry: {after: 30d}}
    exit_on: [ticket.reopened]
    steps:
      - delay: 1d12h
      - send_email: ticket_news
""")

BIRTHDAY = _campaign("""
    version: 1
    id: birthday
    stage: loyalty
    status: live
    purpose: marketing
    trigger: {date: customer.birthday, offset: -7d, at: "9:00"}
    steps:
      - send_email: thank_you
""")

PARCEL = _campaign("""
    version: 1
    id: parcel
    stage: delivery
    status: live
    purpose: transactional
    trigger: {event: order.shipped, filter: "trigger.data.carrier != 'pigeon'"}
    entry: {key: trigger.data.fulfilment_id, re_entry: always}
    steps:
      - send_email: parcel_news
      - send_sms: review_reminder
""")

GOOD = {
    "review-request": REVIEW_REQUEST,
    "every-field": EVERY_FIELD,
    "ticket": TICKET,
    "birthday": BIRTHDAY,
    "parcel": PARCEL,
}


def simple(
    campaign: str, *, event: str = "order.placed", steps: str = "  - send_email: thank_you"
) -> str:
    """A short good campaign with these steps."""
    return (
        f"version: 1\nid: {campaign}\nstage: onboarding\nstatus: live\npurpose: transactional\n"
        f"trigger: {event}\nsteps:\n{steps}\n"
    )
