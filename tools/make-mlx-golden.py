#!/usr/bin/env python3
"""Writes what MLX makes of known inputs and models, for MlxFormatTest and MlxGoldenTest.

    tools/make-mlx-golden.py rows core/src/test/resources/dev/phial/quant/mlx-golden.json
    tools/make-mlx-golden.py models fixtures/models conformance/src/test/resources/dev/phial/conformance/mlx-golden.json
    tools/make-mlx-golden.py show FOLDER

Wants mlx 0.32.4 (the CPU build, mlx[cpu]) and mlx-lm 0.32.2. The rows are those of
make-ggml-golden.py; for every quant type and type of numbers the file holds the start of a SHA-256 for
each row, of codes, scales and biases one after the other. Of a model converted with each setting it
holds the SHA-256 of the lines "NAME DTYPE SHAPE SHA-256" of all tensors, sorted, and the first eight
digits of the SHA-256 of each line, to find the first that differs; the SHA-256 of config.json and of
model.safetensors.index.json. "show" prints the lines of a converted folder.
"""

import hashlib
import importlib.util
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

BITS = (2, 3, 4, 5, 6, 8)
GROUP_SIZES = (32, 64, 128)
DTYPES = ("float32", "float16", "bfloat16")
# what stands after the colon of --to mlx, with options of mlx_lm.convert
SETTINGS = {
    "2": ["-q", "--q-bits", "2"],
    "3": ["-q", "--q-bits", "3"],
    "4": ["-q", "--q-bits", "4"],
    "4,q-group-size=32": ["-q", "--q-bits", "4", "--q-group-size", "32"],
    "4,q-group-size=128": ["-q", "--q-bits", "4", "--q-group-size", "128"],
    "4,dtype=float16": ["-q", "--q-bits", "4", "--dtype", "float16"],
    "4,dtype=float32": ["-q", "--q-bits", "4", "--dtype", "float32"],
    "5": ["-q", "--q-bits", "5"],
    "6": ["-q", "--q-bits", "6"],
    "8": ["-q", "--q-bits", "8"],
    "mxfp4": ["-q", "--q-mode", "mxfp4"],
    "mxfp8": ["-q", "--q-mode", "mxfp8"],
    "mxfp8,dtype=float16": ["-q", "--q-mode", "mxfp8", "--dtype", "float16"],
    "nvfp4": ["-q", "--q-mode", "nvfp4"],
    "nvfp4,dtype=float32": ["-q", "--q-mode", "nvfp4", "--dtype", "float32"],
    "mixed_2_6": ["-q", "--quant-predicate", "mixed_2_6"],
    "mixed_3_4": ["-q", "--quant-predicate", "mixed_3_4"],
    "mixed_3_6": ["-q", "--quant-predicate", "mixed_3_6"],
    "mixed_4_6": ["-q", "--quant-predicate", "mixed_4_6"],
    "mixed_4_6,q-group-size=32": ["-q", "--quant-predicate", "mixed_4_6", "--q-group-size", "32"],
    "float16": ["--dtype", "float16"],
    "bfloat16": ["--dtype", "bfloat16"],
    "float32": ["--dtype", "float32"],
    "": [],
}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def rows(out):
    import mlx.core as mx
    import numpy

    mx.set_default_device(mx.cpu)
    spec = importlib.util.spec_from_file_location(
        "ggml_golden", Path(__file__).with_name("make-ggml-golden.py")
    )
    ggml_golden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ggml_golden)
    kinds = ggml_golden.ROWS
    inputs = [numpy.array(ggml_golden.row(kind), dtype=numpy.float32) for kind in kinds]
    types = [("affine", bits, size) for bits in BITS for size in GROUP_SIZES]
    types += [("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16)]
    lines = []
    for dtype in DTYPES:
        for mode, bits, size in types:
            digests = []
            for values in inputs:
                if mode.startswith("mx"):  # its exponents wrap around below that
                    values = numpy.where(abs(values) < 2.0**-100, numpy.float32(0), values)
                w = mx.array(values).astype(getattr(mx, dtype)).reshape(1, -1)
                parts = mx.quantize(w, group_size=size, bits=bits, mode=mode)
                data = b"".join(bytes(memoryview(part.view(mx.uint8))) for part in parts)
                digests.append(sha256(data)[:16])
            lines.append(
                json.dumps(
                    {"dtype": dtype, "mode": mode, "bits": bits, "group_size": size, "rows": dict(zip(kinds, digests))}
                )
            )
    Path(out).write_text("[\n" + ",\n".join(lines) + "\n]\n")


def listing(folder):
    """A line for each tensor of a folder."""
    lines = []
    for path in sorted(Path(folder).glob("*.safetensors")):
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(length))
            assert header.pop("__metadata__") == {"format": "mlx"}
            for name, entry in header.items():
                begin, end = entry["data_offsets"]
                file.seek(8 + length + begin)
                shape = "x".join(str(n) for n in entry["shape"])
                lines.append(f"{name} {entry['dtype']} {shape} {sha256(file.read(end - begin))}")
    return sorted(lines)


def models(source, out):
    result = {}
    for model in sorted(path for path in Path(source).iterdir() if path.is_dir()):
        if not (model / "model.safetensors").exists() or model.name.endswith("-card"):
            continue  # the same weights in another container, or with another card
        entry = result.setdefault(model.name, {})
        for setting, options in SETTINGS.items():
            with tempfile.TemporaryDirectory() as folder:
                converted = Path(folder) / "converted"
                command = [sys.executable, "-m", "mlx_lm", "convert", "--hf-path", str(model), "--mlx-path", str(converted)]
                run = subprocess.run(command + options, capture_output=True, text=True)
                if run.returncode != 0:
                    print(model.name, setting, "refused:", run.stderr.strip().splitlines()[-1], file=sys.stderr)
                    entry[setting] = "refused"
                    continue
                lines = listing(converted)
                entry[setting] = {
                    "tensors": sha256("".join(line + "\n" for line in lines).encode()),
                    "lines": " ".join(sha256(line.encode())[:8] for line in lines),
                    "config": sha256((converted / "config.json").read_bytes()),
                    "index": sha256((converted / "model.safetensors.index.json").read_bytes()),
                }
                print(model.name, setting or "as it is", file=sys.stderr)
    Path(out).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["rows", out]:
            rows(out)
        case ["models", source, out]:
            models(source, out)
        case ["show", folder]:
            print("\n".join(listing(folder)))
        case _:
            sys.exit(__doc__)
