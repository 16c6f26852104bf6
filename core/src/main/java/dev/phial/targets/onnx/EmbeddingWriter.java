package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.numbers;
import static dev.phial.targets.onnx.Protos.value;

import dev.phial.graph.DecoderGraph;
import java.util.List;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;

/**
 * Lays down what comes before the decoder of a model that sees: embeddings of tokens, and rows of
 * images in the place of negative ones.
 */
final class EmbeddingWriter {
  static final String GRAPH = "embedding.onnx";
  private static final String IDS = "input_ids";
  private static final String FEATURES = "image_features";
  private static final String OUTPUT = "inputs_embeds";

  private EmbeddingWriter() {}

  /**
   * Writes the graph.
   *
   * @param options of the text model
   * @param data receives what lies beside the graph
   */
  static ModelProto write(DecoderGraph decoder, OnnxOptions options, OnnxData data) {
    Nodes nodes = new Nodes();
    Projections projections =
        new Projections(
            decoder.hyperparameters(), options, nodes, data, RoundedProducts.none(nodes));
    String zero = nodes.scalar(0);
    String tokens = nodes.add("Max", "/model/images/Max", List.of(IDS, zero));
    String rows = new Embedding(decoder, options, nodes, data, projections, tokens).write();
    String isImage = nodes.add("Less", "/model/images/Less", List.of(IDS, zero));
    String places = nodes.add("NonZero", "/model/images/NonZero", List.of(isImage));
    String indices =
        nodes.add("Transpose", "/model/images/Transpose", List.of(places), numbers("perm", 1, 0));
    nodes.add("ScatterND", "/model/images/ScatterND", List.of(rows, indices, FEATURES));
    nodes.nameLastOutput(OUTPUT);
    long hidden = decoder.hyperparameters().hidden();
    OnnxType type = OnnxType.of(options.activations());
    return Protos.model(
        GraphProto.newBuilder()
            .setName("embedding")
            .addAllNode(nodes.all())
            .addInput(value(IDS, OnnxType.INT64, "batch_size", "sequence_length"))
            .addInput(value(FEATURES, type, "num_image_tokens", hidden))
            .addOutput(value(OUTPUT, type, "batch_size", "sequence_length", hidden)),
        data);
  }
}
