package dev.phial.engine.hub;

import dev.phial.PhialException;
import dev.phial.engine.arrive.DistantFolder;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * What is in a repository of the hub at one commit.
 *
 * @param files in the order of the hub
 */
record Repository(HubId id, String commit, List<RemoteFile> files) {
  private static final int MOST_FILES = 20_000;
  private static final int MOST_LISTED = 12;

  private static final Pattern OLDER_WEIGHTS = Pattern.compile("pytorch_model.*\\.bin");
  private static final String ALONE = "model.safetensors";
  private static final String GGUF = ".gguf";
  private static final Pattern PART = Pattern.compile("-\\d{5}-of-\\d{5}\\.gguf$");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  /** Folders of runtimes are taken whole: what belongs to them is said in them. */
  private static final Set<String> RUNTIMES =
      Set.of("genai_config.json", "openvino_model.xml", "openvino_language_model.xml");

  /**
   * Reads what the hub says of a repository; of names that could leave their folder it says
   * nothing.
   *
   * @throws PhialException.BadInput if that is not what a hub says
   */
  static Repository parse(HubId id, byte[] json) {
    JsonNode root;
    try {
      root = Json.MAPPER.readTree(json);
    } catch (JacksonException e) {
      throw new PhialException.BadInput(
          "%s: expected what is in it as JSON, found something else; is HF_ENDPOINT a hub, or a page that asks to log in?"
              .formatted(id),
          e);
    }
    String commit = root.path("sha").asString("");
    JsonNode siblings = root.path("siblings");
    if (!COMMIT.matcher(commit).matches() || !siblings.isArray() || siblings.size() > MOST_FILES) {
      throw new PhialException.BadInput(
          "%s: expected a commit and at most %d files, found commit '%s' and %d files; is HF_ENDPOINT a hub?"
              .formatted(id, MOST_FILES, commit, siblings.size()));
    }
    List<RemoteFile> files = new ArrayList<>();
    for (JsonNode sibling : siblings) {
      files.add(file(sibling));
    }
    return new Repository(id, commit, List.copyOf(files));
  }

  private static RemoteFile file(JsonNode sibling) {
    String path = sibling.path("rfilename").asString("");
    JsonNode lfs = sibling.path("lfs");
    String hash = lfs.path("sha256").asString(sibling.path("blobId").asString(""));
    JsonNode size = lfs.path("size").isNumber() ? lfs.path("size") : sibling.path("size");
    return hash.isEmpty() || !size.isNumber()
        ? RemoteFile.named(path) // some hubs know nothing of blobs=true
        : new RemoteFile(path, size.asLong(-1), hash);
  }

  /**
   * What a conversion needs: the folder or file that is asked for, or what lies at the top of the
   * repository; safetensors rather than the older files.
   *
   * @throws PhialException.BadInput if it has no model there, or several
   */
  List<RemoteFile> wanted() {
    List<RemoteFile> file = files.stream().filter(f -> f.path().equals(id.path())).toList();
    if (!file.isEmpty()) {
      String whole = whole(file.getFirst());
      return inOrder(files.stream().filter(f -> whole(f).equals(whole)));
    }
    List<RemoteFile> here = files.stream().filter(f -> f.folder().equals(id.path())).toList();
    Set<String> names = here.stream().map(RemoteFile::name).collect(Collectors.toSet());
    if (RUNTIMES.stream().anyMatch(names::contains)) {
      return here;
    }
    if (!names.contains("config.json")) {
      return gguf(here);
    }
    Stream<RemoteFile> companions = here.stream().filter(f -> matches(DistantFolder.COMPANION, f));
    return Stream.concat(companions, weights(here).stream()).toList();
  }

  /** Those of them that hold weights. */
  static List<RemoteFile> weights(List<RemoteFile> files) {
    List<RemoteFile> usual = files.stream().filter(f -> matches(DistantFolder.WEIGHTS, f)).toList();
    List<RemoteFile> alone = usual.stream().filter(f -> f.name().equals(ALONE)).toList();
    if (!alone.isEmpty()) {
      return alone;
    }
    return usual.isEmpty() ? files.stream().filter(f -> matches(OLDER_WEIGHTS, f)).toList() : usual;
  }

  /** Whether these weights can be converted while they arrive: each says what is in it first. */
  static boolean canStream(List<RemoteFile> wanted) {
    List<RemoteFile> weights = weights(wanted);
    return !weights.isEmpty()
        && weights.stream().allMatch(file -> matches(DistantFolder.WEIGHTS, file));
  }

  private static boolean matches(Pattern pattern, RemoteFile file) {
    return pattern.matcher(file.name()).matches();
  }

  /** The path of a file, without the number where it is a part of one that was split. */
  private static String whole(RemoteFile file) {
    return PART.matcher(file.path()).replaceFirst(GGUF);
  }

  private static List<RemoteFile> inOrder(Stream<RemoteFile> parts) {
    return parts.sorted(Comparator.comparing(RemoteFile::path)).toList();
  }

  /** Whether these are one file, or its parts. */
  static boolean isOneFile(List<RemoteFile> wanted) {
    return wanted.size() == 1 || wanted.stream().map(Repository::whole).distinct().count() == 1;
  }

  /** The only GGUF file, or its parts, in the repository of nothing else. */
  private List<RemoteFile> gguf(List<RemoteFile> here) {
    List<RemoteFile> found = inOrder(here.stream().filter(f -> f.name().endsWith(GGUF)));
    if (!found.isEmpty() && isOneFile(found)) {
      return found;
    }
    Map<String, List<RemoteFile>> wholes =
        found.stream()
            .collect(Collectors.groupingBy(Repository::whole, TreeMap::new, Collectors.toList()));
    List<String> choices =
        Stream.concat(wholes.values().stream().map(Repository::choice), folders().stream())
            .toList();
    if (choices.isEmpty()) {
      throw new PhialException.BadInput(
          "%s: expected a config.json, a genai_config.json or a .gguf file, found none of them among %d files"
              .formatted(id, files.size()));
    }
    String more = choices.size() > MOST_LISTED ? " and others" : "";
    throw new PhialException.BadInput(
        "%s: expected one model, found %s%s; say which, such as %s/%s"
            .formatted(
                id,
                String.join(", ", choices.subList(0, Math.min(MOST_LISTED, choices.size()))),
                more,
                id.model(),
                choices.getFirst().replaceFirst(" \\(.*", "")));
  }

  /** A file, or the first of its parts, and how large it is if that is known. */
  private static String choice(List<RemoteFile> parts) {
    String path = parts.getFirst().path();
    return parts.stream().allMatch(RemoteFile::isDescribed)
        ? "%s (%s)".formatted(path, Sizes.of(parts.stream().mapToLong(RemoteFile::size).sum()))
        : path;
  }

  /** Folders of the repository that a model is in. */
  private Set<String> folders() {
    return files.stream()
        .filter(f -> f.name().equals("config.json") || RUNTIMES.contains(f.name()))
        .map(RemoteFile::folder)
        .filter(folder -> !folder.isEmpty() && folder.startsWith(id.path()))
        .collect(Collectors.toCollection(TreeSet::new));
  }
}
