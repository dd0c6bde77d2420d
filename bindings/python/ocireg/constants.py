"""Texts that the specifications define."""

from __future__ import annotations

from typing import Final

# The registry of names without one.
DEFAULT_INDEX: Final = "docker.io"
# The tag of names that have neither tag nor digest.
DEFAULT_TAG: Final = "latest"


class MediaType:
    """The media types of manifests, configs and layers."""

    # An OCI image manifest.
    OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
    # An OCI index.
    OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
    # An OCI image's config.
    OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
    # An OCI layer, uncompressed.
    OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
    # An OCI layer, compressed with gzip.
    OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
    # An OCI layer, compressed with zstd.
    OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
    # The empty descriptor's content, `{}`.
    OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
    # The artifact manifest of the 1.1 release candidates, still in use.
    OCI_ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"
    # A Docker image manifest.
    DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
    # A Docker manifest list.
    DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
    # A Docker image's config.
    DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
    # A Docker layer, compressed with gzip.
    DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    # A Docker layer, uncompressed.
    DOCKER_LAYER_PLAIN: Final = "application/vnd.docker.image.rootfs.diff.tar"
    # A Docker layer, compressed with zstd: used by containerd.
    DOCKER_LAYER_ZSTD: Final = "application/vnd.docker.image.rootfs.diff.tar.zstd"
    # A Docker layer that is fetched from elsewhere.
    DOCKER_FOREIGN_LAYER: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    # A signed schema-1 manifest.
    SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    # An unsigned schema-1 manifest.
    SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
