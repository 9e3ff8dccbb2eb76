"""The command `sql`."""

from __future__ import annotations

from typing import Annotated

import typer

from engagement_ml.cli.options import Customers, Debug, LogLines, Model, TrackingUri, Verbose
from engagement_ml.cli.terminal import command

EXAMPLE = (
    "engagement-ml sql runs/demo events --as-of 2024-09-01 --event-id event_id --dialect snowflake",
)


def sql(
    model: Model,
    table: Annotated[
        str,
        typer.Argument(help="Table of events, or of counts without --as-of, such as mart.events."),
    ],
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Date of the score, YYYY-MM-DD; only earlier events count. "
            "[default: the table holds counts]",
            show_default=False,
        ),
    ] = None,
    dialect: Annotated[
        str,
        typer.Option(
            help="duckdb, spark, postgres, bigquery, snowflake, or another that sqlglot knows."
        ),
    ] = "duckdb",
    customers: Customers = None,
    event_id: Annotated[
        str | None,
        typer.Option(
            help="Column of event ids, of which repeats do not count. "
            "[default: that of the configuration]",
            show_default=False,
        ),
    ] = None,
    tracking_uri: TrackingUri = None,
    verbose: Verbose = False,
    log_format: LogLines = None,
    debug: Debug = False,
) -> None:
    """Print the SQL query that scores customers in a database."""
    with command(quiet=True, verbose=verbose, debug=debug, log_format=log_format):
        from engagement_ml.workflow import sql as write_sql

        query = write_sql(
            model,
            table,
            as_of=as_of,
            dialect=dialect,
            customers=customers,
            event_id=event_id,
            tracking_uri=tracking_uri,
        )
        typer.echo(query)
