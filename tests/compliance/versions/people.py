"""People with roles and approval keys, and the story of a version that they sign."""

from __future__ import annotations

import json

from django.contrib.auth.models import Group, User

from compliance.admin.roles import APPROVER, OFFICER
from compliance.models import Event, PolicyDraft, PolicyVersion
from compliance.versions import drafts, keys, load
from compliance.versions.approve import approve
from compliance.versions.propose import propose

PASSWORD = "correct horse battery staple"


def sound(**more):
    """What counts, for whoever decides by it."""
    return load.sound(**more)


def standing(**more):
    """What counts, or what is wrong."""
    return load.standing(**more)


def details(kind):
    """Of each event of a type, in order."""
    found = Event.objects.filter(type=kind).order_by("id")
    return [json.loads(bytes(one.detail or b"")) for one in found]


def person(name, *roles, **more):
    user = User(username=name, is_staff=True, **more)
    user.set_password(PASSWORD)
    user.save()
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def officer(name="olga", *, key=True):
    user = person(name, OFFICER)
    if key:
        keys.create(user, PASSWORD, "propose")
    return user


def approver(name="anna", *, key=True):
    user = person(name, APPROVER)
    if key:
        keys.create(user, PASSWORD, "approve")
    return user


def rule(name, effect="block", **when):
    condition = when or {"models": ["another"]}
    return {"id": name, "description": f"About {name}.", "when": condition, "effect": effect}


def draft(who, *rules, without=()) -> PolicyDraft:
    """A draft of the version that counts, with more rules or without some."""
    made = drafts.start(who, based_on=None, note="A test.")
    document = json.loads(made.document)
    kept = [one for one in document["rules"] if one["id"] not in without]
    document["rules"] = kept + list(rules)
    return drafts.save(made, json.dumps(document), person=who, seen=made.revision)


def proposed(who, *rules, **more) -> PolicyVersion:
    return propose(draft(who, *rules, **more), who, PASSWORD, note="A test.")


def counting(one, other, *rules, active_from=None, recall=False, **more) -> PolicyVersion:
    """A version that two people signed."""
    version = proposed(one, *rules, **more)
    approve(version, other, PASSWORD, active_from=active_from, recall=recall)
    return version
