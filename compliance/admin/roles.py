"""The five roles: which rights each group has. Set anew at each upgrade.

Nobody has the right to change the record, and nobody deletes: what the record speaks of
stays. Whoever may log in to the console and has no role sees nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions

from compliance import vocabulary
from compliance.audit import journal
from compliance.audit.changes import cover, recorded
from compliance.gate import now
from compliance.models import Event

ADMINISTRATOR = "Administrator"
OFFICER = "Compliance officer"
OPERATOR = "Operator"
AUDITOR = "Auditor"
APPROVER = "Policy approver"

_RECORD = (
    "compliance.view_event",
    "compliance.view_alarm",
    "compliance.view_erasure",
    "compliance.view_hold",
    "compliance.view_policyversion",
    "compliance.view_witness",
    "compliance.view_witnessedlog",
)
_CLIENTS = (
    "compliance.view_application",
    "compliance.view_apikey",
    "inference.view_adaptergrant",
)
_MACHINES = (
    "inference.view_nodeenrolment",
    "compliance.view_site",
    "inference.view_node",
    "inference.view_model",
    "inference.view_deployment",
    "inference.view_placement",
)
_PEOPLE = ("auth.view_user", "auth.view_group")
_EDIT_CLIENTS = (
    "compliance.add_application",
    "compliance.change_application",
    "compliance.add_apikey",
    "compliance.change_apikey",
    "inference.add_adaptergrant",
    "inference.change_adaptergrant",
)
_SWITCH_MACHINES = (
    "compliance.add_site",
    "compliance.change_site",
    "inference.add_nodeenrolment",
    "inference.change_nodeenrolment",
    "inference.change_node",
    "inference.add_deployment",
    "inference.change_deployment",
    "inference.change_placement",
)
_PACKS = ("compliance.view_packanswer",)
_TYPE_PACKS = ("compliance.add_packanswer",)
_CONTENT = ("compliance.erase_content", "compliance.disclose_content")
_WITNESSES = (
    "compliance.add_witness",
    "compliance.change_witness",
    "compliance.add_witnessedlog",
    "compliance.change_witnessedlog",
    "compliance.add_witnesspolicy",
)
_HOLDS = ("compliance.decide_hold",)
_EXPORT = ("compliance.add_export",)  # also to see the runs of others, and their files
_EDIT_PEOPLE = ("auth.add_user", "auth.change_user")
_POLICIES = ("compliance.view_policydraft", "compliance.view_approvalkey")
_SEE_ALL = (*_RECORD, *_CLIENTS, *_MACHINES, *_PEOPLE, *_PACKS, *_POLICIES)
_PROPOSE = (
    "compliance.add_policydraft",
    "compliance.change_policydraft",
    "compliance.propose_policyversion",
)
_APPROVE = ("compliance.approve_policyversion",)

RIGHTS: Mapping[str, frozenset[str]] = {
    ADMINISTRATOR: frozenset((*_SEE_ALL, *_EDIT_CLIENTS, *_SWITCH_MACHINES, *_EDIT_PEOPLE)),
    OFFICER: frozenset(
        (
            *_SEE_ALL,
            *_EXPORT,
            "inference.change_model",
            "compliance.change_alarm",
            *_EDIT_CLIENTS,
            *_CONTENT,
            *_HOLDS,
            *_TYPE_PACKS,
            *_WITNESSES,
            *_PROPOSE,
        )
    ),
    OPERATOR: frozenset((*_RECORD, *_CLIENTS, *_MACHINES, *_SWITCH_MACHINES)),
    AUDITOR: frozenset((*_SEE_ALL, *_EXPORT)),
    APPROVER: frozenset((*_SEE_ALL, *_APPROVE, *_HOLDS)),
}
"""Rights by role, as `app.codename`. `compliance.view_event` includes verifying the log."""


def ensure(app_config: AppConfig, using: str = "default", **_signal: Any) -> None:
    """Make the groups and give them exactly their rights; receives `post_migrate`.

    Called for each app: a right exists once its app's models do. What an upgrade changes is
    recorded here; what a new appliance begins with, by its set-up.
    """
    from django.contrib.auth.models import Group, Permission  # noqa: PLC0415 - needs the models

    if app_config.label not in {"auth", "compliance", "inference"}:
        return
    create_permissions(app_config, verbosity=0, interactive=False, using=using)
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.using(using).select_related("content_type")
    }
    with recorded():
        groups = [Group.objects.using(using).get_or_create(name=name)[0] for name in RIGHTS]
        before = rights_of(groups)
        for group in groups:
            rights = RIGHTS[group.name]
            group.permissions.set([known[right] for right in rights if right in known])
        changed = _differences(before, rights_of(groups))
        if not changed or not Event.objects.exists():
            cover(groups)
        else:
            event = vocabulary.Event(
                "roles.changed", now(), {"actor": "migration", "roles": changed}
            )
            journal.record("command", [event], groups)


def rights_of(groups: Iterable[Any]) -> dict[str, list[str]]:
    """The rights that each group has, sorted, by its name."""
    names = ("content_type__app_label", "codename")
    return {
        group.name: sorted(".".join(pair) for pair in group.permissions.values_list(*names))
        for group in groups
    }


def _differences(
    before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> dict[str, dict[str, list[str]]]:
    found = {
        name: {
            "added": sorted({*after[name]} - {*before[name]}),
            "removed": sorted({*before[name]} - {*after[name]}),
        }
        for name in after
    }
    return {name: one for name, one in found.items() if one["added"] or one["removed"]}
