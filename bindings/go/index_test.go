package ocireg_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestIndexes(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	layer := filepath.Join(t.TempDir(), "layer.tar")
	if err := os.WriteFile(layer, tarball(t, "file.txt", "text"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := func(arch string) string {
		name := repository + "-" + arch + ":v1"
		must[*ocireg.ImageAppend](t)(client.ImageAppend(ctx, name, []string{layer}, ocireg.WithScratch(), ocireg.WithPlatform("linux/"+arch)))
		return name
	}
	amd64, arm64, s390x := image("amd64"), image("arm64"), image("s390x")
	place := repository + ":v1"
	made := must[*ocireg.WrittenIndex](t)(client.IndexCreate(ctx, place, []string{amd64, arm64}, ocireg.WithAnnotations("a=b"), ocireg.WithConcurrency(2)))
	if len(made.Manifests) != 2 || made.Manifests[1].Platform.Architecture != "arm64" || made.Before != "" || made.Copied.Manifests.Total != 3 || made.Subject != nil {
		t.Errorf("%+v", made)
	}
	if _, err := client.IndexAppend(ctx, repository+":none", []string{s390x}); !errors.Is(err, ocireg.ErrNotFound) {
		t.Error(err)
	}
	added := must[*ocireg.WrittenIndex](t)(client.IndexAppend(ctx, place, []string{s390x}, ocireg.WithReplace(), ocireg.WithPlatforms("linux/s390x")))
	if len(added.Added) != 1 || added.Before != made.Digest || len(added.Manifests) != 3 || added.Attempts != 1 {
		t.Errorf("%+v", added)
	}
	gone := must[*ocireg.WrittenIndex](t)(client.IndexRemove(ctx, place, []string{made.Manifests[0].Digest}, ocireg.WithPlatforms("linux/arm64"), ocireg.WithIfDigest(added.Digest)))
	if len(gone.Removed) != 2 || len(gone.Manifests) != 1 || gone.Size == 0 {
		t.Errorf("%+v", gone)
	}
	named := must[*ocireg.WrittenIndex](t)(client.IndexAppend(ctx, place, []string{amd64}, ocireg.WithPutAs("v2"), ocireg.WithTags("v3"), ocireg.WithEntryAnnotations("c=d"), ocireg.WithEntryAnnotations("e=f")))
	if len(named.Tags) != 1 || named.Before != gone.Digest || named.Manifest != "" || named.Manifests[1].Annotations["c"] != "d" || named.Manifests[1].Annotations["e"] != "f" {
		t.Errorf("%+v", named)
	}
	if planned := must[*ocireg.WrittenIndex](t)(client.IndexCreate(ctx, place, []string{amd64}, ocireg.WithDryRun())); int64(len(planned.Manifest)) != planned.Size {
		t.Errorf("%+v", planned)
	}
	own := must[*ocireg.WrittenIndex](t)(client.IndexAppend(ctx, repository+":own", []string{gone.Manifests[0].Digest}, ocireg.WithCreate(), ocireg.WithIndexType("oci")))
	if len(own.Manifests) != 1 || own.Manifests[0].Digest != gone.Manifests[0].Digest {
		t.Errorf("%+v", own)
	}
}
