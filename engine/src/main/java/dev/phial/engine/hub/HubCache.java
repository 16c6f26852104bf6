package dev.phial.engine.hub;

import dev.phial.io.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;

/**
 * The folder that every tool of the hub keeps its files in (huggingface_hub, "Understand caching"):
 * {@code models--OWNER--NAME} holds {@code blobs/HASH}, {@code snapshots/COMMIT/PATH}, which are
 * links to blobs, and {@code refs/REVISION}, the commit that a branch was at.
 */
record HubCache(Path root) implements Depot {
  private static final int COMMIT = 40; // characters

  private Path model(HubId id) {
    return root.resolve("models--%s--%s".formatted(id.owner(), id.name()));
  }

  @Override
  public Path snapshot(HubId id, String commit) {
    return model(id).resolve("snapshots").resolve(commit);
  }

  @Override
  public Path blob(HubId id, RemoteFile file) {
    return model(id).resolve("blobs").resolve(file.hash());
  }

  @Override
  public Path part(HubId id, RemoteFile file) {
    return model(id).resolve("blobs").resolve(file.hash() + ".phial.incomplete");
  }

  @Override
  public Optional<String> commit(HubId id) {
    Path ref = model(id).resolve("refs").resolve(id.revision());
    try {
      String commit =
          id.isCommit()
              ? id.revision()
              : Files.isRegularFile(ref) && Files.size(ref) <= 2 * COMMIT
                  ? Files.readString(ref).strip()
                  : "";
      return commit.length() == COMMIT && Files.isDirectory(snapshot(id, commit))
          ? Optional.of(commit)
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  @Override
  public boolean has(HubId id, String commit, RemoteFile file) {
    try {
      Path there = snapshot(id, commit).resolve(file.path());
      return Files.isRegularFile(there) && Files.size(there) == file.size();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public boolean hasBlob(HubId id, RemoteFile file) {
    try {
      return Files.isRegularFile(blob(id, file)) && Files.size(blob(id, file)) == file.size();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public void prepare(HubId id, List<RemoteFile> files) throws IOException {
    Files.createDirectories(model(id).resolve("blobs"));
  }

  /** By a link, or the file itself where there are no links. */
  @Override
  public void place(HubId id, String commit, RemoteFile file, boolean isNew) throws IOException {
    Path folder = snapshot(id, commit).resolve(file.folder()).toAbsolutePath();
    Path place = folder.resolve(file.name());
    Path blob = blob(id, file);
    Files.createDirectories(folder);
    if (has(id, commit, file)) { // another process was faster
      return;
    }
    // under its name at one instant: others may be looking, and a link whose blob is gone may be
    // there
    Path link = folder.resolve(".%s.%x".formatted(file.hash(), System.nanoTime()));
    try {
      Files.createSymbolicLink(link, folder.relativize(blob.toAbsolutePath()));
      Files.move(link, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException | UnsupportedOperationException e) {
      if (isNew) {
        Files.move(blob, place, StandardCopyOption.REPLACE_EXISTING);
      } else {
        Files.copy(blob, place, StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  @Override
  public void remember(HubId id, String commit) {
    Path ref = model(id).resolve("refs").resolve(id.revision());
    if (id.isCommit() || commit(id).filter(commit::equals).isPresent()) {
      return;
    }
    AtomicFile.put(ref, commit.getBytes(StandardCharsets.US_ASCII), true);
  }
}
