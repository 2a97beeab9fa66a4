"""What a draft would do, exactly: the difference, the request, and the line of Python."""

from __future__ import annotations

import json
from collections.abc import Mapping

from contactkit.calls import Ask
from contactkit.edits import after
from contactkit.forms.draft import Draft
from contactkit.forms.fields import label_of
from contactkit.forms.markup import render, table
from contactkit.forms.mask import text_of
from contactkit.spec import JSON, Endpoint, Provider


def review_of(
    provider: Provider, endpoint: Endpoint, key: str, current: Mapping[str, JSON], draft: Draft
) -> str:
    """HTML: old and new of each field that differs, and the request."""
    rows = [
        (
            label_of(name),
            text_of(current.get(name)) or "—",
            text_of(after(draft.fields[name], current.get(name), value)) or "—",
        )
        for name, value in draft.values.items()
    ]
    return render(
        "review",
        table=table("What would change", ["field", "old", "new"], rows),
        request=request_of(draft.ask) if draft.ask else "",
        code=code_of(provider, endpoint, key, draft.values),
    )


def request_of(ask: Ask) -> str:
    """A request as it will be sent, without its headers: they hold what nobody should read."""
    first = f"{ask.call.method} {ask.call.url}"
    if ask.call.body is None:
        return first
    return f"{first}\n{json.dumps(ask.call.body, indent=2, ensure_ascii=False)}"


def code_of(provider: Provider, endpoint: Endpoint, key: str, values: Mapping[str, JSON]) -> str:
    """The line of Python that does the same."""
    arguments = [repr(key)] if endpoint.takes_key else []
    arguments += [f"{name}={value!r}" for name, value in values.items()]
    return render("code", code=f"{provider.name}.contacts.{endpoint.verb}({', '.join(arguments)})")
