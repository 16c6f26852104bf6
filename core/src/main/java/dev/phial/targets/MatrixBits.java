package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.plan.Plan;
import dev.phial.quant.Format;
import dev.phial.tensor.IntegerBlocks;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Bits that single matrices have instead of those that the precision says: {@code --matrix-bits
 * down_proj=8}. The first rule whose text is in the name of a matrix counts.
 */
public record MatrixBits(List<Rule> rules) {
  public static final String NAME = "matrix-bits";

  /** All that some runtime takes. */
  public static final List<Integer> ALL = List.of(2, 3, 4, 5, 6, 8);

  /**
   * Bits of some matrices.
   *
   * @param text that is in their names
   */
  public record Rule(String text, int bits) {}

  /**
   * The option.
   *
   * @param allowed that the runtime takes
   */
  public static TargetOption option(String allowed) {
    return TargetOption.values(
        NAME,
        "NAME=" + allowed,
        "Bits of matrices whose names, as phial plan shows them, contain NAME; again for more. phial tune finds the best.");
  }

  /**
   * What was asked for.
   *
   * @throws PhialException.Usage if it is no bits that are allowed
   */
  public static MatrixBits of(Options options, List<Integer> allowed) {
    List<Rule> rules = new ArrayList<>();
    for (String value : options.all(NAME)) {
      int equals = value.lastIndexOf('=');
      Optional<Integer> bits =
          allowed.stream()
              .filter(count -> value.substring(equals + 1).equals(count.toString()))
              .findFirst();
      if (equals < 1 || bits.isEmpty()) {
        throw new PhialException.Usage(
            "--%s: expected part of the name of a matrix, = and one of %s, found %s"
                .formatted(NAME, allowed, value));
      }
      rules.add(new Rule(value.substring(0, equals), bits.get()));
    }
    return new MatrixBits(rules);
  }

  public boolean isEmpty() {
    return rules.isEmpty();
  }

  /** A word for the name of an output, if there are rules. */
  public Optional<String> label() {
    return isEmpty() ? Optional.empty() : Optional.of("mixed");
  }

  /**
   * Bits that a matrix has instead of the usual.
   *
   * @param name in the output
   */
  public OptionalInt of(String name) {
    return rules.stream().filter(rule -> name.contains(rule.text)).mapToInt(Rule::bits).findFirst();
  }

  /**
   * A slip in a name would change nothing, and nobody would notice.
   *
   * @throws PhialException.Usage if a rule is for no matrix of the plan
   */
  public void check(Plan plan) {
    for (Rule rule : rules) {
      if (plan.tensors().stream()
          .noneMatch(tensor ->
              tensor.name().contains(rule.text)
                  && bits(tensor.format()).equals(String.valueOf(rule.bits)))) {
        throw new PhialException.Usage(
            "--%s: expected part of the name of a matrix that can have %d bits, found %s; phial plan names them"
                .formatted(NAME, rule.bits, rule.text));
      }
    }
  }

  private static String bits(Format format) {
    return format instanceof IntegerBlocks integers ? String.valueOf(integers.coding().bits()) : "";
  }

  /**
   * Outputs whose matrices have the bits of several precisions.
   *
   * @param precisions of integers, the fewest bits first
   */
  public record Mixed(List<String> precisions) implements Mixing {
    @Override
    public List<Request> pure(Request request) {
      return precisions.stream().map(request::with).toList();
    }

    @Override
    public String type(Format format) {
      return bits(format);
    }

    @Override
    public String option(String tensor, String type) {
      return "%s=%s=%s".formatted(NAME, tensor, type);
    }
  }
}
