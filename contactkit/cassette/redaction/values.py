"""What replaces a value whose name or kind is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contactkit._redact.prose import is_prose
from contactkit.cassette.redaction.fields import PersonalFields
from contactkit.cassette.redaction.pseudonyms import Kind, Pseudonyms
from contactkit.cassette.redaction.secrets import Secrets

# Digits alone under such a name are a count, a time or an id, not a phone number.
COUNT = re.compile(
    r"(?:^|_|[a-z](?=[A-Z]))(?:ids?|uuid|key|code|cursor|count|total|page|size|time(?:stamp)?|at"
    r"|version|offset|limit)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Values:
    """The secrets, the personal fields and the pseudonyms of one cassette."""

    secrets: Secrets
    fields: PersonalFields
    pseudonyms: Pseudonyms

    def named(self, name: str, value: str) -> str:
        """A value under this name, if the name is that of a secret or a personal field."""
        if self.secrets.is_named(name):
            return self.secrets.placeholder(name, value)
        kind = self.fields.parameter(name)
        return self.personal(kind, value) if kind and not is_prose(value) else value

    def personal(self, kind: Kind, value: str) -> str:
        """The pseudonym of a personal value, without the secrets in it."""
        return self.pseudonyms.of(kind, self.secrets.redact_text(value))
