package dev.phial.engine.hub;

import dev.phial.PhialException;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Where the hub is and where its files are kept, from the environment variables that its own
 * library reads (huggingface_hub, {@code constants.py}).
 *
 * @param endpoint without a slash at its end
 * @param cache the folder of {@code models--OWNER--NAME} folders
 * @param offline whether only what is in the cache may be used
 * @param proxy to connect through
 */
public record HubSettings(
    URI endpoint, Optional<String> token, Path cache, boolean offline, Optional<URI> proxy) {
  private static final String USUAL_ENDPOINT = "https://huggingface.co";
  private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");
  private static final int LARGEST_TOKEN = 4096;

  /** What can be sent in a header; a token holds nothing else. */
  private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]{1,1000}");

  /** The settings of this process. */
  public static HubSettings ofEnvironment() {
    return of(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /**
   * @param environment variables by name
   * @param user the user's home folder
   * @throws PhialException.Usage if one of them makes no sense
   */
  static HubSettings of(Map<String, String> environment, Path user) {
    Path caches = path(environment, "XDG_CACHE_HOME").orElse(user.resolve(".cache"));
    Path home = path(environment, "HF_HOME").orElse(caches.resolve("huggingface"));
    Path cache =
        path(environment, "HF_HUB_CACHE")
            .or(() -> path(environment, "HUGGINGFACE_HUB_CACHE"))
            .orElse(home.resolve("hub"));
    URI endpoint = address("HF_ENDPOINT", value(environment, "HF_ENDPOINT").orElse(USUAL_ENDPOINT));
    return new HubSettings(
        endpoint,
        token(environment, home),
        cache,
        isYes(environment, "HF_HUB_OFFLINE") || isYes(environment, "TRANSFORMERS_OFFLINE"),
        proxy(environment, endpoint));
  }

  private static Optional<String> value(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name))
        .map(String::strip)
        .filter(value -> !value.isEmpty());
  }

  private static Optional<Path> path(Map<String, String> environment, String name) {
    return value(environment, name).map(Path::of);
  }

  private static boolean isYes(Map<String, String> environment, String name) {
    return value(environment, name)
        .filter(value -> YES.contains(value.toUpperCase(java.util.Locale.ROOT)))
        .isPresent();
  }

  private static URI address(String name, String value) {
    try {
      URI uri = new URI(value.replaceFirst("/+$", ""));
      String scheme = String.valueOf(uri.getScheme());
      if ((scheme.equals("https") || scheme.equals("http"))
          && uri.getHost() != null
          && uri.getUserInfo() == null) {
        return uri;
      }
    } catch (URISyntaxException e) {
      // the message is below
    }
    throw new PhialException.Usage(
        "%s: expected an address such as %s, without a name or password, found %s"
            .formatted(
                name, USUAL_ENDPOINT, value.contains("@") ? "one that may hold them" : value));
  }

  /** The token a user has for the hub; never part of a message. */
  private static Optional<String> token(Map<String, String> environment, Path home) {
    Optional<String> said =
        value(environment, "HF_TOKEN").or(() -> value(environment, "HUGGING_FACE_HUB_TOKEN"));
    if (said.isPresent()) {
      return said.map(token -> checked("HF_TOKEN", token));
    }
    if (isYes(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
      return Optional.empty();
    }
    Path file = path(environment, "HF_TOKEN_PATH").orElse(home.resolve("token"));
    try {
      if (!Files.isRegularFile(file) || Files.size(file) > LARGEST_TOKEN) {
        return Optional.empty();
      }
      String token = Files.readString(file).strip();
      return token.isEmpty() ? Optional.empty() : Optional.of(checked(file.toString(), token));
    } catch (IOException e) {
      return Optional.empty(); // most models need none
    }
  }

  private static String checked(String where, String token) {
    if (!TOKEN.matcher(token).matches()) {
      throw new PhialException.Usage(
          where + ": expected a token of the hub, found something else; is it on one line?");
    }
    return token;
  }

  private static Optional<URI> proxy(Map<String, String> environment, URI endpoint) {
    if (isHere(endpoint)) {
      return Optional.empty();
    }
    String name = endpoint.getScheme() + "_proxy";
    String excepted =
        value(environment, "no_proxy").or(() -> value(environment, "NO_PROXY")).orElse("");
    for (String suffix : excepted.split("[\\s,]+", -1)) {
      String host = suffix.replaceFirst("^\\*?\\.", "");
      if (suffix.equals("*")
          || !host.isEmpty()
              && (endpoint.getHost().equals(host) || endpoint.getHost().endsWith("." + host))) {
        return Optional.empty();
      }
    }
    return value(environment, name)
        .or(() -> value(environment, name.toUpperCase(java.util.Locale.ROOT)))
        .map(value -> address(name, value.contains("://") ? value : "http://" + value));
  }

  /** Whether a token sent there could be read on the way. */
  boolean isOpen() {
    return endpoint.getScheme().equals("http") && !isHere(endpoint);
  }

  private static boolean isHere(URI endpoint) {
    return Set.of("localhost", "127.0.0.1", "[::1]").contains(endpoint.getHost());
  }

  /** Says nothing of the token. */
  @Override
  public String toString() {
    return "HubSettings[%s, %s]".formatted(endpoint, cache);
  }
}
