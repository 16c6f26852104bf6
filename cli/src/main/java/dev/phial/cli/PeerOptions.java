package dev.phial.cli;

import java.util.Map;
import java.util.Optional;

/** Options of other converters, by what Phial calls the same. */
final class PeerOptions {
  private static final String MODEL = "the model comes first, without an option";
  private static final String OUTPUT = "that is -o PATH";
  private static final String METHOD =
      "--method gptq or best chooses codes by what layers compute, --method search by their weights";

  /** docs/options.md has the same as a table. */
  static final Map<String, String> TRANSLATIONS =
      Map.ofEntries(
          // optimum-cli export openvino
          Map.entry("--model", MODEL),
          Map.entry("--weight-format", "the precision follows the target: --to openvino:int4"),
          Map.entry("--dataset", "--calibration-text FILE names a text of yours, for --method"),
          Map.entry("--awq", "AWQ's search is not offered; " + METHOD),
          Map.entry("--gptq", "that is --method gptq"),
          Map.entry("--scale-estimation", METHOD),
          Map.entry("--lora-correction", "it is not offered; " + METHOD),
          Map.entry("--task", "it is not needed: Phi models generate texts"),
          Map.entry("--trust-remote-code", "it is not needed: no code of a checkpoint is run"),
          // mlx_lm.convert
          Map.entry("--hf-path", MODEL),
          Map.entry("--mlx-path", OUTPUT),
          Map.entry(
              "--quantize", "that is --to mlx:4; --q-bits and --q-group-size are as in mlx_lm"),
          Map.entry("-q", "that is --to mlx:4; --q-bits and --q-group-size are as in mlx_lm"),
          Map.entry("--upload-repo", "nothing is uploaded"),
          // onnxruntime-genai's model builder
          Map.entry("--precision", "the precision follows the target: --to onnx:int4"),
          Map.entry("--execution_provider", "that is --ep cpu, cuda, dml, webgpu or qnn"),
          Map.entry("-e", "that is --ep cpu, cuda, dml, webgpu or qnn"),
          Map.entry("--input", MODEL),
          Map.entry("-i", MODEL),
          Map.entry(
              "--extra_options",
              "they are options of their own: int4_block_size=32 is --block-size 32, int4_accuracy_level=4"
                  + " --accuracy-level 4, int4_is_symmetric=false --asymmetric, int4_algo_config=k_quant --algo k_quant"),
          // llama.cpp
          Map.entry("--outfile", OUTPUT),
          Map.entry("--hf-repo", MODEL),
          Map.entry("--n-gpu-layers", "Phial runs models on the CPU"),
          Map.entry("-ngl", "Phial runs models on the CPU"),
          Map.entry("--ctx-size", "that is --context N"),
          Map.entry("--n-predict", "that is -n N"),
          Map.entry("--kl-divergence", "it is always measured: phial eval MODEL CANDIDATE"),
          // llm-compressor, auto-round
          Map.entry("--scheme", "the scheme follows the target: --to torch:w4a16"),
          Map.entry("--format", "that is --to, once for each format"),
          Map.entry("--bits", "the precision follows the target: --to gptq:4"),
          Map.entry("-m", MODEL),
          Map.entry("-p", "the precision follows the target: --to onnx:int4"));

  private PeerOptions() {}

  /** What to say instead of an option. */
  static Optional<String> translate(String option) {
    return Optional.ofNullable(TRANSLATIONS.get(option.split("=", 2)[0]));
  }
}
