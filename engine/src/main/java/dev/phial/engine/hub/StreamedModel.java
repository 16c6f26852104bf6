package dev.phial.engine.hub;

import dev.phial.engine.arrive.DistantFolder;
import dev.phial.engine.arrive.Shard;
import dev.phial.io.Progress;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A model that stays at the hub.
 *
 * @param files that a conversion needs of it
 */
record StreamedModel(HubClient client, Repository repository, List<RemoteFile> files)
    implements DistantFolder {

  /** As the pulled folder is called. */
  @Override
  public String name() {
    String inside = repository.id().path();
    return inside.isEmpty()
        ? repository.id().name()
        : inside.substring(inside.lastIndexOf('/') + 1);
  }

  @Override
  public List<String> companions() {
    List<String> weights = weights();
    return files.stream().map(RemoteFile::name).filter(name -> !weights.contains(name)).toList();
  }

  @Override
  public List<String> weights() {
    return Repository.weights(files).stream().map(RemoteFile::name).toList();
  }

  private RemoteFile file(String name) {
    return files.stream().filter(file -> file.name().equals(name)).findFirst().orElseThrow();
  }

  @Override
  public void copy(String file, Path to) throws IOException {
    Progress.Stage quiet = (what, amount) -> {};
    try (FileChannel channel =
        FileChannel.open(
            to, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      new Download(
              client, repository.id(), repository.commit(), file(file), channel, quiet, at -> {})
          .run(0);
    }
  }

  @Override
  public Shard shard(String file, Path to) throws IOException {
    return new StreamedShard(client, repository, file(file), to);
  }
}
