package dev.phial.engine.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A hub on this machine: it speaks the protocol of huggingface.co as its own library expects it
 * (huggingface_hub, {@code hf_api.py} and {@code file_download.py}), with a second server for large
 * files, and it fails in the ways that tests ask for.
 */
public final class HubServer implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();
  private static final Pattern LISTING =
      Pattern.compile("/api/models/([^/]+/[^/]+)(?:/revision/(.+))?");
  private static final Pattern TREE = Pattern.compile("/api/models/([^/]+/[^/]+)/tree/([^/]+)");
  private static final Pattern FILE = Pattern.compile("/([^/]+/[^/]+)/resolve/([^/]+)/(.+)");
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");
  private static final Pattern LARGE = Pattern.compile(".*\\.(safetensors|bin|gguf|model)");

  private final HttpServer hub;
  private final HttpServer store;
  private final Map<String, Repo> repos = new ConcurrentHashMap<>();
  private boolean tellsNamesOnly;
  private final Map<String, Fault> faults = new ConcurrentHashMap<>();

  /** What was asked for. */
  public final List<Asked> asked = new CopyOnWriteArrayList<>();

  /**
   * A request.
   *
   * @param server {@code hub} or {@code store}
   */
  public record Asked(
      String server, String method, String path, Optional<String> token, Optional<String> range) {}

  /** A model that is offered. */
  private record Repo(String commit, Map<String, byte[]> files) {}

  /** Answers in place of the server; whether it did. */
  @FunctionalInterface
  interface Fault {
    boolean answer(HttpExchange exchange, byte[] content) throws IOException;
  }

  public HubServer() {
    hub = start(this::hub);
    store = start(this::store);
  }

  private interface Handler {
    void handle(HttpExchange exchange) throws IOException;
  }

  private static HttpServer start(Handler handler) {
    try {
      HttpServer server =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.createContext(
          "/",
          exchange -> {
            try (exchange) {
              handler.handle(exchange);
            }
          });
      server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      server.start();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What HF_ENDPOINT has to be. */
  public URI endpoint() {
    return address(hub);
  }

  private static URI address(HttpServer server) {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** Offers what is in a folder as a model. */
  public HubServer offer(String id, Path folder) {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> found = Files.walk(folder)) {
      for (Path file : found.filter(Files::isRegularFile).toList()) {
        files.put(folder.relativize(file).toString(), Files.readAllBytes(file));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return offer(id, files);
  }

  /** Offers files as a model; another commit when they are others. */
  public HubServer offer(String id, Map<String, byte[]> files) {
    StringBuilder all = new StringBuilder();
    files.forEach((name, content) -> all.append(name).append(hash("SHA-1", content)));
    repos.put(id, new Repo(hash("SHA-1", all.toString().getBytes(StandardCharsets.UTF_8)), files));
    return this;
  }

  /** The commit that a model is at. */
  public String commit(String id) {
    return Objects.requireNonNull(repos.get(id)).commit;
  }

  /** Lists files by their names alone, as hubs do that know nothing of {@code blobs=true}. */
  HubServer tellingNamesOnly() {
    tellsNamesOnly = true;
    return this;
  }

  /** Has a request for a path, of whichever server, fail. */
  HubServer failing(String path, Fault fault) {
    faults.put(path, fault);
    return this;
  }

  private boolean fails(String path, HttpExchange exchange, byte[] content) throws IOException {
    Fault fault = faults.get(path);
    return fault != null && fault.answer(exchange, content);
  }

  private void note(String server, HttpExchange exchange) {
    asked.add(
        new Asked(
            server,
            exchange.getRequestMethod(),
            exchange.getRequestURI().getPath(),
            Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization")),
            Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range"))));
  }

  private void hub(HttpExchange exchange) throws IOException {
    note("hub", exchange);
    String path = exchange.getRequestURI().getPath();
    if (fails(path, exchange, new byte[0])) {
      return;
    }
    Matcher listing = LISTING.matcher(path);
    Matcher tree = TREE.matcher(path);
    Matcher file = FILE.matcher(path);
    if (tree.matches()) {
      tree(exchange, tree.group(1));
    } else if (listing.matches()) {
      list(exchange, listing.group(1), Optional.ofNullable(listing.group(2)).orElse("main"));
    } else if (file.matches()) {
      resolve(exchange, file.group(1), file.group(2), file.group(3));
    } else {
      refuse(exchange, 404, "RepoNotFound");
    }
  }

  /** Refuses as the hub does. */
  static void refuse(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    exchange.sendResponseHeaders(status, -1);
  }

  private void list(HttpExchange exchange, String id, String revision) throws IOException {
    Repo repo = repos.get(id);
    if (repo == null) {
      refuse(exchange, 401, "RepoNotFound"); // so that nobody learns what is private
      return;
    }
    if (!revision.equals("main") && !revision.equals(repo.commit)) {
      refuse(exchange, 404, "RevisionNotFound");
      return;
    }
    ObjectNode json = JSON.createObjectNode().put("id", id).put("sha", repo.commit);
    json.put("_id", "1").put("modelId", id).put("private", false).put("gated", false);
    ArrayNode siblings = json.putArray("siblings");
    repo.files.forEach((name, content) -> {
      ObjectNode sibling = siblings.addObject().put("rfilename", name);
      if (tellsNamesOnly) {
        return;
      }
      sibling.put("size", content.length).put("blobId", blobId(name, content));
      if (LARGE.matcher(name).matches()) {
        sibling
            .putObject("lfs")
            .put("sha256", hash("SHA-256", content))
            .put("size", content.length)
            .put("pointerSize", pointer(content).length);
      }
    });
    sendJson(exchange, JSON.writeValueAsBytes(json));
  }

  /** What newer versions of the hub's own library ask for. */
  private void tree(HttpExchange exchange, String id) throws IOException {
    Repo repo = repos.get(id);
    if (repo == null) {
      refuse(exchange, 401, "RepoNotFound");
      return;
    }
    ArrayNode tree = JSON.createArrayNode();
    repo.files.forEach((name, content) -> {
      ObjectNode entry = tree.addObject().put("type", "file").put("path", name);
      entry.put("size", content.length).put("oid", blobId(name, content));
      if (LARGE.matcher(name).matches()) {
        entry
            .putObject("lfs")
            .put("oid", hash("SHA-256", content))
            .put("size", content.length)
            .put("pointerSize", pointer(content).length);
      }
    });
    sendJson(exchange, JSON.writeValueAsBytes(tree));
  }

  private static void sendJson(HttpExchange exchange, byte[] body) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
  }

  private void resolve(HttpExchange exchange, String id, String revision, String name)
      throws IOException {
    Repo repo = repos.get(id);
    if (repo == null) {
      refuse(exchange, 401, "RepoNotFound");
      return;
    }
    if (!revision.equals("main") && !revision.equals(repo.commit)) {
      refuse(exchange, 404, "RevisionNotFound");
      return;
    }
    byte[] content = repo.files.get(name);
    if (content == null) {
      refuse(exchange, 404, "EntryNotFound");
      return;
    }
    exchange.getResponseHeaders().set("X-Repo-Commit", repo.commit);
    if (!LARGE.matcher(name).matches()) {
      exchange.getResponseHeaders().set("ETag", "\"" + blobId(name, content) + "\"");
      send(exchange, content);
      return;
    }
    String sha256 = hash("SHA-256", content);
    exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + sha256 + "\"");
    exchange.getResponseHeaders().set("X-Linked-Size", String.valueOf(content.length));
    exchange
        .getResponseHeaders()
        .set("Location", address(store) + "/" + sha256 + "/" + name + "?of=" + id);
    exchange.sendResponseHeaders(302, -1);
  }

  private void store(HttpExchange exchange) throws IOException {
    note("store", exchange);
    String query = String.valueOf(exchange.getRequestURI().getQuery());
    Repo repo = repos.get(query.replaceFirst("of=", ""));
    String name = exchange.getRequestURI().getPath().replaceFirst("/[0-9a-f]+/", "");
    byte[] content = repo == null ? null : repo.files.get(name);
    if (content == null) {
      exchange.sendResponseHeaders(404, -1);
    } else if (!fails(name, exchange, content)) {
      exchange.getResponseHeaders().set("ETag", "\"" + hash("MD5", content) + "\"");
      send(exchange, content);
    }
  }

  /** Sends what is asked for of a file. */
  static void send(HttpExchange exchange, byte[] content) throws IOException {
    exchange.getResponseHeaders().set("Accept-Ranges", "bytes");
    int first = 0;
    int end = content.length;
    int status = 200;
    String range = exchange.getRequestHeaders().getFirst("Range");
    Matcher asked = RANGE.matcher(range == null ? "" : range);
    if (asked.matches()) {
      first = Integer.parseInt(asked.group(1));
      end = asked.group(2).isEmpty() ? end : Math.min(end, Integer.parseInt(asked.group(2)) + 1);
      if (first >= content.length) {
        exchange.sendResponseHeaders(416, -1);
        return;
      }
      status = 206;
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(first, end - 1, content.length));
    }
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.getResponseHeaders().set("Content-Length", String.valueOf(end - first));
      exchange.sendResponseHeaders(status, -1);
      return;
    }
    exchange.sendResponseHeaders(status, end == first ? -1 : end - first);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(content, first, end - first);
    }
  }

  /** Git's hash of what it keeps: of the file, or of the pointer to a large one. */
  private static String blobId(String name, byte[] content) {
    byte[] kept = LARGE.matcher(name).matches() ? pointer(content) : content;
    byte[] head = "blob %d\0".formatted(kept.length).getBytes(StandardCharsets.US_ASCII);
    byte[] all = new byte[head.length + kept.length];
    System.arraycopy(head, 0, all, 0, head.length);
    System.arraycopy(kept, 0, all, head.length, kept.length);
    return hash("SHA-1", all);
  }

  private static byte[] pointer(byte[] content) {
    return "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"
        .formatted(hash("SHA-256", content), content.length)
        .getBytes(StandardCharsets.US_ASCII);
  }

  private static String hash(String algorithm, byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  /** The requests for files, by their names. */
  List<String> filesAsked() {
    List<String> names = new ArrayList<>();
    for (Asked one : asked) {
      Matcher file = FILE.matcher(one.path);
      if (file.matches()) {
        names.add(file.group(3));
      }
    }
    return names;
  }

  @Override
  public void close() {
    hub.stop(0);
    store.stop(0);
  }
}
