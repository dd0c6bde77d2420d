// Package registry has the API of github.com/heroku/docker-registry-client/registry, built on package ocireg: a program
// that uses that one imports this one instead, and needs no other change.
//
//	hub, err := registry.New("https://registry-1.docker.io", "", "")
//	tags, err := hub.Tags("library/busybox")
//
// What works here but not there: lists whose pages are linked relatively, and uploads to registries that ask for a token first, or
// answer with a relative Location. Also the digest of a manifest of schema 2, as DeleteManifest wants it, and schema-1 manifests
// without a signature. Downloads are verified: a reader's io.EOF means that the digest was right.
//
// What differs: [Registry.Client] is an ocireg.Client, which also has what this package lacks (contexts, indexes, copies), and so
// there are no transports to wrap (WrapTransport, TokenTransport, BasicTransport, ErrorTransport). The environment's
// proxies are used.
package registry
