"""The version of a registered model that stands for it: the champion, else the newest."""

from __future__ import annotations

from typing import Any

from engagement_ml.progress import OnStep
from engagement_ml.tracking.registry import CHAMPION
from engagement_ml.tracking.session import tracking_session


def newest_version(name: str, uri: str | None, *, on_status: OnStep | None = None) -> str | None:
    """Return the URI of the champion of a registered model, else of its newest version.

    None if the store does not know the model.

    Raises
    ------
    TrackingError
        If the store cannot be reached.
    """
    with tracking_session(uri, create=False, on_status=on_status) as client:
        models = client.search_registered_models(filter_string=_named(name))
        if not models:
            return None
        (model,) = models
        if CHAMPION in model.aliases:
            return f"models:/{name}@{CHAMPION}"
        versions: list[Any] = list(client.search_model_versions(_named(name)))
        newest = max((int(each.version) for each in versions), default=None)
        return None if newest is None else f"models:/{name}/{newest}"


def _named(name: str) -> str:
    """Return the filter of a name; names of pipelines hold no quotation marks."""
    return f"name='{name}'"
