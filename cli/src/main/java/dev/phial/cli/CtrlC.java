package dev.phial.cli;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/**
 * Gives Ctrl-C a meaning. Java has no other way than {@code sun.misc.Signal}, of whose use the
 * compiler warns without end: so it is reached by its name. A JVM that lacks it ends on Ctrl-C.
 */
final class CtrlC implements AutoCloseable {
  private final @Nullable MethodHandle handle; // of a SignalHandler, returning the one before
  private final @Nullable Object own;
  private final @Nullable Object before;

  /**
   * @param action what to do, in a thread of its own
   */
  CtrlC(Runnable action) {
    MethodHandle bound = null;
    Object mine = null;
    Object others = null;
    try {
      MethodHandles.Lookup lookup = MethodHandles.publicLookup();
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      MethodHandle run =
          lookup
              .findVirtual(Runnable.class, "run", MethodType.methodType(void.class))
              .bindTo(action);
      mine =
          MethodHandleProxies.asInterfaceInstance(
              handler.asSubclass(Object.class), MethodHandles.dropArguments(run, 0, signal));
      Object interrupt =
          lookup
              .findConstructor(signal, MethodType.methodType(void.class, String.class))
              .invoke("INT");
      bound =
          lookup
              .findStatic(signal, "handle", MethodType.methodType(handler, signal, handler))
              .bindTo(interrupt);
      others = bound.invoke(mine);
    } catch (Throwable e) {
      // not this JVM; or it was told to leave signals alone
    }
    this.handle = others == null ? null : bound;
    this.own = mine;
    this.before = others;
  }

  /** Has the action done the next time. */
  void arm() {
    set(own);
  }

  /** Has the process end the next time, as it would without this. */
  void disarm() {
    set(before);
  }

  private void set(@Nullable Object handler) {
    if (handle != null) {
      try {
        Object _ = handle.invoke(handler);
      } catch (Throwable e) {
        throw new AssertionError(e);
      }
    }
  }

  @Override
  public void close() {
    disarm();
  }
}
