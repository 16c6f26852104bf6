package dev.phial.engine.eval;

import dev.phial.PhialException;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.io.Json;
import dev.phial.kernel.MatrixKernels;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Questions with answers to choose from. A model chooses the answer that it finds most likely after
 * the question and a blank; or, since longer texts are less likely, the one that is most likely per
 * character ({@code acc} and {@code acc_norm} of lm-evaluation-harness).
 */
public final class MultipleChoice {
  private static final MatrixKernels KERNELS = MatrixKernels.best();

  private final List<Question> questions;

  private MultipleChoice(List<Question> questions) {
    this.questions = questions;
  }

  /**
   * One question, tokenized.
   *
   * @param texts question and choice together, {@code [choices][tokens]}
   * @param starts of the choice's tokens
   * @param lengths of the choice in characters
   */
  private record Question(List<int[]> texts, int[] starts, int[] lengths, int answer) {}

  /**
   * What a model got right.
   *
   * @param accuracy by likelihood
   * @param normalized by likelihood per character
   */
  public record Result(int questions, Measure accuracy, Measure normalized) {}

  /**
   * Reads lines of JSON: {@code {"question": "…", "choices": ["…", "…"], "answer": 0}}, the answer
   * being the number of a choice, from 0, or its text.
   *
   * @throws PhialException.BadInput if a line is something else
   */
  public static MultipleChoice read(Path file, Tokenizer tokenizer) {
    List<Question> questions = new ArrayList<>();
    int number = 0;
    for (String line : TextFile.readLikePython(file).lines().toList()) {
      number++;
      if (!line.isBlank()) {
        questions.add(question(file, number, parse(file, number, line), tokenizer));
      }
    }
    if (questions.isEmpty()) {
      throw new PhialException.BadInput(file + ": expected a question on every line, found none");
    }
    return new MultipleChoice(questions);
  }

  private static JsonNode parse(Path file, int number, String line) {
    try {
      return Json.MAPPER.readTree(line);
    } catch (JacksonException e) {
      throw refusal(file, number, "something else");
    }
  }

  private static PhialException refusal(Path file, int number, String found) {
    return new PhialException.BadInput(
        "%s: line %d: expected {\"question\": …, \"choices\": [two or more texts], \"answer\": number of a choice from 0, or its text}, found %s"
            .formatted(file, number, found));
  }

  private static Question question(Path file, int number, JsonNode json, Tokenizer tokenizer) {
    String question = json.path("question").stringValue("");
    List<String> choices = new ArrayList<>();
    json.path("choices").forEach(choice -> choices.add(choice.stringValue("")));
    if (question.isBlank() || choices.size() < 2 || choices.stream().anyMatch(String::isBlank)) {
      throw refusal(file, number, "no question, or not two choices that are texts");
    }
    JsonNode answer = json.path("answer");
    int right =
        answer.isString()
            ? choices.indexOf(answer.stringValue())
            : answer.isInt() ? answer.intValue() : -1;
    if (right < 0 || right >= choices.size()) {
      throw refusal(file, number, "an answer that is none of the choices");
    }
    int[] asked = tokenizer.encodeWithBegin(question);
    List<int[]> texts = new ArrayList<>();
    int[] starts = new int[choices.size()];
    int[] lengths = new int[choices.size()];
    for (int i = 0; i < choices.size(); i++) {
      String choice = choices.get(i);
      int[] text = tokenizer.encodeWithBegin(question + " " + choice);
      texts.add(text);
      // a token at the seam may belong to both; then it is the choice's
      starts[i] = Math.max(1, Math.min(common(asked, text), text.length - 1));
      lengths[i] = choice.codePointCount(0, choice.length());
    }
    return new Question(texts, starts, lengths, right);
  }

  private static int common(int[] a, int[] b) {
    int mismatch = Arrays.mismatch(a, b);
    return mismatch < 0 ? a.length : mismatch;
  }

  public int size() {
    return questions.size();
  }

  /**
   * Asks a model everything.
   *
   * @param progress told the questions asked so far
   * @throws PhialException.BadInput if a question is longer than the model's context
   */
  public Result ask(Model model, Team team, IntConsumer progress) {
    Forward forward = new Forward(model, team, Observer.NONE);
    Activations logits = forward.newLogits();
    int right = 0;
    int rightNormalized = 0;
    int asked = 0;
    for (Question question : questions) {
      double[] scores = scores(forward, logits, question);
      right += best(scores) == question.answer ? 1 : 0;
      for (int i = 0; i < scores.length; i++) {
        scores[i] /= question.lengths[i];
      }
      rightNormalized += best(scores) == question.answer ? 1 : 0;
      progress.accept(++asked);
    }
    return new Result(
        asked, Measure.ofShare(right, asked), Measure.ofShare(rightNormalized, asked));
  }

  private static int best(double[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      best = scores[i] > scores[best] ? i : best;
    }
    return best;
  }

  /** Log-likelihoods of the choices of a question. */
  double[] scores(Model model, Team team, int question) {
    Forward forward = new Forward(model, team, Observer.NONE);
    return scores(forward, forward.newLogits(), questions.get(question));
  }

  private static double[] scores(Forward forward, Activations logits, Question question) {
    double[] scores = new double[question.texts.size()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = score(forward, logits, question.texts.get(i), question.starts[i]);
    }
    return scores;
  }

  /** Log-likelihood of the tokens from {@code start} on. */
  private static double score(Forward forward, Activations logits, int[] text, int start) {
    try (Session session = new Session(forward, CacheType.F32)) {
      int count = text.length - start;
      Activations states = session.append(text, count + 1);
      double sum = 0;
      for (int i = 0; i < count; i += MatrixKernels.GROUP) {
        int rows = Math.min(MatrixKernels.GROUP, count - i);
        forward.logits(states, i, rows, logits);
        for (int row = 0; row < rows; row++) {
          int at = logits.row(row);
          float largest = KERNELS.largest(logits.values(), at, logits.columns());
          double exps = KERNELS.sumOfExps(logits.values(), at, logits.columns(), largest);
          sum += logits.values()[at + text[start + i + row]] - largest - Math.log(exps);
        }
      }
      return sum;
    }
  }
}
