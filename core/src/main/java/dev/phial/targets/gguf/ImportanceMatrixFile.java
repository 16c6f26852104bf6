package dev.phial.targets.gguf;

import dev.phial.io.AtomicFile;
import dev.phial.io.LittleEndian;
import dev.phial.quant.Formats;
import dev.phial.source.Gguf;
import dev.phial.source.GgufValue;
import dev.phial.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes importance matrices as llama-imatrix does ({@code save_imatrix} of imatrix.cpp). */
public final class ImportanceMatrixFile {
  private ImportanceMatrixFile() {}

  /**
   * What flowed into a matrix, or a stack of one for each expert.
   *
   * @param name of the matrix in GGUF
   * @param sums of the squares, {@code [experts * columns]}
   * @param counts of the tokens, {@code [experts]}
   */
  public record Entry(String name, float[] sums, float[] counts) {}

  /**
   * Writes a file.
   *
   * @param replace whether one that exists may be replaced
   * @param dataset what the text was called
   * @param chunks of the text
   * @param chunkSize tokens of a chunk
   */
  public static void write(
      Path file, boolean replace, String dataset, int chunks, int chunkSize, List<Entry> entries) {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.type", new GgufValue.Text("imatrix"));
    metadata.put("imatrix.datasets", new GgufValue.Texts(List.of(dataset)));
    metadata.put("imatrix.chunk_count", GgufValue.uint32(chunks));
    metadata.put("imatrix.chunk_size", GgufValue.uint32(chunkSize));
    List<GgufHeader.Entry> table = new ArrayList<>();
    List<float[]> data = new ArrayList<>();
    for (Entry entry :
        entries.stream().sorted(Comparator.comparing(Entry::name)).toList()) { // ASCII
      int experts = entry.counts.length;
      add(entry.name + ".in_sum2", entry.sums, experts, table, data);
      add(entry.name + ".counts", entry.counts, experts, table, data);
    }
    try (AtomicFile out = AtomicFile.create(file, replace)) {
      byte[] header = GgufHeader.bytes(metadata, table);
      out.write(ByteBuffer.wrap(header), 0);
      long offset = header.length;
      for (float[] values : data) {
        byte[] bytes = new byte[(int) padded(values)];
        for (int i = 0; i < values.length; i++) {
          LittleEndian.putFloat(bytes, i * Float.BYTES, values[i]);
        }
        out.write(ByteBuffer.wrap(bytes), offset);
        offset += bytes.length;
      }
      out.commit();
    }
  }

  private static void add(
      String name, float[] values, int experts, List<GgufHeader.Entry> table, List<float[]> data) {
    // ggml leaves out outer dimensions of 1
    Shape shape =
        experts == 1 ? Shape.of(values.length) : Shape.of(experts, values.length / experts);
    table.add(new GgufHeader.Entry(name, shape, Formats.F32.id(), padded(values)));
    data.add(values);
  }

  private static long padded(float[] values) {
    return Gguf.pad((long) values.length * Float.BYTES, Gguf.DEFAULT_ALIGNMENT);
  }
}
