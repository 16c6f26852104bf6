package dev.phial.engine.arrive;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** A folder with a checkpoint in the layout of the hub, somewhere else than on this machine. */
public interface DistantFolder {
  /**
   * What converters read besides weights: configuration, tokenizer, templates, code, model card.
   */
  Pattern COMPANION =
      Pattern.compile("(?i).*\\.(json|txt|model|jinja|tiktoken|py|md)|LICENSE|NOTICE");

  /** Weights that say where each tensor is before the first of them comes. */
  Pattern WEIGHTS = Pattern.compile("(gptq_)?model.*\\.safetensors");

  /** The name of the folder. */
  String name();

  /** Names of the files that come whole. */
  List<String> companions();

  /** Names of the files of weights, which are safetensors. */
  List<String> weights();

  /** Brings one of the companions. */
  void copy(String file, Path to) throws IOException;

  /** Opens a file of weights, whose bytes are to come to a path. */
  Shard shard(String file, Path to) throws IOException;
}
