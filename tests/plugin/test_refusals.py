"""Causes of failed pushes, from the bodies that Mimir and Loki answer with and from xScaler's documented causes."""

from __future__ import annotations

import pytest

from xscaler_istio.wire import refusals
from xscaler_istio.wire.refusals import Reason

PROMETHEUS = "server returned HTTP status"
CASES = [
    (f"{PROMETHEUS} 429 Too Many Requests: max_active_series exceeded for plan free", Reason.PLAN_SERIES),
    (f"{PROMETHEUS} 429 Too Many Requests: active series limit reached: 10000", Reason.PLAN_SERIES),
    (f"{PROMETHEUS} 429 Too Many Requests: the account is locked: unpaid invoice", Reason.LOCK),
    (f"{PROMETHEUS} 429 Too Many Requests: min_scrape_interval_sec is 60", Reason.INTERVAL),
    (
        f"{PROMETHEUS} 429 Too Many Requests: the request has been rejected because the tenant exceeded the ingestion"
        " rate limit, set to 10000 items/s (err-mimir-tenant-max-ingestion-rate)",
        Reason.RATE,
    ),
    (f"{PROMETHEUS} 429 Too Many Requests: Maximum active stream limit exceeded", Reason.RATE),
    (f"{PROMETHEUS} 429 Too Many Requests: ", Reason.PLAN),
    (
        f"{PROMETHEUS} 400 Bad Request: per-user series limit of 10000 exceeded (err-mimir-max-series-per-user). To"
        " adjust the related per-tenant limit, configure -ingester.max-global-series-per-user",
        Reason.SERIES,
    ),
    (f"{PROMETHEUS} 400 Bad Request: per_user_series_limit", Reason.SERIES),
    (f"{PROMETHEUS} 302 Found", Reason.REDIRECT),
    (f"{PROMETHEUS} 404 Not Found", Reason.ADDRESS),
    (
        "Permanent error: remote write returned HTTP status 401 Unauthorized; err = %!w(<nil>): invalid token",
        Reason.TOKEN,
    ),
    ("something else", Reason.UNKNOWN),
]


@pytest.mark.parametrize(("reason", "cause"), CASES)
def test_the_body_distinguishes_causes_of_one_status(reason: str, cause: Reason) -> None:
    assert refusals.cause(reason) is cause


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (429, "billing lock", Reason.LOCK),
        (429, "", Reason.PLAN),
        (400, "x-scope-orgid mismatch", Reason.TENANT),
        (307, "a redirect to https://other.example", Reason.REDIRECT),
        (403, "the token lacks the scope write", Reason.SCOPE),
    ],
)
def test_an_answer_has_the_cause_of_its_status_and_body(status: int, body: str, cause: Reason) -> None:
    assert refusals.cause_of_answer(status, body) is cause


def test_each_cause_has_its_fix() -> None:
    assert len({refusals.fix(each) for each in Reason}) == len(Reason)
