package dev.phial.source;

import dev.phial.kernel.Kernels;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The second moments of what flows into each matrix of a model, {@code Σ x xᵀ} in single precision,
 * as {@code phial calibrate --moments} leaves them: a GGUF file with a tensor for matrices that
 * read the same {@code n} numbers, the {@code n (n + 1) / 2} on and below the diagonal row by row.
 */
public final class InputMomentsFile implements AutoCloseable {
  /** What {@code general.type} is. */
  public static final String TYPE = "moments";

  /** Of the layout, in {@link #VERSION_KEY}. */
  public static final int VERSION = 1;

  public static final String VERSION_KEY = "phial.moments.version";

  /** Of the {@link #identity} of the model. */
  public static final String MODEL_KEY = "phial.moments.model";

  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final String MOMENTS = ".in_moments";
  private static final String COUNT = ".count";

  private final Gguf gguf;

  private InputMomentsFile(Gguf gguf) {
    this.gguf = gguf;
  }

  /**
   * Matrices that read the same numbers.
   *
   * @param name of the first of them in GGUF, with its number if it is one of a stack
   * @param size numbers that they read
   */
  public record Entry(String name, int size) {
    /** The tensor of the moments. */
    public String tensor() {
      return name + MOMENTS;
    }

    /** Where the metadata say how many inputs were added. */
    public String countKey() {
      return name + COUNT;
    }

    public Shape shape() {
      return Shape.of((long) size * (size + 1) / 2);
    }
  }

  /**
   * Opens the file.
   *
   * @param checkpoint that the moments must be of
   * @throws dev.phial.PhialException.BadInput if it is damaged, of another kind, or of another
   *     model
   */
  public static InputMomentsFile open(Path file, Checkpoint checkpoint) {
    Gguf gguf = Gguf.open(file);
    try {
      check(gguf, checkpoint);
      return new InputMomentsFile(gguf);
    } catch (Throwable e) {
      gguf.close();
      throw e;
    }
  }

  private static void check(Gguf gguf, Checkpoint checkpoint) {
    if (!gguf.text("general.type").equals(Optional.of(TYPE))) {
      throw Refusal.bad(
          gguf.path(),
          "expected the general.type %s, found %s; make it by phial calibrate --moments",
          TYPE,
          gguf.text("general.type").orElse("none"));
    }
    long version = gguf.whole(VERSION_KEY).orElse(0);
    if (version != VERSION) {
      throw Refusal.unsupported(
          gguf.path(),
          "expected moments of version %d, found %d; make them again by phial calibrate --moments",
          VERSION,
          version);
    }
    if (!gguf.text(MODEL_KEY).equals(Optional.of(identity(checkpoint)))) {
      throw Refusal.bad(
          gguf.path(),
          "expected moments of %s, found those of another model; make them again by phial calibrate --moments",
          checkpoint.path());
    }
  }

  /**
   * What tells a model from all others: a hash of its weights, and of adapters that were added.
   *
   * @throws dev.phial.PhialException.BadInput if a file can no longer be read
   */
  public static String identity(Checkpoint checkpoint) {
    Map<String, String> parts = new TreeMap<>();
    checkpoint.hashes().forEach((file, hash) -> parts.put(file.getFileName().toString(), hash));
    for (AppliedAdapter adapter : checkpoint.adapters()) {
      parts.put(
          "adapter " + adapter.name(),
          adapter.scale() + " " + new TreeMap<>(Sha256.of(adapter.files())).values());
    }
    return Sha256.of(parts.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** How many inputs were added; none for an expert that no token chose. */
  public long count(Entry entry) {
    return gguf.whole(entry.countKey()).orElse(0);
  }

  /**
   * The moments.
   *
   * @return {@code [size][size]}
   * @throws dev.phial.PhialException.BadInput if they are missing, of another size, or hold NaN or
   *     infinity
   */
  public float[] moments(Entry entry) {
    int size = entry.size();
    Tensor tensor = gguf.tensors().get(entry.tensor());
    if (tensor == null
        || !tensor.encoding().name().equals("F32")
        || !tensor.shape().equals(entry.shape())) {
      throw Refusal.bad(
          gguf.path(),
          "tensor %s: expected %s numbers in F32, found %s; make the moments again",
          entry.tensor(),
          entry.shape(),
          tensor == null ? "none" : tensor.encoding().name() + " " + tensor.shape());
    }
    float[] moments = new float[Math.multiplyExact(size, size)];
    float[] row = new float[size];
    for (int i = 0; i < size; i++) {
      long at = (long) i * (i + 1) / 2 * Float.BYTES;
      MemorySegment.copy(tensor.data(), FLOAT, at, row, 0, i + 1);
      int wrong = Kernels.best().firstNonFinite(row, 0, i + 1);
      if (wrong >= 0) {
        throw Refusal.bad(
            gguf.path(),
            "tensor %s: expected finite numbers, found %s; make the moments again",
            entry.tensor(),
            row[wrong]);
      }
      for (int k = 0; k <= i; k++) {
        moments[i * size + k] = row[k];
        moments[k * size + i] = row[k];
      }
    }
    return moments;
  }

  @Override
  public void close() {
    gguf.close();
  }
}
