"""Numbers, money, dates and words as people read them; null is always a dash."""

from __future__ import annotations

import datetime as dt
import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DASH = "–"
MINUS = "−"
_SYMBOLS = {
    "EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩",
    "BRL": "R$", "AUD": "A$", "CAD": "CA$", "NZD": "NZ$", "ILS": "₪", "UAH": "₴", "TRY": "₺",
}  # fmt: skip
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def finite(value: Any) -> float | None:
    """Return `value` as a float, or None if it is not a finite number.

    Examples
    --------
    >>> finite(3), finite("3"), finite(float("nan")), finite(True), finite(None)
    (3.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def decimals_for(*values: Any) -> int:
    """Return the number of decimals that shows the largest of `values` with two to three digits.

    Examples
    --------
    >>> decimals_for(1234.5), decimals_for(12.34, 1.0), decimals_for(0.0123), decimals_for(None)
    (0, 2, 3, 2)
    """
    largest = max((abs(x) for v in values if (x := finite(v)) is not None), default=0.0)
    if largest >= 100:
        return 0
    if largest >= 0.1 or largest == 0:
        return 2
    return min(1 - math.floor(math.log10(largest)), 6)


def number(value: Any, decimals: int | None = None, *, signed: bool = False) -> str:
    """Return a number with thousands separated and a true minus sign.

    Parameters
    ----------
    value : number or None
    decimals : int or None
        None takes the result of `decimals_for`, and none for whole numbers.
    signed : bool, default False
        Show a plus sign as well.

    Examples
    --------
    >>> number(12345), number(-0.256, 2), number(3.1, 1, signed=True), number(None)
    ('12,345', '−0.26', '+3.1', '–')
    """
    x = finite(value)
    if x is None:
        return DASH
    if decimals is None:
        decimals = 0 if x == round(x) else decimals_for(x)
    text = f"{abs(x):,.{decimals}f}"
    nothing = not any(digit in "123456789" for digit in text)
    sign = "" if nothing else MINUS if x < 0 else "+" if signed else ""
    return sign + text


def count(value: Any) -> str:
    """Return a count of events, rounded as people write it.

    Examples
    --------
    >>> count(3.0), count(2.46), count(13.7), count(1234.5)
    ('3', '2.5', '14', '1,234')
    """
    x = finite(value)
    if x is None:
        return DASH
    return number(x, 0 if abs(x) >= 10 or x == round(x) else 1)


def percent(share: Any, decimals: int = 0) -> str:
    """Return a share of 0 to 1 in percent; "0%" and "100%" only if it is exactly that.

    Examples
    --------
    >>> percent(0.934), percent(0.004), percent(0.9996), percent(None)
    ('93%', '<1%', '>99%', '–')
    """
    x = finite(share)
    if x is None:
        return DASH
    if 0 < x <= 0.5 * 10 ** -(decimals + 2):
        return f"<{10**-decimals:.{decimals}f}%"
    text = f"{number(100 * x, decimals)}%"
    if x < 1 and text == f"{100:.{decimals}f}%":
        return f">{100 - 10**-decimals:.{decimals}f}%"
    return text


def p_value(value: Any) -> str:
    """Return a p-value with three decimals, or as below 0.001.

    Examples
    --------
    >>> p_value(0.0004), p_value(0.0321), p_value(None)
    ('< 0.001', '0.032', '–')
    """
    p = finite(value)
    return "< 0.001" if p is not None and 0 <= p < 0.001 else number(p, 3)


def spread(low: Any, high: Any, decimals: int | None = None) -> str:
    """Return an interval, ``"low to high"``, or a dash if a bound is missing.

    Examples
    --------
    >>> spread(0.281, 0.344, 2)
    '0.28 to 0.34'
    """
    if finite(low) is None or finite(high) is None:
        return DASH
    if decimals is None:
        decimals = decimals_for(low, high)
    return f"{number(low, decimals)} to {number(high, decimals)}"


@dataclass(frozen=True)
class Money:
    """Writes amounts in one currency.

    Parameters
    ----------
    currency : str
        A code such as ``EUR``; a code without a known symbol follows the amount.

    Examples
    --------
    >>> Money("EUR")(-1234.5), Money("CHF")(3.456), Money("USD").spread(0.5, 12)
    ('−€1,234', '3.46 CHF', '$0.50 to $12.00')
    """

    currency: str

    def __call__(self, value: Any, decimals: int | None = None, *, signed: bool = False) -> str:
        """Return one amount."""
        x = finite(value)
        if x is None:
            return DASH
        text = number(x, decimals_for(x) if decimals is None else decimals, signed=signed)
        symbol = _SYMBOLS.get(self.currency.upper())
        if symbol is None:
            return f"{text} {self.currency}".strip()
        sign = text[0] if text[0] in f"{MINUS}+" else ""
        return f"{sign}{symbol}{text[len(sign) :]}"

    def tick(self, value: Any, decimals: int | None = None) -> str:
        """Return an amount for an axis, without the currency code, which is too long there."""
        return self(value, decimals).removesuffix(self.currency).strip()

    def spread(self, low: Any, high: Any, decimals: int | None = None) -> str:
        """Return an interval of amounts."""
        if finite(low) is None or finite(high) is None:
            return DASH
        if decimals is None:
            decimals = decimals_for(low, high)
        return f"{self(low, decimals)} to {self(high, decimals)}"

    def estimate(self, value: Any, low: Any, high: Any) -> str:
        """Return an amount with its interval: ``"€3.10 (€2.60 to €3.60)"``."""
        decimals = decimals_for(value, low, high)
        bounds = self.spread(low, high, decimals)
        return self(value, decimals) + ("" if bounds == DASH else f" ({bounds})")


def plural(noun: str) -> str:
    """Return the plural of an English noun, by the common rules.

    Examples
    --------
    >>> plural("partner"), plural("company"), plural("boss"), plural("person")
    ('partners', 'companies', 'bosses', 'people')
    """
    if noun.lower().endswith("person"):
        return noun[: -len("person")] + ("People" if noun[-6] == "P" else "people")
    if noun.endswith("y") and noun[-2:-1] not in ("a", "e", "i", "o", "u"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s")


def spelled(n: int) -> str:
    """Return small whole numbers as words.

    Examples
    --------
    >>> spelled(2), spelled(12)
    ('two', '12')
    """
    return _NUMBER_WORDS[n] if 0 <= n < len(_NUMBER_WORDS) else number(n)


def how_many(n: int, noun: str) -> str:
    """Return a number with its noun in the right form.

    Examples
    --------
    >>> how_many(1, "behaviour"), how_many(2, "behaviour")
    ('one behaviour', 'two behaviours')
    """
    return f"{spelled(n)} {noun if n == 1 else plural(noun)}"


def quantity(value: Any, noun: str) -> str:
    """Return a count with its noun in the right form, in digits.

    Examples
    --------
    >>> quantity(1, "event"), quantity(2.5, "event"), quantity(1204, "company")
    ('1 event', '2.5 events', '1,204 companies')
    """
    shown = count(value)
    return f"{shown} {noun if shown == '1' else plural(noun)}"


def listed(names: Iterable[str]) -> str:
    """Join names with commas and "and".

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', '')
    """
    words = list(names)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def sentence(text: str) -> str:
    """Return `text` with a capital letter and a full stop.

    Examples
    --------
    >>> sentence("nothing passed")
    'Nothing passed.'
    """
    return first_upper(text) + ("" if not text or text.endswith((".", "!", "?")) else ".")


def first_upper(text: str) -> str:
    """Return `text` with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def day(value: Any) -> str:
    """Return the day of an ISO 8601 text, ``"3 March 2024"``; other text as it is.

    Examples
    --------
    >>> day("2024-03-03T10:00:00Z"), day("soon"), day(None)
    ('3 March 2024', 'soon', '–')
    """
    if value is None or value == "":
        return DASH
    parsed = as_date(value)
    return (
        str(value) if parsed is None else f"{parsed.day} {MONTHS[parsed.month - 1]} {parsed.year}"
    )


def as_date(value: Any) -> dt.date | None:
    """Return the date that an ISO 8601 text begins with, or None."""
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def one_line(value: Any) -> str:
    r"""Return a user's text for display: control characters replaced, white space collapsed.

    Examples
    --------
    >>> one_line("page\nview\x1b[31m")
    'page view�[31m'
    """
    text = " ".join(str(value).split())
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
