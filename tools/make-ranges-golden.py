#!/usr/bin/env python3
"""Writes the ranges that ONNX Runtime's calibrators choose for some distributions, for
dev.phial.quant.activation.HistogramTest.

    tools/make-ranges-golden.py \
        core/src/test/resources/dev/phial/quant/activation/ranges-golden.json

Needs onnxruntime and numpy. The values are made of whole numbers in a way that Java repeats exactly.
"""

import json
import sys

COUNT, BINS = 20_000, 2048


def whole(count):
    """A linear congruential generator: 31 bits, of which the upper 24 are used."""
    state = 12345
    for _ in range(count):
        state = (state * 1103515245 + 12345) % (1 << 31)
        yield (state >> 7) / (1 << 24)  # exact in float32


def main(out):
    import numpy as np
    from onnxruntime.quantization import calibrate
    from onnxruntime.quantization.calibrate import HistogramCollector
    from onnxruntime.quantization.quant_utils import compute_scale_zp

    def divergence(p, q):
        """In double precision: in single precision rounding decides between ranges that are nearly
        as good as each other."""
        p, q = p.astype(np.float64) / p.sum(dtype=float), q.astype(np.float64) / q.sum(dtype=float)
        return (p * np.log(p / q)).sum()

    calibrate.entropy = divergence
    uniform = np.array(list(whole(12 * COUNT)), np.float32).reshape(COUNT, 12)
    # sums of these few 24-bit numbers are exact in float64, so that their order does not count
    bell = (uniform.astype(np.float64).sum(1) - 6).astype(np.float32)
    cases = {
        "flat": uniform[:, 0] - np.float32(0.5),
        "bell": bell,
        "outliers": np.where(np.arange(COUNT) % 4999 == 0, bell * np.float32(16), bell),
        "positive": np.abs(bell),
        "shifted": bell + np.float32(8),
        "zeros": np.zeros(COUNT, np.float32),
    }
    golden = {}
    for name, values in cases.items():
        values = values.astype(np.float32)
        entry = {"low": float(values.min()), "high": float(values.max())}
        for percentile in (99.0, 99.9, 99.99):
            collector = HistogramCollector("percentile", False, BINS, 128, percentile, "same")
            collector.collect({"x": values})
            low, high = collector.compute_percentile()["x"][:2]
            entry[str(percentile)] = [float(low), float(high)]
        collector = HistogramCollector("entropy", False, BINS, 128, 0, "same")
        collector.collect({"x": values})
        low, high = collector.compute_entropy()["x"][:2]
        entry["entropy"] = [float(low), float(high)]
        for kind, dtype in (("8", np.uint8), ("16", np.uint16)):
            limits = np.iinfo(dtype)
            zero, scale = compute_scale_zp(
                values.min(), values.max(), np.array(limits.min, dtype), np.array(limits.max, dtype)
            )
            entry["codes" + kind] = [float(scale), int(zero)]
        golden[name] = entry
    with open(out, "w") as file:
        json.dump(golden, file, indent=1)
        file.write("\n")


main(*sys.argv[1:])
