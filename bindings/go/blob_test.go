package ocireg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestBlobThereAndBack(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(3 << 20)
	digest := must[string](t)(ocireg.DigestBytes(data))
	reference := repository + "@" + digest

	put := must[*ocireg.BlobPut](t)(client.BlobPutFrom(ctx, repository, digest, bytes.NewReader(data)))
	if put.Digest != digest || put.Size != int64(len(data)) || !put.Uploaded {
		t.Errorf("%+v", put)
	}
	if again := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, data)); again.Uploaded {
		t.Errorf("%+v", again)
	}
	head := must[*ocireg.BlobHead](t)(client.BlobHead(ctx, reference))
	if !head.Exists || head.Size != int64(len(data)) || head.Digest != digest {
		t.Errorf("%+v", head)
	}

	path := filepath.Join(t.TempDir(), "blob")
	got := must[*ocireg.BlobGet](t)(client.BlobGetFile(ctx, reference, path, ocireg.WithSize(int64(len(data)))))
	if got.Path != path || got.Length != int64(len(data)) || !got.Verified || !bytes.Equal(must[[]byte](t)(os.ReadFile(path)), data) {
		t.Errorf("%+v", got)
	}
	there := must[*ocireg.BlobGet](t)(client.BlobToPath(ctx, reference, path, ocireg.WithIfExists("skip"), ocireg.WithoutResume()))
	if !there.Skipped || !there.Verified || got.Skipped {
		t.Errorf("%+v", there)
	}
	var buffer bytes.Buffer
	must[*ocireg.BlobGet](t)(client.BlobGetTo(ctx, reference, &buffer))
	if !bytes.Equal(buffer.Bytes(), data) {
		t.Error("other bytes in the buffer")
	}
	file := must[*os.File](t)(os.Create(path))
	must[*ocireg.BlobGet](t)(client.BlobToFile(ctx, reference, file, ocireg.WithOffset(10), ocireg.WithLength(100)))
	file.Close()
	if !bytes.Equal(must[[]byte](t)(os.ReadFile(path)), data[10:110]) {
		t.Error("other bytes in the file")
	}
	inMemory, info, err := client.BlobGetBytes(ctx, reference)
	if err != nil || !bytes.Equal(inMemory, data) || info.Size != int64(len(data)) {
		t.Errorf("%v, %+v", err, info)
	}
	_, _, err = client.BlobGetBytes(ctx, reference, ocireg.WithLimit(1000))
	wantCode(t, err, ocireg.ErrLimitExceeded)

	if gone := must[*ocireg.BlobDelete](t)(client.BlobDelete(ctx, reference)); gone.Status != 202 {
		t.Errorf("%+v", gone)
	}
	if must[bool](t)(client.HasBlob(ctx, reference)) {
		t.Error("it still exists")
	}
}

func TestReader(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(3 << 20)
	put := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, data))
	reader := must[*ocireg.BlobReader](t)(client.BlobOpen(ctx, repository+"@"+put.Digest))
	info := must[*ocireg.BlobInfo](t)(reader.Info())
	if info.Digest != put.Digest || info.Size != int64(len(data)) || info.Offset != 0 {
		t.Errorf("%+v", info)
	}
	if count, err := reader.Read(nil); count != 0 || err != nil {
		t.Errorf("%d, %v", count, err)
	}
	start := make([]byte, 1000)
	if _, err := io.ReadFull(reader, start); err != nil || !bytes.Equal(start, data[:1000]) {
		t.Error(err)
	}
	var rest bytes.Buffer
	if count, err := io.Copy(&rest, reader); err != nil || count != int64(len(data)-1000) || !bytes.Equal(rest.Bytes(), data[1000:]) {
		t.Errorf("%d, %v", count, err)
	}
	for range 2 {
		if _, err := reader.Read(start); err != io.EOF {
			t.Error(err)
		}
	}
	for range 2 {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := reader.Read(start)
	wantCode(t, err, ocireg.ErrClosed)
	_, err = reader.Info()
	wantCode(t, err, ocireg.ErrClosed)
}

func TestReaderAt(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(100_000)
	put := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, data))
	at := must[*ocireg.BlobReaderAt](t)(client.BlobAt(ctx, repository+"@"+put.Digest))
	if at.Size() != int64(len(data)) {
		t.Error(at.Size())
	}
	section := must[[]byte](t)(io.ReadAll(io.NewSectionReader(at, 5000, 20_000)))
	if !bytes.Equal(section, data[5000:25_000]) {
		t.Error("other bytes")
	}
	piece := make([]byte, 100)
	if count, err := at.ReadAt(piece, int64(len(data)-40)); count != 40 || err != io.EOF || !bytes.Equal(piece[:40], data[len(data)-40:]) {
		t.Errorf("%d, %v", count, err)
	}
	if count, err := at.ReadAt(piece, int64(len(data))); count != 0 || err != io.EOF {
		t.Errorf("%d, %v", count, err)
	}
	_, err := client.BlobAt(ctx, repository+"@sha256:"+strings.Repeat("0", 64))
	wantCode(t, err, ocireg.ErrNotFound)
}

// A server that sends wrong bytes, and one that stops halfway.
func TestReaderOfBadBytes(t *testing.T) {
	data := random(200_000)
	digest := must[string](t)(ocireg.DigestBytes(data))
	data[100_000]++
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Length", fmt.Sprint(len(data)))
		answer.Write(data)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	client := newClient(t, ocireg.WithHost(host, ocireg.WithPlainHTTP(true)))
	reader := must[*ocireg.BlobReader](t)(client.BlobOpen(context.Background(), host+"/a@"+digest))
	defer reader.Close()
	_, err := io.Copy(io.Discard, reader)
	wantCode(t, err, ocireg.ErrDigestMismatch)
}

// stalling sends a blob's first bytes, and then nothing more.
func stalling(t *testing.T) (host string) {
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				connection.Read(make([]byte, 4096))
				io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello")
			}()
		}
	}()
	return listener.Addr().String()
}

func TestReaderIsLeft(t *testing.T) {
	host := stalling(t)
	client := newClient(t, ocireg.WithHost(host, ocireg.WithPlainHTTP(true)))
	reference := host + "/a@sha256:" + strings.Repeat("0", 64)
	open := func(ctx context.Context) *ocireg.BlobReader {
		reader := must[*ocireg.BlobReader](t)(client.BlobOpen(ctx, reference))
		if _, err := io.ReadFull(reader, make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		return reader
	}
	t.Run("by its context", func(t *testing.T) {
		cancelled(t, func(ctx context.Context) error {
			reader := open(ctx)
			defer reader.Close()
			_, err := reader.Read(make([]byte, 10))
			return err
		})
	})
	t.Run("by Close", func(t *testing.T) {
		reader := open(context.Background())
		time.AfterFunc(100*time.Millisecond, func() { reader.Close() })
		within(t, 300*time.Millisecond, func() {
			_, err := reader.Read(make([]byte, 10))
			wantCode(t, err, ocireg.ErrClosed)
		})
	})
	t.Run("by the client's Close", func(t *testing.T) {
		reader := open(context.Background())
		defer reader.Close()
		time.AfterFunc(100*time.Millisecond, func() { client.Close() })
		within(t, 300*time.Millisecond, func() {
			_, err := reader.Read(make([]byte, 10))
			wantCode(t, err, ocireg.ErrClosed)
		})
	})
}

// failing returns some bytes and then an error.
func failing(err error) io.Reader {
	return io.MultiReader(bytes.NewReader(random(1000)), errorReader{err})
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// onlyReader hides all methods but Read.
func onlyReader(data []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} }

func TestUploadFromReaders(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(5_000_000)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file := must[*os.File](t)(os.Open(path))
	defer file.Close()
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	digest := must[string](t)(ocireg.DigestBytes(data))
	for name, upload := range map[string]func() (*ocireg.BlobPut, error){
		"a file": func() (*ocireg.BlobPut, error) {
			return client.BlobPutFrom(cancellable, repository+"/file", digest, file)
		},
		"a path": func() (*ocireg.BlobPut, error) { return client.BlobPutFile(cancellable, repository+"/path", path) },
		"unknown": func() (*ocireg.BlobPut, error) {
			return client.BlobPutFrom(context.Background(), repository+"/u", "", onlyReader(data))
		},
		"unknown, in a context": func() (*ocireg.BlobPut, error) {
			return client.BlobPutFrom(cancellable, repository+"/c", "", onlyReader(data), ocireg.WithChunkSize(1<<20))
		},
		"of known size": func() (*ocireg.BlobPut, error) {
			return client.BlobPutFrom(cancellable, repository+"/k", digest, onlyReader(data), ocireg.WithSize(int64(len(data))))
		},
	} {
		put, err := upload()
		if err != nil || put.Digest != digest || put.Size != int64(len(data)) || !put.Uploaded {
			t.Errorf("%s: %+v, %v", name, put, err)
		}
	}
	_, err := client.BlobPutFrom(cancellable, repository, "sha256:"+strings.Repeat("0", 64), bytes.NewReader(data))
	wantCode(t, err, ocireg.ErrDigestMismatch)
}

// From a reader that contains more than the blob, only the blob is read.
func TestUploadLeavesTheRest(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(700_000)
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": cancellable} {
		whole := bytes.NewReader(data)
		from := struct{ io.Reader }{whole}
		for _, piece := range [][]byte{data[:300_000], data[300_000:600_000]} {
			digest := must[string](t)(ocireg.DigestBytes(piece))
			if _, err := client.BlobPutFrom(ctx, repository+"/"+name, digest, from, ocireg.WithSize(int64(len(piece)))); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if whole.Len() != 100_000 {
			t.Errorf("%s: %d bytes are left", name, whole.Len())
		}
	}
}

func TestUploadFromAReaderThatFails(t *testing.T) {
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	why := errors.New("the disk is gone")
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, ctx := range []context.Context{context.Background(), cancellable} {
		_, err := client.BlobPutFrom(ctx, repository, "", failing(why))
		wantCode(t, err, ocireg.ErrCallback)
		if !errors.Is(err, why) || !strings.Contains(err.Error(), "the disk is gone") {
			t.Error(err)
		}
		_, err = client.BlobPutFrom(ctx, repository, "", io.MultiReader(onlyReader(nil), nothing{}))
		if !errors.Is(err, io.ErrNoProgress) {
			t.Error(err)
		}
		if got := panicOf(func() { client.BlobPutFrom(ctx, repository, "", panicking{}) }); got != "a reader's panic" {
			t.Errorf("the panic is %v", got)
		}
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a reader's panic") }

func panicOf(do func()) (got any) {
	defer func() { got = recover() }()
	do()
	return nil
}

func TestUpload(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(3_000_000)
	upload := must[*ocireg.Upload](t)(client.UploadStart(ctx, repository, ocireg.WithChunkSize(1<<20)))
	defer upload.Close()
	if count, err := upload.Write(data[:1000]); count != 1000 || err != nil {
		t.Error(count, err)
	}
	if count, err := io.Copy(upload, bytes.NewReader(data[1000:])); count != int64(len(data)-1000) || err != nil {
		t.Error(count, err)
	}
	put := must[*ocireg.BlobPut](t)(upload.Finish(""))
	if put.Digest != must[string](t)(ocireg.DigestBytes(data)) || put.Size != int64(len(data)) {
		t.Errorf("%+v", put)
	}
	_, err := upload.Write(data)
	wantCode(t, err, ocireg.ErrClosed)
	upload.Close()
	_, err = upload.Finish("")
	wantCode(t, err, ocireg.ErrClosed)

	other := must[*ocireg.Upload](t)(client.UploadStart(ctx, repository))
	if err := other.Cancel(); err != nil {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

func TestSession(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	data := random(300_000)
	digest := must[string](t)(ocireg.DigestBytes(data))

	upload := must[*ocireg.Upload](t)(client.UploadStart(ctx, repository))
	if _, err := upload.Write(data[:100_000]); err != nil {
		t.Fatal(err)
	}
	session := must[*ocireg.Session](t)(upload.Save())
	upload.Close()
	if session.Offset != 100_000 || !strings.Contains(session.URL, "/blobs/uploads/") {
		t.Errorf("%+v", session)
	}
	session = must[*ocireg.Session](t)(client.UploadSessionStatus(ctx, session))
	session = must[*ocireg.Session](t)(client.UploadSessionChunk(ctx, session, data[100_000:200_000], ocireg.WithOffset(100_000)))
	put := must[*ocireg.BlobPut](t)(client.UploadSessionFinish(ctx, session, digest, data[200_000:]))
	if put.Digest != digest || session.Offset != 200_000 {
		t.Errorf("%+v, %+v", put, session)
	}
	if got, _, err := client.BlobGetBytes(ctx, repository+"@"+digest); err != nil || !bytes.Equal(got, data) {
		t.Error(err)
	}
	other := must[*ocireg.Session](t)(client.UploadSessionStart(ctx, repository))
	if err := client.UploadSessionCancel(ctx, other); err != nil {
		t.Error(err)
	}
	_, err := client.UploadSessionStatus(ctx, other)
	wantCode(t, err, ocireg.ErrNotFound)
	_, err = client.UploadSessionStatus(ctx, nil)
	wantCode(t, err, ocireg.ErrInvalidArgument)
}

// A program brings one manifest and its blobs into a layout of its own, by the calls that a registry has.
func TestLayoutAsAStore(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	layout := "oci:" + filepath.Join(t.TempDir(), "layout")
	config := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, []byte("{}")))
	copied := must[*ocireg.BlobCopy](t)(client.BlobCopy(ctx, repository+"@"+config.Digest, layout, ocireg.WithSize(2)))
	if !copied.Uploaded || copied.Mounted || copied.Size != 2 || copied.Digest != config.Digest {
		t.Errorf("%+v", copied)
	}
	data := []byte(`{"schemaVersion":2,"mediaType":"` + manifestType + `","layers":[],"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"` +
		config.Digest + `","size":2}}`)
	put := must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, layout+":v1", data, ocireg.WithIfExists("fail")))
	if put.Condition != "locked" || !slices.Equal(put.Tags, []string{"v1"}) {
		t.Errorf("%+v", put)
	}
	must[*ocireg.ImageTag](t)(client.ImageTag(ctx, layout+":v1", "v2"))
	if gone := must[*ocireg.TagDelete](t)(client.TagDelete(ctx, layout+":v1")); gone.Manifest != "kept" || gone.Status != 0 {
		t.Errorf("%+v", gone)
	}
	if tags := must[*ocireg.TagList](t)(client.RepositoryTags(ctx, layout)); !slices.Equal(tags.Tags, []string{"v2"}) || tags.ServedBy != "" {
		t.Errorf("%+v", tags)
	}
	if manifest := must[*ocireg.Manifest](t)(client.ManifestGet(ctx, layout+":v2")); !bytes.Equal(manifest.Bytes, data) || manifest.Repository != "" {
		t.Errorf("%+v", manifest)
	}
	if head := must[*ocireg.BlobHead](t)(client.BlobHead(ctx, layout+"@"+config.Digest)); !head.Exists || head.Size != 2 {
		t.Errorf("%+v", head)
	}
	must[*ocireg.ManifestDelete](t)(client.ManifestDelete(ctx, layout+"@"+put.Digest))
	_, err := client.ManifestDigest(ctx, layout+"@"+put.Digest)
	wantCode(t, err, ocireg.ErrNotFound)
	_, err = client.ManifestPut(ctx, layout+":v3", bytes.Replace(data, []byte(`"size":2`), []byte(`"size":3`), 1))
	wantCode(t, err, ocireg.ErrMissingBlob)
	must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, layout+":v3", bytes.Replace(data, []byte(`"size":2`), []byte(`"size":3`), 1), ocireg.WithAllowMissing()))
}

func TestMount(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	from := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	to := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	put := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, from, []byte("mounted")))
	mount := must[*ocireg.BlobMount](t)(client.BlobMount(ctx, to+"@"+put.Digest, from))
	if !mount.Mounted || mount.Digest != put.Digest || mount.Session != nil {
		t.Errorf("%+v", mount)
	}
	none := "@sha256:" + strings.Repeat("0", 64)
	mount = must[*ocireg.BlobMount](t)(client.BlobMount(ctx, to+none, "", ocireg.WithKeepSession()))
	if mount.Mounted || mount.Session == nil {
		t.Fatalf("%+v", mount)
	}
	if err := client.UploadSessionCancel(ctx, mount.Session); err != nil {
		t.Error(err)
	}
	again := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, to+"/more", []byte("mounted"), ocireg.WithMountFrom(from)))
	if !again.Mounted {
		t.Errorf("%+v", again)
	}
}
