"""Files that are not what their name or their reader expects, named as what they are."""

from __future__ import annotations

_MARKS = {
    b"PK\x03\x04": "an Excel workbook without the suffix .xlsx, or another ZIP archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of the old kind (.xls), or one with a password",
    b"PAR1": "a Parquet file without the suffix .parquet",
    b"ARROW1": "a Feather file without the suffix .feather",
    b"\x1f\x8b": "a gzip file without the suffix .gz",
    b"BZh": "a bzip2 file without the suffix .bz2",
    b"\xfd7zXZ": "an xz file without the suffix .xz",
    b"(\xb5/\xfd": "a Zstandard file",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    # Of the protocols that Python has written since 3.0.
    b"\x80\x03": "a Python pickle, which is never read",
    b"\x80\x04": "a Python pickle, which is never read",
    b"\x80\x05": "a Python pickle, which is never read",
}
# Text, perhaps after blanks.
_BEGINNINGS = {
    b"<": "a page of HTML or XML, as some sites name .xls",
    b"{\\rtf": "a text document (RTF)",
    b"{": "a JSON document",
    b"[": "a JSON document",
    b"begin:vcard": "a file of vCards (.vcf)",
}


def name_kind(content: bytes) -> str:
    """What a file is by its first bytes; "" for text in rows, as far as they tell."""
    marks = (kind for mark, kind in _MARKS.items() if content.startswith(mark))
    text = content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    beginnings = (kind for mark, kind in _BEGINNINGS.items() if text.startswith(mark))
    return next(marks, next(beginnings, ""))
