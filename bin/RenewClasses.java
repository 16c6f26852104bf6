import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Gives classes that were compiled for Java 5 and before the class files of Java 8: the same code, with the stack maps that
 * the start-up cache asks for. Picocli is such a library, and a third of the time of its start goes into verifying it.
 *
 * <p>{@code java RenewClasses.java JAR...}
 */
final class RenewClasses {
  private RenewClasses() {}

  public static void main(String[] jars) throws IOException {
    for (String jar : jars) {
      try (FileSystem files = FileSystems.newFileSystem(Path.of(jar))) {
        renew(files.getPath("/"));
      }
    }
  }

  private static void renew(Path root) throws IOException {
    List<Path> classes;
    try (Stream<Path> all = Files.walk(root)) {
      classes = all.filter(file -> file.toString().endsWith(".class")).toList();
    }
    ClassHierarchyResolver beside = ClassHierarchyResolver.ofResourceParsing(type -> open(root, type));
    ClassFile tool =
        ClassFile.of(
            ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
            ClassFile.ClassHierarchyResolverOption.of(
                beside.orElse(ClassHierarchyResolver.defaultResolver())));
    for (Path file : classes) {
      ClassModel model = tool.parse(Files.readAllBytes(file));
      if (model.majorVersion() < ClassFile.JAVA_6_VERSION) {
        Files.write(file, renew(tool, model));
      }
    }
  }

  private static byte[] renew(ClassFile tool, ClassModel model) {
    return tool.transformClass(
        model,
        (builder, element) -> {
          switch (element) {
            case ClassFileVersion old -> builder.withVersion(ClassFile.JAVA_8_VERSION, 0);
            case MethodModel method ->
                builder.transformMethod(
                    method, MethodTransform.transformingCode(CodeTransform.ACCEPT_ALL));
            default -> builder.with(element);
          }
        });
  }

  private static InputStream open(Path root, ClassDesc type) {
    String descriptor = type.descriptorString(); // Lpicocli/CommandLine;
    Path file = root.resolve(descriptor.substring(1, descriptor.length() - 1) + ".class");
    try {
      return Files.exists(file) ? Files.newInputStream(file) : null;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
