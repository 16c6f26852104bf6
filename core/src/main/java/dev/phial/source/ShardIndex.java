package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * The {@code *.index.json} beside the shards of a checkpoint: which tensor is in which file. It may
 * have been written by anyone, so a shard must be a plain name beside it; that the name is a link
 * to elsewhere, as in a hub cache, is the business of whoever made the folder.
 *
 * @param shards file name by tensor name
 */
record ShardIndex(Path file, Map<String, String> shards) {
  private static final int MOST_TENSORS = 1 << 16;
  private static final Pattern SHARD = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.+=@-]{0,254}");

  /**
   * The index, if there is one.
   *
   * @param ending what the names of shards end with
   * @throws PhialException.BadInput if it names anything but files beside it
   */
  static Optional<ShardIndex> read(Path file, String ending) {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try (InputStream in = Json.open(file);
        JsonParser parser = Config.MAPPER.createParser(in)) {
      return Optional.of(new ShardIndex(file, weightMap(file, ending, parser)));
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  /** The shards, in the order of their names. */
  List<String> fileNames() {
    return List.copyOf(new TreeSet<>(shards.values()));
  }

  /**
   * @throws PhialException.BadInput unless the shards hold just the tensors of the index
   */
  void check(Set<String> found) {
    Set<String> missing = new TreeSet<>(shards.keySet());
    missing.removeAll(found);
    Set<String> extra = new TreeSet<>(found);
    extra.removeAll(shards.keySet());
    if (!missing.isEmpty() || !extra.isEmpty()) {
      throw Refusal.bad(
          file,
          "expected the tensors of the shards, found %d missing from them and %d not named, such as %s; shards of different downloads?",
          missing.size(),
          extra.size(),
          missing.isEmpty() ? extra.iterator().next() : missing.iterator().next());
    }
  }

  private static Map<String, String> weightMap(Path file, String ending, JsonParser parser) {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      throw Refusal.bad(file, "expected a JSON object, found %s", parser.currentToken());
    }
    List<Map<String, String>> maps = new ArrayList<>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      boolean isMap = parser.currentName().equals("weight_map");
      if (parser.nextToken() == JsonToken.START_OBJECT && isMap) {
        maps.add(shards(file, ending, parser));
      } else {
        parser.skipChildren();
      }
    }
    if (maps.size() != 1 || parser.nextToken() != null) {
      throw Refusal.bad(file, "expected one object weight_map, found %d", maps.size());
    }
    return maps.getFirst();
  }

  private static Map<String, String> shards(Path file, String ending, JsonParser parser) {
    Map<String, String> shards = new LinkedHashMap<>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String tensor = Refusal.name(file, parser.currentName());
      String shard = parser.nextToken() == JsonToken.VALUE_STRING ? parser.getString() : "";
      if (!SHARD.matcher(shard).matches() || !shard.endsWith(ending)) {
        throw Refusal.bad(
            file,
            "tensor %s: expected the name of a %s file beside the index, found %s; do not trust this checkpoint",
            tensor,
            ending,
            shard.isEmpty() ? "none" : shard);
      }
      if (shards.put(tensor, shard) != null) {
        throw Refusal.bad(file, "tensor %s: expected it once, found it again", tensor);
      }
      if (shards.size() > MOST_TENSORS) {
        throw Refusal.bad(file, "expected at most %d tensors, found more", MOST_TENSORS);
      }
    }
    return shards;
  }
}
