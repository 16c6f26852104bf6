package dev.phial.engine.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What users write for a model of the hub, and what is none. */
final class HubIdTest {
  @Test
  void takesFoldersHereForFolders() {
    assertThat(HubId.of("src/test")).isEmpty();
    assertThat(HubId.of("src/no-such-model")).isEmpty();
    assertThat(HubId.of("hf:src/no-such-model")).isPresent();
    assertThat(HubId.of("./a/b")).isEmpty();
    assertThat(HubId.of("/a/b")).isEmpty();
    assertThat(HubId.of("a")).isEmpty();
    assertThat(HubId.of("microsoft/phi-4@refs/pr/3")).map(HubId::revision).contains("refs/pr/3");
    assertThat(HubId.of("https://huggingface.co/microsoft/phi-4/tree/refs%2Fpr%2F3/a%20b"))
        .contains(new HubId("microsoft", "phi-4", "refs/pr/3", "a b"));
    for (String other :
        List.of("https://github.com/microsoft/phi-4", "https://hf.co/datasets/microsoft")) {
      assertThatThrownBy(() -> HubId.of(other)).isInstanceOf(PhialException.Usage.class);
    }
    assertThatThrownBy(() -> HubId.of("hf:nothing")).isInstanceOf(PhialException.Usage.class);
    assertThatThrownBy(() -> HubId.of("microsoft/phi-4@../x/y")).isInstanceOf(PhialException.class);
  }
}
