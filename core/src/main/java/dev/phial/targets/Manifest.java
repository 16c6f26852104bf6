package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.Version;
import dev.phial.choose.Method;
import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.source.AppliedAdapter;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sha256;
import dev.phial.targets.layout.Provenance;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Where an output comes from, as {@code phial.json} says it: the model with the hash of every file
 * that holds weights, what was asked for, which Phial did it, and the hash of every file written.
 * It holds no date, path or number of threads, so that the same command writes the same on any
 * machine.
 *
 * @param precision as the plan calls it
 */
public record Manifest(Request request, Target target, String precision) implements Provenance {
  private static final int INDENT = 2;
  private static final String UNKNOWN = "0".repeat(Sha256.LENGTH);

  @Override
  public long bytes(Collection<String> files) {
    Map<String, String> hashes = new TreeMap<>();
    files.forEach(file -> hashes.put(file, UNKNOWN));
    return json(hashes, file -> UNKNOWN).length;
  }

  @Override
  public byte[] json(Map<String, Path> files) {
    CompletableFuture<Map<Path, String>> source =
        CompletableFuture.supplyAsync(request.checkpoint()::hashes);
    List<Path> others =
        Stream.concat(
                Stream.of(target.inputs(request), originals(), files.values())
                    .flatMap(Collection::stream),
                request.checkpoint().adapters().stream().flatMap(a -> a.files().stream()))
            .toList();
    Map<Path, String> hashes = new HashMap<>(Sha256.of(others));
    try {
      hashes.putAll(source.join());
    } catch (CompletionException e) {
      throw e.getCause() instanceof PhialException failure ? failure : e;
    }
    Map<String, String> written = new TreeMap<>();
    files.forEach((name, file) -> written.put(name, hash(hashes, file)));
    return json(written, file -> hash(hashes, file));
  }

  private static String hash(Map<Path, String> hashes, Path file) {
    return Optional.ofNullable(hashes.get(file)).orElseThrow();
  }

  private byte[] json(Map<String, String> written, Function<Path, String> hash) {
    Checkpoint checkpoint = request.checkpoint();
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.put("phial", Version.current());
    ObjectNode source =
        json.putObject("source").put("name", checkpoint.name()).put("kind", checkpoint.kind());
    ObjectNode weights = source.putObject("files");
    checkpoint.files().forEach(file -> weights.put(name(file), hash.apply(file)));
    if (checkpoint.lender().isPresent()) {
      ObjectNode original = source.putObject("original");
      originals().forEach(file -> original.put(name(file), hash.apply(file)));
    }
    checkpoint.adapters().forEach(adapter -> describe(adapter, source, hash));
    json.put("target", target.name()).put("precision", precision);
    ObjectNode options = json.putObject("options");
    if (request.keeps()) {
      options.put("carry", true);
    } else if (request.method() != Method.REFERENCE) {
      options.put("method", request.method().label());
    }
    if (request.method().readsText()) {
      CalibrationText text = request.text();
      text.moments()
          .ifPresentOrElse(
              file -> options.put("moments", hash.apply(file)),
              () -> {
                ArrayNode texts = options.putArray(CalibrationOptions.TEXT);
                text.files().forEach(file -> texts.add(hash.apply(file)));
              });
      text.chunks().ifPresent(count -> options.put(CalibrationOptions.CHUNKS, count));
      text.context().ifPresent(length -> options.put(CalibrationOptions.CONTEXT, length));
    }
    for (TargetOption option : target.options()) {
      if (option.isFlag() && request.options().has(option.name())) {
        options.put(option.name(), true);
      } else if (request.options().has(option.name())) {
        ArrayNode values = options.putArray(option.name());
        request
            .options()
            .all(option.name())
            .forEach(value -> values.add(option.isFile() ? hash.apply(Path.of(value)) : value));
      }
    }
    ObjectNode files = json.putObject("files");
    written.forEach(files::put);
    return PythonJson.dump(json, INDENT);
  }

  private static void describe(
      AppliedAdapter adapter, ObjectNode source, Function<Path, String> hash) {
    ObjectNode entry = source.withArray("adapters").addObject().put("name", adapter.name());
    entry.put("scale", adapter.scale());
    ObjectNode files = entry.putObject("files");
    adapter.files().forEach(file -> files.put(name(file), hash.apply(file)));
  }

  /**
   * What was taken from the checkpoint that the model was made from, if it comes from elsewhere.
   */
  private List<Path> originals() {
    return request.checkpoint().lender().isPresent()
        ? request
            .checkpoint()
            .folder()
            .map(folder ->
                Stream.concat(Stream.of(folder.config().file()), folder.companions().stream())
                    .toList())
            .orElse(List.of())
        : List.of();
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }
}
