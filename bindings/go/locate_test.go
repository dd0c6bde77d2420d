package ocireg_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

// fetch gets what is at a location by net/http.
func fetch(t *testing.T, location ocireg.Location) []byte {
	t.Helper()
	request := must[*http.Request](t)(http.NewRequest(http.MethodGet, location.URL, nil))
	for name, value := range location.Headers {
		request.Header.Set(name, value)
	}
	response := must[*http.Response](t)(http.DefaultClient.Do(request))
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	return must[[]byte](t)(io.ReadAll(response.Body))
}

func TestLocate(t *testing.T) {
	ctx := context.Background()
	host := registry(t, "OCIREG_TEST_HTPASSWD")
	client := newClient(t)
	if err := client.SetHost(host, ocireg.WithPassword("alice", "s3cret:with colon")); err != nil {
		t.Fatal(err)
	}
	repository, data := host+"/"+newRepository(), random(1000)
	put := must[*ocireg.BlobPut](t)(client.BlobPutBytes(ctx, repository, data))
	reference := repository + "@" + put.Digest
	for _, options := range [][]ocireg.Option{nil, {ocireg.WithoutFollowing(), ocireg.WithMinValidity(time.Minute)}, {ocireg.WithCheck(), ocireg.WithFresh()}} {
		found := must[*ocireg.Located](t)(client.BlobLocate(ctx, reference, options...))
		if found.Reference != reference || found.Repository != repository || found.Digest != put.Digest || len(found.Locations) != 1 || found.Locations[0].Redirected || found.Locations[0].Expires != nil {
			t.Fatalf("%+v", found)
		}
		if found.Size != nil && *found.Size != int64(len(data)) {
			t.Error(*found.Size)
		}
		if string(fetch(t, found.Locations[0])) != string(data) {
			t.Error("other bytes")
		}
	}
	_, err := client.BlobLocate(ctx, reference, ocireg.WithRefused("Basic YWxpY2U6czNjcmV0OndpdGggY29sb24="))
	wantCode(t, err, ocireg.ErrUnauthenticated)
	_, err = client.ManifestLocate(ctx, repository+":none")
	wantCode(t, err, ocireg.ErrNotFound)
}

func TestToken(t *testing.T) {
	ctx := context.Background()
	host := registry(t, "OCIREG_TEST_TOKEN")
	client := newClient(t)
	if err := client.SetHost(host, ocireg.WithPassword("alice", "s3cret:with colon")); err != nil {
		t.Fatal(err)
	}
	repository := host + "/" + newRepository()
	token := must[*ocireg.Token](t)(client.Token(ctx, repository, ocireg.WithActions("pull", "push"), ocireg.WithScope("repository:go/other:pull")))
	if token.Auth != "bearer" || token.Header == nil || token.Header.Value != "Bearer "+token.Token || len(token.Scopes) != 2 || token.Cached {
		t.Fatalf("%+v", token)
	}
	if left := time.Until(*token.Expires); left < time.Minute || left > 5*time.Minute || *token.ExpiresIn < 60 {
		t.Error(left)
	}
	again := must[*ocireg.Token](t)(client.Token(ctx, repository))
	if !again.Cached || again.Token != token.Token {
		t.Errorf("%+v", again)
	}
	other := must[*ocireg.Token](t)(client.Token(ctx, repository, ocireg.WithRefused(token.Header.Value)))
	if other.Cached || other.Token == token.Token {
		t.Errorf("%+v", other)
	}
}
