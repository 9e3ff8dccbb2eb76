"""Kinds whose responses turn, differ between segments, last long or pull purchases forward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.recovery.daily.draft import Draft
from benchmarks.recovery.daily.mechanism import box, delayed, exponential, link
from benchmarks.recovery.daily.spec import Act, Array, Behaviour


def turning_mails(draft: Draft, load: float, peak: float | Array) -> Behaviour:
    """Add outbound mails whose response turns at `peak` mails in four weeks."""
    gain = draft.uniform(0.08, 0.12)  # of the first mail
    role = "driver" if draft.acting else "inert"
    b = draft.add(role, load / 4, shape=4.0, wave_std=0.6, wave_memory=45.0, season=0.0)
    strength = np.asarray(gain, dtype=np.float32) * 4 / np.asarray(peak, dtype=np.float32)
    act = Act("orders", box(28), strength, strength / (2 * np.asarray(peak, dtype=np.float32)))
    b = replace(b, outbound=True, acts=(act,) if draft.acting else ())
    draft.behaviours[-1] = b
    return b


def turning(draft: Draft) -> None:
    """Mails help up to about four in four weeks and harm beyond eight: all can be had."""
    turning_mails(draft, draft.uniform(2.0, 2.8), draft.uniform(3.5, 5.0))
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()


def turning_high(draft: Draft) -> None:
    """The same with twice the mails: on average, the next one costs margin."""
    turning_mails(draft, draft.uniform(4.5, 6.0), draft.uniform(3.5, 5.0))
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()


def turning_segments(draft: Draft) -> None:
    """The turning point differs between two segments."""
    code = draft.segment("tier", ("basic", "plus"))
    turning_mails(draft, draft.uniform(3.5, 4.5), np.where(code == 0, 3.0, 6.0).astype(np.float32))
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()


def segments_differ(draft: Draft) -> None:
    """One effect is at least twice as large in a segment, another has the other sign there."""
    code = draft.segment("tier", ("basic", "plus"))
    double = np.where(code == 0, 0.67, 1.33).astype(np.float32)
    turned = np.where(code == 0, 1.8, -0.5).astype(np.float32)
    draft.driver(size=draft.uniform(0.08, 0.12), by_customer=double)
    draft.driver("orders", size=draft.uniform(0.04, 0.06), by_customer=turned)
    # the segments get about the same mean margin, so that only effects differ
    level = np.ones(draft.n, dtype=np.float32)
    for b in draft.behaviours:
        for act in b.acts:
            level *= link(act.strength * np.full(draft.n, b.rate, dtype=np.float32))
    draft.order_scale = (level.mean() / level)[None, :]
    draft.driver()
    draft.follow()
    draft.fill()


def segments_same(draft: Draft) -> None:
    """Segments are declared and all effects are the same in them."""
    draft.segment("tier", ("basic", "plus"))
    draft.segment("region", ("north", "south", "west"))
    draft.drivers(2, 3)
    draft.follow()
    draft.fill()


def long_memory(draft: Draft) -> None:
    """Effects with memories of 21 and 40 days, and one that comes after a month."""
    draft.driver(kernel=exponential(21))
    draft.driver(kernel=exponential(40))
    draft.driver(kernel=delayed(30), size=draft.uniform(0.06, 0.1))
    draft.follow()
    draft.fill()


def pulled(draft: Draft, **traits: object) -> Behaviour:
    """Add coupons that move purchases to this week from the next two months, at a lower margin."""
    per_week = draft.log_uniform(0.4, 0.8)
    role = "harmful" if draft.acting else "inert"
    b = draft.add(role, per_week, shape=3.0, season=0.0, **traits)
    now, later = np.zeros(63), np.zeros(63)
    now[:7], later[7:] = 1 / 7, 1 / 56
    kernel = (now - draft.uniform(0.85, 1.0) * later).astype(np.float32)
    moved = Act("orders", kernel, draft.uniform(2.5, 4.0))
    cheap = Act("ratio", now[:7].astype(np.float32), -7 * draft.uniform(0.15, 0.3))
    b = replace(b, outbound=True, acts=(moved, cheap) if draft.acting else ())
    draft.behaviours[-1] = b
    return b


def pulled_forward(draft: Draft) -> None:
    """Coupons pull purchases forward at a lower margin: harmful, and they follow nothing."""
    pulled(draft)
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()


def pulled_after(draft: Draft) -> None:
    """The same coupons, most of them sent after purchases: `harmful`, or `unverifiable`."""
    b = pulled(draft, per_order=draft.uniform(0.3, 0.5), order_lag=3.0)
    draft.accepted[b.name] = frozenset({"unverifiable"})
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()
