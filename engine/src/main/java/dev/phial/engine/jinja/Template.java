package dev.phial.engine.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A template that has been read, in the dialect of Jinja2 that transformers' {@code
 * chat_template_utils.py} sets up: {@code trim_blocks}, {@code lstrip_blocks}, loop controls,
 * {@code generation} blocks, and a {@code tojson} that escapes no HTML.
 */
public final class Template {
  private static final int LONGEST = 1 << 18;

  private final List<Statement> body;

  private Template(List<Statement> body) {
    this.body = body;
  }

  /**
   * Reads a template.
   *
   * @throws TemplateException if it does not follow the grammar, or uses what chat templates have
   *     no use for
   */
  public static Template parse(String text) {
    if (text.length() > LONGEST) {
      throw new TemplateException(
          "expected at most %d characters, found %d".formatted(LONGEST, text.length()));
    }
    try {
      return new Template(StatementParser.parse(text));
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      throw TemplateException.of(e);
    }
  }

  /**
   * The text that the template makes.
   *
   * @param variables names to values as JSON has them: null, Boolean, Long, Double, String, List
   *     and Map
   * @param functions names to functions of one text; they throw {@link TemplateException.Raised}
   * @throws TemplateException if the template asks for what there is not, or for too much
   */
  public String render(Map<String, ?> variables, Map<String, UnaryOperator<String>> functions) {
    Map<String, @Nullable Object> names = new HashMap<>();
    variables.forEach((name, value) -> names.put(name, Values.of(value)));
    return Interpreter.render(body, names, functions);
  }
}
