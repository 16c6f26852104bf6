package dev.phial.source;

import dev.phial.io.Json;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * Tells cheaply whether two machines see the same files, or the same checkpoint: a hash of the
 * names, sizes and first bytes of its files and its adapters, of its tensors, and of its
 * configuration. The weights themselves are not read.
 */
public final class Fingerprint {
  /** Bytes of each file that are looked at: the header, or its beginning. */
  private static final int HEAD = 64 << 10;

  private Fingerprint() {}

  /**
   * Of what its files are now.
   *
   * @return SHA-256, in hexadecimal
   * @throws dev.phial.PhialException.BadInput if one cannot be read
   */
  public static String of(Checkpoint checkpoint) {
    MessageDigest digest = Sha256.digest();
    checkpoint.files().forEach(file -> add(digest, file));
    checkpoint.adapters().forEach(adapter -> adapter.files().forEach(file -> add(digest, file)));
    for (Map.Entry<String, Tensor> entry : checkpoint.tensors().entrySet()) {
      Tensor tensor = entry.getValue();
      add(
          digest,
          "%s %s %s"
              .formatted(entry.getKey(), tensor.encoding().name(), tensor.shape().dimensions()));
    }
    checkpoint.folder().ifPresent(folder -> add(digest, folder.config().json().toString()));
    return HexFormat.of().formatHex(digest.digest());
  }

  /**
   * Of the names, sizes and first bytes of files.
   *
   * @return SHA-256, in hexadecimal
   * @throws dev.phial.PhialException.BadInput if one cannot be read
   */
  public static String of(List<Path> files) {
    MessageDigest digest = Sha256.digest();
    files.forEach(file -> add(digest, file));
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void add(MessageDigest digest, Path file) {
    add(digest, "%s %d".formatted(file.getFileName(), Sources.size(file)));
    digest.update(head(file));
  }

  private static byte[] head(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(HEAD);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static void add(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }
}
