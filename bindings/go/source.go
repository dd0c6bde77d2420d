package ocireg

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
)

// source feeds an upload from a reader of the caller.
type source struct {
	ctx    context.Context
	reader io.Reader
	ended  error

	failure  error
	panicked any
}

// newSource reads on this goroutine from what cannot block. Everything else is left when the context ends or the client is
// closed, which the channel tells.
func newSource(ctx context.Context, closed <-chan struct{}, reader io.Reader) *source {
	if _, known := remaining(reader); !known {
		reader = newPump(ctx, closed, reader)
	}
	return &source{ctx: ctx, reader: reader}
}

// remaining is how many bytes a reader will give, of those that tell.
func remaining(reader io.Reader) (int64, bool) {
	switch reader := reader.(type) {
	case interface{ Len() int }:
		return int64(reader.Len()), isMemory(reader)
	case *os.File:
		return remainingInFile(reader)
	}
	return 0, false
}

// isMemory tells whether Len is known to be the bytes that are left.
func isMemory(reader any) bool {
	switch reader.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader:
		return true
	}
	return false
}

func remainingInFile(file *os.File) (int64, bool) {
	about, err := file.Stat()
	if err != nil || !about.Mode().IsRegular() {
		return 0, false
	}
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil || at > about.Size() {
		return 0, false
	}
	return about.Size() - at, true
}

// fill is the C callback: how many bytes, 0 at the end, -1 for a failure.
func (s *source) fill(buffer []byte) (count int64) {
	finished := false
	defer func() {
		if !finished {
			s.panicked, count = recover(), -1
		}
	}()
	read, err := s.read(buffer)
	finished = true
	if err != nil {
		s.failure = err
		return -1
	}
	return int64(read)
}

// read gives some bytes, none at the end; an error that comes with bytes is kept for the next time.
func (s *source) read(buffer []byte) (int, error) {
	for range 100 {
		if s.ended == io.EOF {
			return 0, nil
		}
		if s.ended != nil {
			return 0, s.ended
		}
		count, err := s.reader.Read(buffer)
		if count < 0 || count > len(buffer) {
			panic("ocireg: a reader gives an impossible count")
		}
		s.ended = err
		if count > 0 {
			return count, nil
		}
	}
	return 0, io.ErrNoProgress
}

func (s *source) close() {
	if pump, ok := s.reader.(*pump); ok {
		pump.close()
	}
}
