"""Addresses of cryptocurrencies, with the checksum of each."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from stdnum import bitcoin

from compliance.detection.identifiers.identifier import Identifier, Kind, Strength

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_XRP = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_CHECKS = (1, 0x2BC830A3)  # Bech32 (BIP 173) and Bech32m (BIP 350)


def _base58_checked(value: str) -> bool:
    """A version byte, twenty bytes and four of their double SHA-256 (Base58Check)."""
    try:
        raw = bitcoin.b58decode(value)
    except ValueError:
        return False
    if len(raw) != 25:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def _is_base58(value: str) -> bool:
    """Bitcoin, Litecoin, Dogecoin, Dash, Tron; or XRP in its own alphabet."""
    if value.startswith("r"):
        return set(value) <= set(_XRP) and _base58_checked(
            value.translate(str.maketrans(_XRP, _BASE58))
        )
    return set(value) <= set(_BASE58) and _base58_checked(value)


def _is_bech32(value: str) -> bool:
    """All in one case, and the BCH code over prefix and data holds."""
    if value not in (value.lower(), value.upper()):
        return False
    prefix, _, data = value.lower().rpartition("1")
    if not prefix or not set(data) <= set(_BECH32):
        return False
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    return bitcoin.bech32_checksum(expanded + [_BECH32.index(c) for c in data]) in _CHECKS


def _is_stellar(value: str) -> bool:
    """Version byte of an account and CRC-16 (SEP-23)."""
    try:
        raw = base64.b32decode(value)
    except (binascii.Error, ValueError):
        return False
    account = 6 << 3
    return raw[0] == account and binascii.crc_hqx(raw[:-2], 0) == int.from_bytes(
        raw[-2:], "little"
    )


def _is_solana(value: str) -> bool:
    """A public key of Ed25519: 32 bytes, without a check."""
    try:
        return len(bitcoin.b58decode(value)) == 32
    except ValueError:
        return False


def _is_ethereum(value: str) -> bool:
    """Hexadecimal with no run of one digit, as in the null address and in examples of code."""
    return re.search(r"(.)\1{7}", value[2:]) is None and len(set(value[2:].lower())) > 8


_WORDS = (
    *(
        "wallet*",
        "crypto*",
        "krypto*",
        "bitcoin*",
        "btc",
        "ethereum*",
        "eth",
        "litecoin*",
        "ltc",
    ),
    *("dogecoin*", "monero", "xmr", "solana", "tron", "usdt", "xrp", "ripple", "stellar"),
    *("cardano", "ada", "portefeuille", "monedero*", "portafoglio", "portfel*", "lommebok"),
    *("plånbok", "carteira*", "lompakko", "πορτοφόλι*", "портфейл*", "peněženk*", "pénztárca*"),
)


def _row(
    name: str, form: str, pattern: str, strength: Strength, source: str, *, trigger: str = ""
) -> Identifier:
    holds = {
        "Base58Check": _is_base58,
        "Bech32": _is_bech32,
        "CRC-16": _is_stellar,
        "hexadecimal": _is_ethereum,
        "Base58": _is_solana,
    }.get(form.partition(",")[0])
    return Identifier(
        entity="CRYPTO",
        country="",
        kind=Kind.OTHER,
        name=name,
        format=form,
        pattern=pattern,
        words=_WORDS,
        strength=strength,
        source=source,
        holds=holds,
        trigger=trigger,
    )


IDENTIFIERS = (
    _row(
        "Bitcoin, Litecoin, Dogecoin, Dash, Tron and XRP address",
        "Base58Check, 25 to 35 characters",
        r"[13LMDXATr9][1-9a-z]{24,34}",
        Strength.CERTAIN,
        "Bitcoin developer reference, Base58Check encoding",
        trigger=r"[13LMDXATr9][1-9a-z]{24}",
    ),
    _row(
        "Bitcoin, Litecoin and Cardano address",
        "Bech32, a prefix, 1 and 38 to 103 characters",
        r"(?:bc|tb|ltc|addr|stake)1[02-9ac-hj-np-z]{38,103}",
        Strength.CERTAIN,
        "BIP 173, BIP 350; CIP-19",
        trigger=r"(?:bc|tb|ltc|addr|stake)1[02-9a-z]{12}",
    ),
    _row(
        "Stellar account",
        "CRC-16, G and 55 characters",
        r"G[A-Z2-7]{55}",
        Strength.CERTAIN,
        "SEP-23",
        trigger=r"G[A-Z2-7]{20}",
    ),
    _row(
        "Ethereum address",
        "hexadecimal, 0x and 40 digits",
        r"0x[0-9a-f]{40}",
        Strength.CERTAIN,
        "EIP-55 (whose checksum only mixed case has)",
    ),
    _row(
        "Monero address",
        "95 characters",
        r"[48][0-9ab][1-9a-z]{93}",
        Strength.CERTAIN,
        "Monero documentation, standard addresses",
        trigger=r"[48][0-9ab][1-9a-z]{40}",
    ),
    _row(
        "Solana address",
        "Base58, 32 bytes in 43 or 44 characters",
        r"[1-9a-z]{43,44}",
        Strength.FORM,
        "Solana documentation, accounts",
    ),
)
