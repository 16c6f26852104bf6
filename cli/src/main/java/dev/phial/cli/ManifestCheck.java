package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.Config;
import dev.phial.source.Sha256;
import dev.phial.targets.layout.Provenance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Holds an output to its manifest.
 *
 * @param manifest the file
 * @param files every file that is there or should be, by name
 */
record ManifestCheck(Path manifest, Map<String, Finding> files) {
  private static final Pattern PLAIN_NAME = Pattern.compile("[^/\\\\\\p{Cntrl}]{1,255}");
  private static final Pattern HASH = Pattern.compile("[0-9a-f]{%d}".formatted(Sha256.LENGTH));

  enum Finding {
    SAME,
    CHANGED,
    MISSING,
    EXTRA;

    String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /**
   * @param path a folder, a file with a manifest beside it, or a manifest
   * @throws PhialException.BadInput if there is no manifest, or nothing that could be one
   */
  static ManifestCheck of(Path path) {
    if (String.valueOf(path.getFileName()).equals(Provenance.NAME)) {
      return of(path.toAbsolutePath().resolveSibling(""));
    }
    boolean isFolder = Files.isDirectory(path);
    Path manifest =
        isFolder
            ? path.resolve(Provenance.NAME)
            : String.valueOf(path.getFileName()).endsWith("." + Provenance.NAME)
                ? path
                : Provenance.beside(path);
    if (!Files.exists(manifest)) {
      throw new PhialException.BadInput(
          "%s: expected the manifest %s, found none; Phial writes one in every folder, and beside a GGUF file with --manifest"
              .formatted(path, manifest.getFileName()));
    }
    Map<String, String> expected = expected(manifest);
    String name = String.valueOf(path.getFileName());
    if (!isFolder && !path.equals(manifest) && !expected.containsKey(name) && Files.exists(path)) {
      throw wrong(manifest, "a SHA-256 for " + name, "none");
    }
    Map<String, Finding> files = new TreeMap<>();
    List<Path> present = new ArrayList<>();
    for (String each : expected.keySet()) {
      Path file = manifest.resolveSibling(each);
      if (Files.isRegularFile(file)) {
        present.add(file);
      } else {
        files.put(each, Finding.MISSING);
      }
    }
    Sha256.of(present)
        .forEach((file, hash) -> {
          String found = String.valueOf(file.getFileName());
          files.put(found, hash.equals(expected.get(found)) ? Finding.SAME : Finding.CHANGED);
        });
    if (isFolder) {
      names(path).stream()
          .filter(found -> !expected.containsKey(found) && !found.equals(Provenance.NAME))
          .forEach(found -> files.put(found, Finding.EXTRA));
    }
    return new ManifestCheck(manifest, files);
  }

  private static Map<String, String> expected(Path manifest) {
    Config files =
        Config.read(manifest)
            .object("files")
            .orElseThrow(() -> wrong(manifest, "a field files", "none"));
    Map<String, String> hashes = new HashMap<>();
    for (Map.Entry<String, ?> entry : files.json().properties()) {
      String name = entry.getKey();
      String hash = files.text(name).orElse("");
      if (!PLAIN_NAME.matcher(name).matches() || name.equals(".") || name.equals("..")) {
        throw wrong(manifest, "files beside it", "the name " + name);
      }
      if (!HASH.matcher(hash).matches()) {
        throw wrong(manifest, "a SHA-256 for " + name, hash.isEmpty() ? "none" : hash);
      }
      hashes.put(name, hash);
    }
    if (hashes.isEmpty()) {
      throw wrong(manifest, "the files of an output", "none");
    }
    return hashes;
  }

  private static PhialException wrong(Path manifest, String expected, String found) {
    return new PhialException.BadInput(
        "%s: expected %s, found %s; is it a manifest that Phial wrote?"
            .formatted(manifest, expected, found));
  }

  private static TreeSet<String> names(Path folder) {
    try (Stream<Path> found = Files.list(folder)) {
      return found
          .map(file -> String.valueOf(file.getFileName()))
          .collect(Collectors.toCollection(TreeSet::new));
    } catch (IOException e) {
      throw Json.unreadable(folder, e);
    }
  }

  boolean isSame() {
    return files.values().stream().allMatch(finding -> finding == Finding.SAME);
  }
}
