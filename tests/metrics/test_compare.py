"""Every definition that goes by a name, side by side."""

import numpy as np
import pytest

from metrics import METRICS, MetricWarning, compare_variants, dci, factor_vae_score, sap_score

GRID = np.indices((2, 3, 4)).reshape(3, -1).T
FACTORS = np.tile(GRID, (5, 1))
MEANS = 0.04 * (FACTORS + np.random.default_rng(0).normal(size=FACTORS.shape))
LOGVARS = np.full(MEANS.shape, -2.0)
SCALAR = [
    name
    for name, info in METRICS.items()
    if info.level == "run" and not name.endswith("_per_dimension")
]


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.filterwarnings("ignore::metrics.MetricWarning")
def test_every_label_has_a_finite_number(name):
    found = compare_variants(name, MEANS, FACTORS, logvars=LOGVARS)
    assert found
    assert all(isinstance(value, float) and np.isfinite(value) for value in found.values())


def test_values_are_those_of_the_options():
    found = compare_variants("sap_score", MEANS, FACTORS)
    assert list(found.values()) == [
        sap_score(MEANS, FACTORS),
        sap_score(MEANS, FACTORS, standardise=False),
        sap_score(MEANS, FACTORS, continuous=True),
    ]
    assert list(found) == [label for label, _ in METRICS["sap_score"].alternatives]


def test_the_variants_of_factor_vae_differ_on_small_codes():
    with pytest.warns(MetricWarning, match="no latent"):
        found = compare_variants("factor_vae_score", 0.1 * MEANS, FACTORS)
    relative, absolute, unpruned = found.values()
    assert relative == unpruned == factor_vae_score(0.1 * MEANS, FACTORS)
    assert absolute == pytest.approx(1 / 3)
    assert relative > 0.5


def test_several_outputs_are_named():
    found = compare_variants("dci", MEANS, FACTORS)
    scores = dci(MEANS, FACTORS)
    assert found["extra trees: completeness"] == scores.completeness
    assert found["extra trees: informativeness"] == scores.informativeness
    assert len({label.split(": ")[1] for label in found}) == 3


def test_slow_variants_are_asked_for():
    few = slice(0, None, 2)
    labels = compare_variants("dci", MEANS[few], FACTORS[few, 1:] // 2, slow=True)
    assert "gradient boosting: disentanglement" in labels
    assert not any("boosting" in label for label in compare_variants("dci", MEANS, FACTORS))


def test_variants_that_need_log_variances_are_left_out_without():
    assert list(compare_variants("active_units", MEANS)) == ["variance > 0.01"]
    both = compare_variants("active_units", MEANS, logvars=LOGVARS)
    assert both.keys() == {label for label, _ in METRICS["active_units"].alternatives}


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="there is no metric 'mgi'"):
        compare_variants("mgi", MEANS, FACTORS)
    with pytest.raises(ValueError, match="group"):
        compare_variants("udr", MEANS)
    with pytest.raises(ValueError, match="factors is needed"):
        compare_variants("sap_score", MEANS)
    with pytest.raises(ValueError, match="array"):
        compare_variants("kl_per_dimension", MEANS, logvars=LOGVARS)
    with pytest.raises(ValueError, match="means has NaN"):
        compare_variants("sap_score", MEANS * np.nan, FACTORS)


def test_shape_is_left_out_where_there_is_one():
    grid = np.indices((3, 6, 5)).reshape(3, -1).T
    # Position is known, shape is not.
    means = np.stack([0 * grid[:, 0], grid[:, 1], grid[:, 2]], 1).astype(float)
    compared = compare_variants("mig", means, grid, factor_names=["shape", "x", "y"])
    assert compared["histogram of 20 bins"] == pytest.approx(2 / 3)
    assert compared["histogram of 20 bins, without shape"] == pytest.approx(1)
    assert not any("shape" in label for label in compare_variants("mig", means, grid))


def test_a_definition_that_fails_takes_no_other_with_it():
    # Without shape, a set whose only factor it is has none left.
    shapes, alone = FACTORS[:, :1], compare_variants("mig", MEANS, FACTORS[:, :1])
    with pytest.warns(MetricWarning, match="without shape: "):
        found = compare_variants("mig", MEANS, shapes, factor_names=["shape"])
    assert found == alone
    with pytest.raises(ValueError, match="factors"):
        compare_variants("mig", MEANS, FACTORS[:-1])
