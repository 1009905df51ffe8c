"""Where capacity went: the KL of every latent, and the path over the rate–distortion plane."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..analysis import Diagnosis, settings
from ..tables import by_dataset
from ._base import COLOURS, GREY, INK, MAX_PANELS, Drawn, FigureInfo, stem
from ._labels import LINE, SIZE, label, label_points, text_width
from ._layout import Entry, sheet
from ._names import short_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..analysis import Study

# A segment narrower than this part of the axis has no room for its number.
_LEAST_TEXT = 0.08
# The first segments of a bar are so strong that their numbers are white.
_STRONG = 2


def draw(study: Study) -> Iterator[Drawn]:
    """Yield a figure for each set of comparable capacity runs."""
    parts: dict[int, list[Diagnosis]] = {}
    headings = {
        run_id: ", ".join(filter(None, (heading, setting)))
        for heading, part in by_dataset(study.tables.runs)
        for setting, alike in settings(part[part["kind"] == "capacity_vae"])
        for run_id in alike["run_id"]
    }
    for diagnosis in study.diagnoses:
        parts.setdefault(diagnosis.setting, []).append(diagnosis)
    for diagnoses in parts.values():
        heading = headings[diagnoses[0].run["run_id"]]
        groups, shared = _groups(diagnoses)
        shown = dict(list(groups.items())[:MAX_PANELS])
        strengths = _strengths(len(shown))
        drawing = sheet(
            ["final code", "during training", "slope, and γ"],
            3,
            (2.5, max(2.0, _row(shown) * (len(shown) + 1))),
            left=max(0.66, 0.2 + max(text_width(label(name)) for name in shown)),
            legend=_lines(shown, strengths),
        )
        bars, plane, slope = drawing.axes
        _bars(bars, shown)
        _plane(plane, study, shown, strengths)
        _slope(slope, shown)
        verdicts = [diagnosis.verdict for diagnosis in diagnoses]
        counted = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
        left_out = len(groups) - len(shown)
        more = f" ({left_out} more models in the table)" if left_out else ""
        yield Drawn(
            name=stem("capacity-doctor", heading),
            title=f"{heading}: where the capacity went{more}",
            alt=(
                "KL of every latent, reconstruction against KL during training and the slope of "
                f"the frontier beside γ, for {len(diagnoses)} capacity runs on {heading}: "
                f"{counted}."
            ),
            figure=drawing.figure,
            dataset=str(diagnoses[0].run["dataset"]),
            note=f"All {shared}." if shared else "",
            parts=drawing.parts,
        )


def _groups(diagnoses: Sequence[Diagnosis]) -> tuple[dict[str, list[Diagnosis]], str]:
    """Return the models by name, and what they have in common."""
    groups: dict[str, list[Diagnosis]] = {}
    for diagnosis in diagnoses:
        groups.setdefault(diagnosis.run["label"], []).append(diagnosis)
    names, shared = short_names(list(groups))
    # All are of one kind.
    short = [name.removeprefix("capacity ") for name in names]
    return dict(zip(short, groups.values(), strict=True)), shared


def _row(names: Iterable[str]) -> float:
    """Return the inches between two bars: room for a name in lines."""
    return max(0.3, LINE * (1 + max(label(name).count("\n") + 1 for name in names)))


def _strengths(n: int) -> list[float]:
    """Return n opacities of the objective's colour, high to low."""
    return [1 - 0.6 * rank / max(n - 1, 1) for rank in range(n)]


def _lines(groups: dict[str, list[Diagnosis]], strengths: Sequence[float]) -> list[Entry]:
    colour = COLOURS["capacity_vae"]
    return [
        (None, "during training"),
        *(
            (Line2D([], [], color=colour, alpha=strength, marker="D", markersize=4), name)
            for name, strength in zip(groups, strengths, strict=True)
        ),
        (Line2D([], [], color=INK, linewidth=1.2), "frontier of all"),
        (Line2D([], [], color=GREY, linewidth=1, linestyle="--"), "no code"),
    ]


def _bars(axes: Axes, groups: dict[str, list[Diagnosis]]) -> None:
    """Draw a bar for each model, and one for β = 1, of its latents' KL from large to small."""
    rows: list[tuple[str, NDArray[np.float64], str]] = [
        (
            name,
            np.mean([one.measured.latents for one in members], axis=0),
            COLOURS["capacity_vae"],
        )
        for name, members in groups.items()
    ]
    reference = next(iter(groups.values()))[0].measured.reference
    if len(reference.latents):
        rows.append(("β = 1", reference.latents, GREY))
    longest = max(latents.sum() for _, latents, _ in rows)
    for place, (_, latents, colour) in enumerate(rows):
        left = 0.0
        for rank, kl in enumerate(latents):
            axes.barh(
                place,
                kl,
                left=left,
                color=colour,
                alpha=max(0.3, 1 - 0.12 * rank),
                height=0.72,
            )
            # Between latents; an edge would be as faint as its bar.
            axes.vlines(left + kl, place - 0.36, place + 0.36, color="white", linewidth=0.8)
            if kl > _LEAST_TEXT * longest:
                axes.text(
                    left + kl / 2,
                    place,
                    f"{kl:.1f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if rank < _STRONG else INK,
                )
            left += kl
    axes.set_yticks(range(len(rows)), [label(name) for name, _, _ in rows], fontsize=SIZE)
    # A single bar is no higher than one of three.
    axes.set_ylim(max(len(rows), 3) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("KL of each latent, largest first (nats)")


def _plane(
    axes: Axes, study: Study, groups: dict[str, list[Diagnosis]], strengths: Sequence[float]
) -> None:
    """Draw reconstruction against KL during training, with the frontier of all like runs."""
    history = study.tables.history
    seen = next(iter(groups.values()))[0].measured.seen
    colour = COLOURS["capacity_vae"]
    for members, strength in zip(groups.values(), strengths, strict=True):
        for one in members:
            rows = history[history["run_id"] == one.run["run_id"]]
            axes.plot(
                rows["kl"], rows["reconstruction"], color=colour, linewidth=0.9, alpha=strength
            )
            axes.plot(
                one.measured.final_kl,
                one.measured.reconstruction,
                "D",
                color=colour,
                markersize=4,
                alpha=strength,
            )
    axes.plot(seen.rates, seen.distortions, color=INK, linewidth=1.2)
    top = seen.plateau
    if math.isfinite(top):
        axes.axhline(top, color=GREY, linewidth=1, linestyle="--")
    elif len(seen.distortions):
        top = float(seen.distortions[0])
    # The first steps, far above, would press everything else into a line.
    axes.set_ylim(0, 1.15 * top if top > 0 else None)
    axes.set_xlabel("rate: KL (nats per image)")
    axes.set_ylabel("reconstruction (nats)")


def _slope(axes: Axes, groups: dict[str, list[Diagnosis]]) -> None:
    """Draw the slope of the frontier against KL, with a line for every γ."""
    seen = next(iter(groups.values()))[0].measured.seen
    if len(seen.slopes):
        axes.stairs(seen.slopes, seen.rates, baseline=None, color=INK, linewidth=1.3)
    axes.set_yscale("log")
    # A nat that gains less than itself is of no use to any objective here.
    gammas = sorted({one.measured.gamma for members in groups.values() for one in members} - {0.0})
    axes.set_ylim(0.5, 2 * max([1.0, *seen.slopes, *gammas]))
    left, right = axes.get_xlim()
    axes.set_xlim(left, right)
    lines = [np.array([(left, gamma), (right, gamma)]) for gamma in gammas]
    for line in lines:
        axes.plot(*line.T, color=COLOURS["capacity_vae"], linewidth=1.1, linestyle="--")
    if len(seen.slopes):
        lines.append(np.column_stack([np.repeat(seen.rates, 2)[1:-1], np.repeat(seen.slopes, 2)]))
    # What has no room is read off the axis.
    label_points(axes, [(f"γ = {gamma:g}", right, gamma) for gamma in gammas], lines)
    axes.set_xlabel("rate: KL (nats per image)")
    axes.set_ylabel("slope of the frontier, −dD/dR")


DOCTOR = FigureInfo(
    name="capacity-doctor",
    title="Where the capacity went",
    caption=(
        "Left: KL of each latent of the final code, mean over seeds by rank, above that of β = 1. "
        "Middle: training on the rate–distortion plane, with a diamond for the final weights and "
        "the lower hull of all runs of these settings. Right: the slope of that hull; where it is "
        "above γ, KL beyond C gains more than it costs."
    ),
    draw=draw,
)
