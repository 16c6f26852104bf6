package dev.phial.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.engine.work.Delivery;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.security.PrivilegedExceptionAction;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsAction;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.security.UserGroupInformation;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is delivered is there as a whole or not at all, and takes no place that is another's. */
final class HadoopOutputTest {
  private static final String MANIFEST = "{\"files\": {\"a.bin\": \"1\", \"b.bin\": \"2\"}}";
  private static final long LONG = 3_000_000;

  @TempDir private static java.nio.file.Path disks;
  private static Hdfs hdfs;

  @TempDir private java.nio.file.Path here;
  private Configuration configuration = new Configuration();
  private String top = "";

  /** A file system that renames no folders, like an object store: this machine's disk. */
  static class Store extends RawLocalFileSystem {
    @Override
    public String getScheme() {
      return "store";
    }

    @Override
    public URI getUri() {
      return URI.create(getScheme() + ":///");
    }

    @Override
    public void access(Path path, FsAction mode) {}

    @Override
    public boolean rename(Path from, Path to) throws IOException {
      if (getFileStatus(from).isDirectory()) {
        throw new IOException(from + " is a folder");
      }
      return super.rename(from, to);
    }
  }

  /** One that does not keep what is written. */
  static final class Damaged extends Store {
    @Override
    public String getScheme() {
      return "damaged";
    }

    @Override
    public FSDataInputStream open(Path file, int buffer) throws IOException {
      Files.writeString(java.nio.file.Path.of(file.toUri().getPath()), "other");
      return super.open(file, buffer);
    }
  }

  /** One that removes nothing. */
  static final class Stuck extends Store {
    @Override
    public String getScheme() {
      return "stuck";
    }

    @Override
    public boolean delete(Path path, boolean all) throws IOException {
      throw new IOException(path + " stays");
    }
  }

  @BeforeAll
  static void start() throws IOException {
    hdfs = Hdfs.start(disks);
  }

  @AfterAll
  static void stop() {
    hdfs.close();
  }

  @BeforeEach
  void prepare() throws IOException {
    configuration = new Configuration(hdfs.files().getConf());
    configuration.setClass("fs.store.impl", Store.class, FileSystem.class);
    configuration.setClass("fs.damaged.impl", Damaged.class, FileSystem.class);
    configuration.setClass("fs.stuck.impl", Stuck.class, FileSystem.class);
    top = here.resolve("top") + "/";
    Files.writeString(here.resolve("a.bin"), "a");
    Files.writeString(here.resolve("b.bin"), "b".repeat((int) LONG));
    Files.writeString(here.resolve("phial.json"), MANIFEST);
  }

  private Path place(String scheme, String name) {
    Path folder = new Path((scheme.equals("hdfs") ? hdfs.uri("/") : scheme + ":") + top);
    return new Path(folder, name);
  }

  private FileSystem files(Path place) throws IOException {
    return place.getFileSystem(configuration);
  }

  private void put(Path place, String text) throws IOException {
    try (var out = files(place).create(place)) {
      out.writeBytes(text);
    }
  }

  private String get(Path place) throws IOException {
    try (var in = files(place).open(place)) {
      return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    }
  }

  private List<String> names(Path folder) throws IOException {
    return Arrays.stream(files(folder).listStatus(folder))
        .map(FileStatus::getPath)
        .map(Path::getName)
        .sorted()
        .toList();
  }

  private HadoopOutput output(Path to, boolean isFolder, boolean replace, String... files) {
    return HadoopOutput.of(
        new Delivery(
            to.toString(), Stream.of(files).map(here::resolve).toList(), isFolder, replace),
        configuration);
  }

  private HadoopOutput folder(Path to, boolean replace) {
    return output(to, true, replace, "a.bin", "b.bin", "phial.json");
  }

  private static void refused(Runnable work, String... why) {
    assertThatThrownBy(work::run)
        .isInstanceOf(PhialException.OutputFailed.class)
        .message()
        .doesNotContain("\n")
        .contains(why);
  }

  @ParameterizedTest
  @ValueSource(strings = {"hdfs", "store"})
  void foldersAppearAndAreReplaced(String scheme) throws IOException {
    Path out = place(scheme, "out");
    AtomicLong copied = new AtomicLong();
    folder(out, false).check(LONG);
    folder(out, false).deliver(copied::addAndGet);
    assertThat(copied.get()).isEqualTo(1 + LONG + MANIFEST.length());
    assertThat(names(out)).containsExactly("a.bin", "b.bin", "phial.json");
    refused(() -> folder(out, false).check(LONG), "/out exists already; pass --force");
    refused(() -> folder(out, false).deliver(bytes -> {}), "/out exists already");
    Files.writeString(here.resolve("c.bin"), "new");
    output(out, true, true, "c.bin", "phial.json").deliver(bytes -> {});
    assertThat(names(out)).containsExactly("c.bin", "phial.json");
    assertThat(get(new Path(out, "c.bin"))).isEqualTo("new");
    assertThat(names(out.getParent())).containsExactly("out");
  }

  @ParameterizedTest
  @ValueSource(strings = {"hdfs", "store"})
  void filesAppearAndAreReplaced(String scheme) throws IOException {
    Path out = place(scheme, "a.bin");
    put(place(scheme, "other"), "stays");
    output(out, false, false, "a.bin", "phial.json").deliver(bytes -> {});
    refused(() -> output(out, false, false, "a.bin").check(1), "/a.bin exists already");
    Files.writeString(here.resolve("a.bin"), "new");
    output(out, false, true, "a.bin", "phial.json").deliver(bytes -> {});
    assertThat(get(out)).isEqualTo("new");
    assertThat(names(out.getParent())).containsExactly("a.bin", "other", "phial.json");
    refused(
        () ->
            output(out.getParent().getParent(), false, true, here.getFileName().toString())
                .check(1),
        "is a folder; pass -o with the name of a file");
  }

  @ParameterizedTest
  @ValueSource(strings = {"hdfs", "store"})
  void whatIsAnothersStays(String scheme) throws IOException {
    Path out = place(scheme, "out");
    folder(out, false).deliver(bytes -> {});
    put(new Path(out, "notes.txt"), "mine");
    refused(() -> folder(out, true).check(LONG), "/out: expected a folder", "found notes.txt");
    put(place(scheme, "file"), "mine");
    refused(() -> folder(place(scheme, "file"), true).check(LONG), "found a file");
    refused(
        () -> folder(place(scheme, "file/out"), true).check(LONG),
        "/file: expected a folder to write out in, found a file");
  }

  @ParameterizedTest
  @ValueSource(strings = {"hdfs", "store"})
  void whatFailsLeavesNothing(String scheme) throws IOException {
    Path out = place(scheme, "out");
    refused(
        () -> output(out, true, false, "a.bin", "missing.bin", "phial.json").deliver(bytes -> {}),
        "/out could not be written:");
    refused(
        () -> output(place(scheme, "a.bin"), false, false, "a.bin", "none").deliver(bytes -> {}),
        "/a.bin could not be written:");
    assertThat(names(out.getParent())).isEmpty();
    folder(out, false).deliver(bytes -> {});
    assertThat(names(out)).containsExactly("a.bin", "b.bin", "phial.json");
    put(place(scheme, "b.bin"), "old");
    refused(
        () -> output(place(scheme, "b.bin"), false, true, "b.bin", "none").deliver(bytes -> {}),
        "none; nothing was left there");
    assertThat(get(place(scheme, "b.bin"))).isEqualTo("old");
    assertThat(names(out.getParent())).containsExactly("b.bin", "out");
  }

  @Test
  void whatCannotBeRemovedHarmsNothing() throws IOException {
    Path out = place("stuck", "out");
    folder(out, false).deliver(bytes -> {});
    assertThat(names(out)).containsExactly(".phial.json.part", "a.bin", "b.bin", "phial.json");
    refused(
        () -> output(place("stuck", "a.bin"), false, false, "a.bin", "none").deliver(bytes -> {}),
        "none; some of it was left there");
  }

  @Test
  void aUriNeedsNoHostAndANameMayBeLong() throws IOException {
    String name = "n".repeat(250);
    HadoopOutput output = folder(new Path("hdfs:" + top + name), false);
    output.check(LONG);
    output.deliver(bytes -> {});
    assertThat(names(place("hdfs", name).getParent())).containsExactly(name);
  }

  @Test
  void whatIsNotKeptIsNoticed() throws IOException {
    Path out = place("damaged", "a.bin");
    refused(
        () -> output(out, false, false, "a.bin").deliver(bytes -> {}),
        "/a.bin: expected to read what was written (SHA-256 ca978112",
        "found something else");
    assertThat(names(out.getParent())).isEmpty();
  }

  @Test
  void whatAKilledProcessLeftInHdfsGoesOrComesBack() throws IOException {
    Path out = place("hdfs", "out");
    String id = UUID.randomUUID().toString();
    folder(out, false).deliver(bytes -> {});
    files(out).rename(out, place("hdfs", ".out." + id + ".old"));
    put(place("hdfs", ".out." + id + ".part/a.bin"), "half");
    put(place("hdfs", ".out.other." + id + ".part/a.bin"), "another's");
    refused(() -> folder(out, false).check(LONG), "/out exists already");
    assertThat(names(out.getParent())).containsExactly(".out.other." + id + ".part", "out");
    files(out).rename(out, place("hdfs", ".out." + id + ".old"));
    put(new Path(out, "new"), "took its place");
    refused(() -> folder(out, true).check(LONG), "found new");
    assertThat(names(out.getParent())).containsExactly(".out.other." + id + ".part", "out");
  }

  @Test
  void whatAKilledProcessLeftInAStoreGoes() throws IOException {
    Path out = place("store", "out");
    put(new Path(out, ".phial.json.part"), MANIFEST);
    put(new Path(out, "a.bin"), "half");
    folder(out, false).check(LONG);
    assertThat(files(out).exists(out)).isFalse();
    put(new Path(out, ".phial.json.part"), MANIFEST);
    put(new Path(out, "notes.txt"), "mine");
    refused(() -> folder(out, true).check(LONG), "found notes.txt");
    put(new Path(out, ".phial.json.part"), "{\"files\": {\"../other\": \"\"}}");
    put(place("store", "other"), "mine");
    refused(() -> folder(out, true).check(LONG), "found notes.txt");
    assertThat(names(out.getParent())).containsExactly("other", "out");
  }

  @Test
  void roomIsLookedForFirst() throws IOException {
    Path out = place("hdfs", "out");
    hdfs.files().mkdirs(out.getParent());
    hdfs.files().setQuota(out.getParent(), HdfsConstants.QUOTA_DONT_SET, LONG);
    refused(
        () -> folder(out, false).check(LONG),
        "expected room for 137.22 MB, all copies of it counted, found 3.00 MB");
    refused(() -> folder(out, false).check(Long.MAX_VALUE / 4), "expected room for");
    refused(() -> folder(out, false).deliver(bytes -> {}), "quota", "; nothing was left there");
    assertThat(names(out.getParent())).isEmpty();
    refused(() -> folder(new Path("nofs://host/out"), false), "No FileSystem for scheme \"nofs\"");
  }

  @Test
  void whoMayNotReadAllMayWrite() throws Exception {
    Path out = place("hdfs", "out");
    hdfs.files().mkdirs(new Path(out.getParent(), "closed"));
    hdfs.files().setPermission(new Path(out.getParent(), "closed"), new FsPermission("700"));
    hdfs.files().setPermission(out.getParent(), new FsPermission("777"));
    UserGroupInformation.createUserForTesting("someone", new String[] {"people"})
        .doAs(
            (PrivilegedExceptionAction<Void>)
                () -> {
                  folder(out, false).check(LONG);
                  folder(out, false).deliver(bytes -> {});
                  return null;
                });
    assertThat(names(out.getParent())).containsExactly("closed", "out");
  }
}
