package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LitertFolderTest {
  /** What says how many parameters there are. */
  static final String PHI = "{\"model_type\":\"phi3\",\"hidden_size\":4,\"num_hidden_layers\":1}";

  @TempDir Path folder;

  @BeforeEach
  void describe() {
    Refused.write(folder.resolve("config.json"), "{}");
  }

  @Test
  void readsModelsAndBundles() {
    for (Map.Entry<String, byte[]> file :
        Map.of(
                "model.tflite",
                LitertFiles.sound(),
                "model.litertlm",
                LitertFiles.bundle(LitertFiles.sound()))
            .entrySet()) {
      Refused.write(folder.resolve(file.getKey()), file.getValue());
      try (Checkpoint model = Sources.open(folder)) {
        assertThat(model.kind()).isEqualTo("litert");
        assertThat(model.tensors())
            .containsOnlyKeys("model.norm.weight", "a.weight", "b.weight", "c.weight");
        Fuzzing.decode(model.tensors());
      }
    }
  }

  @Test
  void refusesWhateverIsCut() {
    byte[] model = LitertFiles.sound();
    Refused.whereverCut(model, folder.resolve("model.tflite"), file -> open());
    byte[] bundle = LitertFiles.bundle(model);
    Refused.whereverCut(bundle, folder.resolve("model.litertlm"), file -> open());
  }

  @Test
  void refusesWhatIsNoDecoder() {
    write("model.tflite", new LitertFiles().model("serving_default"));
    Refused.asUnsupported(folder.resolve("model.tflite"), "found none of that name", this::open);
    write("model.tflite", new LitertFiles().model("decode"));
    Refused.asUnsupported(folder.resolve("model.tflite"), "found neither", this::open);
    Refused.write(folder.resolve("model.tflite"), "GGUF", 3, 0L, 0L);
    Refused.asBad(folder.resolve("model.tflite"), "found other bytes", this::open);
    Refused.write(folder.resolve("model.litertlm"), "GGUF", 3, 0L, 0L);
    Refused.asBad(folder.resolve("model.litertlm"), "found other bytes", this::open);
  }

  /** As litert-torch leaves names away: what uses a parameter tells what it is. */
  @Test
  void readsAndRefusesParametersWithoutNames() {
    Refused.write(folder.resolve("config.json"), PHI);
    write("phi_q8_ekv1280.tflite", unnamed(5, false));
    try (Checkpoint model = Sources.open(folder)) {
      assertThat(model.tensors())
          .hasSize(9)
          .containsKeys("model.embed_tokens.weight", "lm_head.weight", "model.norm.weight")
          .containsKeys("model.layers.0.self_attn.qkv_proj.weight");
    }
    write("phi_q8_ekv1280.tflite", unnamed(4, false));
    Refused.asUnsupported(folder.resolve("phi_q8_ekv1280.tflite"), "found 1, 4 and 3", this::open);
    write("phi_q8_ekv1280.tflite", unnamed(5, true));
    Refused.asUnsupported(
        folder.resolve("phi_q8_ekv1280.tflite"), "matrices without biases", this::open);
  }

  private static byte[] unnamed(int matrices, boolean biased) {
    LitertFiles f = new LitertFiles();
    int x = f.tensor("x", 0, 0, 0, 1, 4);
    f.operator(7, x, x, f.tensor("t", 0, f.buffer(new byte[32]), 0, 2, 4));
    for (int i = 0; i < 3; i++) {
      f.operator(206, x, x, f.tensor("n", 0, f.buffer(new byte[16]), 0, 4));
    }
    for (int i = 0; i < matrices; i++) {
      f.operator(9, x, x, f.tensor("m", 0, f.buffer(new byte[64]), 0, 4, 4), biased ? x : -1);
    }
    return f.model("decode");
  }

  @Test
  void refusesTensorsThatDoNotFit() {
    refuses("found 4", f -> f.tensor("a.weight", 0, f.buffer(new byte[4]), 0, 2));
    refuses(
        "found it again",
        f -> {
          f.tensor("a.weight", 0, f.buffer(new byte[4]), 0, 1);
          f.again(1);
        });
    refuses("found only", f -> f.tensor("a.weight", 0, f.buffer(1 << 20, 4), 0, 1));
    refuses("found only", f -> f.tensor("a.weight", 0, f.buffer(Long.MAX_VALUE, 4), 0, 1));
    refuses("found only", f -> f.tensor("a.weight", 0, f.buffer(8, -4), 0, 1));
    refuses("found shape", f -> f.tensor("a.weight", 0, f.buffer(new byte[4]), 0, -1));
    refuses("more elements", f -> f.tensor("a.weight", 0, 0, 0, 1 << 30, 1 << 30, 1 << 30));
    refuses(
        "found none", f -> f.tensor("a.weight", LitertFiles.INT8, f.buffer(new byte[4]), 0, 2, 2));
    refuses("vector", f -> f.tensor("a.weight", 0, 99, 0, 1));
  }

  @Test
  void refusesScalesThatDoNotFit() {
    codes("found 1 along", f -> f.rows(new float[1], new long[1], 0));
    codes("along dimension 1", f -> f.rows(new float[2], new long[2], 1));
    codes("found zero points", f -> f.rows(new float[2], new long[] {0, 1}, 0));
    codes("found blocks of 3", f -> f.blocks(0, 3));
    codes("found blocks of 0", f -> f.blocks(0, 0));
    codes("found blocks of -2", f -> f.blocks(0, -2));
    codes("vector", f -> f.blocks(7, 2));
    codes("found [2, 2]", f -> f.blocks(f.tensor("s", 1, f.buffer(new byte[8]), 0, 2, 2), 2));
  }

  /** Codes that are known beforehand are those of Phial's places, or nobody's. */
  @Test
  void refusesActivationsInOtherCodes() {
    String place = "model/layers.0/activations/attended";
    activations(
        "at the places that Phial names", "x", f -> f.rows(new float[] {1}, new long[1], 0));
    activations("expected codes with a scale", place, f -> 0);
    activations("one scale above 0", place, f -> f.rows(new float[] {0}, new long[1], 0));
    activations("one scale above 0", place, f -> f.rows(new float[2], new long[2], 0));
    activations("one scale above 0", place, f -> f.rows(new float[] {1}, new long[] {128}, 0));
  }

  private void activations(String found, String name, Scales scales) {
    refuses(
        found,
        f -> {
          int x = f.tensor(name, LitertFiles.INT8, 0, scales.of(f), 1, 2);
          int rows = f.rows(new float[] {1, 2}, new long[2], 0);
          int weight = f.tensor("a.weight", LitertFiles.INT8, f.buffer(new byte[4]), rows, 2, 2);
          f.operator(9, x, x, weight);
        });
  }

  private interface Scales {
    int of(LitertFiles file);
  }

  private void codes(String found, Scales scales) {
    refuses(
        found,
        f -> {
          int quantization = scales.of(f);
          f.tensor("a.weight", LitertFiles.INT8, f.buffer(new byte[4]), quantization, 2, 2);
        });
  }

  private void refuses(String found, Consumer<LitertFiles> content) {
    LitertFiles file = new LitertFiles();
    content.accept(file);
    write("model.tflite", file.model("decode"));
    assertThatThrownBy(this::open)
        .isInstanceOf(PhialException.class)
        .hasMessageContaining("model.tflite")
        .hasMessageContaining(found);
  }

  private void write(String name, byte[] bytes) {
    Refused.write(folder.resolve(name), bytes);
  }

  private void open() {
    try (Checkpoint model = Sources.open(folder)) {
      Fuzzing.decode(model.tensors());
    }
  }
}
