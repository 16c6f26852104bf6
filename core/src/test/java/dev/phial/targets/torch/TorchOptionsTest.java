package dev.phial.targets.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.targets.ExportedFolder;
import dev.phial.targets.Targets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the options decide, and what is refused in one sentence. */
final class TorchOptionsTest {
  @ParameterizedTest
  @CsvSource({
    "torch,'w4a16,group-size=48',--group-size: expected one of -1",
    "torch,'w8a8,group-size=32',--group-size: expected it with torch:w4a16 or torch:w8a16",
    "torch,'fp8,asymmetric',--asymmetric: expected it with torch:w4a16 or torch:w8a16",
    "torch,'fp8,strategy=tensor',--strategy: expected channel or block",
    "torch,'w8a8,strategy=block',--strategy: expected it with torch:fp8",
    "torch,'bf16,ignore=re:.*',--ignore: expected a precision that quantizes",
    "torch,'w4a16,ignore=re:(',--ignore: expected re: and a regular expression",
    "torch,'w4a16,ignore=model.norm',--ignore: expected the name of a linear layer",
    "torch,int4,--to torch: expected one of w4a16",
    "gptq,'4,group-size=16',--group-size: expected one of 32",
    "bnb,fp4,--to bnb: expected one of nf4",
    "gptq,3,--to gptq: expected one of 4"
  })
  void refuses(String target, String spelling, String message) {
    assertThatThrownBy(() -> plan(target, spelling))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining(message);
  }

  private static Plan plan(String target, String spelling) {
    return ExportedFolder.plan(Targets.named(target).orElseThrow(), "tiny-phi3", spelling);
  }

  @Test
  void refusesExpertsForBitsandbytes() {
    assertThatThrownBy(() -> ExportedFolder.plan(new BnbTarget(), "phi35-moe", "nf4"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("expected a model without experts");
  }

  @Test
  void optionsSayWhatSharesAScale() {
    assertThat(format("w4a16")).isEqualTo("INT4G128");
    assertThat(format("w8a16,group-size=32,asymmetric")).isEqualTo("UINT8G32");
    assertThat(format("fp8,strategy=channel")).isEqualTo("FP8G1024");
    assertThat(format("fp8,strategy=block")).isEqualTo("FP8T128");
  }

  private static String format(String spelling) {
    List<PlannedTensor> tensors = plan("torch", spelling).tensors();
    return tensors.stream()
        .filter(tensor -> tensor.name().equals("model.layers.0.mlp.down_proj.weight"))
        .map(tensor -> tensor.format().name())
        .findFirst()
        .orElseThrow();
  }
}
