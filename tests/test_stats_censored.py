"""Percentiles of lengths some of which were stopped by a limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.model import Unknown
from trimtab.stats.censored import quantile

lengths = st.lists(st.floats(1, 1000), min_size=1, max_size=50)


@given(lengths, st.floats(0.05, 0.99))
def test_without_censoring_it_is_the_empirical_quantile(durations: list[float], q: float) -> None:
    got = quantile(durations, [False] * len(durations), q)
    assert isinstance(got, float)
    assert got in durations
    assert np.mean([d <= got + 1e-9 for d in durations]) >= q - 1e-9
    assert np.mean([d < got for d in durations]) < q + 1e-9


@given(st.lists(st.tuples(st.floats(1, 1000), st.booleans()), min_size=1, max_size=50), st.floats(0.05, 0.99))
def test_a_censored_length_never_makes_the_quantile_smaller(rows: list[tuple[float, bool]], q: float) -> None:
    durations, censored = [d for d, _ in rows], [c for _, c in rows]
    naive = quantile(durations, [False] * len(rows), q)
    honest = quantile(durations, censored, q)
    assert isinstance(naive, float)
    assert isinstance(honest, Unknown) or honest >= naive


def test_a_textbook_curve() -> None:
    # 6 lengths, the third censored: S = 5/6, 4/6, then 4/6 * 2/3, ... so the median is the fourth length.
    assert quantile([1, 2, 3, 4, 5, 6], [False, False, True, False, False, False], 0.5) == 4


def test_beyond_what_was_seen_is_unknown() -> None:
    got = quantile([10] * 18 + [25, 25], [False] * 18 + [True, True], 0.99)
    assert got == Unknown("2 of 20 were stopped by a limit, so the 99% point lies beyond what was seen")


def test_it_finds_the_truth_behind_a_limit() -> None:
    truth = np.random.default_rng(1).lognormal(3, 0.3, 20_000)
    seen, stopped = np.minimum(truth, 30), truth > 30
    assert quantile(list(seen), list(stopped), 0.8) == pytest.approx(np.quantile(truth, 0.8), rel=0.02)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError):
        quantile([1.0], [False], 1.0)
    with pytest.raises(ValueError):
        quantile([1.0], [], 0.5)
