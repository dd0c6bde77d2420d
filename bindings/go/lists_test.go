package ocireg_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ocireg/ocireg/bindings/go"
)

func TestPages(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	repository := registry(t, "OCIREG_TEST_V3") + "/" + newRepository()
	push(t, client, repository+":t0", []byte("hello"))
	manifest := must[*ocireg.Manifest](t)(client.ManifestGet(ctx, repository+":t0"))
	var wanted []string
	for i := range 7 {
		wanted = append(wanted, fmt.Sprintf("t%d", i))
	}
	must[*ocireg.ManifestPut](t)(client.ManifestPut(ctx, repository+":t0", manifest.Bytes, ocireg.WithTags(wanted[1:]...)))

	page := must[*ocireg.TagList](t)(client.RepositoryTags(ctx, repository, ocireg.WithPageSize(3)))
	if !slices.Equal(page.Tags, wanted[:3]) || page.Last != "t2" {
		t.Errorf("%+v", page)
	}
	page = must[*ocireg.TagList](t)(client.RepositoryTags(ctx, repository, ocireg.WithPageSize(3), ocireg.WithNext(page.Next)))
	if !slices.Equal(page.Tags, wanted[3:6]) || page.Last != "t5" {
		t.Errorf("%+v", page)
	}
	for _, size := range []int{1, 3, 7, 100} {
		got := must[any](t)(gather(client.Tags(ctx, repository, ocireg.WithPageSize(size))))
		if !slices.Equal(got.([]string), wanted) {
			t.Errorf("by %d: %v", size, got)
		}
	}
	list := client.Tags(ctx, repository, ocireg.WithLast("t1"), ocireg.WithPageSize(2))
	for range 2 { // a list can be iterated again
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

// paged is a registry whose list cursors are its own; more returns where a page leads, given where it started.
func paged(t *testing.T, names func(at int) []string, more func(at, size int) string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("next_page"), "gAAA"))
		size := 10
		if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil {
			size = min(n, size)
		}
		found := names(at)
		found = found[:min(size, len(found))]
		if next := more(at, len(found)); next != "" {
			w.Header().Set("Link", fmt.Sprintf("<%s?n=%d&next_page=%s>", r.URL.Path, size, next))
		}
		json.NewEncoder(w).Encode(map[string]any{"name": "a", "tags": found, "repositories": found})
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// both are the iterators over a registry's lists.
func both(client *ocireg.Client, host string, options ...ocireg.Option) []iter.Seq2[string, error] {
	ctx := context.Background()
	return []iter.Seq2[string, error]{client.Tags(ctx, host+"/a", options...), client.Repositories(ctx, host, options...)}
}

// TestPagesByToken: the cursor of a list is the registry's.
func TestPagesByToken(t *testing.T) {
	ctx := context.Background()
	client := newClient(t, ocireg.WithPlainHTTP(true))
	var wanted []string
	for i := range 25 {
		wanted = append(wanted, fmt.Sprintf("t%02d", i))
	}
	host := paged(t, func(at int) []string { return wanted[at:] }, func(at, size int) string {
		if at+size < len(wanted) {
			return fmt.Sprintf("gAAA%d", at+size)
		}
		return ""
	})
	for _, size := range []int{1, 3, 10, 100} {
		for _, list := range both(client, host, ocireg.WithPageSize(size)) {
			for range 2 { // a list can be iterated again
				if got := must[any](t)(gather(list)); !slices.Equal(got.([]string), wanted) {
					t.Errorf("by %d: %v", size, got)
				}
			}
		}
	}
	all := must[*ocireg.TagList](t)(client.RepositoryTags(ctx, host+"/a", ocireg.WithPageSize(3), ocireg.WithAll()))
	if !slices.Equal(all.Tags, wanted) || all.Next != "" || all.Last != "" {
		t.Errorf("%+v", all)
	}
	page := must[*ocireg.RepositoryList](t)(client.RegistryCatalog(ctx, host, ocireg.WithPageSize(3)))
	if got := must[any](t)(gather(client.Repositories(ctx, host, ocireg.WithNext(page.Next)))); !slices.Equal(got.([]string), wanted[3:]) {
		t.Errorf("%v", got)
	}
	_, err := client.RepositoryTags(ctx, host+"/a", ocireg.WithNext(page.Next))
	wantCode(t, err, ocireg.ErrInvalidArgument)
	_, err = client.RegistryCatalog(ctx, host, ocireg.WithNext("x"))
	wantCode(t, err, ocireg.ErrInvalidArgument)
	for _, list := range both(client, host, ocireg.WithLast("t13")) {
		_, err := gather(list)
		wantCode(t, err, ocireg.ErrUnsupported)
	}
}

// TestPagesThatGoRound: an iterator over pages that loop ends.
func TestPagesThatGoRound(t *testing.T) {
	client := newClient(t, ocireg.WithPlainHTTP(true))
	count := 0
	same := paged(t, func(int) []string { return []string{"x", "y"} }, func(int, int) string {
		count++
		return fmt.Sprintf("gAAA%d", count)
	})
	three := paged(t, func(at int) []string { return []string{fmt.Sprintf("x%d", at)} }, func(at, _ int) string {
		return fmt.Sprintf("gAAA%d", (at+1)%3)
	})
	for _, host := range []string{same, three} {
		for _, size := range []int{1, 2} {
			for _, list := range both(client, host, ocireg.WithPageSize(size)) {
				_, err := gather(list)
				wantCode(t, err, ocireg.ErrProtocol)
			}
		}
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
	list := must[*ocireg.RepositoryList](t)(client.RegistryCatalog(ctx, host, ocireg.WithRegex("^"+name+"$")))
	if !slices.Equal(list.Repositories, []string{name}) || list.Last != "" {
		t.Errorf("%+v", list)
	}
	removed := must[*ocireg.RepositoryRemove](t)(client.RepositoryRemove(ctx, host+"/"+name, ocireg.WithDryRun()))
	if !removed.DryRun || removed.Deleted != 0 || len(removed.Manifests) != 1 || removed.Manifests[0].Tags[0] != "one" {
		t.Errorf("%+v", removed)
	}
	if removed := must[*ocireg.RepositoryRemove](t)(client.RepositoryRemove(ctx, host+"/"+name)); removed.Deleted != 1 {
		t.Errorf("%+v", removed)
	}
}

func TestPing(t *testing.T) {
	ctx := context.Background()
	client := newClient(t)
	ping := must[*ocireg.Ping](t)(client.RegistryPing(ctx, registry(t, "OCIREG_TEST_HTPASSWD")))
	if ping.Status != 401 || ping.APIVersion != 2 || len(ping.Challenges) != 1 || len(ping.Headers) == 0 {
		t.Errorf("%+v", ping)
	}
	if found := must[*ocireg.Detected](t)(client.RegistryDetect(ctx, registry(t, "OCIREG_TEST_V1"))); found.APIVersion != 1 {
		t.Errorf("%+v", found)
	}
	if ping := must[*ocireg.Ping](t)(client.RegistryPing(ctx, registry(t, "OCIREG_TEST_V1"), ocireg.WithProtocol(1))); ping.APIVersion != 1 {
		t.Errorf("%+v", ping)
	}
}
