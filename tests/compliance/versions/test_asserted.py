"""No version of which an assertion is violated gets anybody's signature."""

from __future__ import annotations

import json

import pytest

from compliance.models import PolicySignature, PolicyVersion, Site
from compliance.policy.rules import Condition, Rule
from compliance.versions import Refused, asserted, drafts
from compliance.versions.approve import approve
from compliance.versions.propose import propose
from compliance.versions.tighten import tighten
from compliance.vocabulary import Effect
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    details,
    draft,
    officer,
    rule,
    sound,
)

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("appliance")]

STAYS = {
    "id": "personal-stays",
    "description": "Personal data stays in Germany.",
    "never": {"categories": ["personal"], "outside": {"countries": ["DE"]}},
}
IN_GERMANY = rule("in-germany", "allow") | {"when": {}, "where": {"countries": ["DE"]}}
AT_BERLIN = rule("at-berlin", "allow") | {"when": {}, "where": {"sites": ["berlin"]}}


def asserting(who, *rules):
    made = draft(who, *rules)
    document = json.loads(made.document) | {"assertions": [STAYS]}
    return drafts.save(made, json.dumps(document), person=who, seen=made.revision)


def test_a_version_that_violates_its_own_assertion_is_not_proposed_and_the_example_is_told():
    olga = officer()
    before = (PolicyVersion.objects.count(), PolicySignature.objects.count())
    with pytest.raises(Refused) as refused:
        propose(asserting(olga), olga, PASSWORD, note="A test.")
    assert refused.value.field == "assertions"
    said = str(refused.value)
    assert (
        "The assertion “personal-stays” (“Personal data stays in Germany.”) does not hold."
        in said
    )
    assert "It may go to a site in France that no rule names." in said
    assert (PolicyVersion.objects.count(), PolicySignature.objects.count()) == before


def test_a_version_that_keeps_to_its_assertions_is_signed_and_the_proof_is_on_the_record():
    olga, anna = officer(), approver()
    version = propose(asserting(olga, IN_GERMANY), olga, PASSWORD, note="A test.")
    approve(version, anna, PASSWORD, active_from=None, recall=False)
    assert sound().active.digest == version.digest
    for kind in ("policy.proposed", "policy.approved"):
        (detail,) = details(kind)
        (proof,) = detail["assertions"]
        assert (proof["id"], proof["verdict"]) == ("personal-stays", "proved")
        assert proof["spent"] > 0
    tighten([Rule("stop", "No.", Condition(), Effect.BLOCK)], olga, PASSWORD, reason="A leak.")
    assert [one.id for one in sound().active.policy.assertions] == ["personal-stays"]


def test_an_approval_proves_anew_by_the_sites_as_they_are_registered_then():
    Site.objects.create(name="berlin", country="DE", public_key=bytes(32))
    olga, anna = officer(), approver()
    version = propose(asserting(olga, AT_BERLIN), olga, PASSWORD, note="A test.")
    Site.objects.update(country="US")
    with pytest.raises(Refused) as refused:
        approve(version, anna, PASSWORD, active_from=None, recall=False)
    assert "It may go to the site “berlin” in the United States." in str(refused.value)
    assert sound().active.digest != version.digest


def test_what_the_solver_cannot_decide_is_refused_too(monkeypatch):
    monkeypatch.setattr(asserted, "LIMIT", 1)
    olga = officer()
    with pytest.raises(Refused) as refused:
        propose(asserting(olga, IN_GERMANY), olga, PASSWORD, note="A test.")
    assert "could not be decided" in str(refused.value)
