package dev.phial.engine.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.phial.PhialException;
import dev.phial.io.UserCache;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.function.Supplier;

/**
 * Hugging Face's tokenizer library. Only its native part is loaded, from the jar by way of a folder
 * in the user's cache; what surrounds it in Java would look for GPUs and downloads first.
 */
final class NativeTokenizer {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final String RESOURCES = "/native/lib/";

  /** What the Windows library needs, in the order of need. */
  private static final List<String> WINDOWS_RUNTIME =
      List.of("libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll");

  private final TokenizersLibrary library = Loader.load();
  private final Path origin;
  private final long handle;

  /**
   * @param json the text of a tokenizer.json, already checked: some mistakes end the process
   * @param origin where it was read, for messages
   * @throws PhialException.BadInput if the library does not accept it
   */
  NativeTokenizer(String json, Path origin) {
    this.origin = origin;
    this.handle = sound(() -> library.createTokenizerFromString(json));
    long owned = handle;
    CLEANER.register(this, () -> TokenizersLibrary.LIB.deleteTokenizer(owned));
  }

  Encoding encode(String text) {
    try {
      long encoding = sound(() -> library.encode(handle, text, false));
      try {
        long[] ids = library.getTokenIds(encoding);
        int[] narrow = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
          narrow[i] = (int) ids[i];
        }
        return new Encoding(narrow, List.of(library.getTokens(encoding)));
      } finally {
        library.deleteEncoding(encoding);
      }
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  String decode(int[] ids) {
    try {
      long[] wide = new long[ids.length];
      for (int i = 0; i < ids.length; i++) {
        wide[i] = ids[i];
      }
      return sound(() -> library.decode(handle, wide, false));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Does something that goes wrong only if the tokenizer is no sound one. */
  private <T> T sound(Supplier<T> action) {
    try {
      return action.get();
    } catch (RuntimeException e) {
      throw new PhialException.BadInput(
          "%s: expected a sound tokenizer, found an error: %s".formatted(origin, e.getMessage()),
          e);
    }
  }

  /** Loads the library the first time one is needed. */
  private static final class Loader {
    private static boolean isLoaded;

    private Loader() {}

    /**
     * @throws PhialException if there is no library for this machine, or no place to unpack it
     */
    static synchronized TokenizersLibrary load() {
      if (!isLoaded) {
        loadNative();
        isLoaded = true;
      }
      return TokenizersLibrary.LIB;
    }

    @SuppressWarnings("restricted") // bin/phial.args allows native access
    private static void loadNative() {
      String platform = platform();
      List<String> names =
          new ArrayList<>(platform.startsWith("win") ? WINDOWS_RUNTIME : List.of());
      names.add(System.mapLibraryName("tokenizers"));
      Path folder =
          UserCache.unpack(
              TokenizersLibrary.class,
              RESOURCES + platform + "/cpu/",
              names,
              "tokenizers-" + version() + "-" + platform);
      for (String name : names) {
        try {
          System.load(folder.resolve(name).toAbsolutePath().toString());
        } catch (UnsatisfiedLinkError e) {
          throw new PhialException.Unsupported(
              "%s: expected a library that can be loaded, found an error: %s; set XDG_CACHE_HOME to a folder whose files may be executed"
                  .formatted(folder, e.getMessage()));
        }
      }
    }

    private static String version() {
      Properties properties = new Properties();
      try (InputStream in =
          TokenizersLibrary.class.getResourceAsStream(RESOURCES + "tokenizers.properties")) {
        properties.load(in);
      } catch (IOException e) {
        throw new IllegalStateException("the tokenizers jar is damaged", e);
      }
      return properties.getProperty("version");
    }
  }

  /** As the jar names its folders. */
  private static String platform() {
    String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String arch = System.getProperty("os.arch");
    String system = os.startsWith("mac") ? "osx" : os.startsWith("win") ? "win" : "linux";
    String machine = arch.equals("amd64") ? "x86_64" : arch;
    String platform = system + "-" + machine;
    if (!List.of("linux-x86_64", "linux-aarch64", "osx-aarch64", "win-x86_64").contains(platform)) {
      throw new PhialException.Unsupported(
          "expected Linux or Windows on x86-64, or Linux or macOS on ARM, found %s; there is no tokenizer library for it"
              .formatted(platform));
    }
    return platform;
  }
}
