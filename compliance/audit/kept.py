"""Events whose details no retention rule removes, and why.

A name that ends in a dot stands for every type that begins with it.
"""

from __future__ import annotations

from collections.abc import Mapping

KEPT: Mapping[str, str] = {
    "application.": "commits to the label keys by which entries are told apart",
    "api_key.": "shows for whom requests were let in, so that a wrong label shows",
    "policy.": "says by which rules was decided, and who signed for them",
    "approval_key.": "names the keys by which policies are signed",
    "record.pruned": "is what a removed detail is excused by",
    "content.erased": "proves an erasure, to the person and to a restored database",
    "content.expired": "proves that content went when its time was over",
    "evidence.exported": "says who was given evidence of what",
    "log.resumed": "names the range that a restore lost",
    "log.key_added": "names the key by which checkpoints are checked a second time",
    "log.key_rotated": "names the keys by which older checkpoints are checked",
    "key.rotated": "names the keys by which older receipts are checked",
    "site.registered": "names the country in which requests were answered",
    "model.registered": "says what the weights are that requests were cleared for",
    "engine.started": "is a node's signed word that it verified its weights",
    "witness.": "says who watched over which log, and what they knew",
    "witnessed_log.": "says whose log was watched over",
    "writer.": "counts each writer's events, so that a missing one shows",
}


def is_kept(kind: str) -> bool:
    """Whether the details of events of type `kind` stay whatever the rules say."""
    return any(kind.startswith(name) if name.endswith(".") else kind == name for name in KEPT)


def sql(column: str) -> str:
    """An SQL condition that holds where the type in `column` is kept."""
    return " OR ".join(
        f"substr({column}, 1, {len(name)}) = '{name}'"
        if name.endswith(".")
        else f"{column} = '{name}'"
        for name in KEPT
    )
