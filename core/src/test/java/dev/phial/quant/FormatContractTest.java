package dev.phial.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** What every quant type must do, and the bytes that ggml makes of the same rows. */
final class FormatContractTest {
  private static final List<GgmlFormat> FORMATS = Formats.ALL;
  private static final int COLUMNS = GoldenRows.COLUMNS;

  /** One line of {@code ggml-golden.json}. */
  record Golden(String type, String importance, String bytes, String floats, String blocks) {
    @Override
    public String toString() {
      return type + ", importance " + importance;
    }
  }

  static Stream<Golden> golden() throws IOException {
    try (InputStream in = FormatContractTest.class.getResourceAsStream("ggml-golden.json")) {
      JsonNode cases = Json.STRICT.readTree(in);
      return cases
          .valueStream()
          .map(line ->
              new Golden(
                  line.get("type").asString(),
                  line.get("importance").asString(),
                  line.get("bytes").asString(),
                  line.get("floats").asString(),
                  line.get("blocks").asString()))
          .toList()
          .stream();
    }
  }

  @ParameterizedTest
  @MethodSource("golden")
  void writesTheBytesOfGgml(Golden golden) {
    GgmlFormat format = Formats.named(golden.type).orElseThrow();
    float[] importance = GoldenRows.importance(golden.importance);
    byte[] bytes = encode(format, GoldenRows.all(), importance);
    if (!sha256(bytes).equals(golden.bytes)) {
      throw new AssertionError(firstDifference(format, golden, bytes));
    }
    assertThat(sha256(littleEndian(decode(format, bytes))))
        .as("floats %s reads back", golden)
        .isEqualTo(golden.floats);
  }

  private static String firstDifference(GgmlFormat format, Golden golden, byte[] bytes) {
    int blockBytes = (int) format.bytes(256);
    for (int block = 0; block < bytes.length / blockBytes; block++) {
      CRC32 crc = new CRC32();
      crc.update(bytes, block * blockBytes, blockBytes);
      String expected = golden.blocks.substring(4 * block, 4 * block + 4);
      String found = "%04x".formatted(crc.getValue() & 0xFFFF);
      if (!found.equals(expected)) {
        return """
        %s differs from ggml in 256 elements at block %d, row "%s" column %d, byte %d of the output
        expected checksum %s, found %s, bytes %s
        tools/make-ggml-golden.py LIBRARY --show %s %s %d prints the expected bytes\
        """
            .formatted(
                golden,
                block,
                GoldenRows.ROWS.get(block * 256 / COLUMNS),
                block * 256 % COLUMNS,
                block * blockBytes,
                expected,
                found,
                HexFormat.of().formatHex(bytes, block * blockBytes, (block + 1) * blockBytes),
                golden.type,
                golden.importance,
                block);
      }
    }
    return golden + " differs from ggml; no checksum of a block does";
  }

  @Test
  void everyTypeIsComparedWithGgml() throws IOException {
    Set<String> compared = golden().map(Golden::type).collect(Collectors.toSet());
    assertThat(compared)
        .containsExactlyInAnyOrderElementsOf(FORMATS.stream().map(GgmlFormat::name).toList());
  }

  /**
   * Twice what a straight scale of so many bits loses of normally distributed weights, but never as
   * much as writing zeros, and not below what the eight significant bits of BF16 can do.
   */
  @ParameterizedTest
  @FieldSource("FORMATS")
  void readsBackWhatItWrote(GgmlFormat format) {
    double ceiling = Math.clamp(4 * Math.pow(2, -format.bitsPerWeight()), 0x1p-8, 0.95);
    for (String kind : List.of("gauss", "bf16")) {
      float[] x = GoldenRows.row(kind);
      for (String weights : List.of("none", "smooth")) {
        if (weights.equals("none") && format.needsImportance()) {
          continue;
        }
        float[] importance = GoldenRows.importance(weights);
        float[] read = decode(format, encode(format, x, importance));
        assertThat(relativeError(x, read, importance))
            .as("error of %s, rows %s, importance %s", format, kind, weights)
            .isLessThan(ceiling);
      }
    }
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void treatsEveryRowAlone(GgmlFormat format) {
    float[] x = GoldenRows.all();
    int rowBytes = (int) format.bytes(COLUMNS);
    for (String weights : List.of("none", "sparse")) {
      if (weights.equals("none") && format.needsImportance()) {
        continue;
      }
      float[] importance = GoldenRows.importance(weights);
      byte[] together = encode(format, x, importance);
      for (int row = 0; row < GoldenRows.ROWS.size(); row++) {
        float[] alone = Arrays.copyOfRange(x, row * COLUMNS, (row + 1) * COLUMNS);
        assertThat(encode(format, alone, importance))
            .as("row %d of %s, importance %s", row, format, weights)
            .isEqualTo(Arrays.copyOfRange(together, row * rowBytes, (row + 1) * rowBytes));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void writesTheSameAgainAndNothingAround(GgmlFormat format) {
    float[] x = GoldenRows.all();
    float[] importance = GoldenRows.importance("smooth");
    byte[] once = encode(format, x, importance);
    byte[] again = new byte[once.length + 100];
    Arrays.fill(again, (byte) 0x5A);
    format.encode(x, x.length / COLUMNS, COLUMNS, importance, again, 37);
    byte[] expected = new byte[again.length];
    Arrays.fill(expected, (byte) 0x5A);
    System.arraycopy(once, 0, expected, 37, once.length);
    assertThat(again).as(format.name()).isEqualTo(expected);
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void endures(GgmlFormat format) {
    float[][] rows = awkwardRows();
    for (int row = 0; row < rows.length; row++) {
      for (String weights : GoldenRows.IMPORTANCES) {
        if (weights.equals("none") && format.needsImportance()) {
          continue;
        }
        float[] read = decode(format, encode(format, rows[row], GoldenRows.importance(weights)));
        for (int i = 0; i < COLUMNS; i++) {
          assertThat(Float.isFinite(read[i]))
              .as(
                  "%s, awkward row %d, importance %s, column %d: %s",
                  format, row, weights, i, read[i])
              .isTrue();
        }
      }
    }
  }

  private static float[][] awkwardRows() {
    float[][] rows = new float[12][COLUMNS];
    // 0 stays all zero
    Arrays.fill(rows[1], -0f);
    Arrays.fill(rows[2], 0.5f);
    Arrays.fill(rows[3], -0.5f);
    rows[4][300] = -1; // alone among zeros
    System.arraycopy(GoldenRows.row("gauss"), 0, rows[5], 0, COLUMNS);
    rows[5][77] = 1e4f;
    Arrays.fill(rows[6], Float.MIN_VALUE);
    Arrays.fill(rows[7], -1e-30f);
    Arrays.fill(rows[8], 1e4f);
    for (int i = 0; i < COLUMNS; i++) {
      rows[9][i] = i % 2 == 0 ? -1e4f : 1e-38f;
      rows[10][i] = (i % 2 == 0 ? 1 : -1) * Float.MIN_NORMAL * (i % 5);
      rows[11][i] = i % 32 == 0 ? 1e-6f : -0f;
    }
    return rows;
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void readsZerosBackAsZeros(GgmlFormat format) {
    byte[] bytes = encode(format, new float[COLUMNS], GoldenRows.importance("smooth"));
    for (float read : decode(format, bytes)) {
      assertThat(read == 0).as("%s read %s", format, read).isTrue(); // of either sign
    }
  }

  @ParameterizedTest
  @FieldSource("FORMATS")
  void refusesToGuessImportance(GgmlFormat format) {
    if (format.needsImportance()) {
      assertThatThrownBy(() -> encode(format, new float[COLUMNS], null))
          .isInstanceOf(PhialException.Unsupported.class)
          .hasMessageContaining(format.name())
          .hasMessageContaining("importance matrix");
    } else {
      assertThat(encode(format, new float[COLUMNS], null)).hasSize((int) format.bytes(COLUMNS));
    }
  }

  private static byte[] encode(GgmlFormat format, float[] x, float @Nullable [] importance) {
    byte[] bytes = new byte[(int) format.bytes(x.length)];
    format.encode(x, x.length / COLUMNS, COLUMNS, importance, bytes, 0);
    return bytes;
  }

  private static float[] decode(GgmlFormat format, byte[] bytes) {
    float[] floats = new float[bytes.length / format.blockBytes() * format.blockSize()];
    format.decode(MemorySegment.ofArray(bytes), 0, floats, 0, floats.length);
    return floats;
  }

  /** Root of the weighed square error over that of writing zeros. */
  private static double relativeError(float[] x, float[] read, float @Nullable [] importance) {
    double error = 0;
    double size = 0;
    for (int i = 0; i < x.length; i++) {
      double weight = importance == null ? 1 : importance[i];
      error += weight * (x[i] - read[i]) * (x[i] - read[i]);
      size += weight * x[i] * x[i];
    }
    return Math.sqrt(error / size);
  }

  private static byte[] littleEndian(float[] floats) {
    ByteBuffer buffer = ByteBuffer.allocate(4 * floats.length).order(ByteOrder.LITTLE_ENDIAN);
    buffer.asFloatBuffer().put(floats);
    return buffer.array();
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
