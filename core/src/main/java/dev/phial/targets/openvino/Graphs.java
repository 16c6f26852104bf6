package dev.phial.targets.openvino;

import dev.phial.graph.DecoderGraph;
import dev.phial.model.Part;
import dev.phial.model.Vision;
import dev.phial.model.VisionRole;
import dev.phial.model.Weight;
import dev.phial.quant.FloatType;
import dev.phial.targets.layout.Layout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/** The graphs of a folder, and what lies in the data files beside them. */
final class Graphs {
  private final DecoderGraph decoder;
  private final OpenvinoOptions options;
  private final FloatType origin;
  private final Compressions compressions;
  private final Layout.Builder layout;
  private final Map<String, byte[]> files = new LinkedHashMap<>();

  /**
   * @param origin type of what is not compressed
   * @param layout receives what lies in data files
   */
  Graphs(DecoderGraph decoder, OpenvinoOptions options, FloatType origin, Layout.Builder layout) {
    this.decoder = decoder;
    this.options = options;
    this.origin = origin;
    this.compressions = new Compressions(decoder, options, origin);
    this.layout = layout;
  }

  /** By their names; one of a text model, four of one that sees. */
  Map<String, byte[]> write(Optional<Vision> vision) {
    if (vision.isEmpty()) {
      writeText(IrFile.MODEL, parameters -> GraphWriter.write(decoder, parameters));
    } else {
      writeText(
          IrFile.LANGUAGE, parameters -> GraphWriter.writeFromEmbeddings(decoder, parameters));
      writeText(IrFile.TEXT_EMBEDDINGS, this::writeEmbeddings);
      Vision seeing = vision.get();
      writeVision(
          IrFile.VISION_EMBEDDINGS,
          seeing,
          parameters -> VisionWriter.writeEncoder(seeing, parameters));
      writeVision(
          IrFile.VISION_PROJECTION,
          seeing,
          parameters -> VisionWriter.writeProjector(seeing, parameters));
    }
    return files;
  }

  private void writeEmbeddings(Parameters parameters) {
    Ir ir = parameters.ir();
    Value ids = ir.parameter("input", ElementType.I64, Value.UNKNOWN, Value.UNKNOWN);
    ir.result(parameters.embedding(decoder, ids), "inputs_embeds");
  }

  private void writeText(IrFile file, Consumer<Parameters> writer) {
    boolean halves = options.precision() == Precision.FP16;
    write(file, compressions::of, origin, halves, writer);
  }

  /** An encoder has eight bits wherever the text model has no more, as optimum-intel has it. */
  private void writeVision(IrFile file, Vision vision, Consumer<Parameters> writer) {
    FloatType type = options.precision() == Precision.FP32 ? FloatType.F32 : FloatType.F16;
    boolean keeps = options.keeps() || !options.precision().isCompressed();
    Weight positions = vision.weight(VisionRole.POSITIONS, -1, Part.WEIGHT);
    Function<IrMatrix, Compression> storing =
        matrix ->
            keeps || matrix.weight() == positions
                ? new Compression.Numbers(type)
                : Compression.integers(Byte.SIZE, true, -1, matrix.columns(), FloatType.F32);
    write(file, storing, FloatType.F32, type == FloatType.F16, writer);
  }

  private void write(
      IrFile file,
      Function<IrMatrix, Compression> storing,
      FloatType type,
      boolean halves,
      Consumer<Parameters> writer) {
    Parameters parameters = new Parameters(storing, type, halves, file, layout);
    writer.accept(parameters);
    files.put(file.graph(), IrXml.write(parameters.finish(), Information.of(options)));
  }
}
