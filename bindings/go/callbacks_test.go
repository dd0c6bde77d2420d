package ocireg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestProgress(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(2 << 20)
	var last ocireg.Progress
	var detail *ocireg.ProgressDetail
	told := ocireg.WithProgress(func(progress ocireg.Progress) {
		last = progress
		detail = must[*ocireg.ProgressDetail](t)(progress.Detail())
		if _, err := client.RegistryPing(ctx, registry(t, "OCIREG_TEST_V3")); err != nil { // a callback may use the library
			t.Error(err)
		}
	})
	put := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, data, told))
	if last.Done != uint64(len(data)) || detail.Operation != "blob put" {
		t.Errorf("%+v, %+v", last, detail)
	}
	last = ocireg.Progress{}
	must[*ocireg.BlobGet](t)(client.BlobGetFile(ctx, repository+"@"+put.Digest, filepath.Join(t.TempDir(), "blob"), told))
	if last.Done != uint64(len(data)) || last.Total != uint64(len(data)) || detail.Operation != "blob get" {
		t.Errorf("%+v, %+v", last, detail)
	}
	last = ocireg.Progress{}
	reader := must[*ocireg.BlobReader](t)(client.BlobOpen(ctx, repository+"@"+put.Digest, told))
	defer reader.Close()
	if _, err := reader.WriteTo(&bytes.Buffer{}); err != nil || last.Done != uint64(len(data)) {
		t.Errorf("%v, %+v", err, last)
	}
	push(t, client, repository+":one", data)
	states := map[string]int{}
	must[*ocireg.CopyResult](t)(client.Copy(ctx, repository+":one", "oci:"+t.TempDir()+"/layout", told,
		ocireg.WithBlobProgress(func(blob ocireg.BlobProgress) {
			states[blob.State]++
			if blob.Digest == "" || blob.Size == 0 || blob.State == "copied" && blob.Done != blob.Size {
				t.Errorf("%+v", blob)
			}
		})))
	if states["begun"] != 2 || states["copied"] != 2 {
		t.Errorf("%v", states)
	}
	if detail.Operation != "copy" || detail.Blobs == nil || detail.Blobs.Total != 2 {
		t.Errorf("%+v", detail)
	}
}

// ends fails when something hangs.
func ends(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		t.Fatal("it hangs")
	}
}

// calling is a slog.Handler that calls a function.
type calling struct {
	slog.Handler
	call func()
}

func (c calling) Handle(context.Context, slog.Record) error { c.call(); return nil }

// A callback may close its own reader or upload; other calls on it are refused.
func TestReaderInItsOwnCallback(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	reference := repository + "@" + must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, random(5<<20))).Digest
	open := func(act func(*ocireg.BlobReader)) *ocireg.BlobReader {
		var reader *ocireg.BlobReader
		reader = must[*ocireg.BlobReader](t)(client.BlobOpen(ctx, reference, ocireg.WithProgress(func(ocireg.Progress) {
			if reader != nil {
				act(reader)
			}
		})))
		return reader
	}
	t.Run("Info", func(t *testing.T) {
		asked := 0
		reader := open(func(reader *ocireg.BlobReader) {
			asked++
			_, err := reader.Info()
			wantCode(t, err, ocireg.ErrBusy)
			_, err = reader.Read(make([]byte, 1))
			wantCode(t, err, ocireg.ErrBusy)
		})
		ends(t, func() {
			if count, err := io.Copy(io.Discard, reader); count != 5<<20 || err != nil || asked == 0 {
				t.Error(count, err, asked)
			}
			if info, err := reader.Info(); err != nil || info.Size != 5<<20 {
				t.Error(info, err)
			}
			reader.Close()
		})
	})
	// Others wait for their turn while a callback runs.
	t.Run("Info of another", func(t *testing.T) {
		reader := open(func(*ocireg.BlobReader) { time.Sleep(5 * time.Millisecond) })
		defer reader.Close()
		var others sync.WaitGroup
		for range 4 {
			others.Add(1)
			go func() {
				defer others.Done()
				buffer := make([]byte, 256<<10)
				for {
					if _, err := reader.Info(); err != nil {
						t.Error(err)
					}
					if _, err := reader.Read(buffer); err == io.EOF {
						return
					} else if err != nil {
						t.Error(err)
						return
					}
				}
			}()
		}
		ends(t, others.Wait)
	})
	t.Run("Close", func(t *testing.T) {
		reader := open(func(reader *ocireg.BlobReader) {
			reader.Close()
			reader.Close()
			_, err := reader.Info()
			wantCode(t, err, ocireg.ErrClosed)
		})
		ends(t, func() {
			_, err := io.Copy(io.Discard, reader)
			wantCode(t, err, ocireg.ErrClosed)
			reader.Close()
		})
	})
	t.Run("Close by two", func(t *testing.T) {
		var reader *ocireg.BlobReader
		var other sync.WaitGroup
		reader = open(func(reader *ocireg.BlobReader) {
			other.Add(1)
			go func() { defer other.Done(); reader.Close() }()
			other.Wait()
			reader.Close()
		})
		ends(t, func() {
			_, err := io.Copy(io.Discard, reader)
			wantCode(t, err, ocireg.ErrClosed)
		})
	})
	t.Run("Close and panic", func(t *testing.T) {
		reader := open(func(reader *ocireg.BlobReader) { reader.Close(); panic("mine") })
		ends(t, func() {
			if got := panicOf(func() { io.Copy(io.Discard, reader) }); got != "mine" {
				t.Errorf("the panic is %v", got)
			}
		})
	})
}

func TestUploadInItsOwnCallback(t *testing.T) {
	var upload *ocireg.Upload
	called := 0
	act := func() {
		if upload == nil {
			return
		}
		called++
		if called == 1 {
			wantCode(t, upload.Cancel(), ocireg.ErrBusy)
		}
		upload.Close()
		upload.Close()
	}
	logger := slog.New(calling{slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}), act})
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	for name, start := range map[string]func() (*ocireg.Upload, error){
		"progress": func() (*ocireg.Upload, error) {
			return newClient(t).UploadStart(context.Background(), repository, ocireg.WithChunkSize(1<<20), ocireg.WithProgress(func(ocireg.Progress) { act() }))
		},
		"log": func() (*ocireg.Upload, error) {
			return newClient(t, ocireg.WithLogger(logger)).UploadStart(context.Background(), repository, ocireg.WithChunkSize(1<<20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			upload, called = nil, 0
			upload = must[*ocireg.Upload](t)(start())
			ends(t, func() {
				_, err := upload.Write(random(5 << 20))
				wantCode(t, err, ocireg.ErrClosed)
				_, err = upload.Write(random(1))
				wantCode(t, err, ocireg.ErrClosed)
				upload.Close()
			})
			if called == 0 {
				t.Error("no callback")
			}
		})
	}
}

// Detail is only for the callback; another goroutine may call it too late.
func TestDetailAfterTheCall(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	for range 20 {
		told := make(chan ocireg.Progress, 1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for progress := <-told; ; { // until the call is over and its context freed
				if _, err := progress.Detail(); err != nil {
					wantCode(t, err, ocireg.ErrClosed)
					return
				}
			}
		}()
		must[*ocireg.BlobPut](t)(client.BlobPutBytes(context.Background(), repository, random(1000), ocireg.WithProgress(func(progress ocireg.Progress) {
			select {
			case told <- progress:
			default:
			}
		})))
		<-done
	}
}

func TestPanicOfACallback(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	got := panicOf(func() {
		client.BlobPutBytes(context.Background(), repository, random(1<<20), ocireg.WithProgress(func(ocireg.Progress) { panic("mine") }))
	})
	if got != "mine" {
		t.Errorf("the panic is %v", got)
	}
	if _, err := client.RegistryPing(context.Background(), registry(t, "OCIREG_TEST_V3")); err != nil {
		t.Error(err)
	}
}

// lines parses what a JSON handler wrote.
func lines(t *testing.T, log *bytes.Buffer) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

func TestLogger(t *testing.T) {
	host := registry(t, "OCIREG_TEST_HTPASSWD")
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := newClient(t, ocireg.WithLogger(logger), ocireg.WithHost(host, ocireg.WithPassword("alice", "s3cret:with colon")))
	_, err := client.RepositoryTags(context.Background(), host+"/"+newRepository())
	wantCode(t, err, ocireg.ErrNotFound)
	var requests, answers int
	for _, line := range lines(t, &log) {
		switch line["msg"] {
		case "ocireg request":
			requests++
		case "ocireg response":
			answers++
			if line["level"] != "DEBUG" || line["status"] == nil || line["duration"] == nil || !strings.Contains(line["url"].(string), host) {
				t.Errorf("%v", line)
			}
		}
	}
	if requests == 0 || requests != answers {
		t.Errorf("%d requests, %d answers in %s", requests, answers, log.String())
	}
	if strings.Contains(log.String(), "s3cret") || strings.Contains(log.String(), "YWxpY2U6") {
		t.Error("a secret is in the log")
	}
}

// A logger for warnings gets only warnings.
func TestLoggerOfWarnings(t *testing.T) {
	host := registry(t, "OCIREG_TEST_REFERRERS")
	var log bytes.Buffer
	client := newClient(t, ocireg.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	must[*ocireg.RepositoryList](t)(client.RegistryCatalog(context.Background(), host))
	all := lines(t, &log)
	if len(all) == 0 || all[0]["level"] != "WARN" || all[0]["host"] != host || all[0]["text"] == "" {
		t.Errorf("%v", all)
	}
}

// TestCloseInCredentialsFunc: that the client is closed is why the call ends, not what the function gave.
func TestCloseInCredentialsFunc(t *testing.T) {
	var client *ocireg.Client
	for _, given := range []ocireg.Credentials{{}, {Username: "alice", Password: "wrong"}} {
		client = newClient(t, ocireg.WithCredentialsFunc(func(context.Context, string) (ocireg.Credentials, error) {
			return given, client.Close()
		}))
		_, err := client.RepositoryTags(context.Background(), registry(t, "OCIREG_TEST_HTPASSWD")+"/a/b")
		wantCode(t, err, ocireg.ErrClosed)
	}
}

// TestCredentialsFuncThatNeedsItself: a function that makes a call which needs its answer is not asked without end.
func TestCredentialsFuncThatNeedsItself(t *testing.T) {
	host := registry(t, "OCIREG_TEST_HTPASSWD")
	var client *ocireg.Client
	var inner error
	asked := 0
	client = newClient(t, ocireg.WithCredentialsFunc(func(ctx context.Context, host string) (ocireg.Credentials, error) {
		if asked++; asked < 4 {
			_, inner = client.RegistryCatalog(ctx, host)
		}
		return ocireg.Credentials{Username: "alice", Password: "s3cret:with colon"}, nil
	}))
	must[*ocireg.RepositoryList](t)(client.RegistryCatalog(context.Background(), host))
	wantCode(t, inner, ocireg.ErrBusy)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestCredentialsFuncThatNeedsItselfElsewhere: nor by another goroutine with the function's context; another client is asked for itself.
func TestCredentialsFuncThatNeedsItselfElsewhere(t *testing.T) {
	host := registry(t, "OCIREG_TEST_HTPASSWD")
	alice := ocireg.Credentials{Username: "alice", Password: "s3cret:with colon"}
	var client, other *ocireg.Client
	var inner, another error
	asked := 0
	other = newClient(t, ocireg.WithCredentialsFunc(func(context.Context, string) (ocireg.Credentials, error) { return alice, nil }))
	client = newClient(t, ocireg.WithCredentialsFunc(func(ctx context.Context, host string) (ocireg.Credentials, error) {
		if asked++; asked < 4 {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, inner = client.RegistryCatalog(ctx, host)
				_, another = other.RegistryCatalog(ctx, host)
			}()
			<-done
		}
		return alice, nil
	}))
	must[*ocireg.RepositoryList](t)(client.RegistryCatalog(context.Background(), host))
	wantCode(t, inner, ocireg.ErrBusy)
	if asked != 1 || another != nil {
		t.Errorf("asked %d times, and another client gets %v", asked, another)
	}
}

// TestNoFunctions: nil is none.
func TestNoFunctions(t *testing.T) {
	client := newClient(t, ocireg.WithCredentialsFunc(nil), ocireg.WithLogger(nil))
	_, err := client.RepositoryTags(context.Background(), registry(t, "OCIREG_TEST_HTPASSWD")+"/a/b")
	wantCode(t, err, ocireg.ErrUnauthenticated)
}

func TestCredentialsFunc(t *testing.T) {
	type key struct{}
	host := registry(t, "OCIREG_TEST_HTPASSWD")
	ctx := context.WithValue(context.Background(), key{}, "it is mine")
	var asked []string
	client := newClient(t, ocireg.WithCredentialsFunc(func(ctx context.Context, host string) (ocireg.Credentials, error) {
		asked = append(asked, host)
		if ctx.Value(key{}) != "it is mine" {
			t.Error("another context")
		}
		return ocireg.Credentials{Username: "alice", Password: "s3cret:with colon"}, nil
	}))
	must[*ocireg.RepositoryList](t)(client.RegistryCatalog(ctx, host))
	must[*ocireg.RepositoryList](t)(client.RegistryCatalog(ctx, host))
	if len(asked) != 1 || asked[0] != host {
		t.Errorf("asked for %v", asked)
	}

	why := errors.New("the vault is shut")
	client = newClient(t, ocireg.WithCredentialsFunc(func(context.Context, string) (ocireg.Credentials, error) {
		return ocireg.Credentials{}, why
	}))
	_, err := client.RegistryCatalog(ctx, host)
	if wantCode(t, err, ocireg.ErrCallback); !errors.Is(err, why) {
		t.Error(err)
	}
	client = newClient(t, ocireg.WithCredentialsFunc(func(context.Context, string) (ocireg.Credentials, error) {
		return ocireg.Credentials{}, nil
	}))
	_, err = client.RegistryCatalog(ctx, host)
	wantCode(t, err, ocireg.ErrUnauthenticated)
}

func TestLogin(t *testing.T) {
	ctx := context.Background()
	host := registry(t, "OCIREG_TEST_HTPASSWD")
	folder := t.TempDir()
	client := newClient(t, ocireg.WithDockerConfig(folder))
	_, err := client.Login(ctx, host, ocireg.WithPassword("alice", "wrong"))
	wantCode(t, err, ocireg.ErrUnauthenticated)
	login := must[*ocireg.Login](t)(client.Login(ctx, host, ocireg.WithPassword("alice", "s3cret:with colon")))
	if login.Auth != "basic" || login.Username != "alice" || login.StoredIn != filepath.Join(folder, "config.json") {
		t.Errorf("%+v", login)
	}
	if _, err := os.Stat(login.StoredIn); err != nil {
		t.Error(err)
	}
	must[*ocireg.RepositoryList](t)(client.RegistryCatalog(ctx, host))
	told := must[*ocireg.Explanation](t)(client.Explain(ctx, host+"/a"))
	if told.Credentials.Kind != "password" || told.Credentials.Source != "file" || told.Credentials.Username != "alice" || told.Host != host {
		t.Errorf("%+v", told)
	}
	logout := must[*ocireg.Logout](t)(client.Logout(ctx, host))
	if !logout.Removed || len(logout.From) != 1 {
		t.Errorf("%+v", logout)
	}
	_, err = client.RegistryCatalog(ctx, host)
	wantCode(t, err, ocireg.ErrUnauthenticated)
}

func TestHostOptions(t *testing.T) {
	ctx := context.Background()
	host := registry(t, "OCIREG_TEST_TLS")
	authority := os.Getenv("OCIREG_TEST_CA")
	client := newClient(t)
	_, err := client.RegistryPing(ctx, host)
	wantCode(t, err, ocireg.ErrTLS)
	for name, option := range map[string]ocireg.HostOption{"authority": ocireg.WithCAFile(authority), "insecure": ocireg.WithInsecure()} {
		if err := client.SetHost(host, option); err != nil {
			t.Fatal(err)
		}
		if ping, err := client.RegistryPing(ctx, host); err != nil || ping.APIVersion != 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, option := range map[string]ocireg.ClientOption{"authorities": ocireg.WithCAFile(authority, os.Getenv("OCIREG_TEST_OTHER_CA")), "insecure": ocireg.WithInsecure()} {
		if _, err := newClient(t, option).RegistryPing(ctx, host); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
