"""Plans of tables that have no public format: columns by name and content."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from engagement_ml.column_names import find
from engagement_ml.starter import names
from engagement_ml.starter.measure_columns import fill_for_measures
from engagement_ml.starter.names import by_name, names_of
from engagement_ml.starter.plan import TablePlan, sql_name
from engagement_ml.starter.profile import Profile, decimal_of
from engagement_ml.starter.sample import Sample

_NAME = re.compile(r'([A-Za-z0-9_.]|"[^"]*")+')
"""A name in SQL, which needs no parentheses."""
_SHOWN = 60
"""Length up to which an expression is shown in a sentence."""
AS_MARGIN = "takes revenue as margin: put your margin rate in the place of 1.0, such as 0.35"


@dataclass
class Draft:
    """A plan while it is put together."""

    table: str
    sample: Sample
    profiles: Mapping[str, Profile]
    columns: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    where: str | None = None
    time: str | None = None
    export: str | None = None
    zoned: bool = True

    def sql(self, name: str) -> str:
        """Return a column of the source as SQL."""
        return sql_name(name, self.sample)

    def fill(self, column: str, fits: names.Fits) -> str | None:
        """Fill a column of ours by name, and return the source's column; None without one."""
        name = by_name(
            names_of(self.table, column), self.profiles, fits, set(self.columns.values())
        )
        if name is not None:
            self.columns[column] = name
        return name

    def fill_or_guess(
        self,
        column: str,
        fits: names.Fits,
        guess: Callable[[Mapping[str, Profile], set[str]], str | None],
    ) -> bool:
        """Fill a column of ours by name, else by content; return whether it was filled."""
        if self.fill(column, fits) is not None:
            return True
        name = guess(self.profiles, set(self.columns.values()))
        if name is None:
            return False
        self.columns[column] = name
        self.comments[column] = "found by its content, not by its name: check it"
        self.unsure.append(
            f"{self.sample.source}: '{name}' is taken for {column} because of its values; "
            "its name is not a usual one"
        )
        return True

    def plan(self) -> TablePlan:
        """Return the finished plan."""
        self._set_time()
        read = [name for name in self._read() if self.profiles[name].looks == "number"]
        decimal = decimal_of(self.profiles, read)
        for name in read:
            if self.profiles[name].ambiguous:
                self.unsure.append(
                    f"{self.sample.source}: numbers such as {self._example(name)} of '{name}' "
                    "could have a decimal comma or separate thousands; thousands are taken"
                )
        # Fields of records are expressions, which every engine reads.
        fields = {c: s for c, s in self.columns.items() if s not in self.sample.plain}
        return TablePlan(
            table=self.table,
            sample=self.sample,
            columns={c: s for c, s in self.columns.items() if c not in fields},
            values={c: self.sql(s) for c, s in fields.items()} | self.values,
            constants=self.constants,
            where=self.where,
            time=self.time,
            decimal=decimal,
            export=self.export,
            comments=self.comments,
            unsure=tuple(self.unsure),
            zoned=self.zoned,
        )

    def _read(self) -> list[str]:
        """Return the columns of the source that amounts are read from."""
        money = ("margin", "revenue", "cost", "refund", "value")
        amounts = [self.columns[c] for c in money if c in self.columns]
        written = [n for n in self.profiles for v in self.values.values() if self.sql(n) in v]
        return [name for name in dict.fromkeys((*amounts, *written)) if name in self.profiles]

    def _example(self, name: str) -> str:
        return next(repr(str(v)) for v in self.profiles[name].values if "," in str(v))

    def _set_time(self) -> None:
        """Set the format of the times, and say where it is open."""
        column = self.columns.get("signup" if self.table == "customers" else "timestamp")
        if column is None or column not in self.profiles:
            return
        moment = self.profiles[column].moment
        if moment is None:
            return
        self.time = self.time or moment.format
        # Programs export UTC; only Online Retail, a data set, does not say.
        self.zoned = moment.zoned or self.export is not None
        example = str(self.profiles[column].values[0])
        if moment.others:
            self.unsure.append(
                f"{self.sample.source}: times such as '{example}' can be read as "
                f"{' or '.join((str(moment.format), *moment.others))}; {moment.format} is taken"
            )
            key = "signup" if self.table == "customers" else "timestamp"
            self.comments[key] = f"unsure: {' or '.join(moment.others)} is possible too"


def events_of(sample: Sample, profiles: Mapping[str, Profile]) -> TablePlan | None:
    """Return the plan of a table of events; None if it cannot be one."""
    draft = Draft("events", sample, profiles)
    if not draft.fill_or_guess("timestamp", names.is_moment, names.moment_by_content):
        return None
    if not draft.fill_or_guess("customer_id", names.is_id, names.id_by_content):
        return None
    if not draft.fill_or_guess("event_type", names.is_event_type, names.type_by_content):
        return None
    _fill_row_id(draft, "event_id")
    draft.fill("session_id", names.has_values)
    draft.fill("value", names.is_number)
    draft.fill("duration_seconds", names.is_number)
    fill_for_measures(draft)
    return draft.plan()


def transactions_of(sample: Sample, profiles: Mapping[str, Profile]) -> TablePlan | None:
    """Return the plan of a table of transactions; None if it cannot be one."""
    draft = Draft("transactions", sample, profiles)
    if not draft.fill_or_guess("timestamp", names.is_moment, names.moment_by_content):
        return None
    if not draft.fill_or_guess("customer_id", names.is_id, names.id_by_content):
        return None
    if not _fill_money(draft):
        return None
    _fill_row_id(draft, "transaction_id")
    draft.fill("currency", lambda profile: profile.looks == "text")
    fill_for_measures(draft)
    return draft.plan()


def customers_of(sample: Sample, profiles: Mapping[str, Profile]) -> TablePlan | None:
    """Return the plan of a table of customers, with one row each; None if it cannot be one."""
    draft = Draft("customers", sample, profiles)
    if draft.fill("customer_id", lambda p: names.is_id(p) and p.unique) is None:
        return None
    draft.fill("signup", names.is_moment)
    return draft.plan()


def surveys_of(sample: Sample, profiles: Mapping[str, Profile]) -> TablePlan | None:
    """Return the plan of a table of survey answers; None if it cannot be one."""
    draft = Draft("surveys", sample, profiles)
    for column, fits in (
        ("timestamp", names.is_moment),
        ("customer_id", names.is_id),
        ("score", names.is_number),
    ):
        if draft.fill(column, fits) is None:
            return None
    if draft.fill("survey", lambda profile: profile.looks == "text") is None:
        kind = next((k for k in ("nps", "csat", "ces", "esat") if k in sample.stem.lower()), None)
        if kind is None:
            return None
        draft.constants["survey"] = kind
    fill_for_measures(draft)
    return draft.plan()


def identities_of(sample: Sample, profiles: Mapping[str, Profile]) -> TablePlan | None:
    """Return the plan of a table that links anonymous ids to customers; None if it is none."""
    draft = Draft("identities", sample, profiles)
    anonymous = by_name(names.ANONYMOUS, profiles, names.is_id)
    if anonymous is None or len(profiles) > 6:
        return None
    draft.columns["anonymous_id"] = anonymous
    usual = [n for n in names_of("events", "customer_id") if n not in names.ANONYMOUS]
    customer = by_name(usual, profiles, names.is_id, {anonymous})
    if customer is None:
        return None
    draft.columns["customer_id"] = customer
    moment = by_name(names_of("events", "timestamp"), profiles, names.is_moment)
    if moment is None:
        return draft.plan()
    written = profiles[moment].moment
    if written is not None and written.format is None:
        draft.columns["timestamp"] = moment
    else:
        draft.unsure.append(
            f"{sample.source}: the times of '{moment}' are not in ISO 8601, so an identity counts "
            "from the beginning"
        )
    return draft.plan()


def _fill_row_id(draft: Draft, column: str) -> None:
    """Fill the id of rows, whose repeats are dropped: only a column that tells all rows apart.

    A column of that very name is read without being mapped, so it is emptied if other rows than
    copies share its values, such as the lines of one order.
    """
    if draft.fill(column, lambda profile: profile.unique and profile.looks != "empty") is not None:
        return
    name = find(column, draft.profiles)
    if name is None or not _tells_lines_apart(draft.sample, name):
        return
    draft.values[column] = f"nullif({draft.sql(name)}, {draft.sql(name)})"
    draft.comments[column] = f"left empty, as different rows share one {column}"
    draft.unsure.append(
        f"{draft.sample.source}: different rows share one {name}, so it is not used to drop "
        "repeated rows, and all rows count"
    )


def _tells_lines_apart(sample: Sample, name: str) -> bool:
    """Return whether rows with the same value of a column differ in another column."""
    seen: dict[str, tuple[str, ...]] = {}
    for row in zip(*sample.columns.values(), strict=True):
        value = row[list(sample.columns).index(name)]
        if (
            value is not None
            and seen.setdefault(str(value), written := tuple(map(str, row))) != written
        ):
            return True
    return False


def _fill_money(draft: Draft) -> bool:
    """Fill margin, or revenue and cost; return whether there is any."""
    if draft.fill("margin", names.is_number) is not None:
        return True
    money = revenue_sql(draft)
    if money is None:
        return False
    unit_cost, quantity = _number(draft, names.UNIT_COST), _number(draft, names.QUANTITY)
    if unit_cost is not None and quantity is not None:
        draft.values["revenue"] = money
        draft.values["cost"] = f"{draft.sql(unit_cost)} * {draft.sql(quantity)}"
    elif draft.fill("cost", names.is_number) is not None:
        if draft.fill("revenue", names.is_number) is None:
            draft.values["revenue"] = money
    else:
        revenue_as_margin(draft, money)
    return True


def revenue_sql(draft: Draft) -> str | None:
    """Return SQL for revenue: a column with a usual name, or price × quantity; None without one."""
    revenue = _number(draft, names_of("transactions", "revenue"))
    if revenue is not None:
        return draft.sql(revenue)
    price, quantity = _number(draft, names.PRICE), _number(draft, names.QUANTITY)
    if price is None or quantity is None:
        return None if price is None else draft.sql(price)
    return f"{draft.sql(price)} * {draft.sql(quantity)}"


def _number(draft: Draft, usual: Collection[str]) -> str | None:
    """Return the column of numbers with one of some names that is not used yet."""
    return by_name(usual, draft.profiles, names.is_number, set(draft.columns.values()))


def revenue_as_margin(draft: Draft, money: str) -> None:
    """Fill margin from revenue, and say so."""
    draft.values["margin"] = f"{money if _NAME.fullmatch(money) else f'({money})'} * 1.0"
    draft.comments["margin"] = AS_MARGIN
    shown = f" ({money})" if len(money) <= _SHOWN else ""
    draft.unsure.append(
        f"{draft.sample.source}: there is no margin and no cost, so revenue{shown} stands in "
        "for margin and the ranking will be one of revenue; write your margin rate in the place "
        "of 1.0 in the values of 'margin'"
    )
