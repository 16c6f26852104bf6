package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a model folder links to elsewhere must not come along into an export. */
final class LinksTest {
  @TempDir Path home;
  private Path secret = Path.of("");

  @BeforeEach
  void writeSecret() throws IOException {
    secret = Files.writeString(home.resolve("id_rsa"), "secret");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "modeling_x.py",
        "tokenizer.json",
        "tokenizer_config.json",
        "generation_config.json",
        "chat_template.jinja",
        "cl100k_base.tiktoken",
        "README.md"
      })
  void linksOutOfTheCheckpointAreRefused(String name) throws IOException {
    Path folder = model(home.resolve("model"));
    Path link = Files.createSymbolicLink(folder.resolve(name), secret);
    try (Checkpoint checkpoint = Sources.open(folder)) {
      refused(link, () -> folder(checkpoint).file(name));
      if (!name.equals("README.md")) {
        refused(link, folder(checkpoint)::companions);
      }
    }
  }

  @Test
  void linksThroughOthersAreRefused() throws IOException {
    Path folder = model(home.resolve("model"));
    Files.createSymbolicLink(folder.resolve("away"), home);
    Path link = Files.createSymbolicLink(folder.resolve("modeling_x.py"), Path.of("away/id_rsa"));
    try (Checkpoint checkpoint = Sources.open(folder)) {
      refused(link, folder(checkpoint)::companions);
    }
  }

  @Test
  void linksWithinTheCheckpointAreFollowed() throws IOException {
    Path folder = model(home.resolve("model"));
    Files.createDirectory(folder.resolve("code"));
    Files.writeString(folder.resolve("code/modeling_x.py"), "x");
    Path link =
        Files.createSymbolicLink(folder.resolve("modeling_x.py"), Path.of("code/modeling_x.py"));
    Path alias = Files.createSymbolicLink(home.resolve("alias"), folder);
    try (Checkpoint checkpoint = Sources.open(folder)) {
      assertThat(folder(checkpoint).companions()).containsExactly(link);
    }
    try (Checkpoint checkpoint = Sources.open(alias)) {
      assertThat(folder(checkpoint).companions()).hasSize(1);
    }
  }

  @Test
  void linksToTheBlobsOfAHubCacheAreFollowed() throws IOException {
    Path cache = home.resolve("models--microsoft--phi");
    Path snapshot = model(cache.resolve("snapshots/abc"));
    Files.createDirectories(cache.resolve("blobs"));
    Files.writeString(cache.resolve("blobs/123"), "x");
    Path link =
        Files.createSymbolicLink(snapshot.resolve("modeling_x.py"), Path.of("../../blobs/123"));
    try (Checkpoint checkpoint = Sources.open(snapshot)) {
      assertThat(folder(checkpoint).companions()).containsExactly(link);
    }
  }

  /** Blobs that are a link themselves could be anything, as could those of other folders. */
  @Test
  void whatOnlyLooksLikeAHubCacheIsNone() throws IOException {
    Path cache = home.resolve("models--microsoft--phi");
    Path snapshot = model(cache.resolve("snapshots/abc"));
    Files.createSymbolicLink(cache.resolve("blobs"), home);
    Path link =
        Files.createSymbolicLink(snapshot.resolve("modeling_x.py"), Path.of("../../blobs/id_rsa"));
    try (Checkpoint checkpoint = Sources.open(snapshot)) {
      refused(link, folder(checkpoint)::companions);
    }
    Path other = model(home.resolve("archive/snapshots/abc"));
    Files.createDirectories(home.resolve("archive/blobs"));
    Files.writeString(home.resolve("archive/blobs/123"), "x");
    Path second =
        Files.createSymbolicLink(other.resolve("modeling_x.py"), Path.of("../../blobs/123"));
    try (Checkpoint checkpoint = Sources.open(other)) {
      refused(second, folder(checkpoint)::companions);
    }
  }

  private static Folder folder(Checkpoint checkpoint) {
    return checkpoint.folder().orElseThrow();
  }

  private static void refused(Path link, Runnable use) {
    assertThatThrownBy(use::run)
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageStartingWith(link + ": expected a file, or a link to one in the same folder")
        .hasMessageNotContaining("secret");
  }

  private static Path model(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), "{}");
    Files.write(
        folder.resolve("model.safetensors"),
        SafetensorsTest.file(
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", (byte) 1));
    return folder;
  }
}
