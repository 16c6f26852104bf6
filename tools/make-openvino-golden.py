#!/usr/bin/env python3
"""Writes what optimum-intel makes of the checkpoints, for OpenvinoGoldenTest and OpenvinoGenaiTest.

    tools/make-openvino-golden.py models fixtures/models conformance/src/test/resources/dev/phial/conformance/openvino-golden.json [MODEL]...
    tools/make-openvino-golden.py show FOLDER
    tools/make-openvino-golden.py layers FOLDER core/src/test/resources/dev/phial/targets/openvino/MODEL-PRECISION.xml.gz

Wants optimum-intel 2.2.0 with transformers 4.57.6, nncf 3.4.0, openvino 2026.4.1 and
openvino-tokenizers and openvino-genai of the same version. For every model and setting the file holds
the SHA-256 of the lines "NAME TYPE SHAPE SHA-256" of all named constants, sorted, and the first eight
digits of the SHA-256 of each line, to find the first that differs; a digest of the graph, in which a
layer counts by its type, attributes and what it is computed from, and not by its number or name; the
same of tokenizer and detokenizer; and how OpenVINO GenAI tokenizes a prompt. With names of models,
only these are made again. "show" prints the lines of a folder,
"layers" writes its graph without ports and notes, for OpenvinoReadBackTest.
"""

import gzip
import hashlib
import json
import os
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# what stands after the colon of --to openvino, with options of optimum-cli
SETTINGS = {
    "int4": "--weight-format int4 --group-size 64 --ratio 1.0",
    "int4,sym,group-size=128,ratio=0.6": "--weight-format int4 --group-size 128 --ratio 0.6 --sym",
    "int8": "--weight-format int8",
    "fp16": "--weight-format fp16",
    "fp32": "--weight-format fp32",
}
# and these for the first model alone
OPTIONS = {
    "int4,all-layers": "--weight-format int4 --group-size 64 --ratio 1.0 --all-layers",
    "int4,sym,group-size=-1": "--weight-format int4 --group-size -1 --ratio 1.0 --sym",
    "int4,group-size=-1": "--weight-format int4 --group-size -1 --ratio 1.0",
    "int4,ratio=0.5,backup-precision=none": "--weight-format int4 --group-size 64 --ratio 0.5 --backup-precision none",
    "int4,ratio=0.5,backup-precision=int8_sym": "--weight-format int4 --group-size 64 --ratio 0.5 --backup-precision int8_sym",
    "int4,group-size=512,group-size-fallback=ignore": "--weight-format int4 --group-size 512 --ratio 1.0 --group-size-fallback ignore",
    "int4,group-size=512,group-size-fallback=adjust": "--weight-format int4 --group-size 512 --ratio 1.0 --group-size-fallback adjust",
    "int8,sym": "--weight-format int8 --sym",
    "nf4": "--weight-format nf4 --group-size 64 --ratio 1.0",
    "mxfp4": "--weight-format mxfp4",
    "mxfp4,ratio=0.5": "--weight-format mxfp4 --ratio 0.5",
    "nf4,group-size=-1,all-layers": "--weight-format nf4 --group-size -1 --ratio 1.0 --all-layers",
}
FIRST = "tiny-phi3"
PROMPT = "What light through yonder window breaks? It is the east, and  Juliet's 12 suns\n"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Graph:
    """A graph in OpenVINO's intermediate representation."""

    def __init__(self, folder, name):
        root = ElementTree.parse(Path(folder) / (name + ".xml")).getroot()
        self.data = (Path(folder) / (name + ".bin")).read_bytes()
        self.layers = {layer.get("id"): layer for layer in root.find("layers")}
        self.inputs = {id: {} for id in self.layers}
        for edge in root.find("edges"):
            to = self.inputs[edge.get("to-layer")]
            to[int(edge.get("to-port"))] = (edge.get("from-layer"), int(edge.get("from-port")))

    def constant(self, attributes):
        """Removes from the attributes what depends on the place in the file."""
        offset, size = int(attributes.pop("offset")), int(attributes.pop("size"))
        return sha256(self.data[offset : offset + size])

    def listing(self):
        """A line for each constant that has a name of its own."""
        lines = []
        for layer in self.layers.values():
            if layer.get("type") == "Const" and layer.get("name").startswith("self."):
                attributes = dict(layer.find("data").attrib)
                digest = self.constant(attributes)
                shape = attributes["shape"].replace(", ", "x")
                lines.append(f"{layer.get('name')} {attributes['element_type']} {shape} {digest}")
        return sorted(lines)

    def digest(self):
        known = {}

        def digest(id):
            layer = self.layers[id]
            data = layer.find("data")
            attributes = dict(data.attrib) if data is not None else {}
            words = [layer.get("type"), layer.get("version")]
            if layer.get("type") == "Const":
                words.append(self.constant(attributes))
            # names that the converter counts up
            elif layer.get("type") == "Parameter" and not layer.get("name").startswith("Parameter"):
                words.append(layer.get("name"))
            words += [f"{key}={value}" for key, value in sorted(attributes.items())]
            # where nothing may become half precision plugins find out by themselves
            words += ["decompression"] if layer.find("rt_info/attribute[@name='decompression']") is not None else []
            for _, (source, port) in sorted(self.inputs[id].items()):
                words.append(f"{known[source]}.{port - len(self.inputs[source])}")
            return sha256("\n".join(words).encode())

        waiting = list(self.layers)
        while waiting:
            ready = [id for id in waiting if all(source in known for source, _ in self.inputs[id].values())]
            known.update({id: digest(id) for id in ready})
            waiting = [id for id in waiting if id not in known]
        ends = [id for id, layer in self.layers.items() if layer.get("type") in ("Result", "Assign")]
        return sha256("\n".join(sorted(known[id] for id in ends)).encode())


def layers(folder, out):
    """Layers, attributes and edges are what readers need."""
    tree = ElementTree.parse(Path(folder) / "openvino_model.xml")
    for layer in tree.getroot().find("layers"):
        for name in ("input", "output", "rt_info"):
            for found in layer.findall(name):
                layer.remove(found)
    tree.getroot().remove(tree.getroot().find("rt_info"))
    ElementTree.indent(tree, "")
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_bytes(gzip.compress(ElementTree.tostring(tree.getroot()), 9, mtime=0))


def prompt(folder):
    import openvino_genai

    return openvino_genai.Tokenizer(folder).encode(PROMPT).input_ids.data[0].tolist()


def export(model, options, folder):
    from optimum.commands.optimum_cli import main

    sys.argv = ["optimum-cli", "export", "openvino", "-m", str(model), "--task", "text-generation-with-past"]
    sys.argv += options.split() + [folder]
    main()


def models(source, out, names):
    os.environ["HF_HUB_OFFLINE"] = "1"
    result = json.loads(Path(out).read_text()) if names else {}
    for model in sorted(path for path in Path(source).iterdir() if path.is_dir()):
        if names and model.name not in names:
            continue
        entry = {}
        for setting, options in (SETTINGS | (OPTIONS if model.name == FIRST else {})).items():
            with tempfile.TemporaryDirectory() as folder:
                try:
                    export(model, options, folder)
                except Exception as error:
                    print(model.name, setting, "refused:", error, file=sys.stderr)
                    continue
                graph = Graph(folder, "openvino_model")
                lines = graph.listing()
                entry[setting] = {
                    "constants": sha256("".join(line + "\n" for line in lines).encode()),
                    "lines": " ".join(sha256(line.encode())[:8] for line in lines),
                    "graph": graph.digest(),
                }
                if setting in ("int4", "int8", "fp32"):
                    entry[setting]["prompt"] = prompt(folder)
                for part in ("tokenizer", "detokenizer"):
                    entry[part] = Graph(folder, "openvino_" + part).digest()
                print(model.name, setting, file=sys.stderr)
        if entry:
            result[model.name] = entry
            Path(out).write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["models", source, out, *names]:
            models(source, out, names)
        case ["show", folder]:
            print("\n".join(Graph(folder, "openvino_model").listing()))
        case ["layers", folder, out]:
            layers(folder, out)
        case _:
            sys.exit(__doc__)
