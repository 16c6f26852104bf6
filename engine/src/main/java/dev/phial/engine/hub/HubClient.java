package dev.phial.engine.hub;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * Asks the hub, again after a while where it is busy or the connection broke, and says in a
 * sentence what its refusals mean. A token goes to the hub itself and to no other server that it
 * sends us on to; so redirects are followed here, since not every Java drops it.
 */
final class HubClient implements AutoCloseable {
  /** How often a request is made before its failure counts. */
  static final int TRIES = 6;

  /** The status of an answer where a file ends before the first byte that is wanted. */
  static final int NOTHING_THERE = 416;

  /** What the hub says of a file that it keeps elsewhere. */
  private static final String LINKED_HASH = "X-Linked-Etag";

  private static final String LINKED_SIZE = "X-Linked-Size";

  private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);
  private static final Duration CONNECT = Duration.ofSeconds(20);
  private static final Duration HEADERS = Duration.ofSeconds(60);
  private static final int MOST_REDIRECTS = 8;
  private static final int LARGEST_LISTING = 64 << 20;

  /**
   * How long to wait.
   *
   * @param first before the second try; it doubles from try to try
   * @param silence after which a connection counts as broken
   */
  record Patience(Duration first, Duration silence) {
    static final Patience USUAL = new Patience(Duration.ofSeconds(1), Duration.ofSeconds(60));
  }

  private final HubSettings settings;
  private final Patience patience;
  private final HttpClient client;

  HubClient(HubSettings settings, Patience patience) {
    this.settings = settings;
    this.patience = patience;
    HttpClient.Builder builder =
        HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).connectTimeout(CONNECT);
    settings
        .proxy()
        .ifPresent(proxy ->
            builder.proxy(
                ProxySelector.of(
                    new InetSocketAddress(
                        proxy.getHost(), proxy.getPort() < 0 ? 80 : proxy.getPort()))));
    this.client = builder.build();
  }

  HubSettings settings() {
    return settings;
  }

  Patience patience() {
    return patience;
  }

  /**
   * What the hub says of a repository: one JSON object.
   *
   * @param tries before the hub counts as unreachable
   * @throws PhialException.BadInput if there is none, or no answer
   */
  byte[] listing(HubId id, int tries) {
    URI uri =
        address(
            "/api/models/" + id.model() + "/revision/" + encoded(id.revision()) + "?blobs=true");
    return send(
        id,
        tries,
        uri,
        body -> {
          byte[] bytes = body.readNBytes(LARGEST_LISTING + 1);
          if (bytes.length > LARGEST_LISTING) {
            throw new PhialException.BadInput(
                "%s: expected a list of files of at most %d bytes, found more"
                    .formatted(id, LARGEST_LISTING));
          }
          return bytes;
        });
  }

  /** Takes the body of an answer. */
  @FunctionalInterface
  interface Taker<T> {
    T take(InputStream body) throws IOException;
  }

  private <T> T send(HubId id, int tries, URI uri, Taker<T> taker) {
    String what = id.toString();
    return retrying(
        what,
        tries,
        () -> {
          HttpResponse<InputStream> response = send(uri, HttpRequest.Builder::GET);
          try (InputStream body = response.body()) {
            refuse(id, what, response);
            return taker.take(body);
          }
        });
  }

  /** A try that may fail because of the connection. */
  @FunctionalInterface
  interface Try<T> {
    T run() throws IOException;
  }

  /**
   * Tries until it works.
   *
   * @throws PhialException.BadInput if it does not for some minutes
   */
  <T> T retrying(String what, int tries, Try<T> attempt) {
    for (int failures = 1; ; failures++) {
      try {
        return attempt.run();
      } catch (IOException e) {
        if (failures >= tries) {
          throw unreachable(what, failures, e);
        }
        pause(what, failures, e);
      }
    }
  }

  /**
   * Waits before a try after some that failed.
   *
   * @throws PhialException.BadInput if they were too many
   */
  void pause(String what, int failures, IOException last) {
    if (failures >= TRIES) {
      throw unreachable(what, failures, last);
    }
    Duration usual = patience.first.multipliedBy(1L << (failures - 1));
    Duration wait = last instanceof Busy busy ? busy.wait.orElse(usual) : usual;
    try {
      Thread.sleep(wait.compareTo(LONGEST_WAIT) > 0 ? LONGEST_WAIT : wait);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw interrupted();
    }
  }

  private static PhialException interrupted() {
    return new PhialException.OutputFailed("interrupted; what has come is kept for the next time");
  }

  private PhialException unreachable(String what, int tries, IOException e) {
    String reason = String.valueOf(e.getMessage() == null ? reason(e) : e.getMessage());
    return new PhialException.BadInput(
        "%s: expected an answer from %s, found none in %s (%s); try again later, or set HF_HUB_OFFLINE=1 to use what is here"
            .formatted(
                what, settings.endpoint(), tries == 1 ? "one try" : tries + " tries", reason),
        e);
  }

  private static String reason(IOException e) {
    return e instanceof HttpConnectTimeoutException
        ? "no connection in time"
        : e instanceof java.net.ConnectException ? "no connection" : e.getClass().getSimpleName();
  }

  /**
   * Asks for a file, from a byte on.
   *
   * @param first of the bytes that are wanted
   * @param end of them; -1 for all that follow
   * @param version that the bytes must be of, an entity tag; or nothing
   * @return an answer whose status is 200 for the whole file, 206 for these bytes, or {@link
   *     #NOTHING_THERE}
   * @throws Busy if the hub asks to come again later
   */
  HttpResponse<InputStream> open(
      HubId id, String commit, RemoteFile file, long first, long end, Optional<String> version)
      throws IOException {
    HttpResponse<InputStream> response =
        send(
            address(id, commit, file),
            request -> {
              if (first > 0 || end >= 0) {
                request.header("Range", "bytes=" + first + "-" + (end < 0 ? "" : end - 1));
                version.ifPresent(tag -> request.header("If-Range", tag));
              }
              return request.GET();
            });
    try {
      refuse(id, id.model() + "/" + file.path(), response);
      return response;
    } catch (IOException | PhialException e) {
      response.body().close();
      throw e;
    }
  }

  /**
   * Asks for the size and the hash of a file, as huggingface_hub does (get_hf_file_metadata): what
   * leads to the store of large files says what they are.
   *
   * @throws PhialException.BadInput if there is none, or no answer, or it does not say
   */
  RemoteFile describe(HubId id, String commit, RemoteFile file) {
    String what = id.model() + "/" + file.path();
    return retrying(
        what,
        TRIES,
        () -> {
          HttpResponse<InputStream> response =
              send(address(id, commit, file), HttpRequest.Builder::HEAD);
          response.body().close();
          boolean isLinked = header(response, LINKED_HASH).isPresent();
          if (!isLinked) {
            refuse(id, what, response);
          }
          String hash = header(response, isLinked ? LINKED_HASH : "ETag").orElse("");
          String size = header(response, isLinked ? LINKED_SIZE : "Content-Length").orElse("");
          if (hash.isEmpty() || !size.matches("\\d{1,18}")) {
            throw new PhialException.BadInput(
                "%s: expected its size and hash from %s, found neither in its list of files nor at the file; is HF_ENDPOINT a hub?"
                    .formatted(what, settings.endpoint()));
          }
          return new RemoteFile(
              file.path(), Long.parseLong(size), hash.replaceFirst("^W/", "").replace("\"", ""));
        });
  }

  /** Follows redirects, but not from https to anything else. */
  private HttpResponse<InputStream> send(URI first, UnaryOperator<HttpRequest.Builder> how)
      throws IOException {
    URI uri = first;
    for (int redirects = 0; ; redirects++) {
      HttpResponse<InputStream> response = send(how.apply(request(uri)).build());
      Optional<URI> next = next(uri, response);
      if (next.isEmpty() || redirects == MOST_REDIRECTS) {
        return response;
      }
      response.body().close();
      uri = next.get();
    }
  }

  private static Optional<URI> next(URI uri, HttpResponse<?> response) throws IOException {
    boolean isAnswered =
        response.request().method().equals("HEAD") && header(response, LINKED_HASH).isPresent();
    if (isAnswered || !Set.of(301, 302, 303, 307, 308).contains(response.statusCode())) {
      return Optional.empty();
    }
    try {
      return header(response, "Location")
          .map(uri::resolve)
          .filter(next -> next.getHost() != null)
          .filter(next ->
              "https".equals(next.getScheme())
                  || "http".equals(next.getScheme()) && "http".equals(uri.getScheme()));
    } catch (IllegalArgumentException e) {
      throw new IOException("it leads to what is no address", e);
    }
  }

  private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
    try {
      return client.send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw interrupted();
    }
  }

  private HttpRequest.Builder request(URI uri) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri)
            .timeout(HEADERS)
            .header("User-Agent", "phial/" + dev.phial.Version.current())
            // as it lies there, or ranges would be those of something else
            .header("Accept-Encoding", "identity");
    if (!settings.isOpen() && isOfTheHub(uri)) {
      settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    }
    return request;
  }

  private boolean isOfTheHub(URI uri) {
    URI hub = settings.endpoint();
    return hub.getScheme().equals(uri.getScheme())
        && hub.getHost().equalsIgnoreCase(uri.getHost())
        && hub.getPort() == uri.getPort();
  }

  private URI address(HubId id, String commit, RemoteFile file) {
    return address("/" + id.model() + "/resolve/" + commit + "/" + encodedPath(file.path()));
  }

  private URI address(String path) {
    return URI.create(settings.endpoint() + path);
  }

  private static String encodedPath(String path) {
    StringBuilder encoded = new StringBuilder();
    for (String name : path.split("/", -1)) {
      encoded.append(encoded.isEmpty() ? "" : "/").append(encoded(name));
    }
    return encoded.toString();
  }

  private static String encoded(String text) {
    return java.net.URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /** The hub is busy. */
  static final class Busy extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient Optional<Duration> wait;

    private Busy(int status, Optional<Duration> wait) {
      super("status " + status);
      this.wait = wait;
    }
  }

  /** Throws what an answer means, unless it is one. */
  private void refuse(HubId id, String what, HttpResponse<?> response) throws IOException {
    int status = response.statusCode();
    if (status == 200 || status == 206 || status == NOTHING_THERE) {
      return;
    }
    if (status == 408 || status == 429 || status >= 500) {
      throw new Busy(status, header(response, "Retry-After").flatMap(HubClient::seconds));
    }
    throw refusal(id, what, response, header(response, "X-Error-Code").orElse(""));
  }

  private PhialException refusal(HubId id, String what, HttpResponse<?> response, String code) {
    int status = response.statusCode();
    URI hub = settings.endpoint();
    if (code.equals("GatedRepo")) {
      return new PhialException.BadInput(
          "%s is gated: accept its terms at %s/%s, make a token at %s/settings/tokens, and set HF_TOKEN to it"
              .formatted(id.model(), hub, id.model(), hub));
    }
    String said = header(response, "X-Error-Message").orElse("");
    if (said.contains("Invalid credentials")) { // as huggingface_hub tells it from a private model
      return new PhialException.BadInput(
          "%s: %s does not accept the token of HF_TOKEN, or of the file that keeps it; make another at %s/settings/tokens, or go without"
              .formatted(what, hub, hub));
    }
    if (code.equals("RevisionNotFound")) {
      return new PhialException.BadInput(
          "%s has no revision %s; see %s/%s/tree/main"
              .formatted(id.model(), id.revision(), hub, id.model()));
    }
    if (code.equals("EntryNotFound") || status == 404 && !what.equals(id.toString())) {
      return new PhialException.BadInput("%s: there is no such file at %s".formatted(what, hub));
    }
    if (code.equals("RepoNotFound") || status == 401 || status == 403 || status == 404) {
      boolean isKnown = settings.token().isPresent();
      return new PhialException.BadInput(
          "there is no model %s at %s%s, and no folder of this name here; %s"
              .formatted(
                  id.model(),
                  hub,
                  KnownModels.like(id.model()).map(", though %s is one"::formatted).orElse(""),
                  isKnown
                      ? "if it is private, may the owner of your token read it?"
                      : "if it is private, set HF_TOKEN to a token that may read it"));
    }
    if (status >= 300 && status < 400) {
      return new PhialException.BadInput(
          "%s: expected a file, found that %s leads from https to http or in a circle; it is not followed"
              .formatted(what, hub));
    }
    return new PhialException.BadInput(
        "%s: expected an answer from %s, found status %d%s"
            .formatted(what, hub, status, said.isEmpty() ? "" : ": " + said));
  }

  static Optional<String> header(HttpResponse<?> response, String name) {
    return response.headers().firstValue(name);
  }

  private static Optional<Duration> seconds(String text) {
    Function<String, Duration> parse = value -> Duration.ofSeconds(Long.parseLong(value));
    return text.matches("\\d{1,6}") ? Optional.of(text).map(parse) : Optional.empty();
  }

  /** Ends what is under way. */
  @Override
  public void close() {
    client.shutdownNow();
  }
}
