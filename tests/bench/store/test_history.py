"""Curves of fewer rows say the same: means are kept, and the last window is whole."""

import numpy as np
import pandas as pd
import pytest

from bench.store.history import coarser, mean_curve, window_means


def test_neighbouring_windows_are_averaged():
    steps = np.arange(10, 6001, 10)
    curves = pd.DataFrame({"step": steps, "kl_0": np.sin(steps / 900), "kl_1": np.nan})
    fewer = coarser(curves, 200)
    np.testing.assert_array_equal(fewer["step"], steps[2::3])
    np.testing.assert_allclose(fewer["kl_0"], curves["kl_0"].to_numpy().reshape(200, 3).mean(1))
    assert fewer["kl_1"].isna().all()


def test_windows_weigh_as_many_steps_as_they_have():
    # The last window of a run is often shorter than the others.
    curves = pd.DataFrame({"step": [10, 20, 30, 35], "kl": [5.0, 1.0, 2.0, 8.0]})
    fewer = coarser(curves, 2)
    pd.testing.assert_frame_equal(
        fewer, pd.DataFrame({"step": [20, 35], "kl": [3.0, (10 * 2 + 5 * 8) / 15]})
    )


def test_what_is_absent_weighs_nothing():
    curves = pd.DataFrame({"step": [1, 2, 3, 4], "kl": [np.nan, 2.0, 3.0, 4.0]})
    np.testing.assert_array_equal(coarser(curves, 2)["kl"], [2.0, 3.5])


@pytest.mark.parametrize("n_rows", [1, 7, 8, 100])
@pytest.mark.parametrize("n_windows", [0, 1, 7, 8])
def test_there_are_at_most_so_many_rows_and_their_mean_is_that_of_all(n_windows, n_rows):
    steps = np.arange(1, n_windows + 1) * 3
    curves = pd.DataFrame({"step": steps, "kl": steps**2.0}, index=np.arange(5, n_windows + 5))
    fewer = coarser(curves, n_rows)
    assert len(fewer) == (
        n_windows if n_windows <= n_rows else -(-n_windows // -(-n_windows // n_rows))
    )
    if n_windows <= n_rows:
        pd.testing.assert_frame_equal(fewer, curves.reset_index(drop=True))
    if n_windows:
        weights = np.diff(fewer["step"], prepend=0)
        np.testing.assert_allclose(np.average(fewer["kl"], weights=weights), (steps**2.0).mean())


def test_windows_of_runs_that_do_not_fit_are_split():
    """The mean over all steps survives any windows: rows count for the steps they have in each."""
    rng = np.random.default_rng(0)
    runs = []
    for n_rows in (7, 12, 30):
        ends = np.sort(rng.choice(np.arange(1, 120), n_rows - 1, replace=False))
        runs.append(pd.DataFrame({"step": [*ends, 120], "kl": rng.random(n_rows)}))
    mean = mean_curve(runs)
    np.testing.assert_array_equal(mean["step"], runs[0]["step"])
    # One step a row, so that every window is a plain mean.
    steps = np.mean([np.repeat(r["kl"], np.diff(r["step"], prepend=0)) for r in runs], axis=0)
    expected = [part.mean() for part in np.split(steps, runs[0]["step"][:-1])]
    np.testing.assert_allclose(mean["kl"], expected)


def test_a_mean_curve_ends_with_the_shortest_run():
    long = pd.DataFrame({"step": [10, 20, 30], "kl": [1.0, 2.0, 3.0]})
    mean = mean_curve([long, pd.DataFrame({"step": [6, 12, 18, 24], "kl": [1.0, 1.0, 1.0, 5.0]})])
    np.testing.assert_array_equal(mean["step"], [10, 20, 24])
    np.testing.assert_allclose(mean["kl"], [1.0, (2.0 + (8 + 2 * 5) / 10) / 2, (3.0 + 5.0) / 2])


def test_what_is_absent_or_infinite_counts_nowhere():
    rows = pd.DataFrame({"step": [2, 4, 6], "kl": [np.inf, 2.0, np.nan]})
    np.testing.assert_array_equal(
        window_means(rows, [0, 2, 5, 6, 9])["kl"], [np.nan, 2, np.nan, np.nan]
    )
