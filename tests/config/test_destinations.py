"""Which addresses are public: over the whole of IANA's special-purpose registries."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.destinations import Allowed, is_local_name, is_public, is_web_port, literal_address

# https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, with
# multicast and what was never assigned to anybody.
SPECIAL = """
0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24
192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15
198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32 224.0.0.0/4
::1/128 ::/128 ::/96 ::ffff:0:0/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32
2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28
2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7
fd00:ec2::254/128 fe80::/10 fec0::/10 ff00::/8 4000::/3 8000::/1
""".split()  # noqa: SIM905
NETWORKS = [ipaddress.ip_network(each) for each in SPECIAL]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.128.0.1", "172.32.0.1", "192.0.1.1",
          "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888",
          "64:ff9b::808:808"]  # fmt: skip


@st.composite
def within(draw: st.DrawFn) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    network = draw(st.sampled_from(NETWORKS))
    first, last = int(network.network_address), int(network.broadcast_address)
    number = draw(st.one_of(st.just(first), st.just(last), st.integers(first, last)))
    return ipaddress.ip_address(number) if network.version == 4 else ipaddress.IPv6Address(number)


@given(within())
def test_no_special_address_is_public(address: ipaddress.IPv4Address) -> None:
    assert not is_public(address)
    assert not Allowed().address(address)
    assert Allowed().refuses(str(address))
    assert Allowed().refuses(f"[{address}]")


@given(st.ip_addresses(v=4))
def test_ipv6_is_no_way_around(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    assert is_public(nat64) == is_public(inner)
    for prefix in ((0xFFFF << 32) | number, number, (0x2002 << 112) | (number << 80)):
        assert not is_public(ipaddress.IPv6Address(prefix))


@given(st.ip_addresses())
def test_what_python_calls_private_is_not_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address) and address not in ipaddress.ip_network("64:ff9b::/96"):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@pytest.mark.parametrize("text", PUBLIC)
def test_ordinary_servers_are_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    assert not Allowed().refuses(text)


@given(st.ip_addresses(v=4), st.data())
def test_numbers_are_read_as_the_system_reads_them(
    address: ipaddress.IPv4Address, data: st.DataObject
) -> None:
    octets = [int(part) for part in str(address).split(".")]
    parts = data.draw(st.integers(1, 4))
    rest = int.from_bytes(bytes(octets[parts - 1 :]), "big")
    shape = st.sampled_from(["{}", "0{:o}", "0x{:x}", "0X{:X}"])
    text = ".".join(data.draw(shape).format(each) for each in [*octets[: parts - 1], rest])
    assert literal_address(text) == address
    assert ipaddress.IPv4Address(socket.inet_aton(text)) == address


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "017700000001", "[::1]", "0",
                                  "[::ffff:127.0.0.1]", "127.0.0.1.", "localhost", "LOCALHOST.",
                                  "a.localhost", "nas", "erp.internal", "printer.local",
                                  "fe80::1%eth0"])  # fmt: skip
def test_hosts_that_are_told_without_the_dns(host: str) -> None:
    assert Allowed().refuses(host)


@pytest.mark.parametrize("host", ["shop.example.com", "127.0.0.1.example.com", "1.2.3.4.5.com",
                                  "localhost.example.com", "xn--bcher-kva.example"])  # fmt: skip
def test_names_are_left_to_the_dns(host: str) -> None:
    assert not Allowed().refuses(host)
    assert not is_local_name(host)


def test_what_a_shop_allows() -> None:
    allowed = Allowed.of(
        ["10.1.0.0/16", "192.168.7.7", "fd00::/8", "ERP.Internal.", "bücher.local"]
    )
    assert allowed.address(ipaddress.ip_address("10.1.255.255"))
    assert allowed.address(ipaddress.ip_address("::ffff:10.1.0.1"))
    assert allowed.address(ipaddress.ip_address("fd12::1"))
    assert allowed.address(ipaddress.ip_address("1.1.1.1"))
    assert not allowed.address(ipaddress.ip_address("10.2.0.0"))
    assert not allowed.address(ipaddress.ip_address("192.168.7.8"))
    assert allowed.host("erp.internal")
    assert allowed.host("erp.INTERNAL.")
    assert allowed.host("xn--bcher-kva.local")
    assert not allowed.host("x.erp.internal")


@pytest.mark.parametrize(
    "entry", ["10.1.0.1/16", "10.0.0.0/40", "*", "a b", "", "http://x/", "x/y"]
)
def test_what_cannot_be_allowed(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        Allowed.of([entry])


def test_ports() -> None:
    assert all(is_web_port(port) for port in (80, 443, 3000, 8080, 8443, 65535))
    assert not any(is_web_port(port) for port in (0, 22, 25, 53, 389, 587, 1023, 6000, 6667, 65536))
