"""What a pack says after a retention rule removed details: no more and no less than is left."""

import datetime as dt
import hashlib
import re

import pytest

from compliance.audit import retention
from compliance.models import Event, PolicyVersion
from tests.compliance.evidence.filling import PERSON, WEIGHTS, fields

KEPT = b'{"part":"prompt","body":"Dear Anna"}'
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


RESTS_ON_REQUESTS = {
    "access-request": ("purposes", "categories", "recipients", "transfers"),
    "dora-register": ("processing",),
    "ml-bom": ("use",),
    "record-of-processing": ("data_categories", "recipients", "transfers"),
}
GONE = "removed by retention rules"


def told(build, pack):
    """What the pack says where it counts requests, of the application `crm` if of any."""
    asked = {} if pack == "ml-bom" else {"applications": ("crm",)}
    found = fields(build(pack, **asked)[0])
    return [found[name] for name in RESTS_ON_REQUESTS[pack]]


@pytest.mark.parametrize("pack", RESTS_ON_REQUESTS)
def test_nothing_is_denied_where_the_details_that_would_tell_were_removed(record, build, pack):
    record.model()
    record.request(record.crm, named=(PERSON,), country="US", kept=KEPT)
    removed(record)
    for field in told(build, pack):
        assert (field["origin"], field["value"]) == ("missing", "")
        assert GONE in field["note"]
        assert not re.search(r"\bno(ne)?\b (of|request|entry)", field["note"], re.IGNORECASE)


@pytest.mark.parametrize("pack", RESTS_ON_REQUESTS)
def test_what_is_counted_is_called_a_part_where_other_details_were_removed(record, build, pack):
    record.model()
    record.request(record.crm, named=(PERSON,), country="US", kept=KEPT)
    removed(record)
    record.request(record.crm, named=(PERSON,))
    record.sign()
    for field in told(build, pack):
        assert field["origin"] == "verified"
        assert GONE in field["note"]
        assert not field["value"].startswith("None.")


def test_what_the_type_of_an_event_says_is_counted_without_its_detail(record, build):
    record.request(record.mail, decision="block")
    removed(record)
    found = fields(build("ai-logs")[0])
    assert found["risks"]["data"]["events"] == {"block": 1}
    assert found["operation"]["data"]["decisions"] == {"block": 1}
    assert GONE in found["risks"]["note"]
