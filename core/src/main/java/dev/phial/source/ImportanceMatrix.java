package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

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

  /**
   * Reads either layout: GGUF, or the older {@code .dat}.
   *
   * @throws PhialException.BadInput if the file is damaged or holds numbers that are none
   */
  public static ImportanceMatrix read(Path file) {
    ImportanceMatrix matrix = isGguf(file) ? readGguf(file) : new Legacy(file).read();
    matrix.weights.forEach((name, values) -> {
      for (float value : values) {
        if (!Float.isFinite(value)) {
          throw new PhialException.BadInput(
              "%s: entry %s: expected finite numbers, found %s; compute the importance matrix again"
                  .formatted(file, name, value));
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
    try (InputStream in = Files.newInputStream(file)) {
      return Gguf.recognizes(in.readNBytes(4));
    } catch (IOException e) {
      throw dev.phial.io.Json.unreadable(file, e);
    }
  }

  private static ImportanceMatrix readGguf(Path file) {
    try (Gguf gguf = Gguf.open(file)) {
      for (String key : List.of("imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size")) {
        if (!gguf.metadata().containsKey(key)) {
          throw new PhialException.BadInput(
              "%s: expected an importance matrix with metadata %s, found none; is it a model?"
                  .formatted(file, key));
        }
      }
      Map<String, float[]> weights = new LinkedHashMap<>();
      for (Tensor sums : gguf.tensors().values()) {
        if (sums.name().endsWith(SUMS)) {
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
  private static float[] means(
      Path file, Tensor sums, @org.jspecify.annotations.Nullable Tensor counts) {
    if (counts == null
        || !sums.encoding().name().equals("F32")
        || !counts.encoding().name().equals("F32")
        || sums.shape().elements() % counts.shape().elements() != 0) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected F32 sums and counts that divide them, found others; compute the importance matrix again"
              .formatted(file, sums.name()));
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
   * text's name.
   */
  private static final class Legacy {
    private static final ValueLayout.OfInt INT =
        ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
        ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int MOST_ENTRIES = 1 << 16;

    private final Path file;
    private MemorySegment all = MemorySegment.NULL;
    private long at;

    Legacy(Path file) {
      this.file = file;
    }

    ImportanceMatrix read() {
      try (Arena arena = Arena.ofConfined()) {
        all = MappedFile.map(file, arena);
        int entries = number("the number of entries", 1, MOST_ENTRIES);
        Map<String, float[]> weights = new LinkedHashMap<>();
        for (int i = 0; i < entries; i++) {
          String name = text();
          int calls = number("the number of calls", 0, Integer.MAX_VALUE);
          float[] values =
              new float[number("the number of values", 1, (all.byteSize() - at) / Float.BYTES)];
          MemorySegment.copy(
              take(values.length * (long) Float.BYTES), FLOAT, 0, values, 0, values.length);
          for (int j = 0; calls > 0 && j < values.length; j++) {
            values[j] /= calls;
          }
          weights.put(name, values);
        }
        int chunks = at < all.byteSize() ? number("the number of chunks", 0, Integer.MAX_VALUE) : 0;
        Optional<String> dataset =
            at < all.byteSize() ? Optional.of(text()).filter(t -> !t.isEmpty()) : Optional.empty();
        return new ImportanceMatrix(weights, dataset, chunks);
      }
    }

    private String text() {
      int length = number("the length of a name", 0, all.byteSize() - at);
      byte[] bytes = take(length).toArray(ValueLayout.JAVA_BYTE);
      return new String(bytes, StandardCharsets.UTF_8);
    }

    private int number(String what, int least, long most) {
      int value = take(Integer.BYTES).get(INT, 0);
      if (value < least || value > most) {
        throw new PhialException.BadInput(
            "%s: expected %d to %d for %s of an importance matrix, found %d; it is damaged, or something else"
                .formatted(file, least, most, what, value));
      }
      return value;
    }

    private MemorySegment take(long count) {
      if (count > all.byteSize() - at) {
        throw new PhialException.BadInput(
            "%s: expected %d more bytes of an importance matrix, found the end of the file"
                .formatted(file, count));
      }
      MemorySegment slice = all.asSlice(at, count);
      at += count;
      return slice;
    }
  }
}
