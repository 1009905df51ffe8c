"""The card of an exported model, README.md in the layout of the Hugging Face Hub."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from torch import nn

from ..errors import printable
from .plain import PlainModel


@dataclass(frozen=True)
class CardScore:
    """A score on the card.

    Attributes
    ----------
    column, title : str
        Its name in tables, and what people call it.
    metric : str or None
        The metric that it is of, where a metric of the suite made it.
    value : float
        The score.
    chance, ceiling : float or None
        What codes that know nothing and perfect codes get, where that is known.
    """

    column: str
    title: str
    metric: str | None
    value: float
    chance: float | None = None
    ceiling: float | None = None


def model_card(
    model: PlainModel,
    *,
    title: str,
    kind: str,
    dataset: str,
    license_id: str,
    facts: Sequence[tuple[str, object]],
    scores: Sequence[CardScore],
) -> str:
    """Return a model card.

    Parameters
    ----------
    model : PlainModel
        The model.
    title : str
        What the model is called.
    kind, dataset : str
        Of which kind it is, and the name of what it was trained on.
    license_id : str
        An identifier of the Hub, such as "apache-2.0" or "unknown".
    facts : sequence of (str, object)
        How it was trained: what a row is of, and what it says.
    scores : sequence of CardScore
        What it scored.

    Returns
    -------
    str
        Markdown behind YAML that the Hub reads.
    """
    front = {
        "library_name": "disbench",
        "license": license_id,
        "tags": list(dict.fromkeys(["disentanglement", "representation-learning", kind, dataset])),
        "metrics": list(dict.fromkeys(score.metric for score in scores if score.metric)),
        "model-index": [{"name": title, "results": _results(dataset, scores)}] if scores else [],
    }
    parts = [
        f"---\n{_yaml({key: value for key, value in front.items() if value})}---",
        f"# {_text(title)}",
        _about(model),
        f"## With disbench\n\n{_python(_with_disbench(model))}",
        f"## Without disbench\n\n{_python(_without_disbench(model))}",
        f"## Training\n\n{_table(('', ''), facts)}",
        f"## Scores\n\n{_scores(scores)}",
    ]
    return "\n\n".join(parts) + "\n"


def _about(model: PlainModel) -> str:
    size, n_latents = "×".join(map(str, model.image_shape)), model.n_latents
    if model.encoder is not None:
        does = f"encodes images of {size} in {n_latents} latents and decodes them"
    else:
        does = f"decodes {n_latents} latents, one for each factor, to images of {size}"
    return (
        f"A model of disbench, a benchmark of disentangled representations. It {does}; pixels are "
        f"in [0, 1]."
    )


def _with_disbench(model: PlainModel) -> str:
    return (
        "from disbench.bench import load_exported  # pip install 'disbench[export]'\n"
        "import torch\n\n"
        'model = load_exported(".")  # this folder; huggingface_hub.snapshot_download brings it\n'
        f"{_use(model, 'model.encode(images)', 'model.decode(codes)')}"
    )


def _without_disbench(model: PlainModel) -> str:
    networks = {
        name: network
        for name, network in (("encoder", model.encoder), ("decoder", model.decoder))
        if network is not None
    }
    built = "\n".join(f"{name} = {_layers(network)}" for name, network in networks.items())
    named = ", ".join(f'"{name}": {name}' for name in networks)
    return (
        "import torch\n"
        "from safetensors.torch import load_file\n"
        "from torch import nn\n\n"
        f"{built}\n"
        f"model = nn.ModuleDict({{{named}}})\n"
        'model.load_state_dict(load_file("model.safetensors"))\n'
        f"{_use(model, 'encoder(images).chunk(2, dim=1)', 'decoder(codes).sigmoid()')}"
    )


def _use(model: PlainModel, encoded: str, decoded: str) -> str:
    if model.encoder is None:
        codes = f"codes = torch.zeros(1, {model.n_latents})"
    else:
        shape = ", ".join(map(str, model.image_shape))
        codes = (
            f"images = torch.rand(1, {shape})  # yours, in [0, 1]\n"
            f"means, logvars = {encoded}\n"
            "codes = means"
        )
    return f"{codes}\npictures = {decoded}"


def _layers(network: nn.Sequential) -> str:
    # What a layer of PyTorch prints is what makes it.
    lines = "".join(f"    nn.{layer!r},\n" for layer in network)
    return f"nn.Sequential(\n{lines})"


def _scores(scores: Sequence[CardScore]) -> str:
    if not scores:
        return "It has not been scored."
    rows = [
        (score.title, *(_number(part) for part in (score.value, score.chance, score.ceiling)))
        for score in scores
    ]
    return (
        f"{_table(('score', 'value', 'chance', 'ceiling'), rows)}\n\n"
        "Chance is what codes that know nothing get, the ceiling what perfect ones do."
    )


def _results(dataset: str, scores: Iterable[CardScore]) -> list[dict[str, Any]]:
    """Return the scores as the Hub's leaderboards read them."""
    return [
        {
            "task": {"type": "disentanglement"},
            "dataset": {"type": dataset, "name": dataset},
            "metrics": [
                {"type": score.column, "name": score.title, "value": score.value}
                for score in scores
            ],
        }
    ]


def _yaml(front: dict[str, Any]) -> str:
    text = io.StringIO()
    YAML().dump(front, text)
    return text.getvalue()


def _python(code: str) -> str:
    return f"```python\n{code}\n```"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_text(cell) for cell in line)} |" for line in lines)


def _text(value: object) -> str:
    """Return a text that Markdown shows as it is: names may be anybody's."""
    text = printable(str(value)).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", text)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
