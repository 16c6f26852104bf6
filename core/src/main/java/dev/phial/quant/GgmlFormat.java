package dev.phial.quant;

import dev.phial.PhialException;
import dev.phial.kernel.BlockKernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A type of ggml. Subclasses give the layout of one block, as {@code ggml-common.h} declares it,
 * and reproduce the reference quantizer of {@code ggml-quants.c} bit for bit.
 */
public abstract class GgmlFormat implements Format {
  /** Bytes copied out of the file at a time; they stay in the first-level cache. */
  private static final int CHUNK = 8192;

  private final String name;
  private final int id;
  private final int blockSize;
  private final int blockBytes;

  /**
   * @param id the number of the type in a GGUF file, {@code enum ggml_type}
   */
  GgmlFormat(String name, int id, int blockSize, int blockBytes) {
    this.name = name;
    this.id = id;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** Decodes the block at {@code from[at]} to {@link #blockSize} floats. */
  abstract void decodeBlock(byte[] from, int at, float[] to, int toAt);

  /** Encodes {@link #blockSize} floats without regard to importance. */
  abstract void encodeBlock(float[] x, int from, byte[] to, int at);

  /**
   * Whether rows can only be encoded with their importance: {@code ggml_quantize_requires_imatrix}.
   */
  public boolean needsImportance() {
    return false;
  }

  /** Refuses to go on without importance where the type needs it. */
  final void requireImportance(float @Nullable [] importance) {
    if (importance == null && needsImportance()) {
      throw new PhialException.Unsupported(
          name + " needs an importance matrix, found none; give one, or choose another type");
    }
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    int blocks = rows * columns / blockSize;
    for (int block = 0; block < blocks; block++) {
      encodeBlock(x, block * blockSize, to, at + block * blockBytes);
    }
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    Optional<BlockKernel> kernel = kernel();
    int blocks = Math.toIntExact(bytes(count) / blockBytes);
    int most = Math.max(1, CHUNK / blockBytes);
    byte[] bytes = new byte[Math.min(blocks, most) * blockBytes];
    for (int done = 0; done < blocks; done += most) {
      int n = Math.min(blocks - done, most);
      long start = offset + (long) done * blockBytes;
      MemorySegment.copy(from, ValueLayout.JAVA_BYTE, start, bytes, 0, n * blockBytes);
      int to0 = at + done * blockSize;
      if (kernel.isPresent()) {
        kernel.get().decode(bytes, 0, to, to0, n * blockSize);
      } else {
        for (int block = 0; block < n; block++) {
          decodeBlock(bytes, block * blockBytes, to, to0 + block * blockSize);
        }
      }
    }
  }

  @Override
  public final String name() {
    return name;
  }

  /** The number of the type in a GGUF file. */
  public final int id() {
    return id;
  }

  @Override
  public final int blockSize() {
    return blockSize;
  }

  @Override
  public final int blockBytes() {
    return blockBytes;
  }

  @Override
  public final String toString() {
    return name;
  }
}
