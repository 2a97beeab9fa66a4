"""Reads the cassettes of vcrpy, as YAML or as JSON.

version: 1
interactions:
- request: {method, uri, body, headers: {name: [value]}}
  response: {status: {code}, headers, body: {string}}
  recorded_at: where there is one
"""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from contactkit.cassette.convert.common import (
    decode,
    malformed,
    parse_json,
    read_text,
    timestamp,
)
from contactkit.cassette.exchange import (
    Exchange,
    Pairs,
    RecordedRequest,
    RecordedResponse,
    check_exchange,
    header,
)
from contactkit.cassette.format import INVALID
from contactkit.errors import CassetteError, ConfigurationError
from contactkit.spec.provider import JSON, as_list, as_object


def read_vcr(path: Path) -> list[Exchange]:
    """The exchanges of a cassette, unredacted, in its order.

    Their times come from `recorded_at` or the response's Date; an exchange with neither has the
    time of the previous one.
    """
    exchanges: list[Exchange] = []
    for number, interaction in enumerate(_interactions(path), 1):
        try:
            before = exchanges[-1].at if exchanges else 0.0
            exchanges.append(check_exchange(_exchange(interaction, before)))
        except INVALID as error:
            raise malformed(path, number, error) from None
    return exchanges


def _interactions(path: Path) -> list[JSON]:
    text = read_text(path)
    document = as_object(parse_json(path, text) if path.suffix == ".json" else _yaml(path, text))
    if document.get("version", 1) != 1 or not isinstance(document.get("interactions"), list):
        raise CassetteError(f"{path}: is not a vcrpy cassette, version 1")
    return as_list(document["interactions"])


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
        return loader.get_single_data()
    except (yaml.YAMLError, *INVALID) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise CassetteError(f"{path}{where}: is not YAML that is safe to load") from None


def _exchange(interaction: JSON, before: float) -> Exchange:
    response = interaction["response"]
    headers, body = decode(_pairs(response.get("headers")), _bytes(response.get("body")))
    status = response["status"]
    return Exchange(
        request=_request(interaction["request"]),
        response=RecordedResponse(
            status=int(as_object(status).get("code", status)), headers=headers, body=body
        ),
        at=_at(interaction.get("recorded_at") or header(headers, "date"), before),
    )


def _request(request: JSON) -> RecordedRequest:
    headers, body = decode(_pairs(request.get("headers")), _bytes(request.get("body")))
    content_type = header(headers, "content-type")
    method, url = _text(request["method"]), _text(request["uri"])
    return RecordedRequest.of(method, url, body, content_type, headers)


def _at(time: JSON, before: float) -> float:
    """A time no earlier than that of the previous exchange, so that the file's order is kept."""
    with suppress(ValueError, TypeError):
        return max(before, timestamp(time if isinstance(time, datetime) else _text(time)))
    return before


def _pairs(headers: JSON) -> Pairs:
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
            return b64decode(text, validate=True)
        case _:
            raise TypeError("body")
