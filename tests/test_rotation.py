"""Secrets change without a restart: everywhere or nowhere, and not under a call's feet."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import structlog
from pydantic import SecretStr

from config.settings import load_settings, secret_files
from engine.bootstrap import build
from engine.cli.starter import STARTER, copy_starter
from engine.core.message import Channel, Outcome, Outgoing, SendResult
from engine.links import BadToken, Links, Purpose
from engine.providers.rotating import Rotating
from engine.rotation import Rotation
from engine.web.tokens import Tokens
from tests.fakes.sendgrid import FakeSendGrid
from tests.providers.messages import NOW, email

OLD, NEW = "old-secret-0123456789-0123456789-ab", "new-secret-0123456789-0123456789-ab"


def rotation_in(folder: Path, **environ: str) -> Rotation:
    given = {f"LAGNIAPPE_{name}": value for name, value in environ.items()}
    return Rotation(
        load_settings(folder, given),
        lambda: load_settings(folder, given),
        lambda: secret_files(folder, given),
    )


def held(rotation: Rotation) -> list[str]:
    return [each.get_secret_value() for each in rotation.settings().api_token]


def test_a_secret_file_and_env_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(OLD)
    (tmp_path / ".env").write_text(f"LAGNIAPPE_SHOPIFY_SECRET={OLD}\n")
    rotation = rotation_in(tmp_path, API_TOKEN_FILE="token")
    assert set(rotation.files()) == {tmp_path / ".env", tmp_path / "token"}
    assert not rotation.reload()
    (tmp_path / "token").write_text(f"{NEW},{OLD}")
    (tmp_path / ".env").write_text(f"LAGNIAPPE_SHOPIFY_SECRET={NEW}\nLAGNIAPPE_LOG_LEVEL=debug\n")
    with structlog.testing.capture_logs() as logs:
        assert rotation.reload()
    assert held(rotation) == [NEW, OLD]
    assert rotation.settings().shopify_secret == (SecretStr(NEW),)
    assert rotation.settings().log_level == "info"  # no secret: that takes a restart
    assert NEW not in str(logs)


def test_what_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(OLD)
    rotation = rotation_in(tmp_path, API_TOKEN_FILE="token")
    taken: list[str] = []
    rotation.on_change(lambda fresh: lambda: taken.append("first"))
    (tmp_path / "token").unlink()
    with structlog.testing.capture_logs() as logs:
        assert not rotation.reload()
    assert [line["event"] for line in logs] == ["secrets_not_reloaded"]

    def refuse(fresh: object) -> None:
        raise ValueError(NEW)

    rotation.on_change(refuse)  # type: ignore[arg-type]
    (tmp_path / "token").write_text(NEW)
    with structlog.testing.capture_logs() as logs:
        assert not rotation.reload()
    assert NEW not in str(logs)
    assert (held(rotation), taken) == ([OLD], [])


def test_links_of_a_key_still_held_go_on_working() -> None:
    links, message = Links([OLD], "https://shop.test"), str(UUID(int=7))
    before = links.token(Purpose.UNSUBSCRIBE, message)
    links.change_keys([NEW, OLD])
    after = links.token(Purpose.UNSUBSCRIBE, message)
    assert before != after
    read = [links.read(Purpose.UNSUBSCRIBE, each).message_id for each in (before, after)]
    assert read == [message, message]
    links.change_keys([NEW])
    with pytest.raises(BadToken):
        links.read(Purpose.UNSUBSCRIBE, before)


class Keyed:
    """A provider that tells which key it used, and answers when it is let go."""

    name = "keyed"
    channel: Channel = "email"

    def __init__(self, key: str) -> None:
        self.key = key
        self.gate = asyncio.Event()
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    async def send(self, outgoing: Outgoing) -> SendResult:
        await self.gate.wait()
        assert self.is_open, "closed under a call's feet"
        return SendResult(
            message_id=outgoing.message_id,
            outcome=Outcome.ACCEPTED,
            at=NOW + timedelta(0),
            provider_message_id=self.key,
        )


def test_calls_under_way_end_with_the_old_key() -> None:
    async def run() -> None:
        old, new = Keyed("old"), Keyed("new")
        rotating = Rotating(old)
        await rotating.open()
        first = [asyncio.create_task(rotating.send(email(f"a-{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        rotating.rotate(new)
        second = [asyncio.create_task(rotating.send(email(f"b-{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        assert old.is_open
        new.gate.set()
        assert {each.provider_message_id for each in await asyncio.gather(*second)} == {"new"}
        assert old.is_open
        old.gate.set()
        assert {each.provider_message_id for each in await asyncio.gather(*first)} == {"old"}
        assert (old.is_open, new.is_open) == (False, True)
        await rotating.close()
        assert not new.is_open

    asyncio.run(run())


def test_another_provider_takes_a_restart() -> None:
    other = Keyed("x")
    other.name = "other"
    with pytest.raises(ValueError, match="keyed cannot become other"):
        Rotating(Keyed("y")).rotate(other)


def test_tokens_are_asked_for_at_each_request() -> None:
    from starlette.requests import Request

    tokens = [SecretStr(OLD)]
    gate = Tokens(lambda: tokens)
    headers = [(b"authorization", f"Bearer {OLD}".encode())]
    request = Request({"type": "http", "headers": headers})
    assert gate.refuse(request) is None
    tokens[:] = [SecretStr(NEW)]
    refusal = gate.refuse(request)
    assert refusal is not None
    assert refusal.status_code == 401


def test_a_reload_gives_every_part_the_new_secrets(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    copy_starter(STARTER, shop)
    (shop / "key").write_text("SG.old")
    (shop / ".env").write_text(f"LAGNIAPPE_SECRET_KEY={OLD}\n")
    with FakeSendGrid(api_key="SG.new") as fake:
        environ = {
            "LAGNIAPPE_EMAIL_PROVIDER": "sendgrid",
            "LAGNIAPPE_SENDGRID_API_KEY_FILE": "key",
            "LAGNIAPPE_SENDGRID_BASE_URL": fake.base_url,
        }
        app = build(shop, environ, sends=True)
        message = str(UUID(int=7))
        before = app.links.token(Purpose.UNSUBSCRIBE, message)
        app.sender.start()
        try:
            app.sender.submit([email("m-1")])
            (refused,) = app.sender.drain(5)
            (shop / "key").write_text("SG.new")
            (shop / ".env").write_text(f"LAGNIAPPE_SECRET_KEY={NEW},{OLD}\n")
            app.reload()
            app.sender.submit([email("m-2")])
            (accepted,) = app.sender.drain(5)
        finally:
            app.sender.stop()
            app.close()
    assert (refused.outcome, accepted.outcome) == (Outcome.REJECTED, Outcome.ACCEPTED)
    after = app.links.token(Purpose.UNSUBSCRIBE, message)
    assert before != after
    read = [app.links.read(Purpose.UNSUBSCRIBE, each).message_id for each in (before, after)]
    assert read == [message, message]
