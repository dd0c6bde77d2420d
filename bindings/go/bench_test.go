package ocireg_test

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

// BenchmarkParse is a call without I/O.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ocireg.ReferenceParse("quay.io/prometheus/busybox:latest"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDigest is a call with bytes that returns a string.
func BenchmarkDigest(b *testing.B) {
	b.ReportAllocs()
	data := []byte("hello")
	for b.Loop() {
		if _, err := ocireg.DigestBytes(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkError is a call that fails.
func BenchmarkError(b *testing.B) {
	for b.Loop() {
		if _, err := ocireg.ReferenceParse("UPPER"); err == nil {
			b.Fatal("it is a name")
		}
	}
}

// BenchmarkBlob reads OCIREG_BENCH_BLOB to its end, through io.Copy.
func BenchmarkBlob(b *testing.B) {
	benchmarkBlob(b, context.Background(), func(reader io.Reader) (int64, error) { return io.Copy(io.Discard, reader) })
}

// BenchmarkBlobInContext is the same with a cancellable context.
func BenchmarkBlobInContext(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	benchmarkBlob(b, ctx, func(reader io.Reader) (int64, error) { return io.Copy(io.Discard, reader) })
}

// BenchmarkBlobRead is the same with reads of 256 KiB.
func BenchmarkBlobRead(b *testing.B) {
	buffer := make([]byte, 256<<10)
	benchmarkBlob(b, context.Background(), func(reader io.Reader) (int64, error) {
		return io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{reader}, buffer)
	})
}

func benchmarkBlob(b *testing.B, ctx context.Context, read func(io.Reader) (int64, error)) {
	reference := os.Getenv("OCIREG_BENCH_BLOB")
	if reference == "" {
		b.Skip("OCIREG_BENCH_BLOB is not set: run by tests/bench/bindings.sh")
	}
	client := newClient(b)
	var size int64
	for b.Loop() {
		blob := must[*ocireg.BlobReader](b)(client.BlobOpen(ctx, reference))
		size = must[int64](b)(read(blob))
		blob.Close()
	}
	b.SetBytes(size)
}
