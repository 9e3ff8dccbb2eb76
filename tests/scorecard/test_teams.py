"""Teams: sums against pandas, and what is said of satisfaction and customers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engagement_ml.config import PipelineConfig
from engagement_ml.engine import open_duckdb
from engagement_ml.inputs import read_tables
from engagement_ml.measures.periods import Periods
from engagement_ml.report.scorecard.page import render_scorecard
from engagement_ml.report.scorecard.teams import teams_section
from engagement_ml.scorecard.card import Scorecard
from engagement_ml.scorecard.teams import TeamCell, team_card
from engagement_ml.workflow.scorecards.team_rows import team_cells
from tests.engines.conftest import PolarsEngine

PEOPLE = 8


def cells(rng, slope: float, spread: float, teams: int = 12, periods: int = 10):
    """Return sums of teams whose satisfaction moves margin by `slope` a point, within teams."""
    level, mood = rng.normal(0, spread, teams), rng.normal(0, 0.5, (teams, periods))
    for i in range(teams):
        for t in range(periods):
            x = 4 + level[i] + mood[i, t]
            y = 50 + 20 * level[i] + slope * mood[i, t] + rng.normal(0, 3)
            for of, own, mean in (("esat", True, x), ("margin", False, y)):
                total, squares = PEOPLE * mean, PEOPLE * (mean**2 + 1)
                yield TeamCell(f"team {i}", f"2024-{t:02}", of, own, PEOPLE, total, squares)


def test_changes_within_teams_are_found_and_intervals_hold():
    held = 0
    for seed in range(40):
        (link,) = team_card(list(cells(np.random.default_rng(seed), 6.0, 0.5)), "customers").links
        held += link.within.low <= 6.0 <= link.within.high
    assert held >= 34
    assert "above its own mean" in link.sentence


def test_teams_that_differ_are_an_association_and_no_effect():
    (link,) = team_card(list(cells(np.random.default_rng(1), 0.0, 1.0)), "customers").links
    assert link.between.low > 0
    assert link.within.low < 0 < link.within.high
    assert "association between teams, and no effect" in link.sentence
    assert "nothing either way" in link.sentence


def test_few_people_and_few_teams_show_no_number():
    few = [TeamCell("a", "2024-01", "esat", True, 3, 12.0, 50.0)]
    few += [TeamCell("a", "2024-01", "margin", False, 30, 300.0, 4000.0)]
    card = team_card(few, "customers")
    assert card.rows[0].satisfaction["esat"].value is None
    assert card.rows[0].customers["margin"].value == pytest.approx(10.0)
    (link,) = card.links
    assert link.between.value is None
    assert "fewer than 8 teams" in link.sentence
    nobody = team_card(few[1:], "customers")
    assert nobody.reason is not None
    assert not nobody.links


def test_the_page_shows_teams_with_intervals_and_notes():
    rows = list(cells(np.random.default_rng(0), 6.0, 0.5, periods=3))
    empty = Scorecard("shop", "customer", "EUR", dt.date(2024, 5, 1), (), ())
    card = replace(empty, teams=team_card(rows, "customers"))
    section = teams_section(card)
    assert section is not None
    assert teams_section(empty) is None
    assert "Teams and their customers" in render_scorecard(card)
    (now, links), ((_, (every,)),) = section.tables, section.folded
    assert len(now.rows) == 12
    assert len(every.rows) == 36
    assert "team_esat_low" in now.csv()
    assert len(links.rows) == 1


@pytest.fixture(params=["duckdb", "polars"])
def engine(request):
    with open_duckdb() if request.param == "duckdb" else PolarsEngine() as opened:
        yield opened


def test_sums_by_team_are_those_of_pandas(engine):
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", "2024-04-30", freq="D")
    customers, reps = [f"c{i}" for i in range(20)], [f"r{i}" for i in range(6)]
    events = pd.DataFrame({"customer_id": rng.choice(customers + reps, 400)})
    events["timestamp"], events["event_type"] = rng.choice(days, 400), "visit"
    paid = pd.DataFrame({"customer_id": rng.choice(customers, 200)})
    paid["timestamp"], paid["margin"] = rng.choice(days, 200), rng.integers(-5, 20, 200) * 1.0
    asked = pd.DataFrame({"customer_id": rng.choice(customers + reps, 300)})
    asked["timestamp"], asked["survey"] = rng.choice(days, 300), "nps"
    asked["score"] = rng.integers(0, 11, 300) * 1.0
    links = pd.DataFrame({"customer_id": customers * 2})
    links["actor_id"] = rng.choice(reps, 40)
    links["team"] = "team " + (links["actor_id"].str[1:].astype(int) % 2).astype(str)
    links["from"] = pd.Timestamp("2024-02-10")
    given = {"events": events, "transactions": paid, "surveys": asked, "links": links}
    if isinstance(engine, PolarsEngine):
        import polars as pl

        given = {name: pl.from_pandas(frame).lazy() for name, frame in given.items()}
    tables = read_tables(PipelineConfig(name="shop"), engine, given, extra=True)
    periods = Periods.within(tables.history, "month", 3)
    found = {(c.team, c.period, c.of, c.own): c for c in team_cells(tables, periods)}

    team_of = links.drop_duplicates("actor_id").set_index("actor_id")["team"]
    nps = np.select([asked["score"] >= 9, asked["score"] <= 6], [100.0, -100.0], 0.0)
    answers = asked.assign(x=nps, period=asked["timestamp"].dt.strftime("%Y-%m"))
    own = answers[answers["customer_id"].isin(reps)]
    own = own.assign(team=own["customer_id"].map(team_of)).dropna(subset="team")
    people = own.groupby(["team", "period", "customer_id"])["x"].mean()
    served = links[["customer_id", "team"]].drop_duplicates()
    bought = paid[paid["timestamp"] >= "2024-02-10"].merge(served)
    margin = bought.assign(period=bought["timestamp"].dt.strftime("%Y-%m"))
    margin = margin.groupby(["team", "period"])["margin"].sum()
    for (team, period, of, mine), cell in found.items():
        if mine:
            expected = people[team, period]
            assert (cell.n, cell.total) == (len(expected), pytest.approx(expected.sum()))
        elif of == "margin":
            assert cell.total == pytest.approx(margin.get((team, period), 0.0))
            known = served[served["customer_id"].isin(paid["customer_id"])]
            assert cell.n == (known["team"] == team).sum()
    assert {of for _, _, of, _ in found} == {"nps", "margin"}
    assert {period for _, period, _, _ in found} == {"2024-02", "2024-03", "2024-04"} | {
        period for team, period in people.index.droplevel(2)
    } & {p.label for p in periods.each}
