package dev.phial.conformance;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** The rooms of {@code docs/architecture.md}, and what is done in which of them only. */
final class ArchitectureTest {
  private static final String ROOT = "dev.phial";

  /** Each may import those before it, and nothing after it; the first ten are the core. */
  private static final List<String> ROOMS =
      List.of(
          "kernel",
          "tensor",
          "io",
          "quant",
          "source",
          "model",
          "plan",
          "graph",
          "choose",
          "targets",
          "engine",
          "server",
          "cli",
          "spark",
          "bench",
          "conformance");

  private static final List<String> CORE = ROOMS.subList(0, ROOMS.indexOf("engine"));

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(location -> !location.contains("-tests.jar"))
          .importPackages(ROOT);

  /**
   * {@code source} of {@code dev.phial.source}; nothing for the errors, which lie above all rooms.
   */
  private static String room(JavaClass type) {
    String name = type.getPackageName();
    return name.equals(ROOT) ? "" : name.substring(ROOT.length() + 1).replaceFirst("\\..*", "");
  }

  private static DescribedPredicate<JavaClass> in(List<String> rooms) {
    return describe(
        "in " + rooms,
        type -> type.getPackageName().startsWith(ROOT) && rooms.contains(room(type)));
  }

  @Test
  void everyRoomHasItsPlace() {
    Set<String> rooms =
        CLASSES.stream().map(ArchitectureTest::room).collect(Collectors.toCollection(TreeSet::new));
    rooms.remove("");
    assertThat(ROOMS).containsAll(rooms);
    assertThat(rooms).containsAll(CORE).contains("spark", "cli", "server", "engine");
  }

  @ParameterizedTest
  @FieldSource("ROOMS")
  void arrowsPointOneWay(String room) {
    List<String> after = ROOMS.subList(ROOMS.indexOf(room) + 1, ROOMS.size());
    noClasses()
        .that(in(List.of(room)))
        .should()
        .dependOnClassesThat(in(after))
        .allowEmptyShould(true) // a room that is planned
        .check(CLASSES);
  }

  @Test
  void errorsDependOnNothing() {
    noClasses()
        .that()
        .resideInAPackage(ROOT)
        .should()
        .dependOnClassesThat(in(ROOMS))
        .check(CLASSES);
  }

  @Test
  void onlyKernelsUseTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.phial.kernel..")
        .should()
        .dependOnClassesThat(resideInAPackage("jdk.incubator.."))
        .check(CLASSES);
  }

  @Test
  void coreStandsOnFewLibraries() {
    classes()
        .that(in(CORE))
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "dev.phial..",
            "java..",
            "javax.xml.stream..",
            "jdk.incubator.vector..",
            "org.jspecify.annotations..",
            "tools.jackson..",
            "com.google.protobuf..",
            "com.google.flatbuffers..",
            "onnx..", // generated from ONNX's schema
            "org.yaml.snakeyaml..")
        .check(CLASSES);
  }

  @Test
  void nothingIsFoundByReflection() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.util.ServiceLoader")
        .check(CLASSES);
    noClasses()
        .that(in(CORE))
        .should()
        .dependOnClassesThat(resideInAPackage("java.lang.reflect.."))
        .orShould()
        .accessTargetWhere(calls(Set.of("java.lang.Class.forName")))
        .check(CLASSES);
  }

  /** Chat templates come from files: there must be nothing for them to find. */
  @Test
  void templatesReachNothing() {
    classes()
        .that()
        .resideInAPackage("dev.phial.engine.jinja")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "dev.phial", // what makes a text printable
            "dev.phial.engine.jinja",
            "dev.phial.io", // how Python writes JSON
            "java.lang", // not java.lang.reflect
            "java.lang.invoke", // lambdas
            "java.lang.runtime", // switches over types
            "java.time..",
            "java.util",
            "java.util.function",
            "java.util.regex",
            "java.util.stream",
            "org.jspecify.annotations")
        .check(CLASSES);
  }

  @Test
  void onlyMainEndsTheProcess() {
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("dev.phial.cli.Main")
        .should()
        .accessTargetWhere(
            calls(
                Set.of(
                    "java.lang.System.exit", "java.lang.Runtime.exit", "java.lang.Runtime.halt")))
        .check(CLASSES);
  }

  /** What opens a file to read it. */
  private static final Set<String> READERS =
      Set.of(
          "java.nio.file.Files.newInputStream",
          "java.nio.file.Files.newByteChannel",
          "java.nio.file.Files.newBufferedReader",
          "java.nio.file.Files.readAllBytes",
          "java.nio.file.Files.readAllLines",
          "java.nio.file.Files.readString",
          "java.nio.file.Files.lines",
          "java.nio.file.Files.copy",
          "java.nio.channels.FileChannel.open",
          "java.io.FileInputStream.<init>",
          "java.io.FileReader.<init>",
          "java.io.RandomAccessFile.<init>",
          "java.util.Scanner.<init>",
          "java.util.zip.ZipFile.<init>");

  /** What creates a file, or changes one. */
  private static final Set<String> WRITERS =
      Set.of(
          "java.nio.file.Files.newOutputStream",
          "java.nio.file.Files.newByteChannel",
          "java.nio.file.Files.newBufferedWriter",
          "java.nio.file.Files.write",
          "java.nio.file.Files.writeString",
          "java.nio.file.Files.copy",
          "java.nio.file.Files.move",
          "java.nio.file.Files.createFile",
          "java.nio.file.Files.createTempFile",
          "java.nio.file.Files.createLink",
          "java.nio.file.Files.createSymbolicLink",
          "java.nio.channels.FileChannel.open",
          "java.io.FileOutputStream.<init>",
          "java.io.FileWriter.<init>",
          "java.io.PrintWriter.<init>",
          "java.io.RandomAccessFile.<init>");

  /** Where outputs come from: files that appear when they are complete. */
  private static final String OUTPUTS =
      "dev\\.phial\\.io\\.(AtomicFile|AtomicFolder|EntryLog|OutputFile|Parts)(\\$.*)?";

  /**
   * Keeps what it brings where all tools of the hub do, until it is complete under another name.
   */
  private static final String HUB = "dev.phial.engine.hub..";

  /** Keeps chunks of files that lie elsewhere. */
  private static final String ARRIVING = "dev.phial.engine.arrive..";

  /** Nothing else opens a connection, or waits for one. */
  @Test
  void onlyTheHubAndTheServerUseTheNetwork() {
    noClasses()
        .that()
        .resideOutsideOfPackages(HUB, "dev.phial.server..")
        .should()
        .dependOnClassesThat(
            resideInAPackage("java.net.http..")
                .or(resideInAPackage("com.sun.net.httpserver.."))
                .or(
                    describe(
                        "sockets",
                        type ->
                            type.getName()
                                .matches(
                                    "java\\.net\\.(.*Socket|URL|URLConnection)|java\\.nio\\.channels\\..*Socket.*"))))
        .check(CLASSES);
  }

  @Test
  void onlySourcesReadFiles() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.phial.source..", HUB, ARRIVING)
        .and()
        .doNotHaveFullyQualifiedName("dev.phial.io.Json") // with a limit, for sources
        .and()
        .doNotHaveFullyQualifiedName("dev.phial.io.LfsPointer") // the first bytes of a file
        .and()
        .haveNameNotMatching(OUTPUTS) // flush the folder they wrote in, copy what comes along
        .and()
        .doNotHaveFullyQualifiedName("dev.phial.cli.Stopwatch") // asks the system for its memory
        .and()
        .doNotHaveFullyQualifiedName("dev.phial.spark.HadoopOutput") // copies what is complete
        .should()
        .accessTargetWhere(calls(READERS))
        .check(CLASSES);
  }

  @Test
  void onlyAtomicOutputsAreWritten() {
    noClasses()
        .that()
        .haveNameNotMatching(OUTPUTS)
        .and()
        .resideOutsideOfPackages(HUB, ARRIVING)
        .and()
        .doNotHaveFullyQualifiedName("dev.phial.source.MappedFile") // opens a channel to read
        .and()
        .doNotHaveFullyQualifiedName("dev.phial.cli.StandardOutput") // is open already
        .should()
        .accessTargetWhere(calls(WRITERS))
        .check(CLASSES);
  }

  /**
   * @param methods as {@code package.Class.method}
   */
  private static DescribedPredicate<JavaAccess<?>> calls(Set<String> methods) {
    return describe(
        "calls " + new TreeSet<>(methods),
        access ->
            methods.contains(
                access.getTargetOwner().getName() + "." + access.getTarget().getName()));
  }
}
