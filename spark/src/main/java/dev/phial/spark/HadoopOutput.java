package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.engine.work.Delivery;
import dev.phial.io.ModelFiles;
import dev.phial.io.Place;
import dev.phial.io.Sizes;
import dev.phial.source.Sha256;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.security.DigestInputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.QuotaUsage;
import org.apache.hadoop.fs.permission.FsAction;

/**
 * An output on its way into a file system that Hadoop knows. How it appears there depends on what
 * the file system can do at one instant.
 */
abstract sealed class HadoopOutput permits RenamedOutput, StoredOutput {
  /** Where a folder gets another name at one instant. */
  private static final Set<String> RENAMING = Set.of("hdfs", "webhdfs", "swebhdfs");

  private static final int BUFFER = 1 << 20;

  private final Delivery delivery;
  private final FileSystem files;
  private final Path target;

  HadoopOutput(Delivery delivery, FileSystem files) {
    this.delivery = delivery;
    this.files = files;
    this.target = new Path(delivery.to());
  }

  /**
   * The output in its file system.
   *
   * @throws PhialException.OutputFailed if there is none
   */
  static HadoopOutput of(Delivery delivery, Configuration configuration) {
    try {
      FileSystem files = new Path(delivery.to()).getFileSystem(configuration);
      return RENAMING.contains(files.getScheme())
          ? new RenamedOutput(delivery, files, configuration)
          : new StoredOutput(delivery, files);
    } catch (IOException | IllegalArgumentException e) {
      throw failed(delivery.to(), e);
    }
  }

  /** Gives up what a killed process left of the output. */
  abstract void tidy() throws IOException;

  /** Copies its files, and has them appear. */
  abstract void appear(LongConsumer copied) throws IOException;

  final Delivery delivery() {
    return delivery;
  }

  final FileSystem files() {
    return files;
  }

  /** The folder, or the file. */
  final Path target() {
    return target;
  }

  /** Where a file of it will lie. */
  final Path placeOf(java.nio.file.Path file) {
    return new Path(
        delivery.isFolder() ? target : target.getParent(), String.valueOf(file.getFileName()));
  }

  /**
   * Looks for what can be known to go wrong.
   *
   * @param bytes of all that is to come
   */
  final void check(long bytes) {
    try {
      tidy();
      checkPlace();
      checkRoom(bytes);
    } catch (IOException e) {
      throw failed(target, e);
    }
  }

  /** Brings it there. */
  final void deliver(LongConsumer copied) {
    try {
      tidy();
      checkPlace();
      appear(copied);
    } catch (IOException e) {
      throw failed(target, e);
    }
  }

  /** Refuses to replace what may not be. */
  final void checkPlace() throws IOException {
    if (delivery.isFolder()) {
      Place found = found(target);
      found.checkFolder(
          target, delivery.replace(), found == Place.FOLDER ? foreign() : Optional.empty());
    } else {
      for (java.nio.file.Path file : delivery.files()) {
        found(placeOf(file)).checkFile(placeOf(file), delivery.replace());
      }
    }
  }

  private Place found(Path path) throws IOException {
    try {
      FileStatus status = files.getFileStatus(path);
      return status.isDirectory() ? Place.FOLDER : Place.FILE;
    } catch (FileNotFoundException e) {
      return Place.FREE;
    }
  }

  /** What would be lost if the folder was replaced. */
  private Optional<String> foreign() throws IOException {
    List<String> names = new ArrayList<>();
    for (FileStatus entry : files.listStatus(target)) {
      if (!entry.isFile()) {
        return Optional.of(entry.getPath().getName());
      }
      names.add(entry.getPath().getName());
    }
    return ModelFiles.foreign(names, () -> files.open(new Path(target, ModelFiles.MANIFEST)));
  }

  private void checkRoom(long bytes) throws IOException {
    Path folder = target.getParent();
    while (found(folder) == Place.FREE && folder.getParent() != null) {
      folder = folder.getParent();
    }
    if (found(folder) == Place.FILE) {
      throw new PhialException.OutputFailed(
          "%s: expected a folder to write %s in, found a file; pass -o for another place"
              .formatted(folder, target.getName()));
    }
    files.access(folder, FsAction.WRITE);
    long copies = files.getDefaultReplication(target);
    long needed = bytes * copies;
    long free = files.getStatus(folder).getRemaining();
    if (files.getScheme().equals("hdfs")) { // elsewhere it is found by listing all there is
      QuotaUsage quota = files.getQuotaUsage(folder);
      if (quota.getSpaceQuota() >= 0) {
        needed += files.getDefaultBlockSize(target) * copies; // one that is not full counts as if
        free = Math.min(free, quota.getSpaceQuota() - quota.getSpaceConsumed());
      }
    }
    if (needed > free) {
      throw new PhialException.OutputFailed(
          "%s: expected room for %s, all copies of it counted, found %s; make room, have its quota raised, or pass -o for another place"
              .formatted(folder, Sizes.of(needed), Sizes.of(Math.max(0, free))));
    }
  }

  /** How a file gets its place. */
  @FunctionalInterface
  interface Step {
    void take(java.nio.file.Path file, Path place) throws IOException;
  }

  /** Has files appear; if one of them cannot, those that were new vanish again. */
  final void inTurn(Step step) throws IOException {
    List<Path> appeared = new ArrayList<>();
    boolean isDone = false;
    try {
      for (java.nio.file.Path file : delivery.files()) {
        boolean isNew = found(placeOf(file)) == Place.FREE;
        step.take(file, placeOf(file));
        if (isNew) {
          appeared.addFirst(placeOf(file));
        }
      }
      isDone = true;
    } finally {
      if (!isDone) {
        for (Path place : appeared) {
          files.delete(place, false);
        }
      }
    }
  }

  /** Copies a file, and holds what can be read there against what was read here. */
  final void copy(java.nio.file.Path from, Path to, LongConsumer copied) throws IOException {
    String expected = write(from, to, copied);
    String found;
    try (InputStream written = files.open(to)) {
      found = Sha256.of(written);
    }
    if (!found.equals(expected)) {
      files.delete(to, false);
      throw new PhialException.OutputFailed(
          "%s: expected to read what was written (SHA-256 %s), found something else (%s); try again, or pass -o for another place"
              .formatted(placeOf(from), expected, found));
    }
  }

  private String write(java.nio.file.Path from, Path to, LongConsumer copied) throws IOException {
    FSDataOutputStream out = files.create(to, true);
    boolean isWhole = false;
    try (DigestInputStream in =
        new DigestInputStream(Files.newInputStream(from), Sha256.digest())) {
      byte[] buffer = new byte[BUFFER];
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        out.write(buffer, 0, count);
        copied.accept(count);
      }
      out.close();
      isWhole = true;
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    } finally {
      if (!isWhole) {
        abandon(out, to);
      }
    }
  }

  /** In an object store, closing a file has it appear, as far as it was written. */
  private void abandon(FSDataOutputStream out, Path to) throws IOException {
    if (out.hasCapability(CommonPathCapabilities.ABORTABLE_STREAM)) {
      out.abort();
      return;
    }
    try {
      out.close();
    } finally {
      files.delete(to, false);
    }
  }

  private static PhialException failed(Object place, Exception e) {
    return new PhialException.OutputFailed(
        "%s could not be written: %s; nothing was left behind"
            .formatted(place, HadoopFolder.reason(e)),
        e);
  }

  /** What lies beside the target and has a name like that. */
  final List<Path> beside(Predicate<String> name) throws IOException {
    try {
      return Arrays.stream(files.listStatus(target.getParent()))
          .map(FileStatus::getPath)
          .filter(path -> name.test(path.getName()))
          .toList();
    } catch (FileNotFoundException e) {
      return List.of();
    }
  }
}
