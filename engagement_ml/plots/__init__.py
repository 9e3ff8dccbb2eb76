"""Results of a run for notebooks: matplotlib plots, and a table of verdicts in HTML.

Matplotlib is imported when a plot is drawn.
"""

from __future__ import annotations

from engagement_ml.plots.drivers import plot_drivers
from engagement_ml.plots.responses import plot_responses
from engagement_ml.plots.scores import plot_scores
from engagement_ml.plots.summary_table import summary_html
from engagement_ml.plots.weights import plot_weights

__all__ = ["plot_drivers", "plot_responses", "plot_scores", "plot_weights", "summary_html"]
