"""Lets compressed-tensors turn the codes of folders that Phial wrote into numbers.

    decompress_torch.py FOLDER NUMBERS [FOLDER NUMBERS...]

NUMBERS is what Phial made of FOLDER with --to torch:fp32. Prints for each FOLDER, as JSON: how many layers it has that
are quantized, and the largest difference of numbers, relative to the largest number of a matrix, when Phial's are
rounded to the type that compressed-tensors gives.
"""

import contextlib
import json
import os
import sys

from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationConfig
from safetensors.torch import load_file


def compare(folder, numbers):
    with open(os.path.join(folder, "config.json")) as file:
        config = QuantizationConfig.model_validate(json.load(file)["quantization_config"])
    (scheme,) = config.config_groups.values()
    compressor = BaseCompressor.get_value_from_registry(scheme.format or config.format)
    tensors = load_file(os.path.join(folder, "model.safetensors"))
    expected = load_file(os.path.join(numbers, "model.safetensors"))
    layers = sorted(name.removesuffix(".weight_scale") for name in tensors if name.endswith(".weight_scale"))
    largest = 0.0
    for layer in layers:
        parts = {name.removeprefix(layer + "."): t for name, t in tensors.items() if name.startswith(layer + ".")}
        weight = compressor.decompress(parts, scheme)["weight"]
        own = expected[layer + ".weight"].to(weight.dtype).float()
        difference = (weight.float() - own).abs().max() / own.abs().max()
        largest = max(largest, difference.item())
    return {"layers": len(layers), "largest": largest}


with contextlib.redirect_stdout(sys.stderr):
    pairs = zip(sys.argv[1::2], sys.argv[2::2])
    result = {folder: compare(folder, numbers) for folder, numbers in pairs}
print(json.dumps(result))
