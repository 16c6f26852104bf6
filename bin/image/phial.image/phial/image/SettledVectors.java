package phial.image;

import java.lang.classfile.ClassFile;
import java.lang.classfile.attribute.ModuleResolutionAttribute;
import java.util.EnumSet;
import java.util.Set;
import jdk.tools.jlink.plugin.Plugin;
import jdk.tools.jlink.plugin.ResourcePool;
import jdk.tools.jlink.plugin.ResourcePoolBuilder;

/**
 * Takes from the module of the vector instructions the mark that it is incubating, by which each
 * start of Java would warn, and go without the part of the start-up cache that has the modules.
 */
public final class SettledVectors implements Plugin {
  private static final String MODULE = "/jdk.incubator.vector/module-info.class";

  @Override
  public String getName() {
    return "settle-vectors";
  }

  @Override
  public String getDescription() {
    return "settles jdk.incubator.vector";
  }

  @Override
  public String getUsage() {
    return "  --settle-vectors";
  }

  /** Before jlink writes down what it knows of all modules. */
  @Override
  public Category getType() {
    return Category.FILTER;
  }

  @Override
  public Set<State> getState() {
    return EnumSet.of(State.AUTO_ENABLED, State.FUNCTIONAL);
  }

  @Override
  public boolean hasArguments() {
    return false;
  }

  @Override
  public ResourcePool transform(ResourcePool in, ResourcePoolBuilder out) {
    in.transformAndCopy(
        entry ->
            entry.path().equals(MODULE)
                ? entry.copyWithContent(settled(entry.contentBytes()))
                : entry,
        out);
    return out.build();
  }

  private static byte[] settled(byte[] module) {
    ClassFile tool = ClassFile.of();
    return tool.transformClass(
        tool.parse(module),
        (builder, element) -> {
          if (!(element instanceof ModuleResolutionAttribute)) {
            builder.with(element);
          }
        });
  }
}
