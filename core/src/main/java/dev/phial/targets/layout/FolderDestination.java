package dev.phial.targets.layout;

import dev.phial.io.AtomicFolder;
import dev.phial.io.Bytes;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** A folder that appears when all of its files are complete. */
final class FolderDestination implements Destination {
  private final AtomicFolder folder;
  private final Map<String, Path> files = new HashMap<>();

  FolderDestination(Path output, boolean replace) {
    folder = AtomicFolder.create(output, replace);
  }

  @Override
  public Bytes create(String name) {
    files.put(name, folder.path().resolve(name));
    return folder.file(name);
  }

  @Override
  public void copy(Path file) {
    String name = String.valueOf(file.getFileName());
    files.put(name, folder.path().resolve(name));
    folder.copy(file);
  }

  @Override
  public void commit(Optional<Provenance> manifest) {
    if (manifest.isPresent()) {
      folder.write(Provenance.NAME, manifest.get().json(files));
    }
    folder.commit();
  }

  @Override
  public void close() {
    folder.close();
  }
}
