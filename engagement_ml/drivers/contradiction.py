"""When a randomised test contradicts what observation said of the same behaviour."""

from __future__ import annotations

_ACTS = ("driver", "harmful")
_DOES_NOT_ACT = ("inert", "vanity")


def contradicts(observed: str, tested: str) -> bool:
    """Return whether a test's verdict rules out the verdict from observation.

    Only verdicts that claim an effect, or the lack of one, can contradict each other.

    Parameters
    ----------
    observed, tested : str
        Verdicts from observation and from the test.

    Examples
    --------
    >>> contradicts("driver", "inert"), contradicts("driver", "harmful")
    (True, True)
    >>> contradicts("driver", "driver"), contradicts("driver", "unverifiable")
    (False, False)
    >>> contradicts("unverifiable", "driver"), contradicts("vanity", "inert")
    (False, False)
    """
    claims = (*_ACTS, *_DOES_NOT_ACT)
    if observed not in claims or tested not in claims:
        return False
    return observed != tested and (observed in _ACTS or tested in _ACTS)


def comparable(observed: str, tested: str) -> bool:
    """Return whether both verdicts claim an effect, or the lack of one.

    Examples
    --------
    >>> comparable("driver", "inert"), comparable("consequence", "driver")
    (True, False)
    """
    claims = (*_ACTS, *_DOES_NOT_ACT)
    return observed in claims and tested in claims
