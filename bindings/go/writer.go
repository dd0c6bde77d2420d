package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"io"
	"os"
	"runtime"
	"time"
)

// toWriter makes a call that writes to a descriptor: a file's own, or that of a pipe, whose bytes go on to the writer until the call
// has ended. The writer's failure ends the call, and its panic goes on in the caller. A writer that blocks is left behind when the
// context ends or the client is closed: it gets nothing more after its Write, and its goroutine then ends.
func toWriter[T any](ctx context.Context, c *Client, into io.Writer, call func(fd C.int32_t) (*T, error)) (*T, error) {
	if ctx == nil || isNil(into) {
		return nil, newError(ErrInvalidArgument, "the context or the writer is nil")
	}
	if !c.made() {
		return nil, errNoClient()
	}
	if file, ok := into.(*os.File); ok {
		defer runtime.KeepAlive(file)
		return call(C.int32_t(file.Fd()))
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, newError(ErrIO, "cannot make a pipe: "+err.Error())
	}
	defer runtime.KeepAlive(c) // a client that is collected is closed
	passed := passOn(into, from)
	returned := false
	defer func() {
		if !returned { // a callback has panicked
			to.Close()
			leave(from, passed)
		}
	}()
	result, err := call(C.int32_t(to.Fd()))
	returned = true
	to.Close()
	select {
	case end := <-passed:
		return ended(end, result, err)
	case <-ctx.Done():
	case <-c.handle.closed:
	}
	select {
	case end := <-passed:
		return ended(end, result, err)
	case <-time.After(writerPatience):
	}
	leave(from, passed)
	return nil, leftBehind(ctx, err)
}

// leave lets the writer's goroutine end after the Write that it is in, and waits for that, as long as it is due to a writer.
func leave(from *os.File, passed <-chan passedOn) {
	from.Close()
	select {
	case <-passed:
	case <-time.After(writerPatience):
	}
}

// writerPatience is how long a writer may take for what is left, and then for the Write that it is in, when no caller wants the bytes any
// more: one that does not block is done by then, and the caller has it for itself again.
const writerPatience = 50 * time.Millisecond

// isNil finds a nil pointer to a file too, which is not a nil interface.
func isNil(into io.Writer) bool {
	if into == nil {
		return true
	}
	file, ok := into.(*os.File)
	return ok && file == nil
}

// ended is the outcome of a call whose writer has got everything, or failed.
func ended[T any](end passedOn, result *T, err error) (*T, error) {
	if end.panicked != nil {
		panic(end.panicked)
	}
	if end.failure == nil {
		return result, err
	}
	failure := newError(ErrIO, "cannot write: "+end.failure.Error())
	failure.wrapped = append(failure.wrapped, end.failure)
	return nil, failure
}

// leftBehind is the error of a call whose writer has not taken everything: the call's own, or why the call no longer waits for the writer.
func leftBehind(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	ended := contextEnd(ctx)
	if ended == nil {
		return errClientClosed()
	}
	failure := newError(codeOf(ended), "the writer had not taken everything: "+ended.Error())
	failure.blame(ctx)
	return failure
}

// passedOn is how a writer ended.
type passedOn struct {
	failure  error
	panicked any
}

// passOn copies what comes from a pipe to a writer, and closes the pipe. The writer's own ReadFrom is not used: it would read on while it
// waits, and the goroutine that closes the pipe would wait for it.
func passOn(into io.Writer, from *os.File) <-chan passedOn {
	passed := make(chan passedOn, 1)
	go func() {
		defer ownThread()()
		end := passedOn{failure: errWriterExited}
		defer func() {
			if panicked := recover(); panicked != nil {
				end.panicked = panicked
			}
			from.Close()
			passed <- end
		}()
		_, end.failure = io.CopyBuffer(struct{ io.Writer }{into}, struct{ io.Reader }{from}, make([]byte, pipeSize))
	}()
	return passed
}

// pipeSize is what a pipe holds.
const pipeSize = 64 << 10
