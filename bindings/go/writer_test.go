package ocireg_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
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
	reference := repository + "@" + must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, data)).Digest

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

// TestWritersThatBlock: whatever a writer waits for, the end of the context and Client.Close end the call, and it gets nothing more.
func TestWritersThatBlock(t *testing.T) {
	setup := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	blob := repository + "@" + must[*ocireg.BlobPut](t)(setup.BlobPutBytes(context.Background(), repository, random(3<<20))).Digest
	pushImage(t, setup, repository, "one")
	for kind, make := range blocked {
		for what, call := range map[string]func(context.Context, *ocireg.Client, io.Writer) error{
			"BlobGetTo": func(ctx context.Context, client *ocireg.Client, into io.Writer) error {
				_, err := client.BlobGetTo(ctx, blob, into)
				return err
			},
			"ImageCat": func(ctx context.Context, client *ocireg.Client, into io.Writer) error {
				_, err := client.ImageCat(ctx, repository+":one", "hello.txt", into)
				return err
			},
			"ImageExportTo": func(ctx context.Context, client *ocireg.Client, into io.Writer) error {
				_, err := client.ImageExportTo(ctx, repository+":one", into)
				return err
			},
		} {
			if kind == "a connection" && what != "BlobGetTo" {
				continue // it takes that much
			}
			t.Run(what+" to "+kind, func(t *testing.T) {
				client := newClient(t)
				ctx, end := context.WithTimeout(context.Background(), 300*time.Millisecond)
				defer end()
				within(t, time.Second, func() {
					if err := call(ctx, client, make(t)); !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
				})
				time.AfterFunc(300*time.Millisecond, func() { client.Close() })
				within(t, time.Second, func() { wantCode(t, call(context.Background(), client, make(t)), ocireg.ErrClosed) })
			})
		}
	}
}

// blocked are writers that wait for ever.
var blocked = map[string]func(*testing.T) io.Writer{
	"a pipe": func(*testing.T) io.Writer {
		_, writer := io.Pipe()
		return writer
	},
	"a connection": func(t *testing.T) io.Writer {
		listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
		connection := must[net.Conn](t)(net.Dial("tcp", listener.Addr().String()))
		connection.(*net.TCPConn).SetWriteBuffer(1 << 12)
		t.Cleanup(func() { listener.Close(); connection.Close() })
		return connection
	},
	"what sleeps": func(t *testing.T) io.Writer {
		wait := make(chan bool)
		var writes atomic.Int32
		t.Cleanup(func() {
			close(wait)
			time.Sleep(20 * time.Millisecond)
			if count := writes.Load(); count != 1 {
				t.Errorf("%d writes", count)
			}
		})
		return writerFunc(func(data []byte) (int, error) {
			writes.Add(1)
			<-wait
			return len(data), nil
		})
	},
}

// TestWriterThatIsDone: what a call has written completely is a success, though the context ends with the last byte; and a writer that is
// only slow has its Write for itself when the call is over.
func TestWriterThatIsDone(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	blob := repository + "@" + must[*ocireg.BlobPut](t)(client.BlobPutBytes(context.Background(), repository, random(1000))).Digest
	ctx, end := context.WithCancel(context.Background())
	must[*ocireg.BlobGet](t)(client.BlobGetTo(ctx, blob, writerFunc(func(data []byte) (int, error) {
		time.Sleep(200 * time.Millisecond) // the library is done by now
		end()
		time.Sleep(20 * time.Millisecond)
		return len(data), nil
	})))
}

// TestWriterOfACallThatPanics: when a callback panics, the writer gets nothing more, and nothing of the call stays open.
func TestWriterOfACallThatPanics(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	blob := repository + "@" + must[*ocireg.BlobPut](t)(client.BlobPutBytes(context.Background(), repository, random(3<<20))).Digest
	must[*ocireg.BlobHead](t)(client.BlobHead(context.Background(), blob)) // the connection is there
	open := openFiles(t)
	goroutines := runtime.NumGoroutine()
	var begun atomic.Bool
	var writes []byte // the race detector finds a Write after the panic
	func() {
		defer func() {
			if found := recover(); found != "the callback's" {
				t.Errorf("recovered %v", found)
			}
		}()
		client.BlobGetTo(context.Background(), blob, writerFunc(func(piece []byte) (int, error) {
			writes = append(writes, 1)
			begun.Store(true)
			time.Sleep(20 * time.Millisecond)
			return len(piece), nil
		}), ocireg.WithProgress(func(ocireg.Progress) {
			if begun.Load() {
				panic("the callback's")
			}
		}))
	}()
	count := len(writes)
	time.Sleep(200 * time.Millisecond)
	if len(writes) != count || count == 0 {
		t.Errorf("%d writes, then %d", count, len(writes))
	}
	if left := runtime.NumGoroutine(); left > goroutines {
		t.Errorf("%d goroutines, before %d", left, goroutines)
	}
	if left := openFiles(t); left > open {
		t.Errorf("%d open files, before %d", left, open)
	}
}

func openFiles(t *testing.T) int {
	return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/fd")))
}

// TestImpossibleWriters: what is not a writer, or breaks the rules of one, is an error.
func TestImpossibleWriters(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	blob := repository + "@" + must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, random(1000))).Digest
	for _, none := range []io.Writer{nil, (*os.File)(nil)} {
		_, err := client.BlobGetTo(ctx, blob, none)
		wantCode(t, err, ocireg.ErrInvalidArgument)
	}
	for what, writer := range map[string]writerFunc{
		"ends its goroutine": func([]byte) (int, error) { runtime.Goexit(); return 0, nil },
		"takes less":         func(data []byte) (int, error) { return len(data) - 1, nil },
		"takes more":         func(data []byte) (int, error) { return len(data) + 1, nil },
		"takes less than 0":  func([]byte) (int, error) { return -1, nil },
	} {
		_, err := client.BlobGetTo(ctx, blob, writer)
		if told := wantCode(t, err, ocireg.ErrIO); !strings.Contains(told.Message, "cannot write") {
			t.Errorf("what %s: %v", what, err)
		}
	}
}

// TestOddReaders: a reader that breaks the rules of one says so, and a file that has no size is read to its end.
func TestOddReaders(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	for _, count := range []int{-1, 1 << 30} {
		func() {
			defer func() {
				if found := recover(); found != "ocireg: a reader returned an impossible count" {
					t.Errorf("%d: recovered %v", count, found)
				}
			}()
			client.BlobPutFrom(ctx, repository, "", readerFunc(func([]byte) (int, error) { return count, nil }))
		}()
	}
	file := must[*os.File](t)(os.Open("/proc/self/status"))
	defer file.Close()
	if put := must[*ocireg.BlobPut](t)(client.BlobPutFrom(ctx, repository, "", file)); put.Size == 0 {
		t.Errorf("%+v", put)
	}
	empty := must[*os.File](t)(os.Create(t.TempDir() + "/empty"))
	defer empty.Close()
	if put := must[*ocireg.BlobPut](t)(client.BlobPutFrom(ctx, repository, "", empty)); put.Size != 0 || put.Digest != must[string](t)(ocireg.DigestBytes(nil)) {
		t.Errorf("%+v", put)
	}
}

// readerFunc is a reader that a function is.
type readerFunc func(data []byte) (int, error)

func (r readerFunc) Read(data []byte) (int, error) { return r(data) }
