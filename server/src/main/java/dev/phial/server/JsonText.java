package dev.phial.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How far a text has come that is to be JSON of a schema, and what may follow. Where a schema
 * leaves a choice, all that is still possible is followed. It does not change: what follows is
 * another.
 */
final class JsonText {
  /** Blanks of a line's indentation. */
  private static final int MOST_INDENTED = 40;

  /** Counted for a new line, beside the blanks in it. */
  private static final int LINE = 1000;

  private static final int MOST_DIGITS = 40;
  private static final int DEEPEST = 200;

  /** Places below which another object or list may begin, so that it can be ended. */
  private static final int OPEN = DEEPEST - 16;

  /** Ways that are followed at once, those aside that only differ in a known text. */
  private static final int MOST_WAYS = 64;

  private final List<Place> ways; // without any it is none any more

  private JsonText(List<Place> ways) {
    this.ways = ways;
  }

  /** The beginning of a text. */
  static JsonText of(Schema schema) {
    return new JsonText(List.of(new Place(new Value(schema, 0), null, 1)));
  }

  /** What is expected, and then what, up to the end. */
  private record Place(Expected what, @Nullable Place then, int depth) {}

  /** A part of JSON that is being written. */
  private sealed interface Expected {}

  /** A value; so many blanks are before it. */
  private record Value(Schema schema, int blanks) implements Expected {}

  /** The rest of a text that is known. */
  private record Literal(String text, int at) implements Expected {}

  /** The rest of a string, after so many characters; in an escape, what of it is there. */
  private record Rest(Schema.Text limits, int count, String escape) implements Expected {}

  /** The rest of a number, by what is there. */
  private record Digits(boolean isWhole, String text) implements Expected {}

  /** A colon. */
  private record Colon() implements Expected {}

  /** A property from some on; the first after the brace, or one after a comma. */
  private record Key(Schema.Properties object, int from, boolean isFirst, int blanks)
      implements Expected {}

  /** A comma or a brace. */
  private record AfterProperty(Schema.Properties object, int from, int blanks)
      implements Expected {}

  /** Any name; the first after the brace, or one after a comma. */
  private record Name(Schema.Dictionary object, boolean isFirst, int blanks) implements Expected {}

  /** A comma or a brace. */
  private record AfterName(Schema.Dictionary object, int blanks) implements Expected {}

  /** The first item of a list, or its end. */
  private record First(Schema.Items list, int blanks) implements Expected {}

  /** An item after a comma. */
  private record Item(Schema.Items list, int count, int blanks) implements Expected {}

  /** A comma, or the end of a list. */
  private record AfterItem(Schema.Items list, int count, int blanks) implements Expected {}

  private static final Schema.Text ANY_TEXT = new Schema.Text(0, Integer.MAX_VALUE);
  private static final Schema.Dictionary ANY_OBJECT = new Schema.Dictionary(new Schema.Any());
  private static final Schema.Items ANY_LIST =
      new Schema.Items(new Schema.Any(), 0, Integer.MAX_VALUE);

  /** Whether the text is whole: nothing more may follow. */
  boolean isWhole() {
    return ways.size() == 1 && ways.getFirst() == END;
  }

  private static final Place END = new Place(new Literal("", 0), null, 0);

  /** Whether half a character may follow: anything may be written here. */
  boolean takesParts() {
    return ways.stream()
        .anyMatch(place ->
            place.what instanceof Rest rest
                && rest.escape.isEmpty()
                && rest.count < rest.limits.most());
  }

  /** What must follow, whatever is chosen; nothing if there is a choice. */
  String forced() {
    return ways.size() == 1 && ways.getFirst().what instanceof Literal literal
        ? literal.text.substring(Math.min(literal.at, literal.text.length()))
        : "";
  }

  /** The text with more, if that may follow. */
  Optional<JsonText> with(String more) {
    List<Place> now = ways;
    for (int i = 0; i < more.length(); i++) {
      List<Place> next = new ArrayList<>();
      for (Place place : now) {
        step(place, more.charAt(i), next);
      }
      if (next.isEmpty()
          || next.stream().filter(place -> !(place.what instanceof Literal)).count() > MOST_WAYS) {
        return Optional.empty();
      }
      now = next;
    }
    return Optional.of(new JsonText(now));
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
  }

  /**
   * Whether another blank may follow: a space, or a new line with its indentation. A model that
   * does not know how to go on would write blanks for ever.
   */
  private static boolean mayFollow(int blanks, char c) {
    return c == '\n'
        ? blanks == 0
        : c == ' ' && (blanks == 0 || blanks >= LINE && blanks < LINE + MOST_INDENTED);
  }

  private static int after(int blanks, char c) {
    return c == '\n' ? LINE : blanks + 1;
  }

  private static void add(List<Place> to, @Nullable Place place) {
    Place found = place == null ? END : place;
    if (found.depth > DEEPEST) {
      return;
    }
    // two ways may have met; of known texts there may be many, and they end soon
    boolean isKnownText = found != END && found.what instanceof Literal;
    if (isKnownText || !to.contains(found)) {
      to.add(found);
    }
  }

  private static Place push(Expected what, @Nullable Place then) {
    return new Place(what, then, then == null ? 1 : then.depth + 1);
  }

  private static void step(Place place, char c, List<Place> to) {
    if (place == END) {
      return;
    }
    Place then = place.then;
    switch (place.what) {
      case Value value -> {
        if (!isBlank(c)) {
          begin(value.schema, c, then, to);
        } else if (c == ' ' && value.blanks == 0) {
          add(to, push(new Value(value.schema, 1), then));
        }
      }
      case Literal literal -> {
        if (literal.text.charAt(literal.at) == c) {
          add(
              to,
              literal.at + 1 == literal.text.length()
                  ? then
                  : push(new Literal(literal.text, literal.at + 1), then));
        }
      }
      case Rest rest -> inString(rest, c, then, to);
      case Digits digits -> {
        if (mayFollow(digits, c)) {
          add(to, push(new Digits(digits.isWhole, digits.text + c), then));
        } else if (Character.isDigit(digits.text.charAt(digits.text.length() - 1))
            && then != null) {
          step(then, c, to);
        }
      }
      case Colon _ -> {
        if (c == ':') {
          add(to, then);
        }
      }
      case Key key -> {
        if (isBlank(c)) {
          if (mayFollow(key.blanks, c)) {
            add(to, push(new Key(key.object, key.from, key.isFirst, after(key.blanks, c)), then));
          }
        } else if (c == '"') {
          keys(key, then, to);
        } else if (c == '}' && key.isFirst && mayEnd(key.object, key.from)) {
          add(to, then);
        }
      }
      case AfterProperty after -> {
        if (isBlank(c)) {
          // only before the end, so there must be one
          if (mayFollow(after.blanks, c) && mayEnd(after.object, after.from)) {
            add(
                to,
                push(new AfterProperty(after.object, after.from, after(after.blanks, c)), then));
          }
        } else if (c == ',' && after.blanks == 0 && after.from < after.object.properties().size()) {
          add(to, push(new Key(after.object, after.from, false, 0), then));
        } else if (c == '}' && mayEnd(after.object, after.from)) {
          add(to, then);
        }
      }
      case Name name -> {
        if (isBlank(c)) {
          if (mayFollow(name.blanks, c)) {
            add(to, push(new Name(name.object, name.isFirst, after(name.blanks, c)), then));
          }
        } else if (c == '"') {
          Place value =
              push(new Value(name.object.values(), 0), push(new AfterName(name.object, 0), then));
          add(to, push(new Rest(ANY_TEXT, 0, ""), push(new Colon(), value)));
        } else if (c == '}' && name.isFirst) {
          add(to, then);
        }
      }
      case AfterName after -> {
        if (isBlank(c)) {
          if (mayFollow(after.blanks, c)) {
            add(to, push(new AfterName(after.object, after(after.blanks, c)), then));
          }
        } else if (c == ',' && after.blanks == 0) {
          add(to, push(new Name(after.object, false, 0), then));
        } else if (c == '}') {
          add(to, then);
        }
      }
      case First first -> {
        if (isBlank(c)) {
          if (mayFollow(first.blanks, c)) {
            add(to, push(new First(first.list, after(first.blanks, c)), then));
          }
        } else if (c == ']' && first.list.least() == 0) {
          add(to, then);
        } else if (first.list.most() > 0) {
          begin(first.list.each(), c, push(new AfterItem(first.list, 1, 0), then), to);
        }
      }
      case Item item -> {
        if (!isBlank(c)) {
          begin(item.list.each(), c, push(new AfterItem(item.list, item.count, 0), then), to);
        } else if (mayFollow(item.blanks, c)) {
          add(to, push(new Item(item.list, item.count, after(item.blanks, c)), then));
        }
      }
      case AfterItem after -> {
        if (isBlank(c)) {
          if (mayFollow(after.blanks, c) && after.count >= after.list.least()) {
            add(to, push(new AfterItem(after.list, after.count, after(after.blanks, c)), then));
          }
        } else if (c == ',' && after.blanks == 0 && after.count < after.list.most()) {
          add(to, push(new Item(after.list, after.count + 1, 0), then));
        } else if (c == ']' && after.count >= after.list.least()) {
          add(to, then);
        }
      }
    }
  }

  /** The first character of a value. */
  private static void begin(Schema schema, char c, @Nullable Place then, List<Place> to) {
    if ((c == '{' || c == '[') && then != null && then.depth > OPEN) {
      return;
    }
    switch (schema) {
      case Schema.Any _ -> {
        switch (c) {
          case '{' -> add(to, push(new Name(ANY_OBJECT, true, 0), then));
          case '[' -> add(to, push(new First(ANY_LIST, 0), then));
          case '"' -> add(to, push(new Rest(ANY_TEXT, 0, ""), then));
          case 't' -> add(to, push(new Literal("true", 1), then));
          case 'f' -> add(to, push(new Literal("false", 1), then));
          case 'n' -> add(to, push(new Literal("null", 1), then));
          default -> begin(new Schema.Numeral(false), c, then, to);
        }
      }
      case Schema.Properties object -> {
        if (c == '{') {
          add(to, push(new Key(object, 0, true, 0), then));
        }
      }
      case Schema.Dictionary object -> {
        if (c == '{') {
          add(to, push(new Name(object, true, 0), then));
        }
      }
      case Schema.Items list -> {
        if (c == '[') {
          add(to, push(new First(list, 0), then));
        }
      }
      case Schema.Text text -> {
        if (c == '"') {
          add(to, push(new Rest(text, 0, ""), then));
        }
      }
      case Schema.Numeral number -> {
        if (c == '-' || isDigit(c)) {
          add(to, push(new Digits(number.isWhole(), String.valueOf(c)), then));
        }
      }
      case Schema.Literals literals -> {
        for (String text : literals.texts()) {
          if (text.charAt(0) == c) {
            add(to, text.length() == 1 ? then : push(new Literal(text, 1), then));
          }
        }
      }
      case Schema.Choice choice -> choice.schemas().forEach(each -> begin(each, c, then, to));
      case Schema.Reference reference -> begin(reference.resolved(), c, then, to);
    }
  }

  /** The properties that may come next: those that come before it may be left out. */
  private static void keys(Key key, @Nullable Place then, List<Place> to) {
    List<Schema.Property> properties = key.object.properties();
    for (int i = key.from; i < properties.size(); i++) {
      Schema.Property property = properties.get(i);
      Place value =
          push(new Value(property.value(), 0), push(new AfterProperty(key.object, i + 1, 0), then));
      add(to, push(new Literal(property.name(), 1), push(new Colon(), value)));
      if (property.required()) {
        return;
      }
    }
  }

  private static boolean mayEnd(Schema.Properties object, int from) {
    return object.properties().stream().skip(from).noneMatch(Schema.Property::required);
  }

  private static void inString(Rest rest, char c, @Nullable Place then, List<Place> to) {
    Schema.Text limits = rest.limits;
    boolean hasRoom = rest.count < limits.most();
    if (rest.escape.startsWith("\\u")) {
      if (Character.digit(c, 16) >= 0 && c < 128) {
        boolean isLast = rest.escape.length() == 5;
        add(
            to,
            push(
                new Rest(limits, rest.count + (isLast ? 1 : 0), isLast ? "" : rest.escape + c),
                then));
      }
    } else if (!rest.escape.isEmpty()) {
      if (c == 'u') {
        add(to, push(new Rest(limits, rest.count, "\\u"), then));
      } else if ("\"\\/bfnrt".indexOf(c) >= 0) {
        add(to, push(new Rest(limits, rest.count + 1, ""), then));
      }
    } else if (c == '"') {
      if (rest.count >= limits.least()) {
        add(to, then);
      }
    } else if (c == '\\') {
      if (hasRoom) {
        add(to, push(new Rest(limits, rest.count, "\\"), then));
      }
    } else if (c >= ' ' && (hasRoom || Character.isLowSurrogate(c))) {
      // a character of two halves counts once
      int count = rest.count + (Character.isLowSurrogate(c) ? 0 : 1);
      add(to, push(new Rest(limits, count, ""), then));
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  /** Whether a character may follow in a number. */
  private static boolean mayFollow(Digits digits, char c) {
    String text = digits.text;
    if (text.length() >= MOST_DIGITS) {
      return false;
    }
    char last = text.charAt(text.length() - 1);
    boolean hasPoint = text.indexOf('.') >= 0;
    boolean hasExponent = text.indexOf('e') >= 0 || text.indexOf('E') >= 0;
    boolean hasRoom = text.length() < MOST_DIGITS - 3; // for what must come after it
    return switch (c) {
      case '.' -> !digits.isWhole && hasRoom && isDigit(last) && !hasPoint && !hasExponent;
      case 'e', 'E' -> !digits.isWhole && hasRoom && isDigit(last) && !hasExponent;
      case '+', '-' -> last == 'e' || last == 'E';
      default -> isDigit(c) && !text.equals("0") && !text.equals("-0");
    };
  }
}
