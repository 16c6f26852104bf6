package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.engine.convert.Order;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import dev.phial.targets.CalibrationText;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.Targets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParseResult;

/**
 * {@code --to TARGET:PRECISION[,option=value…]} and the options of the targets. An option after the
 * precision belongs to that target; a bare one goes to the only target that knows it.
 */
final class TargetArguments {
  private static final String TO = "--to";
  private static final int FIRST = -2; // picocli gives -1 to options without an order

  private final List<String> to;
  private final Map<String, List<String>> bare;

  /**
   * @param to targets with their precisions
   * @param bare options that follow none of them
   */
  TargetArguments(List<String> to, Map<String, List<String>> bare) {
    this.to = to;
    this.bare = bare;
  }

  /** A target as it was asked for. */
  private record Choice(
      Target target, Optional<String> precision, Map<String, List<String>> options) {}

  /** Adds {@code --to} and every option that some target knows. */
  static void addTo(CommandSpec spec) {
    spec.addOption(
        list(TO)
            .paramLabel("TARGET[:PRECISION]")
            .order(FIRST)
            .description(
                Stream.concat(
                        Stream.of(
                            "What to write; once more for each further output of the same read:"),
                        Targets.ALL.stream().map(TargetArguments::help))
                    .toArray(String[]::new))
            .build());
    for (Target target : Targets.ALL) {
      ArgGroupSpec.Builder group = ArgGroupSpec.builder().validate(false); // help tells them apart
      for (TargetOption option : target.options()) {
        if (spec.findOption("--" + option.name()) == null) {
          group.addArg(spec(option));
        }
      }
      if (!group.args().isEmpty()) { // another target may have them all
        spec.addArgGroup(group.build());
      }
    }
    spec.usageMessage()
        .sectionMap()
        .put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, TargetArguments::optionsOfHelp);
  }

  /** Those of targets only where these are asked for: they are many, and few matter at a time. */
  private static String optionsOfHelp(Help help) {
    CommandSpec spec = help.commandSpec();
    List<Target> asked =
        askedIn(spec.commandLine().getParseResult()).stream()
            .map(to -> to.split(":", 2)[0])
            .flatMap(name -> Targets.named(name).stream())
            .distinct()
            .toList();
    List<OptionSpec> own =
        spec.options().stream().filter(option -> option.group() == null).toList();
    StringBuilder text = new StringBuilder(help.optionListExcludingGroups(own));
    for (Target target : asked) {
      Help.Layout layout = help.createDefaultLayout();
      for (TargetOption option : target.options()) { // as it is for this one
        layout.addOption(spec(option), help.parameterLabelRenderer());
      }
      text.append("%nOptions of --to %s%n".formatted(target.name())).append(layout);
    }
    if (asked.isEmpty()) {
      text.append(
          "%nTargets have options of their own: phial %s --to %s --help lists those of one.%n"
              .formatted(spec.name(), Targets.ALL.getFirst().name()));
    }
    return text.toString();
  }

  private static List<String> askedIn(@Nullable ParseResult parsed) {
    return parsed == null ? List.of() : parsed.matchedOptionValue(TO, List.of());
  }

  private static OptionSpec spec(TargetOption option) {
    OptionSpec.Builder builder =
        option.isFlag()
            ? OptionSpec.builder("--" + option.name()).type(boolean.class)
            : list("--" + option.name()).paramLabel(option.parameter());
    return builder.description(option.description()).build();
  }

  private static OptionSpec.Builder list(String name) {
    return OptionSpec.builder(name).type(List.class).auxiliaryTypes(String.class).arity("1");
  }

  private static String help(Target target) {
    return target.name() + " as " + String.join(" ", target.precisions());
  }

  /** What the command line said. */
  static TargetArguments of(ParseResult parsed) {
    Map<String, List<String>> bare = new LinkedHashMap<>();
    for (Target target : Targets.ALL) {
      for (TargetOption option : target.options()) {
        String name = "--" + option.name();
        if (parsed.hasMatchedOption(name)) {
          bare.put(
              option.name(),
              option.isFlag() ? List.of() : parsed.matchedOption(name).originalStringValues());
        }
      }
    }
    return new TargetArguments(parsed.matchedOptionValue(TO, List.<String>of()), bare);
  }

  /** These and one more {@code --to}. */
  TargetArguments plus(String text) {
    List<String> all = new ArrayList<>(to);
    all.add(text);
    return new TargetArguments(all, bare);
  }

  boolean isEmpty() {
    return to.isEmpty();
  }

  /** The bare options, for a target that is not named. */
  Options bareOptions() {
    return new Options(bare);
  }

  /** One for each {@code --to}, in their order. */
  List<Order> orders(
      Checkpoint checkpoint, ModelDescription model, Method method, CalibrationText text) {
    List<Choice> choices = to.stream().map(TargetArguments::parse).toList();
    distribute(choices, method);
    choices.forEach(TargetArguments::check);
    return choices.stream()
        .map(choice ->
            Order.of(
                choice.target,
                new Request(
                    checkpoint,
                    model,
                    choice.precision,
                    new Options(choice.options),
                    method,
                    text,
                    Optional.empty())))
        .toList();
  }

  private static Choice parse(String text) {
    List<String> words = new ArrayList<>(Arrays.asList(text.split(",")));
    String[] head = words.removeFirst().split(":", 2);
    Target target = Targets.named(head[0]).orElseThrow(() -> unknown(head[0]));
    if (head.length > 1) {
      checkPrecision(target, head[1]);
    }
    Map<String, List<String>> options = new LinkedHashMap<>();
    String last = "";
    for (String word : words) {
      int equals = word.indexOf('=');
      String name = equals < 0 ? word : word.substring(0, equals);
      if (find(target, name).isPresent()) {
        options
            .computeIfAbsent(name, n -> new ArrayList<>())
            .addAll(equals < 0 ? List.of() : List.of(word.substring(equals + 1)));
        last = name;
      } else if (options.containsKey(last) && !options.get(last).isEmpty()) {
        List<String> values = options.get(last); // a comma within a value
        values.set(values.size() - 1, values.getLast() + "," + word);
      } else {
        throw new PhialException.Usage(
            "--to %s: %s is no option of %s".formatted(text, name, target.name()));
      }
    }
    return new Choice(target, head.length > 1 ? Optional.of(head[1]) : Optional.empty(), options);
  }

  private static PhialException unknown(String target) {
    List<String> names = Targets.ALL.stream().map(Target::name).toList();
    List<String> meant =
        Targets.ALL.stream()
            .flatMap(known ->
                known.precisions().stream()
                    .filter(target::equalsIgnoreCase)
                    .map(precision -> known.name() + ":" + precision))
            .toList();
    String advice =
        !meant.isEmpty()
            ? "; did you mean %s?".formatted(String.join(" or ", meant))
            : Nearest.to(target, names).map("; did you mean %s?"::formatted).orElse("");
    return new PhialException.Usage(
        "expected a target, one of %s, found %s%s"
            .formatted(String.join(", ", names), target, advice));
  }

  /** A slip is told before the target lists all that it knows. */
  private static void checkPrecision(Target target, String precision) {
    if (target.precisions().stream().noneMatch(precision::equalsIgnoreCase)) {
      Nearest.to(precision, target.precisions())
          .filter(near -> Nearest.isSlip(precision, near))
          .ifPresent(near -> {
            throw new PhialException.Usage(
                "--to %s:%s: there is no such precision; did you mean %s:%s?"
                    .formatted(target.name(), precision, target.name(), near));
          });
    }
  }

  /** Gives every bare option to the targets that know it: all of one kind, but not of several. */
  private void distribute(List<Choice> choices, Method method) {
    bare.forEach((name, values) -> {
      if (method.readsText() && MethodOptions.SHARED.contains(name)) {
        return; // the method's
      }
      List<Target> knowing =
          choices.stream()
              .map(Choice::target)
              .distinct()
              .filter(target -> find(target, name).isPresent())
              .toList();
      if (knowing.size() != 1) {
        throw new PhialException.Usage(
            knowing.isEmpty()
                ? "--%s: no target that was asked for knows this option".formatted(name)
                : "--%s: several targets know this option; write --to %s:…,%s=…"
                    .formatted(name, knowing.getFirst().name(), name));
      }
      choices.stream()
          .filter(choice -> choice.target == knowing.getFirst())
          .forEach(choice ->
              choice.options.computeIfAbsent(name, n -> new ArrayList<>()).addAll(values));
    });
  }

  private static void check(Choice choice) {
    choice.options.forEach((name, values) -> {
      TargetOption option = find(choice.target, name).orElseThrow();
      if (option.isFlag() != values.isEmpty() || values.size() > 1 && !option.repeatable()) {
        throw new PhialException.Usage(
            "--%s: expected %s, found %d values"
                .formatted(
                    name,
                    option.isFlag() ? "no value" : option.repeatable() ? "values" : "one value",
                    values.size()));
      }
    });
  }

  private static Optional<TargetOption> find(Target target, String name) {
    return target.options().stream().filter(option -> option.name().equals(name)).findFirst();
  }
}
