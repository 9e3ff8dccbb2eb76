"""What more of the drivers would bring: counts at the end of the history, and gains on them."""

from __future__ import annotations

import narwhals as nw

from engagement_ml.actions.evidence import Opportunity
from engagement_ml.actions.gains import driver_gains
from engagement_ml.actions.opportunity import Counted, find_opportunity
from engagement_ml.formatting import Money
from engagement_ml.workflow.further.part import Fitted, Part, Sources


def _gather(sources: Sources) -> Counted:
    from engagement_ml.features.counts import plain_counts
    from engagement_ml.features.daily_totals import entities, present_at
    from engagement_ml.features.population import collect

    config, as_of = sources.config, sources.everyone.history.end
    frame, names = plain_counts(sources.tables, config, as_of)
    counts = collect(frame.select(*names.values()))
    n = len(next(iter(counts.values()))) if counts else 0
    if sources.everyone is not sources.tables:
        present = present_at(entities(sources.everyone, config), as_of)
        (row,) = sources.everyone.engine.rows(present.select(n=nw.len()), source="customers")
        n = int(row["n"])
    return Counted(as_of, {name: counts[column] for name, column in names.items()}, n)


def _find(counted: Counted, fitted: Fitted) -> Opportunity | None:
    config = fitted.config
    return find_opportunity(
        driver_gains(fitted.evidence),
        counted,
        Money(config.currency),
        config.entity,
        config.windows.outcome_days,
    )


OPPORTUNITY = Part(
    field="opportunity",
    step="Adding up what more of the drivers would bring",
    wanted=lambda config: config.select.require == "driver",
    gather=_gather,
    find=_find,
)
