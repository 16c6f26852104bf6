package dev.phial.target.onnx;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What cannot be asked for, and what is said instead of a stack trace. */
final class OnnxOptionsTest {
  private static ThrowingCallable plan(String model, String spelling) {
    return () -> {
      try (Checkpoint checkpoint = Sources.open(Export.MODELS.resolve(model))) {
        Export.plan(checkpoint, spelling);
      }
    };
  }

  @ParameterizedTest
  @CsvSource({
    "'int5','expected one of int4, int8, fp16, bf16, fp32, found int5'",
    "'int4,ep=tpu','--ep: expected one of cpu, cuda, dml, webgpu, found tpu'",
    "'int4,block-size=48','expected one of [16, 32, 64, 128, 256], found 48'",
    "'int4,block-size=x','--block-size: expected a number, found x'",
    "'int4,accuracy-level=7','expected 0 to 4, found 7'",
    "'int4,algo=gptq','--algo: expected one of default, rtn, k_quant, found gptq'",
    "'int4,mixed=all','--mixed: expected last_matmul or mixed_layers, found all'",
    "'int4,symmetric,asymmetric','cannot be used together'",
    "'int4,shared-embeddings=yes','expected true or false, found yes'",
    "'fp32,block-size=32','expected a quantized precision such as onnx:int4, found onnx:fp32'",
    "'int8,qdq','--qdq: expected 4 bits everywhere, found 8'",
    "'int4,qdq,algo=rtn','--qdq: expected --algo default, found rtn'",
    "'int8,mixed=last_matmul','which onnx:int8 does already'",
  })
  void refusesWhatMakesNoSense(String spelling, String message) {
    assertThatExceptionOfType(PhialException.Usage.class)
        .isThrownBy(plan("tiny-phi3", spelling))
        .withMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource({
    "'fp16,ep=cpu','--ep cpu: expected one of int4, int8, fp32'",
    "'fp32,ep=cuda','--ep cuda: expected one of int4, int8, fp16, bf16'",
    "'int8,ep=dml','--ep dml: expected one of int4, fp16'",
    "'bf16,ep=webgpu','--ep webgpu: expected one of int4, int8, fp16, fp32'",
    "'int4,shared-embeddings=true','expected a model with one matrix for input and output'",
  })
  void refusesWhatTheProviderCannotRun(String spelling, String message) {
    assertThatExceptionOfType(PhialException.Unsupported.class)
        .isThrownBy(plan("tiny-phi3", spelling))
        .withMessageContaining(message);
  }

  @Test
  void refusesExpertsWhereNoKernelRunsThem() {
    assertThatThrownBy(plan("phi35-moe", "int4,ep=dml"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("no mixture of experts");
  }

  @Test
  void refusesBlocksWhereNoKernelAttendsToThem() {
    assertThatThrownBy(plan("phi3-small-8k", "int4,ep=dml"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("blocks of tokens");
  }
}
