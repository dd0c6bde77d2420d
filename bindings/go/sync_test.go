package ocireg_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestWholeRepositories(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	for _, tag := range []string{"v1.0", "v1.1", "v2.0", "latest"} {
		pushImage(t, client, repository, tag)
	}
	folder := t.TempDir()
	backup := "oci:" + folder + "/layout"
	synced := must[*ocireg.SyncResult](t)(client.Sync(ctx, repository, backup, ocireg.WithVersions("^1"), ocireg.WithVersions("^9"), ocireg.WithParallel(2)))
	if synced.Tags != (ocireg.SyncCounts{Selected: 2, Copied: 2}) || synced.Err != nil || len(synced.Images) != 2 {
		t.Errorf("%+v", synced)
	}
	listed := must[*ocireg.PlaceList](t)(client.EndpointList(ctx, backup))
	if slices.Sort(listed.Tags); !slices.Equal(listed.Tags, []string{"v1.0", "v1.1"}) {
		t.Error(listed.Tags)
	}
	options := []ocireg.Option{ocireg.WithTagGlobs("v*"), ocireg.WithTagGlobs("none"), ocireg.WithTagExpressions("[12]"), ocireg.WithTagExpressions("none"),
		ocireg.WithoutTags("*.1"), ocireg.WithoutTags("none"), ocireg.WithNewest(1),
		ocireg.WithPrune(), ocireg.WithMaxPrune(1), ocireg.WithDryRun(), ocireg.WithStopOnError()}
	planned := must[*ocireg.SyncResult](t)(client.Sync(ctx, repository, backup, options...))
	if planned.Tags != (ocireg.SyncCounts{Selected: 1, Copied: 1, Pruned: 1}) || !planned.DryRun {
		t.Errorf("%+v", planned)
	}
	list := fmt.Sprintf("%s %s\n%s:none %s\n", repository, backup, repository, backup)
	again := must[*ocireg.SyncResult](t)(client.SyncList(ctx, list, "", ocireg.WithNoClobber()))
	if again.Tags != (ocireg.SyncCounts{Selected: 5, Copied: 2, Skipped: 2, Failed: 1}) || !errors.Is(again.Err, ocireg.ErrNotFound) {
		t.Errorf("%+v", again)
	}
	host, name, _ := strings.Cut(repository, "/")
	yaml := fmt.Sprintf("'%s':\n  images:\n    %s: [latest]\n", host, name)
	many := "oci:" + folder + "/many"
	scoped := must[*ocireg.SyncResult](t)(client.SyncList(ctx, yaml, many, ocireg.WithListFormat("skopeo"), ocireg.WithScoped()))
	if len(scoped.Images) != 1 || scoped.Images[0].Destination != many+":"+repository+":latest" {
		t.Errorf("%+v", scoped)
	}
	if _, err := client.Sync(ctx, repository+"-none", backup); !errors.Is(err, ocireg.ErrNotFound) {
		t.Error(err)
	}
}
