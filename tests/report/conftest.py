"""Example records with numbers such as a real run has; made by arithmetic, not by fitting."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

from engagement_ml.metric import EngagementMetric, Transform, WeightedBehaviour

Record = dict[str, Any]

# behaviour, label, verdict, mean count, sd, effect, standard error, naive effect, SHAP, reason
WORLD = [
    ("tutorial_done", "Tutorial finished", "driver", 2.1, 2.4, 6.42, 0.61, 9.8, 12.4, 0.99,
     "When a customer finishes more tutorials than usual, margin over the next 84 days is higher "
     "than usual by €6.42 for each; placebos find nothing and a hidden cause would have to be "
     "strong to undo it."),
    ("advisor_call", "Advisor call", "driver", 0.7, 1.1, 5.87, 0.83, 14.2, 7.9, 0.97,
     "Margin rises by €5.87 a call after its cost of €4.00; the effect is there in every segment "
     "that is large enough to tell."),
    ("wishlist_add", "Wish list", "driver", 1.9, 2.2, 2.31, 0.34, 6.1, 6.2, 0.94,
     "Each addition is followed by €2.31 more margin, and by no more after the sixth."),
    ("coupon_use", "Coupon used", "harmful", 0.8, 1.0, -3.05, 0.52, 7.4, 4.8, 0.0,
     "Orders rise with it (+0.21 each), margin falls by €3.05: the discount costs more than the "
     "orders bring."),
    ("page_view", "page_view", "vanity", 61.0, 48.0, 0.004, 0.012, 0.42, 31.6, 0.0,
     "Who views more pages is worth more, but when one customer views more than usual nothing "
     "follows: €0.00 a view (−€0.02 to €0.03)."),
    ("social_like", "Like", "vanity", 14.0, 15.0, 0.02, 0.05, 1.34, 22.7, 0.0,
     "Correlated with loyalty to the brand; margin does not follow its changes."),
    ("email_open", "Opened e-mail", "vanity", 12.5, 11.0, -0.03, 0.06, 1.11, 18.3, 0.0,
     "Correlated with loyalty to the brand; margin does not follow its changes."),
    ("order_tracking", "Order tracking", "consequence", 1.6, 2.0, -4.9, 0.45, 11.9, 9.6, 0.0,
     "A purchase predicts it better than it predicts a purchase: it follows from buying."),
    ("return_label", "Return label", "consequence", 0.4, 0.8, -6.2, 0.9, 3.3, 2.1, 0.0,
     "It follows from purchases."),
    ("tutorial_start", "Tutorial started", "inert", 3.4, 2.9, 0.05, 0.11, 4.0, 3.0, 0.01,
     "Once finishing is taken into account, starting adds nothing of interest."),
    ("faq_view", "FAQ", "inert", 3.1, 3.0, 0.01, 0.09, 0.2, 1.2, 0.0,
     "The interval lies below the smallest effect of interest (€0.61 for one standard deviation)."),
    ("trade_in", "Trade-in", "unverifiable", 0.02, 0.15, 8.1, 9.4, 18.0, 0.9, 0.02,
     "Too rare to judge: the interval runs from −€10.32 to €26.52. A randomised test with 3,400 "
     "customers per group would settle it."),
]  # fmt: skip
CURVES = {
    "tutorial_done": (Transform("log1p", 6.0, None, 14.0), 9.6, 2.0, 7.0, None),
    "advisor_call": (Transform("hill", 2.5, 1.3, 8.0), 9.1, 1.0, 3.0, 5.0),
    "wishlist_add": (Transform("log1p", 2.0, None, 12.0), 3.9, 3.0, 9.0, 6.0),
}


def make_metric(**changes: Any) -> EngagementMetric:
    unit = "events in 84 days"
    weights = {
        "tutorial_done": (46.3, 41.0, 51.9),
        "advisor_call": (31.2, 24.8, 37.4),
        "wishlist_add": (22.5, 16.9, 28.3),
    }
    labels = {row[0]: row[1] for row in WORLD}
    settings: dict[str, Any] = {
        "name": "shop-engagement",
        "evidence": "driver",
        "observation_days": 84,
        "outcome_days": 84,
        "behaviours": tuple(
            WeightedBehaviour(name, *weight, "frequency", unit, CURVES[name][0], labels[name])
            for name, weight in weights.items()
        ),
    }
    return EngagementMetric(**{**settings, **changes})


def measure(value: float, width: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": round(value - width, 4), "high": round(value + width, 4)}


def make_drivers() -> list[dict[str, Any]]:
    by_shap = sorted(WORLD, key=lambda row: -abs(row[5] * row[4]))
    ranks = {row[0]: place for place, row in enumerate(by_shap, start=1)}
    naive = {row["behaviour"]: row["rank"] for row in make_naive()}
    return [
        {
            "behaviour": name, "verdict": verdict, "selected": name in CURVES,
            "shap_rank": ranks[name], "mean_abs_shap": round(abs(effect * sd) * 0.7, 3),
            "effect": effect, "effect_low": round(effect - 1.96 * error, 4),
            "effect_high": round(effect + 1.96 * error, 4), "selection_frequency": frequency,
            "saturation_point": CURVES[name][4] if name in CURVES else None, "reason": reason,
            "label": label, "role": "behaviour",
            "effect_gross": effect + (4.0 if name == "advisor_call" else 0.0),
            "cost_per_event": 4.0 if name == "advisor_call" else 0.0,
            "effect_per_sd": round(effect * sd, 4), "z": round(effect / error, 2),
            "robustness_value": 0.21 if verdict == "driver" else None,
            "naive_effect": naive_effect, "naive_rank": naive[name],
            "log_rate_after_purchases": 1.4,
            "stage": "activation" if name.startswith("tutorial") else None,
        }
        for name, label, verdict, _, sd, effect, error, naive_effect, _, frequency, reason in WORLD
    ]  # fmt: skip


def make_naive() -> list[dict[str, Any]]:
    order = sorted(WORLD, key=lambda row: -row[8])
    return [
        {"behaviour": row[0], "mean_abs_shap": row[8], "rank": rank}
        for rank, row in enumerate(order, start=1)
    ]


def make_responses() -> dict[str, dict[str, Any]]:
    responses = {}
    for name, (transform, height, typical, p90, saturation) in CURVES.items():
        x = [i * transform.cap * 1.3 / 40 for i in range(41)]
        effect = [height * 2.4 * float(transform(each)) for each in x]
        responses[name] = {
            "x": x,
            "effect": effect,
            "low": [0.82 * e - 0.05 * math.sqrt(a) for a, e in zip(x, effect, strict=True)],
            "high": [1.18 * e + 0.05 * math.sqrt(a) for a, e in zip(x, effect, strict=True)],
            "saturation_point": saturation,
            "typical": typical,
            "p90": p90,
            "kind": transform.kind,
        }
    return responses


def make_evaluation() -> Record:
    across = {
        "metric": (0.31, 2.4), "equal_weights": (0.29, 2.3), "best_single_behaviour": (0.44, 2.9),
        "total_events": (0.46, 3.0), "recency_frequency_monetary": (0.52, 3.6),
        "full_model": (0.58, 4.1),
    }  # fmt: skip
    within = {
        "metric": (0.21, None), "equal_weights": (0.20, 0.01),
        "best_single_behaviour": (0.03, 0.18), "total_events": (0.02, 0.19),
        "recency_frequency_monetary": (-0.18, 0.39),
        "full_model": (-0.11, 0.32),
    }  # fmt: skip
    profit = {"r2": measure(0.34), "spearman": measure(0.58), "gini": measure(0.61)}
    churn = {"roc_auc": measure(0.83), "pr_auc": measure(0.62), "brier": measure(0.142, 0.004)}
    return {
        "format": 1,
        "train_cutoffs": ["2023-04-02", "2023-04-30", "2023-05-28", "2023-06-25", "2023-07-23"],
        "test_cutoffs": ["2023-10-15", "2023-11-12", "2023-12-10", "2024-01-07"],
        "n_entities": 7904,
        "n_rows": 30211,
        "profit": {
            **profit,
            "calibration": [
                {"decile": d, "predicted": p, "observed": p * (0.97 + 0.01 * d) + 0.4, "n": 3021}
                for d, p in enumerate([2.1, 5, 9, 14, 21, 30, 42, 58, 86, 164], start=1)
            ],
            "baselines": {
                "last_period_margin": {
                    "r2": measure(-0.12), "spearman": measure(0.41), "gini": measure(0.46),
                },
                "recency_frequency_monetary": {
                    "r2": measure(0.29), "spearman": measure(0.52), "gini": None,
                },
            },
        },
        "churn": {
            "rate": measure(0.347),
            **churn,
            "calibration": [
                {"decile": d, "predicted": d / 11, "observed": d / 11 + (-1) ** d / 66, "n": 3021}
                for d in range(1, 11)
            ],
            "baselines": {
                "base_rate": {
                    "roc_auc": measure(0.5, 0.0), "pr_auc": measure(0.35), "brier": measure(0.227),
                },
                "recency_frequency_monetary": {
                    "roc_auc": measure(0.79), "pr_auc": measure(0.57), "brier": measure(0.159),
                },
            },
        },
        "metric": {
            "across": {
                name: {
                    "spearman": measure(value),
                    "top_decile_lift": measure(lift, 0.2),
                    "signal_kept": measure(round(value / 0.58, 3), 0.04),
                }
                for name, (value, lift) in across.items()
            },
            "within": {
                name: {
                    "spearman": measure(value),
                    "difference": None if lead is None else measure(lead, 0.025),
                }
                for name, (value, lead) in within.items()
            },
            "vanity": {
                "page_view": {"spearman": measure(0.01), "difference": measure(0.20, 0.025)},
                "social_like": {"spearman": measure(0.00), "difference": measure(0.21, 0.025)},
            },
            "pairs": [["2023-07-23", "2024-01-07"]],
            "earlier_margin_seen_in_fitting": True,
            "notes": ["best_single_behaviour is page_view, chosen on the training cutoffs"],
        },
        "notes": [],
    }  # fmt: skip


def make_standing() -> Record:
    def cutoff(date: str, n: int, mean: float, at_zero: float) -> Record:
        return {
            "cutoff": date, "n_entities": n, "mean": mean, "mean_low": mean - 0.4,
            "mean_high": mean + 0.4, "share_at_zero": at_zero,
            "quantiles": [0.0, 4.5, mean - 3, mean + 9, mean + 41],
        }  # fmt: skip

    def segment(value: str, n: int, mean: float | None) -> Record:
        known = mean is not None and n > 20
        return {
            "segment": "plan", "value": value, "n_entities": n, "mean": mean,
            "mean_low": mean - 0.8 if known and mean else None,
            "mean_high": mean + 0.8 if known and mean else None,
            "share_at_zero": None if mean is None else 0.18,
        }  # fmt: skip

    return {
        "bins": [1581, 1703, 1311, 1007, 803, 611, 402, 251, 137, 71, 27],
        "cutoffs": [
            cutoff("2023-07-23", 7702, 22.4, 0.231), cutoff("2023-10-15", 7811, 23.7, 0.215),
            cutoff("2024-01-07", 7904, 24.6, 0.2),
        ],
        "segments": [
            segment("basic", 5210, 21.9), segment("pro", 2690, 30.1), segment("", 4, 12.0),
            segment("trial", 0, None),
        ],
        "left_out": {"plan": 3},
    }  # fmt: skip


def make_opportunity() -> Record:
    def row(behaviour: str, label: str, n: int, best: int, gain: float) -> Record:
        return {
            "behaviour": behaviour, "label": label, "n_entities": n, "n_best": best, "gain": gain,
            "low": 0.7 * gain, "high": 1.3 * gain, "evidence": "observational",
            "sentence": f"raising it among {n} brings {gain:.0f}, if causal",
        }  # fmt: skip

    return {
        "n_entities": 7904, "n_acted": 6120, "gain": 21300.0, "low": 15100.0, "high": 27500.0,
        "rows": [
            row("tutorial_done", "Tutorial finished", 3605, 3120, 14200.0),
            row("advisor_call", "Advisor call", 2950, 3000, 8800.0),
        ],
        "notes": ["events were counted before 31 March 2024"],
    }  # fmt: skip


def make_record() -> Record:
    return {
        "format": 1,
        "name": "shop-engagement",
        "entity": "customer",
        "currency": "EUR",
        "created_at": "2024-04-02T08:15:00Z",
        "version": "0.1.0",
        "config": {"random_seed": 7, "windows": {"observation_days": 84, "outcome_days": 84}},
        "windows": {
            "observation_days": 84, "outcome_days": 84, "gap_days": 0,
            "train": ["2023-04-02", "2023-04-30", "2023-05-28", "2023-06-25", "2023-07-23"],
            "test": ["2023-10-15", "2023-11-12", "2023-12-10", "2024-01-07"],
            "fit_until": "2023-10-15", "history": {"start": "2023-01-02", "end": "2024-03-31"},
        },
        "tables": [
            {"table": "events", "source": "shop/events.parquet", "rows_read": 1204331,
             "rows_kept": 1203877, "dropped": [{"reason": "repeated event_id", "rows": 412},
                                               {"reason": "customer_id is null", "rows": 42}],
             "first": "2023-01-02T00:03:11", "last": "2024-03-30T23:58:40",
             "fingerprint": "9f3c1a" * 10 + "beef"},
            {"table": "transactions", "source": "shop/transactions.parquet", "rows_read": 96410,
             "rows_kept": 96410, "dropped": [], "first": "2023-01-02T09:00:00",
             "last": "2024-03-30T22:10:00", "fingerprint": "71aa" * 16},
            {"table": "customers", "source": "shop/customers.parquet", "rows_read": 8000,
             "rows_kept": 8000, "dropped": [], "first": None, "last": None,
             "fingerprint": "c0de" * 16},
        ],
        "n_entities": 7904,
        "n_rows": 68122,
        "metric": make_metric().to_dict(),
        "drivers": make_drivers(),
        "naive": make_naive(),
        "responses": make_responses(),
        "checks": [
            {"name": "placebo outcome", "question": "Do the drivers 'raise' the margin that came "
             "before them?", "result": "largest z 1.1", "passed": True},
            {"name": "Placebo behaviour", "question": "Does a driver shuffled among a customer's "
             "own weeks still show an effect?", "result": "0 of 60 shuffles", "passed": True},
            {"name": "Random probes", "question": "Would noise have been chosen?",
             "result": "0 of 20 probes chosen", "passed": True},
            {"name": "Hidden cause", "question": "How strong must one be to undo a driver?",
             "result": "it must explain 21% of what is left of both", "passed": None},
            {"name": "Order of things", "question": "Does the behaviour come before the purchase?",
             "result": "wish list: unclear in 3 of 20 halves", "passed": False},
        ],
        "segments": [
            {"segment": "country", "value": "DE", "behaviour": "tutorial_done", "effect": 6.9,
             "low": 5.2, "high": 8.6, "n": 4120, "agrees": True, "pooled_effect": 6.7,
             "pooled_low": 5.3, "pooled_high": 8.1, "p_value": 0.62, "differs": False},
            {"segment": "country", "value": "FR", "behaviour": "tutorial_done", "effect": 5.9,
             "low": 4.0, "high": 7.8, "n": 3784, "agrees": True, "pooled_effect": 6.2,
             "pooled_low": 4.6, "pooled_high": 7.8, "p_value": 0.62, "differs": False},
            {"segment": "country", "value": "DE", "behaviour": "wishlist_add", "effect": 3.1,
             "low": 2.2, "high": 4.0, "n": 4120, "agrees": False, "pooled_effect": 3.0,
             "pooled_low": 2.1, "pooled_high": 3.9, "p_value": 0.0002, "differs": True},
            {"segment": "country", "value": "FR", "behaviour": "wishlist_add", "effect": -0.8,
             "low": -1.5, "high": -0.1, "n": 3784, "agrees": False, "pooled_effect": -0.7,
             "pooled_low": -1.4, "pooled_high": 0.0, "p_value": 0.0002, "differs": True},
        ],
        "heterogeneity": [
            {"segment": "country", "behaviour": "tutorial_done", "q": 0.6, "df": 1,
             "p_value": 0.62, "i_squared": 0.0, "tau": 0.0, "differs": False, "opposite": [],
             "informative_only": False},
            {"segment": "country", "behaviour": "wishlist_add", "q": 44.8, "df": 1,
             "p_value": 0.0002, "i_squared": 0.978, "tau": 2.73, "differs": True,
             "opposite": ["FR"], "informative_only": False},
        ],
        "pairs": [
            {"first": "tutorial_done", "second": "advisor_call", "effect": 1.4, "low": 0.6,
             "high": 2.2, "p_value": 0.0007, "verdict": "more together"},
            {"first": "tutorial_done", "second": "wishlist_add", "effect": 0.1, "low": -0.5,
             "high": 0.7, "p_value": 0.74, "verdict": "no difference found"},
        ],
        "unprofitable": {
            "n_engaged": 1976, "n_unprofitable": 214, "share": 0.1083, "margin_lost": 4821.5,
            "behaviours": [
                {"behaviour": "coupon_use", "label": "Coupon used", "ratio": 3.4,
                 "mean_unprofitable": 2.9, "mean_profitable": 0.85},
                {"behaviour": "return_label", "label": "Return label", "ratio": 2.6,
                 "mean_unprofitable": 1.1, "mean_profitable": 0.42},
                {"behaviour": "advisor_call", "label": "Advisor call", "ratio": 0.9,
                 "mean_unprofitable": 1.2, "mean_profitable": 1.33},
            ],
        },
        "experiments": {
            "plan": [
                {"behaviour": "tutorial_done", "label": "Tutorial finished", "effect": 6.42,
                 "sd": 74.1, "n_per_arm": 2092, "total": 4184, "increase": 1.0},
                {"behaviour": "advisor_call", "label": "Advisor call", "effect": 5.87, "sd": 74.1,
                 "n_per_arm": 2502, "total": 5004, "increase": 1.0},
            ],
            "results": [
                {"behaviour": "social_like", "name": "Nudge in May", "source": "tests/nudge.csv",
                 "days": 28, "n_treated": 2104, "n_control": 2096, "mean_control": 81.3,
                 "lift": 0.11, "lift_low": -0.09, "lift_high": 0.31, "p_value": 0.281,
                 "events": 1.83, "events_low": 1.64, "events_high": 2.02,
                 "effect": 0.06, "effect_low": -0.05, "effect_high": 0.17,
                 "by_segment": [
                     {"segment": "plan", "value": "pro", "n_treated": 611, "n_control": 640,
                      "lift": 0.25, "lift_low": -0.1, "lift_high": 0.6, "difference": 0.2,
                      "difference_low": -0.22, "difference_high": 0.62, "p_value": 0.201},
                     {"segment": "plan", "value": "basic", "n_treated": 1493, "n_control": 1456,
                      "lift": 0.05, "lift_low": -0.19, "lift_high": 0.29, "difference": -0.2,
                      "difference_low": -0.62, "difference_high": 0.22, "p_value": 0.201},
                 ],
                 "same_in_segments": {"plan": 0.201}, "label": "Like", "cost_per_event": 0.4,
                 "verdict": "inert", "observed_verdict": "vanity", "observed_effect": 0.02,
                 "observed_effect_low": -0.11, "observed_effect_high": 0.14},
            ],
        },
        "evaluation": make_evaluation(),
        "notes": ["Margin was winsorised at the 0.1% and 99.9% quantiles for estimating."],
        "registered": {
            "model": "shop-engagement", "version": 3, "alias": "challenger",
            "uri": "models:/shop-engagement/3", "run_id": "0f3a9d1c7b",
            "tracking_uri": "sqlite:///mlruns/mlflow.db",
        },
        "further": {"standing": make_standing(), "opportunity": make_opportunity()},
        "seconds": {"Reading tables": 3.21, "Drivers": 31.7, "Report": 0.4},
    }  # fmt: skip


def make_abstention() -> Record:
    reason = (
        "margin does not follow the changes of any behaviour more than chance explains; "
        "set select: {require: indicator} for a metric that predicts margin instead"
    )
    record = make_record()
    record["metric"] = make_metric(behaviours=(), reason=reason).to_dict()
    for row in record["drivers"]:
        row["selected"] = False
        if row["verdict"] in ("driver", "harmful"):
            row["verdict"] = "unverifiable"
    record["responses"], record["further"] = {}, {}
    record["experiments"] = {"plan": [], "results": []}
    metric = record["evaluation"]["metric"]
    for name in ("metric", "equal_weights"):
        del metric["across"][name], metric["within"][name]
    return record


def make_indicator() -> Record:
    record = make_abstention()
    record["metric"] = make_metric(evidence="indicator").to_dict()
    record["evaluation"] = make_evaluation()
    record["further"] = {"standing": make_standing()}
    return record


def make_single() -> Record:
    """A record whose metric has one behaviour, with a linear response."""
    record = make_record()
    transform = Transform("linear", None, None, 6.0)
    only = WeightedBehaviour(
        "tutorial_done", 100, 100, 100, "frequency", "events in 84 days", transform,
        "Tutorial finished",
    )  # fmt: skip
    record["metric"] = make_metric(behaviours=(only,)).to_dict()
    for row in record["drivers"]:
        row["selected"] = row["behaviour"] == "tutorial_done"
        if row["verdict"] == "driver" and not row["selected"]:
            row["verdict"] = "vanity"
    record["responses"] = {"tutorial_done": record["responses"]["tutorial_done"]}
    record["segments"], record["pairs"] = record["segments"][:2], []
    record["heterogeneity"] = record["heterogeneity"][:1]
    record["checks"] = record["checks"][:1]
    return record


def make_hostile() -> Record:
    record = copy.deepcopy(make_record())
    nasty = "<script>alert(1)</script>"
    names = {
        "page_view": nasty,
        "tutorial_done": "\"quoted\" & 'so' </table>",
        "faq_view": "🦊 \u202eevil",
    }

    def swap(value: Any) -> Any:
        if isinstance(value, dict):
            return {names.get(key, key): swap(each) for key, each in value.items()}
        if isinstance(value, list):
            return [swap(each) for each in value]
        return names.get(value, value) if isinstance(value, str) else value

    record = swap(record)
    record["metric"] = make_metric(
        name="shop",
        behaviours=(
            WeightedBehaviour(
                names["tutorial_done"], 60, None, None, "frequency", nasty,
                CURVES["tutorial_done"][0], nasty,
            ),
            WeightedBehaviour(
                nasty, 40, 30, 50, "frequency", "events", CURVES["advisor_call"][0], None
            ),
        ),
    ).to_dict()  # fmt: skip
    record["further"]["standing"]["segments"][0] |= {"segment": nasty, "value": nasty}
    record["further"]["standing"]["left_out"] = {nasty: 2}
    record["further"]["opportunity"]["notes"] = [nasty]
    record["name"] = record["entity"] = record["currency"] = nasty
    record["notes"] = record["evaluation"]["notes"] = [nasty]
    record["segments"][0] |= {"segment": nasty, "value": nasty}
    record["heterogeneity"][0] |= {"segment": nasty}
    record["tables"][0] |= {"source": nasty, "dropped": [{"reason": nasty, "rows": 1}]}
    record["checks"][0] |= {"name": nasty, "question": nasty, "result": nasty}
    record["seconds"] = {nasty: 1.0}
    for row in record["drivers"]:
        row |= {"reason": nasty, "label": nasty, "stage": nasty, "role": nasty}
    return record


@pytest.fixture
def record() -> Record:
    return make_record()


@pytest.fixture
def abstention() -> Record:
    return make_abstention()


@pytest.fixture
def indicator() -> Record:
    return make_indicator()


@pytest.fixture
def single() -> Record:
    return make_single()


@pytest.fixture
def hostile() -> Record:
    return make_hostile()


def make_smallest() -> Record:
    """A record of a run on tables without behaviours: only what every record has."""
    record = make_abstention()
    required = (
        "format", "name", "entity", "currency", "created_at", "version", "windows", "metric",
    )  # fmt: skip
    empty = {
        "config": {}, "tables": [], "n_entities": 0, "n_rows": 0, "drivers": [], "evaluation": {},
    }  # fmt: skip
    return {name: record[name] for name in required} | empty


@pytest.fixture(params=["full", "abstention", "indicator", "single", "hostile", "smallest"])
def any_record(request: pytest.FixtureRequest) -> Record:
    makers: dict[str, Callable[[], Record]] = {
        "full": make_record, "abstention": make_abstention, "indicator": make_indicator,
        "hostile": make_hostile, "single": make_single, "smallest": make_smallest,
    }  # fmt: skip
    return makers[request.param]()
