package dev.phial.engine.chat;

import dev.phial.PhialException;
import dev.phial.engine.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** What was said in a chat, and the prompt it makes. */
public final class Conversation {
  private static final String USER = "user";
  private static final String ASSISTANT = "assistant";
  private static final String SYSTEM = "system";

  private final ChatTemplate template;
  private final Tokenizer tokenizer;
  private final Function<String, int[]> reader;
  private Optional<String> system;
  private final List<Map<String, String>> messages = new ArrayList<>(); // the system's aside

  /**
   * @param context how many tokens the model can read
   * @param system what the model is told before all else
   */
  public Conversation(
      ChatTemplate template, Tokenizer tokenizer, int context, Optional<String> system) {
    this(template, tokenizer, text -> tokenizer.prompt(text, context), system);
  }

  /**
   * @param reader makes tokens of what the template wrote, beginning and all
   */
  public Conversation(
      ChatTemplate template,
      Tokenizer tokenizer,
      Function<String, int[]> reader,
      Optional<String> system) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.reader = reader;
    this.system = system;
  }

  /**
   * The tokens of the conversation with one more question, for the model to answer.
   *
   * @throws PhialException.BadInput if the template refuses it or it is far too long; the question
   *     is then not asked
   */
  public int[] ask(String question) {
    messages.add(ChatTemplate.message(USER, question));
    try {
      return prompt();
    } catch (PhialException e) {
      takeBack();
      throw e;
    }
  }

  /** What the model answered to the last question. */
  public void answer(String answer) {
    messages.add(ChatTemplate.message(ASSISTANT, answer));
  }

  /** Forgets the last question, which has no answer. */
  public void takeBack() {
    messages.removeLast();
  }

  /**
   * Forgets the oldest question and its answer, if it is not the last one.
   *
   * @return whether there was one
   */
  public boolean forgetOldest() {
    if (messages.size() < 3) {
      return false;
    }
    messages.subList(0, 2).clear();
    return true;
  }

  /** The tokens of the conversation as it is. */
  public int[] prompt() {
    List<Map<String, String>> all = new ArrayList<>();
    system.ifPresent(text -> all.add(ChatTemplate.message(SYSTEM, text)));
    all.addAll(messages);
    String text = template.render(all, tokenizer.special().names(), true);
    return reader.apply(text); // the template writes the beginning, if there is one
  }

  /** Forgets what was said; what the system says stays. */
  public void reset() {
    messages.clear();
  }

  /** Says something else before all else, or nothing. */
  public void setSystem(Optional<String> text) {
    system = text;
  }
}
