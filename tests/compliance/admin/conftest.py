import dataclasses
import json
import threading

import pytest
from django.contrib.auth.models import Group, User

from compliance.admin.overview import counted
from compliance.admin.roles import RIGHTS
from compliance.audit import catalogue
from compliance.models import Change, Event

PASSWORD = "correct horse battery staple"


def person(role=None, **more):
    user = User(username=more.pop("username", role or "nobody"), is_staff=True, **more)
    user.set_unusable_password()
    user.save()
    if role:
        user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def console(database, client, settings, tmp_path):
    """A client of the console on a database of its own; log in with `as_`."""
    settings.DOMICILE = dataclasses.replace(settings.DOMICILE, data=tmp_path)
    counted.forget()

    def as_(role=None, **more):
        user = person(role, **more)
        client.force_login(user)
        return user

    client.as_ = as_
    client.post = nothing_unrecorded(client.post)
    yield client
    strangers = {
        stranger
        for event in Event.objects.filter(source="console").exclude(detail=None)
        for stranger in catalogue.unknown(event.type, json.loads(bytes(event.detail or b"")))
    }
    assert not strangers, "not in the catalogue of events"
    for thread in threading.enumerate():
        if thread.name == "verify":
            thread.join()  # its database goes with the test


def nothing_unrecorded(post):
    """What the console does, an event says: else the notary would raise an alarm."""

    def posted(*given, **named):
        known = set(Change.objects.values_list("pk", flat=True))
        answer = post(*given, **named)
        left = [str(one) for one in Change.objects.exclude(pk__in=known)]
        assert not left, f"no event speaks of: {left}"
        return answer

    return posted


@pytest.fixture(params=sorted(RIGHTS))
def role(request):
    return request.param
