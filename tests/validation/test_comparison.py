from dataclasses import replace
from math import log

import pytest

from nmc.chips import load_chip
from nmc.errors import UsageError
from nmc.estimates.weightless import Conditions, estimate_network
from nmc.units.interval import Interval
from nmc.validation.bounds import EXEMPT, broken
from nmc.validation.comparison import Row, all_rows, summaries
from nmc.validation.measurements import Measured, MeasurementSet, Run, measurement_sets
from nmc.validation.networks import NETWORKS, network_named

ROWS = all_rows()


def test_every_estimate_keeps_within_the_bounds():
    assert broken(ROWS) == ()


def test_no_chip_is_fitted_to_more_than_its_calibration_runs_measured():
    for row in ROWS:
        chip = load_chip(row.run.chip)
        if chip.fitted:
            measured = [r for r in ROWS if r.run.chip == chip.name and r.run.use == "calibration"]
            assert len(chip.fitted) <= 3 < len(measured)


def test_every_exception_is_a_run_and_needed():
    for one in EXEMPT:
        (row, *_) = sorted(
            (row for row in ROWS if (row.run.name, row.quantity) == (one.run, one.what)), key=lambda row: -row.error
        )
        assert row.run.use == "held-out"
        assert 0.7 * one.worst < row.error <= one.worst


def test_estimates_do_not_know_which_run_they_are_for():
    """The same network under the same conditions has one estimate, whatever the run is called."""
    found = {}
    for row in ROWS:
        key = (row.run.network, row.run.chip, row.run.conditions.batch, str(row.run.conditions), row.measured.what,
               row.measured.baseline)  # fmt: skip
        assert found.setdefault(key, row.predicted) == row.predicted


def energy(network, chip, baseline="total", **conditions):
    return estimate_network(network_named(network), load_chip(chip), Conditions(**conditions)).above(baseline).energy_j


def test_a_gpu_gains_tenfold_by_a_batch_of_16():
    """Blouw et al. 2019: 29.7 mJ at batch 1, 1.87 mJ at batch 16."""
    one, sixteen = (energy("kws", "quadro-k4000", batch=n).best for n in (1, 16))
    assert one > 10 * sixteen


def test_loihi_pays_less_than_double_for_sixty_more_layers():
    """Blouw et al. 2019: 854 uJ at N=0, 1026 uJ at N=6."""
    small, large = (energy(name, "loihi1", steps=10, cores={"relu1": 8}).best for name in ("kws", "kws-6-branches"))
    assert small < large < 2 * small


@pytest.mark.parametrize("baseline", ["total", "dynamic"])
def test_the_ranking_of_devices_at_batch_1_is_as_published(baseline):
    rows = [
        row for row in ROWS
        if row.set == "blouw2019" and row.run.network == "kws" and row.run.conditions.batch == 1
        and "N=" not in row.run.name and (row.measured.what, row.measured.baseline) == ("energy", baseline)
    ]  # fmt: skip
    ranked = [row.run.chip for row in sorted(rows, key=lambda row: row.predicted.best)]
    assert ranked == [row.run.chip for row in sorted(rows, key=lambda row: row.measured.base)]
    assert ranked == ["loihi1", "movidius-ncs", "jetson-tx1", "xeon-e5-2630", "quadro-k4000"]


@pytest.mark.parametrize(
    ("name", "weights"), [("kws", 172_800), ("kws-2-branches", 1_549_056), ("kws-6-branches", 4_432_640)]
)
def test_weights_of_the_keyword_spotters_are_those_published(name, weights):
    graph = network_named(name)
    products = [node for node in graph if node.kind == "Linear"]
    assert sum(node.features * graph.operand_shapes(node)[0][0] for node in products) == weights


@pytest.mark.parametrize("name", NETWORKS)
def test_published_networks_are_sound(name):
    assert network_named(name).check() == []


def row(value, predicted, **facts):
    measured = Measured(what="energy", value=value, unit="J", basis="primary")
    run = Run(name="r", network="kws", chip="loihi1", measured=(measured,), use="calibration")
    return replace(Row("s", run, measured, predicted, "silicon", False), **facts)


def test_errors_are_factors_either_way():
    over, under = row(1.0, Interval(1, 2, 4)), row(8.0, Interval(1, 2, 4))
    assert (over.ratio, over.error, over.hit) == (2, 2, True)
    assert (under.ratio, under.error, under.hit) == (0.25, 4, False)
    assert "off by x4.00, above x2" in " ".join(broken([over, under]))
    assert "50% of its calibration" in " ".join(broken([over, under]))
    assert "spans x20.0" in " ".join(broken([row(1.0, Interval(0.1, 1, 2))]))


def test_sets_weigh_the_same_however_many_rows_they_have():
    many = [row(1.0, Interval(1, 2, 4), set="many")] * 9
    (one,) = summaries([*many, row(1.0, Interval(1, 8, 9), set="single")])
    # the mean of log 2 and log 8
    assert log(one.median) == pytest.approx((log(2) + log(8)) / 2)
    assert (one.rows, one.sets, one.worst) == (10, 2, 8)


def test_what_a_measurement_cannot_be():
    with pytest.raises(ValueError, match="'mJ' is not a unit of latency"):
        Measured(what="latency", value=1, unit="mJ", basis="primary")
    with pytest.raises(ValueError, match="was not measured"):
        Measured(what="energy", value=0, unit="mJ", basis="primary")


def test_faults_of_a_set_have_their_lines():
    from nmc.chips.schema import parse_facts

    head = "name: s\ntitle: t\nsource: x\nruns:\n  - name: r\n    network: kws\n    chip: loihi1\n"
    text = head + "    colour: red\n    measured: []\n"
    with pytest.raises(UsageError) as raised:
        parse_facts(text, MeasurementSet, "s.yaml")
    assert str(raised.value.faults[0]).startswith("s.yaml:8: runs.0.colour is not a fact that is known here")


def test_every_set_names_its_source_and_basis():
    for found in measurement_sets():
        assert found.source
        assert all(measured.basis for run in found.runs for measured in run.measured)
