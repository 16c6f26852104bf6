package dev.phial.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.source.SplitRules;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SplitExpressionTest {
  /** Those of Phi models and of others like them. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        SplitRules.CL100K,
        SplitRules.O200K,
        // GPT-2
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        // cl100k_base with possessive quantifiers
        "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
        // Qwen, StarCoder, DeepSeek
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "\\p{Nd}{1,3}|\\p{P}{2}",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        // llama.cpp's default
        "[\\p{P}\\$\\+<=>\\^~\\|]+",
        "[0-9][0-9][0-9]",
        " ?[^(\\s|.,!?…。，、।۔،)]+",
        "[a-c]*[c-d]+|[a-c]+",
        "[a-z-]+|[^-]|.",
      })
  void takesWhatSplitsAnyTextInLittleTime(String expression) {
    assertThatCode(() -> SplitExpression.check(expression)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        // repeated groups, in whatever disguise
        "(?:a+|a|\\\\)+[cd]         => more than a short word in a group",
        "(?:a|b)+                   => a quantifier after a group",
        "(?:a*)?                    => more than a short word in a group",
        "(a)+                       => '('",
        "a++b                       => more than a class of characters must follow",
        "a{1,3}+                    => a count",
        "a{1,3}{1,3}                => a count",
        "a+*                        => a quantifier",
        // many repetitions in a row
        "a*a*a*a*a*[cd]             => more than a class of characters must follow",
        "a+b+c                      => more than a class of characters must follow",
        "[ab]{1,1000}?              => a quantifier",
        "[ab]{1,17}                 => a count",
        "[ab]{1,16}[ab]{1,16}c      => too many ways",
        "a+?b                       => a quantifier",
        "a??b                       => a quantifier",
        // what looks around, calls itself or refers back
        "(?=(a+))(?=(a+))a*         => '('",
        "(?<x>a\\g<x>?b|a\\g<x>?c|) => '('",
        "(?<=a)b                    => '('",
        "(a)\\1                     => '('",
        "a+(?!a)                    => looked for too often",
        "(?!a+)b                    => something else than ')'",
        "(?!a)b*                    => may match nothing",
        "a+$                        => '$'",
        "^a                         => '^'",
        // what reads much and matches little
        "a+b|a                      => alternative 1 may read much in vain",
        "a+b                        => alternative 1 may read much in vain",
        "a+b|a|a+                   => alternative 1 may read much in vain",
        "a+b|xa+                    => alternative 1 may read much in vain",
        "[ab]+c|a+                  => alternative 1 may read much in vain",
        "\\s*[\\r\\n]+|\\s|\\s+     => alternative 1 may read much in vain",
        "[^x]*x|[^x]+               => looked for too often",
        "[ab]{0,3}c*d|c+            => looked for too often",
        "a+b|a+|c+d|c+|e+f|e+|g+h|g+ => alternative 7 may read much in vain",
        // what is not understood
        "a*                         => may match nothing",
        "a|                         => may match nothing",
        "[a[b]]                     => a class within a class",
        "[[:alpha:]]                => a class within a class",
        "[a-c&&b]                   => a class within a class",
        "[a-\\x{10ffff}]            => a range",
        "[\\s-z]                    => a range",
        "[b-a]                      => a range",
        "\\p{Han}                   => the property Han",
        "\\p{^L}                    => \\p without a name",
        "\\b                        => the escape \\b",
        "\\xff                      => the escape \\x",
        "[a                         => the end",
        "a\\                        => the end",
        "(?:a                       => the end",
      })
  void refusesTheRest(String expression, String reason) {
    assertThatThrownBy(() -> SplitExpression.check(expression))
        .isInstanceOf(SplitExpression.Refused.class)
        .hasMessageContaining(reason);
  }

  @Test
  void refusesWithoutOverflow() {
    assertThatThrownBy(() -> SplitExpression.check("[ab]{0,16}".repeat(100) + "c"))
        .hasMessageContaining("too many ways");
  }
}
