package dev.phial.source;

import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** SHA-256 of files and bytes, in hexadecimal as sha256sum prints it. */
public final class Sha256 {
  /** Characters of a hash. */
  public static final int LENGTH = 64;

  private static final int BUFFER = 1 << 18;

  private Sha256() {}

  /**
   * Hashes files side by side.
   *
   * @throws dev.phial.PhialException.BadInput if one cannot be read
   */
  public static Map<Path, String> of(Collection<Path> files) {
    return files.stream()
        .distinct()
        .parallel()
        .collect(Collectors.toMap(Function.identity(), Sha256::of));
  }

  /**
   * @throws dev.phial.PhialException.BadInput if the file cannot be read
   */
  public static String of(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return of(in);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  /** Hashes what is left of a stream. */
  public static String of(InputStream in) throws IOException {
    MessageDigest digest = digest();
    byte[] buffer = new byte[BUFFER];
    for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
      digest.update(buffer, 0, count);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Hashes bytes. */
  public static String of(byte[] bytes) {
    return HexFormat.of().formatHex(digest().digest(bytes));
  }

  /** One that nothing was added to. */
  public static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
