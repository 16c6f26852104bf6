package dev.phial.targets.litert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.model.Families;
import dev.phial.plan.Plan;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.method.AiEdge;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.ExportedFolder;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the options decide, and what is refused in one sentence. */
final class LitertOptionsTest {
  @ParameterizedTest
  @CsvSource({
    "'int4,context=1025',--context: expected a number of tokens up to 1024",
    "'int4,context=0',--context: expected a number of tokens",
    "'int4,context=64,prefill=128',--prefill: expected at most 64 tokens",
    "'int4,prefill=',--prefill: expected up to eight numbers",
    "'int4,block-size=16',--block-size: expected 32",
    "'int8,block-size=32',--block-size: expected litert:int4",
    "'int8,head=int2',--head: expected one of int4",
    "'int8,head=w8a8','--head: expected one of int4, int8, fp16, fp32, found'",
    "'w8a8,head=int8','--head: expected one of w8a8, fp16, fp32, found'",
    "'w8a8,block-size=32',--block-size: expected litert:int4",
    "'w8a8,smooth-quant-alpha=0.5',--smooth-quant-alpha is for onnx:w8a8",
    "'int8,calibration-chunks=1',--calibration-chunks: expected litert:w8a8"
  })
  void refuses(String spelling, String message) {
    assertThatThrownBy(() -> ExportedFolder.plan(new LitertTarget(), "tiny-phi3", spelling))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining(message);
  }

  @Test
  void biasesHaveNoCodesThatAreKnownBeforehand() {
    assertThatThrownBy(() -> ExportedFolder.plan(new LitertTarget(), "phi2", "w8a8"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("expected a matrix without a bias");
  }

  @Test
  void embeddingAndOutputMatrixHaveEightBitsUnlessAsked() {
    assertThat(formats("tiny-phi3", "int4"))
        .containsEntry("model.embed_tokens.weight", "INT8G256")
        .containsEntry("lm_head.weight", "INT8G256")
        .containsEntry("model.layers.0.mlp.down_proj.weight", "INT4G32");
    assertThat(formats("tiny-phi3", "int4,pure")).containsEntry("lm_head.weight", "INT4G32");
    assertThat(formats("tiny-phi3", "int8,head=int4,embedding=fp16"))
        .containsEntry("model.embed_tokens.weight", "F16")
        .containsEntry("lm_head.weight", "INT4G32");
  }

  /** One tied matrix has one precision, unless two are asked for. */
  @Test
  void tiedMatricesAreOneUnlessTheyDiffer() {
    assertThat(formats("phi4-mini", "int4,head=int4"))
        .containsEntry("model.embed_tokens.weight", "INT4G32")
        .doesNotContainKey("lm_head.weight");
    assertThat(formats("phi4-mini", "int4,head=int4,embedding=int8"))
        .containsEntry("model.embed_tokens.weight", "INT8G256")
        .containsEntry("lm_head.weight", "INT4G32");
  }

  private static Map<String, String> formats(String model, String spelling) {
    Plan plan = ExportedFolder.plan(new LitertTarget(), model, spelling);
    return plan.tensors().stream()
        .collect(Collectors.toMap(tensor -> tensor.name(), tensor -> tensor.format().name()));
  }

  /** The factors of LongRoPE are those of the context, and a line says so. */
  @Test
  void tellsWhichFactorsOfLongRopeItTakes() {
    assertThat(caveats("phi4-mini", "256")).singleElement().asString().contains("the short");
    assertThat(caveats("phi4-mini", "257")).singleElement().asString().contains("the long");
    assertThat(caveats("phi4", "256")).isEmpty();
  }

  private static List<String> caveats(String model, String context) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model))) {
      return new LitertTarget()
          .caveats(
              new Request(
                  checkpoint,
                  Families.describe(checkpoint),
                  Optional.of("int8"),
                  new Options(Map.of("context", List.of(context)))));
    }
  }

  /** XNNPACK refuses a model for a scale of zero, and looks at 8 bits of a scale. */
  @Test
  void scalesOfBlocksArePositiveAndExactInBothTypes() {
    float[] x = new float[96];
    for (int i = 32; i < 64; i++) {
      x[i] = 0.001f * (i - 40.3f);
    }
    x[70] = 1e-9f;
    GroupInt format = new GroupInt(4, 32, FloatType.F16, new AiEdge(4, true, Storage.LEAST_SCALE));
    byte[] blocks = new byte[3 * format.blockBytes()];
    format.encode(x, 1, 96, null, blocks, 0);
    for (int block = 0; block < 3; block++) {
      float scale = FloatType.F16.get(blocks, block * format.blockBytes());
      assertThat(scale).isPositive();
      assertThat(FloatType.BF16.round(scale)).isEqualTo(scale);
    }
    float[] decoded = new float[96];
    format.decode(MemorySegment.ofArray(blocks), 0, decoded, 0, 96);
    for (int i = 0; i < 96; i++) {
      assertThat(Math.abs(decoded[i] - x[i])).isLessThan(0.002f);
    }
  }

  /** The pairs of products that kernels for ARM add in 16 bits. */
  @Test
  void eightBitsNeverReachMinus128() {
    GroupInt format = new GroupInt(8, 4, FloatType.F32, new AiEdge(8, false, 0));
    assertThat(format.grid().points().least()).isEqualTo(-127);
    byte[] block = new byte[format.blockBytes()];
    format.encode(new float[] {-1, 1, 0, 0.5f}, 1, 4, null, block, 0);
    assertThat(block).endsWith(new byte[] {1, -1, -128, -64}); // 128 is zero
  }
}
