"""Whether a node signed what a request's story says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compliance.admin.story import use_receipt_check
from inference.clearance import ClearanceRefused, verify_receipt
from inference.models import Node


def check(signed: Mapping[str, Any], request: str) -> str | None:
    """None where the receipt in `signed` is the named node's for `request`; else why not."""
    said = signed.get("receipt")
    named = said.get("node") if isinstance(said, Mapping) else None
    node = Node.objects.filter(name=named).first() if isinstance(named, str) else None
    if node is None:
        return "it names no node of this appliance"
    try:
        receipt = verify_receipt(signed, bytes(node.public_key))
    except ClearanceRefused as error:
        return str(error)
    if receipt.request != request:
        return "it was given for another request"
    return None


use_receipt_check(check)
