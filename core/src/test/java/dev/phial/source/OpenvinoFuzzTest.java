package dev.phial.source;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;

final class OpenvinoFuzzTest {
  private static final Path FOLDER = Fuzzing.folder();

  @FuzzTest
  @DictionaryEntries({
    "element_type=\"u4\"",
    "element_type=\"nf4\"",
    "element_type=\"f8e8m0\"",
    "type=\"Multiply\"",
    "type=\"MatMul\"",
    "shape=\"\"",
    "/awq_mul",
    "<!DOCTYPE",
    "&#0;"
  })
  void readsGraphs(byte[] graph) {
    Fuzzing.write(FOLDER.resolve("config.json"), Bytes.of("{}"));
    Fuzzing.write(FOLDER.resolve("openvino_model.bin"), new byte[OpenvinoFiles.DATA_BYTES]);
    Fuzzing.write(FOLDER.resolve("openvino_model.xml"), graph);
    Fuzzing.readOrRefuse(
        FOLDER,
        () -> {
          try (Checkpoint model = Sources.open(FOLDER)) {
            Fuzzing.decode(model.tensors());
          }
        });
  }
}
