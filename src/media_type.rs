//! Media types (OCI image-spec media-types.md; Docker's manifest v2 schema 1 and 2).

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image's config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// An OCI layer, uncompressed.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// An OCI layer, compressed with gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// An OCI layer, compressed with zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// The empty descriptor's content, `{}`.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The artifact manifest of the 1.1 release candidates, still in use.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// A Docker image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// A Docker image's config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A Docker layer, compressed with gzip.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// A Docker layer, uncompressed.
pub const DOCKER_LAYER_PLAIN: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// A Docker layer, compressed with zstd: used by containerd.
pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
/// A Docker layer that is fetched from elsewhere.
pub const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
/// A signed schema-1 manifest.
pub const SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
/// An unsigned schema-1 manifest.
pub const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";

/// The types accepted by default. The last one is for registries that answer nothing without it.
pub(crate) const DEFAULT_ACCEPT: [&str; 8] =
    [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, SCHEMA1_SIGNED, SCHEMA1, "application/json"];

/// The OCI media type that corresponds to a Docker one; None if there is none.
pub fn oci_of(media_type: &str) -> Option<&'static str> {
    match media_type {
        DOCKER_MANIFEST => Some(OCI_MANIFEST),
        DOCKER_LIST => Some(OCI_INDEX),
        DOCKER_CONFIG => Some(OCI_CONFIG),
        DOCKER_LAYER => Some(OCI_LAYER_GZIP),
        DOCKER_LAYER_PLAIN => Some(OCI_LAYER),
        DOCKER_LAYER_ZSTD => Some(OCI_LAYER_ZSTD),
        DOCKER_FOREIGN_LAYER => Some("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
        _ => None,
    }
}

/// Whether it is an index or a manifest list.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST)
}

/// Whether it is an image manifest, OCI or Docker.
pub fn is_image(media_type: &str) -> bool {
    matches!(media_type, OCI_MANIFEST | DOCKER_MANIFEST | OCI_ARTIFACT)
}

/// Whether it is the config of an image that can be run, OCI or Docker.
pub(crate) fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, OCI_CONFIG | DOCKER_CONFIG)
}

/// Whether it is a schema-1 manifest, signed or not.
pub fn is_schema1(media_type: &str) -> bool {
    matches!(media_type, SCHEMA1 | SCHEMA1_SIGNED)
}

/// Whether content of this type may refer to other content: any manifest, or an unknown type.
pub fn is_manifest(media_type: &str) -> bool {
    let name = essence(media_type);
    name.is_empty() || is_index(&name) || is_image(&name) || is_schema1(&name)
}

/// Whether content of this type refers to no other content: the config of an image, or a layer.
pub(crate) fn is_blob(media_type: &str) -> bool {
    let name = essence(media_type);
    is_image_config(&name) || name == OCI_EMPTY || is_layer(&name)
}

/// Whether it is a layer of files, in whatever way it is packed.
pub(crate) fn is_layer(media_type: &str) -> bool {
    let name = essence(media_type);
    let families = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];
    families.iter().any(|family| name.starts_with(family))
}

/// Whether it is a foreign layer, which is normally fetched from elsewhere.
pub(crate) fn is_foreign(media_type: &str) -> bool {
    media_type == DOCKER_FOREIGN_LAYER || media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
}

/// The media type without parameters, in lower case.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_no_part_of_a_type() {
        assert_eq!(essence(" Application/JSON ; charset=utf-8"), "application/json");
        assert_eq!(essence(""), "");
    }

    #[test]
    fn every_default_is_of_one_kind() {
        for media_type in &DEFAULT_ACCEPT[..7] {
            let kinds = [is_index(media_type), is_image(media_type), is_schema1(media_type)];
            assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{media_type}");
        }
    }
}
