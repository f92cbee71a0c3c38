"""Losses fall plausibly, and the same seeds give the same losses: laws of `simulation.losses`."""

import struct
from statistics import mean, pstdev

from hypothesis import given
from hypothesis import strategies as st

from mockserver.simulation.losses import losses, vertex_losses

TEXT = "text-bison-001"


@given(
    base=st.sampled_from([TEXT, "gemini-1.0-pro-001", "gemini-1.5-flash-001-tuning", "gemini-2.5-flash"]),
    batch=st.integers(1, 64),
    rate=st.floats(1e-7, 10.0),
    seed=st.integers(),
    step=st.integers(1, 10_000),
)
def test_losses_are_float32_values_in_bounds(base: str, batch: int, rate: float, seed: int, step: int) -> None:
    """A loss is a float32 value, at most slightly negative, and within a plausible range."""
    loss = losses(base, batch, rate, seed, seed).at(step)

    assert loss == struct.unpack("f", struct.pack("f", loss))[0]
    assert -3e-6 < loss < 50


def test_the_same_seeds_give_the_same_series() -> None:
    """The same seeds give the same losses."""
    once, again = losses(TEXT, 4, 0.001, 7, 1), losses(f"models/{TEXT}", 4, 0.001, 7, 1)

    assert [once.at(step) for step in range(1, 100)] == [again.at(step) for step in range(1, 100)]


def test_the_same_data_begin_alike_and_part_slowly() -> None:
    """Two recorded runs over the same data share step 1 to the last digit; then they differ by 1-2 percent."""
    ones, others = ([losses(TEXT, 4, 0.001, 7, seed).at(step) for step in range(1, 13)] for seed in (1, 2))
    apart = [abs(one - other) / one for one, other in zip(ones, others, strict=True)]

    assert ones[0] == others[0]
    assert all(0 < distance < 0.06 for distance in apart[1:])
    assert 0.003 < mean(apart[1:]) < 0.02


def test_other_data_begin_otherwise() -> None:
    """The loss of step 1 depends on the data, the base model and the batch size only."""
    firsts = {
        losses(base, batch, 0.001, data, 1).at(1)
        for base in (TEXT, "text-bison-tuning-test")
        for batch in (2, 4)
        for data in (7, 8)
    }

    assert len(firsts) == 8


def test_a_short_slow_run_of_text_bison_hardly_falls() -> None:
    """Twelve recorded steps at 0.001 lie about 6.9, between 4.4 and 8.7."""
    series = [losses(TEXT, 4, 0.001, data, 1).at(step) for data in range(20) for step in range(1, 13)]

    assert 5.5 < mean(series) < 7.5
    assert 0.7 < pstdev(series) < 2.0
    assert min(series) > 3
    assert max(series) < 14


def test_epoch_means_of_the_long_recorded_run() -> None:
    """6.3 at first, 2.9 in epoch 10, 0.84 in epoch 15, 0.02 in epoch 25, 1e-5 in epoch 100: to a factor of 3."""
    recorded = {1: 6.3, 10: 2.9, 15: 0.84, 25: 0.02}
    for epoch, level in recorded.items():
        at = round(epoch * 15 / 4)
        drawn = [losses(TEXT, 4, 0.001, data, 1).at(step) for data in range(30) for step in range(at - 2, at + 2)]

        assert level / 3 < mean(drawn) < level * 3

    last = [losses(TEXT, 4, 0.001, data, data).at(step) for data in range(30) for step in range(370, 376)]

    assert 1e-6 < mean(last) < 1e-4
    assert min(last) < 0


def test_a_long_run_falls_slowly_in_its_last_half() -> None:
    """additions.md, PaLM: 149 of the last 188 of 375 losses are above 1e-4, none above 0.008; 2 of 375 are negative."""
    series = [[losses(TEXT, 4, 0.001, data, data).at(step) for step in range(1, 376)] for data in range(30)]
    above = [sum(loss > 1e-4 for loss in each[187:]) for each in series]

    assert all(135 <= count <= 160 for count in above)
    assert max(loss for each in series for loss in each[187:]) < 0.008
    assert 1 < mean(sum(loss < 0 for loss in each) for each in series) < 3


def test_losses_of_vertex_are_in_the_recorded_range() -> None:
    """additions.md, vertex 2.3: 7.49 to 0.094 and 2.75 to 0.64; validation 8.69 to 0.22, within a factor of 2.5."""
    for data in range(50):
        series = vertex_losses("gemini-1.5-flash-002", 67, 10, 0.001, data, data)
        train = [series.train(step) for step in range(1, 68)]

        assert 2.3 < train[0] < 9
        assert 0.06 < train[-1] < 1.9
        assert min(train) > 0.055
        assert 1.0 < series.validation(1) / train[0] < 1.35
        assert 2.0 < series.validation(67) / train[-1] < 2.8


def test_one_epoch_of_vertex_falls_less_than_ten() -> None:
    """A longer training ends lower."""
    ends = [vertex_losses("gemini-2.5-flash", 67, epochs, 0.001, 7, 1).train(67) for epochs in (1, 3, 10)]

    assert ends == sorted(ends, reverse=True)


def test_gemini_1_0_ends_five_epochs_near_its_recorded_loss() -> None:
    """Step 19 of the official sample: 1.402067."""
    drawn = [losses("gemini-1.0-pro-001", 4, 0.001, data, 1).at(19) for data in range(50)]

    assert 1.0 < mean(drawn) < 2.0


def test_a_higher_learning_rate_falls_faster() -> None:
    """At 0.02 sixteen steps do what a hundred do at 0.001 (recorded: 16.6 at first, 0.06 at last)."""
    fast, slow = losses(TEXT, 16, 0.02, 7, 1), losses(TEXT, 16, 0.001, 7, 1)

    assert fast.at(1) == slow.at(1)
    assert fast.at(16) < 0.3
    assert slow.at(16) > 3
