package dev.phial.bench;

import dev.phial.engine.eval.Chunks;
import dev.phial.engine.eval.Evaluation;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Times the engine beside llama.cpp's on GGUF files, in turns, and prints the table of {@code
 * docs/performance.md}: tokens per second, the best of the repetitions, once what has to be
 * compiled is.
 *
 * <p>Decoding is {@value #DECODED} tokens one by one from an empty cache, prefilling {@value
 * #PREFILLED} tokens at once, both as {@code llama-bench} does; evaluating is {@value #CHUNKS}
 * chunks of {@value #CHUNK} tokens as {@code llama-perplexity} does, of which ours includes the
 * scoring.
 *
 * <p>Usage: {@code CompareEngines LLAMA_BIN REPETITIONS GGUF…}, where LLAMA_BIN holds {@code
 * llama-bench} and {@code llama-perplexity}; a {@code -} leaves them out.
 */
final class CompareEngines {
  private static final int THREADS = 2;
  private static final int DECODED = 32;
  private static final int PREFILLED = 256;
  private static final int CHUNKS = 4;
  private static final int CHUNK = 512;

  /** Runs before the first that counts, so that all loops are compiled. */
  private static final int WARM_UP = 3;

  /** Bytes that a plain read takes at a time: they stay in the cache they are copied to. */
  private static final int PIECE = 1 << 18;

  private static final Pattern BENCHED = Pattern.compile("\"avg_ts\": ([0-9.]+)");
  private static final Pattern EVALUATED = Pattern.compile("([0-9.]+) seconds per pass");

  /** Tokens per second. */
  private record Speed(double decode, double prefill, double evaluate) {
    static final Speed NONE = new Speed(0, 0, 0);

    Speed better(Speed other) {
      return new Speed(
          Math.max(decode, other.decode),
          Math.max(prefill, other.prefill),
          Math.max(evaluate, other.evaluate));
    }
  }

  /** What is known of a file. */
  private static final class Line {
    Speed ours = Speed.NONE;
    Speed peer = Speed.NONE;
    double read; // bytes per second
    long bytes; // read for a token
  }

  private final Path llama;
  private final Path text;
  private final Team team = new Team(THREADS);

  private CompareEngines(Path llama, Path text) {
    this.llama = llama;
    this.text = text;
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    if (arguments.length < 3) {
      System.err.println("usage: CompareEngines LLAMA_BIN REPETITIONS GGUF...");
      System.exit(2);
    }
    int repetitions = Integer.parseInt(arguments[1]);
    List<Path> files =
        List.of(arguments).subList(2, arguments.length).stream().map(Path::of).toList();
    Path text = Files.createTempFile("phial", ".txt");
    try {
      Files.writeString(text, words());
      CompareEngines compare = new CompareEngines(Path.of(arguments[0]), text);
      Map<Path, Line> lines = new LinkedHashMap<>();
      for (int i = 0; i < repetitions; i++) {
        for (Path file : files) {
          compare.time(file, lines.computeIfAbsent(file, f -> new Line()));
        }
      }
      System.out.println(
          "| type | decode, llama.cpp | Phial | ratio | reads | of a plain read | prefill, llama.cpp | Phial | ratio | eval, llama.cpp | Phial | ratio |");
      System.out.println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
      lines.forEach(CompareEngines::print);
    } finally {
      Files.delete(text);
    }
  }

  /** A text of more tokens than are evaluated. */
  private static String words() {
    Random random = new Random(7);
    StringBuilder words = new StringBuilder();
    for (int i = 0; i < CHUNKS * CHUNK; i++) {
      words.append((char) ('a' + random.nextInt(26))).append(random.nextInt(10)).append(' ');
    }
    return words.toString();
  }

  private void time(Path file, Line line) throws IOException, InterruptedException {
    try (Checkpoint checkpoint = Sources.open(file)) {
      ModelDescription description = Families.describe(checkpoint);
      List<Weight> read =
          description.weights().stream()
              .filter(weight -> weight.role() != Role.TOKEN_EMBEDDING || isTied(description))
              .toList();
      line.bytes = read.stream().mapToLong(Weight::bytes).sum();
      Forward forward = new Forward(Model.of(description), team, Observer.NONE);
      if (line.ours.equals(Speed.NONE)) {
        for (int i = 0; i < WARM_UP; i++) {
          decode(forward);
          prefill(forward);
        }
        evaluate(forward, 1);
      }
      line.read = Math.max(line.read, read(read));
      line.ours =
          line.ours.better(new Speed(decode(forward), prefill(forward), evaluate(forward, CHUNKS)));
    }
    if (!llama.toString().equals("-")) {
      line.peer =
          line.peer.better(
              new Speed(
                  bench(file, "-n", DECODED), bench(file, "-p", PREFILLED), perplexity(file)));
    }
    System.err.printf(
        "%s: %s, llama.cpp %s, a plain read %.1f GB/s%n",
        file.getFileName(), line.ours, line.peer, line.read / 1e9);
  }

  private static boolean isTied(ModelDescription description) {
    return description.weights().stream().noneMatch(weight -> weight.role() == Role.OUTPUT);
  }

  private static double decode(Forward forward) {
    try (Session session = new Session(forward, CacheType.F16)) {
      int[] tokens = tokens(forward, DECODED);
      long start = System.nanoTime();
      for (int token : tokens) {
        session.next(token);
      }
      return DECODED * 1e9 / (System.nanoTime() - start);
    }
  }

  private static double prefill(Forward forward) {
    try (Session session = new Session(forward, CacheType.F16)) {
      int[] tokens = tokens(forward, PREFILLED);
      long start = System.nanoTime();
      session.next(tokens);
      return PREFILLED * 1e9 / (System.nanoTime() - start);
    }
  }

  private static double evaluate(Forward forward, int count) {
    Chunks chunks = Chunks.halves(tokens(forward, count * CHUNK), CHUNK, OptionalInt.empty());
    long start = System.nanoTime();
    new Evaluation(List.of(new Evaluation.Named("", forward.model())), chunks, forward.team())
        .run(read -> {});
    return count * CHUNK * 1e9 / (System.nanoTime() - start);
  }

  private static int[] tokens(Forward forward, int count) {
    return new Random(3).ints(count, 0, forward.model().hyperparameters().vocabulary()).toArray();
  }

  /** Bytes per second at which all threads can copy the weights to their caches. */
  private double read(List<Weight> weights) {
    List<MemorySegment> pieces = new ArrayList<>();
    for (Weight weight : weights) {
      for (MemorySegment data : weight.slices().stream().map(slice -> slice.data()).toList()) {
        for (long at = 0; at < data.byteSize(); at += PIECE) {
          pieces.add(data.asSlice(at, Math.min(PIECE, data.byteSize() - at)));
        }
      }
    }
    ThreadLocal<byte[]> cache = ThreadLocal.withInitial(() -> new byte[PIECE]);
    long start = System.nanoTime();
    team.forEach(
        pieces.size(),
        i -> {
          MemorySegment piece = pieces.get(i);
          int count = (int) piece.byteSize();
          MemorySegment.copy(piece, ValueLayout.JAVA_BYTE, 0, cache.get(), 0, count);
        });
    return weights.stream().mapToLong(Weight::bytes).sum() * 1e9 / (System.nanoTime() - start);
  }

  private double bench(Path file, String option, int tokens)
      throws IOException, InterruptedException {
    String log =
        run(
            "llama-bench",
            "-m",
            file.toString(),
            option,
            Integer.toString(tokens),
            option.equals("-n") ? "-p" : "-n",
            "0",
            "-t",
            Integer.toString(THREADS),
            "-r",
            "1",
            "-o",
            "json");
    return number(BENCHED, log);
  }

  private double perplexity(Path file) throws IOException, InterruptedException {
    String log =
        run(
            "llama-perplexity",
            "-m",
            file.toString(),
            "-f",
            text.toString(),
            "-c",
            Integer.toString(CHUNK),
            "--chunks",
            Integer.toString(CHUNKS),
            "-t",
            Integer.toString(THREADS));
    return CHUNKS * CHUNK / number(EVALUATED, log); // all chunks are one pass
  }

  private static double number(Pattern pattern, String log) throws IOException {
    Matcher matcher = pattern.matcher(log);
    if (!matcher.find()) {
      throw new IOException("expected %s in:%n%s".formatted(pattern, log));
    }
    return Double.parseDouble(matcher.group(1));
  }

  private String run(String program, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(llama.resolve(program).toString()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = process.inputReader(StandardCharsets.UTF_8).readAllAsString();
    if (process.waitFor() != 0) {
      throw new IOException("%s failed:%n%s".formatted(String.join(" ", command), output));
    }
    return output;
  }

  private static void print(Path file, Line line) {
    double rate = line.ours.decode * line.bytes;
    System.out.printf(
        Locale.ROOT,
        "| %s | %s | %.1f GB/s | %.0f %% | %s | %s |%n",
        file.getFileName(),
        beside(line.peer.decode, line.ours.decode),
        rate / 1e9,
        100 * rate / line.read,
        beside(line.peer.prefill, line.ours.prefill),
        beside(line.peer.evaluate, line.ours.evaluate));
  }

  private static String beside(double peer, double ours) {
    return String.format(Locale.ROOT, "%.1f | %.1f | **%.2f**", peer, ours, ours / peer);
  }
}
