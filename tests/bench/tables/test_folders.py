"""Tables of several folders: pooled seeds, reasons for what one folder lacks, notices."""

import numpy as np
import pandas as pd
import pytest

import datasets
from bench import load_results, score
from bench.analysis.study import load_study
from bench.store.files import dump_json, write_text
from bench.store.folder import StoreError
from bench.store.joined import join
from bench.store.store import Store
from bench.tables.folders import collect_joined
from tests.bench.conftest import SMALL_BALL
from tests.bench.folders import copied, manifests, other_codes


def _is(seed, *kinds):
    return lambda run: run.spec.seed == seed and (not kinds or run.spec.kind in kinds)


def test_one_folder_has_no_column_of_folders(small_store):
    tables = load_results(small_store)
    frames = (tables.runs, tables.summary, tables.failures, tables.provenance)
    assert not any("folder" in frame for frame in frames)
    assert (tables.folders, tables.notices) == ((), ())
    assert tables.repeated.empty


def test_runs_of_two_folders_are_those_of_one_folder_that_has_all(small_store, tmp_path):
    a = copied(small_store, tmp_path / "a", _is(0))
    b = copied(small_store, tmp_path / "b", _is(1))
    joined, whole = load_results(b, a), load_results(small_store)
    assert joined.folders == ("b", "a")
    runs = joined.runs.drop(columns="folder")
    # But for what all seeds of a model are compared by.
    by_others = [name for name in whole.runs if name.startswith("udr")]
    pd.testing.assert_frame_equal(
        runs.drop(columns=by_others, errors="ignore"), whole.runs.drop(columns=by_others)
    )
    pd.testing.assert_frame_equal(joined.history, whole.history)
    pd.testing.assert_frame_equal(joined.kl_per_dimension, whole.kl_per_dimension)
    mine = joined.differences[~joined.differences["metric"].isin(by_others)]
    theirs = whole.differences[~whole.differences["metric"].isin(by_others)]
    # Pairs are by seed, from whichever folder.
    assert len(mine) > 10
    pd.testing.assert_frame_equal(mine.reset_index(drop=True), theirs.reset_index(drop=True))
    trained = joined.summary[joined.summary["kind"].isin(["vae", "beta_vae", "capacity_vae"])]
    assert set(trained["folder"]) == {"a, b"}
    assert set(trained["n_seeds"]) == {2}
    assert set(joined.provenance["folder"]) == {"a", "b"}
    assert joined.provenance["runs"].sum() == len(joined.runs)


def test_no_seed_is_counted_twice(small_store, tmp_path):
    other = copied(small_store, tmp_path / "b")
    other_codes(other, lambda run: run.spec.kind == "vae" and run.spec.seed == 1)
    joined, alone = load_results(small_store, other), load_results(small_store)
    columns = ["group_id", "precision", "metric", "n_seeds", "mean", "low", "high"]
    pd.testing.assert_frame_equal(joined.summary[columns], alone.summary[columns])
    first, second = joined.folders
    assert set(joined.runs["folder"]) == {first}
    # Both results are there to be looked at, beside one another.
    repeated = joined.repeated
    assert repeated["folder"].tolist() == [first, second]
    assert repeated["counts"].tolist() == [True, False]
    assert len({*repeated["run_id"]}) == 1
    assert set(repeated["label"]) == {"VAE"}
    assert {"device", "torch", "code"} <= {*repeated}
    assert repeated["mig_histogram"].isna().tolist() == [False, True]
    said = " ".join(joined.notices)
    assert f"{first} and {second} both have 1 run with different results" in said
    assert f"counted once, as {first} has them" in said
    n_equal = len(joined.runs) - 1
    assert f"{first} and {second} both have {n_equal} runs with the same codes" in said


def test_what_a_folder_lacks_has_a_reason_and_a_remedy(small_store, tmp_path):
    a = copied(small_store, tmp_path / "a", _is(0))
    b = copied(small_store, tmp_path / "b", _is(1))
    for run in Store(b).runs():
        of = run.run_id, run.codes_digest
        scores = Store(b).read_scores(*of)
        kept = {k: v for k, v in scores.items() if not k.startswith(('["modularity', '["beta_vae'))}
        Store(b).write_scores(*of, kept)
    c = copied(small_store, tmp_path / "c", lambda run: "capacity" in run.spec.kind, groups=True)
    tables = load_results(c, a, b)
    missing = tables.scores[tables.scores["value"].isna()]
    reasons = missing[missing["reason"].str.contains("not computed in b")]
    assert set(reasons["run_id"]) == set(tables.runs.loc[tables.runs["folder"] == "b", "run_id"])
    assert set(reasons["metric"]) == {"modularity", "beta_vae_score_n_test_100_n_train_200"}
    (reason,) = set(reasons["reason"])
    asked = "add {name: beta_vae_score, n_train: 200, n_test: 100}, modularity to the metrics of"
    assert asked in reason
    # A score of several seeds by one another cannot be put together from two folders.
    udr = missing[missing["metric"] == "udr"]
    assert len(udr) == 4
    assert set(udr["reason"]) == {
        "all seeds of a model are compared, and they lie in several folders (a, b)"
    }
    assert tables.scores["run_id"].drop_duplicates().tolist() == tables.runs["run_id"].tolist()
    assert not missing["reason"].str.contains("not computed in [ac]").any()


def test_a_run_that_is_not_scored_yet_says_so(small_store, tmp_path):
    running = copied(small_store, tmp_path / "b", _is(1, "vae"), derived=())
    tables = load_results(copied(small_store, tmp_path / "a", _is(0)), running)
    (name,) = tables.runs.loc[tables.runs["folder"] == "b", "run_id"]
    own = tables.scores[tables.scores["run_id"] == name]
    assert set(own["reason"]) == {"not computed in b yet; start its grid again"}
    assert {"mig_histogram", "kl_per_dimension"} <= {*own["metric"]}


def test_codes_are_models_like_all_others_and_are_scored_again_as_codes(
    small_store, tmp_path, no_figures
):
    def encode(images):
        return images.reshape(len(images), -1)[:, ::50] / 255.0, None

    options = {key: value for key, value in SMALL_BALL.items() if key != "name"}
    ball = datasets.load("ball", **options)
    for name in ("mine", "VAE"):
        score(encode, ball, name=name, metrics=["mig"], out=tmp_path / "codes")
    tables = load_results(small_store, tmp_path / "codes")
    own = tables.runs[tables.runs["kind"] == "codes"]
    # One name is that of a model of the grid.
    assert set(own["label"]) == {"mine", "VAE (codes)"}
    assert own["mig_histogram"].notna().all()
    assert own["modularity"].isna().all()
    assert len({*tables.runs["dataset_options"]}) == 1
    mine = tables.scores[tables.scores["run_id"].isin(own["run_id"])]
    reasons = set(mine.loc[mine["metric"] == "modularity", "reason"])
    assert len(reasons) == 1
    assert "score its codes again, from Python, with metrics [" in reasons.pop()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"git_commit": "f" * 40}, "code "),
        ({"versions": {"torch": "1.0", "python": "3.11"}}, "torch "),
    ],
)
def test_other_versions_are_said(small_store, tmp_path, change, said):
    a = copied(small_store, tmp_path / "a", _is(0))
    b = copied(small_store, tmp_path / "b", _is(1))
    assert not any("different versions" in text for text in load_results(a, b).notices)
    manifests(b, lambda body: body.update(change))
    (text,) = [text for text in load_results(a, b).notices if "different versions" in text]
    assert f": {said}" in text
    assert ("ffffffff (b)" in text) == ("git_commit" in change)


def test_versions_that_scores_were_computed_with_are_compared(small_store, tmp_path):
    a = copied(small_store, tmp_path / "a", _is(0))
    b = copied(small_store, tmp_path / "b", _is(1))
    run = Store(b).runs()[0]
    scores = Store(b).read_scores(run.run_id, run.codes_digest)
    for entries in scores.values():
        for entry in entries:
            entry["versions"] = {**entry["versions"], "scikit-learn": "0.1"}
    Store(b).write_scores(run.run_id, run.codes_digest, scores)
    (text,) = [text for text in load_results(a, b).notices if "different versions" in text]
    assert "scikit-learn " in text
    assert "0.1 and " in text


def test_precisions_and_other_images_stay_apart(small_store, tmp_path):
    b = copied(small_store, tmp_path / "b", _is(0))
    c = copied(small_store, tmp_path / "c", _is(0))
    manifests(b, lambda body: body["execution"].update(precision="bfloat16"))
    manifests(c, lambda body: body["dataset"].update(fingerprint="ball/1/other"))
    tables = load_results(small_store, b, c)
    (_, b, c) = tables.folders
    vaes = tables.summary[(tables.summary["kind"] == "vae") & (tables.summary["metric"] == "kl")]
    found = vaes.set_index("folder")["n_seeds"].to_dict()
    assert sorted(found.values()) == [1, 1, 2]
    labels = vaes.set_index("folder")["label"]
    assert labels[b] == "VAE, bfloat16"
    assert set(tables.runs.loc[tables.runs["folder"] == c, "dataset"]) == {f"ball ({c})"}
    pairs = tables.differences[tables.differences["metric"] == "kl"]
    assert sorted(pairs["n_pairs"]) == [1, 1, 1, 1, 2, 2]
    assert any("nothing is pooled or compared with ball" in text for text in tables.notices)
    assert tables.runs["run_id"].is_unique
    # Figures are drawn of the right folder's pictures.
    study = load_study(join([Store(folder) for folder in (small_store, tmp_path / "b")]))
    assert {*study.frames} <= {*study.tables.runs["run_id"]}
    assert len(study.frames) == 6


def test_folders_without_runs_failures_and_folders_alike(small_store, tmp_path):
    Store(tmp_path / "new", create=True)
    spec = Store(small_store).runs()[0].manifest.spec
    failed = tmp_path / "failed"
    Store(failed, create=True)
    (failed / "failures").mkdir()
    body = {"spec": {**spec, "seed": 77}, "reason": "=cmd()", "traceback": ""}
    write_text(failed / "failures" / f"{'0' * 16}.json", dump_json(body))
    tables = load_results(small_store, tmp_path / "new", failed)
    assert tables.failures["folder"].tolist() == [tables.folders[2]]
    assert [text for text in tables.notices if "has no finished run" in text] == [
        f"{name} has no finished run." for name in tables.folders[1:]
    ]
    empty = load_results(tmp_path / "new", failed)
    assert empty.runs.empty
    assert len(empty.failures) == 1
    with pytest.raises(StoreError, match="name each folder once"):
        load_results(small_store, small_store)


def test_claims_say_which_folders_they_are_judged_on(small_store, tmp_path):
    a = copied(small_store, tmp_path / "a", _is(0))
    b = copied(small_store, tmp_path / "b", _is(1))
    verdicts = load_study(join([Store(a), Store(b)])).claims
    judged = [verdict for verdict in verdicts if verdict.dataset]
    assert judged
    assert all("of runs in a, b" in verdict.qualification for verdict in judged)
    alone = load_study(Store(small_store)).claims
    assert not any("of runs in" in verdict.qualification for verdict in alone)


def test_damage_between_two_looks_costs_a_run_and_not_the_tables(small_store, tmp_path):
    a = copied(small_store, tmp_path / "a", _is(0))
    b = copied(small_store, tmp_path / "b", _is(1))
    run = next(run for run in Store(b).runs() if run.spec.kind == "vae")
    path = run.folder / "history.csv"
    path.write_bytes(path.read_bytes().replace(b"loss", b"lass"))
    tables = collect_joined(join([Store(a), Store(b)]))
    assert "Left out of b: 1 run whose files are damaged." in tables.notices
    assert np.count_nonzero(tables.runs["kind"] == "vae") == 1
