package dev.phial.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Times Phial beside llama.cpp's converter and quantizer on one checkpoint, in turns, and prints
 * the table of {@code docs/performance.md}. Times are the best of the repetitions, process start
 * included; memory is the largest amount of private memory seen (heap and native, mapped files
 * aside), from {@code /proc}.
 *
 * <p>Usage: {@code ComparePeers MODEL SCRATCH LLAMA PYTHON REPETITIONS TYPE…}, where LLAMA is a
 * built llama.cpp tree and PYTHON an interpreter that can run its converter.
 */
final class ComparePeers {
  /** One timed command. */
  private record Run(double seconds, long bytes) {
    Run better(Run other) {
      return new Run(Math.min(seconds, other.seconds), Math.max(bytes, other.bytes));
    }
  }

  private final Path scratch;
  private final Map<String, Run> runs = new HashMap<>();

  private ComparePeers(Path scratch) {
    this.scratch = scratch;
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    if (arguments.length < 6) {
      System.err.println("usage: ComparePeers MODEL SCRATCH LLAMA PYTHON REPETITIONS TYPE...");
      System.exit(2);
    }
    String model = arguments[0];
    Path scratch = Path.of(arguments[1]).toAbsolutePath();
    Path llama = Path.of(arguments[2]).toAbsolutePath();
    int repetitions = Integer.parseInt(arguments[4]);
    List<String> types = List.of(arguments).subList(5, arguments.length);
    String phial = Path.of(System.getProperty("phial.home", "."), "phial").toString();
    Files.createDirectories(scratch);
    ComparePeers compare = new ComparePeers(scratch);
    String gguf = scratch.resolve("model-bf16.gguf").toString();
    for (int i = 0; i < repetitions; i++) {
      compare.time(
          "convert",
          List.of(
              arguments[3],
              llama.resolve("convert_hf_to_gguf.py").toString(),
              model,
              "--outfile",
              gguf,
              "--outtype",
              "bf16"));
      compare.time("phial bf16", quantize(phial, model, "gguf", "--outtype", "bf16"));
      for (String type : types) {
        compare.time(
            "llama " + type,
            List.of(
                llama.resolve("build/bin/llama-quantize").toString(),
                gguf,
                "peer.gguf",
                type,
                "2"));
        compare.time("phial " + type, quantize(phial, model, "gguf:" + type));
        compare.time("phial gguf " + type, quantize(phial, gguf, "gguf:" + type));
      }
    }
    compare.print(types);
  }

  private static List<String> quantize(String phial, String model, String to, String... more) {
    List<String> command =
        new ArrayList<>(
            List.of(
                phial,
                "quantize",
                model,
                "--to",
                to,
                "-o",
                "phial.gguf",
                "--force",
                "--threads",
                "2"));
    command.addAll(List.of(more));
    return command;
  }

  private void time(String name, List<String> command) throws IOException, InterruptedException {
    long start = System.nanoTime();
    Process process =
        new ProcessBuilder(command)
            .directory(scratch.toFile())
            .redirectErrorStream(true)
            .redirectOutput(scratch.resolve("log").toFile())
            .start();
    long most = 0;
    while (!process.waitFor(10, TimeUnit.MILLISECONDS)) {
      most = Math.max(most, privateBytes(process.pid()));
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    if (process.exitValue() != 0) {
      throw new IOException(
          "%s failed:%n%s"
              .formatted(String.join(" ", command), Files.readString(scratch.resolve("log"))));
    }
    System.err.printf(Locale.ROOT, "%-24s %7.2f s %6d MB%n", name, seconds, most / 1_000_000);
    runs.merge(name, new Run(seconds, most), Run::better);
  }

  private static long privateBytes(long pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("RssAnon:")) {
          return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
        }
      }
    } catch (IOException e) {
      // it has just ended
    }
    return 0;
  }

  private void print(List<String> types) {
    Run convert = run("convert");
    Run own = run("phial bf16");
    System.out.println(
        "| type | llama.cpp, from the folder | Phial | ratio | llama-quantize, from GGUF | Phial | ratio | memory, llama.cpp | Phial |");
    System.out.println("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    System.out.printf(
        Locale.ROOT,
        "| BF16 | %.2f s | %.2f s | **%.1f** | | | | %d MB | %d MB |%n",
        convert.seconds,
        own.seconds,
        convert.seconds / own.seconds,
        convert.bytes / 1_000_000,
        own.bytes / 1_000_000);
    for (String type : types) {
      Run peer = run("llama " + type);
      Run folder = run("phial " + type);
      Run gguf = run("phial gguf " + type);
      double both = convert.seconds + peer.seconds;
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f s | %.2f s | **%.1f** | %.2f s | %.2f s | **%.1f** | %d MB | %d MB |%n",
          type,
          both,
          folder.seconds,
          both / folder.seconds,
          peer.seconds,
          gguf.seconds,
          peer.seconds / gguf.seconds,
          Math.max(convert.bytes, peer.bytes) / 1_000_000,
          Math.max(folder.bytes, gguf.bytes) / 1_000_000);
    }
  }

  private Run run(String name) {
    Run run = runs.get(name);
    if (run == null) {
      throw new IllegalStateException(name + " was not timed");
    }
    return run;
  }
}
