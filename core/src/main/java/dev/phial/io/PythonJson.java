package dev.phial.io;

import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectWriter;

/** JSON laid out as Python's {@code json.dump} does it, which the tools beside us use. */
public final class PythonJson {
  private PythonJson() {}

  /**
   * @param indent spaces per level
   */
  public static String write(JsonNode json, int indent) {
    DefaultIndenter indenter = new DefaultIndenter(" ".repeat(indent), "\n");
    Separators separators =
        Separators.createDefaultInstance()
            .withObjectNameValueSpacing(Separators.Spacing.AFTER)
            .withObjectEmptySeparator("")
            .withArrayEmptySeparator("");
    ObjectWriter writer =
        Json.MAPPER
            .writer()
            .with(
                new DefaultPrettyPrinter(separators)
                    .withObjectIndenter(indenter)
                    .withArrayIndenter(indenter));
    return writer.writeValueAsString(json);
  }
}
