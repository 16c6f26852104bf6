package dev.phial.engine.convert;

import dev.phial.PhialException;
import dev.phial.engine.text.Conversations;
import dev.phial.engine.text.DefaultText;
import dev.phial.engine.tokenizer.SpecialTokens;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import dev.phial.source.TextFile;
import dev.phial.targets.CalibrationText;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts what a model is to read into chunks. */
public final class TextChunks {
  /** Tokens of all chunks, unless their number is given: more change little. */
  private static final int USUAL_TOKENS = 32 * 1024;

  private static final int USUAL_CONTEXT = 512;

  private TextChunks() {}

  /**
   * The chunks.
   *
   * @throws PhialException.BadInput if a text cannot be read, or all are shorter than a chunk
   * @throws PhialException.Usage if a chunk is longer than the model's context
   */
  public static List<int[]> of(
      CalibrationText text, Checkpoint checkpoint, ModelDescription model) {
    int longest = model.hyperparameters().context();
    int length = text.context().orElse(Math.min(USUAL_CONTEXT, longest));
    if (length > longest) {
      throw new PhialException.Usage(
          "--calibration-context: expected at most %d tokens, the context of the model, found %d"
              .formatted(longest, length));
    }
    Tokenizer tokenizer = Tokenizer.of(checkpoint);
    SpecialTokens special = tokenizer.special();
    List<int[]> all = new ArrayList<>();
    int tokens = 0;
    for (int[] ids : tokens(text, checkpoint, tokenizer)) {
      tokens += ids.length;
      for (int from = 0; from + length <= ids.length; from += length) {
        int[] chunk = Arrays.copyOfRange(ids, from, from + length);
        special.addedBegin().ifPresent(begin -> chunk[0] = begin);
        all.add(chunk);
      }
    }
    if (all.isEmpty()) {
      throw new PhialException.BadInput(
          "%s: expected at least %d tokens to calibrate with, found %d; give a longer text or a shorter --calibration-context"
              .formatted(name(text), length, tokens));
    }
    int most = Math.min(all.size(), text.chunks().orElse(Math.max(1, USUAL_TOKENS / length)));
    List<int[]> some = new ArrayList<>();
    for (int i = 0; i < most; i++) {
      some.add(all.get((int) ((long) i * all.size() / most)));
    }
    return some;
  }

  private static List<int[]> tokens(
      CalibrationText text, Checkpoint checkpoint, Tokenizer tokenizer) {
    return text.files().isEmpty()
        ? List.of(plain(DefaultText.CALIBRATION.read(), tokenizer))
        : text.files().stream()
            .map(file ->
                Conversations.isIn(file)
                    ? Conversations.read(file, checkpoint, tokenizer)
                    : plain(TextFile.readLikePython(file), tokenizer))
            .toList();
  }

  private static int[] plain(String text, Tokenizer tokenizer) {
    return tokenizer.special().precede(tokenizer.encode(text, false).ids());
  }

  private static String name(CalibrationText text) {
    return text.files().isEmpty()
        ? DefaultText.CALIBRATION.file()
        : String.join(", ", text.files().stream().map(Path::toString).toList());
  }
}
