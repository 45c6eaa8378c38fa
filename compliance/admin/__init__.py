"""The console, for compliance officers, operators and auditors.

site            the AdminSite, its navigation and the overview's panels
recording       an event in the transaction of what it records
editing         forms with short transactions; switching things off and on
roles           the five groups and their rights
sessions        logins on the record; sessions that end
applications, api_keys, policies, places, people    what is shown and changed
policy_draft, policy_rule, policy_text    a policy that is written: whole, by rules, as text
policy_rule_form, policy_rule_fields, policy_fields, policy_world    a rule as a form
policy_votes, policy_propose, policy_approve, policy_tighten    what people sign about one
policy_shown, policy_signed, approval_keys    a policy in words, and who signed it by which key
simulations, playground    a policy tried: on recorded requests, and on a text
policy_choice   which policy is tried
policy_parts, policy_own_form, policy_ignored_form    what stands beside the rules
retention       what is kept how long, and when the next details go
window          reading the record newest first, fast at any size
events, requests, story                             the record, shown
exports         exports asked for, downloaded, cancelled and removed
pdf_certificate who signs the PDFs in them
verification    "Verify the log"
verifier        the verifier of evidence, as a page
contents        kept prompts and answers, shown to who may see them
holds           requests that wait for a person
erasures        what was erased, and the form to erase
witnesses, witness_policy    who cosigns this log, and whose logs are cosigned here
alarms          what an officer must look into, until one has
overview        the front page's panels
coverage        what the loaded recognisers can find
"""

from django.db.models.signals import post_migrate

from compliance.admin import (
    alarms,
    api_keys,
    applications,
    approval_keys,
    contents,
    erasures,
    events,
    exports,
    holds,
    overview,
    packs,
    pdf_certificate,
    people,
    places,
    playground,
    policies,
    policy_assertions,
    policy_proofs,
    sessions,
    simulations,
    verification,
    verifier,
    witness_policy,
    witnesses,
)
from compliance.admin.roles import ensure

post_migrate.connect(ensure, dispatch_uid="console roles")

__all__ = [
    "alarms",
    "api_keys",
    "applications",
    "approval_keys",
    "contents",
    "erasures",
    "events",
    "exports",
    "holds",
    "overview",
    "packs",
    "pdf_certificate",
    "people",
    "places",
    "playground",
    "policies",
    "policy_assertions",
    "policy_proofs",
    "sessions",
    "simulations",
    "verification",
    "verifier",
    "witness_policy",
    "witnesses",
]
