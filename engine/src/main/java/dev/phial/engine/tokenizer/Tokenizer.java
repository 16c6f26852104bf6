package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Gguf;
import dev.phial.source.Sources;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a model: the ids and texts that transformers gives, whether it was read from
 * tokenizer files or from the metadata of a GGUF file. Several threads may share one.
 */
public final class Tokenizer {
  /**
   * Characters of one kind in a row beyond which splitting by regular expression may give up, and
   * with it the process.
   */
  private static final int LONGEST_RUN = 1 << 20;

  /** Characters of a token, of which texts have many: the longest are blanks, up to 128 of them. */
  private static final int LONGEST_OF_PROMPT = 256;

  /** Characters that some versions of Unicode, or some libraries, take for blanks. */
  private static final String UNCLEAR_BLANKS = "\u001C\u001D\u001E\u001F\u0085\u180E\u200B\uFEFF";

  private final Path path;
  private final SpecialTokens special;
  private final Map<Integer, String> added = new HashMap<>(); // id to text
  private final Supplier<NativeTokenizer> withSpecial;
  private final Supplier<NativeTokenizer> plain;

  private Tokenizer(Path path, Definition definition, SpecialTokens special) {
    this.path = path;
    this.special = special;
    new Limits(path).added(definition.added());
    checkBlanks(path, definition.added());
    definition.added().forEach(token -> added.put(token.id(), token.content()));
    this.withSpecial = new Once(() -> new NativeTokenizer(definition.json(true), path));
    this.plain = new Once(() -> new NativeTokenizer(definition.json(false), path));
  }

  /**
   * @throws PhialException.BadInput if tokenizer files or metadata are missing or damaged
   * @throws PhialException.Unsupported if it is of a kind that no Phi model has
   */
  public static Tokenizer of(Checkpoint checkpoint) {
    return checkpoint
        .folder()
        .map(folder -> ofFolder(folder.path()))
        .or(() -> checkpoint.gguf().map(Tokenizer::ofGguf))
        .orElseThrow();
  }

  /** The tokenizer of a folder or GGUF file, which need hold no weights. */
  public static Tokenizer open(Path path) {
    if (Files.isDirectory(path)) {
      return ofFolder(path);
    }
    try (Checkpoint checkpoint = Sources.open(path)) {
      return of(checkpoint);
    }
  }

  private static Tokenizer ofFolder(Path folder) {
    FolderTokenizer files = new FolderTokenizer(folder);
    return new Tokenizer(folder, files.definition(), files.special());
  }

  private static Tokenizer ofGguf(Gguf gguf) {
    GgufTokenizer metadata = new GgufTokenizer(gguf);
    return new Tokenizer(gguf.path(), metadata.definition(), metadata.special());
  }

  /** A token that takes blanks could take another that is one; the library ends on that. */
  private static void checkBlanks(Path path, List<AddedToken> tokens) {
    boolean takesBlanks = tokens.stream().anyMatch(t -> t.leftStrip() || t.rightStrip());
    for (AddedToken token : tokens) {
      if (takesBlanks && token.content().chars().anyMatch(Character::isWhitespace)) {
        throw new PhialException.Unsupported(
            "%s: expected no blanks in added tokens where others take the blanks around them, found some in token %d"
                .formatted(path, token.id()));
      }
    }
  }

  public SpecialTokens special() {
    return special;
  }

  /**
   * The tokens of a text, with nothing added before or after.
   *
   * @param special whether the text of a special token stands for the token; otherwise it is text
   *     like any other
   * @throws PhialException.Unsupported if more than a million characters follow each other with or
   *     without blanks
   */
  public Encoding encode(String text, boolean special) {
    checkRuns(text);
    Encoding encoding = (special ? withSpecial : plain).get().encode(wellFormed(text));
    List<String> pieces = new ArrayList<>(encoding.pieces());
    for (int i = 0; i < pieces.size(); i++) {
      // the library gives an added token with the blanks it took
      pieces.set(i, added.getOrDefault(encoding.ids()[i], pieces.get(i)));
    }
    return new Encoding(encoding.ids(), pieces);
  }

  /**
   * The tokens of a text for a model to read: the text of a special token stands for the token.
   *
   * @param context how many tokens the model can read
   * @throws PhialException.BadInput if the text is so long that it makes more; one that makes a few
   *     more is encoded
   */
  public int[] prompt(String text, int context) {
    if (text.length() > longestPrompt(context)) {
      throw new PhialException.BadInput(
          "expected a prompt of at most %d tokens, the context, found %d characters; shorten it"
              .formatted(context, text.length()));
    }
    return encode(text, true).ids();
  }

  /** The characters of a text that is certainly more than so many tokens. */
  public static int longestPrompt(int context) {
    return Math.clamp((long) context * LONGEST_OF_PROMPT, 0, Integer.MAX_VALUE);
  }

  /** The text of tokens, special ones included; ids that stand for nothing give none. */
  public String decode(int... ids) {
    return ids.length == 0 ? "" : withSpecial.get().decode(ids);
  }

  /** A stream of text that begins on its own. */
  public TextStream stream() {
    return new TextStream(this, new int[0]);
  }

  /** A stream of text that goes on after other tokens. */
  public TextStream streamAfter(int... ids) {
    return new TextStream(this, ids);
  }

  /** Half of a surrogate pair is no text; the library would lose all the rest with it. */
  private static String wellFormed(String text) {
    StringBuilder fixed = null;
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      if (Character.isHighSurrogate(c)
          && at + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(at + 1))) {
        at++;
      } else if (Character.isSurrogate(c)) {
        fixed = fixed == null ? new StringBuilder(text) : fixed;
        fixed.setCharAt(at, '\uFFFD');
      }
    }
    return fixed == null ? text : fixed.toString();
  }

  private void checkRuns(String text) {
    if (text.length() <= LONGEST_RUN) {
      return;
    }
    int afterWord = 0; // what follows the last character that is no blank for certain
    int afterGap = 0; // what follows the last character that is a blank for certain
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      boolean isUnclear = UNCLEAR_BLANKS.indexOf(c) >= 0;
      boolean isBlank = CharacterClass.isBlank(c);
      afterWord = isBlank || isUnclear ? afterWord : at + 1;
      afterGap = isBlank && !isUnclear ? at + 1 : afterGap;
      if (at - Math.min(afterWord, afterGap) >= LONGEST_RUN) {
        throw new PhialException.Unsupported(
            "expected words and gaps of at most %d characters, found a longer one at character %d"
                .formatted(LONGEST_RUN, Math.min(afterWord, afterGap)));
      }
    }
  }

  @Override
  public String toString() {
    return "tokenizer of " + path;
  }

  /** Makes the native tokenizer when it is first needed. */
  private static final class Once implements Supplier<NativeTokenizer> {
    private final Supplier<NativeTokenizer> maker;
    private @Nullable NativeTokenizer made;

    Once(Supplier<NativeTokenizer> maker) {
      this.maker = maker;
    }

    @Override
    public synchronized NativeTokenizer get() {
      NativeTokenizer result = made == null ? maker.get() : made;
      made = result;
      return result;
    }
  }
}
