package dev.phial.spark;

import dev.phial.engine.work.Place;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;

/** An executor, or the driver. */
record SparkPlace(Configuration configuration) implements Place {
  @Override
  public Checkpoint open(String where) {
    return Sources.open(Path.of(where));
  }
}
