package dev.phial.targets.gguf;

import dev.phial.io.AtomicFile;
import dev.phial.io.LittleEndian;
import dev.phial.quant.Formats;
import dev.phial.source.Gguf;
import dev.phial.source.GgufType;
import dev.phial.source.GgufValue;
import dev.phial.source.InputMomentsFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes an {@link InputMomentsFile}, entry by entry; it appears when it is complete. */
public final class InputMomentsWriter implements AutoCloseable {
  private final List<InputMomentsFile.Entry> entries;
  private final String identity;
  private final String dataset;
  private final AtomicFile out;
  private final int start; // of the data: counts take the same room when they are known
  private final Map<String, Long> counts = new HashMap<>();

  /**
   * Begins a file.
   *
   * @param replace whether one that exists may be replaced
   * @param entries all that there will be
   * @param identity of the model
   * @param dataset what the text was called
   * @throws dev.phial.PhialException.OutputFailed if it cannot be made
   */
  public InputMomentsWriter(
      Path file,
      boolean replace,
      List<InputMomentsFile.Entry> entries,
      String identity,
      String dataset) {
    this.entries = List.copyOf(entries);
    this.identity = identity;
    this.dataset = dataset;
    this.start = header().length;
    this.out = AtomicFile.create(file, replace);
  }

  private static long bytes(InputMomentsFile.Entry entry) {
    return Gguf.pad(entry.shape().elements() * Float.BYTES, Gguf.DEFAULT_ALIGNMENT);
  }

  private long offset(InputMomentsFile.Entry wanted) {
    return start
        + entries.stream()
            .takeWhile(entry -> !entry.equals(wanted))
            .mapToLong(InputMomentsWriter::bytes)
            .sum();
  }

  private byte[] header() {
    Map<String, GgufValue> metadata = new LinkedHashMap<>();
    metadata.put("general.type", new GgufValue.Text(InputMomentsFile.TYPE));
    metadata.put(InputMomentsFile.VERSION_KEY, GgufValue.uint32(InputMomentsFile.VERSION));
    metadata.put(InputMomentsFile.MODEL_KEY, new GgufValue.Text(identity));
    metadata.put("phial.moments.dataset", new GgufValue.Text(dataset));
    List<GgufHeader.Entry> table = new ArrayList<>();
    for (InputMomentsFile.Entry entry : entries) {
      long count = counts.getOrDefault(entry.name(), 0L);
      metadata.put(entry.countKey(), new GgufValue.Whole(GgufType.UINT64, count));
      table.add(
          new GgufHeader.Entry(entry.tensor(), entry.shape(), Formats.F32.id(), bytes(entry)));
    }
    return GgufHeader.bytes(metadata, table);
  }

  /**
   * Writes one of the entries.
   *
   * @param moments {@code [size][size]}, of which what is on and below the diagonal is written
   * @param count of the inputs that they were added up from
   */
  public void put(InputMomentsFile.Entry entry, float[] moments, long count) {
    counts.put(entry.name(), count);
    long first = offset(entry);
    long at = first;
    for (int i = 0; i < entry.size(); i++) {
      int from = i * entry.size();
      byte[] row = LittleEndian.floats(Arrays.copyOfRange(moments, from, from + i + 1));
      out.write(ByteBuffer.wrap(row), at);
      at += row.length;
    }
    byte[] padding = new byte[Math.toIntExact(first + bytes(entry) - at)];
    out.write(ByteBuffer.wrap(padding), at);
  }

  /** Makes the file appear. */
  public void commit() {
    out.write(ByteBuffer.wrap(header()), 0);
    out.commit();
  }

  @Override
  public void close() {
    out.close();
  }
}
