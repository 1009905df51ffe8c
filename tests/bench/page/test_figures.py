"""Which figures the page has room for."""

from matplotlib.figure import Figure

from bench.page import figures as page_figures
from bench.page.figures import figure_kinds
from bench.plots import FIGURES, Drawn

FIRST, SECOND = list(FIGURES)[:2]


def _drawn(kind, dataset, n, size):
    drawn = Drawn(
        name=f"{kind}-{dataset}-{n}",
        title=f"{dataset} {n}",
        alt="",
        figure=Figure(),
        dataset=dataset,
    )
    return kind, drawn, f"<svg {'x' * (size - 5)}"


def _titles(drawings):
    return [
        ([figure.title for figure in kind.figures], kind.left_out)
        for kind in figure_kinds(drawings)
    ]


def test_every_dataset_comes_before_any_comes_again():
    drawings = [_drawn(FIRST, "ball", n, 10) for n in range(4)]
    drawings += [_drawn(FIRST, "dsprites", n, 10) for n in range(2)]
    expected = ["ball 0", "dsprites 0", "ball 1", "dsprites 1", "ball 2", "ball 3"]
    assert _titles(drawings) == [(expected, 0)]


def test_room_is_shared_among_kinds_and_the_first_of_each_are_always_there(monkeypatch):
    monkeypatch.setattr(page_figures, "UNFOLDED", 1)
    drawings = [_drawn(kind, "ball", n, 100) for kind in (FIRST, SECOND) for n in range(4)]
    for room, shown in ((0, (1, 1)), (399, (2, 1)), (400, (2, 2)), (500, (3, 2)), (800, (4, 4))):
        monkeypatch.setattr(page_figures, "ALL_BYTES", room)
        found = _titles(drawings)
        assert tuple(len(titles) for titles, _ in found) == shown
        assert all(len(titles) + left_out == 4 for titles, left_out in found)


def test_a_kind_ends_where_the_next_does_not_fit(monkeypatch):
    monkeypatch.setattr(page_figures, "UNFOLDED", 1)
    monkeypatch.setattr(page_figures, "ALL_BYTES", 300)
    drawings = [_drawn(FIRST, "ball", n, size) for n, size in enumerate((100, 250, 50))]
    assert _titles(drawings) == [(["ball 0"], 2)]
