package dev.phial.targets.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.InvalidProtocolBufferException;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.SomeRanges;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Weights;
import dev.phial.targets.layout.Sink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.ValueInfoProto;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the accelerator asks of graphs, and that they are read back. */
final class StaticGraphTest {
  private static final int CONTEXT = 64;
  private static final int PROMPT = 8;

  /** They take whole numbers, which nobody rounds. */
  private static final Set<String> OF_WHOLE_NUMBERS = Set.of("Cast", "Constant");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,int8,uint16",
    "tiny-phi3,int4,uint8",
    "phi2,int8,uint16",
    "phi3-medium-128k,int4,uint16",
    "phi4-mini,int8,uint8"
  })
  void standsStillInIntegers(String model, String precision, String activations)
      throws IOException {
    write(model, precision, activations);
    Map<String, String> stored = new HashMap<>();
    for (String file : List.of("prompt.onnx", "token.onnx")) {
      ModelProto proto = parse(file);
      assertThat(proto.getOpsetImportList()).singleElement().extracting("domain").isEqualTo("");
      GraphProto graph = proto.getGraph();
      for (List<ValueInfoProto> values : List.of(graph.getInputList(), graph.getOutputList())) {
        assertThat(values)
            .allSatisfy(value ->
                assertThat(value.getType().getTensorType().getShape().getDimList())
                    .allMatch(dimension -> dimension.getDimValue() > 0));
      }
      assertIntegersBetween(graph);
      for (TensorProto tensor : graph.getInitializerList()) { // each lies in the data file once
        if (tensor.getExternalDataCount() > 0) {
          String place = tensor.getExternalDataList().toString();
          assertThat(stored.getOrDefault(tensor.getName(), place)).isEqualTo(place);
          stored.put(tensor.getName(), place);
        }
      }
    }
  }

  /** What operators take comes from DequantizeLinear, and what they give goes to QuantizeLinear. */
  private static void assertIntegersBetween(GraphProto graph) {
    Map<String, NodeProto> producers = new HashMap<>();
    Map<String, Set<String>> users = new HashMap<>();
    Set<String> given = new HashSet<>();
    graph.getInputList().forEach(input -> given.add(input.getName()));
    graph.getInitializerList().forEach(tensor -> given.add(tensor.getName()));
    for (NodeProto node : graph.getNodeList()) {
      node.getOutputList().forEach(output -> producers.put(output, node));
      node.getInputList()
          .forEach(
              input -> users.computeIfAbsent(input, i -> new HashSet<>()).add(node.getOpType()));
    }
    for (NodeProto node : graph.getNodeList()) {
      assertThat(node.getDomain()).isEmpty();
      assertThat(node.getAttributeList()).noneMatch(attribute -> attribute.hasG());
      String op = node.getOpType();
      boolean isInteger =
          OF_WHOLE_NUMBERS.contains(op)
              || op.endsWith("quantizeLinear")
              || op.equals("QuantizeLinear")
              || op.equals("DequantizeLinear")
              || node.getInputList().stream()
                  .anyMatch(List.of("input_ids", "position_ids")::contains)
              || node.getOutput(0).equals("logits");
      if (!isInteger) {
        assertThat(producers.get(node.getInput(0)))
            .as(node.getName())
            .isNotNull()
            .extracting(NodeProto::getOpType)
            .isEqualTo("DequantizeLinear");
        assertThat(users.get(node.getOutput(0))).as(node.getName()).containsOnly("QuantizeLinear");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"tiny-phi3,int8,uint16", "phi2,int8,uint16", "phi4-mini,int8,uint8"})
  void comesBack(String model, String precision, String activations) throws IOException {
    write(model, precision, activations);
    try (Checkpoint original = Sources.open(Export.MODELS.resolve(model));
        Checkpoint again = Sources.open(folder.resolve("qnn"))) {
      ModelDescription expected = Families.describe(original);
      ModelDescription found = Families.describe(again);
      assertThat(found.hyperparameters().context()).isEqualTo(CONTEXT);
      Map<String, Weight> weights =
          found.weights().stream().collect(Collectors.toMap(Weight::ggufName, weight -> weight));
      for (Weight weight : expected.weights()) {
        float[] values = Weights.values(weight);
        float[] others = Weights.values(Objects.requireNonNull(weights.get(weight.ggufName())));
        float most = 0;
        for (float value : values) {
          most = Math.max(most, Math.abs(value));
        }
        for (int i = 0; i < values.length; i++) { // half a step of 8 bits
          assertThat(Math.abs(others[i] - values[i]))
              .as("%s %d", weight.ggufName(), i)
              .isLessThanOrEqualTo(most / 126);
        }
      }
      int bits = activations.equals("uint8") ? 8 : 16;
      Map<ActivationPlace, ActivationCodes> codes = found.activations().codes();
      assertThat(codes.get(ActivationPoint.SCORES.in(0)))
          .isEqualTo(
              ActivationCodes.of(SomeRanges.of(1).range(ActivationPoint.SCORES.in(0)), bits));
      assertThat(codes.get(ActivationPoint.CACHED_KEY.in(0)))
          .extracting(ActivationCodes::zero)
          .isEqualTo(128);
      assertThat(codes)
          .containsKeys(
              ActivationPoint.LOGITS.once(),
              ActivationPoint.QUERY_ROTATION.once(),
              ActivationPoint.LAYER_OUTPUT.in(expected.hyperparameters().layers() - 1));
    }
  }

  private void write(String model, String precision, String activations) {
    Options options =
        new Options(
            Map.of(
                "ep", List.of("qnn"),
                "activations", List.of(activations),
                "context-length", List.of(Integer.toString(CONTEXT)),
                "prompt-length", List.of(Integer.toString(PROMPT))));
    try (Checkpoint checkpoint = Sources.open(Export.MODELS.resolve(model))) {
      ModelDescription description = Families.describe(checkpoint);
      Request request =
          new Request(checkpoint, description, Optional.of(precision), options)
              .with(SomeRanges.of(description.hyperparameters().layers()));
      try (Sink sink = new OnnxTarget().plan(request).open(folder.resolve("qnn"), true)) {
        assertThat(Pass.run(List.of(sink), 2, Progress.NONE)).isEmpty();
      }
    }
  }

  private ModelProto parse(String file) throws InvalidProtocolBufferException, IOException {
    return ModelProto.parseFrom(Files.readAllBytes(folder.resolve("qnn").resolve(file)));
  }
}
