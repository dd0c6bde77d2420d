package ocireg_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

// imageV1 returns the JSON of a new image, and its ID.
func imageV1() (text []byte, id string) {
	sum := sha256.Sum256(random(16))
	id = hex.EncodeToString(sum[:])
	return []byte(`{"id":"` + id + `","architecture":"amd64","os":"linux"}`), id
}

func TestV1(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	host := registry(t, "OCIREG_TEST_V1")
	repository := host + "/" + newRepository()
	image, id := imageV1()
	layer := random(10_000)

	if ping := must[*ocireg.V1Ping](t)(client.V1Ping(ctx, host)); ping.Status != 200 || ping.Standalone == nil || !*ping.Standalone {
		t.Errorf("%+v", ping)
	}
	if put := must[*ocireg.V1Put](t)(client.V1PutImage(ctx, repository, image)); put.ID != id || !put.Uploaded {
		t.Errorf("%+v", put)
	}
	put := must[*ocireg.V1Put](t)(client.V1PutLayer(ctx, repository, image, layer, ocireg.WithoutChecksum()))
	if put.Size != int64(len(layer)) || put.Checksum == "" {
		t.Errorf("%+v", put)
	}
	must[*ocireg.V1Status](t)(client.V1PutChecksum(ctx, repository, id, put.Checksum))
	must[*ocireg.V1Status](t)(client.V1PutTag(ctx, repository+":one", id))
	if got := must[string](t)(client.V1Tag(ctx, repository+":one")); got != id {
		t.Error(got)
	}
	if tags := must[*ocireg.V1Tags](t)(client.V1Tags(ctx, repository)); tags.Tags["one"] != id {
		t.Errorf("%+v", tags)
	}
	if got := must[[]string](t)(client.V1Ancestry(ctx, repository, id)); len(got) != 1 || got[0] != id {
		t.Error(got)
	}
	got := must[*ocireg.V1Image](t)(client.V1Image(ctx, repository, id))
	if got.ID != id || !bytes.Equal(got.Bytes, image) || got.Size != int64(len(layer)) {
		t.Errorf("%+v", got)
	}
	if images := must[*ocireg.V1Images](t)(client.V1Images(ctx, repository)); images.Name == "" || images.Endpoint == "" {
		t.Errorf("%+v", images)
	}
	found := must[*ocireg.V1Search](t)(client.V1Search(ctx, host, repository[len(host)+4:]))
	if found.NumResults != int64(len(found.Results)) || len(found.Results) == 0 || found.Results[0].Name == "" {
		t.Errorf("%+v", found)
	}
	layersOfV1(t, client, repository, id, layer)
	must[*ocireg.V1Status](t)(client.V1DeleteTag(ctx, repository+":one"))
	_, err := client.V1Tag(ctx, repository+":one")
	wantCode(t, err, ocireg.ErrNotFound)
	must[*ocireg.V1Status](t)(client.V1DeleteRepository(ctx, repository))
}

// layersOfV1 gets a layer in every possible way.
func layersOfV1(t *testing.T, client *ocireg.Client, repository, id string, layer []byte) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "layer")
	info := must[*ocireg.V1Layer](t)(client.V1LayerFile(ctx, repository, id, path))
	if !info.Verified || info.Path != path || !bytes.Equal(must[[]byte](t)(os.ReadFile(path)), layer) {
		t.Errorf("%+v", info)
	}
	if there := must[*ocireg.V1Layer](t)(client.V1LayerToPath(ctx, repository, id, path, ocireg.WithIfExists("skip"))); !there.Skipped {
		t.Errorf("%+v", there)
	}
	var buffer bytes.Buffer
	must[*ocireg.V1Layer](t)(client.V1LayerTo(ctx, repository, id, &buffer))
	if !bytes.Equal(buffer.Bytes(), layer) {
		t.Error("other bytes in the buffer")
	}
	file := must[*os.File](t)(os.Create(path))
	must[*ocireg.V1Layer](t)(client.V1LayerToFile(ctx, repository, id, file))
	file.Close()
	if !bytes.Equal(must[[]byte](t)(os.ReadFile(path)), layer) {
		t.Error("other bytes in the file")
	}
	inMemory, info, err := client.V1LayerBytes(ctx, repository, id)
	if err != nil || !bytes.Equal(inMemory, layer) || info.Length != int64(len(layer)) {
		t.Errorf("%v, %+v", err, info)
	}
	reader := must[*ocireg.BlobReader](t)(client.V1LayerOpen(ctx, repository, id))
	defer reader.Close()
	if about := must[*ocireg.BlobInfo](t)(reader.Info()); about.ID != id || !about.Verifiable {
		t.Errorf("%+v", about)
	}
	if got := must[[]byte](t)(io.ReadAll(reader)); !bytes.Equal(got, layer) {
		t.Error("other bytes in the reader")
	}
}

func TestV1LayerFile(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V1") + "/" + newRepository()
	image, id := imageV1()
	path := filepath.Join(t.TempDir(), "layer")
	if err := os.WriteFile(path, random(1000), 0o600); err != nil {
		t.Fatal(err)
	}
	must[*ocireg.V1Put](t)(client.V1PutImage(ctx, repository, image))
	if put := must[*ocireg.V1Put](t)(client.V1PutLayerFile(ctx, repository, image, path)); put.ID != id || put.Size != 1000 {
		t.Errorf("%+v", put)
	}
	if login := must[*ocireg.V1Login](t)(client.V1Login(ctx, registry(t, "OCIREG_TEST_V1"), ocireg.WithPassword("alice", "secret"))); login.Username != "alice" {
		t.Errorf("%+v", login)
	}
}

func TestV1Push(t *testing.T) {
	ctx := context.Background()
	client := newClient(t, ocireg.WithTemporaryDir(t.TempDir()))
	source := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	name := registry(t, "OCIREG_TEST_V1") + "/" + newRepository() + ":one"
	digest := pushImage(t, client, source, "one")
	pushed := must[*ocireg.V1Push](t)(client.V1Push(ctx, source+":one", name))
	if pushed.Digest != digest || len(pushed.Images) != 1 || !pushed.Images[0].Uploaded || pushed.Images[0].ID != pushed.ID {
		t.Errorf("%+v", pushed)
	}
	if id := must[string](t)(client.V1Tag(ctx, name)); id != pushed.ID {
		t.Error(id)
	}
	back := must[*ocireg.CopyResult](t)(client.Copy(ctx, "docker-v1://"+name, source+":back"))
	if back.Blobs.Total != 2 {
		t.Errorf("%+v", back)
	}
}
