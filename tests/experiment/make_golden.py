# SPDX-License-Identifier: Apache-2.0
"""Writes golden.json beside itself: what scipy says about small sets of readings.

Run by hand where scipy (1.17 was used) is installed; the tests only read the file. The bootstrap
draws by the generator of treino/base/rng.h, so that intervals can be compared digit by digit.
"""
import json
import pathlib

import numpy as np
from scipy import stats


def philox_words(seed, count):
    """The first `count` words of Rng(seed, 0): Philox4x32-10 with counters 0, 1, 2, ..."""
    blocks = -(-count // 4)
    c = [np.arange(blocks, dtype=np.uint64), *(np.zeros(blocks, np.uint64) for _ in range(3))]
    low, high, mask = seed & 0xFFFFFFFF, seed >> 32, np.uint64(0xFFFFFFFF)
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(low), p1 & mask,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(high), p0 & mask]
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=1).reshape(-1)[:count]


class OurGenerator(np.random.Generator):
    def __init__(self, seed):
        super().__init__(np.random.PCG64(0))
        self.seed = seed

    def integers(self, low, high=None, size=None, **_):
        words = philox_words(self.seed, int(np.prod(size)))
        return ((words * np.uint64(high)) >> np.uint64(32)).astype(np.int64).reshape(size)


def bca(values, statistic, level, seed):
    found = stats.bootstrap((values,), statistic, n_resamples=10000, confidence_level=level,
                            method="BCa", vectorized=True, rng=OurGenerator(seed))
    return list(found.confidence_interval)


def flips(values, alternative):
    return stats.permutation_test((values,), lambda x, axis: np.sum(x, axis=axis),
                                  permutation_type="samples", vectorized=True, n_resamples=np.inf,
                                  alternative=alternative).pvalue


def holm(ps):  # scipy has none: from the definition
    order, out, least = np.argsort(ps, kind="stable"), np.zeros(len(ps)), 0.0
    for rank, i in enumerate(order):
        least = min(1.0, max(least, ps[i] * (len(ps) - rank)))
        out[i] = least
    return out.tolist()


def power(effect, deviation, n, alpha):
    limit, shift = stats.t.ppf(1 - alpha / 2, n - 1), effect / deviation * np.sqrt(n)
    return float(stats.nct.sf(limit, n - 1, shift) + stats.nct.cdf(-limit, n - 1, shift))


def median_interval(values, level):
    found = stats.quantile_test(values, p=0.5).confidence_interval(level)
    return [found.low, found.high]


rng = np.random.default_rng(7)
sets = {
    "normal": rng.normal(0.03, 0.02, 10),
    "skewed": rng.lognormal(0, 0.5, 12),
    "ties": np.array([1.0, 1.0, 2.0, 2.5, 2.0, 3.0, 5.0]),
    "six": rng.normal(-0.01, 0.05, 6),
    "outlier": np.append(rng.normal(1, 0.01, 9), 1.5),
}
golden = {"sets": {}, "holm": [], "power": []}
for name, values in sets.items():
    t = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    golden["sets"][name] = {
        "values": values.tolist(),
        "median": float(np.median(values)),
        "deviation": float(np.std(values, ddof=1)),
        "quantile10": float(np.quantile(values, 0.1)),
        "quantile90": float(np.quantile(values, 0.9)),
        "geometric_mean": float(stats.gmean(np.abs(values))),
        "median_interval": median_interval(values, 0.95),
        "mean_interval": list(t),
        "bca_median_95": bca(values, np.median, 0.95, 1),
        "bca_median_90": bca(values, np.median, 0.90, 1),
        "bca_mean_95": bca(values, np.mean, 0.95, 5),
        "flip_both": flips(values - np.mean(values) * 0.7, "two-sided"),
        "flip_greater": flips(values - np.mean(values) * 0.7, "greater"),
        "flip_less": flips(values - np.mean(values) * 0.7, "less"),
        "flip_by": float(np.mean(values) * 0.7),
    }
for ps in ([0.01, 0.04, 0.03], [0.002, 0.002, 0.5, 0.02, 0.9], [0.3]):
    golden["holm"].append({"ps": ps, "corrected": holm(ps)})
for effect, deviation, n, alpha in ((0.05, 0.028, 10, 0.05), (0.02, 0.028, 10, 0.005),
                                    (0.02, 0.01, 6, 0.05), (0.1, 0.2, 40, 0.05)):
    golden["power"].append({"effect": effect, "deviation": deviation, "n": n, "alpha": alpha,
                            "power": power(effect, deviation, n, alpha)})
path = pathlib.Path(__file__).with_name("golden.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
print(path)
