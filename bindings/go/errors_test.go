package ocireg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestErrorOfARegistry(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	_, err := client.ManifestGet(context.Background(), repository+":none")
	told := wantCode(t, fmt.Errorf("wrapped: %w", err), ocireg.ErrNotFound)
	if told.HTTPStatus != 404 || told.Attempts != 1 || told.Retryable || told.Timeout() {
		t.Errorf("%+v", told)
	}
	if len(told.RegistryErrors) == 0 || told.RegistryErrors[0].Code == "" || !strings.Contains(told.URL, "/manifests/none") {
		t.Errorf("%+v", told)
	}
	if errors.Is(err, ocireg.ErrTimeout) || errors.Is(err, context.Canceled) {
		t.Error("it is another error too")
	}
	if !strings.HasPrefix(err.Error(), "ocireg: NOT_FOUND: ") || ocireg.ErrNotFound.Error() != "ocireg: NOT_FOUND" {
		t.Error(err)
	}
}

func TestErrorSide(t *testing.T) {
	client := newClient(t)
	_, err := client.Copy(context.Background(), registry(t, "OCIREG_TEST_V3")+"/"+newRepository()+":none", "oci:"+t.TempDir())
	if told := wantCode(t, err, ocireg.ErrNotFound); told.Side != "source" {
		t.Errorf("%+v", told)
	}
}

// Each code of the library has its constant here.
func TestCodes(t *testing.T) {
	for code := ocireg.ErrInvalidArgument; code <= ocireg.ErrResolve; code++ {
		if code.String() == "UNKNOWN" {
			t.Errorf("%d has no name", int32(code))
		}
	}
	if next := ocireg.ErrResolve + 1; next.String() != "UNKNOWN" {
		t.Errorf("the library has a code that is missing here: %s", next.String())
	}
}

func TestRateLimit(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Retry-After", "120")
		answer.Header().Set("RateLimit-Limit", "100;w=21600")
		answer.Header().Set("RateLimit-Remaining", "0;w=21600")
		answer.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	client := newClient(t, ocireg.WithHost(host, ocireg.WithPlainHTTP(true)))
	_, err := client.ManifestHead(context.Background(), host+"/a:b")
	told := wantCode(t, err, ocireg.ErrRateLimited)
	if told.RetryAfter < 100*time.Second || told.RetryAfter > 120*time.Second || !told.Retryable {
		t.Errorf("%+v", told)
	}
	if limit := told.RateLimit; limit == nil || limit.Limit != 100 || limit.Remaining != 0 || limit.WindowSeconds != 21600 {
		t.Errorf("%+v", told.RateLimit)
	}
}

// TestLongRetryAfter: a time that is longer than any duration is a long one, not one that is over.
func TestLongRetryAfter(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Retry-After", "99999999999999999999")
		answer.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	client := newClient(t, ocireg.WithHost(host, ocireg.WithPlainHTTP(true)))
	_, err := client.ManifestHead(context.Background(), host+"/a:b")
	if told := wantCode(t, err, ocireg.ErrRateLimited); told.RetryAfter <= 0 {
		t.Errorf("%v", told.RetryAfter)
	}
	var told ocireg.Error
	if err := json.Unmarshal([]byte(`{"code":20,"retry_after":18446744073709551615}`), &told); err != nil || told.RetryAfter != math.MaxInt64 {
		t.Errorf("%v, %v", told.RetryAfter, err)
	}
}

// TestErrorsInJSON: what a program keeps of an error, alone or in a result, is the same error when it is read again.
func TestErrorsInJSON(t *testing.T) {
	told := ocireg.Error{Code: ocireg.ErrRateLimited, Message: "too many", Hint: "wait", Side: "source", Errno: syscall.ENOSPC, HTTPStatus: 429,
		RegistryErrors: []ocireg.RegistryError{{Code: "TOOMANYREQUESTS", Message: "later", Detail: json.RawMessage(`{"a":1}`)}},
		URL:            "https://h.example/v2/", Attempts: 3, Retryable: true, RetryAfter: 1500 * time.Millisecond,
		RateLimit: &ocireg.RateLimit{Limit: 100, Remaining: -1, WindowSeconds: 60, Source: "a"},
		Conflict:  &ocireg.Conflict{Name: "a:b", Digest: "sha256:0"}, Causes: []string{"because"}}
	result := ocireg.SyncResult{Err: &told, Images: []ocireg.SyncedImage{{State: "failed", Err: &told}, {State: "copied"}}}
	text := must[[]byte](t)(json.Marshal(result))
	if !bytes.Contains(text, []byte(`"code":7,"name":"RATE_LIMITED"`)) {
		t.Errorf("%s", text)
	}
	var read ocireg.SyncResult
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, result) {
		t.Errorf("%+v, not %+v", read.Err, &told)
	}
	for _, err := range []error{read.Err, read.Images[0].Err} {
		if !errors.Is(err, ocireg.ErrRateLimited) || !errors.Is(err, syscall.ENOSPC) || err.Error() != "ocireg: RATE_LIMITED: too many" {
			t.Error(err)
		}
	}
	for _, whole := range []ocireg.Error{told, {Code: ocireg.ErrNotFound}, {Code: ocireg.ErrServer, RetryAfter: math.MaxInt64}} {
		var again ocireg.Error
		if err := json.Unmarshal(must[[]byte](t)(json.Marshal(whole)), &again); err != nil || !reflect.DeepEqual(again, whole) {
			t.Errorf("%+v, not %+v: %v", again, whole, err)
		}
	}
	_, failed := newClient(t).RepositoryTags(context.Background(), registry(t, "OCIREG_TEST_V3")+"/"+newRepository())
	var again ocireg.Error
	if err := json.Unmarshal(must[[]byte](t)(json.Marshal(failed)), &again); err != nil || !reflect.DeepEqual(&again, failed) {
		t.Errorf("%+v, not %+v: %v", &again, failed, err)
	}
}

func TestArguments(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	_, err := client.RegistryPing(ctx, "a\x00b")
	wantCode(t, err, ocireg.ErrInvalidArgument)
	_, err = client.RegistryPing(ctx, "a\xff")
	wantCode(t, err, ocireg.ErrInvalidArgument)
	_, err = client.RegistryPing(ctx, "127.0.0.1:1", ocireg.WithPlatform("linux/amd64"))
	if told := wantCode(t, err, ocireg.ErrInvalidArgument); !strings.Contains(told.Message, "platform") {
		t.Error(err)
	}
	_, err = client.RegistryPing(ctx, "127.0.0.1:1", ocireg.WithSetting("version", "two"))
	if told := wantCode(t, err, ocireg.ErrInvalidArgument); !strings.Contains(told.Message, "version") {
		t.Error(err)
	}
	_, err = client.BlobPutFrom(ctx, "127.0.0.1:1/a", "", nil)
	wantCode(t, err, ocireg.ErrInvalidArgument)
	_, err = client.RegistryPing(ctx, "127.0.0.1:1", nil)
	wantCode(t, err, ocireg.ErrInvalidArgument)
	for _, made := range []func() error{
		func() error { _, err := ocireg.New(nil); return err },
		func() error { return client.SetHost("a.example", nil) },
		func() error { _, err := new(ocireg.Client).RegistryPing(ctx, "127.0.0.1:1"); return err },
		func() error { _, err := new(ocireg.Client).BlobOpen(ctx, "127.0.0.1:1/a"); return err },
		func() error { _, err := new(ocireg.Client).BlobGetTo(ctx, "127.0.0.1:1/a", io.Discard); return err },
		func() error {
			_, err := new(ocireg.Client).BlobPutFrom(ctx, "127.0.0.1:1/a", "", io.LimitReader(nil, 0))
			return err
		},
		func() error {
			_, err := new(ocireg.Client).ArtifactPush(ctx, "127.0.0.1:1/a:b", []ocireg.ArtifactFile{{Reader: io.LimitReader(nil, 0)}})
			return err
		},
	} {
		wantCode(t, made(), ocireg.ErrInvalidArgument)
	}
	if err := new(ocireg.Client).Close(); err != nil {
		t.Error(err)
	}
	for _, none := range []http.Header{nil, {}} {
		if made, err := ocireg.New(ocireg.WithHeaders(none)); err != nil {
			t.Error(err)
		} else {
			made.Close()
		}
	}
	if _, err := ocireg.New(ocireg.WithSetting("no_such_option", 1)); !errors.Is(err, ocireg.ErrInvalidArgument) {
		t.Error(err)
	}
	if _, err := ocireg.New(ocireg.WithHost("a b")); err == nil {
		t.Error("an invalid host was accepted")
	}
}

func TestCancelWithin200ms(t *testing.T) {
	client, silent, real := newClient(t), silentHost(t), registry(t, "OCIREG_TEST_V3")
	none := silent + "/a@sha256:" + strings.Repeat("0", 64)
	blocked := ioBlocked{make(chan struct{})}
	defer close(blocked.released)
	calls := map[string]func(context.Context) error{
		"Ping":     func(ctx context.Context) error { _, err := client.RegistryPing(ctx, silent); return err },
		"Manifest": func(ctx context.Context) error { _, err := client.ManifestGet(ctx, silent+"/a:b"); return err },
		"BlobOpen": func(ctx context.Context) error { _, err := client.BlobOpen(ctx, none); return err },
		"BlobPutFrom": func(ctx context.Context) error {
			_, err := client.BlobPutFrom(ctx, silent+"/a", "", strings.NewReader("x"))
			return err
		},
		"a reader that blocks": func(ctx context.Context) error {
			_, err := client.BlobPutFrom(ctx, real+"/"+newRepository(), "", blocked)
			return err
		},
		"UploadStart": func(ctx context.Context) error { _, err := client.UploadStart(ctx, silent+"/a"); return err },
		"Copy": func(ctx context.Context) error {
			_, err := client.Copy(ctx, silent+"/a:b", "oci:"+t.TempDir())
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { cancelled(t, call); expired(t, call) })
	}
}

// ioBlocked is a reader that blocks until it is released.
type ioBlocked struct{ released chan struct{} }

func (b ioBlocked) Read([]byte) (int, error) {
	<-b.released
	return 0, errors.New("released")
}

func cancelled(t *testing.T, call func(context.Context) error) {
	why := errors.New("the user is gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	var at time.Time
	time.AfterFunc(100*time.Millisecond, func() { at = time.Now(); cancel(why) })
	err := call(ctx)
	took := time.Since(at)
	wantCode(t, err, ocireg.ErrCancelled)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if took > 200*time.Millisecond {
		t.Errorf("cancel took %v", took)
	}
}

func expired(t *testing.T, call func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	var err error
	within(t, 300*time.Millisecond, func() { err = call(ctx) })
	told := wantCode(t, err, ocireg.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) || !told.Timeout() {
		t.Errorf("%v", err)
	}
	var network net.Error
	if !errors.As(err, &network) || !network.Timeout() {
		t.Errorf("it is not a net.Error: %v", err)
	}
}

func TestContextThatHasEnded(t *testing.T) {
	client := newClient(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := client.RegistryPing(ctx, "127.0.0.1:1")
	wantCode(t, err, ocireg.ErrCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel = context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	_, err = client.RegistryPing(ctx, "127.0.0.1:1")
	if wantCode(t, err, ocireg.ErrTimeout); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	_, err = client.RegistryPing(nil, "127.0.0.1:1") //nolint:staticcheck // the subject of this test
	wantCode(t, err, ocireg.ErrInvalidArgument)
}

func TestIdleTimeoutIsNoDeadline(t *testing.T) {
	client := newClient(t, ocireg.WithIdleTimeout(100*time.Millisecond), ocireg.WithRetries(0))
	_, err := client.RegistryPing(context.Background(), silentHost(t))
	wantCode(t, err, ocireg.ErrTimeout)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the context had no deadline")
	}
}

// slowHost answers every request successfully, after 200 ms.
func slowHost(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		time.Sleep(200 * time.Millisecond)
		answer.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// Very long times must not overflow to short ones.
func TestLongTimes(t *testing.T) {
	host := slowHost(t)
	far, cancel := context.WithDeadline(context.Background(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
	defer cancel()
	longest, cancel := context.WithTimeout(context.Background(), math.MaxInt64)
	defer cancel()
	for name, ctx := range map[string]context.Context{"the year 9999": far, "the longest": longest} {
		if _, err := newClient(t).RegistryPing(ctx, host); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	client, err := ocireg.New(ocireg.WithConnectTimeout(math.MaxInt64), ocireg.WithIdleTimeout(math.MaxInt64),
		ocireg.WithAnswerTimeout(math.MaxInt64), ocireg.WithHelperTimeout(math.MaxInt64))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.RegistryPing(context.Background(), host); err != nil {
		t.Error(err)
	}
}
