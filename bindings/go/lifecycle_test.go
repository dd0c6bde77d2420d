package ocireg_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestClose(t *testing.T) {
	client := newClient(t)
	silent := silentHost(t)
	time.AfterFunc(100*time.Millisecond, func() { client.Close() })
	within(t, 300*time.Millisecond, func() {
		_, err := client.RegistryPing(context.Background(), silent)
		wantCode(t, err, ocireg.ErrClosed)
	})
	for range 2 {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := client.RegistryPing(context.Background(), silent)
	wantCode(t, err, ocireg.ErrClosed)
	wantCode(t, client.SetHost("h"), ocireg.ErrClosed)
}

// Close ends an upload whose reader blocks, also with a context that cannot end.
func TestCloseLeavesASilentReader(t *testing.T) {
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": cancellable} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t)
			blocked := ioBlocked{make(chan struct{})}
			release := sync.OnceFunc(func() { close(blocked.released) })
			defer release()
			defer time.AfterFunc(2*time.Second, release).Stop() // so that a failure does not hang
			var closed time.Time
			time.AfterFunc(100*time.Millisecond, func() { closed = time.Now(); client.Close() })
			_, err := client.BlobPutFrom(ctx, repository, "", blocked)
			took := time.Since(closed)
			wantCode(t, err, ocireg.ErrClosed)
			if took > 200*time.Millisecond {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestACancelledUploadDoesNotBlameItsReader: a reader that was left has stopped nothing.
func TestACancelledUploadDoesNotBlameItsReader(t *testing.T) {
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	for code, ended := range map[ocireg.Code]func() (context.Context, context.CancelFunc){
		ocireg.ErrTimeout: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 100*time.Millisecond)
		},
		ocireg.ErrCancelled: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(100*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		ctx, cancel := ended()
		blocked := ioBlocked{make(chan struct{})}
		_, err := newClient(t).BlobPutFrom(ctx, repository, "", blocked)
		close(blocked.released)
		wantCode(t, err, code)
		if !errors.Is(err, ctx.Err()) || strings.Contains(err.Error(), "callback") || strings.Count(err.Error(), ctx.Err().Error()) != 1 {
			t.Error(err)
		}
		cancel()
	}
}

// TestCloseEndsAWrite: on another goroutine, and its error says so.
func TestCloseEndsAWrite(t *testing.T) {
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, asked *http.Request) {
		switch asked.Method {
		case http.MethodPost:
			answer.Header().Set("Location", "/v2/a/blobs/uploads/1")
			answer.WriteHeader(http.StatusAccepted)
		case http.MethodPatch:
			<-released
		}
	}))
	defer server.Close()
	defer close(released)
	host := strings.TrimPrefix(server.URL, "http://")
	upload := must[*ocireg.Upload](t)(newClient(t, ocireg.WithPlainHTTP(true)).UploadStart(context.Background(), host+"/a", ocireg.WithChunkSize(1000)))
	time.AfterFunc(200*time.Millisecond, func() { upload.Close() })
	within(t, time.Second, func() {
		_, err := upload.Write(random(100_000))
		wantCode(t, err, ocireg.ErrClosed)
		if errors.Is(err, ocireg.ErrCancelled) || errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// exiting ends the goroutine that reads, as testing.T.FailNow does.
type exiting struct{}

func (exiting) Read([]byte) (int, error) { runtime.Goexit(); return 0, nil }

func TestUploadFromAReaderThatExits(t *testing.T) {
	_, err := newClient(t).BlobPutFrom(context.Background(), registry(t, "OCIREG_TEST_V3")+"/"+newRepository(), "", exiting{})
	wantCode(t, err, ocireg.ErrCallback)
}

// A reader and an upload keep what they need alive when nothing else is referenced.
func TestCollectedInAnyOrder(t *testing.T) {
	ctx := context.Background()
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(1 << 20)
	reader, upload := func() (*ocireg.BlobReader, *ocireg.Upload) {
		client := must[*ocireg.Client](t)(ocireg.New())
		put := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, data))
		return must[*ocireg.BlobReader](t)(client.BlobOpen(ctx, repository+"@"+put.Digest)),
			must[*ocireg.Upload](t)(client.UploadStart(ctx, repository))
	}()
	for range 5 {
		runtime.GC()
	}
	if got := must[[]byte](t)(io.ReadAll(reader)); !bytes.Equal(got, data) {
		t.Error("other bytes")
	}
	if _, err := upload.Write(data); err != nil {
		t.Error(err)
	}
	must[*ocireg.BlobPut](t)(upload.Finish(""))
}

func TestManyGoroutines(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	_, layer := push(t, client, repository+":one", []byte("hello"))
	var all sync.WaitGroup
	for range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 20 {
				data, _, err := client.BlobGetBytes(ctx, repository+"@"+layer, ocireg.WithProgress(func(ocireg.Progress) {}))
				if err != nil || string(data) != "hello" {
					t.Error(err)
				}
				runtime.GC()
			}
		}()
	}
	all.Wait()
}

// Calls that are cancelled at any moment leave nothing behind that breaks another one.
func TestCancelledAtAnyMoment(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	_, layer := push(t, client, repository+":one", random(300_000))
	for i := range 100 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*50)*time.Microsecond)
		if reader, err := client.BlobOpen(ctx, repository+"@"+layer); err == nil {
			io.Copy(io.Discard, reader)
			reader.Close()
		} else {
			wantCode(t, err, ocireg.ErrTimeout)
		}
		cancel()
	}
	must[*ocireg.BlobHead](t)(client.BlobHead(context.Background(), repository+"@"+layer))
}

// resident is the process's memory in KiB.
func resident(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	return must[int](t)(strconv.Atoi(strings.Fields(rest)[0]))
}

// flat repeats something and measures how much memory grows after the first fifth of the repetitions. The limit is 3
// MiB, which for 4000 calls would be 768 bytes each.
// Go's own heap gives back first what it keeps for later.
func flat(t *testing.T, times int, do func()) {
	t.Helper()
	measure := func(times int) int {
		for range times {
			do()
		}
		debug.FreeOSMemory()
		return resident(t)
	}
	begun := measure(times / 5)
	grown := measure(times-times/5) - begun
	t.Logf("%d calls took %d KiB", times-times/5, grown)
	if grown > 3<<10 {
		t.Errorf("%d calls took %d KiB", times-times/5, grown)
	}
}

func TestFlatMemory(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("long, and the race detector's own memory grows")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t.Run("names", func(t *testing.T) {
		flat(t, 10_000, func() {
			ocireg.ReferenceParse("quay.io/a/b:c", ocireg.WithDefaultRegistry("quay.io"))
			ocireg.ReferenceParse("UPPER")
			ocireg.DigestBytes([]byte("hello"))
		})
	})
	t.Run("clients", func(t *testing.T) {
		flat(t, 10_000, func() {
			must[*ocireg.Client](t)(ocireg.New(ocireg.WithHost("h.example", ocireg.WithPassword("u", "p")))).Close()
		})
	})
	t.Run("clients that are forgotten", func(t *testing.T) {
		made := 0
		flat(t, 10_000, func() {
			must[*ocireg.Client](t)(ocireg.New())
			if made++; made%100 == 0 { // the collector does not see how much C memory depends on it
				runtime.GC()
			}
		})
	})
	client := newClient(t, ocireg.WithCredentialsFunc(func(context.Context, string) (ocireg.Credentials, error) {
		return ocireg.Credentials{}, nil
	}))
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	_, layer := push(t, client, repository+":one", []byte("hello"))
	reference := repository + "@" + layer
	t.Run("calls", func(t *testing.T) {
		flat(t, 5000, func() { must[bool](t)(client.HasBlob(ctx, reference)) })
	})
	t.Run("errors", func(t *testing.T) {
		flat(t, 10_000, func() { client.ManifestHead(ctx, "127.0.0.1:1/"+strings.Repeat("a", 300)) })
	})
	t.Run("panics of callbacks", func(t *testing.T) {
		panics := ocireg.WithProgress(func(ocireg.Progress) { panic("mine") })
		flat(t, 2500, func() {
			if panicOf(func() { client.BlobGetBytes(ctx, reference, panics) }) != "mine" {
				t.Fatal("no panic")
			}
		})
	})
	t.Run("readers, with progress", func(t *testing.T) {
		flat(t, 1500, func() {
			reader := must[*ocireg.BlobReader](t)(client.BlobOpen(ctx, reference, ocireg.WithProgress(func(ocireg.Progress) {})))
			io.Copy(io.Discard, reader)
			reader.Close()
		})
	})
	t.Run("uploads", func(t *testing.T) {
		flat(t, 500, func() {
			upload := must[*ocireg.Upload](t)(client.UploadStart(ctx, repository))
			upload.Write([]byte("hello"))
			upload.Close()
		})
	})
}

// TestCancelAfterTheContext: the session does not stay at the registry when the context has ended the upload.
func TestCancelAfterTheContext(t *testing.T) {
	seen := make(chan string, 10)
	stop := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		seen <- request.Method
		switch request.Method {
		case "POST":
			answer.Header().Set("Location", "/v2/a/blobs/uploads/1")
			answer.WriteHeader(http.StatusAccepted)
		case "PATCH":
			<-stop
		default:
			answer.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	defer close(stop)
	host := strings.TrimPrefix(server.URL, "http://")
	client := newClient(t, ocireg.WithPlainHTTP(true))
	ctx, end := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer end()
	upload := must[*ocireg.Upload](t)(client.UploadStart(ctx, host+"/a"))
	if _, err := upload.Write(make([]byte, 20<<20)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := upload.Cancel(); err != nil {
		t.Error(err)
	}
	for _, wanted := range []string{"POST", "PATCH", "DELETE"} {
		select {
		case method := <-seen:
			if method != wanted {
				t.Error(method)
			}
		case <-time.After(2 * time.Second):
			t.Fatalf("there was no %s", wanted)
		}
	}
}

// TestMaxCalls: calls that wait for their turn take no thread, and end with their context and the client; one in a callback has its turn.
func TestMaxCalls(t *testing.T) {
	if _, err := ocireg.New(ocireg.WithMaxCalls(0)); !errors.Is(err, ocireg.ErrInvalidArgument) {
		t.Error(err)
	}
	silent := silentHost(t)
	client := newClient(t, ocireg.WithPlainHTTP(true), ocireg.WithMaxCalls(20))
	before := threadCount(t)
	ctx, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	call := func(ctx context.Context, code ocireg.Code) {
		all.Add(1)
		go func() {
			defer all.Done()
			if _, err := client.ManifestGet(ctx, silent+"/a:b"); !errors.Is(err, code) {
				t.Errorf("%v, not %v", err, code)
			}
		}()
	}
	for range 500 {
		call(ctx, ocireg.ErrCancelled)
	}
	time.Sleep(500 * time.Millisecond)
	if threads := threadCount(t) - before; threads > 60 {
		t.Errorf("%d more threads", threads)
	}
	within(t, time.Second, func() {
		_, err := client.ManifestGet(expiring(t, 100*time.Millisecond), silent+"/a:b")
		if wantCode(t, err, ocireg.ErrTimeout); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	end()
	within(t, 2*time.Second, all.Wait)
	for range 100 {
		call(context.Background(), ocireg.ErrClosed)
	}
	time.AfterFunc(200*time.Millisecond, func() { client.Close() })
	within(t, 2*time.Second, all.Wait)

	host := registry(t, "OCIREG_TEST_V3")
	one := newClient(t, ocireg.WithMaxCalls(1))
	asked := 0
	must[*ocireg.BlobPut](t)(one.BlobPutBytes(expiring(t, 10*time.Second), host+"/"+newRepository(), random(1000), ocireg.WithProgress(func(ocireg.Progress) {
		must[*ocireg.Ping](t)(one.RegistryPing(expiring(t, 5*time.Second), host))
		asked++
	})))
	if asked == 0 {
		t.Error("there was no callback")
	}
}

// TestCallsOfReadersAndWriters: what a caller's reader or writer calls needs no turn beside that of the call which waits for it.
func TestCallsOfReadersAndWriters(t *testing.T) {
	host := registry(t, "OCIREG_TEST_V3")
	repository := host + "/" + newRepository()
	one := newClient(t, ocireg.WithMaxCalls(1))
	asked := 0
	ask := func() {
		if _, err := one.RegistryPing(expiring(t, 2*time.Second), host); err != nil {
			t.Error(err)
		}
		asked++
	}
	data := bytes.NewReader(random(1000))
	put := must[*ocireg.BlobPut](t)(one.BlobPutFrom(expiring(t, 10*time.Second), repository, "", readerFunc(func(into []byte) (int, error) {
		ask()
		return data.Read(into)
	})))
	if put.Size != 1000 || asked == 0 {
		t.Errorf("%+v, asked %d times", put, asked)
	}
	asked = 0
	must[*ocireg.BlobGet](t)(one.BlobGetTo(expiring(t, 10*time.Second), repository+"@"+put.Digest, writerFunc(func(piece []byte) (int, error) {
		ask()
		return len(piece), nil
	})))
	if asked == 0 {
		t.Error("nothing was written")
	}
}

// TestSetHostNeedsNoTurn: settings of a host change at once, whatever the calls in progress wait for.
func TestSetHostNeedsNoTurn(t *testing.T) {
	silent := silentHost(t)
	client := newClient(t, ocireg.WithPlainHTTP(true), ocireg.WithMaxCalls(1))
	ended := make(chan error)
	go func() {
		_, err := client.ManifestGet(context.Background(), silent+"/a:b")
		ended <- err
	}()
	time.Sleep(200 * time.Millisecond)
	if _, err := client.RegistryPing(expiring(t, 100*time.Millisecond), silent); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "its turn") {
		t.Errorf("the turn is free: %v", err)
	}
	within(t, time.Second, func() {
		if err := client.SetHost(silent, ocireg.WithPassword("a", "b")); err != nil {
			t.Error(err)
		}
	})
	client.Close()
	wantCode(t, <-ended, ocireg.ErrClosed)
	wantCode(t, client.SetHost(silent, ocireg.WithPassword("a", "b")), ocireg.ErrClosed)
	wantCode(t, (*ocireg.Client)(nil).SetHost(silent), ocireg.ErrInvalidArgument)
}

func expiring(t *testing.T, after time.Duration) context.Context {
	ctx, end := context.WithTimeout(context.Background(), after)
	t.Cleanup(end)
	return ctx
}

func threadCount(t *testing.T) int {
	return len(must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task")))
}
