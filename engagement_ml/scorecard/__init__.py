"""The scorecard: measures with targets and trends, what each has to do with margin, what to do."""

from __future__ import annotations

from engagement_ml.lazy import make_callable

# ``em.scorecard(config)`` is the public function; the name is this package's too.
make_callable(__name__, "engagement_ml.workflow.scorecarding", "scorecard")
