package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.source.PickleValue.Dictionary;
import dev.phial.source.PickleValue.Flag;
import dev.phial.source.PickleValue.Items;
import dev.phial.source.PickleValue.None;
import dev.phial.source.PickleValue.Real;
import dev.phial.source.PickleValue.Text;
import dev.phial.source.PickleValue.Tuple;
import dev.phial.source.PickleValue.Whole;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Python's pickle machine (CPython, {@code Lib/pickletools.py}, protocols 2 to 5) without the parts
 * that can do anything: it builds numbers, text and collections, and whatever names, calls and ids
 * occur is asked of a {@link Vocabulary}, which knows a fixed few.
 */
final class Pickle {
  /** The only names, calls and ids that mean something. */
  interface Vocabulary {
    PickleValue global(String module, String name);

    PickleValue call(PickleValue callee, List<PickleValue> arguments);

    /** Sets attributes of {@code target}. */
    void build(PickleValue target, PickleValue state);

    PickleValue persistent(PickleValue id);
  }

  private static final int PROTO = 0x80;
  private static final int FRAME = 0x95;
  private static final int STOP = '.';
  private static final int MARK = '(';
  private static final int NONE = 'N';
  private static final int NEWTRUE = 0x88;
  private static final int NEWFALSE = 0x89;
  private static final int BININT = 'J';
  private static final int BININT1 = 'K';
  private static final int BININT2 = 'M';
  private static final int LONG1 = 0x8a;
  private static final int BINFLOAT = 'G';
  private static final int BINUNICODE = 'X';
  private static final int SHORT_BINUNICODE = 0x8c;
  private static final int BINUNICODE8 = 0x8d;
  private static final int EMPTY_TUPLE = ')';
  private static final int TUPLE = 't';
  private static final int TUPLE1 = 0x85;
  private static final int TUPLE2 = 0x86;
  private static final int TUPLE3 = 0x87;
  private static final int EMPTY_LIST = ']';
  private static final int APPEND = 'a';
  private static final int APPENDS = 'e';
  private static final int EMPTY_DICT = '}';
  private static final int SETITEM = 's';
  private static final int SETITEMS = 'u';
  private static final int BINPUT = 'q';
  private static final int LONG_BINPUT = 'r';
  private static final int MEMOIZE = 0x94;
  private static final int BINGET = 'h';
  private static final int LONG_BINGET = 'j';
  private static final int GLOBAL = 'c';
  private static final int STACK_GLOBAL = 0x93;
  private static final int REDUCE = 'R';
  private static final int BUILD = 'b';
  private static final int BINPERSID = 'Q';
  private static final int INST = 'i';

  /** Every opcode makes at most one small object; a tensor takes about forty. */
  private static final int MOST_OPCODES = 1 << 19;

  private static final int LONGEST_TEXT = 1 << 20;
  private static final int LONGEST_LINE = 256;

  private final Path file;
  private final SegmentReader in;
  private final Vocabulary vocabulary;
  private final List<PickleValue> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>(); // sizes of the stack
  private final Map<Long, PickleValue> memo = new HashMap<>();

  Pickle(Path file, MemorySegment bytes, Vocabulary vocabulary) {
    this.file = file;
    this.in = new SegmentReader(file, bytes);
    this.vocabulary = vocabulary;
  }

  /**
   * Runs the pickle to its end.
   *
   * @throws PhialException if it breaks a rule or asks for what is not plain data
   */
  PickleValue load() {
    if (in.uint8("an opcode") != PROTO) {
      throw bad("expected a pickle of protocol 2 to 5, found an older one or none");
    }
    checkProtocol();
    for (int count = 0; count < MOST_OPCODES; count++) {
      int opcode = in.uint8("an opcode");
      if (opcode == STOP) {
        return end();
      }
      step(opcode);
    }
    throw bad("expected at most %d opcodes in the pickle, found more", MOST_OPCODES);
  }

  private PickleValue end() {
    PickleValue result = pop();
    if (!stack.isEmpty() || !marks.isEmpty() || in.remaining() != 0) {
      throw bad(
          "expected one value in the pickle, found %d left over and %d more bytes",
          stack.size(), in.remaining());
    }
    return result;
  }

  private void checkProtocol() {
    int protocol = in.uint8("the protocol");
    if (protocol < 2 || protocol > 5) {
      throw bad("expected a pickle of protocol 2 to 5, found %d", protocol);
    }
  }

  private void step(int opcode) {
    switch (opcode) {
      case PROTO -> checkProtocol();
      case FRAME -> in.int64("a frame"); // a hint for buffering
      case MARK -> marks.add(stack.size());

      case NONE -> push(None.NONE);
      case NEWTRUE -> push(new Flag(true));
      case NEWFALSE -> push(new Flag(false));
      case BININT -> push(new Whole(in.int32("a number")));
      case BININT1 -> push(new Whole(in.uint8("a number")));
      case BININT2 -> push(new Whole(in.uint16("a number")));
      case LONG1 -> push(new Whole(whole(in.uint8("a length"))));
      case BINFLOAT -> // the high byte first
          push(new Real(Double.longBitsToDouble(Long.reverseBytes(in.int64("a number")))));
      case BINUNICODE -> push(text(in.uint32("a length")));
      case SHORT_BINUNICODE -> push(text(in.uint8("a length")));
      case BINUNICODE8 -> push(text(in.int64("a length")));

      case EMPTY_TUPLE -> push(new Tuple(List.of()));
      case TUPLE -> push(new Tuple(popToMark()));
      case TUPLE1 -> push(new Tuple(pop(1)));
      case TUPLE2 -> push(new Tuple(pop(2)));
      case TUPLE3 -> push(new Tuple(pop(3)));
      case EMPTY_LIST -> push(new Items());
      case APPEND -> append(pop(1));
      case APPENDS -> append(popToMark());
      case EMPTY_DICT -> push(new Dictionary());
      case SETITEM -> setItems(pop(2));
      case SETITEMS -> setItems(popToMark());

      case BINPUT -> memo.put((long) in.uint8("a memo"), peek());
      case LONG_BINPUT -> memo.put(in.uint32("a memo"), peek());
      case MEMOIZE -> memo.put((long) memo.size(), peek());
      case BINGET -> push(remembered(in.uint8("a memo")));
      case LONG_BINGET -> push(remembered(in.uint32("a memo")));

      case GLOBAL -> push(vocabulary.global(line(), line()));
      case STACK_GLOBAL -> {
        List<PickleValue> names = pop(2);
        push(vocabulary.global(text(names.get(0)), text(names.get(1))));
      }
      case REDUCE -> {
        List<PickleValue> call = pop(2);
        if (!(call.get(1) instanceof Tuple arguments)) {
          throw bad("expected the arguments of a call, found %s", call.get(1).kind());
        }
        push(vocabulary.call(call.get(0), arguments.items));
      }
      case BUILD -> {
        PickleValue state = pop();
        vocabulary.build(peek(), state);
      }
      case BINPERSID -> push(vocabulary.persistent(pop()));

      // would make an object of a named class: only to name it in the refusal
      case INST -> vocabulary.global(line(), line());
      default ->
          throw Refusal.unsupported(
              file,
              "expected a pickle of plain data and tensors, found opcode 0x%02x at byte %d; Phial never runs what a pickle asks for; use a safetensors copy",
              opcode,
              in.at() - 1);
    }
  }

  /** Two's complement of {@code count} bytes. */
  private long whole(int count) {
    if (count > 8) {
      throw bad("expected whole numbers of at most 8 bytes, found one of %d", count);
    }
    long value = 0;
    for (int i = 0; i < count; i++) {
      value |= (long) in.uint8("a number") << 8 * i;
    }
    int unused = 64 - 8 * count;
    return count == 0 ? 0 : value << unused >> unused;
  }

  private Text text(long length) {
    if (length < 0 || length > LONGEST_TEXT) {
      throw bad(
          "expected text of at most %d bytes in the pickle, found %s",
          LONGEST_TEXT, Long.toUnsignedString(length));
    }
    return new Text(in.utf8("text in the pickle", length));
  }

  private String text(PickleValue value) {
    if (value instanceof Text text) {
      return text.value();
    }
    throw bad("expected a name in the pickle, found %s", value.kind());
  }

  private String line() {
    StringBuilder line = new StringBuilder();
    for (int c = in.uint8("a name"); c != '\n'; c = in.uint8("a name")) {
      if (line.length() == LONGEST_LINE) {
        throw bad("expected a name in the pickle, found %s and more", line.toString());
      }
      line.append((char) c);
    }
    return line.toString();
  }

  private void append(List<PickleValue> values) {
    if (!(peek() instanceof Items list)) {
      throw bad("expected a list to append to, found %s", peek().kind());
    }
    list.items.addAll(values);
  }

  private void setItems(List<PickleValue> pairs) {
    if (!(peek() instanceof Dictionary dictionary) || pairs.size() % 2 != 0) {
      throw bad("expected a dictionary and pairs for it, found %s", peek().kind());
    }
    for (int i = 0; i < pairs.size(); i += 2) {
      PickleValue key = pairs.get(i);
      switch (key) {
        case Text text -> put(dictionary, text, pairs.get(i + 1), text.value());
        case Whole whole -> put(dictionary, whole, pairs.get(i + 1), Long.toString(whole.value()));
        default -> throw bad("expected names as the keys of a dictionary, found %s", key.kind());
      }
    }
  }

  private void put(Dictionary dictionary, PickleValue key, PickleValue value, String name) {
    if (dictionary.entries.put(key, value) != null) {
      throw bad("key %s: expected it once, found it again", name);
    }
  }

  private PickleValue remembered(long index) {
    PickleValue value = memo.get(index);
    if (value == null) {
      throw bad("expected a remembered value in the pickle, found no memo %d", index);
    }
    return value;
  }

  private void push(PickleValue value) {
    stack.add(value);
  }

  private PickleValue pop() {
    checkDepth(1);
    return stack.removeLast();
  }

  private PickleValue peek() {
    checkDepth(1);
    return stack.getLast();
  }

  private List<PickleValue> pop(int count) {
    checkDepth(count);
    return popFrom(stack.size() - count);
  }

  private List<PickleValue> popToMark() {
    if (marks.isEmpty()) {
      throw bad("expected a mark in the pickle, found none");
    }
    return popFrom(marks.removeLast());
  }

  private List<PickleValue> popFrom(int from) {
    List<PickleValue> top = stack.subList(from, stack.size());
    List<PickleValue> values = List.copyOf(top);
    top.clear();
    return values;
  }

  /** Whether so many values lie above the last mark. */
  private void checkDepth(int count) {
    int bottom = marks.isEmpty() ? 0 : marks.getLast();
    if (stack.size() - bottom < count) {
      throw bad("expected a value on the stack of the pickle, found none");
    }
  }

  private PhialException bad(String message, Object... details) {
    return Refusal.bad(file, message, details);
  }
}
