package dev.phial.engine.tokenizer;

import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The tokens that mean something to a program.
 *
 * @param names what a chat template may ask for, {@code bos_token}, {@code eos_token}, {@code
 *     unk_token} and {@code pad_token}, to the token's text
 * @param begin the id before a text, if the model has one
 * @param addsBegin whether a text is to be preceded by it
 * @param ends the ids that end a text or a turn of a chat
 */
public record SpecialTokens(
    Map<String, String> names, OptionalInt begin, boolean addsBegin, Set<Integer> ends) {

  /** What ends a turn in Phi's chats, whether or not the checkpoint says so. */
  private static final Set<String> TURN_ENDS = Set.of("<|end|>", "<|im_end|>", "<|endoftext|>");

  public SpecialTokens {
    names = Map.copyOf(names);
    ends = Set.copyOf(ends);
  }

  /** What is to precede a text, if anything is. */
  public OptionalInt addedBegin() {
    return addsBegin ? begin : OptionalInt.empty();
  }

  /** The tokens of a text as a model is to read them. */
  public int[] precede(int[] ids) {
    return IntStream.concat(addedBegin().stream(), Arrays.stream(ids)).toArray();
  }

  static void addTurnEnds(Collection<AddedToken> added, Set<Integer> ends) {
    for (AddedToken token : added) {
      if (token.special() && TURN_ENDS.contains(token.content())) {
        ends.add(token.id());
      }
    }
  }
}
