"""Secrets of a configuration: read from the environment when they are used, never written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from engagement_ml.errors import ConfigError
from engagement_ml.masking import (
    is_secret_name,
    masked_option,
    masked_uri,
    remember,
    remember_uri,
)

_REFERENCE = re.compile(r"\$\{(\w+)\}")


def revealed(text: str, key: str) -> str:
    """Return a value with each ``${NAME}`` replaced by the environment variable of that name.

    Parameters
    ----------
    text : str
    key : str
        The key of the configuration, for the error message.

    Raises
    ------
    ConfigError
        If a variable is not set.

    Examples
    --------
    >>> os.environ["DB_USER"] = "ann"
    >>> revealed("postgresql://${DB_USER}@host/mlflow", "tracking.uri")
    'postgresql://ann@host/mlflow'
    """

    def value_of(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise ConfigError(
                f"key '{key}': the environment variable {match[1]} is not set; set it, or write "
                "the value in place of its name"
            )
        return value

    return _REFERENCE.sub(value_of, text)


def revealed_uri(uri: str, key: str = "tracking.uri") -> str:
    """Return a URI with environment variables replaced; its secrets are masked from now on.

    Raises
    ------
    ConfigError
        If a variable is not set.
    """
    found = revealed(uri, key)
    remember_uri(found)
    return found


def revealed_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return ``engine.options`` with environment variables replaced; see `revealed_uri`.

    Raises
    ------
    ConfigError
        If a variable is not set.
    """
    found = {name: revealed(v, f"engine.options.{name}") for name, v in options.items()}
    for name, value in found.items():
        if is_secret_name(name):
            remember(value)
        else:
            remember_uri(value)
    return found


def masked_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return ``engine.options`` without secrets, as files hold them.

    Examples
    --------
    >>> masked_options({"spark.master": "local[2]", "spark.authenticate.secret": "geheim"})
    {'spark.master': 'local[2]', 'spark.authenticate.secret': '***'}
    """
    return {name: masked_option(name, value) for name, value in options.items()}


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration's plain types without secrets."""
    tracking, engine = dict(values["tracking"]), dict(values["engine"])
    if tracking["uri"] is not None:
        tracking["uri"] = masked_uri(tracking["uri"])
    engine["options"] = masked_options(engine["options"])
    sources = {name: _masked_source(source) for name, source in values["sources"].items()}
    experiments = [
        {**test, "table": _masked_source(test.get("table"))} for test in values["experiments"]
    ]
    return {
        **values,
        "sources": sources,
        "experiments": experiments,
        "tracking": tracking,
        "engine": engine,
    }


def _masked_source(source: str | None) -> str | None:
    # A folder such as token=a/ is a partition; only a URI has secrets.
    return source if source is None or "://" not in source else masked_uri(source)
