package ocireg_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

// tarball is a layer with one file.
func tarball(t *testing.T, name, text string) []byte {
	var made bytes.Buffer
	writer := tar.NewWriter(&made)
	if err := writer.WriteHeader(&tar.Header{Name: name, Mode: 0o640, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	writer.Write([]byte(text))
	writer.Close()
	return made.Bytes()
}

// newTime returns a time that no other image has: equal images become the same chain of v1 images.
func newTime() string {
	return time.Unix(int64(binary.LittleEndian.Uint32(random(4))), 0).UTC().Format(time.RFC3339)
}

// pushImage puts an image with a real config and a file in its layer.
func pushImage(t *testing.T, client *ocireg.Client, repository, tag string) string {
	ctx := context.Background()
	layer := tarball(t, "hello.txt", "hello")
	sum := sha256.Sum256(layer)
	text := `{"architecture":"amd64","os":"linux","created":"` + newTime() + `","rootfs":{"type":"layers","diff_ids":["sha256:` + hex.EncodeToString(sum[:]) + `"]}}`
	config := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, []byte(text)))
	blob := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, layer))
	var manifest ocireg.ImageManifest
	if err := json.Unmarshal(imageManifest(config, blob), &manifest); err != nil {
		t.Fatal(err)
	}
	manifest.Layers[0].MediaType = "application/vnd.oci.image.layer.v1.tar"
	document, _ := json.Marshal(manifest)
	return must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, repository+":"+tag, document)).Digest
}

func TestImage(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	digest := pushImage(t, client, repository, "one")

	config := must[*ocireg.ImageConfig](t)(client.ImageConfig(ctx, repository+":one"))
	var about struct{ Architecture string }
	if err := json.Unmarshal(config.Config, &about); err != nil || about.Architecture != "amd64" || config.Manifest != digest || int64(len(config.Bytes)) != config.Size {
		t.Errorf("%+v", config)
	}
	size := must[*ocireg.ImageSize](t)(client.ImageSize(ctx, repository+":one"))
	if size.Digest != digest || len(size.Layers) != 1 || size.Total != size.Config+size.LayersTotal || size.LayersTotal == 0 {
		t.Errorf("%+v", size)
	}
	for _, wanted := range [][]ocireg.Option{nil, {ocireg.WithQuick(), ocireg.WithReferrers(), ocireg.WithConcurrency(2)}} {
		valid := must[*ocireg.Validation](t)(client.ImageValidate(ctx, repository+":one", wanted...))
		if !valid.Valid || valid.Digest != digest || valid.Manifests != 1 || valid.Blobs != 2 || valid.Quick != (wanted != nil) {
			t.Errorf("%+v", valid)
		}
	}
	if tagged := must[*ocireg.ImageTag](t)(client.ImageTag(ctx, repository+":one", "two")); tagged.Digest != digest {
		t.Errorf("%+v", tagged)
	}
	folder := filepath.Join(t.TempDir(), "root")
	extracted := must[*ocireg.ImageExtract](t)(client.ImageExtract(ctx, repository+":one", folder, ocireg.WithMaxBytes(1<<20)))
	if extracted.Files != 1 || len(extracted.Layers) != 1 || !extracted.Layers[0].DiffIDChecked || extracted.Bytes != 5 {
		t.Errorf("%+v", extracted)
	}
	if text := must[[]byte](t)(os.ReadFile(filepath.Join(folder, "hello.txt"))); string(text) != "hello" {
		t.Errorf("%s", text)
	}
	some := filepath.Join(t.TempDir(), "some")
	if picked := must[*ocireg.ImageExtract](t)(client.ImageExtract(ctx, repository+":one", some, ocireg.WithPaths("hello.*"))); picked.Files != 1 {
		t.Errorf("%+v", picked)
	}
	_, err := client.ImageExtract(ctx, repository+":one", some, ocireg.WithPaths("none"), ocireg.WithOverwrite())
	wantCode(t, err, ocireg.ErrNotFound)
	if picked := must[*ocireg.ImageFiles](t)(client.ImageFiles(ctx, repository+":one", ocireg.WithPaths("*.txt"))); len(picked.Files) != 1 {
		t.Errorf("%+v", picked)
	}
	_, err = client.ImageFiles(ctx, repository+":one", ocireg.WithPaths("none"))
	wantCode(t, err, ocireg.ErrNotFound)
	exported(t, client, repository+":one")
	files := must[*ocireg.ImageFiles](t)(client.ImageFiles(ctx, repository+":one"))
	if len(files.Files) != 1 || files.Files[0].Path != "/hello.txt" || files.Files[0].Type != "file" || files.Files[0].Size != 5 || files.Files[0].Mode != 0o640 {
		t.Errorf("%+v", files)
	}
	file := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "cat")))
	defer file.Close()
	cat := must[*ocireg.ImageFile](t)(client.ImageCat(ctx, repository+":one", "/hello.txt", file))
	if cat.Size != 5 || cat.Mode&0o777 != 0o640 || !cat.Verified || string(must[[]byte](t)(os.ReadFile(file.Name()))) != "hello" {
		t.Errorf("%+v", cat)
	}
	var text strings.Builder
	must[*ocireg.ImageFile](t)(client.ImageCat(ctx, repository+":one", "/hello.txt", &text))
	if text.String() != "hello" {
		t.Errorf("%q", text.String())
	}
	_, err = client.ImageCat(ctx, repository+":one", "/none", &text)
	wantCode(t, err, ocireg.ErrNotFound)
}

// exported: the same archive by a pipe, which archive/tar reads as it comes, and in a file.
func exported(t *testing.T, client *ocireg.Client, image string) {
	t.Helper()
	ctx := context.Background()
	reader, writer := io.Pipe()
	go func() {
		_, err := client.ImageExportTo(ctx, image, writer)
		writer.CloseWithError(err)
	}()
	archive := tar.NewReader(reader)
	header := must[*tar.Header](t)(archive.Next())
	if text := must[[]byte](t)(io.ReadAll(archive)); header.Name != "hello.txt" || header.Mode != 0o640 || string(text) != "hello" {
		t.Errorf("%+v %q", header, text)
	}
	if _, err := archive.Next(); err != io.EOF {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	done := must[*ocireg.ImageExport](t)(client.ImageExportFile(ctx, image, path, ocireg.WithMaxRatio(100)))
	if done.Files != 1 || done.Bytes != 5 || done.Path != path || int64(len(must[[]byte](t)(os.ReadFile(path)))) != done.Size {
		t.Errorf("%+v", done)
	}
}

func TestAppendImage(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	digest := pushImage(t, client, repository, "one")
	path := filepath.Join(t.TempDir(), "layer.tar")
	if err := os.WriteFile(path, tarball(t, "more.txt", "more"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := must[*ocireg.ImageAppend](t)(client.ImageAppend(ctx, repository+":one", []string{path}, ocireg.WithDestination(repository+":more")))
	if made.Base != digest || len(made.Layers) != 1 || len(made.Images) != 1 || made.Digest == digest {
		t.Errorf("%+v", made)
	}
	if manifest := must[*ocireg.Manifest](t)(client.ManifestGet(ctx, repository+":more")); manifest.Digest != made.Digest {
		t.Errorf("%+v", manifest)
	}
	if made := must[*ocireg.ImageAppend](t)(client.ImageAppend(ctx, repository+":new", []string{path}, ocireg.WithScratch())); made.Base != "" {
		t.Errorf("%+v", made)
	}
	_, err := client.ImageAppend(ctx, repository+":one", nil)
	wantCode(t, err, ocireg.ErrInvalidArgument)
}

func TestCopyAndLayout(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	digest := pushImage(t, client, repository, "one")
	folder := filepath.Join(t.TempDir(), "layout")

	plan := must[*ocireg.CopyResult](t)(client.Copy(ctx, repository+":one", "oci:"+folder+":one", ocireg.WithDryRun()))
	if plan.Plan == nil || len(plan.Plan.Manifests) != 1 || len(plan.Plan.Blobs) != 2 {
		t.Errorf("%+v", plan)
	}
	archive := must[*os.File](t)(os.Create(filepath.Join(t.TempDir(), "archive")))
	must[*ocireg.CopyResult](t)(client.Copy(ctx, repository+":one", "oci-archive:-:one", ocireg.WithDestinationFD(archive.Fd())))
	if info := must[os.FileInfo](t)(archive.Stat()); info.Size() < 4096 {
		t.Errorf("the archive has %d bytes", info.Size())
	}
	must[int64](t)(archive.Seek(0, io.SeekStart))
	again := must[*ocireg.CopyResult](t)(client.Copy(ctx, "oci-archive:-", "oci:"+t.TempDir()+"/again", ocireg.WithSourceFD(archive.Fd())))
	if again.Digest != digest {
		t.Errorf("%+v", again)
	}
	copied := must[*ocireg.CopyResult](t)(client.Copy(ctx, repository+":one", "oci:"+folder+":one", ocireg.WithConcurrency(2)))
	if copied.Digest != digest || copied.Blobs.Copied != 2 || copied.Manifests.Copied != 1 || copied.Plan != nil {
		t.Errorf("%+v", copied)
	}
	place := "oci:" + folder
	listed := must[*ocireg.PlaceList](t)(client.EndpointList(ctx, place))
	if len(listed.Images) != 1 || listed.Images[0].Digest != digest || len(listed.Tags) != 1 || listed.Tags[0] != listed.Images[0].Names[0] {
		t.Errorf("%+v", listed)
	}
	named := must[*ocireg.PlaceManifest](t)(client.EndpointManifest(ctx, place))
	if named.Digest != digest || int64(len(named.Bytes)) != named.Size || named.Kind != "image" {
		t.Errorf("%+v", named)
	}
	if found := must[*ocireg.PlaceReferrers](t)(client.EndpointReferrers(ctx, place)); found.Subject != digest || len(found.Referrers) != 0 {
		t.Errorf("%+v", found)
	}
	check := must[*ocireg.LayoutCheck](t)(client.LayoutCheck(ctx, folder))
	if !check.OK || check.Images != 1 || check.Blobs != 3 || len(check.Problems) != 0 {
		t.Errorf("%+v", check)
	}
	stray := filepath.Join(folder, "blobs/sha256", hex.EncodeToString(bytes.Repeat([]byte{1}, 32)))
	if err := os.WriteFile(stray, []byte("stray"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(check.Sparse) != 0 {
		t.Errorf("%+v", check)
	}
	if cleaned := must[*ocireg.LayoutClean](t)(client.LayoutClean(ctx, folder, ocireg.WithPruneSparse())); len(cleaned.Removed) != 1 || cleaned.Bytes != 5 {
		t.Errorf("%+v", cleaned)
	}
	_, err := client.LayoutCheck(ctx, t.TempDir())
	wantCode(t, err, ocireg.ErrNotFound)
}
