# frozen_string_literal: true

module Ocireg
  # The registry of names without one.
  DEFAULT_INDEX = "docker.io"
  # The tag of names that have neither tag nor digest.
  DEFAULT_TAG = "latest"

  # The media types of manifests, configs and layers.
  module MediaType
    # An OCI image manifest.
    OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
    # An OCI index.
    OCI_INDEX = "application/vnd.oci.image.index.v1+json"
    # An OCI image's config.
    OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
    # An OCI layer.
    OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
    # An OCI layer, gzip.
    OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
    # An OCI layer, zstd.
    OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
    # The empty descriptor's {}.
    OCI_EMPTY = "application/vnd.oci.empty.v1+json"
    # The artifact manifest of the 1.1 release candidates, which are still in use.
    OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
    # A Docker image manifest.
    DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
    # A Docker manifest list.
    DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
    # A Docker image's config.
    DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
    # A Docker layer.
    DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    # An uncompressed Docker layer.
    DOCKER_LAYER_PLAIN = "application/vnd.docker.image.rootfs.diff.tar"
    # A Docker layer compressed with zstd.
    DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"
    # A Docker layer that is fetched from elsewhere.
    DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    # A signed schema-1 manifest.
    SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    # An unsigned schema-1 manifest.
    SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
  end
end
