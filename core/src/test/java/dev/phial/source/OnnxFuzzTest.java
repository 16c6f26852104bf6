package dev.phial.source;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;

final class OnnxFuzzTest {
  private static final Path FOLDER = Fuzzing.folder();

  @BeforeEach
  void writeOtherFiles() {
    Fuzzing.write(FOLDER.resolve("genai_config.json"), Bytes.of(OnnxFiles.GENAI));
    Fuzzing.write(FOLDER.resolve(OnnxFiles.DATA), new byte[256]);
  }

  @FuzzTest
  @DictionaryEntries({
    "MatMulNBits",
    "QuantizeLinear",
    "DequantizeLinear",
    "GatherBlockQuantized",
    "QMoE",
    "block_size",
    "model.onnx.data",
    "location",
    "../"
  })
  void readsGraphs(byte[] graph) {
    Fuzzing.write(FOLDER.resolve("model.onnx"), graph);
    Fuzzing.readOrRefuse(
        FOLDER,
        () -> {
          try (Checkpoint model = Sources.open(FOLDER)) {
            Fuzzing.decode(model.tensors());
          }
        });
  }
}
