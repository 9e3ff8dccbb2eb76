"""Teams: how satisfied the people of a team are, beside the NPS and margin of their customers.

A correlation between teams says that happy teams have happy customers, and not why. What a team's
own changes say is more: whether customers of a team give more in periods in which the team was more
satisfied than it usually is, with all that moves every team at once taken out. Neither is proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engagement_ml._typing import FloatArray
from engagement_ml.formatting import number
from engagement_ml.scorecard.measure_card import Value

MIN_PEOPLE = 5
"""Fewer answers, or customers, than this show no value: single people could be recognised."""
MIN_TEAMS = 8
"""Teams below which nothing is said of how satisfaction is related to customers."""
MARGIN, NPS = "margin", "nps"


@dataclass(frozen=True)
class TeamRow:
    """One team in one period.

    Attributes
    ----------
    team, period : str
    satisfaction : mapping of survey to Value
        Of the people of the team: the mean score, or the net promoter score of ``nps``.
    customers : mapping of measure to Value
        ``nps``, net promoter score of the customers whom the team served when they answered;
        ``margin``, per customer whom it served, in currency.
    """

    team: str
    period: str
    satisfaction: Mapping[str, Value]
    customers: Mapping[str, Value]


@dataclass(frozen=True)
class TeamLink:
    """How the satisfaction of teams is related to a measure of their customers.

    Attributes
    ----------
    survey, measure : str
    teams : int
    between : Value
        Correlation of the teams' means over all periods, from −1 to 1.
    within : Value
        Change of the measure for one more point of satisfaction in the same period, from the
        changes of each team; standard errors are clustered by team.
    sentence : str
    """

    survey: str
    measure: str
    teams: int
    between: Value
    within: Value
    sentence: str


@dataclass(frozen=True)
class TeamCard:
    """Teams on the scorecard; `reason` says why there is nothing."""

    rows: tuple[TeamRow, ...] = ()
    links: tuple[TeamLink, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class TeamCell:
    """Sums over the people of a team in a period; `of` is the measure or the survey.

    `own` says whether the people are those of the team, else they are its customers.
    """

    team: str
    period: str
    of: str
    own: bool
    n: int
    total: float
    squares: float

    def value(self) -> Value:
        """Return the mean with its 95% interval; none with fewer people than `MIN_PEOPLE`."""
        if self.n < MIN_PEOPLE:
            return Value(n=self.n, note=f"fewer than {MIN_PEOPLE} people")
        mean = self.total / self.n
        variance = max(self.squares / self.n - mean**2, 0.0) * self.n / (self.n - 1)
        half = _t(self.n - 1) * float(np.sqrt(variance / self.n))
        return Value(mean, mean - half, mean + half, n=self.n)


def team_card(cells: Sequence[TeamCell], entities: str) -> TeamCard:
    """Return the card of teams.

    Parameters
    ----------
    cells : sequence of TeamCell
    entities : str
        What customers are called, in plural.
    """
    places = sorted({(cell.period, cell.team) for cell in cells})
    by_place = {(c.period, c.team, c.of, c.own): c.value() for c in cells}
    surveys = sorted({cell.of for cell in cells if cell.own})
    measures = sorted({cell.of for cell in cells if not cell.own})
    rows = tuple(
        TeamRow(
            team,
            period,
            {s: by_place[period, team, s, True] for s in surveys
             if (period, team, s, True) in by_place},
            {m: by_place[period, team, m, False] for m in measures
             if (period, team, m, False) in by_place},
        )
        for period, team in places
    )  # fmt: skip
    if not surveys:
        return TeamCard(rows, reason="no member of a team answered a survey")
    links = tuple(_link(rows, survey, m, entities) for survey in surveys for m in measures)
    return TeamCard(rows, links)


def _link(rows: Sequence[TeamRow], survey: str, measure: str, entities: str) -> TeamLink:
    pairs = [
        (row.team, row.period, said.value, given.value)
        for row in rows
        if (said := row.satisfaction.get(survey)) is not None and said.value is not None
        if (given := row.customers.get(measure)) is not None and given.value is not None
    ]
    team = np.array([p[0] for p in pairs], dtype=object)
    period = np.array([p[1] for p in pairs], dtype=object)
    x, y = (np.array([p[k] for p in pairs], dtype=np.float64) for k in (2, 3))
    n_teams = len(set(team))
    between, within = _between(team, x, y), _within(team, period, x, y)
    sentence = _sentence(survey, measure, n_teams, between, within, entities)
    return TeamLink(survey, measure, n_teams, between, within, sentence)


def _between(team: np.ndarray, x: FloatArray, y: FloatArray) -> Value:
    """Return the correlation of the means of teams, with Fisher's interval."""
    names, code = np.unique(team.astype(str), return_inverse=True)
    n = len(names)
    if n < MIN_TEAMS:
        return Value(n=n, note=f"fewer than {MIN_TEAMS} teams have both")
    size = np.bincount(code)
    a, b = (np.bincount(code, values) / size for values in (x, y))
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Value(n=n, note="all teams are alike")
    r = float(np.corrcoef(a, b)[0, 1])
    z, half = np.arctanh(np.clip(r, -0.999999, 0.999999)), 1.959964 / np.sqrt(n - 3)
    return Value(r, float(np.tanh(z - half)), float(np.tanh(z + half)), n=n)


def _within(team: np.ndarray, period: np.ndarray, x: FloatArray, y: FloatArray) -> Value:
    """Return the slope of y on x within teams and periods, with errors clustered by team."""
    repeated = np.isin(team, [t for t in set(team) if (team == t).sum() > 1])
    team, period, x, y = team[repeated], period[repeated], x[repeated], y[repeated]
    n = len(set(team))
    if n < MIN_TEAMS:
        return Value(n=n, note=f"fewer than {MIN_TEAMS} teams have both in several periods")
    _, t = np.unique(team.astype(str), return_inverse=True)
    _, p = np.unique(period.astype(str), return_inverse=True)
    dummies = np.concatenate([np.eye(t.max() + 1)[t], np.eye(p.max() + 1)[p][:, 1:]], axis=1)
    u, v = (each - dummies @ np.linalg.lstsq(dummies, each, rcond=None)[0] for each in (x, y))
    total = float(u @ u)
    if total <= 1e-9 * max(float(x @ x), 1.0):
        return Value(n=n, note="no team's satisfaction changes")
    slope = float(u @ v) / total
    scores = np.bincount(t, u * (v - slope * u))
    error = float(np.sqrt((scores**2).sum() * n / (n - 1))) / total
    half = _t(n - 1) * error
    return Value(slope, slope - half, slope + half, n=n)


def _sentence(
    survey: str, measure: str, teams: int, between: Value, within: Value, entities: str
) -> str:
    what = (
        f"the margin of their {entities}" if measure == MARGIN else f"the NPS of their {entities}"
    )
    name = survey.upper() if survey in ("esat", "nps", "csat", "ces") else survey
    if within.value is not None and within.low is not None and within.high is not None:
        if within.low > 0 or within.high < 0:
            more = "more" if within.value > 0 else "less"
            return (
                f"In periods in which a team's {name} was above its own mean, {what} was "
                f"{'higher' if more == 'more' else 'lower'}. Something else may have moved both, "
                "and which came first is not known."
            )
        changes = "; changes within teams say nothing either way"
    else:
        changes = f"; changes within teams cannot be measured ({within.note})"
    if between.value is None or between.low is None or between.high is None:
        return f"How {name} is related to {what} is not known: {between.note}{changes}."
    if between.low > 0 or between.high < 0:
        direction = "higher" if between.value > 0 else "lower"
        return (
            f"Teams with a higher {name} have {direction} values of {what} (correlation "
            f"{number(between.value, 2)} over {teams} teams). This is an association between "
            f"teams, and no effect{changes}."
        )
    return f"Over {teams} teams, {name} and {what} do not certainly go together{changes}."


def _t(degrees: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, degrees))
