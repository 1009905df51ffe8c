"""A metric of one's own on codes from elsewhere: only if it is allowed, and by today's source."""

import pickle

import numpy as np
import pytest

import datasets
from bench import Evaluator, load_results, score
from bench.errors import GridError
from bench.score import main
from tests.bench.own_examples import forget, write_modules

METRICS = [{"spread": "my_metrics:spread"}]
BALL = {"image_size": 16, "shape": "disc", "radius": 3, "grid_size": 8}
RNG = np.random.default_rng(0)
FACTORS = np.indices((4, 4)).reshape(2, -1).T


def _encode(images):
    return images.reshape(len(images), -1)[:, :3].astype(np.float64) + np.arange(3), None


@pytest.fixture
def file(tmp_path):
    """Return the path of a file of codes."""
    path = tmp_path / "mine.npz"
    np.savez(path, means=RNG.standard_normal((16, 2)).astype(np.float32), factors=FACTORS)
    return path


def _score_file(file, *options, metrics="spread=my_metrics:spread,irs"):
    return main([str(file), "--out", str(file.parent / "out"), "--metrics", metrics, *options])


def _spread(file):
    return load_results(file.parent / "out").runs["spread"].tolist()


def test_from_python_it_needs_a_keyword_which_the_message_names(own_modules, tmp_path):
    ball = datasets.load("ball", **BALL)
    for call in (
        lambda **given: score(_encode, ball, metrics=METRICS, **given),
        lambda **given: Evaluator(ball, metrics=METRICS, **given),
    ):
        with pytest.raises(GridError, match=r"my_metrics:spread is code .* allow_imports=True"):
            call()
    expected = _encode(ball.images(np.arange(len(ball))))[0].var(axis=0).sum()
    table = score(_encode, ball, metrics=METRICS, allow_imports=True).scores.set_index("metric")
    assert table.loc["spread", "value"] == pytest.approx(expected)
    evaluate = Evaluator(ball, metrics=METRICS, images="all", allow_imports=True)
    assert evaluate(_encode) == {"spread": pytest.approx(expected)}
    assert evaluate(_encode).chance == {}
    # It goes to another process as it is.
    text = pickle.dumps(evaluate)
    forget()
    assert pickle.loads(text)(_encode) == {"spread": pytest.approx(expected)}


def test_from_the_command_line_it_needs_a_flag_which_the_message_names(own_modules, file, capsys):
    assert _score_file(file) == 2
    said = capsys.readouterr().err
    assert "--metrics: metrics.0: my_metrics:spread is code from outside" in said
    assert "--allow-imports" in said
    assert not (file.parent / "out").exists()
    assert _score_file(file, "--allow-imports") == 0
    assert "spread: " in capsys.readouterr().out
    means = np.load(file)["means"]
    assert _spread(file) == pytest.approx([means.var(axis=0).sum()])


def test_a_changed_source_is_scored_anew(own_modules, file, tmp_path):
    other = file.with_name("other.npz")
    np.savez(other, means=RNG.standard_normal((16, 2)).astype(np.float32), factors=FACTORS)
    for one in (file, other):
        assert _score_file(one, "--allow-imports") == 0
    write_modules(own_modules, my_metrics="def spread(means):\n    return 7\n")
    assert _score_file(file, "--allow-imports") == 0
    # What is not scored now has no score in that column.
    assert sorted(_spread(file), key=str) == [7.0, pytest.approx(np.nan, nan_ok=True)]


@pytest.mark.parametrize("entry", ["spread=my_metrics", "spread=", "=my_metrics:spread"])
def test_what_names_no_function_is_refused(own_modules, file, capsys, entry):
    assert _score_file(file, "--allow-imports", metrics=entry) == 2
    assert "error: --metrics: " in capsys.readouterr().err


def test_a_metric_without_a_name_for_its_column_says_how_to_give_it_one(own_modules, file, capsys):
    assert _score_file(file, "--allow-imports", metrics="my_metrics:spread") == 2
    assert "needs a name for its column: {mine: my_metrics:spread}" in capsys.readouterr().err
