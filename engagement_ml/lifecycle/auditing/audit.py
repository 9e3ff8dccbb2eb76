"""The result of an audit: its answers with their sentences, as ``audit.json`` holds them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from engagement_ml.evaluation.names import RFM
from engagement_ml.lifecycle.auditing import wording
from engagement_ml.lifecycle.auditing.facts import Facts, Measured
from engagement_ml.lifecycle.auditing.judgement import (
    THRESHOLDS,
    AuditThresholds,
    Judgement,
    judge,
)

FORMAT = 1


@dataclass(frozen=True)
class ColumnPart:
    """A part of the score that is a column of numbers.

    Attributes
    ----------
    name : str
    verdict : str
        As that of a score; see `Judgement`.
    measured : Measured
    """

    name: str
    verdict: str
    measured: Measured


@dataclass(frozen=True)
class Audit:
    """An audit of a score.

    Attributes
    ----------
    facts : Facts
    judgement : Judgement
    columns : tuple of ColumnPart
        Verdicts on the parts that are columns of numbers.
    thresholds : AuditThresholds
    """

    facts: Facts
    judgement: Judgement
    columns: tuple[ColumnPart, ...]
    thresholds: AuditThresholds = THRESHOLDS

    @classmethod
    def of(cls, facts: Facts, thresholds: AuditThresholds = THRESHOLDS) -> Audit:
        """Decide on the facts."""
        columns = tuple(
            ColumnPart(name, _column_verdict(facts, name, thresholds), measured)
            for name, measured in facts.columns.items()
        )
        return cls(facts, judge(facts, thresholds), columns, thresholds)

    @property
    def headline(self) -> str:
        """The finding in one or two sentences."""
        return wording.headline(self.facts, self.judgement)

    @property
    def warnings(self) -> list[str]:
        """What limits the audit, the gravest first."""
        return wording.warnings(self.facts, self.judgement, self.thresholds)

    @property
    def vanity_parts(self) -> list[str]:
        """Parts of the score that are vanity, by their names for people."""
        behaviours = [b.label for b in self.facts.behaviours if b.verdict == "vanity"]
        return [*behaviours, *(part.name for part in self.columns if part.verdict == "vanity")]

    def answers(self) -> dict[str, str]:
        """Return the questions of the audit, and the sentences that answer them."""
        facts, judged = self.facts, self.judgement
        entity = facts.entity
        answers = {
            "Does it predict margin?": wording.predicts(facts, judged),
            f"When the score of a {entity} changes, does margin follow?": wording.moves(
                facts, judged
            ),
            "What is it worth in money?": wording.money(facts),
            "What would two or three behaviours do instead?": wording.instead(facts),
        }
        return {question: answer for question, answer in answers.items() if answer}

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``audit.json``, plain JSON types."""
        facts = asdict(self.facts)
        judged = asdict(self.judgement)
        return {
            "format": FORMAT,
            "name": facts.pop("name"),
            "verdict": judged.pop("verdict"),
            "headline": self.headline,
            "meaning": wording.meaning(self.facts, self.judgement),
            **judged,
            "answers": self.answers(),
            "warnings": self.warnings,
            "not_tested": wording.not_tested(self.facts),
            **facts,
            "columns": {part.name: asdict(part) for part in self.columns},
            "thresholds": asdict(self.thresholds),
        }


def _column_verdict(facts: Facts, name: str, thresholds: AuditThresholds) -> str:
    """Return the verdict on a part as if it were the score, without the test of leaks."""
    lead = facts.column_leads.get(name)
    leads = {} if lead is None else {RFM: lead}
    part = replace(facts, score=facts.columns[name], leads=leads, unchanged=None)
    return judge(part, thresholds).verdict
