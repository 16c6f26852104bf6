package dev.phial.engine.hub;

import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.io.ScratchFolder;
import dev.phial.source.Arrivals;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.tensor.Arrival;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A model that stays at the hub: a folder with the small files, and for each file of weights one of
 * its size that takes no room until its bytes come, and no longer than they are needed.
 */
final class StreamedModel implements Arrivals {
  private final ScratchFolder scratch;
  private final Map<Path, StreamedShard> shards = new LinkedHashMap<>();

  private StreamedModel(ScratchFolder scratch) {
    this.scratch = scratch;
  }

  static Checkpoint open(HubClient client, Repository repository, List<RemoteFile> wanted) {
    String inside = repository.id().path();
    String name =
        inside.isEmpty()
            ? repository.id().name()
            : inside.substring(inside.lastIndexOf('/') + 1); // as the pulled folder is called
    StreamedModel model = new StreamedModel(ScratchFolder.create("streams", name));
    try {
      Path folder = Files.createDirectory(model.scratch.path().resolve(name));
      List<RemoteFile> weights = Repository.weights(wanted);
      for (RemoteFile file : wanted) {
        if (weights.contains(file)) {
          Path path = folder.resolve(file.name());
          StreamedShard shard = new StreamedShard(client, repository, file, path);
          model.shards.put(path, shard);
          shard.fetchHeader();
        } else {
          fetch(client, repository, file, folder.resolve(file.name()));
        }
      }
      return Sources.open(folder, model);
    } catch (IOException e) {
      model.close();
      throw new PhialException.OutputFailed(
          "%s: %s cannot be kept there: %s"
              .formatted(model.scratch.path(), repository.id(), e.getMessage()),
          e);
    } catch (Throwable e) {
      model.close();
      throw e;
    }
  }

  private static void fetch(HubClient client, Repository repository, RemoteFile file, Path to)
      throws IOException {
    Progress.Stage quiet = (what, amount) -> {};
    try (FileChannel channel =
        FileChannel.open(
            to, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      new Download(client, repository.id(), repository.commit(), file, channel, quiet, at -> {})
          .run(0);
    }
  }

  private StreamedShard shard(Path file) {
    return Objects.requireNonNull(shards.get(file), file::toString);
  }

  @Override
  public Arrival of(Path file, MemorySegment mapped) {
    return shard(file).mappedTo(mapped);
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
    shards.values().forEach(StreamedShard::close);
    scratch.close();
  }
}
