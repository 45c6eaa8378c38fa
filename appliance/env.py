"""What the environment says, read once and checked.

Every variable `NAME` may also be given as `NAME_FILE`: the path of a file that holds the
value, as container secrets are.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from inference import canary

BASE = Path(__file__).resolve().parent.parent
SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes on Linux; room for a file's name suffix


class ConfigurationError(Exception):
    """A variable is missing or wrong. The message names it and says what it may be."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The appliance's configuration."""

    data: Path
    run: Path
    checkpoints: Path  # copies of checkpoints, where a restore of `data` does not reach
    serve_log: bool
    witnesses: tuple[str, ...]  # addresses that may be called to have the log cosigned
    witness_interval: float  # seconds between two checkpoints that one witness is shown
    host: str
    port: int
    allowed_hosts: tuple[str, ...]
    country: str
    organisation: str
    database_url: str
    broker_url: str
    web_processes: int
    detectors: int
    detection_timeout: float  # seconds
    drain: float  # seconds that a web process gives to requests in flight when it ends
    site: str
    node: str
    model: str  # what a worker serves
    engine_slots: int  # requests that its engine answers at the same time; 0: what suits it
    engine_threads: int
    vllm_python: Path  # of the environment in which vLLM is installed
    source: str
    disk_floor: int  # bytes
    export_days: int  # for which the file of an export is kept
    pdf_signer: str  # path of a key with its certificate; empty: the installation's own
    pdf_signer_password_file: str
    log_level: str
    pkcs11_module: str = ""  # the vendor's library; empty: the log's key is a file
    pkcs11_token: str = ""
    pkcs11_key: str = ""
    pkcs11_pin_file: str = ""
    tsa: str = ""  # address of the authority that stamps checkpoints; empty: none is asked
    tsa_certificate: str = ""  # path of the certificates that vouch for its time stamps
    canary_interval: float = 300.0  # seconds between a node's attempts to get out; 0: never
    canary_hosts: tuple[str, ...] = ()  # host:port, beside the addresses that nobody has


class _Reader:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables

    def text(self, name: str, default: str) -> str:
        value = self.variables.get(name)
        if value is not None:
            return value.strip() or default
        path = self.variables.get(f"{name}_FILE")
        if path is None:
            return default
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise ConfigurationError(
                f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
            ) from error

    def secret_file(self, name: str) -> str:
        """The path in `NAME_FILE`. The value has no place in the configuration."""
        if self.variables.get(name):
            raise ConfigurationError(
                f"{name} is a secret; write it into a file, and its path into {name}_FILE."
            )
        return self.variables.get(f"{name}_FILE", "").strip()

    def switch(self, name: str, default: str) -> bool:
        value = self.text(name, default).lower()
        if value not in ("yes", "no"):
            raise ConfigurationError(f"{name} must be yes or no; it is {value[:40]!r}.")
        return value == "yes"

    def number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise ConfigurationError(
                f"{name} must be a whole number from {low} to {high}; it is {value[:40]!r}."
            )
        return int(value)


def _witnesses(given: str) -> tuple[str, ...]:
    """Addresses below which `add-checkpoint` lies, without a slash at the end."""
    found = tuple(one.strip().rstrip("/") for one in given.split(",") if one.strip())
    for one in found:
        try:
            parts = urlsplit(one)
            well = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            well = False
        if not well or "@" in parts.netloc or parts.query or parts.fragment:
            raise ConfigurationError(
                "DOMICILE_WITNESSES holds addresses with commas between them, as in "
                f"https://witness.example.org/witness; {one[:80]!r} is none."
            )
    return found


def _tsa(address: str, certificate: str) -> str:
    """The address of an authority on time: https, or http where nobody is on the way."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        well = bool(parts.hostname) and parts.port != 0
        well = well and (parts.scheme == "https" or (parts.scheme == "http" and _near(parts)))
    except ValueError:
        well = False
    if not well or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "DOMICILE_TSA must be the address of an authority for time stamps, as in "
            "https://time.example.org/tsa; http only to localhost or to a private address in "
            f"digits. {address[:80]!r} is none."
        )
    if not certificate:
        raise ConfigurationError(
            "DOMICILE_TSA is set, and DOMICILE_TSA_CERTIFICATE is not: name a PEM file with "
            "the authority's certificate, or with the one that issued it."
        )
    return address


def _near(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    address = ipaddress.ip_address(host)
    return address.is_private or address.is_loopback


def _canary_interval(reader: _Reader) -> float:
    """Seconds; 0 where the node is not to try."""
    name = "DOMICILE_CANARY_INTERVAL"
    if reader.text(name, "") == "0":
        return 0.0
    return float(reader.number(name, 300, 10, 86_400))


def _canary_hosts(given: str) -> tuple[str, ...]:
    try:
        canary.hosts(given)
    except canary.HostRefused as error:
        raise ConfigurationError(
            f"DOMICILE_CANARY_HOSTS holds hosts with their ports and commas between. {error}"
        ) from error
    return tuple(one.strip() for one in given.split(",") if one.strip())


def _run_folder(data: Path, given: str) -> Path:
    if given:
        return Path(given).absolute()
    run = data / "run"
    if len(os.fsencode(run / "broker.sock")) <= SOCKET_PATH_MAX:
        return run
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path("/tmp") / f"domicile-{os.getuid()}-{digest}"  # noqa: S108 - `folder.private` looks whose it is


def _checkpoints(data: Path, given: str) -> Path:
    """Beside the data folder: a restore fills that one anew."""
    return Path(given).absolute() if given else data.with_name(f"{data.name}.checkpoints")


def read(variables: Mapping[str, str] = os.environ) -> Environment:
    """The configuration in `variables`; raises `ConfigurationError`."""
    reader = _Reader(variables)
    data = Path(reader.text("DOMICILE_DATA", str(BASE / "var"))).absolute()
    run = _run_folder(data, reader.text("DOMICILE_RUN", ""))
    country = reader.text("DOMICILE_COUNTRY", "DE").upper()
    if not re.fullmatch("[A-Z]{2}", country):
        raise ConfigurationError(
            "DOMICILE_COUNTRY must be a country's two letters (ISO 3166-1), as in DE."
        )
    return Environment(
        data=data,
        run=run,
        checkpoints=_checkpoints(data, reader.text("DOMICILE_CHECKPOINTS", "")),
        serve_log=reader.switch("DOMICILE_SERVE_LOG", "yes"),
        witnesses=_witnesses(reader.text("DOMICILE_WITNESSES", "")),
        witness_interval=float(reader.number("DOMICILE_WITNESS_INTERVAL", 60, 1, 86_400)),
        host=reader.text("DOMICILE_HOST", "127.0.0.1"),
        port=reader.number("DOMICILE_PORT", 8000, 1, 65535),
        allowed_hosts=tuple(
            name.strip()
            for name in reader.text(
                "DOMICILE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"
            ).split(",")
            if name.strip()
        ),
        country=country,
        organisation=reader.text("DOMICILE_ORGANISATION", "domicile.local"),
        database_url=reader.text("DOMICILE_DATABASE_URL", f"sqlite:///{data / 'db.sqlite3'}"),
        broker_url=reader.text("DOMICILE_BROKER_URL", f"redis+socket://{run / 'broker.sock'}"),
        web_processes=reader.number("DOMICILE_WEB_PROCESSES", 1, 1, 64),
        detectors=reader.number("DOMICILE_DETECTORS", 1, 1, 64),
        detection_timeout=float(reader.number("DOMICILE_DETECTION_TIMEOUT", 10, 1, 300)),
        drain=float(reader.number("DOMICILE_DRAIN", 25, 0, 600)),
        site=reader.text("DOMICILE_SITE", "home"),
        node=reader.text("DOMICILE_NODE", "node-1"),
        model=reader.text("DOMICILE_MODEL", "smollm2-135m-instruct"),
        engine_slots=reader.number("DOMICILE_ENGINE_SLOTS", 0, 0, 4096),
        # Its threads wait for each other at every layer: one that shares its core slows all.
        engine_threads=reader.number(
            "DOMICILE_ENGINE_THREADS", max(1, len(os.sched_getaffinity(0)) // 2), 1, 1024
        ),
        vllm_python=Path(
            reader.text("DOMICILE_VLLM_PYTHON", str(BASE / ".venv-vllm/bin/python"))
        ),
        source=reader.text("DOMICILE_SOURCE", "web-1"),
        disk_floor=reader.number("DOMICILE_DISK_FLOOR", 512 * 1024**2, 0, 2**50),
        export_days=reader.number("DOMICILE_EXPORT_DAYS", 30, 1, 3650),
        pdf_signer=reader.text("DOMICILE_PDF_SIGNER", ""),
        pdf_signer_password_file=reader.secret_file("DOMICILE_PDF_SIGNER_PASSWORD"),
        log_level=reader.text("DOMICILE_LOG_LEVEL", "INFO").upper(),
        pkcs11_module=reader.text("DOMICILE_PKCS11_MODULE", ""),
        pkcs11_token=reader.text("DOMICILE_PKCS11_TOKEN", "domicile"),
        pkcs11_key=reader.text("DOMICILE_PKCS11_KEY", "domicile-log"),
        pkcs11_pin_file=reader.secret_file("DOMICILE_PKCS11_PIN"),
        tsa=_tsa(
            reader.text("DOMICILE_TSA", ""),
            certificate := reader.text("DOMICILE_TSA_CERTIFICATE", ""),
        ),
        tsa_certificate=certificate,
        canary_interval=_canary_interval(reader),
        canary_hosts=_canary_hosts(reader.text("DOMICILE_CANARY_HOSTS", "")),
    )
