package ocireg_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
)

// demo is the address of the registry that the examples use: a minimal one, so that they run everywhere.
var demo string

func TestMain(m *testing.M) {
	server := httptest.NewServer(demoRegistry())
	demo = strings.TrimPrefix(server.URL, "http://")
	status := m.Run()
	server.Close()
	os.Exit(status)
}

const demoManifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":` +
	`{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},` +
	`"layers":[{"mediaType":"text/plain","digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","size":5}]}`

// demoRegistry has the repository hello with the tags v1 and v2, and accepts blobs.
func demoRegistry() http.Handler {
	var lock sync.Mutex
	blobs := map[string]string{}
	put := func(text string) string {
		lock.Lock()
		defer lock.Unlock()
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text)))
		blobs[digest] = text
		return digest
	}
	put("{}")
	put("hello")
	routes := http.NewServeMux()
	routes.HandleFunc("GET /v2/{$}", func(answer http.ResponseWriter, _ *http.Request) {})
	routes.HandleFunc("GET /v2/hello/tags/list", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		io.WriteString(answer, `{"name":"hello","tags":["v1","v2"]}`)
	})
	routes.HandleFunc("GET /v2/hello/manifests/{reference}", func(answer http.ResponseWriter, request *http.Request) {
		if reference := request.PathValue("reference"); reference != "v1" && reference != "v2" && !strings.HasPrefix(reference, "sha256:") {
			answer.Header().Set("Content-Type", "application/json")
			answer.WriteHeader(http.StatusNotFound)
			io.WriteString(answer, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`)
			return
		}
		answer.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		answer.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(demoManifest))))
		io.WriteString(answer, demoManifest)
	})
	routes.HandleFunc("GET /v2/hello/blobs/{digest}", func(answer http.ResponseWriter, request *http.Request) {
		lock.Lock()
		text, found := blobs[request.PathValue("digest")]
		lock.Unlock()
		if !found {
			http.NotFound(answer, request)
			return
		}
		answer.Header().Set("Content-Length", fmt.Sprint(len(text)))
		io.WriteString(answer, text)
	})
	routes.HandleFunc("POST /v2/hello/blobs/uploads/", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Location", "/v2/hello/blobs/uploads/1")
		answer.WriteHeader(http.StatusAccepted)
	})
	routes.HandleFunc("PUT /v2/hello/blobs/uploads/1", func(answer http.ResponseWriter, request *http.Request) {
		text, _ := io.ReadAll(request.Body)
		answer.Header().Set("Location", "/v2/hello/blobs/"+put(string(text)))
		answer.WriteHeader(http.StatusCreated)
	})
	return routes
}
