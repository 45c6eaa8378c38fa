"""No version that would block everything gets anybody's signature."""

from __future__ import annotations

import pytest

from compliance.models import PolicySignature, PolicyVersion
from compliance.versions import Refused, passing
from tests.compliance.versions.people import officer, proposed, rule

pytestmark = [pytest.mark.database, pytest.mark.usefixtures("appliance")]

UNCHECKED = rule("unchecked", names_unchecked=True)
CHECKED = rule("checked", names_unchecked=False)


def stored():
    return PolicyVersion.objects.count(), PolicySignature.objects.count()


def test_a_version_that_blocks_all_by_two_rules_together_is_not_proposed():
    olga = officer()
    before = stored()
    with pytest.raises(Refused) as refused:
        proposed(olga, UNCHECKED, CHECKED)
    assert refused.value.field == "document"
    assert refused.value.message == (
        "This policy would block every request of any application."
    )
    assert stored() == before


def test_what_is_not_found_out_is_not_proposed_either(monkeypatch):
    monkeypatch.setattr(passing, "LIMIT", 1)
    olga = officer()
    before = stored()
    with pytest.raises(Refused, match="could not be found out"):
        proposed(olga, CHECKED)
    assert stored() == before


def test_a_version_that_blocks_what_is_plain_and_no_more_is_proposed():
    proposed(officer(), CHECKED, without=["names-unchecked"])
