package dev.phial.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.engine.vision.Picture;
import dev.phial.engine.vision.Sights;
import dev.phial.engine.vision.Viewer;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What models see, and say of it, against transformers (tools/make-vision-golden.py). */
final class VisionEncoderTest {
  private static final Path IMAGES =
      Path.of("src/test/resources/dev/phial/engine/vision").toAbsolutePath();
  private static final Path SIGLIP2 = Path.of("../fixtures/models/phi4-reasoning-vision");
  private static final int STEP = 29; // of the rows that are kept
  private static final Team TEAM = new Team(2);

  @AfterAll
  static void close() {
    TEAM.close();
  }

  @ParameterizedTest
  @CsvSource({
    "clip, square, 1e-4",
    "clip, wide, 1e-4",
    "clip, tall, 1e-4",
    "siglip, square, 1e-4",
    "siglip, wide, 3e-3", // torch resizes with weights of fewer bits than Pillow, which was
    // published
    "siglip, tall, 3e-3",
    "naflex, square, 1e-4",
    "naflex, wide, 1e-4",
    "naflex, tall, 1e-4"
  })
  void seesAndSaysWhatTheReferenceDoes(String model, String image, float tolerance) {
    Golden golden = Golden.of("/dev/phial/engine/vision/%s-%s".formatted(model, image));
    try (Checkpoint plain =
        Sources.open(model.equals("naflex") ? SIGLIP2 : IMAGES.resolve(model))) {
      Checkpoint checkpoint = plain.hasAdapter("vision") ? plain.adapted("vision") : plain;
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), TEAM, Observer.NONE);
      Viewer viewer = Viewer.of(checkpoint, TEAM);
      Picture picture = Picture.read(IMAGES.resolve(image + ".png"));
      float[] rows = viewer.look(picture);
      int width = forward.model().hyperparameters().hidden();
      assertThat(rows).hasSize(golden.ints("count")[0] * width);
      float[] expected = golden.floats("rows");
      float[] found = new float[expected.length];
      for (int i = 0; i * STEP * width < rows.length; i++) {
        System.arraycopy(rows, i * STEP * width, found, i * width, width);
      }
      assertAlike(found, expected, tolerance);

      Sights sights = Sights.of(viewer, List.of(picture), forward);
      Function<String, int[]> reader = text -> golden.ints(text.isEmpty() ? "before" : "after");
      int[] prompt = sights.prompt(sights.marked("What?"), reader, reader);
      try (Session session = new Session(forward, CacheType.F32)) {
        assertAlike(session.next(prompt), golden.floats("logits"), tolerance);
      }
    }
  }

  private static void assertAlike(float[] found, float[] expected, float tolerance) {
    float largest = 0;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(found).containsExactly(expected, within(tolerance * largest));
  }
}
