from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.text import Text

from engagement_ml.report import print_summary, summary_lines

Record = dict[str, Any]


def shown(record: Record, *, width: int = 80, colour: bool = False, **options: Any) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, color_system="truecolor" if colour else None,
        force_terminal=colour, legacy_windows=False,
    )  # fmt: skip
    print_summary(record, console=console, **options)
    return stream.getvalue()


def test_it_says_what_was_found_and_where(record: Record) -> None:
    text = shown(record, output="runs/shop/1")
    words = " ".join(text.split())
    for expected in (
        "Three behaviours move margin: Tutorial finished, Advisor call and Wish list.",
        "Tutorial finished 46.3 41.0 to 51.9 €6.42 (€5.22 to €7.62)",
        "1 page_view vanity", "Coupon used harmful",
        "This metric 0.31 0.21", "Total events 0.46 0.02",
        "Report runs/shop/1/report.html",
        "Model shop-engagement, version 3, alias challenger",
        "Next engagement-ml score models:/shop-engagement/3 events.parquet",
    ):  # fmt: skip
        assert expected in words


def test_it_fits_eighty_columns_but_breaks_nothing_to_be_copied(record: Record) -> None:
    folder = "runs/" + "deep/" * 30
    lines = shown(record, output=folder, width=200).splitlines()
    assert f"Report  {folder}report.html" in lines
    others = [line for line in lines if not line.startswith(("Report", "Next"))]
    assert max(len(line.rstrip()) for line in others) <= 80
    assert len(lines) < 50


def test_colour_adds_nothing_but_colour(record: Record) -> None:
    plain, coloured = shown(record), shown(record, colour=True)
    assert "\x1b[" not in plain
    assert "\x1b[" in coloured
    assert Text.from_ansi(coloured).plain.split() == plain.split()


def test_an_abstention_names_the_other_choice(abstention: Record) -> None:
    text = " ".join(shown(abstention).split())
    assert text.startswith("No behaviour could be shown to move margin. Therefore there is no")
    assert "Next set 'select: {require: indicator}' in the configuration and train again" in text
    assert "This metric" not in text


def test_an_indicator_says_that_it_is_no_proof(indicator: Record) -> None:
    text = " ".join(shown(indicator).split())
    assert "is no proof that raising it raises margin" in text
    assert "one more event is worth" not in text


def test_names_neither_colour_nor_drive_the_terminal(record: Record) -> None:
    record["drivers"][4]["label"] = "[red]page[/red] \x1b[31mview\x07"
    text = shown(record)
    assert "[red]page[/red]" in " ".join(text.split())
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_drivers_of_the_usual_ranking_are_not_called_misleading(record: Record) -> None:
    for row in record["drivers"]:
        row["verdict"] = "driver"
    assert "but not shown to raise it" not in shown(record)


def test_the_next_command_can_be_given(record: Record) -> None:
    assert "Next    engagement-ml evaluate runs/1" in shown(
        record, next_command="engagement-ml evaluate runs/1"
    )


def test_without_a_registered_model_the_folder_is_scored_with(record: Record) -> None:
    record["registered"] = None
    text = shown(record, output="runs/1")
    assert "Model " not in text
    assert "engagement-ml score runs/1 events.parquet" in text


def test_any_record_can_be_summed_up(any_record: Record) -> None:
    assert summary_lines(any_record)
    assert shown(any_record, width=40)


def test_the_two_columns_of_the_comparison_are_explained(record: Record) -> None:
    lines = shown(record).splitlines()
    (head,) = [line for line in lines if line.startswith("rank correlation")]
    assert head.split("  ")[-2:] == ["predicts", "moves with margin"] or head.endswith(
        "moves with margin"
    )
    text = " ".join(" ".join(lines).split())
    assert "predicts: do customers with a higher score bring more margin later?" in text
    assert "moves with margin: when a customer's score changes, does their margin follow?" in text
    (metric,) = [line.rstrip() for line in lines if line.startswith("This metric")]
    assert metric.index("0.31") + 4 == head.index("predicts") + len("predicts")
    assert len(metric) == len(head.rstrip())


def test_one_behaviour_has_no_weights_to_compare(single: Record) -> None:
    text = " ".join(shown(single).split())
    assert "One behaviour moves margin: Tutorial finished." in text
    assert "The metric turns it into a score from 0 to 100. It was chosen because" in text
    assert "100.0" not in text
    assert "equal weights" not in text
