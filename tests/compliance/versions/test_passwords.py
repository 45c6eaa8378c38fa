"""An approval key follows the own password, and no password that somebody else sets."""

from __future__ import annotations

import pytest
from django.urls import reverse

from compliance.admin.people import OwnPasswordForm
from compliance.models import Change
from compliance.versions import Refused
from compliance.versions.approve import approve
from tests.compliance.versions.people import (
    PASSWORD,
    approver,
    details,
    officer,
    person,
    proposed,
    rule,
    standing,
)

pytestmark = pytest.mark.usefixtures("appliance")
NEW = "another horse, another battery"


def test_who_changes_the_own_password_signs_with_the_new_one_and_not_with_the_old():
    version, other = proposed(officer(), rule("a")), approver()
    given = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    form = OwnPasswordForm(other, given)
    assert form.is_valid(), form.errors
    form.save()
    with pytest.raises(Refused, match="not your password"):
        approve(version, other, PASSWORD, active_from=None, recall=False)
    approve(version, other, NEW, active_from=None, recall=False)
    assert standing().active.by == ("olga", "anna")
    assert [one["person"] for one in details("approval_key.resealed")] == ["anna"]
    assert not Change.objects.filter(table="compliance_approvalkey").exists()


def test_a_password_that_somebody_else_sets_ends_the_key(client):
    version, other = proposed(officer(), rule("a")), approver()
    client.force_login(person("root", is_superuser=True))
    page = reverse("admin:user_password", args=[other.pk])
    answer = client.post(page, {"password1": NEW, "password2": NEW})
    assert answer.status_code == 302
    assert [one["actor"] for one in details("approval_key.revoked")] == ["root"]
    with pytest.raises(Refused, match="no approval key"):
        approve(version, other, NEW, active_from=None, recall=False)
    assert standing().active.number == 1
