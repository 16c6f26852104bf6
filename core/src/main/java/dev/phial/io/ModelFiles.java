package dev.phial.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Which files a model consists of, by their names: those that exporters write and readers read. */
public final class ModelFiles {
  /** The name of the manifest that Phial writes, which names the files it wrote with it. */
  public static final String MANIFEST = "phial.json";

  private static final int LARGEST_MANIFEST = 16 << 20;

  /** What transformers, ONNX Runtime's model builder, optimum-intel and mlx_lm write. */
  private static final Pattern EXPORTED =
      Pattern.compile(
          "config\\.json|(generation|genai|openvino|tokenizer|processor|preprocessor)_config\\.json"
              + "|tokenizer\\.(json|model)|(special_tokens_map|added_tokens|vocab)\\.json|merges\\.txt"
              + "|chat_template\\.(json|jinja)|.*\\.tiktoken"
              + "|(configuration|modeling|tokenization|processing|positional|triton)_\\w+\\.py"
              + "|.*\\.safetensors|model\\.safetensors\\.index\\.json"
              + "|.*\\.onnx(\\.data)?|openvino_\\w+\\.(xml|bin)");

  /** What else of a checkpoint is read. */
  private static final Pattern READ =
      Pattern.compile(
          "README\\.md|hf_quant_config\\.json|pytorch_model\\.bin\\.index\\.json|.*\\.(bin|pt|pth|py|data|xml|tflite|litertlm)|"
              + Pattern.quote(MANIFEST));

  private ModelFiles() {}

  /**
   * The files of a folder that may be read when the model in it is.
   *
   * @throws dev.phial.PhialException.BadInput if the folder cannot be listed
   */
  static List<Path> readFrom(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(file -> isExported(name(file)) || isRead(name(file))).toList();
    } catch (IOException e) {
      throw Json.unreadable(folder, e);
    }
  }

  /**
   * An entry of a folder that neither Phial nor the exporter of a runtime wrote there, if there is
   * one: they write no folders, links or devices.
   */
  static Optional<String> foreign(Path folder) throws IOException {
    List<String> files = new ArrayList<>();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.sorted().toList()) {
        if (!Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS)) {
          return Optional.of(name(entry));
        }
        files.add(name(entry));
      }
    }
    return foreign(files, () -> Json.open(folder.resolve(MANIFEST)));
  }

  /**
   * The first file of a folder, wherever that is, which neither Phial nor the exporter of a runtime
   * wrote there: in a folder with a manifest, what it does not name; in one with all that a runtime
   * loads, what no exporter writes; in any other folder, everything.
   *
   * @param files names of all that is there
   * @param manifest opened if there is one among them
   */
  public static Optional<String> foreign(List<String> files, Opener manifest) throws IOException {
    Predicate<String> ours =
        files.contains(MANIFEST)
            ? written(manifest)::contains
            : isWhole(files) ? ModelFiles::isExported : name -> false;
    return files.stream().filter(Predicate.not(ours)).findFirst();
  }

  /** Something that can be read. */
  @FunctionalInterface
  public interface Opener {
    /** Begins at the beginning. */
    InputStream open() throws IOException;
  }

  /** Whether there is all that some runtime needs to load a model. */
  private static boolean isWhole(List<String> names) {
    boolean onnx =
        names.contains("genai_config.json")
            && names.stream().anyMatch(name -> name.endsWith(".onnx"));
    boolean openvino =
        names.contains("config.json")
            && Stream.of("openvino_model", "openvino_language_model")
                .anyMatch(graph -> names.containsAll(List.of(graph + ".xml", graph + ".bin")));
    boolean safetensors =
        names.contains("config.json")
            && names.stream().anyMatch(name -> name.endsWith(".safetensors"));
    return onnx || openvino || safetensors;
  }

  /** What a manifest says was written, itself included; nothing if it makes no sense. */
  public static Set<String> written(Opener manifest) throws IOException {
    Set<String> names = new HashSet<>();
    try (InputStream in = manifest.open()) {
      JsonNode files = Json.MAPPER.readTree(in.readNBytes(LARGEST_MANIFEST)).path("files");
      if (!files.isEmpty()) {
        names.add(MANIFEST);
        names.addAll(files.propertyNames());
      }
    } catch (JacksonException e) {
      return Set.of();
    }
    return names;
  }

  private static boolean isExported(String name) {
    return EXPORTED.matcher(name).matches();
  }

  private static boolean isRead(String name) {
    return READ.matcher(name).matches();
  }

  private static String name(Path file) {
    return String.valueOf(file.getFileName());
  }
}
