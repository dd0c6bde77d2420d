package ocireg

// #include "shim.h"
import "C"

import "context"

// ImageFiles are the files of an image.
type ImageFiles struct {
	// Digest is that of the image's manifest.
	Digest   string    `json:"digest"`
	Platform *Platform `json:"platform"`
	// Layers are those of the image, the oldest first.
	Layers []ExtractedLayer `json:"layers"`
	// Bytes is the total size of the regular files.
	Bytes int64 `json:"bytes"`
	// Files are sorted by the bytes of their paths, without the root.
	Files []ImageEntry `json:"files"`
	// ServedBy has the endpoints that sent manifests and blobs of it, HOST[:PORT] each: the registry, its mirrors, or several of them.
	ServedBy []string `json:"served_by"`
}

// ImageEntry is one file, folder or link of an image.
type ImageEntry struct {
	// Path starts with "/"; bytes that are not UTF-8 are replaced by U+FFFD.
	Path string `json:"path"`
	// Type is "file", "directory", "symlink", "hardlink", "character", "block" or "fifo".
	Type string `json:"type"`
	// Size is 0 except for files and hard links.
	Size int64 `json:"size"`
	// Mode contains the permissions, with set-user-ID, set-group-ID and sticky bit.
	Mode uint32 `json:"mode"`
	UID  int64  `json:"uid"`
	GID  int64  `json:"gid"`
	// MTime is seconds since 1970.
	MTime int64 `json:"mtime"`
	// Link is the target of a symbolic link or hard link; otherwise empty.
	Link   string       `json:"link"`
	Device *ImageDevice `json:"device"`
	// Layer is the digest of the layer that it comes from.
	Layer string `json:"layer"`
}

// ImageDevice holds the numbers of a device.
type ImageDevice struct {
	Major int64 `json:"major"`
	Minor int64 `json:"minor"`
}

// ImageFiles lists the files of an image at any place (see EndpointParse), as ImageExtract would create them. Layers are
// verified. Options: WithPlatform, WithMaxBytes, WithMaxRatio, WithProgress.
//
// C: ocireg_image_files.
func (c *Client) ImageFiles(ctx context.Context, image string, options ...Option) (*ImageFiles, error) {
	return ask[ImageFiles](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_image_files(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, image)
}
