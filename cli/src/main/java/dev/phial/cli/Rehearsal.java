package dev.phial.cli;

/** Does what users do, for the build to train the start-up cache on; nothing else calls it. */
final class Rehearsal {
  private Rehearsal() {}

  /**
   * @param args a folder to write in
   */
  public static void main(String[] args) {
    String types = "gguf:Q4_K_M gguf:Q8_0 gguf:Q4_0 gguf:IQ4_XS gguf:Q3_K_M gguf:Q2_K";
    run(("quantize demo -o " + args[0] + " --to " + types.replace(" ", " --to ")).split(" "));
    String folders = "onnx:int4 openvino:int4 mlx:4 torch:w4a16";
    run(("quantize demo -o " + args[0] + " --to " + folders.replace(" ", " --to ")).split(" "));
    run("quantize", "demo", "-o", args[0] + "/tiny-phi3-mlx-4", "--to", "mlx:4", "--force");
    String file = args[0] + "/tiny-phi3-gguf-Q4_K_M.gguf";
    run("run", file, "-p", "Who is there?", "-n", "20", "--temperature", "0.8");
    run("run", "demo", "--chat", "-p", "Who is there?", "-n", "20");
    run("inspect", "demo");
  }

  private static void run(String... arguments) {
    int status = Main.run(arguments);
    if (status != Main.DONE) {
      throw new IllegalStateException(String.join(" ", arguments) + ": exit status " + status);
    }
  }
}
