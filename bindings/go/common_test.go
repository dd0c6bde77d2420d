package ocireg_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

// registry is the address of a real registry, started by tests/registries/run.
func registry(t testing.TB, variable string) string {
	t.Helper()
	host := os.Getenv(variable)
	if host == "" {
		t.Skip(variable + " is not set: run by tests/registries/run")
	}
	return host
}

// newClient makes one that is closed at the test's end.
func newClient(t testing.TB, options ...ocireg.ClientOption) *ocireg.Client {
	t.Helper()
	client, err := ocireg.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// newRepository returns a name that no other test uses.
func newRepository() string {
	letters := make([]byte, 8)
	rand.Read(letters)
	for i := range letters {
		letters[i] = 'a' + letters[i]%26
	}
	return "go/" + string(letters)
}

// silentHost is a listener that never sends anything.
func silentHost(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener.Addr().String()
}

// random returns random bytes.
func random(size int) []byte {
	data := make([]byte, size)
	rand.Read(data)
	return data
}

// must is for calls that a test needs but does not test.
func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// wantCode checks the code of an error, by errors.Is and errors.As.
func wantCode(t testing.TB, err error, code ocireg.Code) *ocireg.Error {
	t.Helper()
	var told *ocireg.Error
	if !errors.Is(err, code) || !errors.As(err, &told) {
		t.Fatalf("wanted %v, got %v", code, err)
	}
	return told
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	emptyConfig  = `{}`
)

// push puts an image with one layer, and returns its digest and its layer's.
func push(t testing.TB, client *ocireg.Client, reference string, layer []byte) (digest, layerDigest string) {
	t.Helper()
	ctx := context.Background()
	name, err := ocireg.ReferenceParse(reference)
	if err != nil {
		t.Fatal(err)
	}
	repository := name.Registry.Name + "/" + name.RemoteName
	config := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, []byte(emptyConfig)))
	blob := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, layer))
	put := must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, reference, imageManifest(config, blob)))
	return put.Digest, blob.Digest
}

// within checks how long something takes.
func within(t testing.TB, limit time.Duration, do func()) {
	t.Helper()
	begun := time.Now()
	do()
	if took := time.Since(begun); took > limit {
		t.Fatalf("it took %v, more than %v", took, limit)
	}
}
