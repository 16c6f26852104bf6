package dev.phial.engine.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What no template may do; {@code ChatTemplateGoldenTest} tells what they do. */
final class TemplateTest {
  private static String render(String template) {
    return Template.parse(template)
        .render(
            Map.of("x", 3L, "messages", List.of(Map.of("role", "user", "content", "Hi"))),
            Map.of(
                "raise",
                message -> {
                  throw new TemplateException.Raised(message);
                }));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "{{ x                         => line 1: expected }}, found the end",
        "a{% if x %}b                 => expected one of [",
        "{% if x %}{% endfor %}       => unknown tag 'endfor'",
        "{% for x of y %}{% endfor %} => expected 'in', found 'of'",
        "{{ x | nope }}               => no filter named 'nope'",
        "{{ x is nope }}              => no test named 'nope'",
        "{{ x + }}                    => expected a value, found '}}'",
        "{{ (x }}                     => '}' closes nothing",
        "{{ x ? }}                    => unexpected character '?'",
        "{# never                     => a comment is not closed",
        "{{ 'never }}                 => a string is not closed",
        "{% raw %} never              => raw is not closed",
        "{% include 'x' %}            => unknown tag 'include'",
        "{% import 'x' as y %}        => unknown tag 'import'",
        "{% break %}                  => 'break' outside of a loop",
        "{{ 99999999999999999999 }}   => is too large",
      })
  void refusesBrokenTemplates(String template, String message) {
    assertThatThrownBy(() -> render(template))
        .isInstanceOf(TemplateException.class)
        .hasMessageContainingAll("line 1", message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "{{ y.z }}                      => 'y' is undefined",
        "{{ y() }}                      => 'y' is undefined",
        "{{ x() }}                      => a whole number cannot be called",
        "{{ 'a' + 1 }}                  => '+' does not go with a string and a whole number",
        "{{ messages[0].content + y }}  => 'y' is undefined",
        "{{ 1 // 0 }}                   => division by zero",
        "{{ 9 ** 99 }}                  => a number is too large",
        "{% for i in 3 %}{% endfor %}   => a whole number cannot be looped over",
        "{% set a, b = [1] %}           => expected 2 values for [a, b], found 1",
        "{{ 'a' < 1 }}                  => have no order",
      })
  void refusesWhatMakesNoSense(String template, String message) {
    assertFails(template, message);
  }

  /** Each asks for more time or memory than there is. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(999999999) %}{% endfor %}",
        "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{% endfor %}{{ ns.l | tojson }}",
        "{% set ns = namespace(l=none) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
        "{{ 'a' * 999999999999 }}",
        "{{ [1] * 999999999999 }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ ('a' * 60000000) | replace('a', 'bbbbbbbb') }}",
        "{{ ('a' * 1000000) | replace('', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb') }}",
        "{{ ('a\\n' * 9000000) | indent(1000) }}",
        "{{ range(99999) | sort | sort | map('string') | join(',' * 9999) }}",
        "{% for i in range(99999) %}{{ ('a' * 999) in ('a' * 999999) }}{% endfor %}",
        "{{ (['A' * 1000000] * 20000) | sort }}",
        "{{ (['A' * 1000000] * 20000) | unique }}",
        "{{ (['A' * 1000000] * 20000) | max }}",
        "{% set s = 'a' * 999999 %}{% set t = 'a' * 999999 %}{% for i in range(99999) %}{{ s == t }}{% endfor %}",
        "{% set s = 'a' * 999999 %}{% set d = {s: 1} %}{% for i in range(99999) %}{{ d[s] }}{% endfor %}",
        "{% set s = 'ä€' * 999999 %}{% for i in range(99999) %}{{ s | length }}{% endfor %}",
        "{% set s = 'ä€' * 999999 %}{% for i in range(99999) %}{{ s[999999] }}{% endfor %}",
        "{% set s = 'ä€' * 999999 %}{% for i in range(99999) %}{{ s[-999999] }}{% endfor %}",
        "{% set s = 'ä€' * 999999 %}{% for i in range(99999) %}{{ s[1:2] }}{% endfor %}",
        "{% set l = ['x'] * 999999 %}{% for i in range(99999) %}{{ 'a'.endswith(l) }}{% endfor %}",
        "{{ ('ß' * 30000000) | upper }}",
        "{{ ('İ' * 15000000) | lower }}",
        "{{ ('aΣ' * 15000000) | lower }}",
        "{{ ['\\x01' * 20000000] }}",
        "{{ ['\\x01' * 20000000] | tojson }}",
        "{{ ['é' * 20000000] | tojson(true) }}",
        "{{ [1.1] * 2000000 }}",
        "{{ [[[[1] * 1000]]] | tojson(indent='x' * 10000000) }}",
        "{{ [1] | tojson(indent=10000000000) }}",
        "{{ 'a' | indent(10000000000, true) }}",
        "{{ ('&' * 30000000) | e }}",
        "{{ [1] | map(attribute='.' * 30000000) }}",
      })
  void endsHostileTemplates(String template) {
    inTime(() ->
        assertThatThrownBy(() -> render(template))
            .isInstanceOf(TemplateException.class)
            .hasMessageStartingWith("line 1: "));
  }

  /** The library's search takes hours for these. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ long.find(part ~ 'b') }}",
        "{{ long.rfind('b' ~ part) }}",
        "{{ (part ~ 'b') in long }}",
        "{{ long.count(part ~ 'b') }}",
        "{{ long.split(part ~ 'b') | length }}",
        "{{ long.rsplit('b' ~ part) | length }}",
        "{{ long.replace(part ~ 'b', '') | length }}",
        "{{ long.strip('b' * 4000000 ~ 'a') }}",
        "{{ ('ß' * 1000000) | upper | length }}",
        "{{ ('İ' * 1000000) | lower | length }}",
        "{{ ('Σ' * 1000000) | lower | length }}",
      })
  void searchesLongTextsInTime(String use) {
    inTime(() -> render("{% set long = 'a' * 4000000 %}{% set part = 'a' * 2000000 %}" + use));
  }

  /** Some values are small and yet without end where each part is looked at. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ {1: 2}[a] }}",
        "{{ {1: 2}.get(a) }}",
        "{{ [a] | unique }}",
        "{% set d = {a: 1} %}",
        "{{ a in {1: 2} }}",
        "{{ a in [a] }}",
        "{{ [a].index(a) }}{{ [a].count(a) }}",
        "{{ raise(a) }}",
        "{{ 'x'.startswith({1: a}) }}",
        "{{ 'x'.startswith(a) }}",
        "{{ 'x'.strip(a) }}{{ 'x' | replace(a, a) }}",
        "{{ {}[a] }}{{ {}[a].x }}",
        "{{ a == b }}{{ {'k': a} == {'k': b} }}{{ a is eq b }}",
        "{{ a < b }}",
        "{{ [a, b] | sort }}",
        "{{ [a, b] | max }}",
        "{{ a }}",
        "{{ a ~ 'x' }}{{ a | upper }}{{ a | join }}{{ 'x'.join(a) }}",
        "{{ [a] | tojson }}",
        "{{ 1 | tojson(separators=[a, a]) }}",
        "{{ 1 | tojson(indent=a) }}",
        "{{ 'x' | indent(a) }}",
        "{{ [1] | map(attribute=a) | list }}",
        "{{ [1] | map(a) | list }}",
        "{{ [1] | selectattr(a) | list }}",
        "{{ (a * 100000) | tojson }}",
      })
  void endsWithValuesThatHoldManyOrThemselves(String use) {
    for (String values :
        List.of(
            "{% set a = [1] %}{% set b = [1] %}"
                + "{% set a = [a, a] %}{% set b = [b, b] %}".repeat(60),
            "{% set n = namespace(a=1, b=1) %}{% for i in range(3000) %}{% set n.a = [n.a] %}{% set n.b = {'k': n.b} %}{% endfor %}{% set a = n.a %}{% set b = n.b %}",
            "{% set a = namespace() %}{% set a.x = a %}{% set b = namespace() %}{% set b.x = [b, a] %}",
            "{% macro a() %}{{ a() }}{% endmacro %}{% set b = range %}")) {
      inTime(() -> {
        try {
          render(values + use);
        } catch (TemplateException e) {
          assertThat(e.getMessage())
              .doesNotContain(TemplateException.UNFORESEEN, "dev.phial", "java.", "@");
        }
      });
    }
  }

  private static void inTime(Executable rendering) {
    // a second where nothing else runs
    Assertions.assertTimeoutPreemptively(Duration.ofSeconds(60), rendering);
  }

  @Test
  void endsWhatNestsTooDeeply() {
    assertFailsToParse("{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}");
    assertFailsToParse("{% if x %}".repeat(5000));
    assertFailsToParse("{{ " + "not ".repeat(5000) + "x }}");
    assertFailsToParse("{{ " + "-".repeat(5000) + "x }}");
    assertFails("{{ x" + " + x".repeat(5000) + " }}", "it nests deeper than");
    assertFails("{{ messages" + "[0:]".repeat(5000) + " }}", "it nests deeper than");
    assertFails("{{ x" + " | string".repeat(5000) + " }}", "it nests deeper than");
  }

  /** Whatever goes wrong in the interpreter becomes one sentence. */
  @Test
  void saysWhatGoesWrongInOneSentence() {
    assertThat(TemplateException.of(new StackOverflowError()).at(7))
        .hasMessage("line 7: it nests too deeply");
    assertThat(TemplateException.of(new OutOfMemoryError()).at(7))
        .hasMessage("line 7: it takes more memory than there is");
    assertThat(TemplateException.of(new NullPointerException()).at(7))
        .hasMessage("line 7: the interpreter fails; please report it, with the template");
    assertThatThrownBy(() -> render("\n{{ raise('a\\x1b[2J' ~ 'b' * 9999) }}"))
        .isInstanceOf(TemplateException.Raised.class)
        .hasMessageStartingWith("a\\u{1b}[2Jbbb")
        .hasMessageEndingWith("b…");
    assertThatThrownBy(() -> render("{{ raise(messages[0].get) }}")).hasMessage("<a function>");
  }

  private static void assertFailsToParse(String template) {
    assertThatThrownBy(() -> render(template))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("too much within each other");
  }

  private static void assertFails(String template, String message) {
    assertThatThrownBy(() -> render(template))
        .isInstanceOf(TemplateException.class)
        .hasMessageContainingAll("line 1: ", message);
  }

  /** Nothing of Java, or of Python, is there to be found. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ ''.getClass() }}",
        "{{ ''.class.forName('java.lang.Runtime') }}",
        "{{ messages.getClass().getName() }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ range.__globals__['os'] }}",
        "{{ messages.add(1) }}",
        "{{ messages[0].put('a', 1) }}",
        "{{ messages[0].update({'a': 1}) }}",
        "{{ self.x.y }}",
        "{{ namespace(a=1).values().clear() }}",
      })
  void givesNoWayOut(String template) {
    assertFails(template, "is undefined");
  }
}
