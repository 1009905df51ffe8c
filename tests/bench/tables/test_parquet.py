"""Tables as Parquet: only if asked for, and with the types that they have in pandas."""

import json
import math

import pandas as pd
import pytest

from bench import load_results, run_grid
from bench.analysis import load_study
from bench.errors import InputError
from bench.report import build, main as report, write_all_tables
from bench.store.folder import Folder
from bench.store.store import Store
from bench.tables import parquet


@pytest.fixture
def written(small_store, tmp_path):
    """Return a folder with the tables of the small grid in both forms."""
    pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'disbench[parquet]'")
    study = load_study(Store(small_store))
    write_all_tables(Folder(tmp_path), study, parquet=True)
    return tmp_path / "tables"


@pytest.mark.integration
def test_every_table_is_there_with_the_types_of_its_frame(small_store, written):
    names = {path.stem for path in written.glob("*.csv")}
    assert {path.stem for path in written.glob("*.parquet")} == names
    results = load_results(small_store)
    compared = {name for name in names if hasattr(results, name)}
    assert compared >= {"runs", "summary", "differences", "claims", "doctor", "failures"}
    for name in compared - {"scores"}:
        read = pd.read_parquet(written / f"{name}.parquet", engine="pyarrow")
        pd.testing.assert_frame_equal(read, getattr(results, name), check_exact=True)
    # No number is text, and counts are none either.
    runs = pd.read_parquet(written / "runs.parquet", engine="pyarrow")
    assert runs["mig_histogram"].dtype == "float64"
    assert runs["seed"].dtype == "int64"


@pytest.mark.integration
def test_scores_have_numbers_lists_and_json(small_store, written):
    scores = load_results(small_store).scores
    read = pd.read_parquet(written / "scores.parquet", engine="pyarrow")
    assert [name for name in read if name not in scores] == ["values"]
    assert read[["value", "chance", "ceiling", "low"]].dtypes.eq("float64").all()
    is_list = scores["value"].map(lambda value: isinstance(value, list))
    assert 0 < is_list.sum() < len(scores)
    for row, ours in zip(read.to_dict("records"), scores.to_dict("records"), strict=True):
        if isinstance(ours["value"], list):
            assert math.isnan(row["value"])
            assert [*row["values"]] == ours["value"]
        else:
            assert row["values"] is None
            assert (
                math.isnan(row["value"]) if ours["value"] is None else row["value"] == ours["value"]
            )
        for name in ("options", "detail", "warnings"):
            text = row[name]
            assert (json.loads(text) if isinstance(text, str) else None) == (ours[name] or None)


@pytest.mark.integration
def test_a_start_without_takes_those_of_an_earlier_start_away(small_store, written):
    kept = {path.name: path.read_bytes() for path in written.glob("*.csv")}
    write_all_tables(Folder(written.parent), load_study(Store(small_store)))
    assert {path.name: path.read_bytes() for path in written.glob("*.csv")} == kept
    assert not [*written.glob("*.parquet")]


def test_without_pyarrow_it_is_refused_before_anything_is_made(
    small_grid, small_store, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(parquet.importlib.util, "find_spec", lambda name: None)
    remedy = r"^--parquet: needs pyarrow: pip install 'disbench\[parquet\]'$"
    with pytest.raises(InputError, match=remedy):
        run_grid(small_grid, out=tmp_path / "out", parquet=True)
    with pytest.raises(InputError, match=remedy):
        build(Store(small_store), parquet=True)
    command = [str(small_store), "--out", str(tmp_path / "report"), "--parquet"]
    assert report(command) == 2
    said = capsys.readouterr().err
    assert said == "error: --parquet: needs pyarrow: pip install 'disbench[parquet]'\n"
    assert not [*tmp_path.iterdir()]
