"""What a pack says after a retention rule removed details: no more and no less than is left."""

import datetime as dt
import hashlib

from compliance.audit import retention
from compliance.models import Event, PolicyVersion
from tests.compliance.evidence.filling import WEIGHTS, fields

LATER = dt.timedelta(days=400)
DAYS = '{"retention":{"details_days":30}}'


def removed(record):
    """Let a year go by: the details of what was told and asked until now are removed."""
    record.sign()
    now = dt.datetime.now(dt.UTC)
    digest = hashlib.sha256(DAYS.encode()).hexdigest()
    PolicyVersion.objects.create(number=1, document=DAYS, digest=digest, activated=now)
    retention.prune(now + LATER)
    record.sign()


def test_sites_models_and_engines_are_known_however_long_ago_they_were_registered(
    record, build
):
    record.model()
    record.told("site.registered", {"site": "home", "country": "DE", "public_key": "00"})
    record.told("login.failed", {"user": "eve"})
    removed(record)
    assert Event.objects.get(type="login.failed").detail is None
    found = fields(build("dora-register", applications=("crm",))[0], "")
    assert found["sites"]["value"] == "home (DE)"
    assert found["models"]["value"].startswith("m: Apache-2.0")
    engines = fields(build("ml-bom")[0], WEIGHTS)["engines"]["value"]
    assert engines.count("llamacpp 1.2 on node") == 2
