package ocireg

// #include "shim.h"
import "C"

import (
	"io"
	"os"
	"runtime"
)

// toWriter makes a call that writes to a descriptor: a file's own, or that of a pipe, whose bytes go on to the writer until the call
// has ended. The writer's failure ends the call, and its panic goes on in the caller.
func toWriter[T any](into io.Writer, call func(fd C.int32_t) (*T, error)) (*T, error) {
	if file, ok := into.(*os.File); ok {
		defer runtime.KeepAlive(file)
		return call(C.int32_t(file.Fd()))
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, newError(ErrIO, "cannot make a pipe: "+err.Error())
	}
	passed := passOn(into, from)
	result, err := call(C.int32_t(to.Fd()))
	to.Close()
	end := <-passed
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

// passedOn is how a writer ended.
type passedOn struct {
	failure  error
	panicked any
}

// passOn copies what comes from a pipe to a writer, and closes the pipe.
func passOn(into io.Writer, from *os.File) <-chan passedOn {
	passed := make(chan passedOn, 1)
	go func() {
		var end passedOn
		defer func() {
			end.panicked = recover()
			from.Close()
			passed <- end
		}()
		_, end.failure = io.Copy(into, from)
	}()
	return passed
}
