// Package ocireg is a client for Docker and OCI registries, built on the C library of the same name.
//
// The library is found by pkg-config; the build tag ocireg_static links the static library instead.
//
// Every call takes a context first and honours it within 200 ms, even when the server is silent. Registries,
// repositories and manifests are named as usual: [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]; without a host it is Docker
// Hub's. One [Client] serves any number of registries and goroutines.
//
// Errors are of the type *[Error]; errors.Is compares them with codes such as [ErrNotFound] and with context.Canceled and
// context.DeadlineExceeded.
//
// A call's documentation names the options that it takes, and after "C:" the function of the C library that it calls; ocireg.h, which is
// installed with the library, has that function's errors and result in full. What a server sends is bounded and verified; errors and logs
// contain no secrets.
package ocireg
