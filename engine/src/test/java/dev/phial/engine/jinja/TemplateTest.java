package dev.phial.engine.jinja;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What no template may do; {@code ChatTemplateGoldenTest} tells what they do. */
final class TemplateTest {
  private static String render(String template) {
    return Template.parse(template)
        .render(
            Map.of("x", 3L, "messages", List.of(Map.of("role", "user", "content", "Hi"))),
            Map.of());
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
        "{{ ('\\n' * 9000000) | indent(1000) }}",
        "{{ range(99999) | sort | sort | map('string') | join(',' * 9999) }}",
        "{% for i in range(99999) %}{{ ('a' * 999) in ('a' * 999999) }}{% endfor %}",
      })
  void endsHostileTemplates(String template) {
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(60), // some take a second where nothing else runs
        () ->
            assertThatThrownBy(() -> render(template))
                .isInstanceOf(TemplateException.class)
                .hasMessageStartingWith("line 1: "));
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
