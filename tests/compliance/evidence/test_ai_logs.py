"""The pack of the logs of high-risk AI: what is counted, and the gaps and floors it names."""

import pytest

from compliance.evidence import packs
from compliance.models import Application
from tests.compliance.evidence.filling import fields

stored = pytest.mark.database


def test_only_applications_marked_as_high_risk_have_a_pack_of_their_logs(filled, build):
    with pytest.raises(packs.PackImpossible, match="crm is not marked"):
        build("ai-logs", applications=("crm",))
    Application.objects.update(high_risk=False)
    with pytest.raises(packs.PackImpossible, match="No application is marked"):
        build("ai-logs")


@stored
def test_logs_of_an_ai_system_are_counted_and_gaps_are_named(filled, build):
    filled.request(filled.mail, end=None)
    filled.told("writer.lost", {"source": "web-9", "epoch": 1, "events": 0})
    filled.sign()
    said, _ = build("ai-logs")
    found = fields(said, str(filled.mail.pk))
    assert found["automatic"]["data"] == {"requests": 4, "ends": 2, "open": 1}
    assert found["risks"]["data"]["events"] == {"block": 1, "failed": 1}
    assert found["gaps"]["data"] == {"events": {"writer.lost": 1}, "missing": 0, "open": 1}
    assert found["retention"]["data"]["kept"] is True
    assert found["verifiers"]["origin"] == "missing"
    assert said["law"]["sure"] is False


def test_a_floor_that_is_not_kept_is_said_loudly(filled, build):
    reason = "Another law."
    changed = {"details_days": 10, "retention_reason": reason}
    Application.objects.filter(pk=filled.mail.pk).update(**changed)
    changes = {name: {"from": None, "to": value} for name, value in changed.items()}
    filled.told("application.changed", {"application": "mail", "changes": changes}, filled.mail)
    filled.sign()
    found = fields(build("ai-logs")[0])["retention"]
    assert found["data"]["kept"] is False
    assert "IS NOT KEPT" in found["value"]
    assert reason in found["value"]
