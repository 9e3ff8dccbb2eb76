"""What scoring returns: the scores, where they are, and what is to be said of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engagement_ml.metric import EngagementMetric
from engagement_ml.workflow.score_files import CUSTOMER, read_scores

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScoreColumns:
    """The columns of scores that are added only if they are asked for.

    Attributes
    ----------
    since : path, frame or None
        Earlier scores, for ``score_before`` and ``change``.
    reasons, next_best : bool
    """

    since: Any = None
    reasons: bool = False
    next_best: bool = False


@dataclass(frozen=True)
class Scores:
    """The scores of customers, and their file.

    Attributes
    ----------
    metric : EngagementMetric
    as_of : datetime
        End of the observation window, exclusive, in UTC.
    n_entities : int
        Number of customers.
    mean : float
        Mean score, 0 to 100.
    path : Path or None
        The file, or ``file.duckdb::table``, with a row per customer, sorted by customer; on Spark
        a folder of Parquet files without order. Its columns are described under `score`. None if
        the scores were not written.
    last_event : date or None
        The last day with events; a few events far after all others do not count.
    notes : tuple of str
        Sentences on the tables: what was dropped or assumed, a warning if the events are old, how
        customers and events meet, and what is to be known of the columns.
    warnings : tuple of str
        Those of the `notes` that say which days do not count, or that the events are old.
    customer : str
        The name of the column of customers: the user's own.
    """

    metric: EngagementMetric
    as_of: dt.datetime
    n_entities: int
    mean: float
    path: Path | None
    last_event: dt.date | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    customer: str = CUSTOMER
    _frame: pd.DataFrame | None = field(default=None, repr=False)
    _integer_ids: bool = field(default=False, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The scores as a frame; read from `path` if they were written."""
        import pandas as pd

        if self._frame is not None or self.path is None:
            return pd.DataFrame() if self._frame is None else self._frame
        return read_scores(self.path, integer_ids=self._integer_ids, customer=self.customer)
