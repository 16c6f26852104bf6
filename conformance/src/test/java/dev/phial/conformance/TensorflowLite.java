package dev.phial.conformance;

import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.tensorflowlite.BuiltinOpResolver;
import org.bytedeco.tensorflowlite.BuiltinOpResolverWithoutDefaultDelegates;
import org.bytedeco.tensorflowlite.FlatBufferModel;
import org.bytedeco.tensorflowlite.Interpreter;
import org.bytedeco.tensorflowlite.InterpreterBuilder;
import org.bytedeco.tensorflowlite.SignatureRunner;
import org.bytedeco.tensorflowlite.TfLiteTensor;
import org.bytedeco.tensorflowlite.global.tensorflowlite;

/** A decoder in TensorFlow Lite. */
final class TensorflowLite implements AutoCloseable {
  private static final float HIDDEN = -0.7f * Float.MAX_VALUE; // as LiteRT-LM fills its masks

  private final FlatBufferModel model;
  private final BuiltinOpResolver kernels;
  private final Interpreter interpreter;
  private final SignatureRunner decode;
  private final List<String> cache;
  private final float[] mask;
  private int end;

  /**
   * Loads a model, or skips the test where this machine has no library to do it with.
   *
   * @param delegates whether XNNPACK takes over what it can, as is the default
   */
  static TensorflowLite open(Path file, boolean delegates) {
    String folder = Phial.ROOT.resolve("conformance/target/javacpp").toString();
    System.setProperty("org.bytedeco.javacpp.cachedir", folder);
    try {
      Loader.load(tensorflowlite.class);
    } catch (UnsatisfiedLinkError e) {
      return abort("no TensorFlow Lite for this machine: " + e.getMessage());
    }
    return new TensorflowLite(file, delegates);
  }

  private TensorflowLite(Path file, boolean delegates) {
    model = FlatBufferModel.BuildFromFile(file.toString());
    kernels = delegates ? new BuiltinOpResolver() : new BuiltinOpResolverWithoutDefaultDelegates();
    interpreter = new Interpreter((Pointer) null);
    try (InterpreterBuilder builder = new InterpreterBuilder(model, kernels)) {
      check(builder.apply(interpreter));
    }
    decode = interpreter.GetSignatureRunner("decode");
    check(decode.AllocateTensors());
    cache =
        LongStream.range(0, decode.input_size())
            .mapToObj(i -> decode.input_names().getString(i))
            .filter(name -> name.startsWith("kv_cache"))
            .toList();
    for (String name : cache) {
      TfLiteTensor tensor = decode.input_tensor(name);
      Pointer.memset(data(tensor), 0, tensor.bytes());
    }
    mask = new float[Math.toIntExact(decode.input_tensor("mask").bytes() / Float.BYTES)];
    Arrays.fill(mask, HIDDEN);
  }

  private static void check(int status) {
    if (status != tensorflowlite.kTfLiteOk) {
      throw new AssertionError("TensorFlow Lite ended with status " + status);
    }
  }

  private static Pointer data(TfLiteTensor tensor) {
    return tensor.data().data();
  }

  /** The logits after more tokens of the text. */
  float[] next(int... ids) {
    for (int id : ids) {
      new IntPointer(data(decode.input_tensor("tokens"))).put(id);
      new IntPointer(data(decode.input_tensor("input_pos"))).put(end);
      mask[end++] = 0;
      new FloatPointer(data(decode.input_tensor("mask"))).put(mask);
      check(decode.Invoke());
      for (String name : cache) {
        TfLiteTensor input = decode.input_tensor(name);
        Pointer.memcpy(data(input), data(decode.output_tensor(name)), input.bytes());
      }
    }
    TfLiteTensor tensor = decode.output_tensor("logits");
    float[] logits = new float[Math.toIntExact(tensor.bytes() / Float.BYTES)];
    new FloatPointer(data(tensor)).get(logits);
    return logits;
  }

  @Override
  public void close() {
    interpreter.close();
    kernels.close();
    model.close();
  }
}
