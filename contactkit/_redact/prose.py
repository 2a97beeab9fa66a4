"""Whether what follows a colon is a sentence rather than a value."""

from __future__ import annotations

import re

_WORDS = frozenset(
    "is are was were be been must should may might can cannot could will would has have had does "
    "do not no none null nil true false yes the a an any all each this that these those your you "
    "it its we our i to of in on for with without from by at as and or but if when see use set "
    "get check enter provide please only also already too very more less than required missing "
    "invalid expired wrong incorrect needed unknown denied revoked empty undefined unset "
    "optional blank unauthorized unauthorised forbidden exists taken unique allowed failed "
    "malformed unsupported disabled string number integer boolean object array text value field "
    "fields format length isn't can't cannot doesn't don't won't mustn't must't wasn't didn't "
    "n/a http https ok error warning".split()
)
_VERBS = re.compile(r"\s(?:is|are|was|were|has|have|must|should|cannot|can't|isn't|will|does)\s")


def is_prose(value: str) -> bool:
    """Whether a text begins as a sentence does, or has a verb."""
    first = re.split(r"[\s,;.:!?)]", value.strip("\"' "), maxsplit=1)[0]
    return first.lower() in _WORDS or _VERBS.search(value) is not None
