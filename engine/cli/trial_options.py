"""The options of every command that lives through recorded events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Since = Annotated[
    str | None,
    typer.Option("--from", metavar="WHEN", help="Enrol from then on; before it is history."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="WHEN", help="End then; else 30 days after the last."),
]
Customers = Annotated[
    str | None,
    typer.Option("--customers", metavar="SAMPLE", help="So many, 500, or such a part, 10%."),
]
Drafts = Annotated[bool, typer.Option("--drafts", help="Let drafts act as live ones.")]
Seed = Annotated[str, typer.Option("--seed", help="Another one draws another sample.")]
BehaviourFile = Annotated[
    Path | None,
    typer.Option("--behaviour", metavar="FILE", help="What customers do with messages."),
]
Effects = Annotated[
    bool,
    typer.Option("--effects/--no-effects", help="Whether customers react to messages at all."),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", min=1, help="Processes; one for each processor if left out."
    ),
]
Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--codes", metavar="POOL=CODES", help="How many codes a pool has, 500, or their file."
    ),
]
