"""Loads MLflow once for all processes of `tests.killing`; none of it opens a store or a thread."""

from engagement_ml.tracking.session import import_mlflow

import_mlflow()
import mlflow.pyfunc  # noqa: E402
import mlflow.store.db.utils  # noqa: E402
import mlflow.store.model_registry.sqlalchemy_store  # noqa: E402
import mlflow.store.tracking.sqlalchemy_store  # noqa: E402, F401
