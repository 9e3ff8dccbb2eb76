"""Facts about a version of the metric that the gate decides on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engagement_ml.drivers.evidence import CheckRow, DriverRow
from engagement_ml.lifecycle.estimates import Estimate
from engagement_ml.tables.quality import TableQuality

TOTAL_EVENTS, PURCHASES = "total_events", "recency_frequency_monetary"


@dataclass(frozen=True)
class Champion:
    """What is known of the champion that a version would replace.

    Attributes
    ----------
    version : int
    evidence : str
    between, within : Estimate or None
        Rank correlation of the new version minus that of the champion, on the same customers,
        paired in each bootstrap sample. None if it was not measured.
    """

    version: int
    evidence: str
    between: Estimate | None = None
    within: Estimate | None = None


@dataclass(frozen=True)
class GateFacts:
    """What was measured of a version; None is what was not measured.

    Attributes
    ----------
    evidence : {"driver", "indicator", "by_hand"}
    champion : Champion or None
        None if the model has no champion yet.
    unseen : bool or None
        Whether neither this version nor the champion saw the outcomes that they are measured on.
    customers : int or None
        Customers that are measured.
    dropped : mapping of str to float
        Share of the rows that were dropped, by table.
    between, within : Estimate or None
        Rank correlation with margin between customers, and of changes within customers.
    gains_on_vanity : mapping of str to Estimate or None
        The metric's correlation minus that of total events and of each vanity behaviour: within
        customers; for an indicator between customers.
    gain_on_purchases : Estimate or None
        The same for recency-frequency-monetary, between customers.
    selection_frequency : float or None
        The least of the chosen behaviours; None if there is none by observation.
    tested : bool
        Whether randomised tests settle all chosen behaviours.
    checks : mapping of str to bool or None
        Results of the robustness checks; None informs only.
    moved_share : float or None
        Share of customers whose rank moves by a tenth of all customers or more.
    tags : mapping of str to str
        Tags of the version in the registry.
    entity : str
        The noun for a customer.
    """

    evidence: str
    champion: Champion | None = None
    unseen: bool | None = None
    customers: int | None = None
    dropped: Mapping[str, float] = field(default_factory=dict)
    between: Estimate | None = None
    within: Estimate | None = None
    gains_on_vanity: Mapping[str, Estimate | None] = field(default_factory=dict)
    gain_on_purchases: Estimate | None = None
    selection_frequency: float | None = None
    tested: bool = False
    checks: Mapping[str, bool | None] = field(default_factory=dict)
    moved_share: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    entity: str = "customer"


def stability_facts(drivers: Sequence[DriverRow], checks: Sequence[CheckRow]) -> dict[str, Any]:
    """Return the facts about the choice of behaviours and the robustness checks.

    A check with several rows of one name has failed if any of them has.
    """
    chosen = [row for row in drivers if row.selected]
    observed = [row.selection_frequency for row in chosen if row.basis == "observation"]
    results: dict[str, bool | None] = {}
    for check in checks:
        before = results.get(check.name, check.passed)
        results[check.name] = False if before is False else check.passed
    return {
        "selection_frequency": min(observed, default=None),
        "tested": bool(chosen) and not observed,
        "checks": results,
    }


def dropped_shares(tables: Sequence[TableQuality]) -> dict[str, float]:
    """Return the share of each table's rows that were dropped."""
    return {
        table.table: 1.0 - table.rows_kept / table.rows_read if table.rows_read else 0.0
        for table in tables
    }


def measured_facts(
    measured: Mapping[str, Any], evidence: str, label: Callable[[str], str] = str
) -> dict[str, Any]:
    """Return the facts that stand in the part ``metric`` of ``evaluation.json``.

    Parameters
    ----------
    measured : mapping
        ``across``, ``within`` and ``vanity``, each with rows of measures.
    evidence : str
        An indicator is compared between customers, everything else within them.
    label : callable, optional
        From a behaviour to the name that people read.
    """
    across, within, vanity = (measured.get(key) or {} for key in ("across", "within", "vanity"))
    indicator = evidence == "indicator"
    rivals = {TOTAL_EVENTS: (across if indicator else within).get(TOTAL_EVENTS)}
    if not indicator:
        rivals |= {label(name): row for name, row in vanity.items()}
    return {
        "between": _measure(across.get("metric"), "spearman"),
        "within": _measure(within.get("metric"), "spearman"),
        "gains_on_vanity": {name: _measure(row, "difference") for name, row in rivals.items()},
        "gain_on_purchases": _measure(across.get(PURCHASES), "difference"),
    }


def _measure(row: Any, key: str) -> Estimate | None:
    return Estimate.of(row.get(key)) if isinstance(row, Mapping) else None
