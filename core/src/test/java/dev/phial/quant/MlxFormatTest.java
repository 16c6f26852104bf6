package dev.phial.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import dev.phial.quant.MlxFormat.Plane;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** What every quant type of MLX must do, and the bytes that MLX makes of the same rows. */
final class MlxFormatTest {
  private static final List<MlxFormat> FORMATS = MlxFormats.ALL;
  private static final int COLUMNS = GoldenRows.COLUMNS;

  /** One line of {@code mlx-golden.json}. */
  record Golden(MlxFormat format, Map<String, String> rows) {
    @Override
    public String toString() {
      return format + " " + format.number();
    }
  }

  static Stream<Golden> golden() throws IOException {
    try (InputStream in = MlxFormatTest.class.getResourceAsStream("mlx-golden.json")) {
      return Json.STRICT.readTree(in).valueStream().map(MlxFormatTest::golden).toList().stream();
    }
  }

  private static Golden golden(JsonNode line) {
    FloatType number = FloatType.named(line.get("dtype").asString()).orElseThrow();
    MlxFormat format =
        MlxFormats.of(
                line.get("mode").asString(),
                line.get("bits").asInt(),
                line.get("group_size").asInt(),
                number)
            .orElseThrow();
    Map<String, String> rows = new TreeMap<>();
    line.get("rows").forEachEntry((row, digest) -> rows.put(row, digest.asString()));
    return new Golden(format, rows);
  }

  @ParameterizedTest
  @MethodSource("golden")
  void writesTheBytesOfMlx(Golden golden) {
    Map<String, String> found = new TreeMap<>();
    for (String row : GoldenRows.ROWS) {
      float[] x = GoldenRows.row(row);
      if (golden.format.mode().startsWith("mx")) { // exponents wrap around in the reference
        dropBelow(0x1p-100f, x);
      }
      found.put(row, digest(golden.format, encode(golden.format, x)));
    }
    assertThat(found).isEqualTo(golden.rows);
  }

  private static void dropBelow(float least, float[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] = Math.abs(x[i]) < least ? 0 : x[i];
    }
  }

  @Test
  void everyTypeIsComparedWithMlx() throws IOException {
    assertThat(golden().map(Golden::format).collect(Collectors.toSet()))
        .containsExactlyInAnyOrderElementsOf(FORMATS);
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void readsBackWhatItWrote(MlxFormat format) {
    double ceiling = Math.clamp(4 * Math.pow(2, -format.bits()), 0.1, 0.95);
    float[] x = GoldenRows.row("gauss");
    float[] read = decode(format, encode(format, x));
    double error = 0;
    double size = 0;
    for (int i = 0; i < x.length; i++) {
      error += (x[i] - read[i]) * (x[i] - read[i]);
      size += x[i] * x[i];
    }
    assertThat(Math.sqrt(error / size)).as("error of %s", format).isLessThan(ceiling);
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void treatsEveryRowAloneAndWritesNothingAround(MlxFormat format) {
    float[] x = GoldenRows.all();
    int rowBytes = (int) format.bytes(COLUMNS);
    byte[] together = new byte[(int) format.bytes(x.length) + 100];
    Arrays.fill(together, (byte) 0x5A);
    format.encode(x, x.length / COLUMNS, COLUMNS, null, together, 37);
    byte[] expected = new byte[together.length];
    Arrays.fill(expected, (byte) 0x5A);
    for (int row = 0; row < GoldenRows.ROWS.size(); row++) {
      byte[] alone = encode(format, GoldenRows.row(GoldenRows.ROWS.get(row)));
      System.arraycopy(alone, 0, expected, 37 + row * rowBytes, rowBytes);
    }
    assertThat(together).isEqualTo(expected);
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void keepsTheTiniestNumbersTiny(MlxFormat format) {
    for (float tiny : new float[] {Float.MIN_VALUE, 1e-40f, 1e-38f, 3e-37f, 1e-30f}) {
      float[] x = new float[COLUMNS];
      for (int i = 0; i < COLUMNS; i++) {
        x[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? tiny : -tiny / 3;
      }
      for (float read : decode(format, encode(format, x))) {
        assertThat(Math.abs(read)).as("%s of %s", format, tiny).isLessThanOrEqualTo(1e-6f);
      }
    }
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void leavesTheInputAlone(MlxFormat format) {
    float[] x = GoldenRows.row("heavy");
    encode(format, x);
    assertThat(x).isEqualTo(GoldenRows.row("heavy"));
  }

  private static byte[] encode(MlxFormat format, float[] x) {
    byte[] bytes = new byte[(int) format.bytes(x.length)];
    format.encode(x, x.length / COLUMNS, COLUMNS, null, bytes, 0);
    return bytes;
  }

  private static float[] decode(MlxFormat format, byte[] bytes) {
    float[] floats = new float[bytes.length / format.blockBytes() * format.blockSize()];
    format.decode(MemorySegment.ofArray(bytes), 0, floats, 0, floats.length);
    return floats;
  }

  /** Of the planes, one after the other. */
  private static String digest(MlxFormat format, byte[] blocks) {
    ByteArrayOutputStream planes = new ByteArrayOutputStream();
    int start = 0;
    for (Plane plane : format.planes()) {
      for (int at = start; at < blocks.length; at += format.blockBytes()) {
        planes.write(blocks, at, plane.bytes());
      }
      start += plane.bytes();
    }
    try {
      byte[] sha256 = MessageDigest.getInstance("SHA-256").digest(planes.toByteArray());
      return HexFormat.of().formatHex(sha256, 0, 8);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
