package dev.phial.engine.vision;

import dev.phial.PhialException;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.FileImageInputStream;
import javax.imageio.stream.ImageInputStream;

/**
 * An image in red, green and blue of eight bits.
 *
 * @param rgb {@code [height][width][3]}
 */
public record Picture(int width, int height, byte[] rgb) {
  static final int CHANNELS = 3;

  /** Bounds that are looked at before anything of that size is held. */
  private static final int LONGEST_SIDE = 1 << 14;

  private static final long MOST_PIXELS = 1L << 26;
  private static final long MOST_BYTES = 1L << 28;
  private static final byte WHITE = (byte) 255;

  static {
    System.setProperty("java.awt.headless", "true"); // nobody opens a window
  }

  /**
   * Reads a PNG, JPEG, WebP, GIF, BMP or TIFF file. What is transparent is shown, as Pillow shows
   * it.
   *
   * @throws PhialException.BadInput if it is no such image, damaged, or very large
   */
  public static Picture read(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw bad(file, "expected an image, found no such file");
      }
      if (Files.size(file) > MOST_BYTES) {
        throw bad(
            file, "expected an image of at most %d bytes, found %d", MOST_BYTES, Files.size(file));
      }
      try (ImageInputStream in = new FileImageInputStream(file.toFile())) {
        return read(file, in);
      }
    } catch (IOException e) {
      throw new PhialException.BadInput(
          "%s: expected an image, found one that cannot be read: %s"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  private static Picture read(Path file, ImageInputStream in) throws IOException {
    Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
    if (!readers.hasNext()) {
      throw bad(file, "expected an image (PNG, JPEG, WebP, GIF, BMP, TIFF), found another file");
    }
    ImageReader reader = readers.next();
    try {
      reader.setInput(in, true, true);
      int width = reader.getWidth(0);
      int height = reader.getHeight(0);
      if (width < 1
          || height < 1
          || Math.max(width, height) > LONGEST_SIDE
          || (long) width * height > MOST_PIXELS) {
        throw bad(
            file,
            "expected an image of at most %d pixels, and %d along a side, found %d × %d",
            MOST_PIXELS,
            LONGEST_SIDE,
            width,
            height);
      }
      return of(reader.read(0));
    } catch (RuntimeException e) { // what the readers make of a damaged file
      throw e instanceof PhialException
          ? e
          : new PhialException.BadInput(
              "%s: expected an image, found one that is damaged".formatted(file), e);
    } finally {
      reader.dispose();
    }
  }

  private static Picture of(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] rgb = new byte[width * height * CHANNELS];
    // grey must not go through a colour space: Java takes it to be linear
    boolean isPlain = image.getColorModel() instanceof ComponentColorModel;
    int bands = image.getRaster().getNumBands();
    int shift = isPlain ? Math.max(0, image.getColorModel().getComponentSize(0) - Byte.SIZE) : 0;
    int[] row = new int[width * Math.max(bands, 1)];
    for (int y = 0; y < height; y++) {
      if (isPlain) {
        image.getRaster().getPixels(0, y, width, 1, row);
      } else {
        image.getRGB(0, y, width, 1, row, 0, width);
      }
      for (int x = 0; x < width; x++) {
        for (int c = 0; c < CHANNELS; c++) {
          rgb[(y * width + x) * CHANNELS + c] =
              (byte)
                  (isPlain
                      ? row[x * bands + (bands < CHANNELS ? 0 : c)] >> shift
                      : row[x] >> Byte.SIZE * (CHANNELS - 1 - c));
        }
      }
    }
    return new Picture(width, height, rgb);
  }

  private static PhialException bad(Path file, String message, Object... details) {
    return new PhialException.BadInput(file + ": " + message.formatted(details));
  }

  /** In another size, to the bit as Pillow resizes it ({@code BILINEAR}): rounded twice. */
  Picture resized(int newWidth, int newHeight) {
    Resampling across = Resampling.triangle(width, newWidth);
    Resampling down = Resampling.triangle(height, newHeight);
    byte[] wide = new byte[newWidth * height * CHANNELS];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < newWidth; x++) {
        for (int c = 0; c < CHANNELS; c++) {
          wide[(y * newWidth + x) * CHANNELS + c] =
              across.sum(x, rgb, y * width * CHANNELS + c, CHANNELS);
        }
      }
    }
    byte[] resized = new byte[newWidth * newHeight * CHANNELS];
    int line = newWidth * CHANNELS;
    for (int y = 0; y < newHeight; y++) {
      for (int i = 0; i < line; i++) {
        resized[y * line + i] = down.sum(y, wide, i, line);
      }
    }
    return new Picture(newWidth, newHeight, resized);
  }

  /** On white, so many pixels from above and from the left. */
  Picture on(int newWidth, int newHeight, int top, int left) {
    byte[] padded = new byte[newWidth * newHeight * CHANNELS];
    Arrays.fill(padded, WHITE);
    for (int y = 0; y < height; y++) {
      System.arraycopy(
          rgb,
          y * width * CHANNELS,
          padded,
          ((top + y) * newWidth + left) * CHANNELS,
          width * CHANNELS);
    }
    return new Picture(newWidth, newHeight, padded);
  }

  /** With rows for columns. */
  Picture transposed() {
    byte[] turned = new byte[rgb.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        System.arraycopy(
            rgb, (y * width + x) * CHANNELS, turned, (x * height + y) * CHANNELS, CHANNELS);
      }
    }
    return new Picture(height, width, turned);
  }
}
