package registry_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/docker/distribution"
	"github.com/docker/distribution/manifest"
	"github.com/docker/distribution/manifest/schema1"
	"github.com/docker/distribution/manifest/schema2"
	"github.com/ocireg/ocireg/bindings/go"
	"github.com/ocireg/ocireg/bindings/go/registry"
	"github.com/opencontainers/go-digest"
)

// hub is a Registry for a real one, started by tests/registries/run.
func hub(t *testing.T, variable, username, password string) *registry.Registry {
	t.Helper()
	hub, err := registry.New("http://"+address(t, variable)+"/", username, password)
	if err != nil {
		t.Fatal(err)
	}
	hub.Logf = registry.Quiet
	t.Cleanup(func() { hub.Client.Close() })
	return hub
}

func address(t *testing.T, variable string) string {
	t.Helper()
	host := os.Getenv(variable)
	if host == "" {
		t.Skip(variable + " is not set: run by tests/registries/run")
	}
	return host
}

func name() string { return fmt.Sprintf("go/facade-%s", strings.ToLower(rand.Text()[:10])) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// statusOf inspects an error as users of the other client do.
func statusOf(t *testing.T, err error) int {
	t.Helper()
	wrapped, ok := err.(*url.Error)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	told, ok := wrapped.Err.(*registry.HTTPStatusError)
	if !ok {
		t.Fatalf("%T: %v", wrapped.Err, err)
	}
	return told.Response.StatusCode
}

// push puts an image with one layer as users of the other client do.
func push(t *testing.T, hub *registry.Registry, repository, tag string, layer []byte) *schema2.DeserializedManifest {
	t.Helper()
	config := []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)
	for _, blob := range [][]byte{config, layer} {
		check(t, hub.UploadBlob(repository, digest.FromBytes(blob), bytes.NewBuffer(blob)))
	}
	made, err := schema2.FromStruct(schema2.Manifest{
		Versioned: manifest.Versioned{SchemaVersion: 2, MediaType: schema2.MediaTypeManifest},
		Config:    distribution.Descriptor{MediaType: schema2.MediaTypeImageConfig, Size: int64(len(config)), Digest: digest.FromBytes(config)},
		Layers:    []distribution.Descriptor{{MediaType: schema2.MediaTypeLayer, Size: int64(len(layer)), Digest: digest.FromBytes(layer)}},
	})
	check(t, err)
	check(t, hub.PutManifest(repository, tag, made))
	return made
}

func TestAnImageThereAndBack(t *testing.T) {
	hub, repository, layer := hub(t, "OCIREG_TEST_V3", "", ""), name(), []byte("a layer")
	made := push(t, hub, repository, "one", layer)
	_, payload, _ := made.Payload()

	got, err := hub.ManifestV2(repository, "one")
	check(t, err)
	if _, same, _ := got.Payload(); !bytes.Equal(same, payload) || got.Layers[0].Digest != digest.FromBytes(layer) {
		t.Errorf("%s", same)
	}
	found, err := hub.ManifestDigest(repository, "one")
	check(t, err)
	if found != digest.FromBytes(payload) {
		t.Error(found)
	}
	tags, err := hub.Tags(repository)
	check(t, err)
	repositories, err := hub.Repositories()
	check(t, err)
	if !slices.Equal(tags, []string{"one"}) || !slices.Contains(repositories, repository) {
		t.Error(tags, repositories)
	}
	check(t, hub.DeleteManifest(repository, found))
	_, err = hub.ManifestV2(repository, "one")
	if statusOf(t, err) != 404 || !errors.Is(err, ocireg.ErrNotFound) {
		t.Error(err)
	}
}

func TestBlobs(t *testing.T) {
	hub, repository := hub(t, "OCIREG_TEST_V3", "", ""), name()
	data := make([]byte, 3<<20)
	rand.Read(data)
	of, none := digest.FromBytes(data), digest.FromString("none")
	// A reader of unknown size that can be read only once.
	check(t, hub.UploadLayer(repository, of, io.MultiReader(bytes.NewReader(data))))
	for _, has := range []func(string, digest.Digest) (bool, error){hub.HasBlob, hub.HasLayer} {
		if there, err := has(repository, of); !there || err != nil {
			t.Error(there, err)
		}
		if there, err := has(repository, none); there || err != nil {
			t.Error(there, err)
		}
	}
	for _, about := range []func(string, digest.Digest) (distribution.Descriptor, error){hub.BlobMetadata, hub.LayerMetadata} {
		if found, err := about(repository, of); err != nil || found.Digest != of || found.Size != int64(len(data)) {
			t.Error(found, err)
		}
		if _, err := about(repository, none); statusOf(t, err) != 404 {
			t.Error(err)
		}
	}
	for _, download := range []func(string, digest.Digest) (io.ReadCloser, error){hub.DownloadBlob, hub.DownloadLayer} {
		reader, err := download(repository, of)
		check(t, err)
		got, err := io.ReadAll(reader)
		if err != nil || !bytes.Equal(got, data) || reader.Close() != nil {
			t.Error(len(got), err)
		}
		if _, err := download(repository, none); statusOf(t, err) != 404 {
			t.Error(err)
		}
	}
	if err := hub.UploadBlob(repository, none, strings.NewReader("other")); !errors.Is(err, ocireg.ErrDigestMismatch) {
		t.Error(err)
	}
	check(t, hub.UploadBlob(repository, digest.FromBytes(nil), nil))
}

func TestNewPingsWithTheCredentials(t *testing.T) {
	const user, password = "alice", "s3cret:with colon"
	for _, variable := range []string{"OCIREG_TEST_HTPASSWD", "OCIREG_TEST_TOKEN"} {
		host := "http://" + address(t, variable)
		made := hub(t, variable, user, password)
		check(t, made.Ping())
		push(t, made, name(), "one", []byte(variable))
		if _, err := registry.New(host, user, "wrong"); statusOf(t, err) != 401 || !errors.Is(err, ocireg.ErrUnauthenticated) {
			t.Error(variable, err)
		}
	}
	if _, err := registry.New("http://"+address(t, "OCIREG_TEST_HTPASSWD"), "", ""); statusOf(t, err) != 401 {
		t.Error(err)
	}
	// A token server gives every client a token; what that permits is seen later.
	if made, err := registry.New("http://"+address(t, "OCIREG_TEST_TOKEN"), "", ""); err != nil {
		t.Error(err)
	} else {
		made.Client.Close()
	}
	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	if _, err := registry.New(page.URL, "", ""); statusOf(t, err) != 404 {
		t.Error(err)
	}
	_, err := registry.New("http://127.0.0.1:1", "", "")
	var wrapped *url.Error
	if !errors.As(err, &wrapped) || !errors.Is(err, ocireg.ErrConnect) {
		t.Error(err)
	}
	for _, wrong := range []string{"", "localhost:5000", "ftp://a.b", "user:s3cret@a.b:1", "http://"} {
		if _, err := registry.New(wrong, "", ""); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestTLS(t *testing.T) {
	host := "https://" + address(t, "OCIREG_TEST_TLS")
	if _, err := registry.New(host, "", ""); !errors.Is(err, ocireg.ErrTLS) {
		t.Error(err)
	}
	made, err := registry.NewInsecure(host, "", "")
	check(t, err)
	defer made.Client.Close()
	if _, err := made.Repositories(); err != nil {
		t.Error(err)
	}
}

func TestErrorsHaveTheRegistrysWords(t *testing.T) {
	hub := hub(t, "OCIREG_TEST_V3", "", "")
	_, err := hub.Tags(name())
	var told *registry.HTTPStatusError
	if !errors.As(err, &told) || !strings.Contains(string(told.Body), "NAME_UNKNOWN") || !strings.Contains(told.Error(), "status=404") {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(told.Response.Body)
	if !json.Valid(body) || !bytes.Equal(body, told.Body) {
		t.Errorf("%q", body)
	}
	var older *registry.HttpStatusError
	var whole *ocireg.Error
	if !errors.As(err, &older) || !errors.As(err, &whole) || whole.Code != ocireg.ErrNotFound {
		t.Error(err)
	}
}

// paged is a registry below a path, whose pages are linked relatively and by its own tokens.
func paged(t *testing.T, of1 []byte) *httptest.Server {
	pages := map[string]string{"": `["a","b"]`, "gAAA": `["c"]`}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, token := strings.TrimPrefix(r.URL.Path, "/mirror"), r.URL.Query().Get("next_page")
		w.Header().Set("Content-Type", "application/json")
		if token == "" && path != "/v2/" {
			w.Header().Set("Link", `<`+path[strings.LastIndex(path, "/")+1:]+`?next_page=gAAA>`)
		}
		switch path {
		case "/v2/":
			io.WriteString(w, "{}")
		case "/v2/_catalog":
			io.WriteString(w, `{"repositories":`+pages[token]+`}`)
		case "/v2/o/r/tags/list":
			io.WriteString(w, `{"name":"o/r","tags":`+pages[token]+`}`)
		case "/v2/o/r/manifests/old":
			w.Header().Del("Link")
			w.Header().Set("Content-Type", schema1.MediaTypeSignedManifest)
			w.Write(of1)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func TestPagesAndSchema1BelowAPath(t *testing.T) {
	signed, err := os.ReadFile("../../../tests/schema1/boxplay.json")
	if err != nil {
		t.Skip(err)
	}
	server := paged(t, signed)
	var said []string
	hub, err := registry.New(server.URL+"/mirror/", "", "")
	check(t, err)
	defer hub.Client.Close()
	hub.Logf = func(format string, args ...interface{}) { said = append(said, fmt.Sprintf(format, args...)) }
	tags, err := hub.Tags("o/r")
	check(t, err)
	repositories, err := hub.Repositories()
	check(t, err)
	if all := []string{"a", "b", "c"}; !slices.Equal(tags, all) || !slices.Equal(repositories, all) {
		t.Error(tags, repositories)
	}
	old, err := hub.Manifest("o/r", "old")
	check(t, err)
	if old.Name == "" || len(old.FSLayers) == 0 || digest.FromBytes(old.Canonical).Validate() != nil {
		t.Errorf("%+v", old.Manifest)
	}
	if _, payload, err := old.Payload(); err != nil || !bytes.Equal(payload, signed) {
		t.Error(err, len(payload))
	}
	if _, err := hub.ManifestV2("o/r", "old"); err == nil {
		t.Error("a schema-1 manifest was read as schema 2")
	}
	if !slices.Contains(said, "registry.tags url="+server.URL+"/mirror/v2/o/r/tags/list repository=o/r") || len(said) != 4 {
		t.Errorf("%q", said)
	}
}

// TestPutTogetherByHand: a Registry without New.
func TestPutTogetherByHand(t *testing.T) {
	client, err := ocireg.New(ocireg.WithPlainHTTP(true))
	check(t, err)
	defer client.Close()
	hub := registry.Registry{URL: "http://" + address(t, "OCIREG_TEST_V3"), Client: client}
	check(t, hub.Ping())
	if _, err := hub.Tags(name()); statusOf(t, err) != 404 {
		t.Error(err)
	}
}
