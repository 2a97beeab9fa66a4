"""The tables of a journal, and how a file of an earlier version is upgraded."""

from __future__ import annotations

import sqlite3

APPLICATION = 0x636B6A6E  # "ckjn"
# Each leads from a version of the schema to the next, the first from an empty file.
_UPGRADES = (
    (
        """
        CREATE TABLE writes (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          made_at REAL NOT NULL, at REAL,
          provider TEXT NOT NULL, account TEXT NOT NULL, base_url TEXT NOT NULL,
          plan TEXT NOT NULL, row INTEGER NOT NULL,
          operation TEXT NOT NULL, key TEXT NOT NULL, outcome TEXT,
          changes TEXT NOT NULL, before TEXT, after TEXT,
          http_status INTEGER, code TEXT, message TEXT, field TEXT, attempts INTEGER,
          request_id TEXT, idempotency_key TEXT NOT NULL, request TEXT NOT NULL,
          claim TEXT NOT NULL, process INTEGER NOT NULL
        )""",
        "CREATE INDEX planned ON writes (plan, account, row) WHERE plan <> ''",
        """
        CREATE UNIQUE INDEX open ON writes (plan, account, row)
        WHERE plan <> '' AND outcome IS NULL""",
        f"PRAGMA application_id = {APPLICATION}",
        "PRAGMA user_version = 1",
    ),
    (
        "ALTER TABLE writes ADD COLUMN opt_in INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE writes ADD COLUMN uptime REAL",
        "ALTER TABLE writes ADD COLUMN boot TEXT NOT NULL DEFAULT ''",
        "CREATE TABLE journal (id TEXT NOT NULL)",
        "INSERT INTO journal VALUES (lower(hex(randomblob(8))))",
        """
        CREATE TABLE suppressed (
          provider TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL,
          digest TEXT NOT NULL, key_check TEXT NOT NULL, made_at REAL NOT NULL,
          PRIMARY KEY (provider, digest)
        )""",
        "PRAGMA user_version = 2",
    ),
    ("ALTER TABLE writes ADD COLUMN because TEXT", "PRAGMA user_version = 3"),
)
VERSION = len(_UPGRADES)


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring the file to the current version, in the transaction that is open."""
    for statements in _UPGRADES[version_of(connection) :]:
        for statement in statements:
            connection.execute(statement)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the file's schema, 0 for an empty file."""
    return connection.execute("PRAGMA user_version").fetchone()[0]
