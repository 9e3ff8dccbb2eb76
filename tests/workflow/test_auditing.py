"""Audits on a simulated shop whose true drivers are known, and what is refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from engagement_ml.datasets import make_shop
from engagement_ml.errors import EngagementError, NotEnoughDataError
from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow import audit, contest_measuring

WEEKS, WINDOW = 52, 28


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contest_measuring, "N_BOOTSTRAP", 60)
        yield


@pytest.fixture(scope="module")
def shop(trained) -> SimpleNamespace:
    """A shop of 1,200 customers; the run of the small shop names the drivers and the windows."""
    return ground(make_shop(1200, WEEKS, seed=7), trained)


@pytest.fixture(scope="module")
def tiny(small_shop, trained) -> SimpleNamespace:
    """The small shop, where what a score is worth does not matter."""
    return ground(small_shop, trained)


def ground(made, trained) -> SimpleNamespace:
    end = made.transactions["timestamp"].max().normalize() + pd.Timedelta(days=1)
    days = pd.date_range(end=end - pd.Timedelta(days=WINDOW), periods=10, freq="28D")
    frames = {name: getattr(made, name) for name in ("events", "transactions", "customers")}
    return SimpleNamespace(shop=made, days=days, frames=frames, run=trained.folder)


def table(shop, values) -> pd.DataFrame:
    """A score on each day; `values` gives one by customer for a day."""
    ids = shop.shop.customers["customer_id"]
    parts = [
        pd.DataFrame({"customer_id": ids, "date": day}).assign(
            score=values(day).reindex(ids, fill_value=0.0).to_numpy()
        )
        for day in shop.days
    ]
    return pd.concat(parts, ignore_index=True)


def events_of(shop, weights):
    events = shop.shop.events.assign(points=lambda t: t["event_type"].map(weights))
    events = events.dropna(subset="points")

    def values(day):
        start = day - pd.Timedelta(days=WINDOW)
        inside = events["timestamp"].between(start, day, inclusive="left")
        return events.loc[inside].groupby("customer_id")["points"].sum()

    return values


def views_and_likes(shop) -> pd.DataFrame:
    scores = table(shop, events_of(shop, {"page_view": 1.0, "social_like": 1.0}))
    likes = table(shop, events_of(shop, {"social_like": 1.0}))["score"]
    return scores.assign(likes=likes, tier="gold")


def audited(shop, scores, **more):
    given = {"frames": shop.frames, "model": shop.run, "progress": False, **more}
    return audit({"health": scores}, {"name": "small-shop", **SETTINGS}, **given)


SETTINGS = {"windows": {"observation_days": WINDOW, "outcome_days": WINDOW, "every_days": WINDOW}}


@pytest.fixture(scope="module")
def vanity(shop) -> pd.DataFrame:
    return views_and_likes(shop)


def test_a_score_of_views_and_likes_is_vanity_and_so_are_its_parts(shop, vanity, tmp_path):
    result = audited(shop, vanity, output=tmp_path / "audit")
    assert result.audit.judgement.verdict == "vanity"
    assert result.audit.judgement.better_than_rfm in ("no better", "worse")
    assert result.audit.vanity_parts == ["likes"]
    written = json.loads((tmp_path / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(result.to_dict()))
    page = (tmp_path / "audit" / "audit.html").read_text(encoding="utf-8")
    assert "health is a vanity score" in page
    assert "<script" not in page
    assert "tier" in " ".join(written["notes"])


def test_a_score_of_the_true_drivers_passes(shop):
    weights = {"tutorial_done": 3.0, "advisor_call": 5.0, "wishlist_add": 2.0}
    result = audited(shop, table(shop, events_of(shop, weights)))
    assert result.audit.judgement.verdict == "moves with margin"
    assert result.audit.warnings == []


def test_a_score_that_was_made_from_later_margin_is_noticed(shop):
    paid = shop.shop.transactions.assign(margin=lambda t: t["revenue"] - t["cost"])

    def values(day):
        later = paid["timestamp"].between(day, day + pd.Timedelta(days=WINDOW), inclusive="left")
        return paid.loc[later].groupby("customer_id")["margin"].sum()

    result = audited(shop, table(shop, values))
    assert result.audit.judgement.verdict == "suspiciously good"
    assert "computed later than its dates say" in result.audit.warnings[0]


def test_todays_score_written_to_all_dates_is_noticed(shop, vanity):
    last = vanity.loc[vanity["date"] == shop.days[-1]].set_index("customer_id")["score"]
    result = audited(shop, table(shop, lambda _: last))
    assert result.audit.judgement.copied
    assert "same at all dates" in " ".join(result.audit.warnings)


def test_one_date_is_measured_between_customers_and_says_what_it_lacks(shop, vanity):
    one = vanity.loc[vanity["date"] == shop.days[-1], ["customer_id", "date", "score"]]
    result = audited(shop, one)
    assert result.audit.judgement.moves == "not measured"
    assert result.audit.judgement.predicts == "yes"
    assert any("one date with scores" in warning for warning in result.audit.warnings)


def test_scores_after_the_last_known_outcome_stop_before_anything_is_trained(tiny):
    late = views_and_likes(tiny).assign(date=lambda t: t["date"] + pd.Timedelta(days=400))
    with pytest.raises(NotEnoughDataError, match=r"its scores are dated 20\d\d.* none holds"):
        audited(tiny, late, model=None)


def test_weights_by_hand_have_the_verdicts_of_the_driver_search(tiny):
    by_hand = EngagementMetric.from_weights({"tutorial_done": 50, "page_view": 30, "telex": 20})
    result = audit(by_hand, SETTINGS | {"name": "small-shop"}, model=tiny.run, frames=tiny.frames,
                   progress=False)  # fmt: skip
    parts = {part.name: part for part in result.audit.facts.behaviours}
    assert parts["tutorial_done"].verdict == "driver"
    assert parts["page_view"].verdict == "vanity"
    assert parts["telex"].verdict == ""
    assert result.audit.vanity_parts == ["page_view"]


@pytest.mark.parametrize(
    ("scores", "parts", "words"),
    [
        (lambda t: t, ["liks"], "no column 'liks'.*'likes'"),
        (lambda t: t, ["tier"], "tier"),
        (lambda t: t.assign(customer_id="x" + t["customer_id"].astype(str)), None, "has a score"),
    ],
)
def test_what_cannot_be_audited_is_refused_in_one_line(tiny, scores, parts, words):
    with pytest.raises(EngagementError, match=words) as error:
        audited(tiny, scores(views_and_likes(tiny)), parts=parts)
    assert "\n" not in str(error.value)


def test_names_of_others_break_nothing_on_the_page(tiny, tmp_path):
    name = 'a "score" </title><script>alert(1)</script>\n✓'
    given = {"frames": tiny.frames, "model": tiny.run, "progress": False}
    strange = views_and_likes(tiny).rename(columns={"likes": "<b>likes</b>"}).drop(columns="tier")
    audit({name: strange}, SETTINGS | {"name": "small-shop"}, output=tmp_path / "a", **given)
    page = (tmp_path / "a" / "audit.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert page.count("<title>") == 1
