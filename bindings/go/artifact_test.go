package ocireg_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestArtifacts(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	place := registry(t, "OCIREG_TEST_V3") + "/" + newRepository() + ":v1"
	path := filepath.Join(t.TempDir(), "file.txt")
	if err := os.WriteFile(path, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := func() []ocireg.ArtifactFile {
		return []ocireg.ArtifactFile{
			{Path: path, MediaType: "text/plain"},
			{Data: []byte("from memory"), Title: "a/b", Annotations: []string{"k=v"}},
			{Reader: strings.NewReader("from a reader"), Title: "c"},
			{Data: []byte("{}"), Config: true, MediaType: "a/config"},
		}
	}
	pushed := must[*ocireg.PushedArtifact](t)(client.ArtifactPush(ctx, place, files(), ocireg.WithArtifactType("a/b"), ocireg.WithAnnotations("x=y")))
	if pushed.ArtifactType != "a/b" || len(pushed.Layers) != 3 || pushed.Config.MediaType != "a/config" || pushed.Subject != nil || pushed.Blobs.Total != 4 {
		t.Errorf("%+v", pushed)
	}
	if title := pushed.Layers[0].Annotations["org.opencontainers.image.title"]; title != "file.txt" || pushed.Layers[2].Size != 13 {
		t.Errorf("%q, %+v", title, pushed.Layers)
	}
	old := must[*ocireg.PushedArtifact](t)(client.ArtifactPush(ctx, place+"-old", files()[:1], ocireg.WithImageSpec("v1.0"), ocireg.WithTimes()))
	if old.ArtifactType != "" || old.Config.MediaType != "application/vnd.unknown.config.v1+json" {
		t.Errorf("%+v", old)
	}
	attached := must[*ocireg.PushedArtifact](t)(client.ArtifactAttach(ctx, place, files()[1:2], ocireg.WithArtifactType("a/sig")))
	if attached.Subject == nil || attached.Subject.Digest != pushed.Digest {
		t.Errorf("%+v", attached)
	}
	named := must[*ocireg.PushedArtifact](t)(client.ArtifactPush(ctx, place+"-sig", files()[1:2], ocireg.WithArtifactType("a/sig"), ocireg.WithSubject(place)))
	if named.Digest != attached.Digest {
		t.Errorf("%+v", named)
	}
	folder := filepath.Join(t.TempDir(), "out")
	if _, err := client.ArtifactPull(ctx, place, folder, ocireg.WithTitles()); !errors.Is(err, ocireg.ErrInvalidArgument) {
		t.Errorf("a list of nothing: %v", err)
	}
	pulled := must[*ocireg.PulledArtifact](t)(client.ArtifactPull(ctx, place, folder, ocireg.WithTitles("a/*", "c"), ocireg.WithMediaTypes("*")))
	if len(pulled.Files) != 2 || pulled.Files[0].Title != "a/b" || len(pulled.Skipped) != 1 || pulled.Skipped[0].Reason != "not wanted" || pulled.Digest != pushed.Digest {
		t.Errorf("%+v", pulled)
	}
	if text := must[[]byte](t)(os.ReadFile(filepath.Join(folder, "a/b"))); string(text) != "from memory" {
		t.Errorf("%s", text)
	}
	again := must[*ocireg.PulledArtifact](t)(client.ArtifactPull(ctx, place, folder, ocireg.WithKeepOld(), ocireg.WithoutUnpacking()))
	if again.Kept != 2 || !again.Files[1].Kept || again.Files[0].Kept {
		t.Errorf("%+v", again)
	}
	kept := must[*ocireg.PushedArtifact](t)(client.ArtifactPush(ctx, place, nil, ocireg.WithIfExists("skip")))
	if kept.Digest != pushed.Digest || len(kept.Skipped) != 1 || kept.Size != 0 {
		t.Errorf("%+v", kept)
	}
}

func TestArtifactsThatCannotBe(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	place := "oci:" + t.TempDir() + "/layout:v1"
	for _, file := range []ocireg.ArtifactFile{{}, {Data: []byte{}, Title: "../x"}, {Path: "a\x00b"}, {Path: "-"}, {Path: "x", Title: "\xff"}} {
		_, err := client.ArtifactPush(ctx, place, []ocireg.ArtifactFile{file})
		wantCode(t, err, ocireg.ErrInvalidArgument)
	}
	broken := errors.New("it broke")
	_, err := client.ArtifactPush(ctx, place, []ocireg.ArtifactFile{{Reader: iotest.ErrReader(broken), Title: "x"}})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	_, err = client.ArtifactAttach(ctx, place, nil)
	wantCode(t, err, ocireg.ErrInvalidArgument)
	_, err = client.ArtifactAttach(ctx, place, []ocireg.ArtifactFile{{Data: []byte("x"), Title: "x"}})
	wantCode(t, err, ocireg.ErrNotFound)
}
