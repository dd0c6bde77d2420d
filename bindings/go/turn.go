package ocireg

// #include "shim.h"
import "C"

import "sync"

// turn lets one call at a time use a C object, and frees it after it was closed. In a callback of the call in progress it is taken:
// waiting for that call would mean waiting for itself.
type turn struct {
	lock     sync.Mutex
	changed  *sync.Cond
	free     func()
	taken    bool        // a call is using it, or it is being freed
	inside   bool        // a callback of that call is running
	thread   C.uintptr_t // the system's thread of that callback, which Go leaves to it: nothing else runs there
	closing  bool
	released bool // free has run
}

func (t *turn) init(free func()) {
	t.changed = sync.NewCond(&t.lock)
	t.free = free
}

// take begins a call, which ends with leave.
func (t *turn) take(name string) error {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.inside && !t.closing && t.thread == C.ocireg_go_thread() {
		return newError(ErrBusy, "the "+name+" is in use: this is a callback of its own")
	}
	for t.taken && !t.closing {
		t.changed.Wait()
	}
	if t.closing {
		return newError(ErrClosed, "the "+name+" is closed")
	}
	t.taken = true
	return nil
}

// leave ends a call, and frees the object if it was closed meanwhile.
func (t *turn) leave() {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.taken = false
	if t.closing {
		t.finish()
	}
	t.changed.Broadcast()
}

// finish frees the object without holding the lock, because that may take a while and call back.
func (t *turn) finish() {
	t.taken = true
	t.lock.Unlock()
	t.free()
	t.lock.Lock()
	t.taken, t.released = false, true
	t.changed.Broadcast()
}

// close frees the object if nothing uses it. Otherwise it ends the call in progress, which then frees it, and waits for
// that, but not while a callback is running. It may be called repeatedly.
func (t *turn) close(end func(taken bool)) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if !t.closing {
		t.closing = true
		end(t.taken)
		if !t.taken {
			t.finish()
			return
		}
	}
	for !t.released && !t.inside {
		t.changed.Wait()
	}
}

func (t *turn) isClosing() bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	return t.closing
}

// enter and exit mark the start and end of a callback.
func (t *turn) enter() { t.setInside(true) }
func (t *turn) exit()  { t.setInside(false) }

func (t *turn) setInside(inside bool) {
	if t == nil {
		return
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	t.inside, t.thread = inside, C.ocireg_go_thread()
	t.changed.Broadcast()
}
