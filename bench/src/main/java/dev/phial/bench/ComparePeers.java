package dev.phial.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Times Phial beside llama.cpp's converter and quantizer on one checkpoint, in turns, prints the
 * table of {@code docs/performance.md}, and compares all files byte for byte.
 *
 * <p>Usage: {@code ComparePeers MODEL SCRATCH LLAMA PYTHON REPETITIONS TYPE…}, where LLAMA is a
 * built llama.cpp tree and PYTHON an interpreter that can run its converter.
 */
final class ComparePeers {
  private final Timings timings;

  private ComparePeers(Timings timings) {
    this.timings = timings;
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
    ComparePeers compare = new ComparePeers(new Timings(scratch));
    String gguf = scratch.resolve("model-bf16.gguf").toString();
    for (int i = 0; i < repetitions; i++) {
      compare.timings.time(
          "convert",
          List.of(
              arguments[3],
              llama.resolve("convert_hf_to_gguf.py").toString(),
              model,
              "--outfile",
              gguf,
              "--outtype",
              "bf16"));
      compare.timings.time("phial bf16", quantize(phial, model, "gguf", "--outtype", "bf16"));
      for (String type : types) {
        compare.timings.time(
            "llama " + type,
            List.of(
                llama.resolve("build/bin/llama-quantize").toString(),
                gguf,
                "peer.gguf",
                type,
                "2"));
        compare.timings.time("phial " + type, quantize(phial, model, "gguf:" + type));
        checkEqual(scratch, type + " from the folder");
        compare.timings.time("phial gguf " + type, quantize(phial, gguf, "gguf:" + type));
        checkEqual(scratch, type + " from GGUF");
      }
    }
    compare.print(types);
  }

  /** What is faster must be the same to the last byte. */
  private static void checkEqual(Path scratch, String what) throws IOException {
    long at = Files.mismatch(scratch.resolve("peer.gguf"), scratch.resolve("phial.gguf"));
    if (at >= 0) {
      throw new IllegalStateException("%s: the files differ at byte %d".formatted(what, at));
    }
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

  private void print(List<String> types) {
    Timings.Run convert = timings.run("convert");
    Timings.Run own = timings.run("phial bf16");
    System.out.println(
        "| type | llama.cpp, from the folder | Phial | ratio | llama-quantize, from GGUF | Phial | ratio | memory, llama.cpp | Phial |");
    System.out.println("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    System.out.printf(
        Locale.ROOT,
        "| BF16 | %.2f s | %.2f s | **%.1f** | | | | %d MB | %d MB |%n",
        convert.seconds(),
        own.seconds(),
        convert.seconds() / own.seconds(),
        convert.bytes() / 1_000_000,
        own.bytes() / 1_000_000);
    for (String type : types) {
      Timings.Run peer = timings.run("llama " + type);
      Timings.Run folder = timings.run("phial " + type);
      Timings.Run gguf = timings.run("phial gguf " + type);
      double both = convert.seconds() + peer.seconds();
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f s | %.2f s | **%.1f** | %.2f s | %.2f s | **%.1f** | %d MB | %d MB |%n",
          type,
          both,
          folder.seconds(),
          both / folder.seconds(),
          peer.seconds(),
          gguf.seconds(),
          peer.seconds() / gguf.seconds(),
          Math.max(convert.bytes(), peer.bytes()) / 1_000_000,
          Math.max(folder.bytes(), gguf.bytes()) / 1_000_000);
    }
  }
}
