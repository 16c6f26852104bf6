package dev.phial.spark;

import dev.phial.engine.arrive.ArrivingModel;
import dev.phial.engine.work.Place;
import dev.phial.engine.work.Workers;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;

/** An executor, or the driver. */
record SparkPlace(Configuration configuration) implements Place {
  @Override
  public Checkpoint open(String where) {
    return Workers.isTheirs(where)
        ? ArrivingModel.open(HadoopFolder.at(where, configuration))
        : Sources.open(Path.of(where));
  }
}
