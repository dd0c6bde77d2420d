package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"io"
)

// ImageExtract describes what was extracted.
type ImageExtract struct {
	// Digest is that of the image's manifest.
	Digest   string    `json:"digest"`
	Platform *Platform `json:"platform"`
	Path     string    `json:"path"`
	// Layers are those that were read, the oldest first: all of the image, unless WithPaths names files only.
	Layers      []ExtractedLayer `json:"layers"`
	Files       int64            `json:"files"`
	Directories int64            `json:"directories"`
	Symlinks    int64            `json:"symlinks"`
	HardLinks   int64            `json:"hard_links"`
	Devices     int64            `json:"devices"`
	// Skipped counts devices and pipes that were left out.
	Skipped   int64 `json:"skipped"`
	Whiteouts int64 `json:"whiteouts"`
	// Bytes is the total size of the files.
	Bytes int64 `json:"bytes"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// ExtractedLayer is one layer.
type ExtractedLayer struct {
	Digest string `json:"digest"`
	DiffID string `json:"diff_id"`
	// DiffIDChecked is false when the config does not have a diff_id for the layer.
	DiffIDChecked bool `json:"diff_id_checked"`
}

// ImageExtract extracts the files of an image at any place (see EndpointParse) into a folder. Nothing is written outside
// it, whatever the layers say. After an error it is incomplete. Options: WithPlatform, WithOverwrite, WithOwner,
// WithSetuid, WithDevices, WithPaths, WithMaxBytes, WithMaxRatio, WithProgress.
//
// C: ocireg_image_extract.
func (c *Client) ImageExtract(ctx context.Context, image, folder string, options ...Option) (*ImageExtract, error) {
	return ask[ImageExtract](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_extract(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, image, folder)
}

// ImageExport describes an archive of the files of an image.
type ImageExport struct {
	// Digest is that of the image's manifest.
	Digest   string    `json:"digest"`
	Platform *Platform `json:"platform"`
	// Path is the file, of ImageExportFile only.
	Path string `json:"path"`
	// Layers are those of the image, the oldest first.
	Layers      []ExtractedLayer `json:"layers"`
	Files       int64            `json:"files"`
	Directories int64            `json:"directories"`
	Symlinks    int64            `json:"symlinks"`
	HardLinks   int64            `json:"hard_links"`
	// Devices counts devices and pipes.
	Devices int64 `json:"devices"`
	// Bytes is the total size of the files.
	Bytes int64 `json:"bytes"`
	// Size is that of the archive.
	Size int64 `json:"size"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// ImageExportTo writes the file system of an image at any place (see EndpointParse) as one tar archive to a writer, to an *os.File without a
// detour: archive/tar reads it at the other end of an io.Pipe. After an error, what was written must not be trusted, and a writer
// that blocks is left behind as by BlobGetTo. Options: WithPlatform, WithMaxBytes, WithMaxRatio, WithProgress.
//
// C: ocireg_image_export_fd.
func (c *Client) ImageExportTo(ctx context.Context, image string, into io.Writer, options ...Option) (*ImageExport, error) {
	return toWriter(ctx, c, into, func(fd C.int32_t) (*ImageExport, error) {
		return ask[ImageExport](ctx, c, options, func(k *call) C.ocireg_status {
			return C.ocireg_image_export_fd(k.client, k.context, k.text[0], fd, k.options, &k.json, &k.failure)
		}, image)
	})
}

// ImageExportFile does the same to a file, which appears only whole and verified.
//
// C: ocireg_image_export_file.
func (c *Client) ImageExportFile(ctx context.Context, image, path string, options ...Option) (*ImageExport, error) {
	return ask[ImageExport](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_export_file(k.client, k.context, k.text[0], k.text[1], k.options, &k.json, &k.failure)
	}, image, path)
}
