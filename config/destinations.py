"""Which network addresses are public, and which others a shop lets its webhooks reach.

A campaign's ``call_webhook`` runs inside the shop's network. Without a bound, whoever may write a
campaign, or owns a name in the DNS, could have it call the machine's own services, the intranet, or
a cloud's metadata service. Sources: IANA's IPv4 and IPv6 special-purpose address registries
(RFC 6890 and its successors, as of 2025) and the multicast assignments of RFC 5771 and RFC 4291.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# All that is not for an ordinary server on the internet, globally reachable or not.
_SPECIAL_V4: Final = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # shared, carrier-grade NAT (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "168.63.129.16/32",  # Azure's own platform services, seen from inside a machine
        "169.254.0.0/16",  # link-local (RFC 3927); clouds serve credentials at 169.254.169.254
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112 (RFC 7535)
        "192.52.193.0/24",  # AMT (RFC 7450)
        "192.88.99.0/24",  # 6to4 relays, deprecated (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved (RFC 1112), with limited broadcast
    )
)
# Unicast addresses are assigned from this block alone; the rest is loopback, unspecified, mapped,
# local (fc00::/7, fe80::/10, fec0::/10), multicast (ff00::/8), discard (100::/64) or not assigned.
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking, AMT, AS112 (RFC 2928)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4: an IPv4 address inside, any of them (RFC 3056)
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
# An IPv6-only network reaches IPv4 through this prefix: the address inside decides (RFC 6052).
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

# RFC 6761, RFC 6762, RFC 8375, and ICANN's reservation of .internal (2024).
_LOCAL_NAMES: Final = re.compile(
    r"(?:.*\.)?(?:localhost|local|internal|intranet|home\.arpa|localdomain|lan)",
    re.IGNORECASE,
)
_HOST_NAME: Final = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.?)+")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|\d+", re.IGNORECASE)


def is_public(address: IpAddress) -> bool:
    """Whether an address belongs to an ordinary server on the internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in each for each in _SPECIAL_V4)
    if address in _NAT64:
        return is_public(embedded(address))
    return address in _GLOBAL_V6 and not any(address in each for each in _SPECIAL_V6)


def embedded(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv4-mapped or NAT64 address stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def host_of(text: str) -> str:
    """A host name as it is compared: lower case, IDNA in ASCII, no dot at the end.

    Raises ValueError for what is none.
    """
    name = text.strip().lower().strip("[]").removesuffix(".")
    if ":" not in name and not name.isascii():
        name = name.encode("idna").decode()  # UnicodeError is a ValueError
    if ":" not in name and not _HOST_NAME.fullmatch(name):
        raise ValueError(f"{text} is not a host name")
    return name


def literal_address(host: str) -> IpAddress | None:
    """The address that a host says in numbers; None for a name.

    Beside the usual form, the ones that the C library's ``inet_aton`` takes: fewer parts than four,
    octal with a leading 0, hexadecimal with 0x.
    """
    name = host.strip("[]").removesuffix(".")
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        pass
    parts = name.split(".")
    if not 1 <= len(parts) <= 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    if any(number > 255 for number in numbers[:-1]):
        return None
    last = numbers[-1]
    if last >= 256 ** (5 - len(numbers)):
        return None
    value = sum(number << (24 - 8 * place) for place, number in enumerate(numbers[:-1])) + last
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    return int(part, 8 if len(part) > 1 and part[0] == "0" else 10)


def is_local_name(host: str) -> bool:
    """Whether a name can only mean something inside: ``localhost``, ``erp.internal``, ``nas``."""
    name = host.strip("[]").removesuffix(".")
    return "." not in name or _LOCAL_NAMES.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a shop allows beyond the public addresses: networks, and hosts wherever they lead."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @staticmethod
    def of(entries: Sequence[str]) -> Allowed:
        """From ``10.1.0.0/16``, ``10.1.2.3`` and ``erp.example.internal``; raises ValueError."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for entry in entries:
            address = literal_address(entry)
            if "/" in entry:
                networks.append(_network(entry))
            elif address is not None:
                networks.append(ipaddress.ip_network(address))
            else:
                hosts.add(host_of(entry))
        return Allowed(networks=tuple(networks), hosts=frozenset(hosts))

    def host(self, host: str) -> bool:
        """Whether a host may lead anywhere."""
        try:
            return host_of(host) in self.hosts
        except ValueError:
            return False

    def address(self, address: IpAddress) -> bool:
        """Whether an address may be connected to: it is public, or named."""
        inner = embedded(address)
        return is_public(address) or any(inner in each for each in self.networks)

    def refuses(self, host: str) -> bool:
        """Whether a host can be told to be refused without asking the DNS."""
        if self.host(host):
            return False
        address = literal_address(host)
        return is_local_name(host) if address is None else not self.address(address)


def _network(entry: str) -> Network:
    try:
        return ipaddress.ip_network(entry)
    except ValueError as error:
        raise ValueError(f"{entry} is not a network: {error}") from None


# https://fetch.spec.whatwg.org/#bad-port, those above 1023: other protocols' own.
_OTHERS_PORTS: Final = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670)}
    | {6679, 6697, 10080}
)


def is_web_port(port: int) -> bool:
    """Whether HTTP may be spoken there: 80, 443, and those above 1023 that are not another's."""
    return port in (80, 443) or (1024 <= port <= 65535 and port not in _OTHERS_PORTS)
