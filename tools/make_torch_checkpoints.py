"""Writes the small PyTorch checkpoints that TorchPickleTest reads.

Usage: python tools/make_torch_checkpoints.py core/src/test/resources/dev/phial/source/torch
They were made with PyTorch 2.15; the values are 0, 1, 2, … in every tensor.
"""

import collections
import pathlib
import sys

import torch

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)


def save(name, what, **options):
    torch.save(what, folder / name, **options)


TYPES = (
    "float64 float32 float16 bfloat16 float8_e4m3fn float8_e5m2 "
    "int64 int32 int16 int8 uint64 uint32 uint16 uint8"
).split()

types = collections.OrderedDict()
for name in TYPES:
    types[name] = torch.arange(6).to(getattr(torch, name)).reshape(2, 3)
types["bool"] = torch.tensor([[False, True, False], [True, False, True]])
save("types.bin", types)

counted = torch.arange(24, dtype=torch.float32)
grid = counted.reshape(4, 6)
views = collections.OrderedDict()
views["whole"] = grid
views["tied"] = grid
views["rows"] = grid[1:3]
views["row"] = grid[2]
views["cube"] = grid.reshape(2, 2, 6)
views["scalar"] = torch.tensor(3.5)
views["parameter"] = torch.nn.Parameter(counted[:4].clone())
views["column"] = counted[:3].reshape(3, 1).t()  # [1, 3], with strides that do not matter
save("views.bin", views)

save("protocol4.bin", {"a": grid}, pickle_protocol=4)
save("state_dict.bin", torch.nn.Linear(3, 2).state_dict())

attributes = torch.nn.Parameter(counted[:3].clone())
attributes.origin = "somewhere"
save("attributes.bin", {"a": attributes})

# what must be refused
save("legacy.bin", {"a": grid}, _use_new_zipfile_serialization=False)
save("transposed.bin", {"good": grid, "bad": grid.t()})
save("expanded.bin", {"bad": torch.ones(1, 4).expand(3, 4)})
save("negated.bin", {"bad": torch._neg_view(counted)})
save("complex.bin", {"bad": torch.ones(3, dtype=torch.complex64)})
save("module.bin", torch.nn.Linear(3, 2))
save("training.bin", {"state_dict": {"a": grid}, "epoch": 3, "optimizer": {"state": {0: 0.5}}})
save("list.bin", [grid])
save("empty.bin", {"bad": torch.empty(3, 0)})
