"""Names and queries of histograms in the forms of metrics.histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xscaler_istio.rendered.scraping import BOTH, CLASSIC, NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

_BUCKET = "_bucket"
_PARTS = (_BUCKET, "_sum", "_count")


def names(classic: Iterable[str], form: str) -> tuple[str, ...]:
    """Return the names of metrics in a form, from those with classic histograms.

    A histogram is what has a name that ends in _bucket.
    """
    given = tuple(classic)
    bases = tuple(name.removesuffix(_BUCKET) for name in given if name.endswith(_BUCKET))
    parts = {f"{base}{part}" for base in bases for part in _PARTS}
    others = tuple(name for name in given if name not in parts)
    return {CLASSIC: given, NATIVE: (*others, *bases), BOTH: (*given, *bases)}[form]


def quantile(share: str, histogram: str, matchers: str, window: str, by: str, form: str) -> str:
    """Return PromQL for a quantile of the rates of a histogram, by a label; of both forms the classic one is asked."""
    if form == NATIVE:
        return f"histogram_quantile({share}, sum by ({by}) (rate({histogram}{{{matchers}}}[{window}])))"
    buckets = f"rate({histogram}_bucket{{{matchers}}}[{window}])"
    return f"histogram_quantile({share}, sum by (le, {by}) ({buckets}))"
