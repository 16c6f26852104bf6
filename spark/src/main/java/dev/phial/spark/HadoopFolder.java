package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.engine.arrive.DistantFolder;
import dev.phial.engine.arrive.Shard;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A folder with a checkpoint in a file system that Hadoop knows.
 *
 * @param sizes of its files, by their names
 */
record HadoopFolder(FileSystem files, Path path, Map<String, Long> sizes) implements DistantFolder {
  /**
   * @param where its URI
   * @throws PhialException.BadInput if there is no such folder, or it holds no safetensors
   */
  static HadoopFolder at(String where, Configuration configuration) {
    Map<String, Long> sizes = new TreeMap<>();
    try {
      Path path = new Path(where);
      FileSystem files = path.getFileSystem(configuration);
      for (FileStatus file : files.listStatus(path)) {
        if (file.isFile()) {
          sizes.put(file.getPath().getName(), file.getLen());
        }
      }
      HadoopFolder folder = new HadoopFolder(files, path, sizes);
      if (!sizes.containsKey("config.json") || folder.weights().isEmpty()) {
        throw new PhialException.BadInput(
            "%s: expected a folder with a config.json and safetensors, found %d other files; any other model must lie in a folder that all machines see"
                .formatted(where, sizes.size()));
      }
      return folder;
    } catch (FileNotFoundException e) {
      throw new PhialException.BadInput(where + ": there is no such folder", e);
    } catch (IOException | IllegalArgumentException e) {
      throw unreadable(where, e);
    }
  }

  static PhialException unreadable(Object what, Exception e) {
    return new PhialException.BadInput("%s cannot be read: %s".formatted(what, reason(e)), e);
  }

  /** In the words of Hadoop, whose messages may go on with a trace. */
  static String reason(Exception e) {
    return Objects.requireNonNullElse(e.getMessage(), e.toString()).split("\n", 2)[0];
  }

  @Override
  public String name() {
    return path.getName();
  }

  @Override
  public List<String> companions() {
    return named(COMPANION);
  }

  @Override
  public List<String> weights() {
    return named(WEIGHTS);
  }

  private List<String> named(Pattern pattern) {
    return sizes.keySet().stream().filter(name -> pattern.matcher(name).matches()).toList();
  }

  @Override
  public void copy(String file, java.nio.file.Path to) {
    Path from = new Path(path, file);
    try {
      files.copyToLocalFile(false, from, new Path(to.toUri()), true);
    } catch (IOException e) {
      throw unreadable(from, e);
    }
  }

  @Override
  public Shard shard(String file, java.nio.file.Path to) throws IOException {
    return new HadoopShard(
        files, new Path(path, file), to, Objects.requireNonNull(sizes.get(file)));
  }
}
