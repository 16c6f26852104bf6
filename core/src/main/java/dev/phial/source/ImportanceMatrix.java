package dev.phial.source;

import dev.phial.io.Json;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * How much each input column of each matrix matters: the mean square of what flowed through it, as
 * llama-imatrix collects it.
 *
 * @param weights GGUF tensor name to {@code [experts * columns]}
 * @param dataset the text it was computed on, if the file says
 * @param chunks how many chunks of it, or 0
 */
public record ImportanceMatrix(Map<String, float[]> weights, Optional<String> dataset, int chunks) {
  private static final String SUMS = ".in_sum2";
  private static final String COUNTS = ".counts";

  private static final int MOST_ENTRIES = 1 << 16;
  private static final int MOST_VALUES = 1 << 25; // four times those of the largest Phi
  private static final int LONGEST_TEXT = 1 << 16;
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * Reads either layout: GGUF, or the older {@code .dat}.
   *
   * @throws dev.phial.PhialException.BadInput if the file is damaged or holds NaN or infinity
   */
  public static ImportanceMatrix read(Path file) {
    ImportanceMatrix matrix = isGguf(file) ? readGguf(file) : readLegacy(file);
    matrix.weights.forEach((name, values) -> {
      for (float value : values) {
        if (!Float.isFinite(value)) {
          throw Refusal.bad(
              file,
              "entry %s: expected finite numbers, found %s; compute the importance matrix again",
              name,
              value);
        }
      }
    });
    return matrix;
  }

  /** The entries whose name passes. */
  public ImportanceMatrix filter(Predicate<String> which) {
    Map<String, float[]> kept = new LinkedHashMap<>();
    weights.forEach((name, values) -> {
      if (which.test(name)) {
        kept.put(name, values);
      }
    });
    return new ImportanceMatrix(kept, dataset, chunks);
  }

  private static boolean isGguf(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw Refusal.bad(file, "expected an importance matrix, found a folder or device");
    }
    try (InputStream in = Files.newInputStream(file)) {
      return Gguf.recognizes(in.readNBytes(4));
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static ImportanceMatrix readGguf(Path file) {
    try (Gguf gguf = Gguf.open(file)) {
      for (String key : List.of("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")) {
        if (!gguf.metadata().containsKey(key)) {
          throw Refusal.bad(
              file,
              "expected an importance matrix with metadata %s, found none; is it a model?",
              key);
        }
      }
      Map<String, float[]> weights = new LinkedHashMap<>();
      long room = MOST_VALUES;
      for (Tensor sums : gguf.tensors().values()) {
        if (sums.name().endsWith(SUMS)) {
          room -= sums.shape().elements();
          if (room < 0) {
            throw Refusal.bad(file, "expected at most %d values, found more", MOST_VALUES);
          }
          String name = sums.name().substring(0, sums.name().length() - SUMS.length());
          weights.put(name, means(file, sums, gguf.tensors().get(name + COUNTS)));
        }
      }
      Optional<String> dataset =
          gguf.metadata().get("imatrix.datasets") instanceof GgufValue.Texts texts
              ? texts.values().stream().findFirst()
              : Optional.empty();
      return new ImportanceMatrix(
          weights, dataset, (int) gguf.whole("imatrix.chunk_count").orElse(0));
    }
  }

  /**
   * Sums divided by counts, per expert; an expert that was never asked counts all columns alike.
   */
  private static float[] means(Path file, Tensor sums, @Nullable Tensor counts) {
    if (counts == null
        || !sums.encoding().name().equals("F32")
        || !counts.encoding().name().equals("F32")
        || sums.shape().elements() % counts.shape().elements() != 0) {
      throw Refusal.bad(
          file,
          "tensor %s: expected F32 sums and counts that divide them, found others; compute the importance matrix again",
          sums.name());
    }
    float[] values = floats(sums);
    float[] divisors = floats(counts);
    int columns = values.length / divisors.length;
    for (int expert = 0; expert < divisors.length; expert++) {
      float count = Math.round(divisors[expert]);
      for (int i = expert * columns; i < (expert + 1) * columns; i++) {
        values[i] = count > 0 ? values[i] / count : 1;
      }
    }
    return values;
  }

  private static float[] floats(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.shape().elements())];
    tensor.read(0, Math.toIntExact(tensor.shape().rows()), values, 0);
    return values;
  }

  /**
   * The older layout: a count of entries, each a name, a number of calls and the sums; then the
   * number of chunks and the name of the text.
   */
  private static ImportanceMatrix readLegacy(Path file) {
    try (Arena arena = Arena.ofConfined()) {
      SegmentReader in = new SegmentReader(file, MappedFile.map(file, arena));
      Map<String, float[]> weights = new LinkedHashMap<>();
      long room = MOST_VALUES;
      int entries = number(file, in, "the number of entries", 1, MOST_ENTRIES);
      for (int i = 0; i < entries; i++) {
        String name = Refusal.name(file, text(file, in, "the name of an entry"));
        int calls = number(file, in, "the number of calls", 0, Integer.MAX_VALUE);
        int count = number(file, in, "the number of values", 1, room);
        room -= count;
        float[] values = in.bytes("values", count * (long) Float.BYTES).toArray(FLOAT);
        for (int j = 0; calls > 0 && j < count; j++) {
          values[j] /= calls;
        }
        weights.put(name, values);
      }
      int chunks = 0;
      Optional<String> dataset = Optional.empty();
      if (in.remaining() > 0) {
        chunks = number(file, in, "the number of chunks", 0, Integer.MAX_VALUE);
      }
      if (in.remaining() > 0) {
        dataset = Optional.of(text(file, in, "the name of the text")).filter(t -> !t.isEmpty());
      }
      return new ImportanceMatrix(weights, dataset, chunks);
    }
  }

  private static String text(Path file, SegmentReader in, String what) {
    return in.utf8(what, number(file, in, "the length of " + what, 0, LONGEST_TEXT));
  }

  private static int number(Path file, SegmentReader in, String what, int least, long most) {
    int value = in.int32(what);
    if (value < least || value > most) {
      throw Refusal.bad(
          file,
          "expected %d to %d for %s of an importance matrix, found %d; it is damaged, or something else",
          least,
          most,
          what,
          value);
    }
    return value;
  }
}
