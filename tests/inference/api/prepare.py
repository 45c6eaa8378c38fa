"""Makes a data folder with a site, a node and a model of the test's; prints an API key.

Run as a process of its own, with the gateway's environment.
"""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "appliance.settings")
django.setup()

from django.conf import settings  # noqa: E402 - after the set-up
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from compliance.audit.keys import secret  # noqa: E402
from compliance.models import APIKey, Application, Site  # noqa: E402
from compliance.policy.default import DEFAULT  # noqa: E402
from compliance.policy.rules import document, parse  # noqa: E402
from compliance.versions.install import install  # noqa: E402
from inference.models import Model, Node  # noqa: E402
from tests.compliance.admin.stories import placed  # noqa: E402

RULES = document(DEFAULT)
RULES["rules"] = [
    *RULES["rules"],
    {
        "id": "people-look",
        "description": "A person looks at what this application asks.",
        "when": {"applications": ["held"]},
        "effect": "hold",
    },
    {
        "id": "duties",
        "description": "What this application gets is short, marked, looked at and not kept.",
        "when": {"applications": ["obliged"]},
        "effect": "allow",
        "obligations": {
            "content_days": 0,
            "mark_output": True,
            "max_tokens": 5,
            "review": True,
        },
    },
    {
        "id": "no-reasoning",
        "description": "This application gets answers without how they came about.",
        "when": {"applications": ["quiet"]},
        "effect": "allow",
        "obligations": {"withhold_reasoning": True},
    },
    {
        "id": "names-for-names",
        "description": "Models read letters of this application as a person wrote them.",
        "when": {"applications": ["letters"]},
        "effect": "allow",
        "obligations": {"realistic_pseudonyms": True},
    },
    {
        "id": "screened",
        "description": "This application gets no personal data or credentials of others.",
        "when": {"applications": ["screened"]},
        "effect": "allow",
        "obligations": {
            "mask_answers": ["personal", "payment"],
            "block_answers": ["credential"],
        },
    },
    {
        "id": "batch-blocked",
        "description": "This application answers people, not files.",
        "when": {"applications": ["obliged"], "request_class": "batch"},
        "effect": "block",
    },
]
"""The policy that an appliance starts with, and rules about applications of tests' own."""


def main(site_key: str, node_key: str, weights: str) -> None:
    call_command("migrate", verbosity=0)
    keys = settings.DOMICILE.data / "keys"
    for name in ("django-secret", "gateway.ed25519", "subject-index"):
        secret(keys / name)
    install(parse(json.dumps(RULES)))
    application = Application.objects.create(
        name="demo",
        purpose="Tests",
        legal_basis="6-1-f",
        ropa_reference="T-1",
        owner="tests",
        requests_per_minute=0,
        tokens_per_minute=0,
        concurrent_requests=0,
    )
    site = Site.objects.create(name="lab", country="DE", public_key=bytes.fromhex(site_key))
    node = Node.objects.create(name="lab-1", site=site, public_key=bytes.fromhex(node_key))
    model = Model.objects.create(
        name="scripted",
        engine="script",
        digest=weights,
        size=1,
        licence="Apache-2.0",
        origin="tests",
        context_length=2048,
        licence_accepted=timezone.now(),
        manifest=json.dumps({"options": {"reasoning_parser": "qwen3"}}),
    )
    placed(model, node, queue_limit=32)
    law = Model.objects.create(
        name="scripted:law",
        kind=Model.Kind.ADAPTER,
        base=model,
        engine="script",
        digest="cd" * 32,
        size=1,
        licence="Apache-2.0",
        origin="tests",
        context_length=2048,
        licence_accepted=timezone.now(),
    )
    placed(law, node, queue_limit=32)
    model.pk, model.name, model.task = None, "vectors", Model.Task.EMBEDDINGS
    model.save()
    placed(model, node, queue_limit=32)
    _, plaintext = APIKey.issue(application)
    sys.stdout.write(plaintext)


if __name__ == "__main__":
    main(*sys.argv[1:])
