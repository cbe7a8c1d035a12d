"""What a daemon says when it starts, and what it never says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.e2e.processes import TOKEN, Daemon, environment, wait_until
from tests.e2e.shop import campaign, make_workspace, order_placed

NOTE = campaign("note", "  - {id: mail, send_email: note}")


def test_a_daemon_says_where_it_listens_and_which_campaign_it_leaves_out(tmp_path: Path) -> None:
    shop = make_workspace(tmp_path / "shop", [NOTE])
    (shop / "campaigns" / "bad.yaml").write_text("version: 1\nid: bad\n")
    environ = environment(f"sqlite:///{shop / 'lagniappe.db'}", api_token=TOKEN)
    with Daemon(workspace=shop, environ=environ) as daemon:
        daemon.start()
        (started,) = daemon.told("started")
        assert started["listening"] == f"127.0.0.1:{daemon.port}"
        assert started["campaigns"] == 1
        wait_until("the problem is told", lambda: daemon.told("campaign_problem"))
        assert {one["at"].split(":")[0] for one in daemon.told("campaign_problem")} == {
            "campaigns/bad.yaml"
        }


def test_no_address_or_token_stands_in_the_log(tmp_path: Path) -> None:
    shop = make_workspace(tmp_path / "shop", [NOTE])
    environ = environment(
        f"sqlite:///{shop / 'lagniappe.db'}",
        api_token=TOKEN,
        shopify_secret="shpss",
        log_level="debug",
    )
    order = order_placed(1, datetime.now(UTC))
    address = order["customer"]["email"]
    with Daemon(workspace=shop, environ=environ) as daemon:
        daemon.start()
        assert daemon.post("/v1/events", json=[order]).status_code == 202
        assert daemon.post("/v1/events", json=[order, {"id": address}]).status_code == 207
        refused = daemon.post("/webhooks/shopify", json=order, headers={"X-Shopify-Topic": address})
        assert refused.status_code == 401
        assert daemon.post(f"/u/{address}").status_code == 404
        assert daemon.stop() == 0
    said = daemon.log.read_text()
    assert "/u/" in said
    for secret in (address, TOKEN, "shpss"):
        assert secret not in said
