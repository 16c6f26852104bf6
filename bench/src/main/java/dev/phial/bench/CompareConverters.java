package dev.phial.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Times Phial beside the model builder of ONNX Runtime GenAI, optimum-intel and mlx_lm, in turns,
 * then all of their formats in one pass, and prints the tables of {@code docs/performance.md}.
 *
 * <p>Usage: {@code CompareConverters MODEL SCRATCH ONNX_PYTHON OPTIMUM_CLI MLX_PYTHON REPETITIONS},
 * two interpreters and a program that have these tools.
 */
final class CompareConverters {
  private static final String GGUF = "gguf:Q4_K_M";

  private final Path model;
  private final Path scratch;
  private final String phial =
      Path.of(System.getProperty("phial.home", "."), "phial").toAbsolutePath().toString();
  private final Timings timings;

  private CompareConverters(Path model, Path scratch) throws IOException {
    this.model = model;
    this.scratch = scratch;
    this.timings = new Timings(scratch);
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    if (arguments.length != 6) {
      System.err.println(
          "usage: CompareConverters MODEL SCRATCH ONNX_PYTHON OPTIMUM_CLI MLX_PYTHON REPETITIONS");
      System.exit(2);
    }
    Path model = Path.of(arguments[0]).toAbsolutePath();
    Path scratch = Path.of(arguments[1]).toAbsolutePath();
    Map<String, List<String>> peers =
        peers(model.toString(), arguments[2], arguments[3], arguments[4]);
    CompareConverters compare = new CompareConverters(model, scratch);
    compare.timings.time("start", List.of(compare.phial, "--version")); // it may have to be built
    for (int i = 0; i < Integer.parseInt(arguments[5]); i++) {
      for (Map.Entry<String, List<String>> peer : peers.entrySet()) {
        compare.clear();
        compare.timings.time("peer " + peer.getKey(), peer.getValue());
        compare.clear();
        compare.timings.time(peer.getKey(), compare.quantize(List.of(peer.getKey())));
      }
      compare.clear();
      compare.timings.time(GGUF, compare.quantize(List.of(GGUF)));
      List<String> all = new ArrayList<>(List.of(GGUF));
      all.addAll(peers.keySet());
      compare.clear();
      compare.timings.time("all", compare.quantize(all));
    }
    compare.clear();
    compare.print(peers.keySet().stream().toList());
  }

  /** What each writes, and the command of the tool that writes the same. */
  private static Map<String, List<String>> peers(
      String model, String onnxPython, String optimum, String mlxPython) {
    Map<String, List<String>> peers = new LinkedHashMap<>();
    peers.put(
        "onnx:int4",
        List.of(
            onnxPython,
            "-m",
            "onnxruntime_genai.models.builder",
            "-m",
            "x",
            "-i",
            model,
            "-o",
            "out",
            "-p",
            "int4",
            "-e",
            "cpu",
            "-c",
            "cache"));
    peers.put(
        "openvino:int4",
        List.of(
            optimum,
            "export",
            "openvino",
            "-m",
            model,
            "--task",
            "text-generation-with-past",
            "--weight-format",
            "int4",
            "--group-size",
            "64",
            "--ratio",
            "1.0",
            "out"));
    peers.put(
        "mlx:4",
        List.of(
            mlxPython,
            "-m",
            "mlx_lm",
            "convert",
            "--hf-path",
            model,
            "--mlx-path",
            "out",
            "-q",
            "--q-bits",
            "4"));
    return peers;
  }

  private List<String> quantize(List<String> targets) {
    List<String> command = new ArrayList<>(List.of(phial, "quantize", model.toString()));
    for (String target : targets) {
      command.addAll(List.of("--to", target));
    }
    command.addAll(List.of("-o", "out", "--threads", "2"));
    return command;
  }

  /** Some of the tools refuse an output that exists, others are quicker if it does. */
  private void clear() throws IOException {
    Path out = scratch.resolve("out");
    if (Files.exists(out)) {
      try (Stream<Path> files = Files.walk(out)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  private void print(List<String> targets) {
    System.out.println(
        "| target | its own converter | Phial | ratio | memory, its converter | Phial |");
    System.out.println("|---|--:|--:|--:|--:|--:|");
    double slowest = timings.run(GGUF).seconds();
    for (String target : targets) {
      Timings.Run peer = timings.run("peer " + target);
      Timings.Run own = timings.run(target);
      slowest = Math.max(slowest, own.seconds());
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f s | %.2f s | **%.1f** | %d MB | %d MB |%n",
          target,
          peer.seconds(),
          own.seconds(),
          peer.seconds() / own.seconds(),
          peer.megabytes(),
          own.megabytes());
    }
    Timings.Run all = timings.run("all");
    System.out.printf(
        Locale.ROOT,
        "all of them and %s in one pass: %.2f s, %d MB; the slowest alone: %.2f s; ratio %.2f%n",
        GGUF,
        all.seconds(),
        all.megabytes(),
        slowest,
        all.seconds() / slowest);
  }
}
