package dev.phial.engine.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Renders the statements of a template. */
final class Interpreter {
  private static final int SCOPES_OF_STEP = 16; // that are looked through as fast
  private static final int STEPS_OF_FUNCTION = 1000; // that is handed in
  private static final int MOST_IN_RANGE = 100_000; // as Jinja2's sandbox

  private final Budget budget = new Budget();
  private TextBuilder output = new TextBuilder(budget);
  private Scope scope;
  private int line;

  private Interpreter(
      Map<String, @Nullable Object> variables, Map<String, UnaryOperator<String>> functions) {
    functions.forEach((name, function) -> variables.put(name, ofText(function)));
    this.scope = new Scope(variables, null);
    variables.putIfAbsent("range", (Function) this::range);
    variables.putIfAbsent("dict", (Function) arguments -> new LinkedHashMap<>(arguments.named()));
    variables.putIfAbsent(
        "namespace", (Function) arguments -> new Namespace(new HashMap<>(arguments.named())));
  }

  /** Names and what they stand for; those of the scopes around it are seen too. */
  private record Scope(Map<String, @Nullable Object> values, @Nullable Scope around) {
    @Nullable Object get(String name, Budget budget) {
      int looked = 0;
      for (Scope s = this; s != null; s = s.around) {
        if (s.values.containsKey(name)) {
          return s.values.get(name);
        }
        budget.steps(++looked % SCOPES_OF_STEP == 0 ? 1 : 0);
      }
      return new Undefined(name);
    }
  }

  /** How a list of statements ended. */
  private enum End {
    REACHED,
    BREAK,
    CONTINUE
  }

  /**
   * @param variables names to values; changed
   * @throws TemplateException if the template asks for what there is not, or for too much
   */
  static String render(
      List<Statement> body,
      Map<String, @Nullable Object> variables,
      Map<String, UnaryOperator<String>> functions) {
    Interpreter interpreter = new Interpreter(variables, functions);
    try {
      interpreter.run(body);
      return interpreter.output.toString();
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      throw TemplateException.of(e).at(interpreter.line);
    }
  }

  private End run(List<Statement> body) {
    for (Statement statement : body) {
      budget.enter();
      line = statement.line();
      End end = run(statement);
      budget.leave();
      if (end != End.REACHED) {
        return end;
      }
    }
    return End.REACHED;
  }

  private End run(Statement statement) {
    switch (statement) {
      case Statement.Text text -> print(text.text());
      case Statement.Output out -> print(Values.text(value(out.value()), budget));
      case Statement.If choice -> {
        for (int i = 0; i < choice.conditions().size(); i++) {
          if (Values.isTrue(value(choice.conditions().get(i)))) {
            return run(choice.bodies().get(i));
          }
        }
      }
      case Statement.For loop -> loop(loop, value(loop.items()), 0);
      case Statement.Set set -> set(set);
      case Statement.Capture capture -> {
        String text = captured(capture.body());
        scope.values.put(capture.target(), filtered(text, capture.filters()));
      }
      case Statement.FilterBlock block ->
          print(Values.text(filtered(captured(block.body()), block.filters()), budget));
      case Statement.Macro macro -> {
        Scope closure = scope;
        scope.values.put(macro.name(), (Function) arguments -> call(macro, arguments, closure));
      }
      case Statement.With with -> {
        return with(with);
      }
      case Statement.Break b -> {
        return End.BREAK;
      }
      case Statement.Continue c -> {
        return End.CONTINUE;
      }
    }
    return End.REACHED;
  }

  private void print(String text) {
    output.append(text);
  }

  private String captured(List<Statement> body) {
    TextBuilder outer = output;
    Scope around = scope;
    output = new TextBuilder(budget);
    scope = new Scope(new HashMap<>(), around);
    run(body);
    scope = around;
    String text = output.toString();
    output = outer;
    return text;
  }

  private @Nullable Object filtered(String text, List<Statement.Filtering> filters) {
    Object value = text;
    for (Statement.Filtering filter : filters) {
      value = Filters.apply(filter.name(), value, arguments(filter.arguments()), budget);
    }
    return value;
  }

  private End with(Statement.With with) {
    Scope around = scope;
    Map<String, @Nullable Object> values = new HashMap<>();
    for (int i = 0; i < with.names().size(); i++) {
      values.put(with.names().get(i), value(with.values().get(i)));
    }
    scope = new Scope(values, around);
    End end = run(with.body());
    scope = around;
    return end;
  }

  private void set(Statement.Set set) {
    Object value = value(set.value());
    if (set.attribute().isPresent()) {
      String name = set.targets().getFirst();
      if (!(scope.get(name, budget) instanceof Namespace namespace)) {
        throw new TemplateException("'%s' is no namespace".formatted(name));
      }
      namespace.values().put(set.attribute().get(), value);
      return;
    }
    assign(set.targets(), value, scope.values);
  }

  private void assign(
      List<String> targets, @Nullable Object value, Map<String, @Nullable Object> to) {
    if (targets.size() == 1) {
      to.put(targets.getFirst(), value);
      return;
    }
    List<@Nullable Object> items = Values.items(value, budget);
    if (items.size() != targets.size()) {
      throw new TemplateException(
          "expected %d values for %s, found %d".formatted(targets.size(), targets, items.size()));
    }
    for (int i = 0; i < targets.size(); i++) {
      to.put(targets.get(i), items.get(i));
    }
  }

  private void loop(Statement.For loop, @Nullable Object over, int depth) {
    Scope around = scope;
    List<@Nullable Object> items = Values.items(over, budget);
    if (loop.filter().isPresent()) {
      Expression filter = loop.filter().get();
      items.removeIf(item -> {
        Map<String, @Nullable Object> values = new HashMap<>();
        assign(loop.targets(), item, values);
        scope = new Scope(values, around);
        return !Values.isTrue(value(filter));
      });
      scope = around;
    }
    Function again =
        arguments -> {
          if (!loop.recursive()) {
            throw new TemplateException("the loop is not recursive");
          }
          TextBuilder outer = output;
          output = new TextBuilder(budget);
          Scope inner = scope;
          scope = around;
          loop(loop, arguments.require(0, "items"), depth + 1);
          scope = inner;
          String text = output.toString();
          output = outer;
          return text;
        };
    for (int place = 0; place < items.size(); place++) {
      budget.step();
      Map<String, @Nullable Object> values = new HashMap<>();
      assign(loop.targets(), items.get(place), values);
      values.put("loop", new Loop(items, place, depth, again));
      scope = new Scope(values, around);
      if (run(loop.body()) == End.BREAK) {
        break;
      }
    }
    scope = around;
    if (items.isEmpty()) {
      run(loop.otherwise());
    }
  }

  private Object call(Statement.Macro macro, Arguments arguments, Scope closure) {
    Scope caller = scope;
    Map<String, @Nullable Object> values = new HashMap<>();
    scope = new Scope(values, closure);
    if (arguments.values().size() > macro.parameters().size()) {
      throw new TemplateException(
          "macro '%s' takes at most %d arguments"
              .formatted(macro.name(), macro.parameters().size()));
    }
    for (int i = 0; i < macro.parameters().size(); i++) {
      String name = macro.parameters().get(i);
      Optional<Expression> otherwise = macro.defaults().get(i);
      values.put(
          name,
          arguments.has(i, name)
              ? arguments.get(i, name, null)
              : otherwise.isPresent() ? value(otherwise.get()) : new Undefined(name));
    }
    String text = captured(macro.body());
    scope = caller;
    return text;
  }

  /** A function of the first argument, whatever its name. */
  private Function ofText(UnaryOperator<String> function) {
    return arguments -> {
      List<@Nullable Object> given = new ArrayList<>(arguments.values());
      given.addAll(arguments.named().values());
      budget.steps(STEPS_OF_FUNCTION);
      String text = function.apply(given.isEmpty() ? "" : Values.text(given.getFirst(), budget));
      budget.characters(text.length());
      return text;
    };
  }

  private Object range(Arguments arguments) {
    long first = arguments.whole(0, "start", 0);
    boolean one = arguments.values().size() < 2;
    long start = one ? 0 : first;
    long end = one ? first : arguments.whole(1, "stop", 0);
    long step = arguments.whole(2, "step", 1);
    if (step == 0) {
      throw new TemplateException("a range with step 0");
    }
    List<@Nullable Object> numbers = new ArrayList<>();
    for (long i = start; step > 0 ? i < end : i > end; i = Math.addExact(i, step)) {
      if (numbers.size() == MOST_IN_RANGE) {
        throw new TemplateException("a range of more than " + MOST_IN_RANGE);
      }
      budget.step();
      numbers.add(i);
    }
    return numbers;
  }

  private @Nullable Object value(Expression expression) {
    budget.enter();
    Object value =
        switch (expression) {
          case Expression.Literal literal -> literal.value();
          case Expression.Name name -> scope.get(name.name(), budget);
          case Expression.ListOf list -> values(list.items());
          case Expression.DictOf dict -> dict(dict);
          case Expression.Unary unary -> unary(unary);
          case Expression.Binary binary -> binary(binary);
          case Expression.Compare compare -> compare(compare);
          case Expression.Conditional choice ->
              Values.isTrue(value(choice.condition()))
                  ? value(choice.then())
                  : choice.otherwise().isPresent()
                      ? value(choice.otherwise().get())
                      : new Undefined("the value without else");
          case Expression.Attribute attribute ->
              Access.attribute(value(attribute.of()), attribute.name(), budget);
          case Expression.Index index ->
              Access.item(value(index.of()), value(index.index()), budget);
          case Expression.Slice slice ->
              Access.slice(
                  value(slice.of()),
                  optional(slice.from()),
                  optional(slice.to()),
                  optional(slice.step()),
                  budget);
          case Expression.Call call -> call(call);
          case Expression.Filter filter ->
              Filters.apply(
                  filter.name(), value(filter.of()), arguments(filter.arguments()), budget);
          case Expression.Test test ->
              Tests.passes(test.name(), value(test.of()), arguments(test.arguments()), budget);
        };
    budget.leave();
    return value;
  }

  private @Nullable Object optional(Optional<Expression> expression) {
    return expression.isPresent() ? value(expression.get()) : null;
  }

  private List<@Nullable Object> values(List<Expression> expressions) {
    List<@Nullable Object> values = new ArrayList<>();
    for (Expression expression : expressions) {
      values.add(value(expression));
    }
    return values;
  }

  private Map<@Nullable Object, @Nullable Object> dict(Expression.DictOf dict) {
    Map<@Nullable Object, @Nullable Object> map = new LinkedHashMap<>();
    for (int i = 0; i < dict.keys().size(); i++) {
      map.put(Values.key(value(dict.keys().get(i)), budget), value(dict.values().get(i)));
    }
    return map;
  }

  private @Nullable Object unary(Expression.Unary unary) {
    Object operand = value(unary.operand());
    return switch (unary.operator()) {
      case "not" -> !Values.isTrue(operand);
      case "-" -> Values.negate(operand);
      default -> Values.negate(Values.negate(operand));
    };
  }

  private @Nullable Object binary(Expression.Binary binary) {
    Object left = value(binary.left());
    return switch (binary.operator()) {
      case "and" -> Values.isTrue(left) ? value(binary.right()) : left;
      case "or" -> Values.isTrue(left) ? left : value(binary.right());
      case "~" -> concatenate(Values.text(left, budget), value(binary.right()));
      default -> Values.calculate(binary.operator(), left, value(binary.right()), budget);
    };
  }

  private String concatenate(String left, @Nullable Object value) {
    return new TextBuilder(budget).append(left).append(Values.text(value, budget)).toString();
  }

  private boolean compare(Expression.Compare compare) {
    Object left = value(compare.operands().getFirst());
    for (int i = 0; i < compare.operators().size(); i++) {
      Object right = value(compare.operands().get(i + 1));
      boolean holds =
          switch (compare.operators().get(i)) {
            case "==" -> Values.areEqual(left, right, budget);
            case "!=" -> !Values.areEqual(left, right, budget);
            case "<" -> Values.compare(left, right, budget) < 0;
            case "<=" -> Values.compare(left, right, budget) <= 0;
            case ">" -> Values.compare(left, right, budget) > 0;
            case ">=" -> Values.compare(left, right, budget) >= 0;
            case "in" -> Values.contains(right, left, budget);
            default -> !Values.contains(right, left, budget);
          };
      if (!holds) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private @Nullable Object call(Expression.Call call) {
    Object function = value(call.function());
    if (function instanceof Undefined u) {
      throw u.used();
    }
    if (!(function instanceof Function callable)) {
      throw new TemplateException(Values.type(function) + " cannot be called");
    }
    return callable.call(arguments(call.arguments()));
  }

  private Arguments arguments(Expression.Arguments given) {
    Map<String, @Nullable Object> named = new LinkedHashMap<>();
    for (int i = 0; i < given.names().size(); i++) {
      named.put(given.names().get(i), value(given.named().get(i)));
    }
    return new Arguments(values(given.values()), named);
  }
}
