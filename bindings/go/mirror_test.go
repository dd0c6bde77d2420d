package ocireg_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
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
	reader := must[*ocireg.BlobReader](t)(client.DownloadBlob(ctx, registry+"/a@"+digest))
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
