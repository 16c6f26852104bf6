package dev.phial.engine.hub;

import dev.phial.PhialException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model of the hub, or a folder or file in its repository, as users write it: {@code
 * microsoft/phi-4}, {@code microsoft/phi-4@main}, {@code microsoft/phi-4-gguf/phi-4-q4.gguf}; each
 * may begin with {@code hf:}, and the address of its page is understood too.
 *
 * @param revision a branch, a tag or a commit
 * @param path in the repository; empty for all of it
 */
public record HubId(String owner, String name, String revision, String path) {
  private static final String SCHEME = "hf:";
  private static final String USUAL_REVISION = "main";

  /** As the hub allows them; a name that begins with a dot or a dash is a file or an option. */
  private static final String WORD = "[A-Za-z0-9][\\w.-]{0,95}";

  private static final Pattern ID =
      Pattern.compile(
          "(%s)/(%s)(?:@(refs/(?:pr|convert)/[\\w.-]+|[^@/]+))?(?:/(.*))?".formatted(WORD, WORD));

  /** The address of a page of a repository, a folder or a file. */
  private static final Pattern ADDRESS =
      Pattern.compile(
          "https?://([^/]+)/(%s)/(%s)(?:/(?:tree|blob|resolve)/([^/?#]+)(?:/([^?#]*))?)?/?(?:[?#].*)?"
              .formatted(WORD, WORD));

  private static final Set<String> HOSTS = Set.of("huggingface.co", "hf.co");

  /** What stands before the names of other things than models. */
  private static final Set<String> NO_MODELS = Set.of("datasets", "spaces", "api");

  private static final Pattern REVISION = Pattern.compile("[\\w][\\w./-]{0,200}");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

  public HubId {
    if (!REVISION.matcher(revision).matches() || revision.contains("..")) {
      throw new PhialException.Usage(
          "%s/%s@%s: expected a branch, a tag or a commit after @"
              .formatted(owner, name, revision));
    }
    RemoteFile.check(path);
  }

  /**
   * What a user wrote, if it can be a model of the hub and is none of the files here: a path whose
   * first folder exists is taken for a path, so that a slip in it never opens a connection.
   *
   * @throws PhialException.Usage if it begins with {@code hf:} and is no model of the hub
   */
  public static Optional<HubId> of(String text) {
    if (text.startsWith(SCHEME)) {
      return Optional.of(
          parse(text.substring(SCHEME.length()).replaceFirst("^//", ""))
              .orElseThrow(() ->
                  new PhialException.Usage(
                      "%s: expected hf:OWNER/NAME, such as hf:microsoft/phi-4".formatted(text))));
    }
    Matcher address = ADDRESS.matcher(text);
    if (address.matches()) {
      return Optional.of(ofAddress(text, address));
    }
    return isHere(text) ? Optional.empty() : parse(text);
  }

  private static HubId ofAddress(String text, Matcher address) {
    String host = address.group(1);
    String owner = address.group(2);
    if (!HOSTS.contains(host) && !HubSettings.ofEnvironment().endpoint().getAuthority().equals(host)
        || NO_MODELS.contains(owner)) {
      throw new PhialException.Usage(
          "%s: expected the address of a model at huggingface.co, or at the hub that HF_ENDPOINT names"
              .formatted(text));
    }
    return new HubId(
        owner,
        address.group(3),
        Optional.ofNullable(address.group(4)).map(HubId::decoded).orElse(USUAL_REVISION),
        Optional.ofNullable(address.group(5)).map(HubId::decoded).orElse(""));
  }

  private static String decoded(String part) {
    return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private static Optional<HubId> parse(String text) {
    Matcher id = ID.matcher(text);
    return id.matches()
        ? Optional.of(
            new HubId(
                id.group(1),
                id.group(2),
                Optional.ofNullable(id.group(3)).orElse(USUAL_REVISION),
                Optional.ofNullable(id.group(4)).orElse("").replaceFirst("/+$", "")))
        : Optional.empty();
  }

  private static boolean isHere(String text) {
    try {
      return Files.exists(Path.of(text)) || Files.exists(Path.of(text).subpath(0, 1));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** {@code microsoft/phi-4}. */
  public String model() {
    return owner + "/" + name;
  }

  /** Whether the revision is a commit, which never changes. */
  boolean isCommit() {
    return COMMIT.matcher(revision).matches();
  }

  /** As a user would write it. */
  @Override
  public String toString() {
    return model()
        + (revision.equals(USUAL_REVISION) ? "" : "@" + revision)
        + (path.isEmpty() ? "" : "/" + path);
  }
}
