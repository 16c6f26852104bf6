package dev.phial.engine.vision;

import dev.phial.PhialException;
import dev.phial.engine.run.Forward;
import dev.phial.model.VisionKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The images that a prompt is about, as the model sees them: a negative token stands for each row,
 * where the text has the mark of the image.
 */
public final class Sights {
  private static final Pattern NUMBERED = Pattern.compile("<\\|image_(\\d{1,3})\\|>");
  private static final Pattern NAMELESS = Pattern.compile("<image>");

  private final VisionKind kind;
  private final List<int[]> tokens = new ArrayList<>(); // of each image

  private Sights(VisionKind kind) {
    this.kind = kind;
  }

  /**
   * Looks at images, and shows them to a model.
   *
   * @param forward that the prompt will go through
   */
  public static Sights of(Viewer viewer, List<Picture> pictures, Forward forward) {
    Sights sights = new Sights(viewer.kind());
    int width = forward.model().hyperparameters().hidden();
    float[] all = {};
    for (Picture picture : pictures) {
      float[] rows = viewer.look(picture);
      int first = all.length / width;
      sights.tokens.add(
          IntStream.range(first, first + rows.length / width).map(row -> -1 - row).toArray());
      all = Arrays.copyOf(all, all.length + rows.length);
      System.arraycopy(rows, 0, all, all.length - rows.length, rows.length);
    }
    forward.show(all);
    return sights;
  }

  /** A text with a mark for every image; where it has none, they stand before it. */
  public String marked(String text) {
    if (pattern().matcher(text).find()) {
      return text;
    }
    StringBuilder marked = new StringBuilder();
    for (int i = 1; i <= tokens.size(); i++) {
      marked.append(
          switch (kind) {
            case CLIP -> "<|image_%d|>\n".formatted(i);
            case SIGLIP -> "<|image_%d|>".formatted(i);
            case NAFLEX -> "<image>\n";
          });
    }
    return marked.append(text).toString();
  }

  private Pattern pattern() {
    return kind == VisionKind.NAFLEX ? NAMELESS : NUMBERED;
  }

  /**
   * The tokens of a text with marks.
   *
   * @param begin encodes what is before the first mark
   * @param rest encodes what follows a mark
   * @throws PhialException.Usage if the marks are not those of the images
   */
  public int[] prompt(String text, Function<String, int[]> begin, Function<String, int[]> rest) {
    Matcher marks = pattern().matcher(text);
    List<int[]> parts = new ArrayList<>();
    boolean[] isShown = new boolean[tokens.size()];
    int from = 0;
    for (int count = 0; marks.find(); count++) {
      int image = kind == VisionKind.NAFLEX ? count : Integer.parseInt(marks.group(1)) - 1;
      if (image < 0 || image >= tokens.size()) {
        throw new PhialException.Usage(
            "expected marks of the %d images in the prompt, found %s; --image names one more"
                .formatted(tokens.size(), marks.group()));
      }
      parts.add(encode(text.substring(from, marks.start()), from == 0, begin, rest));
      parts.add(tokens.get(image));
      isShown[image] = true;
      from = marks.end();
    }
    parts.add(encode(text.substring(from), from == 0, begin, rest));
    for (int i = 0; i < isShown.length; i++) {
      if (!isShown[i]) {
        throw new PhialException.Usage(
            "expected a mark of every image in the prompt, found none of image " + (i + 1));
      }
    }
    return parts.stream().flatMapToInt(Arrays::stream).toArray();
  }

  /** What follows a mark is a text of its own for the tokenizer of Phi-3-vision. */
  private int[] encode(
      String text, boolean isFirst, Function<String, int[]> begin, Function<String, int[]> rest) {
    boolean begins = isFirst || kind == VisionKind.CLIP;
    return text.isEmpty() && !begins ? new int[0] : (begins ? begin : rest).apply(text);
  }
}
