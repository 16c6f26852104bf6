package dev.phial.engine.advise;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.TextFile;
import dev.phial.targets.Targets;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Devices and what is known of them: Phial's own table, corrected by a user's. */
public final class DeviceTable {
  private static final String TABLE = "devices.json";
  private static final int MOST_DEVICES = 1000;
  private static final int LONGEST_TEXT = 300;

  /** What a device is said to be if only its memory is known. */
  private static final String ANY = "any";

  private final Map<String, Device> devices;
  private final List<Use> any;

  private DeviceTable(Map<String, Device> devices, List<Use> any) {
    this.devices = devices;
    this.any = any;
  }

  /** Phial's own. */
  public static DeviceTable read() {
    return new Reader(TABLE).table(own());
  }

  /**
   * Phial's own with what a file says instead or besides: an entry of the same name replaces what
   * it names and keeps the rest.
   *
   * @throws PhialException.BadInput if it is not such a table
   */
  public static DeviceTable read(Path file) {
    JsonNode said;
    try {
      said = Json.STRICT.readTree(TextFile.read(file));
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    }
    Reader reader = new Reader(file.toString());
    return reader.table(reader.merged(own(), said));
  }

  private static ObjectNode own() {
    try (InputStream in = DeviceTable.class.getResourceAsStream(TABLE)) {
      return (ObjectNode) Json.STRICT.readTree(Objects.requireNonNull(in, TABLE));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public List<Device> devices() {
    return List.copyOf(devices.values());
  }

  public Optional<Device> device(String name) {
    return Optional.ofNullable(devices.get(name));
  }

  /** A device of which only the memory for a model is known. */
  public Device ofMemory(long bytes, String title) {
    return Device.ofMemory(bytes, title, any);
  }

  /** Takes a table apart; whatever is not as it should be is one sentence. */
  private record Reader(String file) {
    private static final Set<String> SECTIONS =
        Set.of("sources", "runtimes", "platforms", "devices");
    private static final Set<String> OF_SOURCE = Set.of("title", "url", "date");
    private static final Set<String> OF_RUNTIME =
        Set.of("name", "megabytes", "tokens", "usual", "enough", "source");
    private static final Set<String> OF_USE =
        Set.of("target", "unit", "options", "precisions", "cache_bits", "note", "source");
    private static final Set<String> OF_DEVICE =
        Set.of("name", "title", "kind", "platform", "memory_gib", "usable", "bandwidth_gbs");
    private static final Set<String> OF_FIGURE = Set.of("value", "source");

    /** What a user's table adds to ours. */
    ObjectNode merged(ObjectNode own, JsonNode said) {
      only(said, SECTIONS, "the table");
      for (String section : List.of("sources", "runtimes", "platforms")) {
        ObjectNode into = (ObjectNode) own.path(section);
        for (Map.Entry<String, JsonNode> entry : object(said, section).properties()) {
          JsonNode old = into.path(entry.getKey());
          if (section.equals("runtimes") && old instanceof ObjectNode known) {
            known.setAll(objectNode(entry.getValue(), "runtime " + entry.getKey()));
          } else {
            into.set(entry.getKey(), entry.getValue());
          }
        }
      }
      Map<String, ObjectNode> devices = new LinkedHashMap<>();
      own.path("devices")
          .forEach(device -> devices.put(device.path("name").stringValue(""), (ObjectNode) device));
      for (JsonNode entry : array(said, "devices", "the table")) {
        String name = text(entry, "name", "a device");
        ObjectNode device = objectNode(entry, "device " + name);
        if (devices.containsKey(name)) {
          devices.get(name).setAll(device);
        } else {
          devices.put(name, device);
        }
      }
      own.putArray("devices").addAll(devices.values());
      return own;
    }

    DeviceTable table(ObjectNode json) {
      Map<String, String> sources = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> entry : object(json, "sources").properties()) {
        String where = "source " + entry.getKey();
        only(entry.getValue(), OF_SOURCE, where);
        String url = optional(entry.getValue(), "url", where);
        sources.put(
            entry.getKey(),
            "%s (%s%s)"
                .formatted(
                    text(entry.getValue(), "title", where),
                    url.isEmpty() ? "" : url + ", ",
                    text(entry.getValue(), "date", where)));
      }
      Map<String, RuntimeTraits> runtimes = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> entry : object(json, "runtimes").properties()) {
        runtimes.put(entry.getKey(), runtime(entry.getKey(), entry.getValue(), sources));
      }
      Map<String, List<Use>> platforms = new LinkedHashMap<>();
      for (String name : object(json, "platforms").propertyNames()) {
        List<Use> uses = new ArrayList<>();
        for (JsonNode use : array(json.path("platforms"), name, "the platforms")) {
          uses.add(use(use, "platform " + name, runtimes, sources));
        }
        platforms.put(name, uses);
      }
      Map<String, Device> devices = new LinkedHashMap<>();
      for (JsonNode entry : array(json, "devices", "the table")) {
        Device device = device(entry, platforms, sources);
        devices.put(device.name(), device);
        if (devices.size() > MOST_DEVICES) {
          throw wrong("the table", "at most %d devices".formatted(MOST_DEVICES), "more");
        }
      }
      return new DeviceTable(devices, platforms.getOrDefault(ANY, List.of()));
    }

    private RuntimeTraits runtime(String target, JsonNode json, Map<String, String> sources) {
      String where = "runtime " + target;
      only(json, OF_RUNTIME, where);
      checkTarget(target, where);
      return new RuntimeTraits(
          text(json, "name", where),
          (long) (number(json, "megabytes", where, 0, 1e6) * 1e6),
          (int) number(json, "tokens", where, 1, 1e6),
          texts(json, "usual", where),
          text(json, "enough", where),
          source(json, sources));
    }

    private Use use(
        JsonNode json,
        String where,
        Map<String, RuntimeTraits> runtimes,
        Map<String, String> sources) {
      only(json, OF_USE, where);
      String target = text(json, "target", where);
      checkTarget(target, where);
      RuntimeTraits runtime = runtimes.get(target);
      if (runtime == null) {
        throw wrong(where, "a target of the runtimes", target);
      }
      Map<String, String> options = new LinkedHashMap<>();
      for (Map.Entry<String, JsonNode> option : object(json, "options").properties()) {
        if (Targets.named(target).orElseThrow().options().stream()
            .noneMatch(known -> known.name().equals(option.getKey()))) {
          throw wrong(where, "an option of " + target, option.getKey());
        }
        options.put(option.getKey(), optional(json.path("options"), option.getKey(), where));
      }
      return new Use(
          target,
          text(json, "unit", where),
          options,
          texts(json, "precisions", where),
          json.has("cache_bits") ? (int) number(json, "cache_bits", where, 1, 32) : Short.SIZE,
          optional(json, "note", where),
          source(json, sources),
          runtime);
    }

    private Device device(
        JsonNode json, Map<String, List<Use>> platforms, Map<String, String> sources) {
      String name = text(json, "name", "a device");
      String where = "device " + name;
      only(json, OF_DEVICE, where);
      if (!name.matches("[a-z0-9][a-z0-9.-]{0,39}")) {
        throw wrong(where, "a name of small letters, digits, dots and dashes", name);
      }
      String platform = text(json, "platform", where);
      if (!platforms.containsKey(platform)) {
        throw wrong(
            where + ", platform", "one of " + String.join(", ", platforms.keySet()), platform);
      }
      return new Device(
          name,
          text(json, "title", where),
          text(json, "kind", where),
          figure(json, "memory_gib", where, 0.1, 1e4, sources),
          figure(json, "usable", where, 0.01, 1, sources),
          json.has("bandwidth_gbs")
              ? Optional.of(figure(json, "bandwidth_gbs", where, 0.1, 1e5, sources))
              : Optional.empty(),
          platforms.get(platform));
    }

    /** A number, or one with its source. */
    private Figure figure(
        JsonNode json,
        String name,
        String where,
        double least,
        double most,
        Map<String, String> sources) {
      JsonNode found = json.path(name);
      if (found.isNumber()) {
        return new Figure(number(json, name, where, least, most), file);
      }
      String here = where + ", " + name;
      only(found, OF_FIGURE, here);
      return new Figure(number(found, "value", here, least, most), source(found, sources));
    }

    /** What a key of the sources stands for; a text that is none is one itself. */
    private String source(JsonNode json, Map<String, String> sources) {
      String said = optional(json, "source", "source");
      return said.isEmpty() ? file : sources.getOrDefault(said, said);
    }

    private void checkTarget(String target, String where) {
      if (Targets.named(target).isEmpty()) {
        throw wrong(where, "a target that phial quantize knows", target);
      }
    }

    private void only(JsonNode json, Set<String> names, String where) {
      for (String name : objectNode(json, where).propertyNames()) {
        if (!names.contains(name)) {
          throw wrong(where, "one of " + String.join(", ", names.stream().sorted().toList()), name);
        }
      }
    }

    private ObjectNode objectNode(JsonNode json, String where) {
      if (json instanceof ObjectNode object) {
        return object;
      }
      throw wrong(where, "an object", kind(json));
    }

    /** An object within an object; an empty one if it is missing. */
    private ObjectNode object(JsonNode json, String name) {
      return json.has(name) ? objectNode(json.path(name), name) : Json.MAPPER.createObjectNode();
    }

    private JsonNode array(JsonNode json, String name, String where) {
      JsonNode found = json.path(name);
      if (!found.isMissingNode() && !found.isArray()) {
        throw wrong(where + ", " + name, "a list", kind(found));
      }
      return found;
    }

    private List<String> texts(JsonNode json, String name, String where) {
      List<String> texts = new ArrayList<>();
      for (JsonNode text : array(json, name, where)) {
        texts.add(checked(text, where + ", " + name));
      }
      return texts;
    }

    private String text(JsonNode json, String name, String where) {
      String found = optional(json, name, where);
      if (found.isEmpty()) {
        throw wrong(where, "a text " + name, "none");
      }
      return found;
    }

    private String optional(JsonNode json, String name, String where) {
      return json.has(name) ? checked(json.path(name), where + ", " + name) : "";
    }

    private String checked(JsonNode json, String where) {
      String text = json.isString() ? json.stringValue() : null;
      if (text == null || text.length() > LONGEST_TEXT) {
        throw wrong(
            where,
            "a text of at most %d characters".formatted(LONGEST_TEXT),
            text == null ? kind(json) : text.length() + " characters");
      }
      return text;
    }

    private double number(JsonNode json, String name, String where, double least, double most) {
      JsonNode found = json.path(name);
      double value = found.isNumber() ? found.doubleValue() : Double.NaN;
      if (!(value >= least && value <= most)) {
        throw wrong(
            where + ", " + name,
            "a number from %s to %s".formatted(plain(least), plain(most)),
            found.isNumber() ? found.toString() : kind(found));
      }
      return value;
    }

    private static String plain(double number) {
      return number == Math.rint(number) ? String.valueOf((long) number) : String.valueOf(number);
    }

    private static String kind(JsonNode json) {
      return json.isMissingNode()
          ? "nothing"
          : json.isString() ? "a text" : json.getNodeType().name().toLowerCase(Locale.ROOT);
    }

    private PhialException wrong(String where, String expected, String found) {
      return new PhialException.BadInput(
          "%s: %s: expected %s, found %s".formatted(file, where, expected, found));
    }
  }
}
