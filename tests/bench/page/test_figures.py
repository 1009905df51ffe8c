"""Which figures the page has room for."""

from matplotlib.figure import Figure

from bench.page import figures
from bench.page.figures import page_figures
from bench.plots import FIGURES, Drawn

FIRST, SECOND = list(FIGURES)[:2]
OF_MODEL = next(name for name, info in FIGURES.items() if info.of_model)


def _drawn(kind, dataset, n, size, run_id=None):
    drawn = Drawn(
        name=f"{kind}-{dataset}-{n}",
        title=f"{dataset} {n}",
        alt="",
        figure=Figure(),
        dataset=dataset,
        run_id=run_id,
    )
    return kind, drawn, f"<svg {'x' * (size - 5)}"


def _titles(drawings):
    return [
        ([figure.title for figure in kind.figures], kind.left_out)
        for kind in page_figures(drawings).kinds
    ]


def test_every_dataset_comes_before_any_comes_again():
    drawings = [_drawn(FIRST, "ball", n, 10) for n in range(4)]
    drawings += [_drawn(FIRST, "dsprites", n, 10) for n in range(2)]
    expected = ["ball 0", "dsprites 0", "ball 1", "dsprites 1", "ball 2", "ball 3"]
    assert _titles(drawings) == [(expected, 0)]


def test_room_is_shared_among_kinds_and_the_first_of_each_are_always_there(monkeypatch):
    monkeypatch.setattr(figures, "UNFOLDED", 1)
    drawings = [_drawn(kind, "ball", n, 100) for kind in (FIRST, SECOND) for n in range(4)]
    for room, shown in ((0, (1, 1)), (399, (2, 1)), (400, (2, 2)), (500, (3, 2)), (800, (4, 4))):
        monkeypatch.setattr(figures, "ALL_BYTES", room)
        found = _titles(drawings)
        assert tuple(len(titles) for titles, _ in found) == shown
        assert all(len(titles) + left_out == 4 for titles, left_out in found)


def test_a_kind_ends_where_the_next_does_not_fit(monkeypatch):
    monkeypatch.setattr(figures, "UNFOLDED", 1)
    monkeypatch.setattr(figures, "ALL_BYTES", 300)
    drawings = [_drawn(FIRST, "ball", n, size) for n, size in enumerate((100, 250, 50))]
    assert _titles(drawings) == [(["ball 0"], 2)]


def test_figures_of_models_take_the_room_that_comparisons_leave_and_are_no_comparisons(monkeypatch):
    monkeypatch.setattr(figures, "ALL_BYTES", 500)
    drawings = [_drawn(FIRST, "ball", n, 100) for n in range(2)]
    drawings += [_drawn(OF_MODEL, "ball", n, 100, run_id) for n in range(2) for run_id in "abc"]
    found = page_figures(drawings)
    assert [kind.info.name for kind in found.kinds] == [FIRST]
    # By turns: each model has one before any has a second.
    counts = {run: (len(shown), left_out) for run, (shown, left_out) in found.of_models.items()}
    assert counts == {"a": (1, 1), "b": (1, 1), "c": (1, 1)}
