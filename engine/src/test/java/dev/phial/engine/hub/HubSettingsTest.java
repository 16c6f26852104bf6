package dev.phial.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the hub is and who asks it, as its own library reads it from the environment. */
final class HubSettingsTest {
  @TempDir private Path folder;

  @Test
  void takesItsSettingsFromTheEnvironment() throws IOException {
    Files.writeString(folder.resolve("token"), "hf_file\n");
    HubSettings usual = HubSettings.of(Map.of(), folder);
    assertThat(usual.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
    assertThat(usual.cache()).isEqualTo(folder.resolve(".cache/huggingface/hub"));
    assertThat(usual.token()).isEmpty();
    Map<String, String> said =
        Map.of(
            "HF_HOME", folder.toString(),
            "HF_ENDPOINT", "http://hub.example:8080/",
            "HF_HUB_OFFLINE", "1",
            "HTTP_PROXY", "proxy.example:3128",
            "NO_PROXY", "other.example");
    HubSettings settings = HubSettings.of(said, folder);
    assertThat(settings.token()).contains("hf_file");
    assertThat(settings.cache()).isEqualTo(folder.resolve("hub"));
    assertThat(settings.endpoint()).isEqualTo(URI.create("http://hub.example:8080"));
    assertThat(settings.offline()).isTrue();
    assertThat(settings.isOpen()).isTrue();
    assertThat(settings.proxy()).contains(URI.create("http://proxy.example:3128"));
    assertThatThrownBy(() -> HubSettings.of(Map.of("HF_TOKEN", "a\nb"), folder))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageNotContaining("a\nb");
    Map<String, String> local =
        Map.of("HF_ENDPOINT", "http://localhost:1", "HTTP_PROXY", "proxy.example:3128");
    assertThat(HubSettings.of(local, folder).proxy()).isEmpty();
    assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "https://me:secret@x"), folder))
        .hasMessageNotContaining("secret");
    assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "ftp://x"), folder))
        .isInstanceOf(PhialException.Usage.class);
  }
}
