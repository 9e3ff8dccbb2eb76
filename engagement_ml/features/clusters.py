"""Clusters of customers: those whom the same actor serves are not independent of each other."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from engagement_ml._typing import AnyArray, Int64Array
from engagement_ml.inputs import Tables
from engagement_ml.inputs.links import ACTORS, SINCE, UNTIL
from engagement_ml.tables.ids import ACTOR

if TYPE_CHECKING:
    import pandas as pd

MOST_OF_ALL = 0.25
"""An actor who serves a larger share of the linked customers than this makes no cluster."""
TIMES_LARGEST = 2.0
"""Customers who change actors join their clusters, unless these grow beyond this many times the
largest that an actor makes alone, ..."""
SMALL_SHARE = 0.05
"""... or beyond this share of all linked customers."""
_EPOCH = dt.date(1970, 1, 1)
_DAY = 86_400_000_000


def customer_clusters(
    tables: Tables, ids: AnyArray, start: dt.date, until: dt.date
) -> Int64Array | None:
    """Return the cluster of each customer by the actors who serve it.

    A cluster is a connected component of customers and the actors who served them in these days,
    as long as components stay small. Otherwise, it is the customers of one actor: a customer is in
    the cluster of the actor who served it longest. A customer without an actor is a cluster alone,
    and so are the customers of an actor who serves more than a quarter of all.

    Parameters
    ----------
    tables : Tables
    ids : array (n,)
        Customers, sorted.
    start, until : date
        Links outside of ``[start, until)`` do not count.

    Returns
    -------
    int array (n,) or None
        None if no two customers share an actor, without links, or if actors are scored.
    """
    links = tables.links
    if links is None or links.level == ACTORS:
        return None
    served = _served(tables, links.spans, start, until)
    served = served[served["customer_id"].isin(ids)]
    if served.empty:
        return None
    clusters = clusters_of(served)
    singles = np.arange(len(ids), dtype=np.int64)
    numbers = clusters.reindex(ids).to_numpy(dtype=float, na_value=np.nan)
    found = np.where(np.isnan(numbers), len(ids) + singles, numbers)
    _, first, code = np.unique(found, return_index=True, return_inverse=True)
    return None if first.size == len(ids) else np.asarray(code.ravel(), dtype=np.int64)


def clusters_of(served: pd.DataFrame) -> pd.Series:
    """Return the number of the cluster of each customer.

    Parameters
    ----------
    served : DataFrame
        `ACTOR`, ``customer_id`` and ``time``, one row for each pair.

    Examples
    --------
    >>> import pandas as pd
    >>> served = pd.DataFrame({"actor_id": list("aabbccdd"), "customer_id": range(8), "time": 1.0})
    >>> clusters_of(served).tolist()
    [0, 0, 1, 1, 2, 2, 3, 3]
    """
    import pandas as pd
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    customers = np.unique(served["customer_id"].to_numpy())
    sizes = served.groupby(ACTOR)["customer_id"].nunique()
    kept = sizes.index[sizes <= max(MOST_OF_ALL * len(customers), 2)]
    served = served[served[ACTOR].isin(kept)].sort_values(
        ["customer_id", "time", ACTOR], ascending=[True, False, True]
    )
    if served.empty:
        return pd.Series(np.zeros(0), index=pd.Index([], dtype=object))
    actors, actor = np.unique(served[ACTOR].to_numpy(), return_inverse=True)
    members, member = np.unique(served["customer_id"].to_numpy(), return_inverse=True)
    edges = coo_matrix((np.ones(len(served)), (actor, len(actors) + member)),
                       shape=(len(actors) + len(members),) * 2)  # fmt: skip
    component = connected_components(edges, directed=False)[1][len(actors) :]
    longest = pd.Series(actor, index=member).groupby(level=0).first().to_numpy()
    most = max(TIMES_LARGEST * np.bincount(longest).max(), SMALL_SHARE * len(customers))
    number = component if np.bincount(component).max() <= most else longest
    return pd.Series(number, index=members)


def _served(
    tables: Tables, spans: nw.LazyFrame[Any], start: dt.date, until: dt.date
) -> pd.DataFrame:
    """Return how long each actor served each customer within some days."""
    low, high = (((day - _EPOCH).days) * _DAY for day in (start, until))
    since, end = nw.col(SINCE), nw.col(UNTIL)
    clipped = spans.select(
        ACTOR,
        "customer_id",
        nw.when(since < low).then(nw.lit(low)).otherwise(since).alias("since_"),
        nw.when(end > high).then(nw.lit(high)).otherwise(end).alias("end_"),
    ).filter(nw.col("since_") < nw.col("end_"))
    time = clipped.with_columns((nw.col("end_") - nw.col("since_")).alias("time"))
    summed = time.group_by(ACTOR, "customer_id").agg(nw.col("time").max())
    return tables.engine.pandas(summed)
