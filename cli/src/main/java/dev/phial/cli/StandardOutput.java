package dev.phial.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Standard output that knows whether all of a result went through. {@code System.out} says nothing
 * of a full disk, and a script would take half a result for the whole.
 */
final class StandardOutput extends OutputStream {
  private static final int TYPE_OF_FILE = 0170000; // S_IFMT and so on, of stat.h
  private static final int PIPE = 0010000;
  private static final int SOCKET = 0140000;

  private final OutputStream out;
  private @Nullable IOException failure;

  StandardOutput(OutputStream out) {
    this.out = out;
  }

  /** Puts one in the place of {@code System.out}. */
  static StandardOutput install() {
    StandardOutput guarded =
        new StandardOutput(
            new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 13));
    System.setOut(
        new PrintStream(
            guarded,
            true,
            Charset.forName(System.getProperty("stdout.encoding", ""), StandardCharsets.UTF_8)));
    return guarded;
  }

  /**
   * The status of a command when everything it printed is taken into account. A reader that has
   * seen enough, as {@code head} has, is no failure.
   */
  int status(int status) {
    System.out.flush();
    if (failure == null || isGone(failure)) {
      return status;
    }
    System.err.println(
        "phial: standard output could not be written: %s; the result is not complete"
            .formatted(failure.getMessage()));
    return status == Main.DONE ? Main.FAILED : status;
  }

  /** Whether nobody reads any more. */
  private static boolean isGone(IOException failure) {
    return String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT).contains("pipe")
        || isPipe(Path.of("/dev/stdout"));
  }

  /** Messages may be in the language of the system. */
  private static boolean isPipe(Path out) {
    try {
      int type = (int) Files.getAttribute(out, "unix:mode") & TYPE_OF_FILE;
      return type == PIPE || type == SOCKET;
    } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
      return false;
    }
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int count) throws IOException {
    try {
      out.write(bytes, from, count);
    } catch (IOException e) {
      throw remembered(e);
    }
  }

  @Override
  public void flush() throws IOException {
    try {
      out.flush();
    } catch (IOException e) {
      throw remembered(e);
    }
  }

  private IOException remembered(IOException e) {
    failure = failure == null ? e : failure;
    return e;
  }
}
