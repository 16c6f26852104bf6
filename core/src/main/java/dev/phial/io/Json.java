package dev.phial.io;

import dev.phial.PhialException;
import dev.phial.Printable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** JSON as checkpoints hold it, read with limits that a hostile file cannot exceed. */
public final class Json {
  /** Far above any configuration file, far below what would hurt. */
  private static final long LARGEST_FILE = 256L << 20;

  private static final int LONGEST_QUOTE = 512;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(64)
                  .maxNumberLength(1000)
                  .maxNameLength(1 << 16)
                  .maxStringLength(1 << 24)
                  .build())
          // Python writes and reads these
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();

  /**
   * For trees and for streaming through configuration files; of a duplicate name the last value
   * counts, as in Python.
   */
  public static final JsonMapper MAPPER =
      JsonMapper.builder(FACTORY).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  /** For headers that describe data: a duplicate name is an error. */
  public static final JsonMapper STRICT =
      JsonMapper.builder(
              FACTORY.rebuild().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .build();

  private Json() {}

  /** Opens a file for streaming, unless it is larger than any that makes sense. */
  public static InputStream open(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) { // opening a pipe would wait for ever
      throw new PhialException.BadInput(file + ": expected a file, found a folder or device");
    }
    try {
      long size = Files.size(file);
      if (size > LARGEST_FILE) {
        throw new PhialException.BadInput(
            "%s: expected at most %d bytes, found %d; this is not a file Phial should read"
                .formatted(file, LARGEST_FILE, size));
      }
      LfsPointer.refuse(file);
      return Files.newInputStream(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** What was found where JSON was expected; the parser's message quotes it. */
  public static PhialException malformed(Path file, JacksonException e) {
    // what the parser would say about the source is for its authors
    String message = e.getOriginalMessage().replaceAll("\\[Source: REDACTED [^;]*; ", "[");
    return new PhialException.BadInput(
        "%s: expected JSON, found an error: %s; is the file cut off or damaged?"
            .formatted(file, Printable.of(message, LONGEST_QUOTE)),
        e);
  }

  public static PhialException unreadable(Path file, IOException e) {
    String reason =
        e instanceof NoSuchFileException ? "there is no such file" : String.valueOf(e.getMessage());
    return new PhialException.BadInput("%s cannot be read: %s".formatted(file, reason), e);
  }
}
