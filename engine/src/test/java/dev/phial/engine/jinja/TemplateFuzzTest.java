package dev.phial.engine.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Whatever a template holds, it makes a text or is refused, in a sentence and soon. */
final class TemplateFuzzTest {
  private static final LocalDateTime NOW = LocalDateTime.of(2026, 3, 5, 7, 8, 9);

  private static final Map<String, UnaryOperator<String>> FUNCTIONS =
      Map.of("raise_exception", TemplateFuzzTest::raise, "now", f -> TimeFormat.format(NOW, f));

  private static final Map<String, ?> VARIABLES =
      Map.of(
          "messages",
          List.of(
              Map.of("role", "system", "content", "Be brief."),
              Map.of("role", "user", "content", "Hi 😀\n", "tool_calls", List.of(1L, 2.5, true))),
          "n",
          7L);

  @FuzzTest
  @DictionaryEntries({
    "{%- ",
    " -%}",
    "{{",
    "}}",
    "{#",
    "#}",
    "for m in messages",
    "endfor",
    "if ",
    "elif ",
    "else",
    "endif",
    "set a = [a, a]",
    "set ns = namespace(x=1)",
    "set ns.x = ns",
    "endset",
    "macro f(x)",
    "endmacro",
    "f(1)",
    "with a = n",
    "endwith",
    "filter upper",
    "endfilter",
    "raw",
    "endraw",
    "break",
    "continue",
    "recursive",
    "loop(",
    "loop.index",
    "range(9)",
    "|tojson(indent=2)",
    "|sort",
    "|unique",
    "|map(attribute='role')",
    "|selectattr('role', 'equalto', 'user')",
    "|join(',')",
    "|replace('a', 'aa')",
    "|indent(4)",
    "|trim",
    "|upper",
    "|list",
    "|first",
    "|default(",
    ".split(",
    ".rsplit(",
    ".strip(",
    ".find(",
    ".startswith(",
    ".items()",
    ".get(",
    "[1:-1]",
    "[::-1]",
    " is defined",
    " is string",
    " not in ",
    " ** ",
    " // ",
    " ~ ",
    "*99999",
    "none",
    "raise_exception(",
    "now('%d %B')",
    "'\\x41'"
  })
  void renders(byte[] bytes) {
    try {
      Template.parse(new String(bytes, StandardCharsets.UTF_8)).render(VARIABLES, FUNCTIONS);
    } catch (TemplateException e) {
      assertThat(e)
          .message()
          .isNotEmpty()
          .hasSizeLessThan(400)
          .doesNotContainPattern("\\p{Cc}")
          .doesNotContain(TemplateException.UNFORESEEN, "dev.phial", "java.lang");
    }
  }

  private static String raise(String message) {
    throw new TemplateException.Raised(message.isEmpty() ? "nothing" : message);
  }
}
