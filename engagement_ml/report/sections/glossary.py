"""The terms that the report uses."""

from __future__ import annotations

from typing import Any

from engagement_ml.report import text
from engagement_ml.report.section import Section
from engagement_ml.report.view import Run


def build(run: Run) -> dict[str, Any]:
    """Return the meaning of each verdict and of each term."""
    return {
        "verdicts": [text.verdict_of(name, run.entity) for name in text.VERDICTS],
        "terms": [*_about_data(run), *_about_effects(run), *_about_scores(run)],
    }


def _about_data(run: Run) -> list[tuple[str, str]]:
    return [
        ("Margin", f"What a {run.entity} brings after variable costs, as given in the data."),
        (
            "Cutoff date",
            "A date from which behaviours are counted backwards and margin forwards.",
        ),
        (
            "Observation window",
            f"The {run.observation_days} days before a cutoff date, in which behaviours are "
            "counted.",
        ),
        (
            "Outcome window",
            f"The {run.outcome_days} days after it, in which margin is measured.",
        ),
    ]


def _about_effects(run: Run) -> list[tuple[str, str]]:
    return [
        (
            "95% interval",
            "The range that contains the true value with 95% confidence. For effects it allows "
            f"for chance in who the {run.entities} are and for errors of the model's form.",
        ),
        (
            "z",
            "The size of an effect relative to chance alone: from 4 on it is called certain. The "
            "95% interval also allows for errors of the model's form, so it can be wide although "
            "z is large.",
        ),
        (
            "Standard deviation",
            f"The typical difference of a count between {run.entities}. It makes rare and "
            "frequent behaviours comparable.",
        ),
        (
            "Naive estimate",
            f"The difference in margin between {run.entities} whose counts differ by one event. "
            "It mixes the effect with loyalty.",
        ),
        (
            "SHAP importance",
            "How much a behaviour shifts a model's prediction of margin on average, up or down "
            "(mean absolute SHAP value). It describes the model, not what happens if the "
            "behaviour changes.",
        ),
        (
            "Passes in bootstraps",
            f"A bootstrap repeats the analysis on {run.entities} drawn at random from the same "
            "data. The share is how often the behaviour passes as a driver again.",
        ),
        (
            "Robustness value",
            "The strength that a hidden cause would need to undo the finding: the share of the "
            "unexplained variation, of the behaviour and of margin, that it would have to "
            "explain.",
        ),
        (
            "p-value",
            "The probability of a result at least this large if there were no effect.",
        ),
        (
            "Placebo",
            "A check with data in which no effect can exist, for example shuffled events. A sound "
            "method finds nothing there.",
        ),
    ]


def _about_scores(run: Run) -> list[tuple[str, str]]:
    return [
        ("Predicts", f"{run.entities.capitalize()} with a higher score bring more margin later."),
        (
            "Moves with margin",
            f"If the score of a {run.entity} changes, the margin of the same {run.entity} changes "
            "afterwards.",
        ),
        (
            "Rank correlation (Spearman)",
            "How well two orders agree: 1 is the same order, 0 no relation, −1 the reverse.",
        ),
        (
            "Top-10% lift",
            f"Mean margin of the {run.entities} with the highest 10% of scores, divided by the "
            "mean of all.",
        ),
        (
            "Recency-frequency-monetary",
            "A baseline model of the time since the last purchase, the number of purchases and "
            "their value.",
        ),
        (
            "Full profit model",
            "A model that predicts margin from everything known, including past purchases.",
        ),
        (
            "R², Gini",
            "How well a model predicts margin: 1 is perfect; 0 is no better than the mean (R²) "
            "or a random order (Gini).",
        ),
        (
            "ROC AUC, PR AUC, Brier",
            "How well a model predicts churn. ROC AUC: 1 is perfect, 0.5 random. PR AUC: 1 is "
            "perfect, the churn rate is random. Brier: mean squared error of the predicted "
            "probability, 0 is perfect.",
        ),
    ]


GLOSSARY = Section("glossary", "Glossary", "glossary.html.j2", build, folded=True)
