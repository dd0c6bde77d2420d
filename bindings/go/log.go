package ocireg

import (
	"bytes"
	"context"
	"log/slog"
	"time"
)

// event is one event of the library's trace.
type event struct {
	Event        string            `json:"event"`
	Method       string            `json:"method"`
	URL          string            `json:"url"`
	Attempt      int               `json:"attempt"`
	Status       int               `json:"status"`
	Milliseconds float64           `json:"milliseconds"`
	Headers      map[string]string `json:"headers"`
	Reason       string            `json:"reason"`
	WaitMS       int64             `json:"wait_ms"`
	Host         string            `json:"host"`
	Text         string            `json:"text"`
}

// logEvent passes an event to the logger.
func logEvent(ctx context.Context, logger *slog.Logger, text []byte) {
	if !logger.Enabled(ctx, slog.LevelInfo) && !isWarning(text) {
		return
	}
	var e event
	if decode(text, &e) != nil {
		return
	}
	level, attributes := e.describe()
	logger.LogAttrs(ctx, level, "ocireg "+e.Event, attributes...)
}

// isWarning checks without parsing: most events are not warnings.
func isWarning(text []byte) bool { return bytes.Contains(text, []byte(`"warning"`)) }

func (e *event) describe() (slog.Level, []slog.Attr) {
	switch e.Event {
	case "request":
		return slog.LevelDebug, []slog.Attr{slog.String("method", e.Method), slog.String("url", e.URL),
			slog.Int("attempt", e.Attempt), slog.Any("headers", e.Headers)}
	case "response":
		return slog.LevelDebug, []slog.Attr{slog.String("method", e.Method), slog.String("url", e.URL), slog.Int("status", e.Status),
			slog.Duration("duration", time.Duration(e.Milliseconds*float64(time.Millisecond))), slog.Any("headers", e.Headers)}
	case "retry":
		return slog.LevelInfo, []slog.Attr{slog.String("reason", e.Reason), slog.Duration("wait", time.Duration(e.WaitMS)*time.Millisecond)}
	case "warning":
		return slog.LevelWarn, []slog.Attr{slog.String("host", e.Host), slog.String("text", e.Text)}
	default:
		return slog.LevelDebug, nil
	}
}
