package dev.phial.targets.onnx;

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
    "'int5','expected one of int4, int8, w8a8, fp16, bf16, fp32, found int5'",
    "'int4,ep=tpu','--ep: expected one of cpu, cuda, dml, webgpu, qnn, found tpu'",
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
    "'w8a8,algo=rtn','--algo: expected quantized weights alone, as of onnx:int4, found onnx:w8a8'",
    "'int8,ranges=x.json','--ranges: expected quantized activations, as of onnx:w8a8, found onnx:int8'",
    "'w8a8,calibrate-method=mean','expected one of minmax, percentile, entropy, found mean'",
    "'w8a8,percentile=99','expected --calibrate-method percentile, found minmax'",
    "'w8a8,calibrate-method=percentile,percentile=101','expected a number from 0 to 100, found 101'",
    "'w8a8,smooth-quant-alpha=1.5','expected a number from 0 to 1, found 1.5'",
    "'w8a8,smooth-quant-alpha=NaN','expected a number from 0 to 1, found NaN'",
    "'w8a8,calibration-chunks=0','expected a number above 0, found 0'",
    "'w8a8,ranges=x.json,calibrate-method=minmax','omit --ranges or this'",
    "'int4,activations=uint8','--activations: expected --ep qnn'",
    "'int4,ep=qnn,activations=int8','--activations: expected uint16 or uint8, found int8'",
    "'int4,ep=qnn,context-length=4096','--context-length: expected at most 1024, found 4096'",
    "'int4,ep=qnn,context-length=64,prompt-length=33','--prompt-length: expected 2 to 32, half of the context, found 33'",
    "'int4,ep=qnn,prompt-length=1','--prompt-length: expected 2 to'",
    "'int4,ep=qnn,prompt-length=-4','--prompt-length: expected a number, found -4'",
    "'int4,ep=qnn,smooth-quant-alpha=0.5','--smooth-quant-alpha is for onnx:w8a8'",
    "'int4,ep=qnn,block-size=32','--block-size is not for --ep qnn'",
    "'int4,ep=qnn,mixed=mixed_layers','--mixed: expected last_matmul with --ep qnn, found mixed_layers'",
    "'w8a8,nodes-to-exclude=/lm_head','expected the name of a MatMul such as /lm_head/MatMul, found /lm_head'",
    "'w8a8,nodes-to-exclude=/model/layers.0/mlp/up_proj/MatMul','all nodes that read the same'",
  })
  void refusesWhatMakesNoSense(String spelling, String message) {
    assertThatExceptionOfType(PhialException.Usage.class)
        .isThrownBy(plan("tiny-phi3", spelling))
        .withMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource({
    "'fp16,ep=cpu','--ep cpu: expected one of int4, int8, w8a8, fp32'",
    "'fp32,ep=cuda','--ep cuda: expected one of int4, int8, fp16, bf16'",
    "'int8,ep=dml','--ep dml: expected one of int4, fp16'",
    "'w8a8,ep=cuda','--ep cuda: expected one of int4, int8, fp16, bf16'",
    "'bf16,ep=webgpu','--ep webgpu: expected one of int4, int8, fp16, fp32'",
    "'fp16,ep=qnn','--ep qnn: expected int4 or int8, which the accelerator computes with, found fp16'",
    "'w8a8,ep=qnn','--ep qnn: expected int4 or int8'",
    "'int4,shared-embeddings=true','expected a model with one matrix for input and output'",
  })
  void refusesWhatTheProviderCannotRun(String spelling, String message) {
    assertThatExceptionOfType(PhialException.Unsupported.class)
        .isThrownBy(plan("tiny-phi3", spelling))
        .withMessageContaining(message);
  }

  @Test
  void refusesExpertsInStaticGraphs() {
    assertThatThrownBy(plan("phi35-moe", "int4,ep=qnn"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("--ep qnn: expected layers that treat all tokens alike");
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
