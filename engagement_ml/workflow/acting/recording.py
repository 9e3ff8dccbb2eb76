"""The track record: all lists of a pipeline that were read back, as a page and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engagement_ml.actions.track_record import Moved, TrackRecord, VerdictTest, summarise
from engagement_ml.errors import InputError
from engagement_ml.faults import machine_faults_named
from engagement_ml.sources import new_folder_whole
from engagement_ml.workflow.acting.apart import action_folders
from engagement_ml.workflow.acting.plan import FORMAT, ActionPlan, read_plan
from engagement_ml.workflow.acting.reading_files import RESULT, estimate_of
from engagement_ml.workflow.acting.results import json_text

RECORD_PAGE, RECORD_JSON = "track-record.html", "track-record.json"


@dataclass(frozen=True)
class TrackRecordResult:
    """A track record, and the folder with ``track-record.html`` and ``track-record.json``."""

    record: TrackRecord
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """Return the content of ``track-record.json``."""
        return {"format": FORMAT, **_finite(asdict(self.record))}


@machine_faults_named()
def track_record(folder: str | Path, *, name: str | None = None) -> TrackRecordResult:
    """Sum up all actions in a folder: verdicts confirmed, gains found and predicted, and the page.

    Parameters
    ----------
    folder : path
        The folder that holds the folders of actions, such as ``runs/<name>/actions``. The page and
        its JSON are written into it.
    name : str, optional
        Only lists of this pipeline count; needed if the folder holds lists of several.

    Raises
    ------
    InputError
        If there is no action in it, one cannot be read, or they are of several pipelines.
    OutputError
        If the files cannot be written.

    Examples
    --------
    >>> import engagement_ml as em
    >>> em.track_record("runs/shop/actions").record.confirmed  # doctest: +SKIP
    3
    """
    place = Path(folder)
    plans = {each: read_plan(each) for each in action_folders(place)}
    plans = {each: plan for each, plan in plans.items() if name in (None, plan.name)}
    if not plans:
        of = "" if name is None else f" of '{name}'"
        raise InputError(
            f"{place}: holds no folder of an action{of}; give the folder in which 'act' made them"
        )
    ordered = sorted(plans, key=lambda each: (plans[each].as_of, each.name))
    first = plans[ordered[0]]
    for each in ordered:
        if (plans[each].name, plans[each].currency) != (first.name, first.currency):
            raise InputError(
                f"{each}: is a list of '{plans[each].name}' in {plans[each].currency}, and others "
                f"are of '{first.name}' in {first.currency}; keep them in folders of their own"
            )
    tests: list[VerdictTest] = []
    moved: list[Moved] = []
    read = [each for each in ordered if (each / RESULT).is_file()]
    for each in read:
        raw = _result(each, plans[each])
        tests += _tests(each, plans[each], raw)
        score, margin = estimate_of(raw["score"]), estimate_of(raw["lift"])
        if score is not None and margin is not None:
            moved.append(Moved(each.name, score, margin))
    record = summarise(
        first.name, first.entity, first.currency, len(ordered), len(read), tests, moved
    )
    result = TrackRecordResult(record, place)
    _write(result)
    return result


def _result(folder: Path, plan: ActionPlan) -> Mapping[str, Any]:
    file = folder / RESULT
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        fits = raw["format"] == FORMAT and (raw["name"], raw["as_of"]) == (plan.name, plan.as_of)
        _ = raw["score"], raw["lift"], raw["behaviours"]
    except (OSError, ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise InputError(
            f"{file}: is not the result of this action; read it back again with "
            "'engagement-ml act CONFIG --read'"
        )
    found: Mapping[str, Any] = raw
    return found


def _tests(folder: Path, plan: ActionPlan, raw: Mapping[str, Any]) -> list[VerdictTest]:
    tests = []
    for each in raw["behaviours"]:
        predicted = each["predicted"]
        if each["n_treated"] is None or predicted["value"] is None:
            continue
        tests.append(
            VerdictTest(
                action=folder.name,
                as_of=plan.as_of,
                behaviour=each["behaviour"],
                label=each["label"],
                verdict=each["verdict"],
                reason=each["reason"],
                predicted=predicted["value"],
                predicted_low=predicted["low"],
                predicted_high=predicted["high"],
                n_treated=each["n_treated"],
                n_control=each["n_control"],
                found=estimate_of(each["effect"]),
            )
        )
    return tests


def _write(result: TrackRecordResult) -> None:
    from engagement_ml.report.track_record_page import render_track_record

    with new_folder_whole(result.folder) as temporary:
        page = render_track_record(result.record)
        for name, text in ((RECORD_JSON, json_text(result.to_dict())), (RECORD_PAGE, page)):
            (temporary / name).write_text(text, encoding="utf-8", newline="\n")


def _finite(value: Any) -> Any:
    """Return plain values; a number that is not finite is None."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
