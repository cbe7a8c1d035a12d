"""Judge.me's webhooks: reviews as customers write and change them.

Shape and events: judge.me/api/docs, "Webhooks" and "Reviews" (``review/created``,
``review/updated``). A review names its product by the shop platform's id
(``product_external_id``) and its writer by email and, where there is one, the platform's customer
id. Reviews of the shop itself have no product. The payload names no order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from triggers.sources.native import validate
from triggers.sources.payload import (
    JsonObject,
    amount,
    child,
    fingerprint,
    key,
    parse_object,
    text,
    told,
)
from triggers.sources.problems import explain
from triggers.sources.reading import Reading, rejection
from triggers.sources.signatures import verify_judgeme

name: Final = "judgeme"
_NO_PRODUCT: Final = "0"
# Judge.me's word for how it knows the writer. Of one that it does not know, anybody may have
# written under that address.
_UNPROVEN: Final = (None, "nothing", "not-verified", "false")


def read(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], received_at: datetime
) -> Reading:
    """Verify and read one webhook; a verified one that cannot be understood is Rejected.

    The same version of a review is one event however often it is told; a changed one is another.
    Raises SignatureError.
    """
    verify_judgeme(headers, body, secrets)
    payload = parse_object(body)
    if payload is None:
        return rejection(name, None, "not a JSON object", body, received_at)
    review = child(payload, "review") or payload
    identity = key(review.get("id"))
    if identity is None:
        return rejection(name, fingerprint(body), "review.id is missing", body, received_at)
    try:
        event = validate(_fields(review, identity, received_at))
    except ValidationError as error:
        reason = "; ".join(str(each) for each in explain(error)[:3])
        return rejection(name, identity, reason, body, received_at)
    return Reading(events=(event,))


def _fields(review: JsonObject, identity: str, received_at: datetime) -> dict[str, Any]:
    written = text(review.get("created_at"))
    changed = text(review.get("updated_at")) or written
    rating = amount(review.get("rating"))
    product = key(review.get("product_external_id"))
    data = told(
        {
            "review_id": f"{name}:{identity}",
            "product_id": None if product == _NO_PRODUCT else product,
            "rating": None if rating is None else float(rating),
            "title": text(review.get("title")),
            "text": text(review.get("body")),
        }
    )
    version = fingerprint(repr(sorted(data.items())), changed or "")
    writer = child(review, "reviewer")
    full_name = (text(writer.get("name")) or "").split()
    return {
        "id": f"{identity}:{version}",
        "source": name,
        "type": "review.submitted",
        "time": changed or received_at,
        "customer": told(
            {
                "email": text(writer.get("email")),
                "email_verified": text(review.get("verified")) not in _UNPROVEN,
                "first_name": full_name[0] if full_name else None,
            }
        ),
        "data": data,
    }
