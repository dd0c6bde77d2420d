// Package ocireg is a client for Docker and OCI registries, over the C library of that name.
//
// It is found by pkg-config; the build tag ocireg_static links the static library instead.
//
// Every call takes a context first and heeds it within 200 ms, also when the server is silent. Registries, repositories and
// manifests are named as everywhere: [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; without a host it is Docker Hub's. One [Client]
// serves any number of registries and goroutines.
//
// Errors are of the type *[Error]; errors.Is compares them with codes such as [ErrNotFound] and with context.Canceled and
// context.DeadlineExceeded.
//
// A call's documentation names the options that it takes. What a server sends is bounded and verified; no secret is in an
// error or in the log.
package ocireg
