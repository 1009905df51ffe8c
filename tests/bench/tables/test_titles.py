"""What people call measured columns: every metric, every part of it, every option."""

import typing

import pytest

from bench.grid import MetricRequest, column_name
from bench.tables import metric_title
from bench.tables.titles import NAMED_BY_VALUE, OPTIONS, column_parts
from metrics import METRICS


def _columns(info, options):
    request = MetricRequest(name=info.name, options=options)
    for suffix, fixed in info.variants:
        column = column_name(request, suffix, dict(fixed))
        yield from ([f"{column}_{output}" for output in info.outputs] or [column])


ALL = {column: info for info in METRICS.values() for column in _columns(info, {})}


@pytest.mark.parametrize("info", METRICS.values(), ids=lambda info: info.name)
def test_every_metric_and_every_part_of_it_has_a_title_of_its_own(info):
    assert info.title
    wanted = {*info.outputs, *(suffix for suffix, _ in info.variants if suffix)}
    assert {part.name for part in info.parts} == wanted
    assert all(part.title and part.description.endswith(".") for part in info.parts)
    assert len({part.description for part in info.parts}) == len(info.parts)


def test_no_two_columns_have_one_title():
    titles = [metric_title(column) for column in [*ALL, "reconstruction", "kl"]]
    assert len(set(titles)) == len(titles)
    assert not any("_" in title for title in titles)


def _values(info, key):
    """Return values of an option that are not its default."""
    hint = typing.get_type_hints(info.function)[key]
    if typing.get_origin(hint) is typing.Literal:
        return [value for value in typing.get_args(hint) if value != info.options[key]]
    if hint is bool:
        return [not info.options[key]]
    return [["position_x"]] if key == "exclude" else [7]


@pytest.mark.parametrize("info", METRICS.values(), ids=lambda info: info.name)
def test_every_option_is_said_in_words_that_tell_it_apart(info):
    for key in {*info.options} - {"bootstrap"}:
        assert (key in OPTIONS) != (key in NAMED_BY_VALUE)
        for value in _values(info, key):
            for plain, column in zip(_columns(info, {}), _columns(info, {key: value}), strict=True):
                assert metric_title(column) != metric_title(plain)
                assert column_parts(column)[:2] == column_parts(plain)[:2]
                assert "_" not in metric_title(column)


def test_several_options_are_said_one_by_one():
    assert metric_title("mig_posterior_exclude_shape_n_bins_10") == (
        "MIG (posterior, without shape, 10 bins)"
    )
    assert metric_title("sap_score_not_standardise") == "SAP score (not standardised)"
    assert metric_title("kl_decomposition_n_draws_10_dimension_wise_kl") == (
        "KL of marginals (10 draws, nats)"
    )


def test_what_is_not_in_the_registry_keeps_its_name():
    assert metric_title("mine_own") == "mine own"
