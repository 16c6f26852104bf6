package dev.phial.server;

import static java.util.stream.Collectors.joining;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Serves models by OpenAI's protocol, over the JDK's own HTTP server: every request has a virtual
 * thread, and every model a {@link Scheduler}.
 */
public final class Server implements AutoCloseable {
  /** Connections at once; those beyond are closed. */
  private static final int CONNECTIONS = 512;

  /** How long a client may take to send a request. */
  private static final Duration SENDING = Duration.ofSeconds(30);

  /** How long a client may take to read an answer, after the time to make it. */
  private static final Duration READING = Duration.ofSeconds(30);

  private static final int HEADERS = 32 << 10; // bytes

  /** Pieces of requests, 64 KiB each, that are read at the same time. */
  private static final int PIECES = 512;

  private static final String STUDIO = "/studio/";

  private final ServerSettings settings;
  private final Metrics metrics = new Metrics();
  private final long created = System.currentTimeMillis() / 1000;
  private final Guard guard;
  private final HttpServer http;
  private final Models models;
  private final Studio studio;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("call-", 0).factory());
  private final Semaphore pieces = new Semaphore(PIECES);
  // tokenizing and rendering keep a processor busy, and others want to send and be sent to
  private final Semaphore readers =
      new Semaphore(Math.max(1, Runtime.getRuntime().availableProcessors() - 1));
  private final AtomicInteger calls = new AtomicInteger();
  private volatile boolean closing;

  private Server(
      ServerSettings settings,
      Map<String, Checkpoint> checkpoints,
      StudioSettings reached,
      Guard guard,
      HttpServer http) {
    this.settings = settings;
    this.guard = guard;
    this.http = http;
    this.models = new Models(settings, metrics);
    try {
      models.addAll(checkpoints);
      this.studio = new Studio(reached, models, settings.threads());
    } catch (Throwable e) {
      models.close();
      throw e;
    }
  }

  /** Starts one whose page only talks. */
  public static Server start(ServerSettings settings, Map<String, Checkpoint> checkpoints) {
    return start(settings, checkpoints, StudioSettings.NONE);
  }

  /**
   * Starts one.
   *
   * @param checkpoints by the ids that clients call them; they must stay open
   * @param reached what its page may reach
   * @throws PhialException.Usage if it cannot listen where it should
   * @throws PhialException.Unsupported if a model does not fit the memory
   */
  public static Server start(
      ServerSettings settings, Map<String, Checkpoint> checkpoints, StudioSettings reached) {
    InetAddress address = address(settings.host());
    if (!address.isLoopbackAddress() && settings.key().isEmpty()) {
      throw new PhialException.Usage(
          "--host %s is open to the network: set a key that clients must know, in the variable PHIAL_API_KEY or by --api-key"
              .formatted(settings.host()));
    }
    List<String> names = new ArrayList<>(settings.names());
    names.add(settings.host());
    HttpServer http = http(address, settings);
    try {
      Server server =
          new Server(settings, checkpoints, reached, new Guard(names, settings.key()), http);
      http.createContext("/", server::handle);
      http.setExecutor(server.threads);
      http.start();
      return server;
    } catch (Throwable e) {
      http.stop(0);
      throw e;
    }
  }

  private static InetAddress address(String host) {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw new PhialException.Usage(
          "--host: expected a name or address of this machine, found " + host);
    }
  }

  private static HttpServer http(InetAddress address, ServerSettings settings) {
    // the JDK's server knows its limits by properties only
    Map.of(
            "sun.net.httpserver.nodelay", "true",
            "sun.net.httpserver.maxReqTime", "" + SENDING.toSeconds(),
            "sun.net.httpserver.maxRspTime", "" + settings.time().plus(READING).toSeconds(),
            "sun.net.httpserver.maxReqHeaderSize", "" + HEADERS,
            "jdk.httpserver.maxConnections", "" + CONNECTIONS)
        .forEach((name, value) -> {
          if (System.getProperty(name) == null) {
            System.setProperty(name, value);
          }
        });
    try {
      return HttpServer.create(new InetSocketAddress(address, settings.port()), CONNECTIONS);
    } catch (BindException e) {
      throw new PhialException.Usage(
          "--port: expected one that is free at %s, found %d: %s"
              .formatted(settings.host(), settings.port(), e.getMessage()));
    } catch (IOException e) {
      throw new PhialException.OutputFailed(
          "cannot listen at %s: %s".formatted(settings.host(), e.getMessage()), e);
    }
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return http.getAddress();
  }

  /** What it serves, a line each: the id, and how long a conversation may be. */
  public List<String> describe() {
    return models.all().stream()
        .map(model -> "%s, up to %d tokens".formatted(model.id(), model.context()))
        .toList();
  }

  private void handle(HttpExchange exchange) throws IOException {
    calls.incrementAndGet();
    Call call = new Call(exchange, metrics);
    try (exchange) {
      try {
        guard.checkSite(call);
        if (!call.path().equals("/health") && !Studio.isPage(call.path())) {
          guard.checkKey(call);
          if (closing) {
            throw ApiError.unavailable("the server is shutting down");
          }
        }
        route(call);
      } catch (ApiError e) {
        call.error(e);
      } catch (PhialException e) {
        call.error(ApiError.of(e, null));
      } catch (RuntimeException | OutOfMemoryError e) {
        e.printStackTrace(); // a bug of ours
        if (!call.hasBegun()) {
          call.error(ApiError.failed("an error in the server; its log tells more", e));
        }
      }
    } finally {
      pieces.release(call.takeHeld());
      calls.decrementAndGet();
    }
  }

  private void route(Call call) throws IOException {
    String path = call.path();
    if (Studio.isPage(path)) {
      allow(call, "GET");
      studio.page(call);
      return;
    } else if (path.startsWith(STUDIO)) {
      studio(call, path.substring(STUDIO.length()));
      return;
    }
    String model = path.startsWith("/v1/models/") ? path.substring("/v1/models/".length()) : "";
    switch (path) {
      case "/health" -> {
        allow(call, "GET");
        call.json(isHealthy() ? 200 : 503, health());
      }
      case "/metrics" -> {
        allow(call, "GET");
        byte[] text = metrics.text(models.all()).getBytes(StandardCharsets.UTF_8);
        call.send(200, "text/plain; version=0.0.4; charset=utf-8", text);
      }
      case "/v1/models" -> {
        allow(call, "GET");
        ObjectNode list = Json.MAPPER.createObjectNode().put("object", "list");
        ArrayNode data = list.putArray("data");
        models.all().forEach(each -> data.add(describe(each)));
        call.json(200, list);
      }
      case "/v1/chat/completions" -> {
        allow(call, "POST");
        chat(call);
      }
      case "/v1/completions" -> {
        allow(call, "POST");
        complete(call);
      }
      default -> {
        if (model.isEmpty()) {
          throw ApiError.refused(
              404,
              null,
              "unknown_url",
              "Unknown request URL: %s %s".formatted(call.method(), path));
        }
        allow(call, "GET");
        call.json(200, describe(model(model)));
      }
    }
  }

  private void studio(Call call, String action) throws IOException {
    if (action.equals("state")) {
      allow(call, "GET");
      call.json(200, studio.state());
      return;
    }
    allow(call, "POST");
    call.json(200, studio.act(call, action, call.object(settings.body(), pieces)));
  }

  private static void allow(Call call, String method) {
    boolean isRead = method.equals("GET") && call.method().equals("HEAD");
    if (!call.method().equals(method) && !isRead) {
      call.set("Allow", method.equals("GET") ? "GET, HEAD" : method);
      throw ApiError.refused(
          405,
          null,
          "method_not_allowed",
          "Not allowed: %s; use %s".formatted(call.method(), method));
    }
  }

  private boolean isHealthy() {
    return !closing && models.all().stream().allMatch(model -> model.scheduler().isOpen());
  }

  private ObjectNode health() {
    return Json.MAPPER
        .createObjectNode()
        .put("status", closing ? "closing" : isHealthy() ? "ok" : "failed");
  }

  private ObjectNode describe(ServedModel model) {
    return Json.MAPPER
        .createObjectNode()
        .put("id", model.id())
        .put("object", "model")
        .put("created", created)
        .put("owned_by", "phial")
        .put("context_length", model.context());
  }

  /**
   * @throws ApiError if there is none
   */
  private ServedModel model(String id) {
    return models
        .find(id)
        .orElseThrow(() ->
            ApiError.refused(
                404,
                "model",
                "model_not_found",
                "The model '%s' does not exist here; there is %s"
                    .formatted(
                        id, models.all().stream().map(ServedModel::id).collect(joining(", ")))));
  }

  private Fields fields(Call call) throws IOException {
    return new Fields(call.object(settings.body(), pieces));
  }

  private ServedModel model(Fields fields) {
    return model(
        fields
            .text("model")
            .orElseThrow(() -> ApiError.invalid("model", "you must provide a model parameter")));
  }

  private <T> T read(Supplier<T> reader) {
    readers.acquireUninterruptibly();
    try {
      return reader.get();
    } finally {
      readers.release();
    }
  }

  private void chat(Call call) throws IOException {
    Fields fields = fields(call);
    ServedModel model = model(fields);
    ChatRequest request = read(() -> ChatRequest.read(fields, model));
    int choices = SamplingFields.choices(fields);
    boolean usage = SamplingFields.wantsUsage(fields);
    Answer answer =
        new ChatAnswer(
            Head.of("chatcmpl-", model.id(), usage),
            request.tools(),
            choices,
            request.how().tellsScores());
    respond(
        call,
        fields,
        new Responder(
            model, metrics, settings.time(), List.of(request.prompt()), choices, request.how()),
        answer,
        usage);
  }

  private void complete(Call call) throws IOException {
    Fields fields = fields(call);
    ServedModel model = model(fields);
    CompletionRequest request = read(() -> CompletionRequest.read(fields, model));
    int choices = SamplingFields.choices(fields);
    boolean usage = SamplingFields.wantsUsage(fields);
    Answer answer =
        new CompletionAnswer(
            Head.of("cmpl-", model.id(), usage), request, model.tokenizer(), choices);
    respond(
        call,
        fields,
        new Responder(model, metrics, settings.time(), request.prompts(), choices, request.how()),
        answer,
        usage);
  }

  private void respond(Call call, Fields fields, Responder responder, Answer answer, boolean usage)
      throws IOException {
    pieces.release(call.takeHeld()); // what was read is needed no more
    if (fields.flag("stream")) {
      responder.stream(call, answer, usage);
    } else {
      responder.whole(call, answer);
    }
  }

  /**
   * Ends it: what has begun may go on for a while, what comes is refused.
   *
   * @param patience how long to wait for what has begun
   */
  public void close(Duration patience) {
    closing = true;
    long deadline = System.nanoTime() + patience.toNanos();
    try {
      while (calls.get() > 0 && System.nanoTime() < deadline) {
        Thread.sleep(20);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    studio.close();
    models.close(); // tells those who still wait
    http.stop(1);
    threads.shutdownNow();
  }

  @Override
  public void close() {
    close(Duration.ZERO);
  }
}
