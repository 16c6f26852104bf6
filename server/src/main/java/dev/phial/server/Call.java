package dev.phial.server;

import com.sun.net.httpserver.HttpExchange;
import dev.phial.io.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** A request and its response. */
final class Call {
  private static final int PIECE = 1 << 16;

  private final HttpExchange exchange;
  private final Metrics metrics;
  private boolean hasBegun;

  Call(HttpExchange exchange, Metrics metrics) {
    this.exchange = exchange;
    this.metrics = metrics;
  }

  String method() {
    return exchange.getRequestMethod();
  }

  String path() {
    return exchange.getRequestURI().getPath();
  }

  /** A header of the request, if it is there once. */
  Optional<String> header(String name) {
    var values = exchange.getRequestHeaders().get(name);
    return values == null || values.size() != 1
        ? Optional.empty()
        : Optional.of(values.getFirst().strip());
  }

  void set(String header, String value) {
    exchange.getResponseHeaders().set(header, value);
  }

  /** Whether the response has begun, so that its status is said. */
  boolean hasBegun() {
    return hasBegun;
  }

  /**
   * The JSON object that was sent.
   *
   * @param most bytes it may have
   * @param room permits for all that is read at the same time, one for each piece; given back by
   *     whoever gave them
   * @throws ApiError if it is something else
   * @throws IOException if the client goes away
   */
  ObjectNode object(int most, Semaphore room) throws IOException {
    String type = header("Content-Type").orElse("").toLowerCase(Locale.ROOT);
    if (!type.matches("application/json\\s*(;.*)?")) {
      throw ApiError.refused(
          415, null, null, "expected a body of the type application/json, found another");
    }
    byte[] body = body(most, room);
    JsonNode json;
    try {
      json = Json.MAPPER.readTree(body);
    } catch (JacksonException e) {
      throw ApiError.invalid(
          null,
          "We could not parse the JSON body of your request: "
              + e.getOriginalMessage().replaceAll("\\[Source: [^;\\]]*; ", "["));
    }
    if (json instanceof ObjectNode object) {
      return object;
    }
    throw ApiError.invalid(null, "expected a JSON object as the body of the request");
  }

  private byte[] body(int most, Semaphore room) throws IOException {
    long said = header("Content-Length").map(Call::length).orElse(0L);
    if (said > most) {
      throw tooLarge(most);
    }
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    InputStream in = exchange.getRequestBody();
    byte[] piece = new byte[PIECE];
    for (int count = in.readNBytes(piece, 0, PIECE);
        count > 0;
        count = in.readNBytes(piece, 0, PIECE)) {
      if (body.size() + count > most) {
        throw tooLarge(most);
      }
      if (!room.tryAcquire()) {
        throw ApiError.unavailable("too many large requests at once; try again later");
      }
      held++;
      body.write(piece, 0, count);
    }
    return body.toByteArray();
  }

  private int held;

  /** The permits that {@link #object} took. */
  int takeHeld() {
    int result = held;
    held = 0;
    return result;
  }

  private static long length(String text) {
    return text.matches("\\d{1,18}") ? Long.parseLong(text) : Long.MAX_VALUE;
  }

  private static ApiError tooLarge(int most) {
    return ApiError.refused(
        413, null, null, "expected a request of at most %d bytes, found more".formatted(most));
  }

  void json(int status, JsonNode json) throws IOException {
    send(status, "application/json", json.toString().getBytes(StandardCharsets.UTF_8));
  }

  void error(ApiError error) throws IOException {
    if (error.status() == 503) {
      set("Retry-After", "1");
    } else if (error.status() == 413) {
      set("Connection", "close"); // what was not read is not looked at
    }
    json(error.status(), error.json());
  }

  void send(int status, String type, byte[] body) throws IOException {
    begin(status, type, method().equals("HEAD") ? -1 : body.length == 0 ? -1 : body.length);
    if (!method().equals("HEAD")) {
      exchange.getResponseBody().write(body);
      exchange.getResponseBody().flush(); // closing may first wait for the rest of a request
    }
    exchange.close();
  }

  /**
   * Begins a response whose length is not known.
   *
   * @return where it is written, piece by piece
   */
  OutputStream stream(String type) throws IOException {
    begin(200, type, 0);
    return exchange.getResponseBody();
  }

  /** Begins a response of so many bytes. */
  OutputStream stream(String type, long length) throws IOException {
    begin(200, type, length == 0 ? -1 : length);
    return exchange.getResponseBody();
  }

  private void begin(int status, String type, long length) throws IOException {
    hasBegun = true;
    metrics.responded(status);
    set("Content-Type", type);
    set("Cache-Control", "no-store");
    set("X-Content-Type-Options", "nosniff");
    exchange.sendResponseHeaders(status, length);
  }
}
