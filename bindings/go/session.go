package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"encoding/json"
)

// Session is an upload that is open at a registry. It can be kept as JSON, and continued by another process; whoever has its
// URL may be able to write to it.
type Session struct {
	URL        string `json:"url"`
	Repository string `json:"repository"`
	// Offset is the bytes that the registry has.
	Offset int64 `json:"offset"`
	// MinChunkSize is how long every chunk but the last must be; 0 for any.
	MinChunkSize int64 `json:"min_chunk_size"`
}

// text is what C is given.
func (s *Session) text() string {
	if s == nil {
		return ""
	}
	text, _ := json.Marshal(s) // of strings and numbers: it cannot fail
	return string(text)
}

// StartSession opens an upload session in [HOST[:PORT]/]REPOSITORY. Nothing is cancelled by itself: a registry lets a forgotten
// one expire. Options: WithDigestAlgorithm.
func (c *Client) StartSession(ctx context.Context, repository string, options ...Option) (*Session, error) {
	return ask[Session](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_start(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, repository)
}

// SessionStatus asks how far a session is, and gives it as it stands, to be used from now on.
func (c *Client) SessionStatus(ctx context.Context, session *Session, options ...Option) (*Session, error) {
	return ask[Session](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_status(k.client, k.context, k.text[0], k.options, &k.json, &k.failure)
	}, session.text())
}

// SessionChunk sends the next bytes, and gives the session behind them. After an error SessionStatus tells where to go on.
// Options: WithOffset.
func (c *Client) SessionChunk(ctx context.Context, session *Session, data []byte, options ...Option) (*Session, error) {
	return ask[Session](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_chunk(k.client, k.context, k.text[0], cBytes(data), C.size_t(len(data)), k.options, &k.json, &k.failure)
	}, session.text())
}

// FinishSession ends a session: the blob exists from now on, if its bytes have this digest. last is what is left of them, if
// anything. After ErrTimeout or ErrCancelled the outcome is unknown.
func (c *Client) FinishSession(ctx context.Context, session *Session, digest string, last []byte, options ...Option) (*BlobPut, error) {
	return ask[BlobPut](ctx, c, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_finish(k.client, k.context, k.text[0], k.text[1], cBytes(last), C.size_t(len(last)), k.options, &k.json, &k.failure)
	}, session.text(), digest)
}

// CancelSession gives a session up. No error where the registry has no way to cancel, or has forgotten it.
func (c *Client) CancelSession(ctx context.Context, session *Session, options ...Option) error {
	return c.do(ctx, options, func(k *call) C.ocireg_status {
		return C.ocireg_upload_session_cancel(k.client, k.context, k.text[0], k.options, &k.failure)
	}, session.text())
}
