"""Whether the link from each chosen behaviour, and from the score, to margin still holds.

The statistic is the change of a link from the training periods to a recent window of two outcome
windows, in standard errors clustered by customer. Its error rate is spent over all looks to come
(`spending`), so that looking every week forever gives a false alarm with a small probability only.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from scipy.stats import norm

from engagement_ml.drivers.estimation.spans import Spans
from engagement_ml.features.period_panel import Periods
from engagement_ml.formatting import how_many, percent
from engagement_ml.lifecycle.monitoring.link_estimates import LinkEstimate, LinkWindows
from engagement_ml.lifecycle.monitoring.rows import MonitorRow, Status
from engagement_ml.lifecycle.monitoring.spending import Look, error_at

KIND = "link"
MOVES = "link to margin"
PREDICTS = "rank correlation with later margin"
"""What sentences call the link of a driver, and of an indicator."""

ERROR = 0.05
"""Probability of any false alarm on a link, over all looks that will ever be made.

An alarm lasts a few looks, so the share of weeks with a false alarm is far smaller.
"""

DRIFT = 0.15
"""Standard deviation of a link's ordinary change, as a share of it; it is no fault.

In logs a link changes with the level of margin if its effect is an amount, for example.
"""

MAX_SHARE = 0.5
"""A link is lost only if less than this share of it remains, however certain its change is."""

MIN_TRAINED_Z = 3.0
"""z that this estimate needs in the training periods; else there is no link to follow."""

WARNING_Z = 2.576
"""Standard errors of a change from which it is a warning: one in 200 by chance."""

RECENT_WINDOWS = 2
"""Length of the recent window, in outcome windows."""


@dataclass(frozen=True)
class Limits:
    """Limits of the share of a link that remains.

    Attributes
    ----------
    error : float
        Standard error of the share, with ordinary drift.
    alarm, warning : float
        An alarm, or a warning, lies below it.
    """

    error: float
    alarm: float
    warning: float

    @classmethod
    def of(cls, estimate: LinkEstimate, alpha: float) -> Limits:
        """Return the limits for one link at one look, which may use the error rate `alpha`."""
        error = math.hypot(estimate.difference_error / estimate.trained, DRIFT)
        alarm = 1.0 - float(norm.isf(alpha)) * error
        return cls(error, min(MAX_SHARE, alarm), min(MAX_SHARE, 1.0 - WARNING_Z * error))


def place_windows(
    periods: Periods, spans: Spans, fit_until: dt.date, look: Look
) -> LinkWindows | str:
    """Return the periods of training and of the recent window, or why there are too few.

    Parameters
    ----------
    periods : Periods
        They end at ``look.until``.
    spans : Spans
    fit_until : date
        The first day that was not used for fitting.
    look : Look
    """
    days = (fit_until - periods.start).days
    fitted, after = days // spans.period_days, -(-days // spans.period_days)
    end = periods.gain.shape[1]
    first = max(spans.observation, periods.paid_from)
    if fitted - first < spans.outcome:
        return (
            f"the data begins {periods.start}, too late to see the link in the training periods "
            f"before {fit_until}; give the history that the model was trained on, too"
        )
    if end - after < spans.outcome:
        missing = how_many(spans.outcome - (end - after), "more period")
        return (
            f"cannot tell yet: {missing} of {spans.period_days} days must pass until one outcome "
            f"window has matured since {fit_until}"
        )
    return LinkWindows(first, fitted, max(after, end - RECENT_WINDOWS * spans.outcome), end)


def unknown_links(
    subjects: Sequence[str],
    reason: str,
    period: dt.date,
    titles: Mapping[str, str] = MappingProxyType({}),
) -> list[MonitorRow]:
    """Return a row per link that says why it cannot be checked; `titles` as for `link_rows`."""
    return [
        MonitorRow(
            KIND, s, period, None, 1.0, None, None, "unknown", f"{_title(s, titles)}: {reason}."
        )
        for s in subjects
    ]


def link_rows(
    estimates: Sequence[LinkEstimate],
    look: Look,
    period: dt.date,
    *,
    error: float = ERROR,
    link: str = MOVES,
    titles: Mapping[str, str] = MappingProxyType({}),
) -> list[MonitorRow]:
    """Return a row per link; its value is the share of the link that remains, 1 for all of it.

    Parameters
    ----------
    estimates : sequence of LinkEstimate
    look : Look
    period : date
        The first day of the recent window.
    error : float
        Probability of any false alarm over all looks and links.
    link : str
        What sentences call the link.
    titles : mapping of behaviour to str
        Names of behaviours for people; the behaviour itself if it has none.

    Returns
    -------
    list of MonitorRow
        ``unknown`` if the fits did not converge, if the link is not visible in the training
        periods, or if even a lost link would probably not be found yet.

    Examples
    --------
    >>> day = dt.date(2024, 1, 1)
    >>> lost = LinkEstimate("review", 0.5, 0.02, 0.03, 0.06, True)
    >>> (row,) = link_rows([lost], Look(3, day), day)
    >>> row.status, row.value, row.sentence[:33]
    ('alarm', 0.04, 'review: its link to margin is wea')
    """
    alpha = error_at(look.number, error, len(estimates))
    return [
        _row(estimate, alpha, period, f"{_title(estimate.subject, titles)}: its {link}")
        for estimate in estimates
    ]


def _row(estimate: LinkEstimate, alpha: float, period: dt.date, link: str) -> MonitorRow:
    if not estimate.converged:
        return _unknown(
            estimate, period, f"{link} could not be estimated, as a fit did not converge."
        )
    if estimate.trained <= MIN_TRAINED_Z * estimate.trained_error:
        sentence = (
            f"{link} cannot be checked, as this simpler estimate does not show it in the training "
            "periods either; train again to check it."
        )
        return _unknown(estimate, period, sentence)
    share = estimate.recent / estimate.trained
    limits = Limits.of(estimate, alpha)
    status = _status(share, limits)
    span = 1.959964 * limits.error
    low, high = percent(share - span), percent(share + span)
    remains = f"{percent(share)} of it remains (95% interval {low} to {high})"
    sentence = {
        "alarm": f"{link} is weaker than in training: {remains}; more than chance explains over "
        "all looks. Do not rely on it, and train again.",
        "warning": f"{link} may be weaker than in training: {remains}; chance still explains it "
        "over all looks.",
        "unknown": f"{link}: cannot tell yet whether it holds: {remains}; the data since training "
        "is too little to find even a lost link.",
        "ok": f"{link} holds: {remains}.",
    }[status]
    return MonitorRow(
        kind=KIND,
        subject=estimate.subject,
        period=period,
        value=share,
        expected=1.0,
        low=limits.alarm,
        high=None,
        status=status,
        sentence=sentence,
    )


def _status(share: float, limits: Limits) -> Status:
    if share < limits.alarm:
        return "alarm"
    if share < limits.warning:
        return "warning"
    return "unknown" if limits.alarm <= 0 else "ok"


def _unknown(estimate: LinkEstimate, period: dt.date, sentence: str) -> MonitorRow:
    return MonitorRow(KIND, estimate.subject, period, None, 1.0, None, None, "unknown", sentence)


def _title(subject: str, titles: Mapping[str, str]) -> str:
    return "Score" if subject == "score" else titles.get(subject, subject)
