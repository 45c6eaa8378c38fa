"""What a new appliance begins with: keys, a site, a node, a model, a policy, people, a key.

Every step looks first and changes only what is missing, so a set-up that was cut short goes
on where it stopped. What a step creates and the event that says so are one transaction.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import DatabaseError, connection, models
from django.db.migrations.loader import MigrationLoader

from appliance.env import Environment
from appliance.rotation import settle
from appliance.welcome import Credentials, keep_unconfirmed, kept_credentials
from compliance.admin.roles import RIGHTS, rights_of
from compliance.audit import copies, erasure, journal, ledger, mldsa, rotation, witness
from compliance.audit.changes import recorded
from compliance.audit.checkpoint import CheckpointInvalid, origin_of
from compliance.audit.copies import Places
from compliance.audit.entry import label_key_digest
from compliance.audit.keys import KeyUnusable, create_key, read_key
from compliance.audit.keystore import VaultUnreadable
from compliance.audit.notary import behind
from compliance.audit.ring import NAME, public_of, ring_of
from compliance.evidence import erased
from compliance.evidence.paper import certificate
from compliance.gate import now
from compliance.models import APIKey, Application, PolicySignature, PolicyVersion, Site
from compliance.policy.default import DEFAULT, DEMO_APPLICATION
from compliance.versions.install import KEY_FILE, ensure_key, install, sign_installed
from compliance.versions.load import INSTALLER_PUBLIC
from compliance.vocabulary import Event
from inference import registry, shipping
from inference.deploying import Foreman
from inference.models import Model, Node

ADMINISTRATOR = "admin"

_HANDED_ON = (
    "Where roles have their own copies of the keys, the newest is the notary's: "
    "`docker/roles.py --rotated log` brings it here (docker/README.md), and refuses where the "
    "notary was restored from an older backup and has an older one itself."
)

Say = Callable[[str], None]


class SetUpRefused(Exception):
    """The set-up cannot go on. The message says at what, and what to do."""


def set_up(environment: Environment, say: Say) -> Credentials | None:
    """Make the data folder a working appliance; the credentials, if they are still kept.

    The folder is held by the caller. Raises `SetUpRefused`.
    """
    try:
        _database(environment, say)
        keys = _keys(environment, say)
        _restored(environment)
        site = _site(environment, keys["site"])
        node = _node(environment, site, keys["node"])
        model = _model(environment.model, say)
        _placement(model, node)
        _policy(environment.data / "keys")
        credentials = _people(environment.data, model)
        return credentials and replace(credentials, model=model.name)
    except DatabaseError as error:
        raise SetUpRefused(
            f"The database refused the set-up: {error}. If it is damaged, restore a backup "
            "into an empty folder (manage.py restore)."
        ) from error
    except (
        KeyUnusable,
        VaultUnreadable,
        registry.ModelUnusable,
    ) as error:
        raise SetUpRefused(str(error)) from error
    finally:
        connection.close()


def _database(environment: Environment, say: Say) -> None:
    loader = MigrationLoader(connection)
    ours = {"compliance", "inference"}
    unknown = sorted(
        f"{app}.{name}"
        for app, name in loader.applied_migrations
        if app in ours and (app, name) not in loader.disk_migrations
    )
    if unknown:
        raise SetUpRefused(
            f"The database was made by a newer Domicile (it has {unknown[0]}); use that one."
        )
    fresh = not any(app in ours for app, _name in loader.applied_migrations)
    if fresh and environment.data.joinpath("log", "checkpoint").exists():
        raise SetUpRefused(
            f"{environment.data} holds a log but its database is empty: restore the database "
            "from your backup, or choose another folder with DOMICILE_DATA."
        )
    if len(loader.applied_migrations) < len(loader.disk_migrations):
        say("database: creating tables" if fresh else "database: bringing tables up to date")
        call_command("migrate", interactive=False, verbosity=0)


def _keys(environment: Environment, say: Say) -> dict[str, bytes]:
    """The key files; each is created only while nothing depends on it."""
    keys = environment.data / "keys"
    settle(environment.data)
    in_use = Site.objects.exists()
    pointer = ring_of(environment).pointer  # it stands for a key on a token
    names = {
        "django-secret": keys / "django-secret",
        "subject-index": keys / "subject-index",
        "log": pointer if pointer.exists() else keys / NAME,
        "mldsa": keys / mldsa.KEY_FILE,
        "gateway": keys / "gateway.ed25519",
        "witness": keys / witness.KEY_FILE,
        "site": keys / f"site-{environment.site}.x25519",
        "node": keys / f"node-{environment.node}.ed25519",
        "paper": keys / certificate.KEY,
    }
    missing = [path for path in names.values() if not path.exists()]
    replaceable = {names[one] for one in ("django-secret", "mldsa", "paper", "witness")}
    needed = [path for path in missing if path not in replaceable]
    if in_use and needed:
        raise SetUpRefused(
            f"The key file {needed[-1]} is missing, and the database depends on it; "
            "restore it from your backup."
        )
    if missing:
        say(f"keys: creating {len(missing)} in {keys}")
    found = {
        name: read_key(path) if path.exists() else create_key(path)
        for name, path in names.items()
    }
    if certificate.certify(keys, environment.organisation):
        say("keys: making the certificate that signs PDF reports")
    public = keys / "gateway.pub"
    text = (
        Ed25519PrivateKey.from_private_bytes(found["gateway"]).public_key().public_bytes_raw()
    )
    if not public.exists() or public.read_text().strip() != text.hex():
        _write_public(public, text.hex())
    return found


def _restored(environment: Environment) -> None:
    """Refuse what the notary would refuse; erase again what an older database brought back."""
    ring = ring_of(environment)
    held = ledger.current()
    origin = origin_of(environment.organisation, held.number)
    places = Places(environment.data / "log", environment.checkpoints)
    try:
        keys = rotation.chain(places, origin, public_of(ring.current()))
    except CheckpointInvalid as error:
        raise SetUpRefused(str(error)) from error
    if ring.find(keys.current) is None:
        raise SetUpRefused(f"{rotation.older(keys)} {_HANDED_ON}")
    newest = copies.ahead(held, copies.known(places, origin, keys))
    if newest is not None:
        raise SetUpRefused(behind(held, newest))
    if environment.data.joinpath("vault").is_dir():
        erasure.reapply(source="command")
        erased.clear("command")


def _write_public(path: Path, text: str) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(f"{text}\n")
    scratch.replace(path)


def _site(environment: Environment, key: bytes) -> Site:
    public = X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    found = Site.objects.filter(name=environment.site).first()
    if found:
        _same_key(found.public_key, public, f"site-{environment.site}.x25519")
        if found.country != environment.country and "DOMICILE_COUNTRY" in os.environ:
            raise SetUpRefused(
                f"Site {found.name} stands in {found.country} on the record, and "
                f"DOMICILE_COUNTRY says {environment.country}; a site does not move. Leave the "
                "variable out, or register another site."
            )
        return found
    with recorded():
        site = Site.objects.create(
            name=environment.site, country=environment.country, public_key=public
        )
        _record(
            "site.registered",
            about=[site],
            site=site.name,
            country=site.country,
            public_key=public.hex(),
        )
    return site


def _node(environment: Environment, site: Site, key: bytes) -> Node:
    public = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    found = Node.objects.filter(name=environment.node).first()
    if found:
        _same_key(found.public_key, public, f"node-{environment.node}.ed25519")
        return found
    with recorded():
        node = Node.objects.create(name=environment.node, site=site, public_key=public)
        _record(
            "node.enrolled",
            about=[node],
            node=node.name,
            site=site.name,
            public_key=public.hex(),
        )
    return node


def _same_key(stored: bytes | memoryview[int], public: bytes, name: str) -> None:
    if bytes(stored) != public:
        raise SetUpRefused(
            f"The key file keys/{name} is not the one on the record; "
            "restore the right one from your backup."
        )


def _model(name: str, say: Say) -> Model:
    """The model that is served here: registered, or one that comes with the appliance."""
    entry = registry.CATALOGUE.get(name)
    found = Model.objects.filter(name=name).first()
    if found:
        if entry is not None:
            shipping.complete(found, entry, "set-up")
        return found
    if entry is None:
        raise SetUpRefused(
            f"DOMICILE_MODEL is {name[:80]!r}, which is not registered; with this Domicile "
            f"comes {', '.join(registry.CATALOGUE)}. Import others first: manage.py models "
            "import."
        )
    say(f"model: checking the weights of {entry.name} ({entry.size // 2**20} MiB)")
    entry.check()
    return shipping.register(entry, "set-up")


def _placement(model: Model, node: Node) -> None:
    """This machine is to serve the model that it names, even before it says what lies here."""
    with recorded():
        if not node.placements.filter(deployment__model=model).exists():
            Foreman(node.site, "set-up", "command", said={}).pin(model, node)


def _policy(keys: Path) -> None:
    """The first version, signed by the installer key, which is made with it."""
    if PolicySignature.objects.exists():
        if keys.joinpath(KEY_FILE).exists():
            ensure_key(keys)
        elif not keys.joinpath(INSTALLER_PUBLIC).exists():
            raise SetUpRefused(
                f"The key file {keys / INSTALLER_PUBLIC} is missing, and the policy's "
                "signatures depend on it; restore it from your backup."
            )
        return
    versions = list(PolicyVersion.objects.all())
    if not versions:
        install(DEFAULT, keys)
    elif [one.digest for one in versions] == [DEFAULT.digest] and versions[0].activated:
        sign_installed(versions[0], DEFAULT.name, keys)
    else:
        raise SetUpRefused(
            "The policy in the database is signed by nobody, and is not the one that an "
            "appliance starts with. Restore the database from your backup."
        )


def _people(data: Path, model: Model) -> Credentials | None:
    """The administrator, and the demo application with its key, all at once.

    The credentials are on the disk before their rows are committed: whoever is cut short
    between the two finds either none of them or both.
    """
    users = get_user_model().objects
    with recorded():
        if users.filter(is_superuser=True).exists():
            return kept_credentials(data)
        password = secrets.token_urlsafe(18)
        groups = Group.objects.filter(name__in=RIGHTS)
        _record("roles.set", roles=rights_of(groups))
        admin = users.create_superuser(ADMINISTRATOR, password=password)
        _record("user.created", about=[admin], user=ADMINISTRATOR, administrator=True)
        application = Application.objects.create(
            name=DEMO_APPLICATION,
            purpose="Trying out the appliance with made-up data.",
            legal_basis="6-1-f",
            ropa_reference="demo",
            owner=ADMINISTRATOR,
        )
        _record(
            "application.registered",
            about=[application],
            application=application,
            label_key_sha256=label_key_digest(bytes(application.label_key)),
            name=application.name,
            purpose=application.purpose,
            legal_basis=application.legal_basis,
            ropa_reference=application.ropa_reference,
            owner=application.owner,
        )
        key, plaintext = APIKey.issue(application, note="Made by the set-up.")
        _record(
            "api_key.issued",
            about=[key],
            application=application,
            prefix=key.prefix,
            note=key.note,
        )
        credentials = Credentials(ADMINISTRATOR, password, plaintext, model.name)
        keep_unconfirmed(data, credentials)
    return credentials


def _record(
    kind: str,
    *,
    about: Iterable[models.Model] = (),
    application: Application | None = None,
    **detail: Any,
) -> None:
    """Append an event inside the caller's transaction, which made the objects in `about`."""
    said: Mapping[str, Any] = {"actor": "set-up", **detail}
    journal.record(
        "command",
        [
            Event(
                type=kind,
                time=now(),
                detail=said,
                application=str(application.id) if application else None,
                label_key=bytes(application.label_key) if application else None,
            )
        ],
        about,
    )
