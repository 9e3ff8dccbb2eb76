"""Ways in which the same id is written, and which of them would make two tables meet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal, InvalidOperation
from functools import reduce

EXPONENT = r"^[+-]?[0-9]\.[0-9]+[eE]\+[0-9]+$"
"""Regular expression: a number as spreadsheets and floats write it, its last digits lost."""
_MOST_DIGITS = 40


def _in_full(text: str) -> str:
    """Return a number without an exponent; other text as it is."""
    try:
        number = Decimal(text) if re.search(r"[0-9][eE]\+?[0-9]+$", text) else None
    except InvalidOperation:
        return text
    if number is None or number.adjusted() > _MOST_DIGITS or number != number.to_integral_value():
        return text
    return str(int(number))


Form = Callable[[str], str]
FORMS: dict[str, Form] = {
    "without blanks around them": str.strip,
    "in one Unicode form (NFC)": lambda text: unicodedata.normalize("NFC", text),
    "in the same case": str.casefold,
    "without an exponent": _in_full,
    "without a trailing '.0'": lambda text: re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", text),
    "without leading zeros": lambda text: re.sub(r"^0+(?=.)", "", text),
}
"""How ids could be written alike, in the order of application."""


def forms_that_meet(left: Collection[str], right: Collection[str]) -> tuple[list[str], int]:
    """Return the forms in which more ids of two tables are the same, and how many are then.

    Parameters
    ----------
    left, right : collection of str
        Distinct ids of each table.

    Returns
    -------
    forms : list of str
        Keys of `FORMS`, as few as give the most ids in common; empty if no form helps.
    common : int
        Ids in common in these forms.

    Examples
    --------
    >>> forms_that_meet(["0007", "0012"], ["7.0", "12.0"])
    (["without a trailing '.0'", 'without leading zeros'], 2)
    >>> forms_that_meet(["ann"], ["bob"])
    ([], 0)
    """
    common = _in_common(left, right, ())
    forms = list(FORMS)
    most = _in_common(left, right, forms)
    if most <= common:
        return [], common
    for form in FORMS:
        fewer = [each for each in forms if each != form]
        if _in_common(left, right, fewer) >= most:
            forms = fewer
    return forms, most


def _in_common(left: Collection[str], right: Collection[str], forms: Sequence[str]) -> int:
    functions = [FORMS[form] for form in forms]
    here, there = (
        {reduce(lambda text, form: form(text), functions, text) for text in ids}
        for ids in (left, right)
    )
    return len(here & there)
