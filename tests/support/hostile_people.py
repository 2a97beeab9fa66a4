"""People in spellings, fields and notations that a recording may meet, each made up.

Numbers that are not reserved for fiction are put together here: only such numbers get pseudonyms.
"""

from __future__ import annotations

import base64
import json
import unicodedata
from html import escape
from typing import Any
from urllib.parse import quote

from tests.support.hostile_secrets import Planted, entities, fields, message, planted

FIRST, LAST = "Zenobiah", "Quillföther"
PLAIN = "Quillfother"
# No file contains the number itself.
AREA, REST = "415", "86" + "42975"
NUMBER = f"+1{AREA}{REST}"
LONDON = "+44" + "7911" + "223344"
PARIS = "+33" + "6" + "61238476"
PERSON = {
    "first_name": FIRST,
    "last_name": LAST,
    "email": "z.quill@post.zz",
    "phone_number": NUMBER,
}
_DECOMPOSED = unicodedata.normalize("NFD", LAST)
_NATIONAL = f"{REST[:3]}-{REST[3:]}"

# What a refusal says of the person that was sent.
NAMES = {
    "small letters": f"{FIRST} {LAST}".lower(),
    "capitals": f"{FIRST} {LAST}".upper(),
    "last name first": f"{LAST}, {FIRST}",
    "a dot": f"{FIRST}.{LAST}".lower(),
    "an underscore": f"{FIRST}_{LAST}".lower(),
    "a hyphen": f"{FIRST}-{LAST}".lower(),
    "two hyphens": f"{FIRST}--{LAST}",
    "nothing": f"{FIRST}{LAST}".lower(),
    "a capital": f"{FIRST.lower()}{LAST}",
    "an initial": f"{FIRST[0]}{LAST}".lower(),
    "digits": f"{LAST}77".lower(),
    "a part of a word": f"x{LAST}y".lower(),
    "combining marks": f"{FIRST} {_DECOMPOSED}",
    "combining marks in capitals": _DECOMPOSED.upper(),
    "no accents": f"{FIRST} {PLAIN}",
    "no accents, with a dot": f"{FIRST}.{PLAIN}".lower(),
    "named entities": f"{FIRST} Quillf&ouml;ther",
    "decimal entities": entities(LAST, "&#{};"),
    "hex entities": entities(FIRST, "&#x{:x};"),
    "percent-encoding": quote(f"{FIRST} {LAST}"),
    "percent-encoding twice": quote(quote(f"{FIRST} {LAST}")),
    "escapes": entities(LAST, "\\u{:04x}"),
    "base64": base64.b64encode(f"for {FIRST} {LAST}".encode()).decode(),
    "hex": f"for {FIRST} {PLAIN}".encode().hex(),
    "full-width letters": "".join(chr(ord(letter) + 0xFEE0) for letter in FIRST),
    "a non-breaking space": f"{FIRST}\u00a0{LAST}",
    "a path": f"/people/{FIRST}-{PLAIN}/edit".lower(),
    "a possessive": f"{FIRST}'s",
}
NUMBERS = {
    "an extension": (NUMBER, f"{AREA}-{_NATIONAL}x123"),
    "an extension in words": (NUMBER, f"({AREA}) {_NATIONAL} ext. 12"),
    "an extension at once": (NUMBER, f"{AREA}{REST}ext12"),
    "two spellings": (LONDON, f"0{LONDON[3:]} / 0044 {LONDON[3:7]} {LONDON[7:]}"),
    "two spellings without a space": (NUMBER, f"{AREA}{REST}/{AREA}-{_NATIONAL}"),
    "dots and spaces": (
        PARIS,
        f"0{PARIS[3:4]} {PARIS[4:6]} {PARIS[6:8]} {PARIS[8:10]} {PARIS[10:]}",
    ),
    "dots beside spaces": (
        PARIS,
        f"06 {PARIS[4:6]} {PARIS[6:8]} {PARIS[8:10]} {PARIS[10:]} / 06.{PARIS[4:6]}.{PARIS[6:8]}."
        f"{PARIS[8:10]}.{PARIS[10:]}",
    ),
    "entities": (NUMBER, f"&#43;1{AREA}{REST}"),
    "spaces of HTML": (NUMBER, f"{AREA}&nbsp;{REST[:3]}&nbsp;{REST[3:]}"),
    "a tel: link": (NUMBER, f"tel:+1-{AREA}-{_NATIONAL};ext=5"),
    "a bar": (NUMBER, f"{AREA}{REST} | {AREA}.{REST[:3]}.{REST[3:]}"),
}
SPOKEN = {
    **{f"a name with {form}": (PERSON, text) for form, text in NAMES.items()},
    **{
        f"a number with {form}": ({**PERSON, "phone_number": number}, text)
        for form, (number, text) in NUMBERS.items()
    },
}

WHOLE = "Ignatz O'Void-Zäuner"
UNDECLARED = {
    **{
        name: WHOLE
        for name in (
            "name display_name displayName contactName customer_name full-name nickname username "
            "cardholder_name accountHolder nombre vorname nachname recipient_name emergencyContact "
            "billing_last_name parentFirstName"
        ).split()
    },
    **{
        name: "12 Rue Clerc"
        for name in (
            "address street_address addressLine2 shippingAddress home_address anschrift zip "
            "postal_code"
        ).split()
    },
    "tax_id": "12-3456789",
    "passport_number": "X1234567",
    "card_number": "1234 5678",
    "account_number": "00998877",
    "driver_license": "D-1234-5678",
    "iban": "unreadable 77",
    "date_of_birth": "1977-07-07",
    "nationalInsuranceNumber": "QQ 12 34 56 C",
    "ip_address": "198.51.100.77",
    "login_hint": "ignatz",
}


def _luhn(digits: str) -> str:
    """The digits with their check digit."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    return digits + str(-(doubled + sum(map(int, digits[-2::-2]))) % 10)


def _iban(country: str, account: str) -> str:
    plain = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    return f"{country}{98 - int(plain) % 97:02}{account}"


VISA, AMEX = _luhn("4" + "01288888888188"), _luhn("37" + "828224631000")
CHECKED = {
    "a card": VISA,
    "a card in groups": f"{_luhn('5' + '50000000000000')}"[:4],
    "a card of 15 digits": AMEX,
    "an IBAN": _iban("DE", "370400440532013000"),
    "an IBAN in groups": " ".join(["GB" + _iban("GB", "WEST12345698765432")[2:4], "WEST"]),
    "an IBAN of France": _iban("FR", "20041010050500013M02606"),
    "a social security number": "-".join(["219", "09", "9987"]),
}


def grouped(text: str) -> str:
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


CHECKED["a card in groups"] = grouped(_luhn("5" + "50000000000000"))
CHECKED["a card with hyphens"] = grouped(VISA).replace(" ", "-")
CHECKED["an IBAN in groups"] = grouped(_iban("GB", "WEST12345698765432"))

_ROW = f"7,{WHOLE},12 Rue Clerc"
NOTATIONS = {
    "CSV": planted("text/csv", f"id,name,address\n{_ROW}\n", WHOLE, status=200),
    "CSV with declared names": planted("text/csv", f"id,first_name\n1,{WHOLE}\n", WHOLE),
    "CSV in other words": planted("text/csv", f"Nr;Vorname;Ort\n1;{WHOLE};x\n", WHOLE),
    "CSV with quotes": planted("text/csv", f'"Name","x"\r\n"{WHOLE}","1"\r\n', WHOLE),
    "tabs": planted("text/tab-separated-values", f"id\tname\n1\t{WHOLE}\n", WHOLE),
    "YAML": planted("text/yaml", f"name: {WHOLE}\nid: 7\n", WHOLE),
    "YAML list": planted("text/yaml", f"- first_name: {WHOLE}\n  id: 7\n", WHOLE),
    "YAML of an address": planted("text/yaml", "address: 12 Rue Clerc\n", "12 Rue Clerc"),
    "YAML with quotes": planted("application/yaml", f'display_name: "{WHOLE}"\n', WHOLE),
    "vCard": planted("text/vcard", f"BEGIN:VCARD\nFN:{WHOLE}\nEND:VCARD\n", WHOLE),
    "vCard's parts of a name": planted(
        "text/vcard", "BEGIN:VCARD\r\nN;CHARSET=UTF-8:O'Void;Ignatz;;;\r\nEND:VCARD\r\n", "Ignatz"
    ),
    "vCard's address": planted(
        "text/vcard",
        "BEGIN:VCARD\nADR;TYPE=home:;;12 Rue Clerc;Paris;;;\nEND:VCARD",
        "12 Rue Clerc",
    ),
    "vCard's line": planted("text/vcard", f"FN:{WHOLE}\n", WHOLE),
    "vCard's birthday": planted(
        "text/x-vcard", "BEGIN:VCARD\nBDAY:19770707\nEND:VCARD", "19770707"
    ),
    "calendar": planted("text/calendar", f'ATTENDEE;CN="{WHOLE}":mailto:a@b.invalid', WHOLE),
    "lines of text": planted("text/plain", f"Id: 7\nFull name: {WHOLE}\n", WHOLE),
    "line in a message": message(f"Name: {WHOLE}", WHOLE),
    "HTML line": planted("text/html", f"<p>Name: {WHOLE}</p>", WHOLE),
    "HTML heading": planted("text/html", f"<h2>Customer name</h2><p>{WHOLE}</p>", WHOLE),
    "HTML table": planted("text/html", f"<tr><th>Name</th><td>{WHOLE}</td></tr>", WHOLE),
    "HTML columns": planted(
        "text/html",
        f"<table><tr><th>Id</th><th>Name</th></tr><tr><td>1</td><td>{WHOLE}</td></tr></table>",
        WHOLE,
    ),
    "HTML definition": planted("text/html", f"<dl><dt>Name:</dt><dd>{WHOLE}</dd></dl>", WHOLE),
    "HTML input": planted(
        "text/html", '<input name="last_name" value="Quillfeather">', "Quillfeather"
    ),
    "escaped HTML": planted("text/html", f"<b>Name</b>: {escape(WHOLE)}", escape(WHOLE)),
    "XML": planted("text/xml", f"<c><displayName>{WHOLE}</displayName></c>", WHOLE),
    "XML attribute": planted("text/xml", f'<c displayName="{WHOLE}"/>', WHOLE),
    "form": planted("application/x-www-form-urlencoded", f"id=7&name={quote(WHOLE)}", quote(WHOLE)),
    "multipart": planted(
        "multipart/form-data; boundary=q",
        f'--q\r\nContent-Disposition: form-data; name="name"\r\n\r\n{WHOLE}\r\n--q--\r\n',
        WHOLE,
    ),
    "pairs": fields(WHOLE, a=[{"name": "full_name", "value": WHOLE}]),
    "object": fields("Rue Clerc", address={"line1": "12 Rue Clerc", "id": 7}),
    "list": fields(WHOLE, names=[WHOLE]),
    "JSON in JSON": fields(WHOLE, raw=json.dumps({"name": WHOLE}, ensure_ascii=False)),
    "JSON in base64": fields(
        "Ignatz",
        raw=base64.b64encode(json.dumps({"name": "Ignatz Void"}).encode()).decode(),
    ),
    "card as a number": fields(VISA, card_number=int(VISA)),
    "lines of JSON": planted("application/x-ndjson", f'{{"a":1}}\n{{"name":"{WHOLE}"}}\n', WHOLE),
}
PEOPLE: dict[str, tuple[dict[str, Any], Planted]] = {
    **{
        where: (person, message(f"{text} is there", text))
        for where, (person, text) in SPOKEN.items()
    },
    **{
        f"{where}, in a page": (
            person,
            planted("text/html", f"<p>{text} is there</p>", text, status=500),
        )
        for where, (person, text) in SPOKEN.items()
    },
    **{
        f"field {name}": (PERSON, fields(text, **{name: text})) for name, text in UNDECLARED.items()
    },
    **{
        f"{what} in a message": (PERSON, message(f"{text} was declined", text))
        for what, text in CHECKED.items()
    },
    **{f"notation: {where}": (PERSON, answer) for where, answer in NOTATIONS.items()},
}
