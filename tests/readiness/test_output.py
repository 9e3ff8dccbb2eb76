"""What a check prints and writes: exit statuses, the JSON document, the page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from engagement_ml.cli.app import app
from engagement_ml.cli.check import show_check
from engagement_ml.readiness import CheckResult, Fault, markdown_page
from tests.readiness.conftest import SETTINGS

KEYS = ["format", "usable", *(field.name for field in dataclasses.fields(CheckResult))]


@pytest.fixture(scope="module")
def folder(shop_frames, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("check")
    for name, frame in shop_frames.items():
        frame.to_parquet(folder / f"{name}.parquet")
    sources = {name: f"{name}.parquet" for name in shop_frames}
    for name, keys in {
        "shop": {},
        "wrong": {"behaviours": {"call": {}}, "segments": ["x"]},
    }.items():
        content = {**SETTINGS, "sources": sources, **keys}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    (folder / "broken.yaml").write_text("name: a\nname: b\nwindws: {}\nrandom_seed: -1\n")
    return folder


def run(*arguments: object):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_sound_tables_exit_with_0_and_nothing_is_written(folder):
    before = sorted(folder.rglob("*"))
    ran = run(folder / "shop.yaml")
    assert ran.exit_code == 0, ran.output
    assert ran.stderr == ""
    titles = ("Nothing would stop training.", "What an effect must be to be found",
              "Outcomes and measures", "Data maturity: level", "What to record next")  # fmt: skip
    assert [title for title in titles if title not in ran.stdout] == []
    assert sorted(folder.rglob("*")) == before
    assert all(len(line) <= 80 for line in ran.stdout.splitlines())


def test_faults_exit_with_2_and_are_a_line_each(folder):
    ran = run(folder / "wrong.yaml", "--quiet")
    assert (ran.exit_code, ran.stdout) == (2, "")
    lines = ran.stderr.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "error"]
    assert ["'segments'" in lines[0], "'behaviours.call'" in lines[1]] == [True, True]


def test_every_fault_of_the_configuration_is_named(folder):
    ran = run(folder / "broken.yaml", "--json")
    assert ran.exit_code == 2
    document = json.loads(ran.stdout)
    assert (document["usable"], document["name"]) == (False, None)
    found = "\n".join(fault["message"] for fault in document["faults"])
    for text in ("'name' is given twice", "unknown key 'windws'", "key 'random_seed'"):
        assert text in found
    assert len(document["faults"]) == 3


def test_no_configuration_is_an_error_of_one_line(folder):
    ran = run(folder / "none.yaml", "--json")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "no such file" in ran.stderr


def test_the_json_document(folder, checked):
    target = folder / "out" / "check.json"
    ran = run(folder / "shop.yaml", "--json", "--output", target)
    document = json.loads(ran.stdout)
    assert json.loads(target.read_text(encoding="utf-8")) == document
    assert list(document) == KEYS
    assert document["format"] == 1
    assert document["variation"] == checked.to_dict()["variation"]
    assert {table["table"]: table["rows_read"] for table in document["tables"]} == {
        table.table: table.rows_read for table in checked.tables
    }


def test_the_reference_names_every_field(checked):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "check-json.md").read_text()

    def names(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {n for each in value.values() for n in names(each)}
        return {n for each in value for n in names(each)} if isinstance(value, list) else set()

    assert {name for name in names(checked.to_dict()) if f"`{name}`" not in page} == set()


def test_the_page_is_markdown_whatever_the_names_are(folder, checked):
    target = folder / "page.md"
    assert run(folder / "shop.yaml", "--quiet", "--output", target).exit_code == 0
    page = target.read_text(encoding="utf-8")
    assert page.startswith("# Data of shop\n")
    for level in checked.maturity.levels:
        assert f"| {level.level} {level.name} | " in page
    odd = dataclasses.replace(checked, name="a|b<i>", faults=(Fault(None, "column 'x|_y_'"),))
    assert "# Data of a\\|b&lt;i>" in markdown_page(odd)
    assert "column 'x\\|\\_y\\_'" in markdown_page(odd).lower()


def test_faults_alone_can_be_shown(capsys):
    show_check(CheckResult(None, faults=(Fault(None, "key 'name' is missing"),)))
    assert capsys.readouterr().out == "1 fault would stop training.\n"


def test_maturity_grows_with_what_is_recorded(checked):
    levels = checked.maturity.levels
    assert [level.level for level in levels] == [1, 2, 3, 4, 5]
    assert [level.reached for level in levels] == sorted(
        (level.reached for level in levels), reverse=True
    )
    assert checked.maturity.next == levels[checked.maturity.level].missing
    supported = {each.name: each.supported for each in checked.outcomes}
    assert supported["profit"]
    assert supported["tenure"]
    assert not supported["surveys"]
    assert all(each.supported != bool(each.missing) for each in checked.outcomes)
