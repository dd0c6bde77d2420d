package ocireg

import (
	"context"
	"io"
)

// BlobReaderAt reads pieces of a blob, each in a separate request: for a file inside an archive, not for the whole
// blob. Pieces cannot be verified. It is safe for concurrent use.
type BlobReaderAt struct {
	client    *Client
	ctx       context.Context
	reference string
	size      int64
}

var _ io.ReaderAt = (*BlobReaderAt)(nil)

// BlobAt opens a blob, HOST[:PORT]/REPOSITORY@DIGEST, for reading pieces of it. The context governs the reads. The
// registry is asked for its size.
func (c *Client) BlobAt(ctx context.Context, reference string) (*BlobReaderAt, error) {
	head, err := c.BlobHead(ctx, reference)
	switch {
	case err != nil:
		return nil, err
	case !head.Exists:
		return nil, newError(ErrNotFound, "the registry does not have "+reference)
	case head.Size < 0:
		return nil, newError(ErrProtocol, "the registry does not say how large "+reference+" is")
	}
	return &BlobReaderAt{client: c, ctx: ctx, reference: reference, size: head.Size}, nil
}

// Size is the blob's size in bytes.
func (r *BlobReaderAt) Size() int64 { return r.size }

// ReadAt reads from an offset, as io.ReaderAt says.
func (r *BlobReaderAt) ReadAt(into []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, newError(ErrInvalidArgument, "the offset is negative")
	}
	if offset >= r.size {
		return 0, io.EOF
	}
	wanted := into[:min(int64(len(into)), r.size-offset)]
	if len(wanted) == 0 {
		return 0, nil
	}
	count, err := r.readPiece(wanted, offset)
	if err == nil && len(wanted) < len(into) {
		err = io.EOF
	}
	return count, err
}

func (r *BlobReaderAt) readPiece(into []byte, offset int64) (int, error) {
	piece, err := r.client.BlobOpen(r.ctx, r.reference, WithOffset(offset), WithLength(int64(len(into))))
	if err != nil {
		return 0, err
	}
	defer piece.Close()
	return io.ReadFull(piece, into)
}
