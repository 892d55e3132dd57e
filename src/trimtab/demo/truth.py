"""
What is really so in the simulated project: how long work takes, how often it fails, what a cache is worth

The loop never sees this. It sees runs, as it would see yours, and has to find out. The seed draws it, the sign of some
effects included: in one world the npm cache saves a minute, in another it is so large that fetching it takes longer than
the install that it saves.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAY_RHO = 0.6  # how much of one day's slowness lasts into the next (real on-merge series: lag-1 correlation 0.67)
DAY_SD, OWN_DAY_SD = 0.03, 0.02
GITHUB_LIMIT = 360.0  # minutes after which GitHub stops any job


@dataclass(frozen=True, slots=True)
class Work:
    """One job: median seconds of its main step and their spread (of the logarithm); shares of executions that go wrong."""

    seconds: float
    spread: float = 0.10
    fails: float = 0.02
    hangs: float = 0.0
    loses_runner: float = 0.004


@dataclass(frozen=True, slots=True)
class Install:
    """Seconds to install what a project needs: from the network, or with a cache that was restored."""

    cold: float
    warm: float
    restore: float


@dataclass(frozen=True, slots=True)
class Truth:
    """The hidden facts of one seed. `days` are factors on all work by day of the story; `installs` by package tool."""

    seed: int
    work: Mapping[tuple[str, str], Work]
    installs: Mapping[str, Install]
    days: NDArray[np.float64]
    broken_days: frozenset[int]

    def of(self, workflow: str, job: str) -> Work:
        """The work of a job; one that the sample project did not have is short and sound."""
        return self.work.get((workflow, job), Work(8.0, 0.2, 0.0))

    def rng(self, index: int, *names: str) -> np.random.Generator:
        """
        The randomness of one thing in one run, always the same one

        It hangs on names and not on the order of drawing, so that the same commit meets the same luck with and without
        a change: what differs between the two worlds is the change alone.
        """
        return np.random.default_rng([self.seed, 2, index, *(zlib.crc32(name.encode()) for name in names)])

    def day_factor(self, day: int, workflow: str) -> float:
        own = self.rng(day, "day", workflow).normal(0.0, OWN_DAY_SD)
        return float(self.days[day] * np.exp(own))


def draw(seed: int, days: int) -> Truth:
    """The world of a seed, for so many days."""
    rng = np.random.default_rng([seed, 0])
    size = rng.random()  # half of the worlds have a cache that holds far more than an install needs
    cold = float(rng.uniform(70, 100))
    restore = cold * float(rng.uniform(*((1.6, 2.2) if size >= 0.5 else (0.45, 0.6) if size >= 0.4 else (0.1, 0.2))))
    installs = {
        "npm": Install(cold=cold, warm=cold * 0.45, restore=restore),
        "pip": Install(cold=55.0, warm=18.0, restore=9.0),
    }
    test = float(rng.uniform(9.0, 12.0)) * 60
    work = {
        ("ci", "lint"): Work(25, 0.15, 0.03),
        ("ci", "test"): Work(test, 0.08, 0.03, hangs=0.0008),
        ("ci", "package"): Work(70, 0.10, 0.01),
        ("web", "bundle"): Work(float(rng.uniform(95, 130)), 0.08, 0.03),
        ("nightly", "end-to-end"): Work(float(rng.uniform(18.0, 19.5)) * 60, 0.18, 0.03),
        ("nightly", "fuzz"): Work(float(rng.uniform(30, 34)) * 60, 0.05, 0.02, hangs=float(rng.uniform(0.02, 0.04))),
        ("release", "publish"): Work(90, 0.10, 0.02),
    }
    return Truth(seed, work, installs, _day_factors(seed, days), _broken(seed, days))


def _day_factors(seed: int, days: int) -> NDArray[np.float64]:
    """Slow and fast days, each like the one before: a first-order autoregression on the logarithm."""
    rng = np.random.default_rng([seed, 3])
    level, factors = 0.0, []
    for shock in rng.normal(0.0, DAY_SD * np.sqrt(1 - DAY_RHO**2), days):
        level = DAY_RHO * level + shock
        factors.append(level)
    return np.array([np.exp(level) for level in factors], dtype=np.float64)


def _broken(seed: int, days: int) -> frozenset[int]:
    """Days on which main is broken, so that most runs fail: about three a quarter."""
    drawn = np.random.default_rng([seed, 4]).random(days)
    return frozenset(int(day) for day in np.flatnonzero(drawn < 0.03))
