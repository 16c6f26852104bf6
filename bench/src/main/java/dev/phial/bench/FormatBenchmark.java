package dev.phial.bench;

import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Time to encode one weight, by the scalar kernels and by the vector kernels, on one core. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class FormatBenchmark {
  private static final int ROWS = 16;
  private static final int COLUMNS = 4096;

  @Param({"Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS"})
  public String type = "Q8_0";

  private Format format = Formats.Q8_0;
  private final float[] x = new float[ROWS * COLUMNS];
  private byte[] bytes = {};

  @Setup
  public void fill() {
    format = Formats.named(type).orElseThrow();
    bytes = new byte[Math.toIntExact(format.bytes(x.length))];
    Random random = new Random(1);
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian(0, 0.02);
    }
  }

  @Benchmark
  @OperationsPerInvocation(ROWS * COLUMNS)
  @Fork(value = 1, jvmArgsPrepend = "-Dphial.kernels=scalar")
  public byte[] encodeScalar() {
    format.encode(x, ROWS, COLUMNS, null, bytes, 0);
    return bytes;
  }

  @Benchmark
  @OperationsPerInvocation(ROWS * COLUMNS)
  @Fork(value = 1, jvmArgsPrepend = "--add-modules=jdk.incubator.vector")
  public byte[] encodeVector() {
    format.encode(x, ROWS, COLUMNS, null, bytes, 0);
    return bytes;
  }
}
