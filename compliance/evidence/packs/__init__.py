"""Packs: evidence in the form that a regulation asks for.

*.toml      the law as data: which provision demands which field, and how sure our reading is
law         reads them
covered     a generation of the log under its checkpoint, and who witnessed it
reading     events for a pack, from all generations, each detail held against its entry
configured  what the log says is configured for an application
models      models on the record, and the engines that started them
tally       what requests add up to
fields      a field's value and how it is known: verified, officer, missing
kinds       what may be typed into a field; answers: what officers typed
deadlines   the clocks that it starts
happened    what the log holds of a window that an officer typed
record_of_processing, access_request, breach, ai_logs, serious_incident,
dora_register, ml_bom
            one builder for each regulation's form; register: the tables of the DORA register
document    pack.json and pack.csv; paper: pack.pdf; readme: README.txt
build       makes a pack; writing: its file and its event, both or neither
"""

from compliance.evidence.packs.build import PackTooLong, Summary, build
from compliance.evidence.packs.context import PackImpossible, Parameters
from compliance.evidence.packs.law import Law, laws
from compliance.evidence.packs.reading import Period

__all__ = [
    "Law",
    "PackImpossible",
    "PackTooLong",
    "Parameters",
    "Period",
    "Summary",
    "build",
    "laws",
]
