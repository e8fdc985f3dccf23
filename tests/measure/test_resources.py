"""Resources: what was recorded, and never a zero for what was not."""

from affidavit.measure.resources import NO_GPU, NOT_RECORDED, RECORDED, RunResources, resource_measures


def measured(*runs):
    return {each.measure: each for each in resource_measures(runs)}


def test_time_and_samples_are_summed_up():
    samples = {"cpu_utilization_percentage": (10.0, 20.0, 90.0)}
    found = measured(RunResources(60.0, samples, machines=2), RunResources(30.0), RunResources(None))
    assert (found["training_time_total"].value, found["training_time_total"].n) == (90.0, 2)
    assert found["training_time_max"].value == 60.0
    assert found["cpu_utilization_percentage_p50"].value == 20.0
    assert (found["cpu_utilization_percentage_max"].value, found["cpu_utilization_percentage_max"].n) == (90.0, 3)
    assert (found["runs_with_system_metrics"].value, found["runs_with_system_metrics"].n) == (1, 3)
    assert (found["machines_max"].value, found["gpus_max"].value) == (2, 0)
    assert found["gpu_utilization_percentage_p50"].why == NO_GPU


def test_what_was_not_recorded_is_said_so():
    found = measured(RunResources(60.0))
    for name in RECORDED:
        assert found[f"{name}_p50"].value is None
        assert found[f"{name}_max"].why == NOT_RECORDED
    assert found["gpus_max"].why == NOT_RECORDED


def test_no_run_has_no_training_time():
    assert measured()["training_time_total"].why == "no finished run"
    assert measured(RunResources(None))["training_time_p50"].why == "no run says when it began and ended"
