"""The kinds of daily simulations by name; ``NAME_null`` is the twin without effects."""

from __future__ import annotations

from benchmarks.recovery.daily import kinds_hidden, kinds_response
from benchmarks.recovery.daily.draft import Kind

KINDS: dict[str, Kind] = {
    kind.__name__: kind
    for kind in (
        kinds_hidden.calm, kinds_hidden.life_events, kinds_hidden.interest,
        kinds_hidden.two_waves, kinds_hidden.lone_wave, kinds_hidden.preparing,
        kinds_response.turning, kinds_response.turning_high, kinds_response.turning_segments,
    )
}  # fmt: skip
NULL = "_null"
DAILY_KINDS: tuple[str, ...] = tuple(name + end for end in ("", NULL) for name in KINDS)
