"""What can be told of own objectives and architectures before anything is trained."""

import re

import pytest
from torch import nn

from bench.errors import GridError, OwnCodeError
from bench.grid.load import parse_grid
from bench.grid.own_checks import check_architecture, check_objective
from bench.training.objective import Learner, Objective
from bench.training.objectives import OBJECTIVES
from tests.bench.own_examples import write_modules


def _control(step, settings):
    return settings["beta"]


def _loss(terms, control, settings):
    return terms.reconstruction


class _Own(Learner):
    def control(self, step):
        return self.settings["beta"]

    def loss(self, terms, control):
        return terms.reconstruction


OTHER = type("Objective", (), {"__module__": "disbench.bench.training.objective"})


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_the_objectives_of_the_suite_pass(objective):
    check_objective("a:b", objective)


def test_a_learner_that_has_its_own_functions_needs_no_others():
    check_objective("a:b", Objective("c", None, None, _Own))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (3, "is no bench.training.objective.Objective, but int: write Objective('beta', control"),
        (_Own, "Objective, but the class _Own: write Objective('beta'"),
        (
            OTHER(),
            "but Objective: it is that of another copy of this package, "
            "disbench.bench.training.objective; write from bench.training.objective import Obj",
        ),
        (
            Objective("weight", _control, _loss),
            "of the curves, not 'weight': write Objective(",
        ),
        (Objective(["beta"], _control, _loss), "control_name 'beta' or 'c'"),
        (Objective("c", _control, 3), ": its loss is int, which is not a function: it is called"),
        (Objective("c", _loss, _loss), ": its control cannot be called with (step, settings): "),
        (Objective("c", _control, _control), "its loss cannot be called with (terms, control, "),
        (
            Objective("c", _control, _loss, nn.Module),
            "Learner as its learner, not <class",
        ),
        (Objective("c", _control, _loss, None), "objective.Learner as its learner, not None"),
    ],
)
def test_what_could_not_begin_to_train_is_refused(found, reason):
    with pytest.raises(OwnCodeError, match=r"^a:b") as refused:
        check_objective("a:b", found)
    assert reason in str(refused.value)


class _Net(nn.Module):
    def __init__(self, image_shape, n_latents, width=8):
        super().__init__()


@pytest.mark.parametrize("found", [_Net, lambda shape, n: None, lambda *given: None])
def test_what_can_be_called_as_an_architecture_passes(found):
    check_architecture("a:b", found)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (3, "is int, which is not a function: it is called with (image_shape, n_latents)"),
        (lambda: 5, "n_latents): too many positional arguments; write def name(image_shape, "),
        (lambda shape, n, depth: 5, "missing a required argument: 'depth'"),
        (lambda shape, *, n_latents: 5, "too many positional arguments"),
        (nn.Flatten(), "is a module, not a function or a class that makes modules for every seed"),
    ],
)
def test_what_cannot_be_called_as_an_architecture_is_refused(found, reason):
    with pytest.raises(OwnCodeError, match=r"^a:b") as refused:
        check_architecture("a:b", found)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ({"kind": "own", "objective": "my_bad:weighed"}, "models.1.objective: my_bad:weighed must"),
        ({"kind": "vae", "architecture": "my_bad:noset"}, "models.1.architecture: my_bad:noset "),
    ],
)
def test_a_grid_is_refused_with_the_place_and_the_name(own_modules, model, path):
    head = "from bench.training.objective import Objective\n"
    body = "def noset():\n    return 5\nweighed = Objective('weight', noset, noset)\n"
    write_modules(own_modules, my_bad=head + body)
    grid = {"name": "g", "datasets": ["ball"], "seeds": [0], "models": [{"kind": "vae"}, model]}
    with pytest.raises(GridError, match=rf"^grid: {re.escape(path)}"):
        parse_grid(grid, allow_imports=True)
