package dev.phial.engine.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Images that are read, and files that are none. */
final class PictureTest {
  private static final Path TALL =
      Path.of("src/test/resources/dev/phial/engine/vision/tall.png").toAbsolutePath();

  @TempDir Path folder;

  private static void refused(Path file, String message) {
    assertThatThrownBy(() -> Picture.read(file))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void takesGreyAsItIs() throws IOException {
    BufferedImage image = new BufferedImage(256, 2, BufferedImage.TYPE_BYTE_GRAY);
    for (int x = 0; x < 256; x++) {
      image.getRaster().setSample(x, 1, 0, x);
    }
    Path file = folder.resolve("grey.png");
    ImageIO.write(image, "png", file.toFile());
    Picture picture = Picture.read(file);
    for (int x = 0; x < 256; x++) {
      for (int c = 0; c < 3; c++) {
        assertThat(picture.rgb()[(256 + x) * 3 + c] & 0xFF).isEqualTo(x);
      }
    }
  }

  @Test
  void takesTransparentColoursAsTheyAre() throws IOException {
    BufferedImage image = new BufferedImage(1, 1, BufferedImage.TYPE_INT_ARGB);
    image.setRGB(0, 0, 0x40123456);
    Path file = folder.resolve("transparent.png");
    ImageIO.write(image, "png", file.toFile());
    assertThat(Picture.read(file).rgb()).containsExactly(0x12, 0x34, 0x56);
  }

  @Test
  void refusesWhatIsNoImage() throws IOException {
    refused(folder, "found no such file");
    refused(folder.resolve("missing.png"), "found no such file");
    Path text = folder.resolve("text.png");
    Files.writeString(text, "no image");
    refused(text, "found another file");
    Path empty = folder.resolve("empty.png");
    Files.write(empty, new byte[0]);
    refused(empty, "found another file");
  }

  /** Wherever it is damaged, it is refused or shown as far as it goes, and nothing else happens. */
  @Test
  void refusesDamagedImages() throws IOException {
    byte[] whole = Files.readAllBytes(TALL);
    Path file = folder.resolve("damaged.png");
    for (int length = 0; length < whole.length; length += 1500) {
      readOrRefuse(file, Arrays.copyOf(whole, length));
    }
    for (int at = 8; at < 200; at++) {
      byte[] damaged = whole.clone();
      damaged[at] ^= 0x55;
      readOrRefuse(file, damaged);
    }
  }

  private static void readOrRefuse(Path file, byte[] bytes) throws IOException {
    Files.write(file, bytes);
    try {
      Picture picture = Picture.read(file);
      assertThat(picture.rgb()).hasSize(picture.width() * picture.height() * 3);
    } catch (PhialException.BadInput e) {
      assertThat(e).hasMessageStartingWith(file.toString());
    }
  }

  @ParameterizedTest
  @CsvSource({"100000, 1", "16384, 16384", "2147483647, 2147483647", "1, 20000"})
  void refusesLargeImagesBeforeTheyTakeMemory(int width, int height) throws IOException {
    Path file = folder.resolve("large.png");
    Files.write(file, header(width, height));
    refused(file, "found %d × %d".formatted(width, height));
  }

  /** The beginning of a PNG file. */
  private static byte[] header(int width, int height) throws IOException {
    ByteArrayOutputStream chunk = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(chunk)) {
      out.write("IHDR".getBytes(StandardCharsets.US_ASCII));
      out.writeInt(width);
      out.writeInt(height);
      out.write(new byte[] {8, 2, 0, 0, 0});
    }
    CRC32 sum = new CRC32();
    sum.update(chunk.toByteArray());
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(file)) {
      out.write(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'});
      out.writeInt(13);
      out.write(chunk.toByteArray());
      out.writeInt((int) sum.getValue());
      out.writeInt(0);
      out.write("IDAT".getBytes(StandardCharsets.US_ASCII));
      out.writeInt(0x35AF061E);
    }
    return file.toByteArray();
  }

  @Test
  void turnsAndResizes() {
    Picture picture = Picture.read(TALL);
    assertThat(picture.transposed().transposed().rgb()).isEqualTo(picture.rgb());
    assertThat(picture.resized(picture.width(), picture.height()).rgb()).isEqualTo(picture.rgb());
    assertThat(picture.resized(7, 900).rgb()).hasSize(7 * 900 * 3);
  }
}
