package ocireg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/ocireg/ocireg/bindings/go"
)

func Example() {
	ctx := context.Background()
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	for tag, err := range client.Tags(ctx, demo+"/hello") {
		if err != nil {
			log.Fatal(err)
		}
		digest, err := client.ManifestDigest(ctx, demo+"/hello:"+tag)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(tag, digest[:14])
	}
	// Output:
	// v1 sha256:d20a232
	// v2 sha256:d20a232
}

func ExampleNew() {
	client, err := ocireg.New(
		ocireg.WithUserAgent("example/1.0"),
		ocireg.WithConnectTimeout(5*time.Second),
		ocireg.WithHost("registry.example.com", ocireg.WithPassword("alice", os.Getenv("REGISTRY_PASSWORD"))),
		ocireg.WithHost(demo, ocireg.WithPlainHTTP(true)),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ping, err := client.RegistryPing(context.Background(), demo)
	fmt.Println(ping.APIVersion, err)
	// Output: 2 <nil>
}

func ExampleClient_ManifestGet() {
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	manifest, err := client.ManifestGet(context.Background(), demo+"/hello:v1")
	if err != nil {
		log.Fatal(err)
	}
	image, err := manifest.Image()
	if err != nil {
		log.Fatal(err)
	}
	for _, layer := range image.Layers {
		fmt.Println(layer.MediaType, layer.Size)
	}
	// Output: text/plain 5
}

func ExampleClient_BlobOpen() {
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	digest, _ := ocireg.DigestBytes([]byte("hello"))
	blob, err := client.BlobOpen(ctx, demo+"/hello@"+digest)
	if err != nil {
		log.Fatal(err)
	}
	defer blob.Close()
	if _, err := io.Copy(os.Stdout, blob); err != nil { // no error: the digest is right
		log.Fatal(err)
	}
	// Output: hello
}

func ExampleClient_BlobPutFrom() {
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	text := "some bytes"
	digest, _ := ocireg.DigestBytes([]byte(text))
	put, err := client.BlobPutFrom(context.Background(), demo+"/hello", digest, strings.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(put.Size, put.Uploaded)
	// Output: 10 true
}

func ExampleClient_Copy() {
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	copied, err := client.Copy(context.Background(), demo+"/hello:v1", "oci:"+folder+"/layout:v1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(copied.Manifests.Copied, "manifest,", copied.Blobs.Copied, "blobs")
	// Output: 1 manifest, 2 blobs
}

func ExampleError() {
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = client.ManifestGet(context.Background(), demo+"/hello:v3")
	if errors.Is(err, ocireg.ErrNotFound) {
		fmt.Println("there is no v3")
	}
	var failed *ocireg.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.HTTPStatus, failed.RegistryErrors[0].Code)
	}
	// Output:
	// there is no v3
	// 404 MANIFEST_UNKNOWN
}

func ExampleWithProgress() {
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	digest, _ := ocireg.DigestBytes([]byte("hello"))
	var done uint64
	_, _, err = client.BlobGetBytes(context.Background(), demo+"/hello@"+digest,
		ocireg.WithProgress(func(progress ocireg.Progress) { done = progress.Done }))
	fmt.Println(done, err)
	// Output: 5 <nil>
}

func ExampleReferenceParse() {
	name, err := ocireg.ReferenceParse("mongo")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(name.Registry.Name, name.RemoteName, name.Tag)
	// Output: docker.io library/mongo latest
}

func ExampleClient_BlobAt() {
	client, err := ocireg.New()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	digest, _ := ocireg.DigestBytes([]byte("hello"))
	blob, err := client.BlobAt(context.Background(), demo+"/hello@"+digest)
	if err != nil {
		log.Fatal(err)
	}
	var middle bytes.Buffer
	if _, err := io.Copy(&middle, io.NewSectionReader(blob, 1, 3)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(middle.String())
	// Output: ell
}
