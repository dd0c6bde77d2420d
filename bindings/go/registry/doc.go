// Package registry has the names of github.com/heroku/docker-registry-client/registry, over package ocireg: a program that uses
// that one imports this one instead, and needs no other change.
//
//	hub, err := registry.New("https://registry-1.docker.io", "", "")
//	tags, err := hub.Tags("library/busybox")
//
// What works here and does not there: lists whose pages are linked relatively; uploads to registries that ask for a token first, or
// answer with a relative Location; the digest of a manifest of schema 2, as DeleteManifest wants it; schema-1 manifests
// without a signature. What is downloaded is verified: a reader's io.EOF says that the digest is right.
//
// What differs: [Registry.Client] is an ocireg.Client, which also has what this package lacks (contexts, indexes, copies), and so
// there are no transports to wrap (WrapTransport, TokenTransport, BasicTransport, ErrorTransport). The environment's proxies count.
package registry
