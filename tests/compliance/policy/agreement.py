"""What the solver's model says of one request, beside what `decide` says."""

from compliance.policy import symbolic, universe
from compliance.policy.decide import decide
from compliance.policy.solver import Session
from compliance.vocabulary import ANSWER_DUTIES, DUTIES, Effect
from tests.compliance.policy import chance

ANYTHING = 10**9  # no limit that these questions could reach
AMOUNTS = {"content_days": (0, 7, 30), "max_tokens": (100, 1_000)}
TREATMENTS = (Effect.PSEUDONYMISE, Effect.MASK, Effect.BLOCK)


class Asked:
    """A policy's meaning, which is asked of many requests.

    `symbolic` and `worlds` are the modules that write it for the solver.
    """

    def __init__(self, made, approved, *, symbolic=symbolic, worlds=universe):
        self.policy, self.approved = made, approved
        self.session = Session(ANYTHING)
        self.world = worlds.universe([made], since=chance.SINCE, entities=chance.ENTITIES)
        self.case = symbolic.Case(self.world, self.session)
        self.counts = {}
        self.meaning = symbolic.Meaning(self.case, made, approved=approved)
        self.said = {key: self.session.let("said", term) for key, term in self.terms()}

    def terms(self):
        """All that a decision says, each as a term and as what `decide` says of it."""
        meaning = self.meaning
        for effect in Effect:
            yield effect, meaning.at_least(effect)
        for treated, term in meaning.treated.items():
            yield treated, term
        for rule, term in meaning.spoke.items():
            yield rule, term
        yield "held", meaning.held
        for name, values in AMOUNTS.items():
            for most in values:
                yield (name, most), meaning.at_most(name, most)
        for name in (*DUTIES, *ANSWER_DUTIES):
            yield name, meaning.obliged(name)

    def wanted(self, facts, decision):
        """The same of a decision, under the same names."""
        for effect in Effect:
            yield effect, decision.effect.strictness >= effect.strictness
        for entity, treatment in self.placed_treatments(facts, decision).items():
            for effect in TREATMENTS:
                yield (entity, effect), treatment.strictness >= effect.strictness
        for rule in self.policy.rules:
            yield rule.id, rule.id in decision.rules
        yield "held", bool(decision.held_by)
        for name, values in AMOUNTS.items():
            kept = getattr(decision.obligations, name)
            for most in values:
                yield (name, most), kept is not None and kept <= most
        for name in (*DUTIES, *ANSWER_DUTIES):
            yield name, decision.obligations.asks(name)

    def differences(self, facts):
        """What the solver's model says otherwise than `decide`, in words; none is right."""
        decision = decide(self.policy, facts, chance.COVERAGE, self.approved)
        wanted = dict(self.wanted(facts, decision))
        fixed = tuple(self.fixed(facts))
        # The request settles every term, so that one question answers whether all agree.
        alike = (self.either(self.said[key], value) for key, value in wanted.items())
        different = []
        if self.session.find(*fixed, *alike) is None:
            model = self.session.find(*fixed)
            assert model is not None, "the world has no such request"
            different = [
                f"{key}: not {value}"
                for key, value in wanted.items()
                if self.holds(model, self.said[key]) != value
            ]
            assert different, "the request does not settle what is decided of it"
        return [*different, *self.misplaced(facts, decision, fixed)]

    def either(self, term, wanted):
        return term if wanted else self.session.no(term)

    def holds(self, model, term):
        return self.session.z3.is_true(model.eval(term, model_completion=True))

    def misplaced(self, facts, decision, fixed):
        for one in facts.serving.candidates:
            wanted = decision.sites is None or one.site in decision.sites
            term = self.either(self.meaning.permitted, wanted)
            if self.session.find(*fixed, *self.at(one, facts.time), term) is None:
                yield f"{one.site} permitted: not {wanted}"

    def placed_treatments(self, facts, decision):
        return {
            kind[1] if kind[1] in self.world.entities else self.world.unnamed[kind[0]]: (
                decision.treatments[kind[1]]
            )
            for kind, count in facts.entities.items()
            if count > 0
        }

    def fixed(self, facts):
        """The terms that say that the request is this one."""
        placed, case = self.world.placed(facts), self.case
        serving = placed.serving
        for name in ("application", "model", "purpose", "legal_basis", "owner", "time"):
            yield case.choices[name][getattr(placed, name)]
        for name in ("names_unchecked", "high_risk", "request_class", "endpoint"):
            yield case.choices[name][getattr(placed, name)]
        for name in ("licence", "publisher", "restricted", "reasons"):
            yield case.choices[name][getattr(serving, name)]
        for name in ("declared", "subject_countries", "tools"):
            yield from self.exactly(name, getattr(placed, name))
        for kind, found in case.found.items():
            count = placed.entities.get(kind, 0)
            if kind in case.numbers:
                yield self.counted(kind, count)
            else:
                yield self.either(found, count > 0)

    def counted(self, kind, count):
        if (kind, count) not in self.counts:
            term = self.case.numbers[kind] == count
            self.counts[kind, count] = self.session.let("counted", term)
        return self.counts[kind, count]

    def at(self, candidate, time):
        placed = self.world.placed_site(candidate, time)
        for name, value in placed.items():
            if name == "certifications":
                yield from self.exactly(name, value)
            else:
                yield self.case.choices[name][value]

    def exactly(self, name, values):
        for value, term in self.case.sets[name].items():
            yield self.either(term, value in values)
