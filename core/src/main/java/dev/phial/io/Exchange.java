package dev.phial.io;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.Charset;
import java.nio.charset.UnsupportedCharsetException;
import java.nio.file.Path;
import java.util.Optional;

/** Lets two files or folders swap their names at one instant, which Java cannot; Linux can. */
final class Exchange {
  private static final int CURRENT_FOLDER = -100; // AT_FDCWD of fcntl.h
  private static final int EXCHANGE = 2; // RENAME_EXCHANGE of linux/fs.h

  private Exchange() {}

  /**
   * Swaps what two absolute paths of one file system name.
   *
   * @return false if the system or the file system cannot; nothing has changed then
   */
  @SuppressWarnings("restricted") // native code: the launcher allows it, and this can do without
  static boolean swap(Path a, Path b) {
    if (!System.getProperty("os.name", "").equals("Linux")) {
      return false;
    }
    try (Arena arena = Arena.ofConfined()) {
      Linker linker = Linker.nativeLinker();
      Optional<MemorySegment> function = linker.defaultLookup().find("renameat2");
      Optional<MemorySegment> from = name(a, arena);
      Optional<MemorySegment> to = name(b, arena);
      if (function.isEmpty() || from.isEmpty() || to.isEmpty()) {
        return false;
      }
      MethodHandle renameat2 =
          linker.downcallHandle(
              function.get(),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_INT,
                  ValueLayout.ADDRESS,
                  ValueLayout.JAVA_INT));
      int result =
          (int)
              renameat2.invokeExact(CURRENT_FOLDER, from.get(), CURRENT_FOLDER, to.get(), EXCHANGE);
      return result == 0;
    } catch (IllegalCallerException | UnsupportedOperationException e) {
      return false; // native code is not allowed, or not supported
    } catch (Throwable e) {
      throw new AssertionError("renameat2 throws nothing", e);
    }
  }

  /** The path in the system's encoding, unless that would be the name of something else. */
  private static Optional<MemorySegment> name(Path path, Arena arena) {
    try {
      Charset encoding = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
      byte[] bytes = path.toString().getBytes(encoding);
      if (!Path.of(new String(bytes, encoding)).equals(path)) {
        return Optional.empty();
      }
      MemorySegment name = arena.allocate(bytes.length + 1L); // zeros
      MemorySegment.copy(bytes, 0, name, ValueLayout.JAVA_BYTE, 0, bytes.length);
      return Optional.of(name);
    } catch (UnsupportedCharsetException e) {
      return Optional.empty();
    }
  }
}
