package dev.phial.targets.torch;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.LittleEndian;
import dev.phial.model.ModelDescription;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Nvfp4;
import dev.phial.quant.TileFloat;
import dev.phial.quant.TorchScales;
import dev.phial.quant.activation.InputCodes;
import dev.phial.quant.method.CompressedTensorsInt;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.tensor.Coding;
import dev.phial.tensor.DType;
import java.math.BigInteger;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A scheme of compressed-tensors, as llm-compressor's {@code model_free_ptq} writes it.
 *
 * @param kind which of them
 * @param size elements that share a scale, of fp8 squares of that many rows; 0 if all of a row do
 * @param ignored layers that stay as they are
 * @param divisors of nvfp4, by linear layer
 */
record CompressedScheme(
    Kind kind,
    int size,
    boolean symmetric,
    Ignored ignored,
    Function<Linear, DoubleSupplier> divisors)
    implements Scheme {
  /** The presets of llm-compressor, under their names in lower case. */
  enum Kind {
    /** Codes of 4 bits in groups. */
    W4A16(4, "pack-quantized", 128),
    /** Codes of 8 bits in groups. */
    W8A16(8, "pack-quantized", 128),
    /** Codes of 8 bits, one scale a row; activations are rounded to 8 bits as they come. */
    W8A8(8, "int-quantized", 0),
    /** E4M3, one scale a row; activations are rounded as they come. */
    FP8(8, "float-quantized", 0),
    /** E2M1 in groups of 32. */
    MXFP4(4, "mxfp4-pack-quantized", 32),
    /** E4M3 in groups of 32. */
    MXFP8(8, "mxfp8-quantized", 32),
    /** E2M1 in groups of 16. */
    NVFP4(4, "nvfp4-pack-quantized", 16);

    private final int bits;
    private final String format;
    private final int size;

    Kind(int bits, String format, int size) {
      this.bits = bits;
      this.format = format;
      this.size = size;
    }

    String precision() {
      return name().toLowerCase(Locale.ROOT);
    }

    boolean isPacked() {
      return this == W4A16 || this == W8A16;
    }

    int usualSize() {
      return size;
    }

    private boolean isFloat() {
      return this != W4A16 && this != W8A16 && this != W8A8;
    }
  }

  @Override
  public Optional<InputCodes> inputCodes() {
    return switch (kind) {
      case W8A8 -> Optional.of(InputCodes.INT8);
      case FP8 -> Optional.of(isTiled() ? InputCodes.E4M3_G128 : InputCodes.E4M3);
      default -> Optional.empty();
    };
  }

  @Override
  public int inputs() {
    return isTiled() ? 2 : size > 0 ? size : kind.isPacked() ? Integer.SIZE / kind.bits : 2;
  }

  @Override
  public String label() {
    return kind.precision()
        + (size == kind.size ? "" : size == 0 ? "-channel" : isTiled() ? "-block" : "-g" + size)
        + (symmetric ? "" : "-asym");
  }

  @Override
  public TorchTensor tensor(Linear linear) {
    return switch (kind) {
      case W4A16, W8A16, W8A8 -> integers(linear);
      case FP8 -> isTiled() ? tiles(linear) : floats(linear, rows(linear));
      case MXFP4, MXFP8 -> floats(linear, new TorchScales.Powers(linear.number(), kind.bits));
      case NVFP4 -> nvfp4(linear);
    };
  }

  /** Whether squares of a matrix share a scale. */
  private boolean isTiled() {
    return kind == Kind.FP8 && size == TileFloat.SIDE;
  }

  private static TorchScales rows(Linear linear) {
    return new TorchScales.Rows(linear.number());
  }

  private int size(Linear linear) {
    return size == 0 ? linear.inputs() : size;
  }

  private TorchTensor integers(Linear linear) {
    FloatType number = linear.number();
    GroupInt format =
        new GroupInt(
            kind.bits,
            size(linear),
            number,
            new CompressedTensorsInt(kind.bits, symmetric, number),
            number);
    PlannedTensor planned = linear.planned(format);
    long groups = linear.inputs() / size(linear);
    Entry scale = linear.entry(".weight_scale", number.type(), linear.outputs(), groups);
    if (!kind.isPacked()) {
      Entry codes = linear.entry(".weight", DType.I8, linear.outputs(), linear.inputs());
      return new TorchTensor(
          planned, RowStore.of(planned, format, codes, scale, Optional.empty(), true, true));
    }
    long words = (long) linear.inputs() * kind.bits / Integer.SIZE;
    Entry codes = linear.entry(".weight_packed", DType.I32, linear.outputs(), words);
    RowStore rows = RowStore.of(planned, format, codes, scale, Optional.empty(), false, true);
    Map<Entry, Content> shape = Map.of(linear.entry(".weight_shape", DType.I64, 2), shape(linear));
    if (symmetric) {
      return new TorchTensor(planned, rows, shape);
    }
    long zeroWords = Math.ceilDiv(linear.outputs() * kind.bits, Integer.SIZE);
    Entry zeros = linear.entry(".weight_zero_point", DType.I32, zeroWords, groups);
    return new TorchTensor(planned, rows.and(PackedZeros.of(planned, format, zeros)), shape);
  }

  private TorchTensor floats(Linear linear, TorchScales scales) {
    GroupFloat format = new GroupFloat(size(linear), scales, linear.number());
    PlannedTensor planned = linear.planned(format);
    long groups = linear.inputs() / size(linear);
    DType scaleType = kind == Kind.FP8 ? linear.number().type() : DType.U8;
    Entry codes =
        kind.bits == 4
            ? linear.entry(".weight_packed", DType.U8, linear.outputs(), linear.inputs() / 2)
            : linear.entry(".weight", DType.F8_E4M3, linear.outputs(), linear.inputs());
    Entry scale = linear.entry(".weight_scale", scaleType, linear.outputs(), groups);
    return new TorchTensor(planned, RowStore.of(planned, format, codes, scale));
  }

  private static TorchTensor tiles(Linear linear) {
    int columns = linear.inputs();
    int piece = BigInteger.valueOf(columns).gcd(BigInteger.valueOf(TileFloat.SIDE)).intValue();
    GroupFloat groups = new GroupFloat(piece, rows(linear), linear.number());
    MatrixTiles tiles = new MatrixTiles(linear);
    TileFloat format = new TileFloat(groups, tiles, 0);
    PlannedTensor planned = linear.planned(format);
    DType number = linear.number().type();
    Entry codes = linear.entry(".weight", DType.F8_E4M3, linear.outputs(), columns);
    Entry scales = linear.entry(".weight_scale", number, tiles.perColumn(), tiles.perRow());
    return new TorchTensor(
        planned,
        RowStore.of(planned, groups.scaleBytes(), groups.codeBytes(), codes)
            .and(new TileScales(scales, format, columns)));
  }

  private TorchTensor nvfp4(Linear linear) {
    DoubleSupplier divisor = divisors.apply(linear);
    Nvfp4 format = new Nvfp4(linear.number(), divisor);
    PlannedTensor planned = linear.planned(format);
    Entry codes = linear.entry(".weight_packed", DType.U8, linear.outputs(), linear.inputs() / 2);
    Entry scale =
        linear.entry(".weight_scale", DType.F8_E4M3, linear.outputs(), linear.inputs() / size);
    return new TorchTensor(
        planned,
        RowStore.of(planned, 1, codes, scale),
        Map.of(
            linear.entry(".weight_global_scale", DType.F32, 1),
            (slot, out) -> {
              byte[] bytes = new byte[Float.BYTES];
              LittleEndian.putFloat(bytes, 0, (float) divisor.getAsDouble());
              out.write(slot, bytes, 0);
            }));
  }

  private static Content shape(Linear linear) {
    byte[] bytes = new byte[2 * Long.BYTES];
    LittleEndian.putLong(bytes, 0, linear.outputs());
    LittleEndian.putLong(bytes, Long.BYTES, linear.inputs());
    return Content.of(bytes);
  }

  @Override
  public List<Coding> codings(Coding from) {
    if (kind != Kind.W4A16 && kind != Kind.W8A16) {
      throw new PhialException.Unsupported(
          "--carry: expected torch:w4a16 or torch:w8a16, which hold groups of integers, found torch:%s"
              .formatted(kind.precision()));
    }
    int middle = 1 << kind.bits - 1;
    return List.of(
        symmetric
            ? new Coding(size, -middle, middle - 1, Coding.Offset.NONE)
            : new Coding(size, 0, 2 * middle - 1, Coding.Offset.ZERO_POINT));
  }

  @Override
  public ObjectNode config(ModelDescription model) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    String preset = preset();
    ObjectNode group = json.putObject("config_groups").putObject(preset);
    group.put("format", kind.format);
    if (inputCodes().isPresent()) {
      group
          .putObject("input_activations")
          .put("dynamic", true)
          .put("group_size", isTiled() ? TileFloat.SIDE : null)
          .put("num_bits", kind.bits)
          .put("strategy", isTiled() ? "group" : "token")
          .put("symmetric", true)
          .put("type", type());
    } else {
      group.putNull("input_activations");
    }
    group.putNull("output_activations");
    group.putArray("targets").add("Linear");
    ObjectNode weights = group.putObject("weights");
    if (isTiled()) {
      weights.putArray("block_structure").add(TileFloat.SIDE).add(TileFloat.SIDE);
    }
    weights
        .put("dynamic", false)
        .put("group_size", size == 0 || isTiled() ? null : size)
        .put("num_bits", kind.bits);
    switch (kind) {
      case MXFP4, MXFP8 -> weights.put("scale_dtype", "torch.uint8");
      case NVFP4 -> weights.put("scale_dtype", "torch.float8_e4m3fn");
      default -> {} // that of the numbers
    }
    weights.put("strategy", strategy()).put("symmetric", symmetric).put("type", type());
    json.put("format", kind.format).putNull("global_compression_ratio");
    ArrayNode ignore = json.putArray("ignore").add("lm_head");
    if (model.hyperparameters().experts().count() > 0) {
      ignore.add("re:.*\\.gate$").add("re:.*router"); // as vLLM, and as transformers calls it
    }
    ignored().names().forEach(ignore::add);
    return json.putNull("kv_cache_scheme")
        .put("quant_method", "compressed-tensors")
        .put("quantization_status", "compressed")
        .put("version", "0.20.0"); // whose layout it is
  }

  private String strategy() {
    return isTiled()
        ? "block"
        : size == 0 ? "channel" : kind == Kind.NVFP4 ? "tensor_group" : "group";
  }

  private String type() {
    return kind.isFloat() ? "float" : "int";
  }

  private String preset() {
    return switch (kind) {
      case W4A16, W8A16 -> kind.name() + (symmetric ? "" : "_ASYM");
      case FP8 -> isTiled() ? "FP8_BLOCK" : "FP8_DYNAMIC";
      case MXFP4, MXFP8, NVFP4 -> kind.name() + "A16";
      default -> kind.name();
    };
  }
}
