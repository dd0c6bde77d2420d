package ocireg_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

// The first mirror lacks it, the second has it, and the registry itself is not asked.
func TestMirrors(t *testing.T) {
	data := random(1000)
	digest := must[string](t)(ocireg.DigestBytes(data))
	paths := make(chan string, 10)
	serve := func(name string, has bool) string {
		server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			paths <- name + " " + request.URL.Path
			if !has {
				answer.WriteHeader(http.StatusNotFound)
				return
			}
			answer.Write(data)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	registry, first, second := serve("registry", true), serve("first", false), serve("second", true)
	client := newClient(t, ocireg.WithPlainHTTP(true),
		ocireg.WithHost(registry, ocireg.WithMirrors(first), ocireg.WithMirror(ocireg.Mirror{Endpoint: second + "/proxy", ByDigestOnly: true}),
			ocireg.WithMirrorsOnly()))
	ctx := context.Background()
	reader := must[*ocireg.BlobReader](t)(client.BlobOpen(ctx, registry+"/a@"+digest))
	defer reader.Close()
	found := must[[]byte](t)(io.ReadAll(reader))
	if string(found) != string(data) {
		t.Error("other bytes")
	}
	for _, wanted := range []string{"first /v2/a/blobs/" + digest, "second /v2/proxy/a/blobs/" + digest} {
		if path := <-paths; path != wanted {
			t.Errorf("%s, not %s", path, wanted)
		}
	}
	explained := must[*ocireg.Explanation](t)(client.Explain(ctx, registry+"/a"))
	if len(explained.Endpoints) != 2 || explained.Endpoints[1].Repository != "proxy/a" {
		t.Errorf("%+v", explained.Endpoints)
	}
	_, err := client.ManifestHead(ctx, registry+"/b:t")
	wantCode(t, err, ocireg.ErrNotFound)
}

// Where the signatures of an image are, by the machine's registries.d.
func TestSignatures(t *testing.T) {
	folder := t.TempDir()
	text := "docker: {r.example: {lookaside: 'https://s.example/all', use-sigstore-attachments: true}}"
	if err := os.WriteFile(filepath.Join(folder, "r.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	client, ctx := newClient(t, ocireg.WithRegistriesD(folder)), context.Background()
	found := must[*ocireg.Explanation](t)(client.Explain(ctx, "r.example/a")).Signatures
	if found == nil || found.Lookaside != "https://s.example/all" || found.LookasideSource != filepath.Join(folder, "r.yaml")+":1" || !found.UseSigstoreAttachments {
		t.Errorf("%+v", found)
	}
	if found := must[*ocireg.Explanation](t)(client.Explain(ctx, "other.example/a")).Signatures; found != nil {
		t.Errorf("%+v", found)
	}
}
