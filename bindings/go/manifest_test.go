package ocireg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

// imageManifest is the manifest of an image with one layer.
func imageManifest(config, layer *ocireg.BlobPut) []byte {
	text, _ := json.Marshal(ocireg.ImageManifest{
		SchemaVersion: 2, MediaType: manifestType,
		Config: ocireg.Descriptor{MediaType: "application/vnd.oci.image.config.v1+json", Digest: config.Digest, Size: config.Size},
		Layers: []ocireg.Descriptor{{MediaType: "application/octet-stream", Digest: layer.Digest, Size: layer.Size}},
	})
	return text
}

func TestManifest(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	digest, layer := push(t, client, repository+":one", []byte("hello"))

	manifest := must[*ocireg.Manifest](t)(client.ManifestGet(ctx, repository+":one"))
	computed := must[string](t)(ocireg.DigestBytes(manifest.Bytes))
	if manifest.Digest != digest || computed != digest || manifest.Size != int64(len(manifest.Bytes)) {
		t.Errorf("digest %s, of the bytes %s, size %d", manifest.Digest, computed, manifest.Size)
	}
	if manifest.Kind != "image" || manifest.MediaType != manifestType || manifest.SchemaVersion != 2 {
		t.Errorf("%+v", manifest.ManifestInfo)
	}
	if manifest.Reference != repository+"@"+digest || manifest.Headers["docker-content-digest"] != digest {
		t.Errorf("reference %s, headers %v", manifest.Reference, manifest.Headers)
	}
	if manifest.Repository != repository {
		t.Errorf("repository %s", manifest.Repository)
	}
	if found, ok := manifest.Layer("", 0); !ok || found.Digest != layer {
		t.Errorf("layer %v", found)
	}
	for _, position := range []int{-1, 1} {
		if found, ok := manifest.Layer("", position); ok {
			t.Errorf("layer %d: %v", position, found)
		}
	}
	if found, ok := manifest.Layer("application/x.none", 0); ok {
		t.Errorf("of another type: %v", found)
	}
	image := must[*ocireg.ImageManifest](t)(manifest.Image())
	if len(image.Layers) != 1 || image.Layers[0].Digest != layer || image.Layers[0].Size != 5 {
		t.Errorf("%+v", image)
	}
	if _, err := manifest.Index(); wantCode(t, err, ocireg.ErrInvalidManifest) == nil {
		t.Error("an image was read as an index")
	}
	head := must[*ocireg.ManifestHead](t)(client.ManifestHead(ctx, repository+":one"))
	if head.Digest != digest || head.Size != manifest.Size || head.MediaType != manifestType {
		t.Errorf("%+v", head)
	}
	if got := must[string](t)(client.ManifestDigest(ctx, repository+":one")); got != digest {
		t.Errorf("digest %s", got)
	}
	_, err := client.ManifestGet(ctx, repository+":one", ocireg.WithAccept("application/vnd.oci.image.index.v1+json"))
	if err == nil {
		t.Error("a type that was not accepted was returned")
	}
}

func TestNamesThatAreTaken(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	push(t, client, repository+":a", []byte("hello"))
	manifest := must[*ocireg.Manifest](t)(client.ManifestGet(ctx, repository+":a"))
	put := must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, repository, manifest.Bytes, ocireg.WithTags("a", "b"), ocireg.WithIfExists("skip")))
	if !slices.Equal(put.Tags, []string{"b"}) || !slices.Equal(put.Skipped, []string{"a"}) || put.Condition != "looked" {
		t.Errorf("%+v", put)
	}
	_, err := client.ImageTag(ctx, repository+":a", "b", ocireg.WithIfExists("fail"))
	if conflict := wantCode(t, err, ocireg.ErrDigestMismatch).Conflict; conflict == nil || *conflict != (ocireg.Conflict{Name: "b", Digest: manifest.Digest}) {
		t.Errorf("%+v", conflict)
	}
	copied := must[*ocireg.CopyResult](t)(client.Copy(ctx, repository+":a", repository+":b", ocireg.WithIfExists("skip")))
	if !slices.Equal(copied.Skipped, []string{"b"}) || copied.Blobs.Total != 0 {
		t.Errorf("%+v", copied)
	}
	if tagged := must[*ocireg.ImageTag](t)(client.ImageTag(ctx, repository+":a", "b", ocireg.WithIfDigest(manifest.Digest))); tagged.Condition != "looked" {
		t.Errorf("%+v", tagged)
	}
}

func TestBlobInfoCache(t *testing.T) {
	ctx := context.Background()
	host, cache := registry(t, "OCIREG_TEST_V3"), filepath.Join(t.TempDir(), "what-is-where")
	layout := "oci:" + filepath.Join(t.TempDir(), "layout") + ":v1"
	first := newClient(t)
	source := host + "/" + newRepository() + ":a"
	push(t, first, source, []byte("hello"))
	must[*ocireg.CopyResult](t)(first.Copy(ctx, source, layout))
	for i, mounted := range []int64{0, 2} {
		client := newClient(t, ocireg.WithBlobInfoCache(cache))
		copied := must[*ocireg.CopyResult](t)(client.Copy(ctx, layout, host+"/"+newRepository()+":b"))
		if copied.Blobs.Mounted != mounted {
			t.Errorf("%d: %+v", i, copied.Blobs)
		}
	}
}

func TestPutManifestTags(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	push(t, client, repository+":one", []byte("hello"))
	manifest := must[*ocireg.Manifest](t)(client.ManifestGet(ctx, repository+":one"))
	put := must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, repository+":two", manifest.Bytes, ocireg.WithTags("three", "four"), ocireg.WithMediaType(manifestType)))
	slices.Sort(put.Tags)
	if !slices.Equal(put.Tags, []string{"four", "three", "two"}) || put.Digest != manifest.Digest {
		t.Errorf("%+v", put)
	}
	list := must[*ocireg.TagList](t)(client.RepositoryTags(ctx, repository, ocireg.WithDigests()))
	if !slices.Equal(list.Tags, []string{"four", "one", "three", "two"}) || list.Digests["two"] != manifest.Digest {
		t.Errorf("%+v", list)
	}
	must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, repository+":"+strings.Replace(manifest.Digest, ":", "-", 1), manifest.Bytes))
	if list := must[*ocireg.TagList](t)(client.RepositoryTags(ctx, repository, ocireg.WithoutDigestTags())); len(list.Tags) != 4 {
		t.Errorf("%+v", list)
	}
	deleted := must[*ocireg.TagDelete](t)(client.TagDelete(ctx, repository+":two", ocireg.WithOtherTags()))
	if deleted.Tag != "two" || deleted.Manifest != "kept" || !slices.Contains(deleted.OtherTags, "three") {
		t.Errorf("%+v", deleted)
	}
	if gone := must[*ocireg.ManifestDelete](t)(client.ManifestDelete(ctx, repository+"@"+manifest.Digest)); gone.Status != 202 {
		t.Errorf("%+v", gone)
	}
	_, err := client.ManifestGet(ctx, repository+":one")
	wantCode(t, err, ocireg.ErrNotFound)
}

func TestInspectManifest(t *testing.T) {
	text := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`)
	info := must[*ocireg.ManifestInfo](t)(ocireg.ManifestInspect(text))
	if info.Kind != "index" || info.Size != int64(len(text)) || !bytes.Equal(info.Document, text) {
		t.Errorf("%+v", info)
	}
	index := must[*ocireg.ImageIndex](t)(info.Index())
	if index.SchemaVersion != 2 {
		t.Errorf("%+v", index)
	}
	_, err := ocireg.ManifestInspect(text, ocireg.WithMediaType(manifestType))
	wantCode(t, err, ocireg.ErrInvalidManifest)
}

// TestExactNames: what the library, and every other client, does not read as a member is not one here, and an annotation that is not text
// spoils nothing else.
func TestExactNames(t *testing.T) {
	right, wrong := "sha256:"+strings.Repeat("0", 64), "sha256:"+strings.Repeat("f", 64)
	one := `{"mediaType":"a/b","digest":"` + right + `","size":2,"annotations":{"a":"A","A":"B"},` +
		`"platform":{"architecture":"arm","os":"linux","OS":"plan9","Architecture":"mips"},` +
		`"DIGEST":"` + wrong + `","Size":999,"ſize":998,"MediaType":"c/d","Annotations":{"a":"C"}}`
	image := &ocireg.ManifestInfo{Kind: "image", Document: []byte(`{"schemaVersion":2,"config":` + one + `,"layers":[` + one + `],"subject":` + one + `,
		"Layers":[],"annotations":{"x":"<&>"}}`)}
	check := func(got ocireg.Descriptor) {
		t.Helper()
		if got.Digest != right || got.Size != 2 || got.MediaType != "a/b" || got.Annotations["a"] != "A" || got.Annotations["A"] != "B" ||
			got.Platform.OS != "linux" || got.Platform.Architecture != "arm" {
			t.Errorf("%+v, %+v", got, got.Platform)
		}
	}
	read := must[*ocireg.ImageManifest](t)(image.Image())
	check(read.Config)
	check(read.Layers[0])
	check(*read.Subject)
	if read.Annotations["x"] != "<&>" {
		t.Errorf("%v", read.Annotations)
	}
	layer, found := image.Layer("a/b", 0)
	if check(layer); !found {
		t.Error("there is no layer")
	}
	index := &ocireg.ManifestInfo{Kind: "index", Document: []byte(`{"schemaVersion":2,"manifests":[` + one + `]}`)}
	check(must[*ocireg.ImageIndex](t)(index.Index()).Manifests[0])

	odd := &ocireg.ManifestInfo{Kind: "image", Document: []byte(`{"schemaVersion":2,"config":` + one +
		`,"layers":[{"mediaType":"a/b","digest":"` + right + `","size":2,"annotations":{"a":1,"b":null,"c":"C"}}]}`)}
	if layer, found := odd.Layer("", 0); !found || layer.Digest != right || layer.Size != 2 || len(layer.Annotations) != 2 || layer.Annotations["c"] != "C" || layer.Annotations["b"] != "" {
		t.Errorf("%v, %+v", found, layer)
	}
	if read := must[*ocireg.ImageManifest](t)(odd.Image()); read.Layers[0].Digest != right {
		t.Errorf("%+v", read)
	}
}

// TestDigestsOfATagThatDisappeared: it is in the list, with no digest.
func TestDigestsOfATagThatDisappeared(t *testing.T) {
	text := []byte(`{"schemaVersion":2,"manifests":[]}`)
	digest := must[string](t)(ocireg.DigestBytes(text))
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/v2/x/tags/list":
			answer.Write([]byte(`{"name":"x","tags":["a","b"]}`))
		case "/v2/x/manifests/a":
			answer.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			answer.Header().Set("Content-Length", strconv.Itoa(len(text)))
			answer.Header().Set("Docker-Content-Digest", digest)
			answer.Write(text)
		default:
			answer.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	client := newClient(t, ocireg.WithPlainHTTP(true))
	list := must[*ocireg.TagList](t)(client.RepositoryTags(context.Background(), strings.TrimPrefix(server.URL, "http://")+"/x", ocireg.WithDigests()))
	if none, there := list.Digests["b"]; len(list.Digests) != 2 || list.Digests["a"] != digest || none != "" || !there {
		t.Errorf("%+v", list)
	}
}

// The members in the order of OCI's Go module, github.com/opencontainers/image-spec/specs-go/v1.
type goManifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType,omitempty"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        *goDescriptor     `json:"config,omitempty"`
	Layers        []goDescriptor    `json:"layers,omitempty"`
	Manifests     []goDescriptor    `json:"manifests,omitempty"`
	Subject       *goDescriptor     `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type goDescriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     *goPlatform       `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}

type goPlatform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
}

func unmarshalled[T any](t *testing.T, text []byte) (value T) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestBuildManifest(t *testing.T) {
	made, info, err := ocireg.ManifestBuild(map[string]any{"artifactType": "application/x", "annotations": map[string]string{"b": "<", "a": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	digest := must[string](t)(ocireg.DigestBytes(made))
	if info.Kind != "artifact" || info.Digest != digest || !bytes.HasSuffix(made, []byte(`"annotations":{"a":"1","b":"\u003c"}}`)) {
		t.Errorf("%+v %s", info, made)
	}
	// The bytes are those that Go's own encoder writes of the structure of OCI's Go module.
	if encoded := must[[]byte](t)(json.Marshal(unmarshalled[goManifest](t, made))); !bytes.Equal(made, encoded) {
		t.Errorf("%s\n%s", made, encoded)
	}
	index, _, err := ocireg.ManifestBuild(map[string]any{"annotations": map[string]string{"é\u2028": "\u007f\t>"}, "manifests": []any{
		map[string]any{"platform": map[string]any{"os": "linux", "variant": "v8", "architecture": "arm64", "os.features": []string{"x"}},
			"size": len(made), "digest": digest, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "a/b"}}})
	if err != nil {
		t.Fatal(err)
	}
	if encoded := must[[]byte](t)(json.Marshal(unmarshalled[goManifest](t, index))); !bytes.Equal(index, encoded) {
		t.Errorf("%s\n%s", index, encoded)
	}
	_, _, err = ocireg.ManifestBuild(map[string]any{"layer": 1})
	wantCode(t, err, ocireg.ErrInvalidManifest)
	_, _, err = ocireg.ManifestBuild(func() {})
	wantCode(t, err, ocireg.ErrInvalidArgument)
}

func TestReferrers(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_REFERRERS") + "/" + newRepository()
	subject, _ := push(t, client, repository+":one", []byte("hello"))
	about := must[*ocireg.Manifest](t)(client.ManifestGet(ctx, repository+":one"))
	note := imageManifest(&ocireg.BlobPut{Digest: must[string](t)(ocireg.DigestBytes([]byte(emptyConfig))), Size: 2},
		&ocireg.BlobPut{Digest: must[string](t)(ocireg.DigestBytes([]byte("hello"))), Size: 5})
	var document ocireg.ImageManifest
	if err := json.Unmarshal(note, &document); err != nil {
		t.Fatal(err)
	}
	document.Subject = &ocireg.Descriptor{MediaType: manifestType, Digest: subject, Size: about.Size}
	document.ArtifactType = "application/x.note"
	note, _ = json.Marshal(document)
	digest := must[string](t)(ocireg.DigestBytes(note))
	put := must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, repository+"@"+digest, note))
	if put.Subject != subject {
		t.Errorf("%+v", put)
	}
	var warnings []ocireg.Warning
	list := must[*ocireg.ReferrerList](t)(client.ReferrerList(ctx, repository+"@"+subject, ocireg.WithWarnings(&warnings)))
	if len(list.Referrers) != 1 || list.Referrers[0].Digest != digest || list.Source != "api" {
		t.Errorf("%+v", list)
	}
	if len(warnings) == 0 || warnings[0].Text == "" || warnings[0].Host == "" {
		t.Errorf("warnings %v", warnings)
	}
	for referrer, err := range client.Referrers(ctx, repository+"@"+subject, ocireg.WithArtifactType("application/x.other")) {
		t.Errorf("%v, %v", referrer, err)
	}
	for referrer, err := range client.Referrers(ctx, repository+"@"+subject, ocireg.WithArtifactType("application/x.note"), ocireg.WithMax(5)) {
		if err != nil || referrer.Digest != digest || referrer.ArtifactType != "application/x.note" {
			t.Errorf("%v, %v", referrer, err)
		}
	}
}
