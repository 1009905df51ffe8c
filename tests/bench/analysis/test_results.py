"""What load_results gives: tables, the verdicts on them, and a line that says what there is."""

import shutil

import pandas as pd

from bench import load_results


def _written(folder, name):
    return pd.read_csv(folder / "tables" / f"{name}.csv")


def test_claims_and_doctor_are_those_of_the_written_tables(small_store):
    results = load_results(small_store)
    for name, frame in (("claims", results.claims), ("doctor", results.doctor)):
        written = _written(small_store, name)
        assert [*frame] == [*written]
        assert len(frame) == len(written) > 0
        for column in ("sentence", "verdict", "dataset"):
            assert frame[column].tolist() == written[column].fillna("").tolist()


def test_verdicts_wait_until_they_are_asked_for_and_are_given_once(small_store, monkeypatch):
    judged = []
    monkeypatch.setattr("bench.analysis.results.judge", lambda tables: judged.append(tables) or [])
    results = load_results(small_store)
    assert judged == []
    assert results.claims is results.claims
    assert judged == [results]


def test_what_there_is_is_said_in_a_line(small_store, tmp_path):
    results = load_results(small_store)
    said = repr(results)
    assert said.startswith(f"<Results: runs 12×{results.runs.shape[1]}, summary ")
    assert "\n" not in said
    assert len(said) < 300
    # Tables that a single folder never has are not named.
    assert "repeated" not in said
    both = load_results(small_store, shutil.copytree(small_store, tmp_path / "other"))
    assert repr(both).startswith(f"<Results of {', '.join(both.folders)}: runs 12×")
