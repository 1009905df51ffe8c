"""Where capacity went: the KL of every latent, and the path over the rate–distortion plane."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import Diagnosis
from ..tables import by_dataset
from ._base import COLOURS, GREY, MAX_PANELS, Drawn, FigureInfo, panels, stem

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..analysis import Study

# A segment narrower than this part of the axis has no room for its number.
_LEAST_TEXT = 0.055


def draw(study: Study) -> Iterator[Drawn]:
    """Yield a figure for each set of comparable capacity runs."""
    parts: dict[int, list[Diagnosis]] = {}
    headings = {
        run_id: heading
        for heading, part in by_dataset(study.tables.runs)
        for run_id in part["run_id"]
    }
    for diagnosis in study.diagnoses:
        parts.setdefault(diagnosis.setting, []).append(diagnosis)
    places: dict[str, int] = {}
    for diagnoses in parts.values():
        heading = headings[diagnoses[0].run["run_id"]]
        place = places[heading] = places.get(heading, 0) + 1
        groups = _groups(diagnoses)
        shown = dict(list(groups.items())[:MAX_PANELS])
        figure, (bars, plane, slope) = panels(3, 3, 3.9, max(2.9, 0.9 + 0.34 * len(shown)))
        colours = _colours(len(shown))
        _bars(bars, shown, colours)
        _plane(plane, study, shown, colours)
        _slope(slope, shown)
        verdicts = [diagnosis.verdict for diagnosis in diagnoses]
        counted = ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))
        left_out = len(groups) - len(shown)
        more = f" ({left_out} more models in the table)" if left_out else ""
        yield Drawn(
            name=stem("capacity-doctor", heading, *([str(place)] if place > 1 else [])),
            title=f"{heading}: where the capacity went{more}",
            alt=(
                "KL of every latent, reconstruction against KL during training and the slope of "
                f"the frontier beside γ, for {len(diagnoses)} capacity runs on {heading}: "
                f"{counted}."
            ),
            figure=figure,
            dataset=str(diagnoses[0].run["dataset"]),
        )


def _groups(diagnoses: Sequence[Diagnosis]) -> dict[str, list[Diagnosis]]:
    groups: dict[str, list[Diagnosis]] = {}
    for diagnosis in diagnoses:
        groups.setdefault(diagnosis.run["label"], []).append(diagnosis)
    return groups


def _colours(n: int) -> list[tuple[float, float, float]]:
    """Return n shades of the capacity objective's colour, dark to light."""
    base = np.array([int(COLOURS["capacity_vae"][i : i + 2], 16) / 255 for i in (1, 3, 5)])
    scales = np.linspace(0.55, 1, n) if n > 1 else [1.0]
    return [tuple(float(v) for v in base * scale) for scale in scales]  # type: ignore[misc]


def _bars(
    axes: Axes, groups: dict[str, list[Diagnosis]], colours: Sequence[tuple[float, float, float]]
) -> None:
    """Draw a bar for each model, and one for β = 1, of its latents' KL from large to small."""
    rows: list[tuple[str, NDArray[np.float64], Any]] = [
        (label, np.mean([one.measured.latents for one in members], axis=0), colour)
        for (label, members), colour in zip(groups.items(), colours, strict=True)
    ]
    reference = next(iter(groups.values()))[0].measured.reference
    if len(reference.latents):
        rows.append(("β = 1", reference.latents, COLOURS["vae"]))
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
                edgecolor="white",
                linewidth=0.8,
            )
            if kl > _LEAST_TEXT * longest:
                axes.text(
                    left + kl / 2,
                    place,
                    f"{kl:.1f}",
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    color="white" if rank < 4 else "black",
                )
            left += kl
    axes.set_yticks(range(len(rows)), [label.replace(", ", "\n") for label, _, _ in rows])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("KL of each latent, largest first (nats)")
    axes.set_title("final code")


def _plane(
    axes: Axes,
    study: Study,
    groups: dict[str, list[Diagnosis]],
    colours: Sequence[tuple[float, float, float]],
) -> None:
    """Draw reconstruction against KL during training, with the frontier of all like runs."""
    history = study.tables.history
    seen = next(iter(groups.values()))[0].measured.seen
    for (label, members), colour in zip(groups.items(), colours, strict=True):
        for rank, one in enumerate(members):
            rows = history[history["run_id"] == one.run["run_id"]]
            axes.plot(
                rows["kl"],
                rows["reconstruction"],
                color=colour,
                linewidth=0.9,
                alpha=0.7,
                label=label if rank == 0 else None,
            )
            axes.plot(
                one.measured.final_kl, one.measured.reconstruction, "D", color=colour, markersize=4
            )
    axes.plot(seen.rates, seen.distortions, color="black", linewidth=1.2, label="frontier of all")
    top = seen.plateau
    if math.isfinite(top):
        axes.axhline(top, color=GREY, linewidth=1, linestyle="--", label="no code")
    elif len(seen.distortions):
        top = float(seen.distortions[0])
    # The first steps, far above, would press everything else into a line.
    axes.set_ylim(0, 1.15 * top if top > 0 else None)
    axes.set_xlabel("rate: KL (nats per image)")
    axes.set_ylabel("distortion: reconstruction (nats)")
    axes.set_title("during training")
    axes.legend(fontsize=6.5)


def _slope(axes: Axes, groups: dict[str, list[Diagnosis]]) -> None:
    """Draw the slope of the frontier against KL, with a line for every γ."""
    seen = next(iter(groups.values()))[0].measured.seen
    if len(seen.slopes):
        axes.stairs(seen.slopes, seen.rates, baseline=None, color="black", linewidth=1.3)
    axes.set_yscale("log")
    # A nat that gains less than itself is of no use to any objective here.
    gammas = sorted({one.measured.gamma for members in groups.values() for one in members} - {0.0})
    axes.set_ylim(0.5, 2 * max([1.0, *seen.slopes, *gammas]))
    for gamma in gammas:
        axes.axhline(gamma, color=COLOURS["capacity_vae"], linewidth=1.1, linestyle="--")
        axes.annotate(
            f"γ = {gamma:g}",
            (1, gamma),
            xycoords=("axes fraction", "data"),
            fontsize=7,
            ha="right",
            va="bottom",
            color=COLOURS["capacity_vae"],
        )
    axes.set_xlabel("rate: KL (nats per image)")
    axes.set_ylabel("slope of the frontier, −dD/dR")
    axes.set_title("slope, and γ")


DOCTOR = FigureInfo(
    name="capacity-doctor",
    title="Where the capacity went",
    caption=(
        "Left: KL of every latent of the final code, mean over seeds by rank, beside the β = 1 "
        "runs that have a code. Middle: reconstruction against KL during training, thin for every "
        "seed, a diamond for the final weights; black: the lower convex hull of all runs of these "
        "settings; dashed: the reconstruction without a code. Right: the slope −dD/dR of that "
        "hull. Where it is above γ (dashed), KL beyond C gains more than it costs, and KL runs "
        "above C."
    ),
    draw=draw,
)
