package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
)

// Session is an open upload session at a registry. It can be stored as JSON and continued by another process; anyone
// who has its URL may be able to write to it.
type Session struct {
	URL        string `json:"url"`
	Repository string `json:"repository"`
	// Offset is the number of bytes that the registry has.
	Offset int64 `json:"offset"`
	// MinChunkSize is the minimum size of every chunk but the last; 0 for any.
	MinChunkSize int64 `json:"min_chunk_size"`
}

// text is the session's JSON, as C takes it.
func (s *Session) text() string {
	if s == nil {
		return ""
	}
	text, _ := json.Marshal(s) // strings and numbers only: cannot fail
	return string(text)
}

// UploadSessionStart opens an upload session in [HOST[:PORT]/]REPOSITORY. It is never cancelled automatically: a registry
// lets a forgotten one expire. Options: WithDigestAlgorithm.
//
// C: ocireg_upload_session_start.
func (c *Client) UploadSessionStart(ctx context.Context, repository string, options ...Option) (*Session, error) {
	return ask[Session](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_start(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

// UploadSessionStatus asks the registry how far a session is, and returns its current state, to be used from now on.
//
// C: ocireg_upload_session_status.
func (c *Client) UploadSessionStatus(ctx context.Context, session *Session, options ...Option) (*Session, error) {
	return ask[Session](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_status(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, session.text())
}

// UploadSessionChunk sends the next bytes, and returns the session after them. After an error, UploadSessionStatus tells where to
// continue. Options: WithOffset.
//
// C: ocireg_upload_session_chunk.
func (c *Client) UploadSessionChunk(ctx context.Context, session *Session, data []byte, options ...Option) (*Session, error) {
	return ask[Session](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_chunk(k.client, k.context, k.text[0], cBytes(data), C.size_t(len(data)), k.options, &k.json, &k.failure)
	}, session.text())
}

// UploadSessionFinish completes a session: the blob exists from now on, if its bytes have this digest. last holds the
// remaining bytes, if any. After ErrTimeout or ErrCancelled the outcome is unknown.
//
// C: ocireg_upload_session_finish.
func (c *Client) UploadSessionFinish(ctx context.Context, session *Session, digest string, last []byte, options ...Option) (*BlobPut, error) {
	return ask[BlobPut](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_finish(k.client, k.context, k.text[0], k.text[1], cBytes(last), C.size_t(len(last)), k.options, &k.json, &k.failure)
	}, session.text(), digest)
}

// UploadSessionCancel cancels a session. It is not an error if the registry cannot cancel sessions, or has forgotten it.
//
// C: ocireg_upload_session_cancel.
func (c *Client) UploadSessionCancel(ctx context.Context, session *Session, options ...Option) error {
	return c.do(ctx, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_cancel(k.client, k.context, k.text[0], k.options, &k.failure)
	}, session.text())
}
