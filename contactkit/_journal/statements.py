"""The SQL statements that write and read a journal's entries."""

BEGIN = """
INSERT INTO writes (plan, row, claim, process, provider, account, base_url, operation, key,
                    request, changes, before, because, idempotency_key, made_at, opt_in, uptime,
                    boot)
SELECT :plan, :row, :claim, :process, :provider, :account, :base_url, :operation, :key,
       :request, :changes, :before, :because, :idempotency_key, :made_at,
       :opt_in, :uptime, :boot
WHERE :seen = (SELECT coalesce(max(id), 0) FROM writes
               WHERE plan = :plan AND plan <> '' AND account = :account AND row = :row)
ON CONFLICT DO NOTHING
"""
END = """
UPDATE writes SET outcome = :outcome, key = coalesce(nullif(key, ''), :key, ''), after = :after,
  http_status = :http_status, code = :code, message = :message, field = :field,
  attempts = :attempts, request_id = :request_id, at = :at
WHERE id = :id AND outcome IS NULL
"""
CLOSE = """
UPDATE writes SET outcome = 'unknown', at = ?,
  message = 'the process that sent it ended without recording a response'
WHERE id = ? AND outcome IS NULL
"""
OPTED_IN = "SELECT * FROM writes WHERE id = ? AND opt_in AND operation <> 'delete'"
FORGET = "DELETE FROM writes WHERE id = ? AND outcome IS NULL"
_LAST = """
SELECT last.*, first.made_at AS key_made_at, {clock},
  (SELECT count(DISTINCT nullif(idempotency_key, '')) FROM writes AS other
   WHERE other.plan = last.plan AND other.plan <> '' AND other.account = last.account
     AND other.row = last.row) AS keys
FROM writes AS last JOIN writes AS first ON first.id =
  (SELECT min(id) FROM writes AS other
   WHERE other.plan = last.plan AND other.plan <> '' AND other.account = last.account
     AND other.row = last.row AND other.idempotency_key = last.idempotency_key)
WHERE last.id IN
  (SELECT max(id) FROM writes WHERE plan = ? AND plan <> '' AND account = ? GROUP BY row)
ORDER BY last.row
"""
LAST = _LAST.format(clock="first.uptime AS key_uptime, first.boot AS key_boot")
LAST_OF_VERSION_1 = _LAST.format(clock="NULL AS key_uptime, '' AS key_boot")
READING = """
SELECT id AS journal, (SELECT seq FROM sqlite_sequence WHERE name = 'writes') AS last,
  (SELECT group_concat(id) FROM writes WHERE plan <> '' AND outcome IS NULL) AS open
FROM journal
"""
ACCOUNTS = """
SELECT account FROM writes WHERE plan = ? AND plan <> '' AND base_url = ?
GROUP BY account ORDER BY max(id)
"""
WRITTEN = """
SELECT * FROM writes WHERE account = ? AND after IS NOT NULL AND outcome IS NOT NULL
  AND key IN (SELECT value FROM json_each(?)) ORDER BY id
"""
ENTRIES = """
SELECT * FROM writes WHERE id > ?1 AND (?2 IS NULL OR made_at >= ?2)
  AND substr(plan, 1, length(?3)) = ?3 AND (?4 = '' OR account = ?4) ORDER BY id LIMIT ?5
"""
CONSENT = """
SELECT * FROM writes WHERE provider = ? AND base_url = ? AND key <> ''
  AND outcome IN (SELECT value FROM json_each(?)) AND
    (operation = 'delete' OR (operation = 'create' AND opt_in) OR EXISTS
    (SELECT 1 FROM json_each(writes.changes) AS change
     WHERE change.key IN (SELECT value FROM json_each(?))))
ORDER BY id
"""
REFUSED = """
SELECT * FROM writes WHERE provider = ? AND base_url = ? AND outcome = 'refused'
  AND operation = 'update' AND http_status IN (400, 422) ORDER BY id
"""
