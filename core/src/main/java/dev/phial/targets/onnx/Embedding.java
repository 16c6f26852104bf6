package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.number;
import static dev.phial.targets.onnx.Nodes.numbers;

import dev.phial.PhialException;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.Matrix;
import dev.phial.model.Hyperparameters;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Recoding;
import dev.phial.quant.method.DividingMinMax;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.onnx.OnnxData.Turn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import onnx.Onnx.AttributeProto;

/** From token ids to rows of the embedding, which may be the output matrix as well. */
final class Embedding {
  private static final String EMBEDDING = "/model/embed_tokens";
  private static final String TABLE = "model.embed_tokens.weight";
  private static final String HEAD = "lm_head.MatMul.weight";

  private final DecoderGraph decoder;
  private final Hyperparameters h;
  private final OnnxOptions options;
  private final FloatType type;
  private final Nodes nodes;
  private final OnnxData data;
  private final Projections projections;
  private final String ids;

  /**
   * @param ids of tokens
   */
  Embedding(
      DecoderGraph decoder,
      OnnxOptions options,
      Nodes nodes,
      OnnxData data,
      Projections projections,
      String ids) {
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
    this.options = options;
    this.type = options.activations();
    this.nodes = nodes;
    this.data = data;
    this.projections = projections;
    this.ids = ids;
  }

  /** Adds the nodes; returns what the first layer reads. */
  String write() {
    if (options.excludesEmbedding()) {
      return "inputs_embeds";
    }
    String rows = rows();
    if (h.multipliers().embedding() == 1) {
      return rows;
    }
    String factor = nodes.real(type, h.multipliers().embedding());
    return nodes.add("Mul", EMBEDDING + "/Mul", List.of(rows, factor));
  }

  private String rows() {
    Matrix table = decoder.embedding();
    if (sharesQuantized()) {
      return sharedQuantized();
    }
    if (sharesPlain()) {
      String transposed =
          nodes.add("Transpose", EMBEDDING + "/Transpose", List.of(HEAD), numbers("perm", 1, 0));
      return nodes.add("Gather", EMBEDDING + "/Gather", List.of(transposed, ids));
    }
    Optional<Recoding> recoding = projections.recoding(TABLE, table);
    if (recoding.isPresent()) {
      return kept(recoding.get());
    }
    if (quantizes()) {
      return quantized();
    }
    String plain = projections.table(TABLE, table);
    return nodes.add("Gather", EMBEDDING + "/Gather", List.of(plain, ids));
  }

  private boolean shares() {
    return options.sharesEmbedding() && !options.excludesHead() && !options.excludesEmbedding();
  }

  private boolean sharesQuantized() {
    if (options.keeps()) {
      return shares() && outputRecoding().isPresent();
    }
    return shares() && options.precision() == Precision.INT4 && !options.qdq();
  }

  private boolean sharesPlain() {
    if (options.keeps()) {
      return shares() && outputRecoding().isEmpty();
    }
    return shares() && !options.precision().isQuantized();
  }

  /** A table of its own is quantized only where it was meant to be shared. */
  private boolean quantizes() {
    return options.sharesEmbedding()
        && !options.keeps()
        && options.precision() == Precision.INT4
        && !options.qdq()
        && options.algorithm() == Algorithm.DEFAULT;
  }

  /** Reads rows of the output matrix, which the writer of the graph stores. */
  private String sharedQuantized() {
    GroupInt format =
        outputRecoding()
            .map(projections::format)
            .orElseGet(() -> projections.format(projections.bits("/lm_head/MatMul", HEAD)));
    int bits = format.bits();
    int size = format.blockSize();
    List<Initializer> tensors =
        options.algorithm().initializers(HEAD, h.vocabulary(), h.hidden(), size, format);
    String table =
        nodes.add(
            "Reshape",
            EMBEDDING + "/Reshape",
            List.of(
                Projections.codes(tensors),
                nodes.list(h.vocabulary(), (long) h.hidden() * bits / Byte.SIZE)));
    List<String> inputs = new ArrayList<>(List.of(table, ids, Projections.scales(tensors)));
    Projections.zeros(tensors).ifPresent(inputs::add);
    String name = EMBEDDING + "/GatherBlockQuantized";
    return lookUp(name, name + "/output_0", inputs, size, number("bits", bits));
  }

  /**
   * Reads rows of codes.
   *
   * @param inputs codes, tokens, scales, and zero points if there are some
   */
  private String lookUp(
      String name, String output, List<String> inputs, int size, AttributeProto... more) {
    List<AttributeProto> attributes = new ArrayList<>(List.of(more));
    attributes.add(number("block_size", size));
    attributes.add(number("gather_axis", 0));
    attributes.add(number("quantize_axis", 1));
    nodes.add(
        MICROSOFT,
        "GatherBlockQuantized",
        name,
        inputs,
        List.of(output),
        attributes.toArray(AttributeProto[]::new));
    return output;
  }

  private Optional<Recoding> outputRecoding() {
    return projections.recoding(HEAD, decoder.output().weight());
  }

  /** Codes that come as they are, in bytes as those of the output matrix. */
  private String kept(Recoding recoding) {
    Matrix table = decoder.embedding();
    GroupInt format = projections.format(recoding);
    int bits = format.bits();
    long groups = table.columns() / format.blockSize();
    long codeBytes = table.columns() * bits / Byte.SIZE;
    Initializer codes =
        Initializer.of(TABLE + "_Q" + bits, OnnxType.UINT8, table.rows(), codeBytes);
    Initializer zeros =
        Initializer.of(
            TABLE + "_zero_points", OnnxType.UINT8, table.rows(), (groups * bits + 7) / Byte.SIZE);
    return store(format, codes, zeros, false, Optional.of(recoding), number("bits", bits));
  }

  private String quantized() {
    Matrix table = decoder.embedding();
    int size = options.blockSize();
    projections.checkDivides("model.embed_tokens", table.columns(), size);
    GroupInt format =
        new GroupInt(4, size, type, new DividingMinMax(options.symmetric(), type), type);
    OnnxType codeType = options.symmetric() ? OnnxType.INT4 : OnnxType.UINT4;
    long groups = table.columns() / size;
    if (format.hasZeros() && groups % 2 != 0) {
      throw new PhialException.Unsupported(
          "--block-size %d: expected an even number of zero points per row of the embedding, found %d; choose a smaller block size"
              .formatted(size, groups));
    }
    Initializer codes = Initializer.of(TABLE + "_Q4", codeType, table.rows(), table.columns());
    Initializer zeros = Initializer.of(TABLE + "_zero_points", codeType, table.rows(), groups);
    return store(format, codes, zeros, options.symmetric(), Optional.empty());
  }

  /**
   * Stores the embedding as codes, and reads rows of it.
   *
   * @param zeros if the format has zero points
   * @param signed whether codes are
   */
  private String store(
      GroupInt format,
      Initializer codes,
      Initializer zeros,
      boolean signed,
      Optional<Recoding> recoding,
      AttributeProto... more) {
    Matrix table = decoder.embedding();
    int size = format.blockSize();
    Initializer scales =
        Initializer.of(TABLE + "_scales", OnnxType.of(type), table.rows(), table.columns() / size);
    Optional<Initializer> points = format.hasZeros() ? Optional.of(zeros) : Optional.empty();
    PlannedTensor tensor = Projections.planned(TABLE, table, format).with(recoding);
    data.add(
        tensor, RowStore.of(tensor, format, codes, scales, points, signed, true), Turn.QUANTIZED);
    List<String> inputs = new ArrayList<>(List.of(codes.name(), ids, scales.name()));
    points.ifPresent(zero -> inputs.add(zero.name()));
    return lookUp(
        EMBEDDING + "/Gather_Q" + format.bits(),
        EMBEDDING + "/Gather/output_0",
        inputs,
        size,
        more);
  }
}
