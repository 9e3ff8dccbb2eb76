"""A real randomised experiment: 64,000 customers, two e-mails and none (Hillstrom 2008)."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import engagement_ml as em

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "hillstrom.csv.gz"
MENS, WOMENS, NONE = "Mens E-Mail", "Womens E-Mail", "No E-Mail"
OUTCOMES = ("visit", "conversion", "spend")
SEGMENTS = ("newbie", "mens", "womens", "history_segment")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.is_file(), reason="hillstrom.csv.gz is not there"),
]

LIFTS = {  # statsmodels 0.15: OLS of the outcome on the arm, HC2 standard errors
    (MENS, "visit"): (0.0765896, 0.0699532, 0.0832260),
    (MENS, "conversion"): (0.00680501, 0.00500008, 0.00860994),
    (MENS, "spend"): (0.7698272, 0.4851410, 1.0545133),
    (WOMENS, "visit"): (0.0452331, 0.0388935, 0.0515727),
    (WOMENS, "conversion"): (0.00311106, 0.00149859, 0.00472352),
    (WOMENS, "spend"): (0.4244122, 0.1689573, 0.6798672),
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(FILE)


def sandwich(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ordinary least squares with HC2 covariance, from the textbook."""
    bread = np.linalg.inv(X.T @ X)
    coef = bread @ X.T @ y
    leverage = np.einsum("ij,jk,ik->i", X, bread, X)
    meat = X.T @ (X * ((y - X @ coef) ** 2 / (1 - leverage))[:, None])
    return coef, bread @ meat @ bread


@pytest.mark.parametrize(("mail", "outcome"), LIFTS, ids=str)
def test_lifts_of_both_mailings(rows, mail, outcome) -> None:
    found = em.lift(FILE, arm="segment", treated=mail, control=NONE, outcome=outcome)
    value, low, high = LIFTS[mail, outcome]
    width = high - low
    assert found.lift.value == pytest.approx(value, abs=1e-4 * width)
    assert (found.lift.low, found.lift.high) == pytest.approx((low, high), abs=1e-4 * width)
    two = rows[rows["segment"].isin([mail, NONE])]
    treated = (two["segment"] == mail).to_numpy()
    coef, covariance = sandwich(
        np.column_stack([np.ones(len(two)), treated]), two[outcome].to_numpy(dtype=float)
    )
    reach = 1.959964 * np.sqrt(covariance[1, 1])
    assert found.lift.value == pytest.approx(coef[1])
    assert found.lift.high == pytest.approx(coef[1] + reach, abs=1e-4 * reach)
    assert (found.n_treated, found.n_control) == (treated.sum(), (~treated).sum())
    assert found.left_out == len(rows) - len(two)


def test_the_interval_is_that_of_a_bootstrap(rows) -> None:
    found = em.lift(rows, arm="segment", treated=MENS, control=NONE, outcome="spend")
    rng = np.random.default_rng(0)
    means = []
    for arm in (MENS, NONE):
        # Few customers spend anything, so it suffices to draw the counts of these.
        spend = rows.loc[rows["segment"] == arm, "spend"].to_numpy()
        paid = spend[spend > 0]
        drawn = rng.multinomial(
            spend.size, [*[1 / spend.size] * paid.size, 1 - paid.size / spend.size], size=4000
        )
        means.append(drawn[:, :-1] @ paid / spend.size)
    low, high = np.quantile(means[0] - means[1], [0.025, 0.975])
    assert (found.lift.low, found.lift.high) == pytest.approx((low, high), abs=0.02)


@pytest.mark.parametrize("pair", [(MENS, NONE), (WOMENS, NONE)], ids=["mens", "womens"])
@pytest.mark.parametrize("segment", SEGMENTS)
def test_lifts_by_segment_equal_an_interaction_model(rows, pair, segment) -> None:
    two = rows[rows["segment"].isin(pair)]
    treated = (two["segment"] == pair[0]).to_numpy(dtype=float)
    groups = pd.get_dummies(two[segment]).to_numpy(dtype=float)
    X = np.column_stack([groups, groups * treated[:, None]])
    for outcome in OUTCOMES:
        found = em.lift(
            rows, arm="segment", treated=pair[0], control=pair[1], outcome=outcome, segments=segment
        )
        coef, covariance = sandwich(X, two[outcome].to_numpy(dtype=float))
        k = groups.shape[1]
        lifts, errors = coef[k:], np.sqrt(np.diag(covariance)[k:])
        assert [s.lift.value for s in found.by_segment] == pytest.approx(lifts)
        reached = [s.lift.high - s.lift.value for s in found.by_segment]
        assert reached == pytest.approx(1.959964 * errors, rel=0.01)
        R = np.column_stack([-np.ones(k - 1), np.eye(k - 1)])
        apart = R @ lifts
        wald = apart @ np.linalg.solve(R @ covariance[k:, k:] @ R.T, apart)
        p = stats.chi2.sf(wald, k - 1)
        assert np.log(found.same_in_segments[segment]) == pytest.approx(np.log(p), abs=0.02)


def test_the_womens_mail_works_for_buyers_of_womens_goods(rows) -> None:
    """The known result of the data set; the men's mail raises visits of both."""
    by = {
        (mail, goods): em.lift(
            rows, arm="segment", treated=mail, control=NONE, outcome="visit", segments=goods
        )
        for mail, goods in product((MENS, WOMENS), ("mens", "womens"))
    }
    womens = {s.value: s for s in by[WOMENS, "womens"].by_segment}
    assert by[WOMENS, "womens"].same_in_segments["womens"] < 1e-15
    assert womens["1"].lift.low > womens["0"].lift.high
    assert womens["1"].difference.low > 0
    assert by[MENS, "mens"].same_in_segments["mens"] > 0.05
    between = em.lift(rows, arm="segment", treated=MENS, control=WOMENS, outcome="visit")
    assert between.lift.low > 0


def test_a_visit_from_the_mail_is_worth_about_ten_dollars(rows) -> None:
    """The Wald estimator, if the mail acts through visits alone."""
    found = em.lift(
        rows, arm="segment", treated=MENS, control=NONE, outcome="spend", events="visit"
    )
    assert found.effect.value == pytest.approx(0.7698272 / 0.0765896, rel=1e-5)
    assert found.effect.low == pytest.approx(6.39, abs=0.01)
    assert found.effect.high == pytest.approx(13.76, abs=0.01)
    assert found.events.value == pytest.approx(0.0765896, rel=1e-5)
