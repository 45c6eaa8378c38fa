"""An appliance's rows, made by the code that makes them in an appliance."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.db.models import F
from django.utils import timezone

from compliance import gate, vocabulary
from compliance.audit.notary import Notary
from compliance.audit.writer import Writer
from compliance.detection.segments import segments
from compliance.models import Application, PolicyVersion, Site
from compliance.policy.default import DEFAULT
from compliance.versions.install import install
from compliance.vocabulary import Category, Finding, Scan
from inference.clearance import Receipt, sign
from inference.models import Deployment, Model, Node, Placement
from tests.services.waiting import PATIENCE

NODE_KEY = Ed25519PrivateKey.generate()
SITE_KEY = X25519PrivateKey.generate()
DIGEST = "5e" * 32
COVERAGE = frozenset({(Category.PERSONAL, "EMAIL_ADDRESS"), (Category.CREDENTIAL, "API_KEY")})


def application(name: str = "helpdesk", **changes: Any) -> Application:
    values = {
        "purpose": "Answering questions of customers.",
        "legal_basis": "6-1-b",
        "ropa_reference": "VVT-17",
        "owner": "Customer care",
    }
    return Application.objects.create(name=name, **values | changes)


def machines() -> Placement:
    """A site, a node, a model, and the model served there."""
    site = Site.objects.create(
        name="home", country="DE", public_key=SITE_KEY.public_key().public_bytes_raw()
    )
    node = Node.objects.create(
        name="node-1", site=site, public_key=NODE_KEY.public_key().public_bytes_raw()
    )
    model = Model.objects.create(
        name="smollm2-135m-instruct",
        engine="llamacpp",
        digest=DIGEST,
        size=144_811_232,
        licence="Apache-2.0",
        origin="HuggingFaceTB",
        context_length=2048,
        licence_accepted=timezone.now(),
    )
    return placed(model, node)


def placed(model: Model, node: Node, **more: Any) -> Placement:
    """The model served by the node, as one more replica at its site."""
    deployment, fresh = Deployment.objects.get_or_create(
        model=model, site=node.site, defaults=more
    )
    if not fresh:
        Deployment.objects.filter(pk=deployment.pk).update(replicas=F("replicas") + 1)
    return Placement.objects.create(deployment=deployment, node=node)


def policy() -> PolicyVersion:
    """The policy that an appliance starts with, signed by its installer."""
    return install(DEFAULT)


def request_of(owner: Application, text: str) -> vocabulary.Request:
    body = {"model": "smollm2-135m-instruct", "messages": [{"role": "user", "content": text}]}
    return vocabulary.Request(
        id=secrets.token_hex(16),
        application=vocabulary.Application(
            id=str(owner.pk),
            name=owner.name,
            purpose=owner.purpose,
            legal_basis=owner.legal_basis,
            ropa_reference=owner.ropa_reference,
            label_key=bytes(owner.label_key),
            requests_per_minute=owner.requests_per_minute,
            tokens_per_minute=owner.tokens_per_minute,
            concurrent_requests=owner.concurrent_requests,
        ),
        api_key="0123456789ab",
        endpoint=vocabulary.Endpoint.CHAT,
        model="smollm2-135m-instruct",
        stream=True,
        body=body,
        segments=segments(body),
        subjects=(),
        received=gate.now(),
    )


def found(text: str) -> Scan:
    """Finds what tests plant: an address, or a key."""
    findings = []
    for planted, entity, category in (
        ("anna@example.org", "EMAIL_ADDRESS", Category.PERSONAL),
        ("sk-planted", "API_KEY", Category.CREDENTIAL),
    ):
        if planted in text:
            start = text.index(planted)
            findings.append(
                Finding(0, start, start + len(planted), entity, category, 1.0, "planted")
            )
    return Scan(tuple(findings), languages=("en",))


def place(model: str, sites: tuple[str, ...] | None) -> vocabulary.Place:
    return vocabulary.Place(
        site="home",
        country="DE",
        site_key=SITE_KEY.public_key().public_bytes_raw(),
        model=model,
        model_digest=DIGEST,
        licence="Apache-2.0",
        queue=f"inference.home.{model}",
    )


def receipt(request: vocabulary.Request, **changes: Any) -> dict[str, Any]:
    """What the node signs after an answer."""
    began = time.time_ns() // 1000
    values: dict[str, Any] = {
        "ticket": secrets.token_hex(16),
        "request": request.id,
        "attempt": 1,
        "site": "home",
        "node": "node-1",
        "model": request.model,
        "weights": DIGEST,
        "engine": "llamacpp",
        "policy_digest": DEFAULT.digest,
        "prompt_tokens": 42,
        "completion_tokens": 17,
        "accepted": began,
        "started": began + 1_000,
        "finished": began + 412_000,
        "finish_reason": "stop",
    }
    return sign(Receipt(**values | changes), NODE_KEY)


async def _one(
    writer: Writer, owner: Application, text: str, end: str | None, detail: Mapping[str, Any]
) -> str:
    request = request_of(owner, text)

    async def scan(given: Sequence[vocabulary.Segment], _own: object = ()) -> Scan:
        if "undetectable" in text:
            raise vocabulary.DetectionFailed("the detector is not loaded")
        return found(given[0].text)

    try:
        admitted = await gate.admit(
            request,
            scan=scan,
            policy=DEFAULT,
            coverage=COVERAGE,
            append=writer.append,
            route=place,
            seal=lambda *_given: b"ticket",
            serving=lambda _model: vocabulary.Serving(),
        )
    except (gate.Blocked, gate.Refused):
        return request.id
    if end is not None:
        about = receipt(request) if end == "completed" else {}
        await gate.conclude(admitted, gate.Outcome(end, {**about, **detail}), writer.append)
    return request.id


def requests(
    owner: Application, *told: tuple[str, str | None], source: str = "web-1", **detail: Any
) -> list[str]:
    """One request for each text and end in `told`; their ids."""
    writer = Writer(source, on_fenced=lambda: None, timeout=PATIENCE)
    writer.start()

    async def all_of_them() -> list[str]:
        return [await _one(writer, owner, text, end, detail) for text, end in told]

    try:
        return asyncio.run(all_of_them())
    finally:
        writer.stop()


def integrate(folder: Path) -> Notary:
    """Put everything into the log at `folder`."""
    notary = Notary(folder, secrets.token_bytes(32), "domicile.test/log/1")
    while notary.integrate_once():
        pass
    return notary
