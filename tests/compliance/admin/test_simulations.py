"""Simulations and the playground, through the console's door."""

import re
from dataclasses import replace

import pytest
from django.urls import reverse

from compliance.admin import playground
from compliance.models import PolicyDraft, Simulation
from compliance.policy.default import DEFAULT
from compliance.policy.rules import Condition, Rule, canonical, policy
from compliance.simulation import replay
from compliance.versions import install
from compliance.vocabulary import (
    Candidate,
    DetectionFailed,
    Effect,
    Endpoint,
    Obligations,
    Scan,
    Serving,
)
from tests.compliance.admin import stories
from tests.compliance.simulation.test_replay import asked, on_record

LIST, NEW = reverse("admin:compliance_simulation_changelist"), reverse("admin:new_simulation")
PLAY = reverse("admin:playground")
STRICT = policy(
    "strict",
    2,
    (
        *DEFAULT.rules,
        Rule("hr", "None of HR.", Condition(applications=frozenset({"hr"})), Effect.BLOCK),
    ),
)

QUIET = policy(
    "quiet",
    2,
    (
        Rule(
            "quiet",
            "No reasoning.",
            Condition(),
            Effect.ALLOW,
            obligations=Obligations(withhold_reasoning=True),
        ),
    ),
)


@pytest.fixture
def ruled(console, settings):
    """An appliance with its first version, and a draft."""
    install.install(DEFAULT)
    author = console.as_("Compliance officer")
    draft = PolicyDraft.objects.create(document=canonical(STRICT).decode(), author=author)
    console.draft = f"draft-{draft.pk}"
    return console


def text_of(answer):
    return " ".join(answer.content.decode().split())


def begun(client, **fields):
    answer = client.post(NEW, {"policy": client.draft, "days": 7} | fields)
    assert answer.status_code == 302, answer.context["form"].errors
    return Simulation.objects.latest("pk")


def test_an_empty_list_says_how_to_begin(ruled):
    assert "Try a draft on the requests of the last days" in text_of(ruled.get(LIST))


def test_a_draft_is_tried_and_the_page_tells_what_would_change(ruled):
    on_record(asked("hr"), asked("hr", days_ago=1), asked("demo"))
    run = begun(ruled)
    page = text_of(ruled.get(reverse("admin:simulation", args=[run.pk])))
    assert "Waits for its turn" in page
    assert "data-progress" in page
    replay.carry_out(run.pk)
    page = text_of(ruled.get(reverse("admin:simulation", args=[run.pk])))
    for words in (
        "2 of 3 requests would be decided otherwise",
        "2: pseudonymise → block",
        "personal data (GDPR Art. 4)",
        "outcome: pseudonymise becomes block",
        "1 of 1",
    ):
        assert words in page, words
    assert "2 of 3" in page
    heard = re.findall(r'role="region" aria-label="([^"]*)"|<h2[^>]*>([^<]*)</h2>', page)
    assert len(heard) == len(set(map("".join, heard))) > 4, "each part has a name of its own"
    assert "completed" in text_of(ruled.get(LIST))


def test_progress_is_told_to_the_page_that_waits(ruled):
    on_record(asked("hr"))
    run = begun(ruled)
    state = reverse("admin:simulation_state", args=[run.pk])
    said = ruled.get(state).json()
    assert (said["running"], said["done"], said["total"]) == (True, 0, run.last - run.begin)
    replay.carry_out(run.pk)
    assert not ruled.get(state).json()["running"]


def test_one_can_be_cancelled_and_says_so(ruled):
    run = begun(ruled)
    ruled.post(reverse("admin:cancel_simulation", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == "cancelled"
    again = ruled.post(reverse("admin:cancel_simulation", args=[run.pk]), follow=True)
    assert "It had ended already" in text_of(again)


def test_a_draft_that_cannot_be_read_is_named_with_its_fault(ruled):
    PolicyDraft.objects.update(document='{"name": "x", "version": 1, "rules": [], "colour": 1}')
    answer = ruled.post(NEW, {"policy": ruled.draft, "days": 7})
    assert "colour" in str(answer.context["form"].errors["policy"])
    assert not Simulation.objects.exists()


def test_bad_input_starts_nothing(ruled):
    for fields in ({"policy": "draft-999"}, {"days": "8"}, {"days": "x"}, {"policy": "../1"}):
        answer = ruled.post(NEW, {"policy": ruled.draft, "days": 7} | fields)
        assert answer.status_code == 200
        assert answer.context["form"].errors
    assert not Simulation.objects.exists()


@pytest.mark.parametrize(
    ("role", "starts"),
    [
        ("Compliance officer", True),
        ("Policy approver", True),
        ("Auditor", False),
        ("Operator", False),
    ],
)
def test_who_may_start_one_and_who_may_look(ruled, role, starts):
    run = begun(ruled)
    ruled.as_(role, username="another")
    assert ruled.get(reverse("admin:simulation", args=[run.pk])).status_code == 200
    assert ruled.get(NEW).status_code == (200 if starts else 403)
    posted = ruled.post(NEW, {"policy": ruled.draft, "days": 7})
    assert posted.status_code == (302 if starts else 403)
    assert ("New simulation" in text_of(ruled.get(LIST))) is starts
    cancelled = ruled.post(reverse("admin:cancel_simulation", args=[run.pk]))
    assert cancelled.status_code == (302 if starts else 403)


# --- The playground -----------------------------------------------------------------------

SERVING = Serving("Apache-2.0", "HuggingFaceTB", candidates=(Candidate("home", "DE"),))


@pytest.fixture
def bench():
    """What a web process provides; it finds what the stories plant."""

    def scan(segments, _own):
        if "fails" in segments[0].text:
            raise DetectionFailed("the detector has been stopped")
        return stories.found(segments[0].text)

    playground.provide(playground.Bench(scan, lambda _model: SERVING, lambda: ["small"]))
    yield
    playground.provide(None)


def tried(client, text, **fields):
    owner = stories.application(fields.pop("application", "helpdesk"))
    given = {"model": "small", "policy": "active", "request_class": "interactive"}
    given |= {"endpoint": "chat.completions"}
    return client.post(PLAY, given | {"text": text, "application": owner.pk} | fields)


def test_a_text_shows_its_findings_the_decision_and_what_the_model_gets(ruled, bench):
    page = tried(ruled, "Write to anna@example.org, please.")
    said = text_of(page)
    assert "<mark" in said
    assert "Write to [EMAIL_ADDRESS_1], please." in said
    assert "Other personal data is replaced by pseudonyms." in said
    assert page.context["tried"].outcome == "pseudonymise"
    assert "no-store" in page.headers["Cache-Control"]


def test_a_draft_decides_instead_where_it_is_chosen(ruled, bench):
    page = tried(ruled, "Hello.", application="hr", policy=ruled.draft)
    assert page.context["tried"].outcome == "block"
    assert "The model gets nothing." in text_of(page)


def test_the_names_are_shown_that_stand_for_names_of_the_application(ruled, bench):
    names = Rule(
        "names",
        "Names for names.",
        Condition(applications=frozenset({"letters"})),
        Effect.ALLOW,
        obligations=Obligations(realistic_pseudonyms=True),
    )
    document = canonical(policy("names", 2, (*DEFAULT.rules, names))).decode()
    PolicyDraft.objects.update(document=document)
    sent = {
        name: tried(ruled, "Write to anna@example.org.", application=name, policy=ruled.draft)
        .context["tried"]
        .sent
        for name in ("letters", "helpdesk")
    }
    assert sent["helpdesk"] == "Write to [EMAIL_ADDRESS_1]."
    assert re.fullmatch(r"Write to [a-z]\.[a-z]+@example\.(com|net|org)\.", sent["letters"])


def test_where_reasoning_cannot_be_told_apart_a_text_is_blocked_at_that_endpoint(ruled):
    serving = replace(SERVING, reasons=True)
    playground.provide(
        playground.Bench(lambda _texts, _own: Scan(), lambda _model: serving, lambda: ["small"])
    )
    PolicyDraft.objects.update(document=canonical(QUIET).decode())
    draft = {"policy": ruled.draft}
    try:
        pages = {
            endpoint: tried(ruled, "Hello.", endpoint=endpoint, application=endpoint, **draft)
            for endpoint in Endpoint
        }
    finally:
        playground.provide(None)
    outcomes = {name: page.context["tried"].outcome for name, page in pages.items()}
    assert outcomes == dict.fromkeys(Endpoint, "allow") | {Endpoint.COMPLETIONS: "block"}
    assert "ask in a chat" in text_of(pages[Endpoint.COMPLETIONS])


def test_what_is_typed_cannot_become_markup(ruled, bench):
    said = tried(ruled, "<script>alert(1)</script> anna@example.org <b>").content.decode()
    assert "<script>alert" not in said
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in said


def test_a_detector_that_fails_is_told_at_the_text_and_nothing_is_decided(ruled, bench):
    page = tried(ruled, "It fails.")
    assert "the detector has been stopped" in str(page.context["form"].errors["text"])
    assert page.context["tried"] is None


def test_where_nobody_can_tell_what_is_served_it_says_why_and_keeps_the_text(ruled):
    def unknown(*_asked):
        raise DetectionFailed("The configuration has not been read yet")

    playground.provide(playground.Bench(unknown, unknown, unknown))
    try:
        page = tried(ruled, "Hello.")
    finally:
        playground.provide(None)
    said = text_of(page)
    assert "Nothing can be tried now: The configuration has not been read yet. Try" in said
    assert "please correct what is marked" not in said
    assert "Hello." in said
    assert page.context["tried"] is None


def test_a_text_that_is_too_long_is_refused_and_not_lost(ruled, bench):
    text = "a" * (playground.LONGEST + 1)
    page = tried(ruled, text)
    assert page.context["form"].errors["text"]
    assert text in page.content.decode()


def test_without_a_detector_it_says_so(ruled):
    assert "no detector loaded" in text_of(ruled.get(PLAY))


def test_nothing_of_a_text_is_kept(ruled, bench, tmp_path):
    page = tried(ruled, "PLANTED-4711 anna@example.org")
    assert page.context["tried"].sent == "PLANTED-4711 [EMAIL_ADDRESS_1]"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"PLANTED-4711" in path.read_bytes()]
