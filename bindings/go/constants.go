package ocireg

// #include "shim.h"
import "C"

// The defaults for names without a registry or tag.
const (
	// DefaultIndex is the registry of names without one.
	DefaultIndex = C.OCIREG_DEFAULT_INDEX
	// DefaultTag is the tag of names that have neither tag nor digest.
	DefaultTag = C.OCIREG_DEFAULT_TAG
)

// Media types.
const (
	// MediaTypeOCIManifest is an OCI image manifest.
	MediaTypeOCIManifest = C.OCIREG_MEDIA_TYPE_OCI_MANIFEST
	// MediaTypeOCIIndex is an OCI index.
	MediaTypeOCIIndex = C.OCIREG_MEDIA_TYPE_OCI_INDEX
	// MediaTypeOCIConfig is an OCI image's config.
	MediaTypeOCIConfig = C.OCIREG_MEDIA_TYPE_OCI_CONFIG
	// MediaTypeOCILayer is an OCI layer.
	MediaTypeOCILayer = C.OCIREG_MEDIA_TYPE_OCI_LAYER
	// MediaTypeOCILayerGzip is an OCI layer compressed with gzip.
	MediaTypeOCILayerGzip = C.OCIREG_MEDIA_TYPE_OCI_LAYER_GZIP
	// MediaTypeOCILayerZstd is an OCI layer compressed with zstd.
	MediaTypeOCILayerZstd = C.OCIREG_MEDIA_TYPE_OCI_LAYER_ZSTD
	// MediaTypeOCIEmpty is the empty descriptor's {}.
	MediaTypeOCIEmpty = C.OCIREG_MEDIA_TYPE_OCI_EMPTY
	// MediaTypeOCIArtifact is the artifact manifest of the 1.1 release candidates, which is still in use.
	MediaTypeOCIArtifact = C.OCIREG_MEDIA_TYPE_OCI_ARTIFACT
	// MediaTypeDockerManifest is a Docker image manifest.
	MediaTypeDockerManifest = C.OCIREG_MEDIA_TYPE_DOCKER_MANIFEST
	// MediaTypeDockerList is a Docker manifest list.
	MediaTypeDockerList = C.OCIREG_MEDIA_TYPE_DOCKER_LIST
	// MediaTypeDockerConfig is a Docker image's config.
	MediaTypeDockerConfig = C.OCIREG_MEDIA_TYPE_DOCKER_CONFIG
	// MediaTypeDockerLayer is a Docker layer.
	MediaTypeDockerLayer = C.OCIREG_MEDIA_TYPE_DOCKER_LAYER
	// MediaTypeDockerLayerPlain is an uncompressed Docker layer.
	MediaTypeDockerLayerPlain = C.OCIREG_MEDIA_TYPE_DOCKER_LAYER_PLAIN
	// MediaTypeDockerLayerZstd is a Docker layer compressed with zstd.
	MediaTypeDockerLayerZstd = C.OCIREG_MEDIA_TYPE_DOCKER_LAYER_ZSTD
	// MediaTypeDockerForeignLayer is a Docker layer that is fetched from elsewhere.
	MediaTypeDockerForeignLayer = C.OCIREG_MEDIA_TYPE_DOCKER_FOREIGN_LAYER
	// MediaTypeSchema1Signed is a signed schema-1 manifest.
	MediaTypeSchema1Signed = C.OCIREG_MEDIA_TYPE_SCHEMA1_SIGNED
	// MediaTypeSchema1 is an unsigned schema-1 manifest.
	MediaTypeSchema1 = C.OCIREG_MEDIA_TYPE_SCHEMA1
)
