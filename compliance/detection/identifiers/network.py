"""Addresses in networks and numbers of devices: e-mail, IP, MAC, IMEI, pages of a user."""

from __future__ import annotations

import ipaddress
import re
from functools import cache

import tldextract
from stdnum import imei

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

# --- E-mail -------------------------------------------------------------------------------

_MACHINES = frozenset({"git", "svn", "hg"})
"""Users that stand for a program: `git@github.com:org/repo` names nobody."""


@cache
def suffixes() -> tldextract.TLDExtract:
    """The public suffix list as bundled: never fetched, never written to a cache."""
    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)


def _is_email(value: str) -> bool:
    """Whether the domain is one that can be registered."""
    user, _, domain = value.rpartition("@")
    found = suffixes()(domain, include_psl_private_domains=False)
    return bool(found.suffix and found.domain) and user.lower() not in _MACHINES


# --- IP (RFC 791, RFC 4291) ---------------------------------------------------------------

_HIGH = 100  # an octet that numbers of versions and of paragraphs do not reach


def _is_machine(value: str) -> bool:
    """An address that can belong to somebody's machine: not loopback, not unspecified."""
    try:
        address = ipaddress.ip_interface(value).ip
    except ValueError:
        return False
    return not (
        address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or address.is_link_local
    )


def _octets(value: str) -> list[int]:
    return [int(octet) for octet in value.partition("/")[0].split(".")]


def _is_clear_ip(value: str) -> bool:
    """No version of a program: not as small throughout, not ending in `.0.0`."""
    if not _is_machine(value):
        return False
    octets = _octets(value)
    return max(octets[1:]) >= _HIGH or (octets[0] >= _HIGH and octets[2:] != [0, 0])


def _is_ipv6(value: str) -> bool:
    """Three groups at least, one with a digit: `a::b` is a name in many a language."""
    groups = [group for group in re.split("[:/%]", value) if group]
    if len(groups) < 3 and not re.match(r"(?i)2[0-9a-f]{3}:|f[cd][0-9a-f]{2}:", value):
        return False
    return any(map(str.isdigit, value)) and _is_machine(value)


_FOUR = r"\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?![.\-]?\d)"
_NO_VERSION = (
    r"(?<![0-9.\-])(?<!\w/)(?<!version[ :=])(?<!versión )(?<!verze )(?<!§ )(?<!release )"
)
_IP_WORDS = (
    *("ip", "ips", "ipv4", "ipv6", "ip address*", "ip-adress*", "adresse ip", "dirección ip"),
    *("indirizzo ip", "adres ip", "ip-adres*", "ip-osoite*", "ip cím*", "host*", "server*"),
    *(
        "client*",
        "remote addr*",
        "gateway",
        "dns",
        "subnet",
        "ping",
        "ssh",
        "login*",
        "logged in",
    ),
    *(
        "endereço ip",
        "ip adresa",
        "ip naslov",
        "διεύθυνση ip",
        "ip адрес",
        "nameserver",
        "peer",
    ),
)

# --- MAC, IMEI ----------------------------------------------------------------------------


def _is_mac(value: str) -> bool:
    """Six bytes with the same sign between them, neither all 0 nor all f."""
    bare = re.sub(r"[:.\-]", "", value).lower()
    signs = set(re.findall(r"[:.\-]", value))
    return len(bare) == 12 and len(signs) == 1 and len(set(bare)) > 2


def _is_imei(value: str) -> bool:
    return len(imei.compact(value)) > 14 and imei.imei_type(value) is not None


# --- Rows ---------------------------------------------------------------------------------

_QUERY = (
    r"(?:user|username|userid|user_id|uid|login|email|mail|e-mail|phone|tel|name|firstname"
    r"|lastname|first_name|last_name|customer|customer_id|patient|patient_id|member)"
)
_URL = r"[^\s?\"'<>]"

IDENTIFIERS = (
    Identifier(
        entity="EMAIL_ADDRESS",
        country="",
        kind=Kind.OTHER,
        name="e-mail address",
        format="user@domain under a public suffix",
        pattern=r"[\w+\-][\w.+\-%']{0,63}@(?:[\w\-]{1,63}+\.){1,8}[\w\-]{1,63}+",
        words=(
            "e-mail*",
            "email*",
            "mail*",
            "courriel*",
            "correo*",
            "posta*",
            "пошта*",
            "имейл*",
        ),
        strength=Strength.CERTAIN,
        source="RFC 5321; the public suffix list",
        holds=_is_email,
        trigger=r"[^ ]@[^ ]",
    ),
    Identifier(
        entity="IP_ADDRESS",
        country="",
        kind=Kind.OTHER,
        name="IPv4 address",
        format="four octets, one of 100 or more",
        pattern=rf"{_NO_VERSION}{_FOUR}",
        words=_IP_WORDS,
        strength=Strength.CERTAIN,
        source="RFC 791",
        holds=_is_clear_ip,
        trigger=r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
    ),
    Identifier(
        entity="IP_ADDRESS",
        country="",
        kind=Kind.OTHER,
        name="IPv4 address that looks like the number of a version",
        format="four octets below 100",
        pattern=rf"{_NO_VERSION}{_FOUR}",
        words=_IP_WORDS,
        strength=Strength.FORM,
        source="RFC 791",
        holds=_is_machine,
    ),
    Identifier(
        entity="IP_ADDRESS",
        country="",
        kind=Kind.OTHER,
        name="IPv6 address",
        format="groups of hexadecimal digits with colons",
        pattern=(
            r"(?<!:)(?:[0-9a-f]{1,4}:){1,7}(?::?[0-9a-f]{1,4}|:)(?::[0-9a-f]{1,4}){0,6}"
            r"(?:/\d{1,3})?(?![:\w])"
        ),
        words=_IP_WORDS,
        strength=Strength.CERTAIN,
        source="RFC 4291",
        holds=_is_ipv6,
        trigger=r"[0-9a-f]:[0-9a-f]{0,4}:[0-9a-f]",
    ),
    Identifier(
        entity="MAC_ADDRESS",
        country="",
        kind=Kind.OTHER,
        name="MAC address",
        format="six bytes in hexadecimal with colons or hyphens, or three groups with dots",
        pattern=(
            r"(?<![0-9a-f][:\-])(?:[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5})(?![:\-][0-9a-f])"
            r"|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}"
        ),
        words=("mac", "mac address", "mac-adress*", "ethernet", "hardware address", "bssid"),
        strength=Strength.CERTAIN,
        source="IEEE 802",
        holds=_is_mac,
        trigger=(r"[0-9a-f]{2}(?:[:\-][0-9a-f]{2}){5}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}"),
    ),
    Identifier(
        entity="IMEI",
        country="",
        kind=Kind.OTHER,
        name="IMEI (International Mobile Equipment Identity)",
        format="15 digits, Luhn; or 16 with the version of the software",
        pattern=r"\d{2}[ \-./]?\d{6}[ \-./]?\d{6}[ \-./]?\d{1,2}",
        words=("imei", "imeisv", "imei1", "imei2", "device id", "handset", "gerätenummer"),
        strength=Strength.LIKELY,
        source="3GPP TS 23.003",
        holds=_is_imei,
    ),
    Identifier(
        entity="USER_URL",
        country="",
        kind=Kind.OTHER,
        name="web address that names a user",
        format="user before the host, a telling member of the query, or a home directory",
        pattern=(
            r"https?://(?:[^\s/@:\"'<>]{1,100}+(?::[^\s/@\"'<>]{0,200}+)?@[^\s\"'<>]{3,500}"
            rf"|{_URL}{{3,300}}+\?(?:[^\s\"'<>&]{{0,200}}+&){{0,20}}?{_QUERY}=[^\s\"'<>]{{1,300}}"
            r"|[\w.\-]{3,100}/~[\w.\-]{2,60})"
        ),
        words=("profile", "url", "link"),
        strength=Strength.CERTAIN,
        source="RFC 3986",
        trigger=r"https?://",
        begins=True,
    ),
    Identifier(
        entity="USER_URL",
        country="",
        kind=Kind.OTHER,
        name="page of a person in a network of people",
        format="linkedin.com/in/…, xing.com/profile/…, t.me/…",
        pattern=(
            r"(?:https?://)?(?:[a-z]{1,3}\.)?(?:linkedin\.com/in|xing\.com/profile"
            r"|facebook\.com/people|instagram\.com|t\.me|wa\.me)/[\w.%\-]{3,80}"
        ),
        words=("profile", "url", "link"),
        strength=Strength.CERTAIN,
        source="RFC 3986",
        trigger=(
            r"linkedin\.com/in|xing\.com/profile|facebook\.com/people|instagram\.com/|t\.me/|wa\.me/"
        ),
    ),
)
