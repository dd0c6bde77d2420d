package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"io"
	"runtime/cgo"
)

// ArtifactFile is a part of an artifact: a file or a folder by its path, bytes, or what a reader gives.
type ArtifactFile struct {
	// One of the three. Data may be empty, but not nil.
	Path   string
	Data   []byte
	Reader io.Reader
	// Title is the name under which it is pulled; of a file or folder it is otherwise its path, or the last part of a path that is
	// absolute or leads upwards.
	Title string
	// MediaType is, as oras has it, the type of a layer by default.
	MediaType string
	// Annotations are KEY=VALUE each.
	Annotations []string
	// Config says that it is the artifact's config instead of a layer.
	Config bool
}

// PushedArtifact is an artifact as it was pushed.
type PushedArtifact struct {
	Destination string `json:"destination"`
	Digest      string `json:"digest"`
	MediaType   string `json:"mediaType"`
	// Size is the size of the manifest; it, the config and the layers are missing when the name was left as it is.
	Size         int64        `json:"size"`
	ArtifactType string       `json:"artifactType"`
	Config       *Descriptor  `json:"config"`
	Layers       []Descriptor `json:"layers"`
	Subject      *Descriptor  `json:"subject"`
	Blobs        BlobCounts   `json:"blobs"`
	// Skipped are the names that were left as they are, with WithIfExists("skip"); Condition says what made sure that the name could
	// be set with WithIfExists or WithIfDigest: "registry", "locked" (in a layout) or "looked", which guarantees nothing; otherwise
	// empty.
	Skipped   []string `json:"skipped"`
	Condition string   `json:"condition"`
	// ServedBy has the endpoint that sent the manifest of the subject, HOST[:PORT]: the registry or a mirror.
	ServedBy []string `json:"served_by"`
}

// PulledArtifact is an artifact whose files were pulled.
type PulledArtifact struct {
	Source       string `json:"source"`
	Digest       string `json:"digest"`
	MediaType    string `json:"mediaType"`
	ArtifactType string `json:"artifactType"`
	// Path is the folder.
	Path    string       `json:"path"`
	Files   []PulledFile `json:"files"`
	Skipped []PassedOver `json:"skipped"`
	// Kept counts the names that were left as they are, with WithKeepOld; those in folders too.
	Kept         int64 `json:"kept"`
	BytesResumed int64 `json:"bytes_resumed"`
	// ServedBy are the endpoints that sent its manifests and blobs, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// PulledFile is one file of it.
type PulledFile struct {
	Title     string `json:"title"`
	Path      string `json:"path"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
	// Unpacked says that it is a folder; Kept that it was there and was left as it is.
	Unpacked bool `json:"unpacked"`
	Kept     bool `json:"kept"`
}

// PassedOver is a part of an artifact that was not pulled. Reason is "no title" or "not wanted".
type PassedOver struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"mediaType"`
	Title     string `json:"title"`
	Reason    string `json:"reason"`
}

// ArtifactPull pulls the files of an artifact at any place (see EndpointParse) into a folder, under their titles; folders that were packed
// are unpacked. A file appears only when all of them are there, whole and verified, and nothing is written outside of the folder.
// Options: WithTitles, WithMediaTypes, WithKeepOld, WithoutUnpacking, WithPlatform, WithMaxBytes, WithMaxRatio, WithConcurrency,
// WithProgress, WithBlobProgress.
//
// C: ocireg_artifact_pull.
func (c *Client) ArtifactPull(ctx context.Context, place, folder string, options ...Option) (*PulledArtifact, error) {
	return ask[PulledArtifact](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_artifact_pull(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, place, folder)
}

// ArtifactPush makes an artifact of files, folders and bytes, as oras does, and puts it at any place (see EndpointParse). The same files
// give the same artifact. A reader is read to its end first. Options: WithArtifactType, WithAnnotations, WithSubject, WithImageSpec,
// WithTimes, WithConcurrency, WithIfExists, WithIfDigest, WithProgress, WithBlobProgress.
//
// C: ocireg_artifact_push.
func (c *Client) ArtifactPush(ctx context.Context, place string, files []ArtifactFile, options ...Option) (*PushedArtifact, error) {
	return c.putArtifact(ctx, place, files, options, func(k *call, artifact *C.ocireg_artifact) C.ocireg_status {
		return C.ocireg_artifact_push(k.client, k.context, artifact, k.text[0], k.options, &k.json, &k.failure)
	})
}

// ArtifactAttach makes an artifact that is about what a place names, and puts it beside that: Referrers lists it. Options:
// WithArtifactType, WithAnnotations, WithPlatform, WithTimes, WithConcurrency, WithProgress, WithBlobProgress.
//
// C: ocireg_artifact_attach.
func (c *Client) ArtifactAttach(ctx context.Context, place string, files []ArtifactFile, options ...Option) (*PushedArtifact, error) {
	return c.putArtifact(ctx, place, files, options, func(k *call, artifact *C.ocireg_artifact) C.ocireg_status {
		return C.ocireg_artifact_attach(k.client, k.context, artifact, k.text[0], k.options, &k.json, &k.failure)
	})
}

func (c *Client) putArtifact(
	ctx context.Context, place string, files []ArtifactFile, options []Option, run func(*call, *C.ocireg_artifact) C.ocireg_status,
) (*PushedArtifact, error) {
	if ctx == nil {
		return nil, newError(ErrInvalidArgument, "the context is nil")
	}
	if !c.made() {
		return nil, errNoClient()
	}
	var artifact *C.ocireg_artifact
	var failure *C.ocireg_error
	if status := C.ocireg_artifact_new(&artifact, &failure); status != C.OCIREG_OK {
		return nil, takeError(status, failure)
	}
	defer C.ocireg_artifact_free(artifact)
	for _, file := range files {
		if err := c.addFile(ctx, artifact, file); err != nil {
			return nil, err
		}
	}
	return ask[PushedArtifact](ctx, c, options, func(k *call) C.ocireg_status { return run(k, artifact) }, place)
}

func (c *Client) addFile(ctx context.Context, artifact *C.ocireg_artifact, file ArtifactFile) error {
	wanted, err := file.settings().native()
	if err != nil {
		return err
	}
	defer C.ocireg_options_free(wanted)
	switch {
	case file.Reader != nil:
		return c.addReader(ctx, artifact, file.Reader, wanted)
	case file.Data != nil:
		var failure *C.ocireg_error
		status := C.ocireg_artifact_add_memory(artifact, cBytes(file.Data), C.size_t(len(file.Data)), wanted, &failure)
		return statusError(status, failure)
	}
	path, err := cText(file.Path)
	if err != nil {
		return err
	}
	var failure *C.ocireg_error
	return statusError(C.ocireg_artifact_add_file(artifact, path, wanted, &failure), failure)
}

func (c *Client) addReader(ctx context.Context, artifact *C.ocireg_artifact, reader io.Reader, wanted *C.ocireg_options) error {
	bytes := newSource(ctx, c.handle.closed, reader)
	defer bytes.close()
	handle := cgo.NewHandle(bytes)
	defer handle.Delete()
	var failure *C.ocireg_error
	status := C.ocireg_go_artifact_add_stream(artifact, C.uintptr_t(handle), wanted, &failure)
	return bytes.blame(statusError(status, failure))
}

// statusError is nil for success.
func statusError(status C.ocireg_status, failure *C.ocireg_error) error {
	if status == C.OCIREG_OK {
		return nil
	}
	return takeError(status, failure)
}

// settings are the options of the file's own.
func (f ArtifactFile) settings() *settings {
	made := &settings{}
	if f.Title != "" {
		made.set("title", f.Title)
	}
	if f.MediaType != "" {
		made.set("media_type", f.MediaType)
	}
	if len(f.Annotations) > 0 {
		made.set("annotations", f.Annotations)
	}
	if f.Config {
		made.set("config", true)
	}
	return made
}
