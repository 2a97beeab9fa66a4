"""Cassettes of vcrpy, as YAML or as JSON, and of cassetter, which writes nearly the same YAML.

version: 1
interactions:
- request: {method, uri, body, headers: {name: [value]}}
  response: {status: {code}, headers, body: {string}}
  recorded_at: where there is one
"""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

from contactkit.cassette.body import dump_json
from contactkit.cassette.convert.common import (
    WRONG,
    decoded,
    malformed,
    request_of,
    seconds,
    text_of,
)
from contactkit.cassette.exchange import Exchange, Pairs, RecordedResponse, header
from contactkit.errors import CassetteError, ConfigurationError
from contactkit.spec.provider import JSON, as_list, as_object


def read_vcr(path: Path) -> list[Exchange]:
    """What a cassette holds, in its order.

    Its times are those of `recorded_at` or of the answers' Date; an exchange with neither has the
    time of the one before it.
    """
    found: list[Exchange] = []
    for number, each in enumerate(_interactions(path), 1):
        try:
            found.append(_heard(each, found[-1].at if found else 0.0))
        except WRONG as error:
            raise malformed(path, number, error) from None
    return found


def _interactions(path: Path) -> list[JSON]:
    text = text_of(path)
    document = as_object(_json(path, text) if path.suffix == ".json" else _yaml(path, text))
    if document.get("version", 1) != 1 or not isinstance(document.get("interactions"), list):
        raise CassetteError(f"{path}: is no cassette of vcrpy, version 1")
    return as_list(document["interactions"])


def _json(path: Path, text: str) -> JSON:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CassetteError(f"{path}, line {error.lineno}: is no JSON") from None


def _yaml(path: Path, text: str) -> JSON:
    try:
        import yaml
    except ImportError:
        raise ConfigurationError(
            'reading YAML needs its extra: python -m pip install "contactkit[convert]"'
        ) from None
    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise CassetteError(f"{path}{where}: is no YAML that is safe to load") from None


def _heard(interaction: JSON, before: float) -> Exchange:
    request, response = interaction["request"], interaction["response"]
    headers, body = _pairs(response.get("headers")), _bytes(response.get("body"))
    status, (plain_headers, plain) = response["status"], decoded(headers, body)
    return Exchange(
        request=request_of(
            request["method"],
            request["uri"],
            _pairs(request.get("headers")),
            _bytes(request.get("body")),
        ),
        response=RecordedResponse(
            status=int(as_object(status).get("code", status)), headers=plain_headers, body=plain
        ),
        at=_at(interaction.get("recorded_at") or header(headers, "date"), before),
    )


def _at(told: JSON, before: float) -> float:
    """Never before the exchange before it: the order of the file is that of the replay."""
    with suppress(ValueError):
        return max(before, seconds(told))
    return before


def _pairs(headers: JSON) -> Pairs:
    return tuple(
        (str(name), str(text))
        for name, texts in as_object(headers).items()
        for text in (as_list(texts) or [texts])
    )


def _bytes(body: JSON) -> bytes:
    match body:
        case None | {"type": "none"}:
            return b""
        case bytes():
            return body
        case str():
            return body.encode()
        case {"string": inner} | {"type": "text", "content": inner}:
            return _bytes(inner)
        case {"base64_string": text}:
            return b64decode(text, validate=True)
        case {"type": "binary", "content": digits}:
            return bytes.fromhex(digits)
        case {"type": "json", "content": value}:
            return dump_json(value)
        case _:
            raise TypeError("body")
