package phial.image;

import java.util.spi.ToolProvider;
import jdk.internal.module.Modules;
import jdk.tools.jlink.plugin.Plugin;

/**
 * Runs jlink with {@link SettledVectors} among its plugins: a module that is not exported to others
 * cannot be provided for by theirs, so it is added at run time.
 *
 * <p>{@code MakeImage OPTIONS-OF-JLINK...}
 */
public final class MakeImage {
  private MakeImage() {}

  public static void main(String[] arguments) {
    Modules.addProvides(MakeImage.class.getModule(), Plugin.class, SettledVectors.class);
    ToolProvider jlink = ToolProvider.findFirst("jlink").orElseThrow();
    System.exit(jlink.run(System.out, System.err, arguments));
  }
}
