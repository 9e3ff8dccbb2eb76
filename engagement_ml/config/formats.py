"""Formats of times: directives of strptime and their regular expressions, and epoch numbers."""

from __future__ import annotations

import re

from engagement_ml.errors import nearest

EPOCHS = {"epoch s": 1, "epoch ms": 10**3, "epoch us": 10**6, "epoch ns": 10**9}
"""Formats of times that are numbers since 1970, and their units per second."""
DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{1,2}",
    "d": "[0-9]{1,2}",
    "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}",
    "M": "[0-9]{1,2}",
    "S": "[0-9]{1,2}",
    "f": "[0-9]{1,9}",
    "p": "[AaPp][Mm]",
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]{3,9}",
    "a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    "A": "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day",
    "z": "(?:Z|[+-][0-9]{2}:?(?:[0-9]{2})?)",
    "%": "%",
}
"""Regular expression of each directive."""
_NUMBERS = "YymdHIMSf"
_PART = re.compile(r"%-?(.)|(.)", re.DOTALL)


def check_format(text: str) -> None:
    """Check a format of times.

    Raises
    ------
    ValueError
        If a directive is unknown or given twice, or the day is incomplete.

    Examples
    --------
    >>> check_format("%d.%m.%y")
    >>> check_format("%d.%m")
    Traceback (most recent call last):
    ...
    ValueError: has no year; write %Y, or %y for two digits
    """
    if text in EPOCHS:
        return
    if text.startswith("epoch"):
        raise ValueError(f"is not a format{nearest(text, EPOCHS)}; epochs are {', '.join(EPOCHS)}")
    found = directives(text)
    for letter in found:
        if letter not in DIRECTIVES:
            raise ValueError(
                f"has the directive %{letter}, which is not known; known are "
                f"{', '.join('%' + d for d in DIRECTIVES)}"
            )
        if letter != "%" and found.count(letter) > 1:
            raise ValueError(f"has the directive %{letter} twice; keep one")
    for letters, missing, hint in (
        ("Yy", "year", "%Y, or %y for two digits"),
        ("mbB", "month", "%m, or %b for a name such as May"),
        ("d", "day", "%d"),
    ):
        given = sum(letter in found for letter in letters)
        if not given:
            raise ValueError(f"has no {missing}; write {hint}")
        if given > 1:
            raise ValueError(f"has two directives for the {missing}; keep one")
    if ("I" in found) != ("p" in found):
        raise ValueError("needs %I and %p together, as in '%I:%M %p'; hours to 23 are %H")
    if "I" in found and "H" in found:
        raise ValueError("has %H and %I; keep one")


def directives(text: str) -> list[str]:
    """Return the letters of a format's directives in their order."""
    if text.endswith("%") and not text.endswith("%%"):
        raise ValueError("ends with %, which is no directive; write %% for a percent sign")
    return [match[1] for match in _PART.finditer(text) if match[1]]


def format_pattern(text: str, group: str | None = None) -> str:
    """Return the regular expression of times in a format, without backslashes.

    Parameters
    ----------
    text : str
        A format of strptime's directives.
    group : str, optional
        Letter of the directive that becomes the only group.

    Examples
    --------
    >>> format_pattern("%d.%m.%Y")
    '^ *[0-9]{1,2}[.][0-9]{1,2}[.][0-9]{4} *$'
    >>> format_pattern("%Y%m%d", group="m")
    '^ *[0-9]{4}([0-9]{2})[0-9]{2} *$'
    """
    parts = list(_PART.finditer(text))
    pattern = []
    for i, match in enumerate(parts):
        letter = match[1]
        if letter is None:
            pattern.append(_literal(match[2]))
            continue
        beside = {each[1] for each in (*parts[max(i - 1, 0) : i], *parts[i + 1 : i + 2])}
        joined = letter in _NUMBERS and any(b is not None and b in _NUMBERS for b in beside)
        part = DIRECTIVES[letter].replace("{1,2}", "{2}") if joined else DIRECTIVES[letter]
        pattern.append(f"({part})" if letter == group else part)
    return f"^ *{''.join(pattern)} *$"


def _literal(character: str) -> str:
    if character.isalnum() or character in " -_:/,;'\"%":
        return character
    return f"[{character}]" if character not in "[]\\^" else "."
