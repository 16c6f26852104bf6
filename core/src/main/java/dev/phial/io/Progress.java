package dev.phial.io;

/** Told how far a pass has come; called by several threads. */
public interface Progress {
  Progress NONE =
      new Progress() {
        @Override
        public void start(long totalBytes) {}

        @Override
        public void advance(String tensor, long bytes) {}
      };

  /** Called once, before any work, with the bytes of the checkpoint that will be read. */
  void start(long totalBytes);

  /** Called after each piece of work. */
  void advance(String tensor, long bytes);
}
