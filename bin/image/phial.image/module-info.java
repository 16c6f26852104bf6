/** Makes the Java that Phial brings along. */
module phial.image {
  requires jdk.jlink;

  exports phial.image; // to jlink
}
