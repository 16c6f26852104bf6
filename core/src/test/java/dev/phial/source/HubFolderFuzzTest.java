package dev.phial.source;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;

final class HubFolderFuzzTest {
  private static final Path FOLDER = Fuzzing.folder();
  private static final Path CONFIG = FOLDER.resolve("config.json");
  private static final Path INDEX = FOLDER.resolve("model.safetensors.index.json");

  /** A weight of 8 bits and its scale. */
  private static final byte[] SHARD =
      SafetensorsTest.file(
          """
          {"a.weight":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},
           "a.weight_scale":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}\
          """,
          1,
          1f,
          2f);

  @BeforeEach
  void writeShard() {
    Fuzzing.write(FOLDER.resolve("model.safetensors"), SHARD);
  }

  @FuzzTest
  @DictionaryEntries({
    "quantization_config",
    "quant_method",
    "fp8",
    "weight_block_size",
    "compressed-tensors",
    "config_groups",
    "strategy",
    "channel",
    "modelopt"
  })
  void readsConfigs(byte[] json) {
    INDEX.toFile().delete();
    Fuzzing.readOrRefuse(
        FOLDER,
        () -> {
          Fuzzing.write(CONFIG, json);
          try (Checkpoint model = Sources.open(FOLDER)) {
            Fuzzing.decode(model.tensors());
            useAllFields(model.folder().orElseThrow().config());
          }
        });
  }

  private static void useAllFields(Config config) {
    List<Consumer<String>> uses =
        List.of(
            config::count,
            config::text,
            config::numbers,
            key -> config.number(key, 0),
            key -> config.flag(key, false),
            key -> config.object(key).ifPresent(HubFolderFuzzTest::useAllFields));
    for (String key : config.json().propertyNames()) {
      for (Consumer<String> use : uses) {
        Fuzzing.readOrRefuse(CONFIG, () -> use.accept(key));
      }
    }
  }

  @FuzzTest
  @DictionaryEntries({"weight_map", "model.safetensors", "a.weight", "a.weight_scale", "../"})
  void readsIndexes(byte[] json) {
    Fuzzing.write(CONFIG, Bytes.of("{\"quantization_config\":{\"quant_method\":\"fp8\"}}"));
    Fuzzing.write(INDEX, json);
    Fuzzing.readOrRefuse(FOLDER, () -> Sources.open(FOLDER).close());
  }
}
