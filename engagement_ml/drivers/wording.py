"""How sentences call customers, money and time."""

from __future__ import annotations

from dataclasses import dataclass

from engagement_ml.drivers.study import Study
from engagement_ml.formatting import Money, plural


@dataclass(frozen=True)
class Wording:
    """How sentences call customers, money and time.

    Attributes
    ----------
    entity : str
        Singular.
    currency : str
    period_days : int
    outcome : str
        What margin is called: all of it, or a part.
    """

    entity: str = "customer"
    currency: str = "EUR"
    period_days: int = 7
    outcome: str = "margin"

    @classmethod
    def of(cls, study: Study) -> Wording:
        """Take the words from a study's configuration."""
        config, days = study.config, study.periods.period_days
        return cls(config.entity, config.currency, days, study.outcome)

    @property
    def entities(self) -> str:
        """Plural of the entity."""
        return plural(self.entity)

    @property
    def money(self) -> Money:
        """Writes amounts."""
        return Money(self.currency)

    @property
    def period_name(self) -> str:
        """A period as a noun: week, or a number of days."""
        return "week" if self.period_days == 7 else f"{self.period_days} days"

    def span(self, periods: int) -> str:
        """Return a number of periods as weeks or days.

        Examples
        --------
        >>> Wording().span(1), Wording().span(3), Wording(period_days=3).span(2)
        ('1 week', '3 weeks', '6 days')
        """
        if self.period_days % 7 == 0:
            n, unit = periods * self.period_days // 7, "week"
        else:
            n, unit = periods * self.period_days, "day"
        return f"{n} {unit if n == 1 else plural(unit)}"
