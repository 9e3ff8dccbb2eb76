"""Section of the configuration: which columns of the customers table models may use."""

from __future__ import annotations

from pydantic import Field

from engagement_ml.config.frozen import Frozen


class CovariatesConfig(Frozen):
    """Columns of the customers table that models may use."""

    fixed: tuple[str, ...] = Field(
        default=(),
        description="Columns of the customers table that were known at sign-up and never change; "
        "they are used whatever they predict. Others are left out if they show what happened "
        "after a cutoff.",
    )
