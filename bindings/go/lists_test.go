package ocireg_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestPages(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	push(t, client, repository+":t0", []byte("hello"))
	manifest := must[*ocireg.Manifest](t)(client.Manifest(ctx, repository+":t0"))
	var wanted []string
	for i := range 7 {
		wanted = append(wanted, fmt.Sprintf("t%d", i))
	}
	must[*ocireg.ManifestPut](t)(client.PutManifest(ctx, repository+":t0", manifest.Bytes, ocireg.WithTags(wanted[1:]...)))

	page := must[*ocireg.TagList](t)(client.TagList(ctx, repository, ocireg.WithPageSize(3)))
	if !slices.Equal(page.Tags, wanted[:3]) || page.Last != "t2" {
		t.Errorf("%+v", page)
	}
	for _, size := range []int{1, 3, 7, 100} {
		got := must[any](t)(gather(client.Tags(ctx, repository, ocireg.WithPageSize(size))))
		if !slices.Equal(got.([]string), wanted) {
			t.Errorf("by %d: %v", size, got)
		}
	}
	list := client.Tags(ctx, repository, ocireg.WithLast("t1"), ocireg.WithPageSize(2))
	for range 2 { // a list can be gone through again
		if got := must[any](t)(gather(list)); !slices.Equal(got.([]string), wanted[2:]) {
			t.Errorf("after t1: %v", got)
		}
	}
	for tag, err := range client.Tags(ctx, repository, ocireg.WithPageSize(2)) {
		if err != nil || tag != "t0" {
			t.Errorf("%s, %v", tag, err)
		}
		break
	}
}

func TestListErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	count := 0
	for tag, err := range client.Tags(ctx, repository) {
		wantCode(t, err, ocireg.ErrNotFound)
		if tag != "" {
			t.Error(tag)
		}
		count++
	}
	if count != 1 {
		t.Errorf("%d pairs", count)
	}
	cancel()
	for _, err := range client.Repositories(ctx, registry(t, "OCIREG_TEST_V3")) {
		wantCode(t, err, ocireg.ErrCancelled)
	}
	for _, err := range client.Referrers(ctx, repository+":a") {
		wantCode(t, err, ocireg.ErrCancelled)
	}
}

func TestRepositories(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	host := registry(t, "OCIREG_TEST_V3")
	name := newRepository()
	push(t, client, host+"/"+name+":one", []byte("hello"))
	got := must[any](t)(gather(client.Repositories(ctx, host, ocireg.WithSearch(name), ocireg.WithPageSize(50))))
	if !slices.Equal(got.([]string), []string{name}) {
		t.Errorf("%v", got)
	}
	list := must[*ocireg.RepositoryList](t)(client.RepositoryList(ctx, host, ocireg.WithRegex("^"+name+"$")))
	if !slices.Equal(list.Repositories, []string{name}) || list.Last != "" {
		t.Errorf("%+v", list)
	}
	removed := must[*ocireg.RepositoryRemove](t)(client.RemoveRepository(ctx, host+"/"+name, ocireg.WithDryRun()))
	if !removed.DryRun || removed.Deleted != 0 || len(removed.Manifests) != 1 || removed.Manifests[0].Tags[0] != "one" {
		t.Errorf("%+v", removed)
	}
	if removed := must[*ocireg.RepositoryRemove](t)(client.RemoveRepository(ctx, host+"/"+name)); removed.Deleted != 1 {
		t.Errorf("%+v", removed)
	}
}

func TestPing(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	ping := must[*ocireg.Ping](t)(client.Ping(ctx, registry(t, "OCIREG_TEST_HTPASSWD")))
	if ping.Status != 401 || ping.APIVersion != 2 || len(ping.Challenges) != 1 || len(ping.Headers) == 0 {
		t.Errorf("%+v", ping)
	}
	if found := must[*ocireg.Detected](t)(client.Detect(ctx, registry(t, "OCIREG_TEST_V1"))); found.APIVersion != 1 {
		t.Errorf("%+v", found)
	}
	if ping := must[*ocireg.Ping](t)(client.Ping(ctx, registry(t, "OCIREG_TEST_V1"), ocireg.WithProtocol(1))); ping.APIVersion != 1 {
		t.Errorf("%+v", ping)
	}
}
