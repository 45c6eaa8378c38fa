"""The fields of a rule, each called as the member of the document that it fills."""

from __future__ import annotations

from collections.abc import Mapping

from django import forms

from compliance.admin.policy_fields import (
    CountriesField,
    LengthField,
    NamesField,
    YesNoField,
)
from compliance.admin.policy_world import Known, country_of
from compliance.models.applications import LegalBasis
from compliance.templatetags.console import CATEGORY_WORDS
from compliance.vocabulary import Effect, RequestClass

EFFECTS: Mapping[str, str] = {
    Effect.ALLOW: "Allow: the model gets the text as it is, where no other rule is stricter.",
    Effect.PSEUDONYMISE: "Pseudonymise: what was found is replaced by tokens, as [PERSON_1],"
    " and put back in the answer.",
    Effect.MASK: "Mask: what was found is blacked out, and stays so in the answer.",
    Effect.HOLD: "Hold: a person looks at this request before it may go on.",
    Effect.BLOCK: "Block: the request is refused.",
}
DAYS = (
    ("1", "Monday"),
    ("2", "Tuesday"),
    ("3", "Wednesday"),
    ("4", "Thursday"),
    ("5", "Friday"),
    ("6", "Saturday"),
    ("7", "Sunday"),
)
CLASSES = (
    ("", "does not matter"),
    (str(RequestClass.INTERACTIVE), "interactive: somebody waits for the answer"),
    (str(RequestClass.BATCH), "batch: nobody waits"),
)
ALL, ONLY, EXCEPT = "", "only", "except"
WHO = (
    (ALL, "every application"),
    (ONLY, "only those that are chosen below"),
    (EXCEPT, "every application but those that are chosen below"),
)
ID_MAX, TEXT_MAX = 64, 512


def fields(known: Known) -> dict[str, forms.Field]:
    """Every field, offering what this appliance knows."""
    when = _when_text(known) | _when_asked(known) | _when_served(known) | _when_time()
    return _what() | when | _where(known) | _obligations(known)


def _what() -> dict[str, forms.Field]:
    return {
        "description": forms.CharField(
            label="What it says, in one sentence",
            max_length=TEXT_MAX,
            help_text="Whoever is refused by this rule reads it, and so does the record. Name "
            "no person in it.",
            widget=forms.Textarea({"rows": 2}),
        ),
        "id": forms.CharField(
            label="Short name",
            required=False,
            max_length=ID_MAX,
            help_text="As decisions and the record name the rule. Empty: made of the sentence.",
            widget=forms.TextInput({"spellcheck": "false"}),
        ),
        "effect": forms.ChoiceField(
            label="What happens",
            choices=tuple(EFFECTS.items()),
            widget=forms.RadioSelect,
            error_messages={"required": "Say what happens when the rule speaks."},
            help_text="Where several rules speak, the strictest of these counts: allow is the "
            "mildest, block the strictest.",
        ),
        "who": forms.ChoiceField(
            label="The rule is about",
            choices=WHO,
            required=False,
            widget=forms.RadioSelect,
        ),
    }


def _when_text(known: Known) -> dict[str, forms.Field]:
    return {
        "when_categories": NamesField(
            CATEGORY_WORDS.items(), label="Kinds of data found", typed=False
        ),
        "when_entities": NamesField(
            known.entities,
            group=country_of,
            label="Types of findings",
            help_text="Narrower than the kinds above. Those with a box are what the loaded "
            "recognisers find; of others a rule can speak, but nothing finds them now.",
        ),
        "when_at_least": forms.IntegerField(
            required=False,
            min_value=1,
            max_value=10**6,
            label="Found at least so many times",
            help_text="Empty: once is enough. Counts what is ticked above.",
        ),
        "when_names_unchecked": YesNoField(
            ("names could not be checked: the language is not known", "names could be checked"),
            label="Personal names in it",
        ),
    }


def _when_asked(known: Known) -> dict[str, forms.Field]:
    return {
        "when_applications": NamesField(known.applications, label="Applications"),
        "when_purposes": NamesField(known.purposes, label="Purposes"),
        "when_legal_bases": NamesField(
            LegalBasis.choices, label="Legal bases (GDPR Art. 6(1))", typed=False
        ),
        "when_owners": NamesField(known.owners, label="Units that answer for it"),
        "when_declared": NamesField(
            CATEGORY_WORDS.items(),
            label="Kinds of data it declares",
            typed=False,
            help_text="What the application's page says that it processes, whether or not "
            "something of it was found in this text.",
        ),
        "when_subject_countries": CountriesField(
            known.countries,
            label="Countries of its data subjects",
            help_text="Names or two-letter codes, with commas between. One of them is enough.",
        ),
        "when_high_risk": YesNoField(
            ("it is a high-risk AI system", "it is no high-risk AI system"),
            label="High-risk AI system",
        ),
    }


def _when_served(known: Known) -> dict[str, forms.Field]:
    return {
        "when_models": NamesField(
            known.models,
            label="Models",
            help_text="An adapter is a model of its own: name it too where the rule is for it.",
        ),
        "when_licences": NamesField(known.licences, label="Licences of the model"),
        "when_publishers": NamesField(known.publishers, label="Publishers of the model"),
        "when_restricted": YesNoField(
            ("its licence restricts use in the EU", "no restriction for the EU is known"),
            label="Restrictions for the EU",
        ),
        "when_request_class": forms.ChoiceField(
            required=False, choices=CLASSES, label="Kind of request"
        ),
        "when_tools_offered": YesNoField(
            ("the model is offered tools", "the model is offered no tools"), label="Tools"
        ),
        "when_tools": NamesField(
            (), label="Names of tools", help_text="One of them being offered is enough."
        ),
    }


def _when_time() -> dict[str, forms.Field]:
    clock = forms.TextInput({"type": "time"})
    return {
        "when_hours_days": NamesField(DAYS, label="Days", typed=False),
        "when_hours_from": forms.CharField(required=False, label="From", widget=clock),
        "when_hours_to": forms.CharField(
            required=False,
            label="To",
            widget=forms.TextInput({"type": "time"}),
            help_text="In the time zone of the policy; both empty: the whole day. An end "
            "before the beginning is on the next day.",
        ),
    }


def _where(known: Known) -> dict[str, forms.Field]:
    return {
        "where_countries": CountriesField(
            known.countries,
            label="Countries",
            help_text="Names or two-letter codes, with commas between. A site is permitted if "
            "it is in one of these countries, or in one of the regions, or is ticked below.",
        ),
        "where_regions": NamesField(known.regions, label="Regions", typed=False),
        "where_sites": NamesField(known.sites, label="Sites"),
        "where_operators": NamesField(
            known.operators,
            label="Run by",
            help_text="Then the site must, beside the above, be run by one of these.",
        ),
        "where_certifications": NamesField(
            known.certifications,
            label="Certifications",
            help_text="The site must have every one of these.",
        ),
        "where_attested_within": LengthField(
            label="Proved within",
            help_text="For so long at most may it be that each node there proved that nothing "
            "can get out.",
        ),
        "where_witnessed_within": LengthField(
            label="Witnessed within",
            help_text="For so long at most may it be that the witness at the site has signed "
            "this log.",
        ),
    }


def _obligations(known: Known) -> dict[str, forms.Field]:
    return {
        "obligations_content_days": forms.IntegerField(
            required=False,
            min_value=0,
            max_value=3_660,
            label="Keep prompt and answer for days",
            help_text="At most; 0: never. Empty: as the application and the policy say.",
        ),
        "obligations_mark_output": forms.BooleanField(
            required=False,
            label="Mark the answer as made by a machine (AI Act, Art. 50)",
        ),
        "obligations_max_tokens": forms.IntegerField(
            required=False, min_value=1, max_value=10**9, label="Tokens of the answer at most"
        ),
        "obligations_models": NamesField(
            known.models,
            label="Only these models",
            help_text="A request for another model is then refused.",
        ),
        "obligations_review": forms.BooleanField(
            required=False, label="A person must look at the answer before it is used"
        ),
        "obligations_withhold_reasoning": forms.BooleanField(
            required=False,
            label="Give the answer without the model's reasoning",
            help_text="Some models write down how they come to an answer. It can repeat what "
            "the answer leaves out. Where it cannot be told apart from the answer, which is so "
            "for completions without a chat, the request is refused.",
        ),
        "obligations_realistic_pseudonyms": forms.BooleanField(
            required=False,
            label="Other names as pseudonyms, not tokens",
            help_text="The model then reads “Ilona Lindgren” in place of [PERSON_1]. It is for "
            "persons, places, organisations and mail addresses that are pseudonymised; other "
            "values keep tokens. In an application, a name always becomes the same other name. "
            "Where the model translates that or inflects it in a way that is not foreseen, the "
            "caller reads a name that nobody meant and that looks real.",
        ),
        "obligations_mask_answers": NamesField(
            CATEGORY_WORDS.items(),
            label="Mask in the answer",
            typed=False,
            help_text="What of these kinds is found in the answer and does not stand in the "
            "request. Streams then come a sentence at a time.",
        ),
        "obligations_block_answers": NamesField(
            CATEGORY_WORDS.items(),
            label="Stop the answer",
            typed=False,
            help_text="At the first finding of these kinds that does not stand in the request. "
            "What was sent before stays sent.",
        ),
    }
