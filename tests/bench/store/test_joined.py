"""Several output folders read as one: what counts once, what stays apart, and by which names."""

import json
import shutil
from pathlib import Path

import pytest

from bench import score
from bench.store.files import dump_json, write_text
from bench.store.folder import StoreError
from bench.store.joined import folder_names, join
from bench.store.store import Store
from tests.bench.folders import copied, manifests, other_codes


def _joined(*folders):
    return join([Store(folder) for folder in folders])


def _seeds(*seeds):
    return lambda run: run.spec.seed in seeds


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["results/a", "results/b"], ["a", "b"]),
        (["a/quick", "b/quick"], ["a", "b"]),
        (["x/a/quick", "y/a/quick"], ["x", "y"]),
        (["a/quick", "a/paper", "b/quick"], ["a/quick", "a/paper", "b/quick"]),
        (["a", "a/b"], ["a", "a/b"]),
        (["a/b", "a"], ["a/b", "a"]),
        (["./a/../a", "b/"], ["a", "b"]),
        (["a\x1b[2J", "b\n<i>"], ["a\\x1b[2J", "b\\n<i>"]),
    ],
)
def test_folders_are_called_by_what_tells_their_paths_apart(paths, names):
    assert folder_names([Path(path) for path in paths]) == names


def test_long_names_are_cut_and_stay_apart():
    names = folder_names([Path("x" * 100 + end) for end in ("abc", "b" * 50, "c" * 50)])
    assert all(len(name) <= 40 for name in names)
    same = folder_names([Path(head + "y" * 100) for head in "abc"])
    assert len({*same}) == 3


def test_a_folder_is_named_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    for again in ("a", "link", "./a/."):
        with pytest.raises(StoreError, match=r"is the same folder as .*name each folder once"):
            folder_names([tmp_path / "a", tmp_path / again])


def test_equal_runs_count_once_and_each_has_its_folder(small_store, tmp_path):
    first = copied(small_store, tmp_path / "a", _seeds(0))
    joined = _joined(first, small_store)
    runs = joined.runs()
    assert {run.run_id for run in runs} == {run.run_id for run in Store(small_store).runs()}
    a, b = joined.stores
    assert {run.spec.seed for run in runs if run.origin == a} == {0}
    assert {run.spec.seed for run in runs if run.origin == b} == {1}
    assert all(one.is_equal and one.counted.origin == a for one in joined.repeated)
    assert len(joined.repeated) == len(Store(first).runs())
    # Nothing else about a run is another for having company.
    for run in Store(small_store).runs():
        (mine,) = (one for one in runs if one.run_id == run.run_id)
        assert (mine.spec, mine.group_id) == (run.spec, run.group_id)


def test_of_different_results_those_of_the_first_folder_count(small_store, tmp_path):
    other = copied(small_store, tmp_path / "b")
    other_codes(other, lambda run: run.spec.kind == "vae")
    for folders in ((small_store, other), (other, small_store)):
        joined = _joined(*folders)
        first = Store(folders[0])
        assert {run.codes_digest for run in joined.runs()} == {
            run.codes_digest for run in first.runs()
        }
        differ = [one for one in joined.repeated if not one.is_equal]
        assert {one.run.spec.kind for one in differ} == {"vae"}
        assert len(differ) == 2


def test_scores_of_equal_codes_are_those_of_all_folders(small_store, tmp_path):
    bare = copied(small_store, tmp_path / "bare", derived=())
    joined, scored = _joined(bare, small_store), Store(small_store)
    for run in joined.runs():
        of = run.run_id, run.codes_digest
        assert joined.entries(*of).keys() == scored.entries(*of).keys() != set()
        assert joined.scored(run).kl == scored.scored(run).kl
        name = f"variants/{run.run_id}"
        assert joined.read_scores(name, of[1]) == scored.read_scores(name, of[1])
    # A folder with other codes of that id says nothing of these.
    other_codes(bare)
    joined = _joined(bare, small_store)
    assert all(not joined.entries(run.run_id, run.codes_digest) for run in joined.runs())


def test_a_value_takes_the_place_of_a_reason_why_there_is_none(small_store, tmp_path):
    folder = copied(small_store, tmp_path / "a", lambda run: run.spec.kind == "baseline_pca")
    (run,) = Store(folder).runs()
    of = run.run_id, run.codes_digest
    scores = Store(folder).read_scores(*of)
    key = next(key for key in scores if key.startswith('["modularity"'))
    (entry,) = scores[key]
    scores[key] = [{**entry, "value": None, "reason": "failed", "retry": True}]
    scores["without infomec"] = [{"column": "infomec", "value": None, "reason": "slow"}]
    scores["without dci"] = [{"column": "dci", "value": None, "reason": "slow"}]
    Store(folder).write_scores(*of, scores)
    found = _joined(folder, small_store).entries(*of)
    assert found[key][0].value is not None
    # What no folder computed is still said.
    assert "without infomec" not in found
    assert "without dci" in found


def test_an_imported_metric_of_another_function_has_a_column_of_its_own(small_store, tmp_path):
    folders = [
        copied(small_store, tmp_path / name, _seeds(seed)) for seed, name in enumerate("abc")
    ]
    for folder, function in zip(folders, ("one.x:f", "two.x:f", "one.x:f"), strict=True):
        for run in Store(folder).runs():
            key = json.dumps(["mine", {}, function])
            entries = {key: [{"column": "mine", "value": 1.0}]}
            Store(folder).write_scores(run.run_id, run.codes_digest, entries)
    joined = _joined(*folders)
    columns = {
        (run.origin, entry.column)
        for run in joined.runs()
        for entries in joined.entries(run.run_id, run.codes_digest).values()
        for entry in entries
    }
    assert columns == {("a", "mine"), ("b", "mine (b)")}


@pytest.mark.parametrize("kept", [(0, 1), (0,)])
def test_two_precisions_are_two_models_even_of_one_run_id(small_store, tmp_path, kept):
    other = copied(small_store, tmp_path / "b", _seeds(*kept))
    manifests(other, lambda body: body["execution"].update(precision="bfloat16"))
    joined = _joined(small_store, other)
    runs = joined.runs()
    assert not joined.repeated
    ids = [run.run_id for run in runs]
    assert len({*ids}) == len(ids) == len(Store(small_store).runs()) + len(Store(other).runs())
    again = [run for run in runs if run.precision == "bfloat16"]
    b = again[0].origin
    assert all(run.run_id == f"{run.manifest.run_id} ({b})" for run in again)
    # Each is shown by its own folder's pictures, and scored by them.
    for run in runs:
        assert joined.frames_path(run.run_id).name == f"{run.manifest.run_id}.h5"
        assert joined.entries(run.manifest.run_id, run.codes_digest)


def test_runs_on_other_images_are_of_another_dataset(small_store, tmp_path):
    other = copied(small_store, tmp_path / "b")
    manifests(other, lambda body: body["dataset"].update(fingerprint="ball/1/other"))
    joined = _joined(small_store, other)
    b = [*joined.stores][1]
    mine = [run for run in joined.runs() if run.origin == b]
    assert len(mine) == len(Store(other).runs())
    assert {run.spec.dataset.name for run in mine} == {f"ball ({b})"}
    theirs = {run.group_id for run in joined.runs() if run.origin != b}
    assert not theirs & {run.group_id for run in mine}
    assert {run.spec.dataset.name for run in joined.runs()} == {"ball", f"ball ({b})"}
    assert joined.renamed == {f"ball ({b})": "ball"}


def _codes(folder, name, *weights):
    def encoder(weight):
        return lambda images: (images.mean(axis=(2, 3)) * weight, None)

    encoders = [encoder(weight) for weight in weights]
    score(encoders, "ball", name=name, metrics=["modularity"], evaluation=40, out=folder)
    return folder


@pytest.fixture
def codes(tmp_path, no_figures):
    """Return what makes a folder of codes by a name, one seed for each weight."""
    return lambda folder, *weights, name="mine": _codes(tmp_path / folder, name, *weights)


def _names(joined):
    return sorted((run.spec.name, run.spec.seed) for run in joined.runs())


def test_codes_that_share_a_name_have_their_folders_in_it(codes):
    a, b = codes("a", 1, 2), codes("b", 3)
    joined = _joined(a, b)
    assert _names(joined) == [("mine (a)", 0), ("mine (a)", 1), ("mine (b)", 0)]
    assert len({run.group_id for run in joined.runs()}) == 2
    assert not joined.repeated


def test_codes_of_one_seed_in_common_are_still_two_models(codes):
    joined = _joined(codes("a", 1, 2), codes("b", 1, 3))
    whole = [("mine (a)", 0), ("mine (a)", 1), ("mine (b)", 0), ("mine (b)", 1)]
    assert _names(joined) == whole
    assert len({run.run_id for run in joined.runs()}) == 4
    assert all(joined.frames_path(run.run_id) for run in joined.runs())


@pytest.mark.parametrize("smaller_first", [True, False])
def test_codes_of_a_folder_that_another_has_all_of_are_a_copy(codes, smaller_first):
    few, all_of_them = codes("a", 1), codes("b", 1, 2)
    joined = _joined(*((few, all_of_them) if smaller_first else (all_of_them, few)))
    assert _names(joined) == [("mine", 0), ("mine", 1)]
    assert len(joined.repeated) == 1


def test_no_name_that_is_made_here_is_one_that_is_there(codes):
    a, b = codes("a", 1), codes("b", 2)
    codes("a", 3, name="mine (b)")
    joined = _joined(a, b)
    assert _names(joined) == [("mine (a)", 0), ("mine (b)", 0), ("mine (b)*", 0)]


def test_datasets_that_differ_in_options_may_share_another_name(small_store, codes, tmp_path):
    # The default ball beside a small one, in both folders, of three kinds of images in all.
    copied(small_store, tmp_path / "a")
    first = codes("a", 1)
    second, third = (shutil.copytree(first, tmp_path / name) for name in "bc")
    manifests(second, lambda body: body["dataset"].update(fingerprint="of b"))
    manifests(third, lambda body: body["dataset"].update(fingerprint="of c"))
    joined = _joined(first, second, third)
    names = {(run.origin, run.spec.dataset.name) for run in joined.runs()}
    assert names == {("a", "ball"), ("b", "ball (b)"), ("c", "ball (c)")}
    assert joined.renamed == {"ball (b)": "ball", "ball (c)": "ball"}
    assert len({run.spec.dataset for run in joined.runs()}) == 6


def test_damaged_runs_are_left_out_and_counted(small_store, tmp_path, caplog):
    other = copied(small_store, tmp_path / "b")
    runs = Store(other).runs()
    cut, lost, curves = [run for run in runs if run.has("history.csv")][:3]
    (cut.folder / "manifest.json").write_text("{")
    (lost.folder / "latents.h5").unlink()
    path = curves.folder / "history.csv"
    path.write_bytes(path.read_bytes().replace(b"loss", b"lass", 1))
    ruined = {cut.run_id, lost.run_id, curves.run_id}
    joined = _joined(other, small_store)
    b, first = joined.stores
    assert joined.damaged == {b: len(ruined)}
    assert caplog.text.count("left out") == len(ruined)
    # The other folder has them whole.
    assert {run.manifest.run_id for run in joined.runs() if run.origin == first} == ruined
    assert len(joined.runs()) == len(runs)


def test_a_failure_counts_where_no_folder_has_the_run(small_store, tmp_path):
    spec = Store(small_store).runs()[0].manifest.spec
    failure = dump_json({"spec": spec, "reason": "diverged", "traceback": ""})
    done = Store(small_store).runs()[0].run_id
    lacking = copied(small_store, tmp_path / "b", lambda run: run.run_id != done)
    alike = copied(lacking, tmp_path / "c")
    for folder in (lacking, alike):
        (folder / "failures").mkdir()
        write_text(folder / "failures" / f"{done}.json", failure)
    assert len(_joined(lacking, alike).failures()) == 1
    assert _joined(lacking, alike).failures()[0]["folder"] == "b"
    assert _joined(lacking, small_store).failures() == []
