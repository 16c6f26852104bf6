package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.Printable;
import dev.phial.io.Json;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** A request that is refused, in the shape of OpenAI's errors. */
final class ApiError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final int LONGEST_MESSAGE = 1000;

  private final int status;
  private final String type;
  private final @Nullable String parameter;
  private final @Nullable String code;

  private ApiError(
      int status,
      String type,
      @Nullable String parameter,
      @Nullable String code,
      String message,
      @Nullable Throwable cause) {
    super(Printable.of(message, LONGEST_MESSAGE), cause);
    this.status = status;
    this.type = type;
    this.parameter = parameter;
    this.code = code;
  }

  /** A request that makes no sense. */
  static ApiError invalid(@Nullable String parameter, String message) {
    return refused(400, parameter, null, message);
  }

  /** A request that makes sense, but not here. */
  static ApiError unsupported(String parameter, String message) {
    return refused(400, parameter, "unsupported_parameter", message);
  }

  /** A request that is refused with a status and a code of its own. */
  static ApiError refused(
      int status, @Nullable String parameter, @Nullable String code, String message) {
    return new ApiError(status, "invalid_request_error", parameter, code, message, null);
  }

  /** What cannot be served now. */
  static ApiError unavailable(String message) {
    return new ApiError(503, "server_error", null, "overloaded", message, null);
  }

  /** What a file, or the request's own text, makes impossible. */
  static ApiError of(PhialException cause, @Nullable String parameter) {
    return new ApiError(
        400, "invalid_request_error", parameter, null, String.valueOf(cause.getMessage()), cause);
  }

  /** What went wrong here. */
  static ApiError failed(String message, Throwable cause) {
    return new ApiError(500, "server_error", null, null, message, cause);
  }

  int status() {
    return status;
  }

  ObjectNode json() {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.putObject("error")
        .put("message", getMessage())
        .put("type", type)
        .put("param", parameter)
        .put("code", code);
    return json;
  }
}
