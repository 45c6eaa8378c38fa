"""What was found in the texts seen last: a history is sent again with every turn.

Kept are offsets under a hash that nobody else can compute; nothing of a text is.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Iterable

from compliance.detection.processes.examined import Examined


class Memory:
    """Texts examined before, by keyed hash; those not asked for longest go first.

    `size` bounds texts and findings together. What was found by one version of the policy
    says nothing of what another finds: all is forgotten when the version changes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._secret = secrets.token_bytes(32)
        self._found: OrderedDict[bytes, Examined] = OrderedDict()
        self._weight = 0
        self._version = ""

    def follow(self, version: str) -> None:
        """Forget everything if this is another version than the last."""
        if version != self._version:
            self._version = version
            self._found.clear()
            self._weight = 0

    def key(self, text: str, sought: str = "") -> bytes:
        """BLAKE2b of a text and what is sought in it, under a random key of this process."""
        data = f"{sought}\0{text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=24, key=self._secret).digest()

    def known(self, keys: Iterable[bytes], version: str) -> dict[bytes, Examined]:
        """What is remembered of those texts by that version, by key."""
        if version != self._version:
            return {}
        known = {key: found for key in keys if (found := self._found.get(key)) is not None}
        for key in known:
            self._found.move_to_end(key)
        return known

    def put(self, key: bytes, examined: Examined, version: str) -> None:
        """Remember, unless it was found by a version that is not in force any more."""
        if version != self._version:
            return
        if (former := self._found.pop(key, None)) is not None:
            self._weight -= _weight(former)
        self._found[key] = examined
        self._weight += _weight(examined)
        while self._weight > self._size:
            _, forgotten = self._found.popitem(last=False)
            self._weight -= _weight(forgotten)

    def __len__(self) -> int:
        return len(self._found)


def _weight(examined: Examined) -> int:
    return 1 + len(examined.findings)
