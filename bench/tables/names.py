"""Names of models: by what tells them apart in their dataset; what they share is said once.

A name is the kind with its hyper-parameters. A further setting stands in it only where it is not
the usual one, which more than half of the models have that it is compared with. So names and
`shared_settings` together say everything.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ..grid import KINDS, FactorChannelSpec, VAESpec, as_written, short_name

Model = Mapping[str, Any]
# What a name says of a setting: a text with the value in braces.
WORDS = {
    "steps": "{:,} steps",
    "anneal_steps": "annealed over {:,} steps",
    "warm_up_steps": "warmed up over {:,} steps",
    "batch_size": "batches of {:,}",
    "learning_rate": "learning rate {:g}",
    "n_latents": "{} latents",
    "likelihood": "{} likelihood",
    "architecture": "{} architecture",
    "initialisation": "{} initialisation",
    "channel_rate": "channel rate {:g}",
    "capacity_start": "C from {:g} nats",
    "k_p": "proportional gain {:g}",
    "k_i": "integral gain {:g}",
    "evaluation_images": "scored on {} images",
    "evaluation_seed": "images of evaluation seed {}",
    "precision": "{}",
}
# The same where the value is 0.
_WITHOUT = {"warm_up_steps": "no warm-up"}
_PROPER = {
    "bernoulli": "Bernoulli",
    "burgess": "Burgess",
    "gaussian": "Gaussian",
    "kaiming": "Kaiming",
    "locatello": "Locatello",
    "pytorch": "PyTorch",
}
_STRUCTURE = ("kind", "dataset", "seed", "evaluation", "name", "content")
# Settings of single kinds that have words of their own.
_OF_SOME = ("anneal_steps", "warm_up_steps", "channel_rate", "capacity_start", "k_p", "k_i")
# What tells nothing where most models have it: the images of every start, and no warm-up.
_UNSAID = (("evaluation_seed", 0), ("warm_up_steps", 0))
# What trained models have whatever their objective, in the order in which it is said.
TRAINING = tuple(
    name
    for name in dict.fromkeys((*WORDS, *VAESpec.model_fields))
    if name not in (*_STRUCTURE, *_OF_SOME)
)
# Kinds whose models have names of their own, not made of their settings, and what they are called.
_BY_LABEL = {"codes": "codes from elsewhere", "own": "own objective"}
_FAMILIES = {"VAEs": VAESpec, "factor channels": FactorChannelSpec}


def model_names(runs: pd.DataFrame) -> pd.Series[Any]:
    """Return what the model of every run is called, the same for all of a group and precision.

    Parameters
    ----------
    runs : DataFrame
        As in `Tables.runs`; of several folders too, so that no two models have one name.

    Returns
    -------
    Series
        A text a row. Two groups of a dataset never have the same.
    """
    names: dict[tuple[Any, ...], str] = {}
    for models in _datasets(runs):
        rivals: dict[Any, list[Model]] = {}
        for model in models:
            rivals.setdefault(_family(model) or _text(model), []).append(model)
        for others in rivals.values():
            shared = _usual(others, TRAINING)
            of_kind = {kind: _usual_of(others, kind) for kind in {m["kind"] for m in others}}
            for model in others:
                usual = {**shared, **of_kind[model["kind"]]}
                said = [
                    in_words(name, model[name])
                    for name, value in usual.items()
                    if name in model and model[name] != value
                ]
                names[_identity(model)] = ", ".join([_text(model), *said])
        _tell_codes_apart(models, names)
    texts = [names[_identity(record)] for record in runs[[*_IDENTITY]].to_dict("records")]
    return pd.Series(texts, index=runs.index, dtype=object)


def _tell_codes_apart(models: Sequence[Model], names: dict[tuple[Any, ...], str]) -> None:
    """Change names of codes that are taken: anybody may call codes what a model is called."""
    taken = {names[_identity(model)] for model in models if model["kind"] != "codes"}
    for identity in (_identity(model) for model in models if model["kind"] == "codes"):
        while names[identity] in taken:
            names[identity] += " (codes)"
        taken.add(names[identity])


def shared_settings(runs: pd.DataFrame) -> list[str]:
    """Return sentences with the settings that the names of a dataset's models leave out.

    Parameters
    ----------
    runs : DataFrame
        Rows of `Tables.runs` of one dataset.

    Returns
    -------
    list of str
        For VAEs and for factor channels, where there are any.
    """
    models = [model for part in _datasets(runs) for model in part]
    families = {title: [m for m in models if _family(m) == title] for title in _FAMILIES}
    found = {title: members for title, members in families.items() if members}
    sentences, usually = [], []
    for title, members in found.items():
        everywhere, mostly = _told(members, TRAINING)
        who = "All models" if len(found) == 1 else f"All {title}"
        sentences += [f"{who}: {', '.join(everywhere)}."] if everywhere else []
        usually += mostly
        for kind in dict.fromkeys(model["kind"] for model in members):
            alike = [model for model in members if model["kind"] == kind]
            everywhere, mostly = _told(alike, _own(kind))
            sentences += (
                [f"All {kind_title(kind)} models: {', '.join(everywhere)}."] if everywhere else []
            )
            usually += [f"{kind_title(kind)} models {text}" for text in mostly]
    return sentences + ([f"Unless a name says otherwise: {', '.join(usually)}."] if usually else [])


def _told(models: Sequence[Model], names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return in words what all of the models share, and what only most of them do."""
    everywhere: list[str] = []
    mostly: list[str] = []
    for name, value in _usual(models, names).items():
        if value is not None and (name, value) not in _UNSAID:
            said = everywhere if len(_values(models, name)) == 1 else mostly
            said.append(in_words(name, value))
    return everywhere, mostly


def kind_title(kind: str) -> str:
    """Return what models, or other rows of tables, of a kind are called, without their settings.

    Examples
    --------
    >>> kind_title("beta_vae"), kind_title("codes")
    ('β-VAE', 'codes from elsewhere')
    """
    if kind not in KINDS:
        return kind.replace("_", " ")
    words = [word for word in KINDS[kind].template.split() if not {*"{="} & {*word}]
    return " ".join(words) or _BY_LABEL[kind]


def in_words(setting: str, value: Any) -> str:
    """Return a setting as a reader says it.

    Examples
    --------
    >>> in_words("steps", 15000), in_words("likelihood", "bernoulli"), in_words("my_rate", 0.5)
    ('15,000 steps', 'Bernoulli likelihood', 'my rate 0.5')
    >>> in_words("warm_up_steps", 10_000), in_words("warm_up_steps", 0)
    ('warmed up over 10,000 steps', 'no warm-up')
    """
    value = as_written(value)
    if value == 0 and setting in _WITHOUT:
        return _WITHOUT[setting]
    if isinstance(value, bool | str) or value is None:
        pattern = re.sub(r"{.*}", "{}", WORDS.get(setting, f"{setting.replace('_', ' ')} {{}}"))
        text = f"{int(str(value)):,}" if str(value).isdecimal() else _PROPER.get(str(value), value)
        return short_name(pattern.format(text))
    return WORDS.get(setting, f"{setting.replace('_', ' ')} {{:g}}").format(value)


_IDENTITY = ("dataset", "dataset_options", "group_id", "precision")


def _datasets(runs: pd.DataFrame) -> Iterator[list[Model]]:
    """Yield the models of every dataset, each once, without what does not apply to them."""
    first = runs.drop_duplicates([*_IDENTITY])
    for _, part in first.groupby(["dataset", "dataset_options"], sort=False):
        yield [
            {str(name): as_written(value) for name, value in record.items() if _applies(value)}
            for record in part.to_dict("records")
        ]


def _applies(value: Any) -> bool:
    # NaN does not apply.
    return value is not None and value == value


def _identity(model: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple(model[name] for name in _IDENTITY)


def _family(model: Model) -> str | None:
    """Return with which models it shares its settings; None where names alone are compared."""
    cls = KINDS[model["kind"]]
    return next((title for title, base in _FAMILIES.items() if issubclass(cls, base)), None)


def _text(model: Model) -> str:
    if model["kind"] in _BY_LABEL:
        return str(model.get("label", ""))
    return KINDS[model["kind"]].template.format(**model)


def _own(kind: str) -> Sequence[str]:
    """Return the settings of a kind alone that its name does not have anyway."""
    cls = KINDS[kind]
    left_out = {*TRAINING, *_STRUCTURE}
    return [n for n in cls.model_fields if n not in left_out and f"{{{n}" not in cls.template]


def _usual(models: Sequence[Model], names: Sequence[str]) -> dict[str, Any]:
    """Return the value of every setting that more than half of the models have, None without."""
    usual = {}
    for name in names:
        values = _values(models, name)
        if values:
            value, count = values.most_common(1)[0]
            usual[name] = value if 2 * count > values.total() else None
    return usual


def _usual_of(models: Sequence[Model], kind: str) -> dict[str, Any]:
    """Return the same of the settings that a kind has alone."""
    return _usual([model for model in models if model["kind"] == kind], _own(kind))


def _values(models: Sequence[Model], name: str) -> Counter[Any]:
    return Counter(model[name] for model in models if name in model)
