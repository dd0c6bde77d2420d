package ocireg_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

// writerFunc is a writer that a function is.
type writerFunc func(data []byte) (int, error)

func (w writerFunc) Write(data []byte) (int, error) { return w(data) }

// TestWriters: a writer's failure and its panic end the call and reach the caller; a slow one gets everything.
func TestWriters(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(3 << 20)
	reference := repository + "@" + must[*ocireg.BlobPut](t)(client.UploadBlobBytes(ctx, repository, data)).Digest

	full := errors.New("full")
	for _, after := range []int{0, 100000, len(data) - 1} {
		left := after
		_, err := client.BlobGetTo(ctx, reference, writerFunc(func(piece []byte) (int, error) {
			if left -= len(piece); left < 0 {
				return 0, full
			}
			return len(piece), nil
		}))
		if wantCode(t, err, ocireg.ErrIO); !errors.Is(err, full) {
			t.Errorf("after %d bytes: %v", after, err)
		}
	}
	func() {
		defer func() {
			if found := recover(); found != "the writer's" {
				t.Errorf("recovered %v", found)
			}
		}()
		client.BlobGetTo(ctx, reference, writerFunc(func([]byte) (int, error) { panic("the writer's") }))
	}()
	got := 0
	info := must[*ocireg.BlobGet](t)(client.BlobGetTo(ctx, reference, writerFunc(func(piece []byte) (int, error) {
		time.Sleep(time.Millisecond)
		got += len(piece)
		return len(piece), nil
	})))
	if got != len(data) || !info.Verified {
		t.Errorf("%d bytes, %+v", got, info)
	}
	_, err := client.BlobGetTo(ctx, repository+"@"+must[string](t)(ocireg.DigestBytes([]byte("none"))), writerFunc(nil))
	wantCode(t, err, ocireg.ErrNotFound)
}
