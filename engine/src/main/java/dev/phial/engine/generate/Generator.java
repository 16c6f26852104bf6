package dev.phial.engine.generate;

import dev.phial.PhialException;
import dev.phial.engine.generate.Generated.Finish;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Session;
import dev.phial.engine.sample.Sampler;
import dev.phial.engine.sample.StopStrings;
import dev.phial.engine.tokenizer.TextStream;
import dev.phial.engine.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** Continues one text after another; what the next shares with the last is not computed again. */
public final class Generator implements AutoCloseable {
  private final Session session;
  private final Tokenizer tokenizer;
  private final Settings settings;
  private final Interruption interruption;
  private int texts;

  /**
   * @param interruption what the forward pass was given as its observer
   * @throws PhialException.Usage if the context is longer than the model's
   */
  public Generator(
      Forward forward,
      Tokenizer tokenizer,
      CacheType cache,
      Settings settings,
      Interruption interruption) {
    int context = forward.model().hyperparameters().context();
    if (settings.context() < 1 || settings.context() > context) {
      throw new PhialException.Usage(
          "--context: expected 1 to %d, the context of the model, found %d"
              .formatted(context, settings.context()));
    }
    this.session = new Session(forward, cache);
    this.tokenizer = tokenizer;
    this.settings = settings;
    this.interruption = interruption;
  }

  /**
   * The tokens of a prompt: special tokens are meant, and the beginning that the model expects.
   *
   * @param context how many there may be
   * @throws PhialException.BadInput if there are certainly more
   */
  public static int[] prompt(Tokenizer tokenizer, String text, int context) {
    int[] ids = tokenizer.prompt(text, context);
    OptionalInt begin = tokenizer.special().addedBegin();
    boolean hasBegin = begin.isPresent() && ids.length > 0 && ids[0] == begin.getAsInt();
    return hasBegin ? ids : tokenizer.special().precede(ids);
  }

  /**
   * Continues a text.
   *
   * @param prompt its tokens so far
   * @param listener told what is added, in whole characters
   * @throws PhialException.BadInput if the prompt is empty or longer than the context
   */
  public Generated generate(int[] prompt, Consumer<String> listener) {
    if (prompt.length == 0) {
      throw new PhialException.BadInput(
          "expected a prompt, found none: the model has no beginning");
    }
    if (prompt.length > settings.context()) {
      throw new PhialException.BadInput(
          "expected a prompt of at most %d tokens, the context, found %d; shorten it%s"
              .formatted(
                  settings.context(),
                  prompt.length,
                  settings.context() < session.context() ? ", or raise --context" : ""));
    }
    interruption.clear();
    Text text = new Text(prompt, listener);
    try {
      text.begin(prompt);
      return text.goOn();
    } catch (Interruption.Requested e) {
      session.reset(); // what was computed of the prompt is in an unknown state
      return text.end(Finish.INTERRUPTED);
    } catch (Throwable e) {
      session.reset();
      throw e;
    }
  }

  @Override
  public void close() {
    session.close();
  }

  /** The one that is being continued. */
  private final class Text {
    private final Consumer<String> listener;
    private final Sampler sampler = new Sampler(settings.sampling(), settings.seed() + texts++);
    private final StopStrings stops = new StopStrings(settings.stops());
    private final TextStream stream;
    private final StringBuilder added = new StringBuilder();
    private final int promptTokens;
    private final long start = System.nanoTime();
    private long first; // when the first token was chosen
    private int computed;
    private float[] logits = {};
    private int[] ids = new int[16];
    private int count;

    Text(int[] prompt, Consumer<String> listener) {
      this.listener = listener;
      this.promptTokens = prompt.length;
      this.stream =
          tokenizer.streamAfter(Arrays.stream(prompt).filter(token -> token >= 0).toArray());
      sampler.accept(prompt);
    }

    void begin(int[] prompt) {
      int known = session.resume(prompt);
      computed = prompt.length - known;
      interruption.hear(true);
      try {
        logits = session.next(Arrays.copyOfRange(prompt, known, prompt.length));
      } finally {
        interruption.hear(false);
      }
    }

    Generated goOn() {
      while (true) {
        int token = sampler.next(logits);
        first = count == 0 ? System.nanoTime() : first;
        if (!settings.ignoresEnds() && tokenizer.special().ends().contains(token)) {
          return end(Finish.END);
        }
        if (count == ids.length) {
          ids = Arrays.copyOf(ids, 2 * count);
        }
        ids[count++] = token;
        show(stops.add(stream.add(token)));
        if (stops.isReached()) {
          return end(Finish.STOP);
        } else if (count >= settings.most()) {
          return end(Finish.LENGTH);
        } else if (session.length() >= settings.context()) {
          return end(Finish.CONTEXT);
        } else if (interruption.isWanted()) {
          return end(Finish.INTERRUPTED);
        }
        logits = session.next(token);
      }
    }

    private void show(String text) {
      if (!text.isEmpty()) {
        added.append(text);
        listener.accept(text);
      }
    }

    Generated end(Finish why) {
      show(stops.add(stream.end()));
      boolean stopped = stops.isReached(); // perhaps by half a character that comes only now
      show(stops.end());
      long now = System.nanoTime();
      long chosen = count == 0 && why == Finish.INTERRUPTED ? now : first;
      return new Generated(
          added.toString(),
          Arrays.copyOf(ids, count),
          stopped ? Finish.STOP : why,
          promptTokens,
          computed,
          chosen - start,
          now - chosen);
    }
  }
}
