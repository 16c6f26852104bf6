package dev.phial.engine.work;

import java.nio.file.Path;
import java.util.List;

/**
 * An output that is to appear in a file system of other machines once it is complete here.
 *
 * @param to URI of the output: of the folder that it is, or what its files are called after
 * @param files of it here, the manifest last if there is one
 * @param isFolder whether they make up a folder, and do not lie among others
 * @param replace whether they may replace what is there
 */
public record Delivery(String to, List<Path> files, boolean isFolder, boolean replace) {}
