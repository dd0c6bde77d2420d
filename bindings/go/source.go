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

// newSource reads on this goroutine from readers that cannot block. Any other reader is abandoned when the context ends
// or the client is closed, as the channel tells.
func newSource(ctx context.Context, closed <-chan struct{}, reader io.Reader) *source {
	if _, known := remaining(reader); !known {
		reader = newPump(ctx, closed, reader)
	}
	return &source{ctx: ctx, reader: reader}
}

// remaining returns how many bytes a reader has left, if it can tell.
func remaining(reader io.Reader) (int64, bool) {
	switch reader := reader.(type) {
	case interface{ Len() int }:
		return int64(reader.Len()), isMemory(reader)
	case *os.File:
		return remainingInFile(reader)
	}
	return 0, false
}

// isMemory tells whether Len is known to be the number of bytes left.
func isMemory(reader any) bool {
	switch reader.(type) {
	case *bytes.Reader, *bytes.Buffer, *strings.Reader:
		return true
	}
	return false
}

// remainingInFile takes a size of 0 for unknown: the kernel's own files, such as those in /proc, have that.
func remainingInFile(file *os.File) (int64, bool) {
	about, err := file.Stat()
	if err != nil || !about.Mode().IsRegular() || about.Size() == 0 {
		return 0, false
	}
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil || at > about.Size() {
		return 0, false
	}
	return about.Size() - at, true
}

// fill is the C callback: it returns the number of bytes, 0 at the end, -1 for a failure.
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

// read returns some bytes, none at the end; an error that comes with bytes is kept for the next call.
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
			panic(impossibleCount)
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
