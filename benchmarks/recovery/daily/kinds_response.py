"""Kinds whose responses turn, differ between segments, last long or pull purchases forward."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.recovery.daily.draft import Draft
from benchmarks.recovery.daily.mechanism import box
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
    turning_mails(draft, draft.uniform(3.0, 4.0), draft.uniform(3.5, 5.0))
    draft.drivers(1, 2)
    draft.follow()
    draft.fill()


def turning_high(draft: Draft) -> None:
    """The same with twice the mails: the next one costs margin."""
    turning_mails(draft, draft.uniform(6.0, 8.0), draft.uniform(3.5, 5.0))
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
