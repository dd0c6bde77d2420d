package ocireg

// #include "shim.h"
import "C"

// RegistryName is the parsed name of a registry.
type RegistryName struct {
	// Name is HOST[:PORT].
	Name string `json:"name"`
	// Host is the same for all spellings of a registry: settings are kept by it.
	Host string `json:"host"`
	// Official tells whether it is Docker Hub.
	Official bool `json:"official"`
	// Scheme is "https", "http" or empty.
	Scheme string `json:"scheme"`
}

// Reference is the parsed name of a repository, tag or manifest.
type Reference struct {
	// Registry is the name of the registry.
	Registry RegistryName `json:"index"`
	// Official tells whether it is one of Docker Hub's own images.
	Official bool `json:"official"`
	// RemoteName is the registry's name of the repository: "library/mongo".
	RemoteName string `json:"remote_name"`
	// LocalName is the short name: "mongo".
	LocalName string `json:"local_name"`
	// CanonicalName includes the registry: "docker.io/mongo".
	CanonicalName string `json:"canonical_name"`
	// Tag is "latest" when there is neither tag nor digest, and empty when there is only a digest.
	Tag string `json:"tag"`
	// Digest is empty without one.
	Digest string `json:"digest"`
	// CanonicalRef is "docker.io/mongo:latest".
	CanonicalRef string `json:"canonical_ref"`
	// Reference is the full name, as calls take it: "docker.io/library/mongo:latest".
	Reference string `json:"reference"`
	// Repository is that without tag and digest: "docker.io/library/mongo".
	Repository string `json:"repository"`
}

// Place is the parsed name of a place to copy from or to.
type Place struct {
	// Transport is "docker", "docker-v1", "oci", "oci-archive", "docker-archive" or "dir".
	Transport string `json:"transport"`
	// Registry is the host, for SetHost; empty if there is none.
	Registry string `json:"registry"`
	// Reference, Repository (HOST/REPOSITORY), Path and Name are empty if there is none.
	Reference  string `json:"reference"`
	Repository string `json:"repository"`
	Path       string `json:"path"`
	Name       string `json:"name"`
}

// ReferenceParse parses [[SCHEME://]HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]. Options: WithDefaultRegistry.
//
// C: ocireg_reference_parse.
func ReferenceParse(name string, options ...Option) (*Reference, error) {
	text, err := cText(name)
	if err != nil {
		return nil, err
	}
	wanted, err := callSettings(options).native()
	if err != nil {
		return nil, err
	}
	defer C.ocireg_options_free(wanted)
	var json *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_reference_parse(text, wanted, &json, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	result := &Reference{}
	return result, takeJSON(json, result)
}

// IndexParse parses the name of a registry, which is an index in C's word for it: [SCHEME://]HOST[:PORT]; "" is Docker Hub. Indexes of
// images are IndexCreate's.
//
// C: ocireg_index_parse.
func IndexParse(name string) (*RegistryName, error) {
	text, err := cText(name)
	if err != nil {
		return nil, err
	}
	var json *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_index_parse(text, &json, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	result := &RegistryName{}
	return result, takeJSON(json, result)
}

// EndpointParse parses the name of a place to copy from or to: docker://REF or REF, docker-v1://REF, oci:DIR[:NAME],
// oci-archive:FILE[:NAME], docker-archive:FILE[:REF], or dir:DIR. When reading, FILE may be - (standard input), a named
// pipe or /dev/fd/N, and compressed; NAME and REF may be @INDEX, the number of the image.
//
// C: ocireg_endpoint_parse.
func EndpointParse(name string) (*Place, error) {
	text, err := cText(name)
	if err != nil {
		return nil, err
	}
	var json *C.char
	var failure *C.ocireg_error
	if status := C.ocireg_endpoint_parse(text, &json, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	result := &Place{}
	return result, takeJSON(json, result)
}
