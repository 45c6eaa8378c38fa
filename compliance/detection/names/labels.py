"""The classes of names, and the tags of words that they are put together from."""

from __future__ import annotations

CLASSES = ("PERSON", "LOCATION", "ORGANIZATION", "ADDRESS", "DATE_TIME")
TAGS = ("O", *(f"{place}-{name}" for name in CLASSES for place in "BI"))
"""No name, and for each class its first word and its other words (BIO)."""

DILATIONS = (1, 2, 4, 8)
"""How far apart are the three words that each layer of the network looks at."""
REACH = sum(DILATIONS)
"""Words that the network sees to either side of one."""
