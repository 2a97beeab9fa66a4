"""What was sent when, told in at most so many steps."""

from __future__ import annotations

from contactkit._plans.pacing import RequestStats


def test_requests_and_refusals_are_counted_by_the_second():
    left = iter([9, 7])
    traffic = RequestStats(100.0, lambda now: next(left))
    traffic.sent(100.2)
    traffic.sent(100.9)
    traffic.limited(102.0)
    assert traffic.timeline() == [[0, 2, 0, 9], [2, 0, 1, 7]]


def test_a_long_apply_is_told_more_coarsely_and_loses_nothing():
    traffic = RequestStats(0.0, lambda now: None)
    for second in range(86_400):
        traffic.sent(float(second))
    rows = traffic.timeline()
    assert len(rows) <= 301
    assert sum(row[1] or 0 for row in rows) == 86_400


def test_the_rate_is_of_the_last_seconds():
    traffic = RequestStats(0.0, lambda now: None)
    assert traffic.rate(0.0) == 0.0
    for step in range(1000):
        traffic.done(step / 50)
    assert 45 < traffic.rate(20.0) < 55
    assert traffic.rate(100.0) == 0.0


def test_the_rate_of_the_first_moment_is_no_wild_guess():
    traffic = RequestStats(0.0, lambda now: None)
    traffic.done(0.01)
    assert traffic.rate(0.02) == 1.0
