package dev.phial.targets.layout;

import dev.phial.io.AtomicFile;
import dev.phial.io.Bytes;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Files that appear when all of them are complete. */
final class FilesDestination implements Destination {
  private final Path output;
  private final boolean replace;
  private final List<AtomicFile> files = new ArrayList<>();
  private final Optional<AtomicFile> manifestFile;

  /**
   * @param hasManifest whether one is to lie beside them
   */
  FilesDestination(Path output, boolean replace, boolean hasManifest) {
    this.output = output;
    this.replace = replace;
    this.manifestFile =
        hasManifest
            ? Optional.of(AtomicFile.create(Provenance.beside(output), replace))
            : Optional.empty();
  }

  @Override
  public Bytes create(String name) {
    AtomicFile file = AtomicFile.create(FileNames.FILES.path(output, name), replace);
    files.add(file);
    return file;
  }

  @Override
  public void copy(Path file) {
    throw new UnsupportedOperationException("nothing lies beside a file");
  }

  @Override
  public void commit(Optional<Provenance> manifest) {
    List<AtomicFile> all = new ArrayList<>(files);
    manifestFile.ifPresent(file -> {
      file.write(ByteBuffer.wrap(manifest.orElseThrow().json(parts())), 0);
      all.add(file);
    });
    AtomicFile.commit(all);
  }

  private Map<String, Path> parts() {
    return files.stream()
        .collect(
            Collectors.toMap(
                file -> String.valueOf(file.target().getFileName()), AtomicFile::part));
  }

  @Override
  public void close() {
    files.forEach(AtomicFile::close);
    manifestFile.ifPresent(AtomicFile::close);
  }
}
