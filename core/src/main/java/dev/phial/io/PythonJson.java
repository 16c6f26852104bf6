package dev.phial.io;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * JSON as Python's {@code json.dump} writes it, byte for byte: indented, ASCII only, numbers as
 * {@code repr} shows them.
 */
public final class PythonJson {
  private final StringBuilder out = new StringBuilder();
  private final int indent;

  private PythonJson(int indent) {
    this.indent = indent;
  }

  /** What {@code json.dump(json, file, indent=indent)} writes. */
  public static byte[] dump(JsonNode json, int indent) {
    PythonJson writer = new PythonJson(indent);
    writer.value(json, 0);
    return writer.out.toString().getBytes(StandardCharsets.US_ASCII);
  }

  private void value(JsonNode json, int depth) {
    switch (json.getNodeType()) {
      case OBJECT -> object(json, depth);
      case ARRAY -> array(json, depth);
      case STRING -> string(json.stringValue());
      case NUMBER -> number(json);
      case BOOLEAN -> out.append(json.booleanValue());
      default -> out.append("null");
    }
  }

  private void object(JsonNode json, int depth) {
    if (json.isEmpty()) {
      out.append("{}");
      return;
    }
    out.append('{');
    Iterator<Map.Entry<String, JsonNode>> entries = json.properties().iterator();
    while (entries.hasNext()) {
      Map.Entry<String, JsonNode> entry = entries.next();
      line(depth + 1);
      string(entry.getKey());
      out.append(": ");
      value(entry.getValue(), depth + 1);
      if (entries.hasNext()) {
        out.append(',');
      }
    }
    line(depth);
    out.append('}');
  }

  private void array(JsonNode json, int depth) {
    if (json.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append('[');
    Iterator<JsonNode> elements = json.iterator();
    while (elements.hasNext()) {
      line(depth + 1);
      value(elements.next(), depth + 1);
      if (elements.hasNext()) {
        out.append(',');
      }
    }
    line(depth);
    out.append(']');
  }

  private void line(int depth) {
    out.append('\n').repeat(' ', depth * indent);
  }

  private void string(String text) {
    out.append('"');
    escape(text, true, out);
    out.append('"');
  }

  /**
   * Appends a text as it stands between the quotes of a string: what {@code json.dumps} makes of
   * it.
   *
   * @param ascii {@code ensure_ascii}: whether all that is not ASCII is escaped
   */
  public static void escape(String text, boolean ascii, StringBuilder to) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> to.append("\\\"");
        case '\\' -> to.append("\\\\");
        case '\n' -> to.append("\\n");
        case '\r' -> to.append("\\r");
        case '\t' -> to.append("\\t");
        case '\b' -> to.append("\\b");
        case '\f' -> to.append("\\f");
        default -> {
          if (c < ' ' || ascii && c > '~') {
            to.append("\\u").append(HexFormat.of().toHexDigits(c));
          } else {
            to.append(c);
          }
        }
      }
    }
  }

  private void number(JsonNode json) {
    if (json.isIntegralNumber()) {
      out.append(json.asString());
    } else {
      out.append(repr(json.doubleValue()));
    }
  }

  /**
   * The shortest digits that read back as {@code x}, with an exponent where Python uses one; {@code
   * NaN}, {@code Infinity} and {@code -Infinity} for what has none.
   */
  public static String repr(double x) {
    if (Double.isNaN(x)) {
      return "NaN";
    }
    if (Double.isInfinite(x)) {
      return x > 0 ? "Infinity" : "-Infinity";
    }
    String sign = Double.compare(x, 0) < 0 ? "-" : "";
    if (x == 0) {
      return sign + "0.0";
    }
    BigDecimal shortest = new BigDecimal(Double.toString(Math.abs(x))).stripTrailingZeros();
    String digits = shortest.unscaledValue().toString();
    int exponent = digits.length() - 1 - shortest.scale(); // of the first digit
    if (exponent < -4 || exponent >= 16) {
      String rest = digits.length() == 1 ? "" : "." + digits.substring(1);
      return "%s%s%se%s%02d"
          .formatted(sign, digits.charAt(0), rest, exponent < 0 ? "-" : "+", Math.abs(exponent));
    }
    if (exponent < 0) {
      return sign + "0." + "0".repeat(-exponent - 1) + digits;
    }
    if (digits.length() <= exponent + 1) {
      return sign + digits + "0".repeat(exponent + 1 - digits.length()) + ".0";
    }
    return sign + digits.substring(0, exponent + 1) + "." + digits.substring(exponent + 1);
  }
}
