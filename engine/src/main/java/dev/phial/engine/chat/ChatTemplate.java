package dev.phial.engine.chat;

import dev.phial.PhialException;
import dev.phial.engine.jinja.Template;
import dev.phial.engine.jinja.TemplateException;
import dev.phial.engine.jinja.TimeFormat;
import dev.phial.source.ChatTemplates;
import dev.phial.source.Checkpoint;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The template that turns a conversation into the text a model continues: a Jinja template, with
 * what transformers gives it ({@code chat_template_utils.py}) and nothing else within its reach.
 *
 * <p>Jinja is read here and by no library: jinjava, the only one for the JVM, strips blanks that
 * Jinja2 keeps, lacks loops with {@code if} and {@code else}, and evaluates what users write.
 */
public final class ChatTemplate {
  /** How Phi-4-mini's template asks for the tools that a system message may bring. */
  private static final Pattern TOOLS =
      Pattern.compile("message(\\[(['\"])tools\\2\\]|\\.tools\\b)");

  private final Path path;
  private final Template template;
  private final boolean takesTools;
  private final Clock clock;

  private ChatTemplate(Path path, Template template, boolean takesTools, Clock clock) {
    this.path = path;
    this.template = template;
    this.takesTools = takesTools;
    this.clock = clock;
  }

  /**
   * The template of a model, if it has one.
   *
   * @throws PhialException.BadInput if it is no sound template
   */
  public static Optional<ChatTemplate> of(Checkpoint checkpoint) {
    return checkpoint
        .folder()
        .flatMap(folder -> ChatTemplates.of(folder).chosen())
        .or(() -> checkpoint.gguf().flatMap(gguf -> gguf.text("tokenizer.chat_template")))
        .map(text -> parse(checkpoint.path(), text));
  }

  static ChatTemplate parse(Path path, String text) {
    return parse(path, text, Clock.system(ZoneId.systemDefault()));
  }

  /**
   * @param clock what the template is told the time by
   */
  static ChatTemplate parse(Path path, String text, Clock clock) {
    try {
      return new ChatTemplate(path, Template.parse(text), TOOLS.matcher(text).find(), clock);
    } catch (TemplateException e) {
      throw new PhialException.BadInput(
          "%s: the chat template cannot be read: %s".formatted(path, e.getMessage()), e);
    }
  }

  /** Whether a system message may bring a description of tools, as JSON in {@code tools}. */
  public boolean takesTools() {
    return takesTools;
  }

  /**
   * The text of a conversation.
   *
   * @param messages with the keys {@code role} and {@code content}, and whatever else the template
   *     knows; values as JSON has them, numbers as Long or Double
   * @param variables more for the template, such as {@code tools} and {@code bos_token}
   * @param addGenerationPrompt whether the text ends where the model is to speak
   * @throws PhialException.BadInput if the template refuses the conversation or fails
   */
  public String render(
      List<? extends Map<String, ?>> messages,
      Map<String, ?> variables,
      boolean addGenerationPrompt) {
    Map<String, @Nullable Object> names = new HashMap<>();
    names.put("tools", null);
    names.put("documents", null);
    names.put("messages", messages);
    names.put("add_generation_prompt", addGenerationPrompt);
    names.putAll(variables);
    try {
      return template.render(
          names,
          Map.of(
              "raise_exception",
              ChatTemplate::raise,
              "strftime_now",
              format -> TimeFormat.format(LocalDateTime.now(clock), format)));
    } catch (TemplateException.Raised e) {
      throw new PhialException.BadInput(
          "%s: the chat template refuses this conversation: %s".formatted(path, e.getMessage()), e);
    } catch (TemplateException e) {
      throw new PhialException.BadInput(
          "%s: the chat template fails: %s".formatted(path, e.getMessage()), e);
    }
  }

  /** A message of a conversation, as {@link #render} takes it. */
  public static Map<String, String> message(String role, String content) {
    Map<String, String> message = new LinkedHashMap<>(); // templates may print it, in this order
    message.put("role", role);
    message.put("content", content);
    return message;
  }

  private static String raise(String message) {
    throw new TemplateException.Raised(message);
  }
}
