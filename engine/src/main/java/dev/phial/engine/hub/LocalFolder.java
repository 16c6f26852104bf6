package dev.phial.engine.hub;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * A folder of the user's with the files of one model under the names that they have in its
 * repository. What is in it is told by its hash.
 *
 * @param force whether files that are others than those of the hub are replaced
 */
record LocalFolder(Path root, boolean force) implements Depot {
  @Override
  public Path snapshot(HubId id, String commit) {
    return root;
  }

  @Override
  public Path blob(HubId id, RemoteFile file) {
    return root.resolve(file.path());
  }

  @Override
  public Path part(HubId id, RemoteFile file) {
    return blob(id, file)
        .resolveSibling(".%s.%.12s.phial.incomplete".formatted(file.name(), file.hash()));
  }

  /** Never: the folder does not say what it is of. */
  @Override
  public Optional<String> commit(HubId id) {
    return Optional.empty();
  }

  @Override
  public boolean has(HubId id, String commit, RemoteFile file) {
    return hasBlob(id, file);
  }

  @Override
  public boolean hasBlob(HubId id, RemoteFile file) {
    Path there = blob(id, file);
    try {
      return Files.isRegularFile(there)
          && Files.size(there) == file.size()
          && hash(there, file.digest()).equals(file.hash());
    } catch (IOException e) {
      return false;
    }
  }

  private static String hash(Path file, MessageDigest digest) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  @Override
  public void prepare(HubId id, List<RemoteFile> files) throws IOException {
    for (RemoteFile file : files) {
      Path there = blob(id, file);
      if (!force && Files.exists(there, LinkOption.NOFOLLOW_LINKS)) {
        throw new PhialException.OutputFailed(
            "%s: expected nothing, or what %s holds, found something else; pass --force to replace it, or name another folder"
                .formatted(there, id.model()));
      }
      Files.createDirectories(there.toAbsolutePath().getParent());
    }
  }

  @Override
  public void place(HubId id, String commit, RemoteFile file, boolean isNew) {
    // it is in its place
  }

  @Override
  public void remember(HubId id, String commit) {
    // nobody asks
  }
}
