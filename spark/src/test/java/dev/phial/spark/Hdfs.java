package dev.phial.spark;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/** A name node and a data node in this process. */
record Hdfs(MiniDFSCluster cluster, DistributedFileSystem files) implements AutoCloseable {
  static Hdfs start(Path disks) throws IOException {
    Configuration configuration = new Configuration();
    configuration.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, disks.toString());
    MiniDFSCluster cluster = new MiniDFSCluster.Builder(configuration).numDataNodes(1).build();
    return new Hdfs(cluster, cluster.getFileSystem());
  }

  org.apache.hadoop.fs.Path path(String path) {
    return files.makeQualified(new org.apache.hadoop.fs.Path(path));
  }

  String uri(String path) {
    return path(path).toString();
  }

  void put(Path from, String to) throws IOException {
    files.copyFromLocalFile(new org.apache.hadoop.fs.Path(from.toUri()), path(to));
  }

  void get(String from, Path to) throws IOException {
    files.copyToLocalFile(false, path(from), new org.apache.hadoop.fs.Path(to.toUri()), true);
  }

  /** What is in a folder, hidden or not, in alphabetical order. */
  List<String> names(String folder) throws IOException {
    return Arrays.stream(files.listStatus(path(folder)))
        .map(FileStatus::getPath)
        .map(org.apache.hadoop.fs.Path::getName)
        .sorted()
        .toList();
  }

  @Override
  public void close() {
    cluster.shutdown(true);
  }
}
