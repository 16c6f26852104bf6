"""Prints what the gguf package reads in each file: the metadata keys, and each tensor's type, shape and values.

    read_gguf.py FILE...

Values are hashed as float32.
"""

import hashlib
import json
import sys

import gguf
import numpy


def values(tensor):
    floats = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    return hashlib.sha256(numpy.ascontiguousarray(floats, dtype="<f4").tobytes()).hexdigest()


def read(file):
    reader = gguf.GGUFReader(file)
    return {
        "keys": [key for key in reader.fields if not key.startswith("GGUF.")],
        "tensors": {t.name: f"{t.tensor_type.name} {t.shape.tolist()[::-1]} {values(t)}" for t in reader.tensors},
    }


json.dump({file: read(file) for file in sys.argv[1:]}, sys.stdout)
