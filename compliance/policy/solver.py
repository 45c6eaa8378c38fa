"""A session with the solver Z3, whose effort is counted in its own units.

Z3 counts what it does ("rlimit") and gives up where a limit in these units is reached: so an
answer depends on the question, the limit and the version of the solver, never on how fast the
machine is. `z3` is imported when the first session begins and nowhere else: only a process that
proves something pays for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any

LIMIT = 20_000_000
"""Units that one question may spend; docs/proofs.md says what a large policy needs."""

Term = Any
"""A term of Z3, which has no types of its own to check by."""


class Undecided(Exception):
    """The limit was reached before the question was answered: nothing is proved."""


class Session:
    """One solver in a context of its own: what others did before changes nothing in it.

    `limit` is for all checks together, in the solver's units. Not to be used by two threads.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.z3: Any = importlib.import_module("z3")
        self.context = self.z3.Context()
        self._solver = self.z3.SolverFor("QF_FD", self.context)
        self._limit = limit
        self._named = 0
        self.spent = 0
        self.true: Term = self.z3.BoolVal(True, self.context)
        self.false: Term = self.z3.BoolVal(False, self.context)

    def require(self, *terms: Term) -> None:
        """From here on, only what fulfils all of these is looked for."""
        self._solver.add(*terms)

    def find(self, *terms: Term) -> Any | None:
        """A model in which all of the terms hold, besides what is required; None where none is.

        Raises `Undecided` at the limit.
        """
        given = [term for term in terms if term is not self.true]
        if any(term is self.false for term in given):
            return None
        if self.spent >= self._limit:
            raise Undecided
        self._solver.set("rlimit", self._limit - self.spent)
        try:
            found = self._check(given)
        except self.z3.Z3Exception:
            # The solver assumes truth values and their opposites only; the rest needs a name.
            found = self._check([self.let("assumed", term) for term in given])
        self._count()
        if found == self.z3.unknown:
            raise Undecided
        return self._solver.model() if found == self.z3.sat else None

    def _count(self) -> None:
        counted = self._solver.statistics()
        if "rlimit count" in counted.keys():  # noqa: SIM118 - no mapping; absent before any work
            self.spent = int(counted.get_key_value("rlimit count"))

    def _check(self, terms: Sequence[Term]) -> Any:
        # As `Solver.check` does, which looks at the sort of every term, and takes ten times as
        # long for it as the solver takes to answer.
        z3 = self.z3
        asked = (z3.Ast * len(terms))(*(term.as_ast() for term in terms))
        answer = z3.Z3_solver_check_assumptions(
            self.context.ref(), self._solver.solver, len(terms), asked
        )
        return z3.CheckSatResult(answer)

    def fact(self, what: str) -> Term:
        """A new truth value; `what` is for whoever reads a model."""
        self._named += 1
        return self.z3.Bool(f"{self._named} {what}", self.context)

    def number(self, what: str, bits: int) -> Term:
        """A new whole number from 0 to 2^bits - 1."""
        self._named += 1
        return self.z3.BitVec(f"{self._named} {what}", bits, self.context)

    def let(self, what: str, term: Term) -> Term:
        """A name for a term that is used more than once."""
        if self.z3.is_const(term):
            return term
        name = self.fact(what)
        self.require(name == term)
        return name

    def any(self, terms: Iterable[Term]) -> Term:
        """That at least one holds; false of none."""
        given = [term for term in terms if term is not self.false]
        if any(term is self.true for term in given):
            return self.true
        if len(given) < 2:  # noqa: PLR2004 - a pair
            return given[0] if given else self.false
        return self.z3.Or(*given)

    def all(self, terms: Iterable[Term]) -> Term:
        """That all hold; true of none."""
        given = [term for term in terms if term is not self.true]
        if any(term is self.false for term in given):
            return self.false
        if len(given) < 2:  # noqa: PLR2004 - a pair
            return given[0] if given else self.true
        return self.z3.And(*given)

    def no(self, term: Term) -> Term:
        """That it does not hold."""
        if term is self.true:
            return self.false
        return self.true if term is self.false else self.z3.Not(term)

    def one(self, terms: Sequence[Term]) -> None:
        """Require that exactly one holds."""
        self.require(self.any(terms))
        if len(terms) > 1:
            self.require(self.z3.AtMost(*terms, 1))
