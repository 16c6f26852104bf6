package dev.phial.targets.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.model.Families;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Format;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.quant.activation.SomeRanges;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Weights;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What was written is read back: every number that the codes stand for, and what the model is. */
final class OnnxReadBackTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tiny-phi3",
        "phi2",
        "phi3-mini-4k",
        "phi3-medium-128k",
        "phi3-small-8k",
        "phi-tiny-moe",
        "phi35-moe",
        "phi4",
        "phi4-mini"
      })
  void wholeNumbersComeBack(String model) {
    Export export = Export.write(Export.MODELS.resolve(model), "fp32", folder);
    try (Checkpoint original = Sources.open(Export.MODELS.resolve(model));
        Checkpoint again = Sources.open(export.folder())) {
      ModelDescription expected = Families.describe(original);
      ModelDescription found = Families.describe(again);
      assertSame(found.hyperparameters(), expected.hyperparameters());
      Map<String, Weight> weights = Weights.of(found);
      for (Weight weight : expected.weights()) {
        Optional<Weight> other = Optional.ofNullable(weights.remove(Weights.key(weight)));
        if (other.isPresent()) {
          assertThat(Weights.values(other.get()))
              .as(Weights.key(weight))
              .isEqualTo(Weights.values(weight));
        } else { // a bias that is zero is not written
          assertThat(Weights.values(weight)).as(Weights.key(weight)).containsOnly(0);
        }
      }
      assertThat(weights.keySet()).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,w8a8,4,1",
    "tiny-phi3,'w8a8,nodes-to-exclude=/lm_head/MatMul',4,0",
    "phi2,w8a8,3,1", // attention and feed-forward read the same
    "phi3-small-8k,w8a8,4,1",
    "phi35-moe,w8a8,2,1" // experts see activations as they are
  })
  void whatIsRoundedComesBack(String model, String spelling, int places, int once) {
    Export export = Export.write(Export.MODELS.resolve(model), spelling, folder);
    try (Checkpoint again = Sources.open(export.folder())) {
      ModelDescription found = Families.describe(again);
      int layers = found.hyperparameters().layers();
      ActivationRanges ranges = SomeRanges.of(layers);
      assertThat(found.activations().codes()).hasSize(places * layers + once);
      found
          .activations()
          .codes()
          .forEach((place, codes) ->
              assertThat(codes).isEqualTo(ActivationCodes.of(ranges.range(place), 8)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,int8",
    "tiny-phi3,'int4,asymmetric,block-size=16'",
    "tiny-phi3,'int4,algo=rtn,asymmetric'",
    "tiny-phi3,'int4,algo=k_quant'",
    "tiny-phi3,'int4,qdq'",
    "tiny-phi3,'int4,qdq,asymmetric,ep=cuda'",
    "tiny-phi3,'int4,mixed=last_matmul,mixed=mixed_layers'",
    "tiny-phi3,'int8,asymmetric,ep=cuda'",
    "tiny-phi3,'fp16,ep=cuda'",
    "tiny-phi3,'bf16,ep=cuda'",
    "phi2,'int4,ep=dml'",
    "phi2,int8",
    "phi3-small-8k,int4",
    "phi3-small-8k,'fp16,ep=cuda'",
    "phi35-moe,int4",
    "phi35-moe,'int8,ep=cuda'",
    "phi4,'int4,ep=webgpu'",
    "phi4-mini,int4",
    "phi4-mini,'int4,asymmetric'",
    "phi4-mini,'int4,ep=dml'",
    "phi4-mini,'int4,shared-embeddings=false'",
    "phi4-mini,'int4,algo=rtn,ep=cuda'",
    "phi4-mini,'fp16,ep=dml'",
    "phi3-medium-128k,'fp16,ep=dml'",
    "tiny-phi3,w8a8",
    "phi2,w8a8",
    "phi35-moe,w8a8",
    "phi3-small-8k,w8a8",
    "phi4-mini,'w8a8,nodes-to-exclude=/lm_head/MatMul'"
  })
  void everyCodeComesBack(String model, String spelling) {
    Export export = Export.write(Export.MODELS.resolve(model), spelling, folder);
    try (Checkpoint original = Sources.open(Export.MODELS.resolve(model));
        Checkpoint again = Sources.open(export.folder())) {
      ModelDescription expected = Families.describe(original);
      ModelDescription found = Families.describe(again);
      Set<Format> formats =
          Export.plan(original, spelling).plan().tensors().stream()
              .map(PlannedTensor::format)
              .collect(Collectors.toSet());
      Map<String, Weight> weights = Weights.of(found);
      for (Weight weight : expected.weights()) {
        Weight other = weights.get(Weights.key(weight));
        if (other != null) {
          assertThat(formats)
              .as("%s as %s", Weights.key(weight), other.encoding().name())
              .anyMatch(format -> Weights.areOf(format, weight, other));
        }
      }
      assertThat(weights).hasSizeGreaterThan(10);
      Hyperparameters h = found.hyperparameters();
      assertThat(h.rope().theta()).isEqualTo(expected.hyperparameters().rope().theta());
      assertThat(h.rope().longRope().isPresent())
          .isEqualTo(expected.hyperparameters().rope().longRope().isPresent());
    }
  }

  private static void assertSame(Hyperparameters found, Hyperparameters expected) {
    assertThat(found)
        .usingRecursiveComparison()
        .ignoringFields("rope.longRope", "rope.originalContext")
        .isEqualTo(expected);
    assertThat(found.rope().longRope().isPresent())
        .isEqualTo(expected.rope().longRope().isPresent());
    if (expected.rope().longRope().isPresent()) {
      LongRope rope = expected.rope().longRope().get();
      assertThat(found.rope().originalContext()).isEqualTo(expected.rope().originalContext());
      assertThat(found.rope().longRope().orElseThrow().shortScale().isPresent())
          .isEqualTo(rope.shortScale().isPresent());
      assertNear(found.rope().longRope().get().shortFactors(), rope.shortFactors());
      assertNear(found.rope().longRope().get().longFactors(), rope.longFactors());
    }
  }

  private static void assertNear(List<Double> found, List<Double> expected) {
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < found.size(); i++) {
      assertThat(found.get(i)).isCloseTo(expected.get(i), within(1e-6 * expected.get(i)));
    }
  }
}
