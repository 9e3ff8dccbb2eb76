"""The user's own names of columns in what is returned."""

from __future__ import annotations

from collections.abc import Collection

from engagement_ml.column_names import find
from engagement_ml.config import PipelineConfig
from engagement_ml.workflow.scored.table import CUSTOMER


def customer_name(
    config: PipelineConfig, others: Collection[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """Return the user's name of ``customer_id``, and a note if it cannot be used.

    It is that of the events; ``customer_id`` if the configuration maps none.

    Parameters
    ----------
    config : PipelineConfig
    others : collection of str
        The other columns of the output, whose names it must not have.

    Examples
    --------
    >>> from engagement_ml.config import parse_config
    >>> columns = {"events": {"customer_id": "user"}}
    >>> customer_name(parse_config({"name": "shop", "columns": columns}))
    ('user', ())
    """
    mapping = config.columns.get("events", {})
    key = find(CUSTOMER, mapping)
    name = (mapping[key] if key is not None else None) or CUSTOMER
    if find(name, others) is None:
        return name, ()
    return CUSTOMER, (
        f"the customers' column '{name}' is named {CUSTOMER}, as another column of the scores is "
        "named so",
    )
