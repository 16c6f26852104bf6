package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.engine.work.Delivery;
import dev.phial.io.HiddenName;
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
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.QuotaUsage;
import org.apache.hadoop.fs.permission.FsAction;
import org.apache.hadoop.security.AccessControlException;

/**
 * An output on its way into a file system that Hadoop knows. How it appears there depends on what
 * the file system can do at one instant.
 */
abstract sealed class HadoopOutput permits RenamedOutput, StoredOutput {
  /** Where a folder gets another name at one instant. */
  private static final Set<String> RENAMING = Set.of("hdfs", "webhdfs", "swebhdfs");

  private static final String PART = ".part";

  /** What {@link UUID} writes. */
  private static final String ID = "[0-9a-f-]{36}";

  private static final int BUFFER = 1 << 20;

  private final Delivery delivery;
  private final FileSystem files;
  private final Path target;

  HadoopOutput(Delivery delivery, FileSystem files) {
    this.delivery = delivery;
    this.files = files;
    this.target = files.makeQualified(new Path(delivery.to()));
  }

  /**
   * The output in its file system.
   *
   * @throws PhialException.OutputFailed if there is none
   */
  static HadoopOutput of(Delivery delivery, Configuration configuration) {
    try {
      FileSystem files = new Path(delivery.to()).getFileSystem(configuration);
      return RENAMING.contains(files.getUri().getScheme())
          ? new RenamedOutput(delivery, files, configuration)
          : new StoredOutput(delivery, files);
    } catch (IOException | RuntimeException e) { // file systems throw any
      throw failed(delivery.to(), e);
    }
  }

  /** Gives up what a killed process left of the output. */
  void tidy() throws IOException {
    for (Path left : left(PART)) {
      files.delete(left, true);
    }
  }

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
   * Refuses to be what is read, to lie in it or to hold it. File systems of one host are taken for
   * one, whatever the protocol and the port.
   *
   * @param model URI of a folder
   */
  final void checkApart(String model) {
    attempt(() -> {
      Path read = new Path(model);
      FileSystem other = read.getFileSystem(files.getConf());
      if (host(files).equals(host(other)) && (holds(read, target) || holds(target, read))) {
        throw new PhialException.Usage(
            "%s: expected a place apart from %s, which this command reads; pass -o for another"
                .formatted(delivery.to(), model));
      }
    });
  }

  private static String host(FileSystem files) {
    return Objects.requireNonNullElse(
            files.getCanonicalServiceName(), String.valueOf(files.getUri().getAuthority()))
        .replaceFirst(":[0-9]+$", "");
  }

  private static boolean holds(Path folder, Path path) {
    return Stream.iterate(
            Path.getPathWithoutSchemeAndAuthority(path), Objects::nonNull, Path::getParent)
        .anyMatch(Path.getPathWithoutSchemeAndAuthority(folder)::equals);
  }

  /**
   * Looks for what can be known to go wrong.
   *
   * @param bytes of all that is to come
   */
  final void check(long bytes) {
    attempt(() -> {
      tidy();
      checkPlace();
      checkRoom(bytes);
    });
  }

  /** Brings it there. */
  final void deliver(LongConsumer copied) {
    attempt(() -> {
      tidy();
      checkPlace();
      appear(copied);
    });
  }

  /** Something that is done in the file system. */
  @FunctionalInterface
  interface Work {
    void run() throws IOException;
  }

  private void attempt(Work work) {
    try {
      work.run();
    } catch (PhialException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw failed(target, e);
    }
  }

  /** Clears away after a failure, which must be told even if that fails too. */
  static void undo(Exception failure, Work work) {
    try {
      work.run();
    } catch (IOException | RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** Clears away when all is in place. */
  static void quietly(Work work) {
    try {
      work.run();
    } catch (IOException | RuntimeException ignored) {
      // what is left is hidden, and goes when the same is written again
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
    OptionalLong quota = quotaLeft(folder);
    if (quota.isPresent()) {
      needed += files.getDefaultBlockSize(target) * copies; // one that is not full counts as if
      free = Math.min(free, quota.getAsLong());
    }
    if (needed > free) {
      throw new PhialException.OutputFailed(
          "%s: expected room for %s, all copies of it counted, found %s; make room, have its quota raised, or pass -o for another place"
              .formatted(folder, Sizes.of(needed), Sizes.of(Math.max(0, free))));
    }
  }

  private OptionalLong quotaLeft(Path folder) throws IOException {
    if (!files.getUri().getScheme().equals("hdfs")) { // it is found by listing all there is
      return OptionalLong.empty();
    }
    try {
      QuotaUsage quota = files.getQuotaUsage(folder);
      return quota.getSpaceQuota() >= 0
          ? OptionalLong.of(quota.getSpaceQuota() - quota.getSpaceConsumed())
          : OptionalLong.empty();
    } catch (AccessControlException e) { // only who may read all that is below is told
      return OptionalLong.empty();
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
    try {
      for (java.nio.file.Path file : delivery.files()) {
        boolean isNew = found(placeOf(file)) == Place.FREE;
        step.take(file, placeOf(file));
        if (isNew) {
          appeared.addFirst(placeOf(file));
        }
      }
    } catch (IOException | RuntimeException e) {
      appeared.forEach(place -> undo(e, () -> files.delete(place, false)));
      throw e;
    }
  }

  /** How what lies in a hidden folder gets its place. */
  @FunctionalInterface
  interface Placing {
    void from(Path part) throws IOException;
  }

  /** Copies all files to a hidden folder beside the place, and has them appear from there. */
  final void copyHidden(LongConsumer copied, Placing placing) throws IOException {
    Path part = hidden(PART);
    Work removal =
        () -> {
          files.delete(part, true);
          files.cancelDeleteOnExit(part);
        };
    try {
      files.mkdirs(part);
      files.deleteOnExit(part); // if the process is asked to end
      for (java.nio.file.Path file : delivery.files()) {
        copy(file, new Path(part, String.valueOf(file.getFileName())), copied);
      }
      checkPlace();
      placing.from(part);
    } catch (IOException | RuntimeException e) {
      undo(e, removal);
      throw e;
    }
    quietly(removal);
  }

  /** Copies a file, and holds what can be read there against what was read here. */
  final void copy(java.nio.file.Path from, Path to, LongConsumer copied) throws IOException {
    String expected = write(from, to, copied);
    try (InputStream written = files.open(to)) {
      String found = Sha256.of(written);
      if (!found.equals(expected)) {
        throw new PhialException.OutputFailed(
            "%s: expected to read what was written (SHA-256 %s), found something else (%s); try again, or pass -o for another place"
                .formatted(placeOf(from), expected, found));
      }
    } catch (IOException | RuntimeException e) {
      undo(e, () -> files.delete(to, false));
      throw e;
    }
  }

  private String write(java.nio.file.Path from, Path to, LongConsumer copied) throws IOException {
    FSDataOutputStream out = files.create(to, true);
    try (DigestInputStream in =
        new DigestInputStream(Files.newInputStream(from), Sha256.digest())) {
      byte[] buffer = new byte[BUFFER];
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        out.write(buffer, 0, count);
        copied.accept(count);
      }
      out.close();
      return HexFormat.of().formatHex(in.getMessageDigest().digest());
    } catch (IOException | RuntimeException e) {
      undo(e, () -> abandon(out, to));
      throw e;
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
    } catch (IOException ignored) {
      // what made it fail before is told
    }
    files.delete(to, false);
  }

  private static PhialException failed(Object place, Exception e) {
    return new PhialException.OutputFailed(
        "%s could not be written: %s; %s was left there"
            .formatted(
                place,
                HadoopFolder.reason(e),
                e.getSuppressed().length == 0 ? "nothing" : "some of it"),
        e);
  }

  /** A hidden name beside the target that nobody else uses. */
  final Path hidden(String end) {
    return new Path(
        target.getParent(), HiddenName.start(target.getName()) + UUID.randomUUID() + end);
  }

  /**
   * What lies beside the target under such names. Those of an output whose name begins with that of
   * this one and a dot are others.
   */
  final List<Path> left(String end) throws IOException {
    Predicate<String> name =
        Pattern.compile(Pattern.quote(HiddenName.start(target.getName())) + ID + Pattern.quote(end))
            .asMatchPredicate();
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
