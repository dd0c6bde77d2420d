//! Media types (OCI image-spec media-types.md; Docker's manifest v2 schema 1 and 2).

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image's config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// An OCI layer.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// An OCI layer, gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// An OCI layer, zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// The empty descriptor's `{}`.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The artifact manifest of the 1.1 release candidates, still found.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// A Docker image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// A Docker image's config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A Docker layer.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// A Docker layer, not packed.
pub const DOCKER_LAYER_PLAIN: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// A Docker layer, zstd: containerd's.
pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
/// A Docker layer that is fetched from elsewhere.
pub const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
/// A schema-1 manifest, signed.
pub const SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
/// A schema-1 manifest.
pub const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";

/// What is asked for unless the caller says otherwise. The last one is for registries that give nothing without it.
pub const DEFAULT_ACCEPT: [&str; 8] =
    [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT, SCHEMA1_SIGNED, SCHEMA1, "application/json"];

/// What an OCI manifest calls what a Docker one calls so.
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

/// Whether it is an index.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_LIST)
}

/// Whether it is an image manifest, or one that looks like it.
pub fn is_image(media_type: &str) -> bool {
    matches!(media_type, OCI_MANIFEST | DOCKER_MANIFEST | OCI_ARTIFACT)
}

/// Whether it is the config of an image that can be run.
pub fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, OCI_CONFIG | DOCKER_CONFIG)
}

/// Whether it is a schema-1 manifest.
pub fn is_schema1(media_type: &str) -> bool {
    matches!(media_type, SCHEMA1 | SCHEMA1_SIGNED)
}

/// Whether what has this type may name other content: any manifest, or something that does not say what it is.
pub fn is_manifest(media_type: &str) -> bool {
    let name = essence(media_type);
    name.is_empty() || is_index(&name) || is_image(&name) || is_schema1(&name)
}

/// Whether what has this type names no other content: the config of an image, or a layer.
pub fn is_blob(media_type: &str) -> bool {
    let name = essence(media_type);
    let is_layer = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];
    is_image_config(&name) || name == OCI_EMPTY || is_layer.iter().any(|family| name.starts_with(family))
}

/// Whether it is a layer that is meant to be fetched from elsewhere.
pub fn is_foreign(media_type: &str) -> bool {
    media_type == DOCKER_FOREIGN_LAYER || media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
}

/// Without parameters, in lower case.
pub fn essence(media_type: &str) -> String {
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
