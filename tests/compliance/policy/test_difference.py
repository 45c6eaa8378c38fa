from dataclasses import replace

from hypothesis import given, settings

from compliance.policy.difference import Difference, differences
from compliance.policy.rules import Assertion, Never, Retention, Where
from compliance.policy.tightening import tightens
from compliance.vocabulary import Category, Effect
from tests.compliance.policy.documents import again, of, policies, rule, rules

HEALTH = frozenset({Category.SPECIAL})
OLD = of(rule(Effect.ALLOW, id="else"), rule(Effect.MASK, id="health", categories=HEALTH))


def other(*made, **more):
    return replace(of(*made), **more)


def test_a_rule_that_was_added_or_removed_is_said_whole():
    new = of(OLD.rules[0], rule(Effect.BLOCK, id="stop"))
    assert differences(OLD, new) == (
        Difference(
            "removed",
            "health",
            (
                (
                    "If the request holds special categories of personal data (GDPR Art. 9),"
                    " then what was found is masked."
                ),
                "Its description: health says mask",
            ),
        ),
        Difference(
            "added",
            "stop",
            ("In every case the request is blocked.", "Its description: stop says block"),
        ),
    )


def test_of_a_rule_that_was_changed_each_part_is_said_before_and_after():
    changed = rule(
        Effect.HOLD,
        id="else",
        where={"countries": frozenset({"DE"})},
        asks={"review": True},
        models=frozenset({"small"}),
    )
    (found,) = differences(OLD, of(changed, OLD.rules[1]))
    assert (found.kind, found.rule) == ("changed", "else")
    assert found.words == (
        "It spoke: “always”. Now: “if it asks for the model “small””.",
        (
            "Its effect was: “the request is allowed”."
            " Now: “the request is held until a person approves it”."
        ),
        "It may be processed: “anywhere”. Now: “only in Germany”.",
        (
            "Its obligations were: “none”."
            " Now: “A person must look at the answer before it is used.”."
        ),
        "Its description was: “else says allow”. Now: “else says hold”.",
    )


def test_a_change_that_reads_the_same_is_said_to_be_one():
    most = [rule(Effect.BLOCK, categories=HEALTH, at_least=least) for least in (None, 1)]
    (found,) = differences(of(most[0]), of(most[1]))
    (said,) = found.words
    assert said.startswith("It spoke: “if the request holds special categories")
    assert said.endswith(
        "reads the same and yet differs: compare the two versions as text before you sign."
    )


def test_of_an_assertion_only_what_changed_is_said():
    never = Never(HEALTH, None, Where(countries=frozenset({"DE"})))
    before, after = (
        other(*OLD.rules, assertions=(Assertion("home", told, never),)) for told in ("A.", "B.")
    )
    (found,) = differences(before, after)
    assert found.words == ("The assertion “home” was described as: “A.”. Now: “B.”.",)


def test_quotation_marks_in_a_description_do_not_look_like_those_around_it():
    before, after = (
        of(replace(OLD.rules[0], description=told)) for told in ("a", "b”. Now: “a")
    )
    (found,) = differences(before, after)
    assert found.words == (r"Its description was: “a”. Now: “b\”. Now: \“a”.",)


def test_what_holds_for_the_whole_policy_comes_first_and_names_no_rule():
    new = other(*OLD.rules, name="new", zone="Europe/Berlin", retention=Retention(0))
    (found,) = differences(OLD, new)
    assert (found.kind, found.rule) == ("changed", "")
    assert found.words == (
        "The policy's name was: “test”. Now: “new”.",
        "The time zone of its hours was: “UTC”. Now: “Europe/Berlin”.",
        (
            "How long anything may be kept was: “no bounds”."
            " Now: “Prompts and answers may be kept not at all.”."
        ),
    )


@settings(max_examples=40)
@given(policies(), policies())
def test_nothing_differs_exactly_where_the_rules_are_the_same(one, two):
    assert differences(one, one) == ()
    assert differences(one, again(one, one.rules[::-1])) == ()
    same = set(one.rules) == set(two.rules)
    others = replace(again(one, two.rules), regions=one.regions)
    assert (differences(one, others) == ()) == same
    names = [found.rule for found in differences(one, two)]
    assert names == sorted(set(names))


STOP = rule(Effect.BLOCK, id="stop", models=frozenset({"small"}))


def test_rules_that_block_may_be_added_and_content_kept_shorter():
    assert tightens(OLD, of(*OLD.rules, STOP)) is None
    assert tightens(OLD, of(STOP, *reversed(OLD.rules))) is None
    kept = other(*OLD.rules, retention=Retention(content_days=30))
    assert tightens(OLD, kept) is None
    assert tightens(kept, other(*OLD.rules, retention=Retention(content_days=0))) is None
    assert tightens(OLD, replace(of(*OLD.rules, STOP), version=7)) is None


def refused(old, new):
    said = tightens(old, new)
    assert said is not None
    return said


def test_anything_else_takes_two_people():
    assert "'stop' is missing" in refused(of(*OLD.rules, STOP), OLD)
    assert "'health' is missing" in refused(OLD, of(OLD.rules[0], STOP))
    milder = replace(OLD.rules[1], effect=Effect.ALLOW)
    assert "'health' differs" in refused(OLD, of(OLD.rules[0], milder, STOP))
    stricter = replace(OLD.rules[1], effect=Effect.BLOCK)
    assert "'health' differs" in refused(OLD, of(OLD.rules[0], stricter))
    told = replace(OLD.rules[1], description="Otherwise.")
    assert "'health' differs" in refused(OLD, of(OLD.rules[0], told, STOP))
    for effect in set(Effect) - {Effect.BLOCK}:
        added = rule(effect, id="more")
        assert "'more' is new and does not block" in refused(OLD, of(*OLD.rules, added))
    for name, value in (("name", "x"), ("zone", "UTC"), ("regions", "2026-08-05")):
        assert f"The policy's {name} differs" in refused(
            OLD, other(*OLD.rules, STOP, **{name: value})
        )
    assert "given twice" in refused(OLD, replace(OLD, rules=(*OLD.rules, OLD.rules[0])))
    assert "Nothing becomes stricter" in refused(OLD, OLD)


def test_keeping_longer_or_the_record_shorter_takes_two_people():
    kept = other(*OLD.rules, retention=Retention(content_days=7, details_days=90))
    for retention in (Retention(None, 90), Retention(8, 90)):
        said = refused(kept, other(*OLD.rules, STOP, retention=retention))
        assert "kept longer" in said
    for retention in (Retention(7, 30), Retention(7, None), Retention(7, 91)):
        said = refused(kept, other(*OLD.rules, STOP, retention=retention))
        assert "How long details of events are kept differs" in said


@settings(max_examples=40)
@given(policies(), rules())
def test_only_a_rule_that_blocks_tightens_any_policy(made, more):
    added = again(made, (*made.rules, replace(more, id="zz-more")))
    if added.regions == made.regions:
        assert (tightens(made, added) is None) == (more.effect is Effect.BLOCK)
    assert tightens(added, made) is not None
