"""Parameters of the estimator: stored as they were given, and merged into a configuration."""

from __future__ import annotations

import inspect
from typing import Any, Self

from engagement_ml.config import PipelineConfig
from engagement_ml.workflow.parameters import merge_config, nested_values, with_nested


class Parameters:
    """Parameters of a class whose constructor only stores them, by scikit-learn's conventions."""

    @classmethod
    def _parameter_names(cls) -> list[str]:
        kinds = inspect.Parameter
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return [p.name for p in parameters if p.kind is not kinds.VAR_KEYWORD]

    @property
    def config(self) -> PipelineConfig:
        """The configuration that the parameters result in."""
        given = self.get_params(deep=False)
        return merge_config(given.pop("config"), given, origin="EngagementModel")

    @config.setter
    def config(self, value: Any) -> None:
        # The parameter is stored unchanged, as `clone` requires; the property merges the others in.
        self.__dict__["config"] = value

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters as they were given.

        Parameters
        ----------
        deep : bool, default True
            Add the keys that parameters hold: ``windows__observation_days``.
        """
        values = {name: self.__dict__[name] for name in self._parameter_names()}
        if deep:
            for name in tuple(values):
                if name != "config":
                    values |= nested_values(name, values[name])
        return values

    def set_params(self, **params: Any) -> Self:
        """Set parameters, or keys within them: ``set_params(windows__observation_days=56)``.

        Raises
        ------
        ConfigError
            If a parameter or key is not known. Values are checked by `fit`.
        """
        values = with_nested(self.get_params(deep=False), params)
        for name, value in values.items():
            setattr(self, name, value)
        return self
