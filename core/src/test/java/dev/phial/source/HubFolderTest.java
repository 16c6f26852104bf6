package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class HubFolderTest {
  private static final String INDEX = "model.safetensors.index.json";
  private static final String ONE = "model-00001-of-00002.safetensors";
  private static final String TWO = "model-00002-of-00002.safetensors";

  @TempDir Path folder;

  @BeforeEach
  void writeConfig() {
    write("config.json", "{}");
  }

  /** A safetensors file with one tensor of one byte. */
  private static byte[] shard(String tensor, int value) {
    return SafetensorsTest.file(
        "{\"%s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}".formatted(tensor),
        (byte) value);
  }

  @Test
  void readsOneFile() {
    Path file = write("model.safetensors", shard("a", 7));
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(Tensors.values(model.tensors(), "a")).containsExactly(7);
      assertThat(model.files()).containsExactly(file);
      assertThat(model.name()).isEqualTo(folder.getFileName().toString());
      assertThat(model.kind()).isEqualTo("huggingface");
      Folder files = model.folder().orElseThrow();
      assertThat(files.file("config.json")).isPresent();
      assertThat(files.json("tokenizer.json")).isEmpty();
    }
  }

  @Test
  void readsShardsInTheOrderOfTheirNames() {
    write(ONE, shard("b", 1));
    write(TWO, shard("a", 2));
    for (String index :
        new String[] {
          "", // the names alone will do
          "{\"metadata\":{\"total_size\":2},\"weight_map\":{\"a\":\"%s\",\"b\":\"%s\"}}"
              .formatted(TWO, ONE)
        }) {
      if (!index.isEmpty()) {
        write(INDEX, index);
      }
      try (Checkpoint model = Sources.open(folder)) {
        assertThat(model.tensors().keySet()).containsExactly("b", "a");
      }
    }
  }

  @Test
  void prefersSafetensors() {
    write("model.safetensors", shard("a", 7));
    write("pytorch_model.bin", "junk");
    write("pytorch_model.bin.index.json", "{\"weight_map\":{\"z\":\"pytorch_model.bin\"}}");
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(model.tensors().keySet()).containsExactly("a");
    }
  }

  @Test
  void readsTorchShards() {
    byte[] tensor = TorchFile.tensor(0, new int[] {6}, 1);
    write(
        "pytorch_model-00001-of-00001.bin",
        TorchFile.checkpoint(TorchFile.pickle(TorchFile.dictionary("t", tensor))));
    write(
        "pytorch_model.bin.index.json",
        "{\"weight_map\":{\"t\":\"pytorch_model-00001-of-00001.bin\"}}");
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(Tensors.values(model.tensors(), "t")).containsExactly(1, 2, 3, 4, 5, 6);
    }
  }

  /** {@code snapshots/HASH/NAME} are links to {@code blobs/…}: only names are checked. */
  @Test
  void readsTheHubCache() throws IOException {
    Path blobs = Files.createDirectories(folder.resolve("models--x--y/blobs"));
    Path snapshot = Files.createDirectories(folder.resolve("models--x--y/snapshots/0123abc"));
    Refused.write(blobs.resolve("1"), "{}");
    Refused.write(blobs.resolve("2"), "{\"weight_map\":{\"a\":\"%s\"}}".formatted(ONE));
    Refused.write(blobs.resolve("3"), shard("a", 7));
    Files.createSymbolicLink(snapshot.resolve("config.json"), Path.of("../../blobs/1"));
    Files.createSymbolicLink(snapshot.resolve(INDEX), Path.of("../../blobs/2"));
    Files.createSymbolicLink(snapshot.resolve(ONE), Path.of("../../blobs/3"));
    try (Checkpoint model = Sources.open(snapshot)) {
      assertThat(Tensors.values(model.tensors(), "a")).containsExactly(7);
      assertThat(model.name()).isEqualTo("0123abc");
    }
    Files.delete(blobs.resolve("3")); // the download was not completed
    Refused.asBad(snapshot, "the weights " + ONE, () -> Sources.open(snapshot).close());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '!',
      textBlock =
          """
          {"weight_map":{"a":"../evil.safetensors"}}             ! found ../evil.safetensors
          {"weight_map":{"a":"..\\\\evil.safetensors"}}          ! found ..\\evil.safetensors
          {"weight_map":{"a":"/etc/evil.safetensors"}}           ! found /etc/evil.safetensors
          {"weight_map":{"a":"C:evil.safetensors"}}              ! found C:evil.safetensors
          {"weight_map":{"a":"sub/evil.safetensors"}}            ! found sub/evil.safetensors
          {"weight_map":{"a":".safetensors"}}                    ! found .safetensors
          {"weight_map":{"a":"evil\\u0000.safetensors"}}         ! found evil\\u{0}.safetensors
          {"weight_map":{"a":"config.json"}}                     ! found config.json
          {"weight_map":{"a":"model.bin"}}                       ! found model.bin
          {"weight_map":{"a":""}}                                ! found none
          {"weight_map":{"a":1}}                                 ! found none
          {"weight_map":{"a":["model.safetensors"]}}             ! found none
          {"weight_map":{"a":"m.safetensors","a":"m.safetensors"}} ! found it again
          {"weight_map":{"\\u001b[2J":"m.safetensors"}}          ! \\u{1b}[2J
          {"weight_map":[]}                                      ! found 0
          {"weight_map":{},"weight_map":{}}                      ! found 2
          {}                                                     ! found 0
          {"weight_map":{}} {}                                   ! found 1
          []                                                     ! found START_ARRAY
          {"weight_map":{"a"                                     ! found an error
          """)
  void refusesIndexes(String json, String found) {
    write("model.safetensors", shard("a", 7));
    Path index = write(INDEX, json);
    Refused.asBad(index, found, this::open);
  }

  static Stream<Arguments> hugeIndexes() {
    return Stream.of(
        Arguments.of("nesting", "{\"x\":" + "[".repeat(100_000)),
        Arguments.of("Token count", "{\"x\":[" + "{},".repeat(2_000_000) + "{}]}"),
        Arguments.of("Document length", "{\"x\":\"" + "y".repeat(40_000_000)),
        Arguments.of("printable characters", "{\"weight_map\":{\"" + "n".repeat(600) + "\":1}}"));
  }

  @ParameterizedTest
  @MethodSource("hugeIndexes")
  void refusesHugeIndexes(String found, String json) {
    write("model.safetensors", shard("a", 7));
    Path index = write(INDEX, json);
    Refused.asBad(index, found, this::open);
  }

  @Test
  void refusesAnIndexThatDoesNotFit() {
    write("model.safetensors", shard("a", 7));
    Path index = write(INDEX, "{\"weight_map\":{\"b\":\"model.safetensors\"}}");
    Refused.asBad(index, "1 missing from them and 1 not named, such as b", this::open);
    write(INDEX, "{\"weight_map\":{}}");
    Refused.asBad(folder, "found neither", this::open);
    write(INDEX, "{\"weight_map\":{\"a\":\"model.safetensors\",\"b\":\"model-2.safetensors\"}}");
    Refused.asBad(folder, "the weights model-2.safetensors, found no such file", this::open);
  }

  @Test
  void refusesATensorInTwoFiles() {
    write("model.safetensors", shard("a", 7));
    Path left = write("model-old.safetensors", shard("a", 7));
    Refused.asBad(left.resolveSibling("model.safetensors"), "tensor a", this::open);
    Refused.asBad(left, "remove the file that is left over", this::open);
  }

  @Test
  void refusesFoldersWithoutAModel() throws IOException {
    Refused.asBad(folder, "found neither", this::open);
    Files.createDirectory(folder.resolve("model.safetensors"));
    Refused.asBad(folder, "no such file", this::open);
    Files.delete(folder.resolve("config.json"));
    Refused.asBad(folder, "found neither", this::open);
  }

  @Test
  void namesTheFileThatIsDamaged() {
    Path file = write("model.safetensors", "junk");
    Refused.asBad(file, "found 4", this::open);
    write("model.safetensors", shard("a", 7));
    Path index = write(INDEX, "{\"weight_map\":{\"a\":\"model.safetensors\"}}");
    Refused.whereverCut(
        Bytes.of("{\"weight_map\":{\"a\":\"model.safetensors\"}}"), index, i -> open());
    Refused.whereverCut(Bytes.of("{\"a\": [1, \"\"]}"), folder.resolve("config.json"), i -> open());
  }

  private void open() {
    Sources.open(folder).close();
  }

  private Path write(String name, Object content) {
    return Refused.write(folder.resolve(name), content);
  }
}
