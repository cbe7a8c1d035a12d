"""Tags stand on links to the shop, once, and change nothing else of an address."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.utm import LinkTags, Utm, link_tags

TAGS = LinkTags(source="bellerive", medium={"email": "email"}, domains=("example.com", "shop.test"))
words = st.text("abcXYZ019-_.~%20 äß&=+/", min_size=1, max_size=12)
parameters = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.from_regex(r"\w*", fullmatch=True)),
    max_size=4,
)


def tagged(url: str, campaign: str = "win-back", content: str = "ask/b") -> str:
    return TAGS.tagged(url, channel="email", campaign=campaign, content=content)


@st.composite
def urls(draw: st.DrawFn) -> str:
    host = draw(st.sampled_from(["example.com", "www.example.com", "SHOP.test", "shop.test:8443"]))
    path = draw(st.sampled_from(["", "/", "/products/a%20b", "/p;x=1"]))
    query = "&".join(f"{name}={value}" for name, value in draw(parameters))
    fragment = draw(st.sampled_from(["", "#", "#reviews", "#a?b"]))
    mark = "?" if query or draw(st.booleans()) else ""
    return f"https://{host}{path}{mark}{query}{fragment}"


@given(urls(), words, words)
def test_nothing_but_tags_is_added_and_only_once(url: str, campaign: str, content: str) -> None:
    once = tagged(url, campaign, content)
    assert tagged(once, campaign, content) == once
    before, after = urlsplit(url), urlsplit(once)
    assert (after.scheme, after.netloc, after.path) == (before.scheme, before.netloc, before.path)
    assert after.fragment == before.fragment
    assert parse_qsl(after.query, keep_blank_values=True) == [
        *parse_qsl(before.query, keep_blank_values=True),
        ("utm_source", "bellerive"), ("utm_medium", "email"),
        ("utm_campaign", campaign), ("utm_content", content),
    ]  # fmt: skip
    assert after.query.startswith(before.query.rstrip("&"))


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/",
        "https://notexample.com/",
        "https://example.com.evil.test/",
        "https://example.com/?utm_source=mine",
        "https://example.com/?a=1&UTM_campaign=mine",
        "https://[broken/",
        "mailto:help@example.com",
    ],
)
def test_other_addresses_stay_as_they_are(url: str) -> None:
    assert tagged(url) == url


def test_a_channel_without_a_medium_stays_as_it_is() -> None:
    url = "https://example.com/"
    assert TAGS.tagged(url, channel="sms", campaign="a", content="b") == url


def test_without_domains_the_shops_own_are_meant() -> None:
    found = link_tags(Utm(source="s"), "https://www.bellerive.example/shop")
    assert found is not None
    assert found.domains == ("bellerive.example",)
    assert found.medium == {"email": "email", "sms": "sms"}
    assert link_tags(None, "https://bellerive.example") is None


@pytest.mark.parametrize("domain", ["https://shop.example.com", "shop", "a b.com", "-x.com"])
def test_what_is_no_domain_is_told(domain: str) -> None:
    with pytest.raises(ValidationError, match="is not a domain"):
        Utm.model_validate({"source": "s", "domains": [domain]})
