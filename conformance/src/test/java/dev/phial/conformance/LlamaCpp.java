package dev.phial.conformance;

import static org.junit.jupiter.api.Assumptions.abort;

import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LogLevel;
import de.kherud.llama.ModelParameters;
import de.kherud.llama.args.LogFormat;
import dev.phial.io.Json;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * llama.cpp, generating greedily in a process of its own: when it crashes, that is a result of the
 * test and not the end of it.
 */
enum LlamaCpp {
  /** The library within {@code de.kherud:llama}: build 4916, of March 2025. */
  BUNDLED {
    // types of later builds
    private static final Set<GgmlFormat> UNKNOWN =
        Set.of(Formats.MXFP4, Formats.Q1_0, Formats.Q2_0);

    @Override
    boolean knows(GgmlFormat format) {
      return !UNKNOWN.contains(format);
    }

    @Override
    Map<Path, String> generate(Path folder, List<Path> files, String prompt, int tokens) {
      List<String> words =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--enable-native-access=ALL-UNNAMED",
                  "-Dde.kherud.llama.tmpdir=" + folder, // where it unpacks itself
                  "-cp",
                  System.getProperty("java.class.path", ""),
                  LlamaCpp.class.getName(),
                  prompt,
                  String.valueOf(tokens)));
      files.forEach(file -> words.add(file.toString()));
      Command.Result result = Command.run(folder, words);
      if (result.status() == NO_LIBRARY) {
        return abort("llama.cpp cannot be loaded on this machine: " + result.out());
      }
      Map<Path, String> texts = new LinkedHashMap<>();
      Json.MAPPER
          .readTree(result.succeeded().out())
          .properties()
          .forEach(text -> texts.put(Path.of(text.getKey()), text.getValue().asString()));
      return texts;
    }
  },

  /** A newer one: the environment variable {@code PHIAL_LLAMA} names its build folder. */
  BUILT {
    private static final @Nullable String FOLDER = System.getenv("PHIAL_LLAMA");

    @Override
    boolean knows(GgmlFormat format) {
      return true;
    }

    @Override
    Map<Path, String> generate(Path folder, List<Path> files, String prompt, int tokens) {
      if (FOLDER == null) {
        return abort("PHIAL_LLAMA names no build folder of llama.cpp");
      }
      Map<Path, String> texts = new LinkedHashMap<>();
      for (Path file : files) {
        List<String> words = new ArrayList<>();
        words.add(Path.of(FOLDER, "bin", "llama-completion").toString());
        words.addAll(List.of("-m", file.toString(), "-p", prompt, "-n", String.valueOf(tokens)));
        words.addAll(
            List.of("--temp", "0", "-c", "256", "-t", "1", "--no-display-prompt", "-no-cnv"));
        words.add("--no-repack"); // its AMX kernels answer nothing sensible to rows this short
        texts.put(file, Command.run(folder, words).succeeded().out().replace(" [end of text]", ""));
      }
      return texts;
    }
  };

  private static final int NO_LIBRARY = 3;

  /** Whether it can compute with this type. */
  abstract boolean knows(GgmlFormat format);

  /**
   * Loads each file and continues the prompt.
   *
   * @param folder for scratch files
   * @return the text that each file gave
   */
  abstract Map<Path, String> generate(Path folder, List<Path> files, String prompt, int tokens);

  /** Arguments: the prompt, the number of tokens, files. Prints a JSON object of file to text. */
  public static void main(String[] arguments) {
    PrintStream out = System.out;
    System.setOut(System.err); // the library tells where it unpacks itself
    int status = 0;
    try {
      LlamaModel.setLogger(LogFormat.TEXT, LlamaCpp::log);
      ObjectNode texts = Json.MAPPER.createObjectNode();
      for (String file : List.of(arguments).subList(2, arguments.length)) {
        System.err.println("loading " + file);
        texts.put(file, generate(file, arguments[0], Integer.parseInt(arguments[1])));
      }
      out.println(texts);
    } catch (UnsatisfiedLinkError e) {
      out.println(e.getMessage());
      status = NO_LIBRARY;
    } catch (RuntimeException | AssertionError e) {
      e.printStackTrace();
      status = 1;
    }
    Runtime.getRuntime().halt(status); // threads of the library would keep the process for ever
  }

  private static String generate(String file, String prompt, int tokens) {
    try (LlamaModel model =
        new LlamaModel(new ModelParameters().setModel(file).setCtxSize(256).setThreads(1))) {
      InferenceParameters greedy =
          new InferenceParameters(prompt)
              .setTemperature(0)
              .setNPredict(tokens)
              .setCachePrompt(false);
      String text = model.complete(greedy);
      String again = model.complete(greedy);
      if (!again.equals(text)) {
        throw new AssertionError("%s says %s, and then %s".formatted(file, text, again));
      }
      return text;
    }
  }

  private static void log(LogLevel level, String message) {
    if (level == LogLevel.ERROR) {
      System.err.print(message);
    }
  }
}
