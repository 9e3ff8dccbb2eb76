"""What runs the pipeline, and what it may use of the machine."""

from __future__ import annotations

from pydantic import Field

from engagement_ml.config.frozen import Frozen


class EngineConfig(Frozen):
    """Limits of the engine, and where it keeps what it need not compute again.

    Attributes
    ----------
    memory : str or None
        Such as ``"2GB"``; what does not fit spills to disk. By default half of the machine's.
    threads : int or None
        By default one a core.
    spill : str or None
        The folder to spill into; by default the system's temporary folder.
    keep : str or None, default ".engagement_ml"
        The folder of what runs keep for the next one, relative to the configuration's file; null
        keeps nothing. Deleting it costs time, nothing else.
    """

    memory: str | None = Field(default=None, pattern=r"^[0-9]+(\.[0-9]+)? ?[KMGTkmgt]i?[Bb]$")
    threads: int | None = Field(default=None, ge=1)
    spill: str | None = Field(default=None, min_length=1)
    keep: str | None = Field(default=".engagement_ml", min_length=1)
