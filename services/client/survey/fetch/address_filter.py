"""Which addresses may be connected to, where only public ones may: a list of hosts may come from a stranger.

What is judged is the address that the connection goes to, after every look-up and on every hop, so no spelling of it
(`127.1`, `0x7f000001`, `::ffff:127.0.0.1`), no redirect and no second answer of a name server gets round it.
The ranges are those of the IANA special-purpose registries, with the addresses at which clouds keep their metadata.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

from services.runtime.errors import BadSetting

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.170.2",  # AWS ECS
        "fd00:ec2::254",  # AWS
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure: a public address, but not the public's
        "192.0.0.192",  # Oracle
    )
)
# IPv4 addresses at the end of IPv6 ones: NAT64 (RFC 6052), IPv4-compatible (RFC 4291), translated (RFC 2765). Where one
# is in a network's own NAT64 (64:ff9b:1::/48, RFC 8215) only that network knows, and none of it is public.
CARRIERS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
# In the registries, and not known to every Python, or not whole: IETF protocols, 6to4 relays, documentation.
NEWER = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))


class AddressFilter:
    """`public_only`: refuse what is not public, except the `allowed` networks."""

    def __init__(self, *, public_only: bool = False, allowed: Sequence[Network] = ()) -> None:
        self.public_only = public_only
        self._allowed = tuple(allowed)
        self.refusal = lru_cache(maxsize=4_096)(self._refusal)

    def _refusal(self, ip: str) -> str | None:
        """Return why an address may not be connected to; None if it may."""
        if not self.public_only:
            return None
        address = ipaddress.ip_address(ip)
        if self._is_allowed(address):
            return None
        for each in carried(address) or [address]:
            if (reason := why_not_public(each)) and not self._is_allowed(each):
                return f"{ip} is {reason}"
        return None

    def _is_allowed(self, address: IPAddress) -> bool:
        return any(address in network for network in self._allowed)


def read_networks(texts: Iterable[str]) -> list[Network]:
    """Return the networks of --allow-net. Raises BadSetting."""
    return list(map(read_network, texts))


def read_network(text: str) -> Network:
    """Return a network. Raises BadSetting."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise BadSetting("--allow-net", text, "a network such as 10.0.0.0/8 or fd00::/8") from error


def carried(address: IPAddress) -> list[IPAddress]:
    """Return the IPv4 addresses within an IPv6 address, to which a gateway would forward: they are judged instead."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    found: list[IPAddress | None] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in CARRIERS) and int(address) > 1:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def why_not_public(address: IPAddress) -> str | None:
    """Return why an address is no public host's; None for a public host's."""
    if address in METADATA:
        return "a cloud's metadata address"
    kinds = (
        (address.is_unspecified, "unspecified"),
        (address.is_loopback, "loopback"),
        (address.is_link_local, "link-local"),
        (address.is_multicast, "multicast"),
        (isinstance(address, ipaddress.IPv6Address) and address.is_site_local, "site-local"),
    )
    for holds, kind in kinds:
        if holds:
            return kind
    if any(address in network for network in NEWER):
        return "not public"
    if address.is_private:
        return "private"
    if isinstance(address, ipaddress.IPv6Address) and address.is_reserved:
        return "reserved"  # outside 2000::/3, the only range of public addresses (RFC 4291)
    return None if address.is_global else "not public"
