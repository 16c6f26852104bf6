package dev.phial.engine.arrive;

import dev.phial.PhialException;
import dev.phial.io.ScratchFolder;
import dev.phial.source.Arrivals;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.tensor.Arrival;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * A model that stays where it is: a folder with the small files, and for each file of weights one
 * of its size that takes no room until its bytes come.
 */
public final class ArrivingModel implements Arrivals {
  private static final long LARGEST_HEADER = 16 << 20;

  private final ScratchFolder scratch;
  private final Map<Path, Shard> shards = new LinkedHashMap<>();

  private ArrivingModel(ScratchFolder scratch) {
    this.scratch = scratch;
  }

  /**
   * Opens one. Closing the checkpoint lets go of what has come.
   *
   * @throws PhialException.BadInput if it cannot be had, or is no model
   * @throws PhialException.Unsupported if its weights cannot be read while they arrive
   * @throws PhialException.OutputFailed if it cannot be kept
   */
  public static Checkpoint open(DistantFolder from) {
    ArrivingModel model = new ArrivingModel(ScratchFolder.create("streams", from.name()));
    try {
      Path folder = Files.createDirectory(model.scratch.path().resolve(from.name()));
      for (String file : from.companions()) {
        from.copy(file, folder.resolve(file));
      }
      for (String file : from.weights()) {
        Path path = folder.resolve(file);
        Shard shard = from.shard(file, path);
        model.shards.put(path, shard);
        bringHeader(shard, path);
      }
      return Sources.open(folder, model);
    } catch (IOException e) {
      model.close();
      throw new PhialException.OutputFailed(
          "%s: %s cannot be kept there: %s"
              .formatted(model.scratch.path(), from.name(), e.getMessage()),
          e);
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  /** Brings what says where the tensors are. */
  private static void bringHeader(Shard shard, Path path) throws IOException {
    long size = Files.size(path);
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    shard.need(0, Math.min(size, length.capacity()));
    try (FileChannel channel = FileChannel.open(path)) {
      channel.read(length, 0);
    }
    long header = length.getLong(0);
    if (header > 0 && header <= LARGEST_HEADER) { // what reads it says what is wrong otherwise
      shard.need(0, Math.min(size, length.capacity() + header));
    }
  }

  private Shard shard(Path file) {
    return Objects.requireNonNull(shards.get(file), file::toString);
  }

  @Override
  public Arrival of(Path file, MemorySegment mapped) {
    Shard shard = shard(file);
    return data -> {
      long first = data.address() - mapped.address();
      shard.need(first, first + data.byteSize());
    };
  }

  @Override
  public void begin(Path file) {
    shard(file).begin();
  }

  @Override
  public void finish(Path file) {
    shard(file).finish();
  }

  @Override
  public Map<Path, String> hashes() {
    Map<Path, String> hashes = new LinkedHashMap<>();
    shards.forEach((path, shard) -> hashes.put(path, shard.sha256()));
    return hashes;
  }

  @Override
  public void close() {
    shards.values().forEach(Shard::close);
    scratch.close();
  }
}
