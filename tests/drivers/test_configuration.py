import pytest

from assay.drivers.active_learning import ActiveLearning
from assay.drivers.configuration import GP, Minimizer
from assay.drivers.random_search import RandomSearch
from assay.errors import ConfigurationError


def test_plain_data_and_objects_are_the_same_thing():
    data = ActiveLearning.from_data({"surrogates": [{"type": "GP", "name": "loss", "output_dim": 1}]})
    assert data == ActiveLearning.from_data({"surrogates": [GP(name="loss", output_dim=1)]})
    assert data == ActiveLearning.from_data({})


def test_configuration_builds_the_same_driver():
    driver = ActiveLearning.from_data({"scaling": 2, "objectives": [Minimizer(strategy="LCB", min_val=-1.0)]})
    assert ActiveLearning.from_data(driver.configuration()) == driver


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"surrogats": []}, "no key 'surrogats'"),
        ({"surrogates": [{"output_dim": 0}]}, "'surrogates.0.output_dim'.*greater than or equal to 1, got 0"),
        ({"surrogates": [{"kernel": {"matern_order": 4}}]}, "'surrogates.0.kernel.matern_order'.*got 4"),
        ({"surrogates": []}, "'surrogates'.*at least 1"),
        ({"scaling": "1"}, "'scaling'.*got '1'"),
        ({"scaling": float("nan")}, "'scaling'.*got nan"),
        ({"scaling": float("inf")}, "'scaling'.*got inf"),
        ({"num_initial": 2.5}, "'num_initial'.*got 2.5"),
        ({"objectives": [{"strategy": "UCB"}]}, "'objectives.0.strategy'.*got 'UCB'"),
        (
            {"objectives": [{"variable": "w"}]},
            "'objectives.0.variable' must name a variable, one of 'v', got 'w'",
        ),
        (
            {"variables": [{"input": "x"}]},
            "'variables.0.input' must name a surrogate or an earlier variable, one of 'loss', got 'x'",
        ),
        ({"variables": [{"select_by_name": "x"}]}, "'variables.0.select_by_name' must be one of"),
        ({"surrogates": [{"name": "a"}, {"name": "a"}]}, "must differ, got 'a' twice"),
        (
            {"surrogates": [{"output_dim": 2, "output_names": ["a"]}]},
            "one output name for each of its 2 outputs",
        ),
        (
            {"surrogates": [{"min_optimization_interval": 30}]},
            "at least min_optimization_interval, got 20 and 30",
        ),
    ],
)
def test_a_broken_rule_is_one_sentence_with_path_rule_and_value(data, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        ActiveLearning.from_data(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_description_covers_every_key():
    described = ActiveLearning.from_data({}).describe()
    assert described["name"] == "driver"
    members = {member["name"]: member for member in described["members"]}
    assert members["scaling"]["value"] == 1.0
    assert members["surrogates"]["members"][0]["members"][0]["name"] == "type"
    assert all(member["text"] for member in described["members"])


def test_random_search_is_configured_alike():
    driver = RandomSearch.from_data({"method": "sobol", "min_val": 0.0})
    assert RandomSearch.from_data(driver.configuration()) == driver
    with pytest.raises(ConfigurationError, match=r"'method'.*got 'grid'"):
        RandomSearch.from_data({"method": "grid"})
