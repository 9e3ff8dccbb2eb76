"""Parts of margin: which transactions each part has, and what is unusual about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engagement_ml.config import OutcomeConfig, PipelineConfig
from engagement_ml.errors import InputError, nearest
from engagement_ml.features.part_totals import Value
from engagement_ml.formatting import listed, number

OTHER = "other"
_MOST_LISTED = 6


@dataclass(frozen=True)
class Parts:
    """Which combinations of values belong to each part.

    Attributes
    ----------
    columns : tuple of str
        Columns of transactions that tell parts apart.
    members : mapping of part to tuple of Value
        In the order of the configuration.
    other : str or None
        Name of the part that has all other margin; None if there is none.
    overlaps : bool
        Whether a row is in two parts.
    notes : tuple of str
    """

    columns: tuple[str, ...]
    members: Mapping[str, tuple[Value, ...]]
    other: str | None
    overlaps: bool
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All parts, the one of all other margin last."""
        return (*self.members, *(() if self.other is None else (self.other,)))


def configured_parts(config: PipelineConfig) -> dict[str, OutcomeConfig]:
    """Return the outcomes that are parts of margin."""
    return {name: outcome for name, outcome in config.outcomes.items() if outcome.where}


def part_columns(
    outcomes: Mapping[str, OutcomeConfig], present: Sequence[str], label: str = "transactions"
) -> tuple[str, ...]:
    """Return the columns that tell parts apart.

    Parameters
    ----------
    outcomes : mapping of name to OutcomeConfig
        Parts only.
    present : sequence of str
        Columns that the transactions have.
    label : str
        Name of the transactions in messages.

    Raises
    ------
    InputError
        If a column is missing.

    Examples
    --------
    >>> core = OutcomeConfig(where={"product": "a"})
    >>> part_columns({"core": core}, ["customer_id", "product"])
    ('product',)
    """
    columns = dict.fromkeys(c for outcome in outcomes.values() for c in outcome.where)
    usable = [c for c in present if c not in _NOT_TEXT]
    for name, outcome in outcomes.items():
        for column in outcome.where:
            if column not in usable:
                has = f"they have {listed(usable)}" if usable else "they have no such column"
                raise InputError(
                    f"{label}: column '{column}' is missing, which key "
                    f"'outcomes.{name}.where' names{nearest(column, usable)}; {has}; a column of "
                    "another name becomes the product by 'columns: {transactions: {product: "
                    f"{column}}}}}'"
                )
    return tuple(columns)


_NOT_TEXT = ("customer_id", "timestamp", "margin", "revenue", "cost", "transaction_id", "refund")


def assign_parts(
    outcomes: Mapping[str, OutcomeConfig],
    columns: Sequence[str],
    margin: Mapping[Value, float],
    label: str = "transactions",
) -> Parts:
    """Assign every combination of values to the parts that it matches.

    Texts are compared without spaces around them; upper and lower case differ.

    Parameters
    ----------
    outcomes : mapping of name to OutcomeConfig
        Parts only.
    columns : sequence of str
    margin : mapping of Value to float
        Gain and loss together of each combination that the transactions have.
    label : str
        Name of the transactions in messages.

    Raises
    ------
    InputError
        If no transaction has a value, or no transaction matches all columns of a part.

    Examples
    --------
    >>> outcomes = {"core": OutcomeConfig(where={"product": ("a", "b")})}
    >>> parts = assign_parts(outcomes, ["product"], {("a",): 5.0, (" b",): 2.0, ("c",): 1.0})
    >>> parts.members, parts.other
    ({'core': (('a',), (' b',))}, 'other')
    """
    known = {c: {_text(value[i]) for value in margin} - {None} for i, c in enumerate(columns)}
    members: dict[str, tuple[Value, ...]] = {}
    for name, outcome in outcomes.items():
        _check_values(name, outcome, known, label)
        members[name] = tuple(value for value in margin if _matches(outcome, columns, value))
        if not members[name]:
            raise InputError(
                f"{label}: no row matches all columns of key 'outcomes.{name}.where' at once; "
                "change its values, or leave a column out"
            )
    n_parts = Counter(value for part in members.values() for value in part)
    rest = {value for value, amount in margin.items() if not n_parts[value] and amount != 0}
    twice = [value for value, n in n_parts.items() if n > 1]
    other = _free_name(outcomes) if rest else None
    return Parts(tuple(columns), members, other, bool(twice), _notes(other, rest, twice))


def _check_values(
    name: str, outcome: OutcomeConfig, known: Mapping[str, set[str | None]], label: str
) -> None:
    for column, values in outcome.values.items():
        for value in values:
            if value in known[column]:
                continue
            texts = sorted(str(each) for each in known[column])
            near = nearest(value, texts)
            has = "" if near else f"; its values are {_few(texts)}"
            raise InputError(
                f"{label}: column '{column}' never is '{value}', which key "
                f"'outcomes.{name}.where.{column}' names{near}{has}; correct the value or remove it"
            )


def _matches(outcome: OutcomeConfig, columns: Sequence[str], value: Value) -> bool:
    return all(
        _text(value[columns.index(column)]) in wanted for column, wanted in outcome.values.items()
    )


def _text(value: str | None) -> str | None:
    return None if value is None else str(value).strip()


def _free_name(outcomes: Mapping[str, OutcomeConfig]) -> str:
    """Return a name for all other margin that no outcome has."""
    taken = {name.casefold() for name in outcomes}
    names = (OTHER, *(f"{OTHER}_{i}" for i in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _notes(other: str | None, rest: set[Value], twice: Sequence[Value]) -> tuple[str, ...]:
    notes = []
    if other is not None:
        values = _few(sorted(" and ".join(v or "no value" for v in value) for value in rest))
        notes.append(
            f"Margin of transactions that no part covers ({values}) is the part '{other}'."
        )
    if twice:
        values = _few(sorted(" and ".join(v or "no value" for v in value) for value in twice))
        notes.append(
            f"Some transactions are in two parts or more ({values}): the parts do not add up to "
            "margin, and effects on them are not compared with the effect on margin."
        )
    return tuple(notes)


def _few(texts: Sequence[str]) -> str:
    left_out = len(texts) - _MOST_LISTED
    if left_out <= 0:
        return listed(texts)
    return f"{', '.join(texts[:_MOST_LISTED])} and {number(left_out)} more"
