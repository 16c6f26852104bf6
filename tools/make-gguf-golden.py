#!/usr/bin/env python3
"""Writes the hashes of what llama.cpp makes of the fixtures, for dev.phial.conformance.GgufGoldenTest.

    tools/make-gguf-golden.py LLAMA conformance/src/test/resources/dev/phial/conformance/gguf-golden.json

LLAMA is the source tree of llama.cpp, with llama-quantize in LLAMA/build/bin or where --build says; it must
be built for x86-64 as its CMake files do it, without FMA in ggml-base. Run it with a Python that has what
convert_hf_to_gguf.py needs; the file was made with the tree inside llama-cpp-python 0.3.36 (gguf 0.19.0),
PyTorch 2.15.0 and transformers 5.23.0.

Keys are `convert TYPE` for `convert_hf_to_gguf.py --outtype TYPE`, `TYPE` for llama-quantize over the bf16
file, `TYPE+imatrix` for the same with fixtures/imatrix/MODEL/imatrix.gguf given as `imatrix.gguf`, and
`TYPE OPTIONS`; values are the SHA-256 of the file, or `refused` where an importance matrix is needed.
"""

import argparse
import hashlib
import json
import pathlib
import runpy
import shutil
import subprocess
import sys
import tempfile

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"

# Byte-pair vocabularies are recognised by the hash of the published ones; the small ones of the fixtures are
# none of them, so the pre-tokenizer that belongs to the family is named here.
MODELS = {
    "tiny-phi3": None,
    "phi2": "phi-2",
    "phi3-card": None,
    "phi3-medium-128k": None,
    "phi3-mini-4k": None,
    "phi35-moe": None,
    "phi4": "dbrx",
    "phi4-mini": "gpt-4o",
}
OUTTYPES = "f32 f16 bf16 q8_0".split()
TYPES = (
    "F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q2_K_S Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K "
    "IQ4_NL IQ4_XS IQ3_S IQ3_M IQ3_XS IQ3_XXS IQ2_XXS IQ2_XS IQ2_S IQ2_M IQ1_S IQ1_M TQ1_0 TQ2_0 Q1_0 Q2_0 MXFP4_MOE"
).split()
OPTIONS = {
    "tiny-phi3": [
        "--pure",
        "--leave-output-tensor",
        "--output-tensor-type q8_0",
        "--token-embedding-type q6_k",
        "--tensor-type attn_qkv=q5_k --tensor-type ffn_down=q8_0",
        r"--tensor-type blk\.[0-1]\.ffn_up=iq4_xs",
        "--prune-layers 2",
        "--override-kv general.name=str:Renamed",
    ]
}


def take_hash(file):
    """The hash of a file, which is removed."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.unlink()
    return digest


def convert(llama, model, pre_tokenizer, outtype, to):
    from conversion.base import TextModel  # of the tree

    recognise = TextModel.get_vocab_base_pre
    if pre_tokenizer:
        TextModel.get_vocab_base_pre = lambda self, tokenizer: pre_tokenizer
    sys.argv = ["convert_hf_to_gguf.py", str(FIXTURES / "models" / model), "--outfile", str(to), "--outtype", outtype]
    runpy.run_path(str(llama / "convert_hf_to_gguf.py"), run_name="__main__")
    TextModel.get_vocab_base_pre = recognise


def quantize(build, folder, options, recipe):
    to = folder / "quantized.gguf"
    command = [build / "bin" / "llama-quantize", *options, "bf16.gguf", to, recipe]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode == 0:
        return take_hash(to)
    to.unlink(missing_ok=True)
    if "imatrix" in run.stdout + run.stderr:
        return "refused"
    sys.exit(f"{command} failed: {run.stdout}{run.stderr}")


def hashes(llama, build, model, pre_tokenizer, folder):
    result = {}
    for outtype in OUTTYPES:
        file = folder / f"{outtype}.gguf"
        convert(llama, model, pre_tokenizer, outtype, file)
        result[f"convert {outtype}"] = hashlib.sha256(file.read_bytes()).hexdigest()
    for recipe in TYPES:
        result[recipe] = quantize(build, folder, [], recipe)
    imatrix = FIXTURES / "imatrix" / model / "imatrix.gguf"
    if imatrix.exists():
        shutil.copy(imatrix, folder)
        for recipe in TYPES:
            result[f"{recipe}+imatrix"] = quantize(build, folder, ["--imatrix", "imatrix.gguf"], recipe)
    for options in OPTIONS.get(model, []):
        result[f"Q4_K_M {options}"] = quantize(build, folder, options.split(" "), "Q4_K_M")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama", type=pathlib.Path, metavar="LLAMA")
    parser.add_argument("output", type=pathlib.Path, metavar="OUTPUT")
    parser.add_argument("--build", type=pathlib.Path, help="its build folder, if not LLAMA/build")
    arguments = parser.parse_args()
    llama = arguments.llama.resolve()
    build = (arguments.build or llama / "build").resolve()
    sys.path[:0] = [str(llama), str(llama / "gguf-py")]
    golden = {}
    for model, pre_tokenizer in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            golden[model] = hashes(llama, build, model, pre_tokenizer, pathlib.Path(folder))
    arguments.output.write_text(json.dumps(golden, indent=1))


if __name__ == "__main__":
    main()
