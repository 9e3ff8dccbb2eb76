"""Alpha spending: how much of the error rate each look may use, if looks never end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

LOOKS_PER_WINDOW = 3
"""Looks in the length of one outcome window: looks closer together see almost the same outcomes."""

HALF_SPENT = 6
"""Number of looks after which half of the error rate is spent: two outcome windows."""


@dataclass(frozen=True)
class Look:
    """One look at matured outcomes.

    Attributes
    ----------
    number : int
        0 at the time of the training, then one more for each third of an outcome window.
    until : date
        Outcomes before this day are looked at. It is the same for all runs until the next look, so
        that running every day is not another look.
    """

    number: int
    until: dt.date


def latest_look(trained_until: dt.date, data_until: dt.date, outcome_days: int) -> Look:
    """Return the last look that the data allows.

    Parameters
    ----------
    trained_until : date
        The day after the last day of the data that the run was trained on.
    data_until : date
        The day after the last day with data.
    outcome_days : int

    Examples
    --------
    >>> latest_look(dt.date(2024, 1, 1), dt.date(2024, 3, 1), 84)
    Look(number=2, until=datetime.date(2024, 2, 26))
    """
    step = max(1, outcome_days // LOOKS_PER_WINDOW)
    number = max(0, (data_until - trained_until).days // step)
    until = trained_until + dt.timedelta(number * step)
    return Look(number, min(until, data_until))


def error_at(look: int, total: float, n_tests: int = 1) -> float:
    r"""Return the error rate that one test may use at a look.

    .. math:: \alpha_k = \frac{\alpha}{m} \cdot \frac{c}{(k + c)(k + c + 1)}

    with k the number of the look, m the tests and c = 6. The sum over all k is α/m, so by
    Bonferroni's inequality the probability of any false alarm, ever, is at most α, whatever the
    dependence between looks (their outcome windows overlap) and between tests.

    Examples
    --------
    >>> round(sum(error_at(k, 0.05, 2) for k in range(100_000)), 4)
    0.025
    """
    c = HALF_SPENT
    return total / max(n_tests, 1) * c / ((look + c) * (look + c + 1))
