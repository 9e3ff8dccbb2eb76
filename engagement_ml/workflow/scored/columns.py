"""All columns of scores, in the order of the output."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from engagement_ml.config import PipelineConfig
from engagement_ml.workflow.score_result import ScoreColumns
from engagement_ml.workflow.scored.names import customer_name
from engagement_ml.workflow.scored.percentiles import with_percentiles
from engagement_ml.workflow.scored.table import CUSTOMER, ScoreTable

if TYPE_CHECKING:
    from engagement_ml.records import RunRecord
    from engagement_ml.workflow.predictor import Predicted
    from engagement_ml.workflow.scored.recent_contacts import RecentContacts


def with_columns(
    table: ScoreTable,
    chosen: ScoreColumns,
    config: PipelineConfig,
    record: RunRecord | None = None,
    predicted: Predicted | None = None,
    contacts: RecentContacts | None = None,
) -> tuple[ScoreTable, str]:
    """Add percentiles and the chosen columns; return the user's name of the customers, too."""
    own, _ = customer_name(config)
    table = with_percentiles(table)
    before: list[str] = []
    when = ""
    if chosen.since is not None:
        from engagement_ml.workflow.scored.changes import with_changes

        table, before, when = with_changes(table, chosen.since, own)
    if predicted is not None:
        from engagement_ml.workflow.scored.predictions import with_predictions

        table = with_predictions(table, predicted)
    if chosen.next_best:
        from engagement_ml.workflow.scored.next_behaviour import with_next_behaviour

        table = with_next_behaviour(table, record)
    if contacts is not None:
        from engagement_ml.workflow.scored.contact_budget import with_contact_budget

        table = with_contact_budget(table, contacts)
    if chosen.reasons:
        from engagement_ml.workflow.scored.reasons import with_reasons

        table = with_reasons(table, before, when)
    others = [name for name in table.columns if name != CUSTOMER]
    customer, notes = customer_name(config, others)
    columns = {(customer if n == CUSTOMER else n): c for n, c in table.columns.items()}
    return dataclasses.replace(table, columns=columns, notes=(*table.notes, *notes)), customer
