"""Measures of customer lifetime value, and of engaged customers who buy."""

from __future__ import annotations

import narwhals as nw

from engagement_ml.config.scorecard import MeasureConfig
from engagement_ml.ledger.daily import MICRO, micro
from engagement_ml.measures.context import AbsentError, MeasureContext
from engagement_ml.measures.definition import MeasureDefinition, Rows
from engagement_ml.measures.engaged import BOUGHT, ENGAGED, engaged_and_bought
from engagement_ml.measures.families.loyalty import NEW, days_before
from engagement_ml.measures.families.purchases import ORDER
from engagement_ml.measures.kinds.functions import ratio, share
from engagement_ml.measures.kinds.lifetime import LifetimeValue
from engagement_ml.measures.rows.loyalty import left_out, loyalty_key, stayed_and_bought
from engagement_ml.measures.rows.purchases import order_notes

HORIZON_DAYS = 1825
NO_RUN = "a trained run"


def _clv_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    days = days_before(settings)
    before, after = nw.col("before").max(), nw.col("after").max()
    columns = {
        "orders": nw.col("orders").sum(),
        "margin": nw.col("margin").sum(),
        "lost": before * (1 - after),
        "base": before,
    }
    return Rows(
        loyalty_key(context, days),
        lambda: stayed_and_bought(context, days),
        columns,
        on_board=True,
        notes=(*order_notes(context), *left_out(context, days)),
        kind=LifetimeValue(settings.horizon_days or HORIZON_DAYS, 1 / MICRO),
    )


def _predicted_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    predicted = context.predicted
    if predicted is None:
        raise AbsentError(NO_RUN)
    frame = predicted.select("customer_id", "day", value=micro(nw.col("value")))
    columns = {"value": nw.col("value").sum(), "customers": nw.col("value").count()}
    return Rows("predicted", lambda: frame, columns)


def _engaged_rows(context: MeasureContext, settings: MeasureConfig) -> Rows:
    if context.scores is None:
        raise AbsentError(NO_RUN)
    engaged, bought = nw.col(ENGAGED).max(), nw.col(BOUGHT).max()
    columns = {"bought": engaged * bought, "engaged": engaged}
    return Rows("engaged", lambda: engaged_and_bought(context), columns)


FAMILY = (
    MeasureDefinition(
        name="clv",
        title="Customer lifetime value",
        kind=LifetimeValue(HORIZON_DAYS, 1 / MICRO),
        unit="currency",
        better="more",
        formula="orders / customers on board × lifetime in periods × margin / orders; the lifetime "
        "is 1 / churn rate, at most `horizon_days`",
        needs="transactions",
        rows=_clv_rows,
        edge_cases="If no customer was lost, the lifetime is the horizon, and the value says so. A "
        f"change is split into its three factors. Not discounted. {ORDER} {NEW}",
        keys=("horizon_days", "within_days"),
        defaults={"horizon_days": HORIZON_DAYS},
    ),
    MeasureDefinition(
        name="clv_predicted",
        title="Predicted customer lifetime value",
        kind=ratio("value", "customers", scale=1 / MICRO),
        unit="currency",
        better="more",
        formula="Σ over coming windows of survival × expected margin, discounted; mean over the "
        "customers on board",
        needs="trained run, with its churn and profit models",
        rows=_predicted_rows,
        edge_cases="Survival and margin are predictions of the churn and profit models; the "
        "interval is that of the mean over customers, and not of the models' errors.",
        keys=("horizon_days", "discount"),
        defaults={"horizon_days": HORIZON_DAYS, "discount": 0.1},
    ),
    MeasureDefinition(
        name="engaged_buying",
        title="Engaged customers who buy",
        kind=share("bought", "engaged"),
        unit="percent",
        better="more",
        formula="engaged customers with an order in the period / engaged customers",
        needs="score of a trained run",
        rows=_engaged_rows,
        edge_cases="Engaged are customers whose score at the end of the period is at least the "
        "limit of the engaged. The scorecard shows all four groups, in people and margin.",
    ),
)
