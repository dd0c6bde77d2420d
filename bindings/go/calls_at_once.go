package ocireg

// #include "shim.h"
import "C"

import (
	"context"
	"runtime"
	"sync"
)

// DefaultMaxCalls is how many calls of a client run at once, unless WithMaxCalls says otherwise.
const DefaultMaxCalls = 1000

// WithMaxCalls bounds how many calls of the client run at once; the others wait for their turn, until their context ends or the client is
// closed. Each call that runs takes a thread of the system's as long as it waits for a registry, a call with an io.Reader or io.Writer
// of the caller's up to two, and so does each Read and Write of a reader or an upload, which are not counted. Go ends a program that needs
// more than 10,000 in all (debug.SetMaxThreads): the clients of one program share them. Calls that a callback makes do not count, nor those
// that a reader's Read or a writer's Write makes itself. Calls that wait for one another, such as BlobGetTo and BlobPutFrom with an io.Pipe
// between them, need room for all of them: each pair takes two turns, and pairs that are begun together may take all turns for their first
// halves. By default DefaultMaxCalls.
func WithMaxCalls(count int) ClientOption {
	return clientOption(func(s *settings) {
		if count < 1 {
			s.fail(newError(ErrInvalidArgument, "WithMaxCalls needs at least one call"))
		}
		s.maxCalls = count
	})
}

// begin waits for the call's turn, which ends with what it returns.
func (c *Client) begin(ctx context.Context) (end func(), err error) {
	if callbackThreads.has(C.ocireg_go_thread()) {
		return func() {}, nil // what it would wait for may wait for this callback
	}
	select {
	case c.running <- struct{}{}:
		return func() { <-c.running }, nil
	default:
	}
	select {
	case c.running <- struct{}{}:
		return func() { <-c.running }, nil
	case <-c.handle.closed:
		return nil, errClientClosed()
	case <-ctx.Done():
		ended := contextEnd(ctx)
		failure := newError(codeOf(ended), "the call waited for its turn: "+ended.Error())
		failure.blame(ctx)
		return nil, failure
	}
}

// callbackThreads are the threads that run a callback, or a caller's reader or writer. Go leaves each to one goroutine, so that nothing
// else runs there.
var callbackThreads threads

// ownThread marks a goroutine that runs a caller's reader or writer: the call that waits for it has a turn already.
func ownThread() (end func()) {
	runtime.LockOSThread()
	exit := callbackThreads.enter(C.ocireg_go_thread())
	return func() {
		exit()
		runtime.UnlockOSThread()
	}
}

type threads struct {
	lock  sync.Mutex
	depth map[C.uintptr_t]int
}

func (t *threads) has(thread C.uintptr_t) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.depth[thread] > 0
}

// enter marks a thread until what it returns is called. A callback may call what calls back.
func (t *threads) enter(thread C.uintptr_t) (exit func()) {
	t.add(thread, 1)
	return func() { t.add(thread, -1) }
}

func (t *threads) add(thread C.uintptr_t, more int) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.depth == nil {
		t.depth = map[C.uintptr_t]int{}
	}
	if t.depth[thread] += more; t.depth[thread] == 0 {
		delete(t.depth, thread)
	}
}
