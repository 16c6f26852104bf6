package dev.phial.targets.layout;

import dev.phial.io.Bytes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Writes the files of an output, each piece where the layout says: pieces of parameters, whose
 * blocks it makes, or blocks that were made elsewhere.
 */
public final class FileSink extends EncodingSink implements Blocks, Out {
  private final Destination destination;
  private final Optional<Provenance> manifest;
  private final Map<Slot, Place> places;
  private final Map<String, Bytes> files = new HashMap<>();
  private final List<Store.Writing> writings = new ArrayList<>(); // of the regions

  private FileSink(Layout layout, Destination destination) {
    this.destination = destination;
    this.manifest = layout.manifest();
    this.places = layout.places();
  }

  /** Begins all files, and writes what follows from no parameter. */
  static FileSink open(Layout layout, Destination destination) {
    FileSink sink = new FileSink(layout, destination);
    try {
      layout.fileNames().forEach(name -> sink.files.put(name, destination.create(name)));
      layout.companions().forEach(destination::copy);
      layout.contents().forEach((slot, content) -> content.write(slot, sink));
      for (Region region : layout.regions()) {
        Store.Writing writing = region.store().open(sink);
        sink.writings.add(writing);
        sink.add(region.tensor(), layout.choosing(), writing);
      }
    } catch (Throwable e) {
      sink.close();
      throw e;
    }
    return sink;
  }

  @Override
  public void write(Slot slot, ByteBuffer bytes, long position) {
    Place place = places.get(slot);
    if (place == null || position < 0 || position + bytes.remaining() > slot.bytes()) {
      throw new IllegalArgumentException("no place for byte %d of %s".formatted(position, slot));
    }
    Bytes file = files.get(place.file());
    if (file == null) {
      throw new IllegalStateException("no file " + place.file());
    }
    file.write(bytes, place.offset() + position);
  }

  @Override
  public void put(int region, byte[] blocks, long row, int rows) {
    writings.get(region).put(blocks, row, rows);
  }

  @Override
  public void commit() {
    destination.commit(manifest);
  }

  @Override
  public void close() {
    destination.close();
  }
}
