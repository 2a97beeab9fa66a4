"""Reads the cassettes of vcrpy, as YAML or as JSON, and those of its relatives.

version: 1
interactions:
- request: {method, uri, body, headers: {name: [value]}}
  response: {status: {code}, headers, body: {string}}
  recorded_at: where there is one

Older versions wrote `content` and `status_code`; serializers of projects keep JSON parsed, as
`parsed_body`; Ruby's VCR and Betamax call the list `http_interactions`. A body that is written in
another way is refused, since it would be read as empty.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from contextlib import suppress
from datetime import datetime
from math import inf
from pathlib import Path
from typing import cast

from contactkit.cassette.convert.common import (
    Found,
    Malformed,
    decode,
    malformed,
    parse_json,
    read_text,
    timestamp,
    url_of,
)
from contactkit.cassette.exchange import (
    Exchange,
    InvalidExchange,
    Pairs,
    RecordedRequest,
    RecordedResponse,
    check_exchange,
    header,
)
from contactkit.cassette.format import INVALID
from contactkit.cassette.reader import MOST_UNPACKED
from contactkit.errors import CassetteError, ConfigurationError
from contactkit.spec.provider import JSON, as_list, as_object


def read_vcr(path: Path) -> list[Found]:
    """The exchanges of a cassette, unredacted, in its order.

    Their times come from `recorded_at` or the response's Date; an exchange with neither has the
    time of the previous one.
    """
    found: list[Found] = []
    before = 0.0
    for number, interaction in enumerate(_interactions(path), 1):
        try:
            exchange = check_exchange(_exchange(interaction, before))
            found.append(exchange)
            before = exchange.at
        except INVALID as error:
            found.append(Malformed(url_of(interaction, "uri"), malformed(path, number, error)))
    return found


def _interactions(path: Path) -> list[JSON]:
    text = read_text(path)
    document = as_object(parse_json(path, text) if path.suffix == ".json" else _yaml(path, text))
    interactions = document.get("interactions", document.get("http_interactions"))
    if document.get("version", 1) != 1 or not isinstance(interactions, list):
        raise CassetteError(f"{path}: is not a vcrpy cassette, version 1")
    return as_list(interactions)


def _yaml(path: Path, text: str) -> JSON:
    try:
        import yaml
    except ImportError:
        raise ConfigurationError(
            'reading YAML needs its extra: python -m pip install "contactkit[convert]"'
        ) from None
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        # Merged mappings may repeat more than fits memory, and vcrpy writes none.
        loader.flatten_mapping = lambda node: None
        data = loader.get_single_data()
        if _size(data, {}) > MOST_UNPACKED:
            raise ValueError("aliases")
        return data
    except (yaml.YAMLError, *INVALID) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise CassetteError(f"{path}{where}: is not YAML that is safe to load") from None


def _size(value: JSON, sizes: dict[int, float]) -> float:
    """How many signs a value has when what its aliases share is written out; it may be endless."""
    if not isinstance(value, list | dict):
        return 1 + (len(value) if isinstance(value, str | bytes) else 0)
    members, number = as_object(value), id(cast("object", value))
    if number not in sizes:
        # An alias to what it is in.
        sizes[number] = inf
        parts = [*members, *members.values()] if members else as_list(value)
        sizes[number] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[number]


def _exchange(interaction: JSON, before: float) -> Exchange:
    response = interaction["response"]
    headers, body = decode(_pairs(response.get("headers")), _body(response))
    status = response["status_code"] if "status_code" in response else response["status"]
    return Exchange(
        request=_request(interaction["request"]),
        response=RecordedResponse(
            status=int(as_object(status).get("code", status)), headers=headers, body=body
        ),
        at=_at(interaction.get("recorded_at") or header(headers, "date"), before),
    )


def _request(request: JSON) -> RecordedRequest:
    headers, body = decode(_pairs(request.get("headers")), _body(request))
    content_type = header(headers, "content-type")
    method, url = _text(request["method"]), _text(request["uri"])
    return RecordedRequest.of(method, url, body, content_type, headers)


def _at(time: JSON, before: float) -> float:
    """A time no earlier than that of the previous exchange, so that the file's order is kept."""
    with suppress(ValueError, TypeError):
        return max(before, timestamp(time if isinstance(time, datetime) else _text(time)))
    return before


def _pairs(headers: JSON) -> Pairs:
    if isinstance(headers, list):
        return tuple((_text(name), _text(value)) for name, value in as_list(headers))
    if headers is not None and not isinstance(headers, dict):
        raise TypeError("headers")
    return tuple(
        (_text(name), _text(value))
        for name, values in as_object(headers).items()
        for value in ([values] if not isinstance(values, list) else as_list(values))
    )


def _text(value: JSON) -> str:
    """A value as text; a list is none, since its aliases may repeat more than fits memory."""
    if isinstance(value, list | dict):
        raise TypeError("text")
    return "" if value is None else str(value)


_PARSED = ("parsed_body", "json_body", "body_json", "json")
_BODY = re.compile("body|content|json|text|data|payload", re.IGNORECASE)


def _body(message: JSON) -> bytes:
    """The body of a request or a response; InvalidExchange if it is written in another way."""
    for name in ("body", "content"):
        if message.get(name) is not None:
            return _bytes(message[name])
    for name in _PARSED:
        if name in message:
            return json.dumps(message[name]).encode()
    if other := [
        name for name in message if name not in ("body", "content") and _BODY.search(name)
    ]:
        raise InvalidExchange(f"its body is written as {other[0]}, which is not supported")
    return b""


def _bytes(body: JSON) -> bytes:
    match body:
        case None:
            return b""
        case bytes():
            return body
        case str():
            return body.encode()
        case {"string": inner}:
            return _bytes(inner)
        case {"base64_string": text}:
            return b64decode(re.sub(r"\s", "", text), validate=True)
        case {"json": value} | {"yaml": value} | {"parsed_body": value}:
            return json.dumps(value).encode()
        case _:
            raise TypeError("body")
