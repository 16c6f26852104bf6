package dev.phial.targets.openvino;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.phial.PhialException;
import dev.phial.plan.Plan;
import dev.phial.targets.ExportedFolder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What can be asked for, and what is said to the rest. */
final class OpenvinoOptionsTest {
  private static Plan plan(String spelling) {
    return ExportedFolder.plan(new OpenvinoTarget(), "tiny-phi3", spelling);
  }

  @ParameterizedTest
  @CsvSource({
    "int4,'asymmetric, groups of 64, ratio 1.0, data-free'",
    "'int4,sym,group-size=-1,ratio=0.5','symmetric, a scale a row, ratio 0.5, else int8_asym, data-free'",
    "mxfp4,'groups of 32, ratio 1.0, data-free'",
    "int8,'asymmetric, data-free'",
    "fp16,''"
  })
  void saysWhatItDoes(String spelling, String words) {
    assertThat(plan(spelling).settings()).isEqualTo(words);
  }

  @ParameterizedTest
  @CsvSource({
    "'int5','expected one of int4, int8, nf4, mxfp4, fp16, fp32, found int5'",
    "'int4,group-size=x','--group-size: expected a number of weights, or -1, found x'",
    "'int4,group-size=33','--group-size: expected an even number, found 33'",
    "'mxfp4,group-size=64','--group-size: expected 32'",
    "'mxfp4,group-size-fallback=adjust','--group-size-fallback: expected error or ignore'",
    "'int4,backup-precision=mxfp8_e4m3','expected one of int8_asym int8_sym none, found mxfp8_e4m3'",
    "'int4,ratio=2','--ratio: expected a number from 0 to 1, found 2'",
    "'int4,ratio=NaN','--ratio: expected a number from 0 to 1, found NaN'",
    "'int4,backup-precision=fp8','expected one of int8_asym int8_sym none, found fp8'",
    "'int8,ratio=0.5','--ratio: expected a precision of four bits'",
    "'fp16,sym','--sym: expected integers'",
    "'nf4,sym','--sym: expected integers'",
  })
  void refusesWhatMakesNoSense(String spelling, String message) {
    assertThatExceptionOfType(PhialException.Usage.class)
        .isThrownBy(() -> plan(spelling))
        .withMessageContaining(message);
  }

  @Test
  void refusesGroupsThatDoNotFit() {
    assertThatExceptionOfType(PhialException.Unsupported.class)
        .isThrownBy(() -> plan("int4,group-size=96"))
        .withMessageContaining("expected rows that divide into groups of 96, found 256 columns");
  }

  @ParameterizedTest
  @CsvSource({
    "'int4','UINT4G64',16",
    "'int4,sym','INT4G64',16",
    "'int4,group-size=96,group-size-fallback=ignore','BF16',16",
    "'int4,group-size=96,group-size-fallback=adjust','UINT4G256',12",
    "'int4,all-layers','UINT4G64',18",
    "'int4,ratio=0','UINT8G256',14",
    "'int4,backup-precision=none','BF16',2",
    "'mxfp4','MXFP4G32',16",
  })
  void choosesFormats(String spelling, String format, long count) {
    assertThat(plan(spelling).formats()).containsEntry(format, count);
  }
}
