package dev.phial.engine.hub;

import dev.phial.PhialException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A file in a repository of the hub.
 *
 * @param path in the repository, with slashes
 * @param size in bytes; {@link #UNKNOWN} until the hub is asked
 * @param hash SHA-256 of a file that Git LFS or Xet keeps, else the SHA-1 that git gives a blob; in
 *     hexadecimal, and the name of the file in the hub's cache; empty where the size is unknown
 */
record RemoteFile(String path, long size, String hash) {
  private static final long UNKNOWN = -1;
  private static final int LONGEST = 1024;
  private static final long LARGEST = 1L << 42;

  /** A name that every file system takes, and that stays in its folder. */
  private static final Pattern NAME = Pattern.compile("[^/\\\\\\p{Cntrl}:*?\"<>|]{1,255}");

  private static final Pattern HASH = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

  RemoteFile {
    check(path);
    boolean isDescribed = size >= 0 && size <= LARGEST && HASH.matcher(hash).matches();
    if (path.isEmpty() || !isDescribed && (size != UNKNOWN || !hash.isEmpty())) {
      throw new PhialException.BadInput(
          "file %s of the repository: expected a name, a size and a hash, found size %d and hash %s; the hub's answer makes no sense"
              .formatted(path, size, hash));
    }
  }

  /**
   * @param path in a repository, or nothing
   * @throws PhialException.BadInput if it could name a file outside of its folder
   */
  static void check(String path) {
    for (String name : path.isEmpty() ? new String[0] : path.split("/", -1)) {
      if (name.equals(".") || name.equals("..") || !NAME.matcher(name).matches()) {
        throw new PhialException.BadInput(
            "file %s of the repository: expected names of files and folders, found %s; do not trust this model"
                .formatted(path, name.isEmpty() ? "an empty one" : name));
      }
    }
    if (path.length() > LONGEST) {
      throw new PhialException.BadInput(
          "file %s of the repository: expected at most %d characters, found %d"
              .formatted(path, LONGEST, path.length()));
    }
  }

  /** A file of which the hub has told no more than that there is one. */
  static RemoteFile named(String path) {
    return new RemoteFile(path, UNKNOWN, "");
  }

  /** Whether size and hash are known. */
  boolean isDescribed() {
    return size != UNKNOWN;
  }

  /** What turns the bytes of the file into its hash. */
  MessageDigest digest() {
    try {
      MessageDigest digest = MessageDigest.getInstance(isLarge() ? "SHA-256" : "SHA-1");
      if (!isLarge()) { // git's hash of a blob
        digest.update("blob %d\0".formatted(size).getBytes(StandardCharsets.US_ASCII));
      }
      return digest;
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has them", e);
    }
  }

  /** Whether the hash is the SHA-256 of what the file holds. */
  boolean isLarge() {
    return hash.length() == 64;
  }

  /** SHA-256 of what the file holds, if the hub tells it. */
  Optional<String> sha256() {
    return isLarge() ? Optional.of(hash) : Optional.empty();
  }

  /** The folder it lies in, {@code ""} for the repository itself. */
  String folder() {
    return path.substring(0, Math.max(0, path.lastIndexOf('/')));
  }

  /** Its name in that folder. */
  String name() {
    return path.substring(path.lastIndexOf('/') + 1);
  }
}
