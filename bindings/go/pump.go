package ocireg

import (
	"context"
	"errors"
	"io"
)

// pump reads from a reader that may block, on a separate goroutine, so that an upload can be abandoned.
type pump struct {
	ctx    context.Context
	closed <-chan struct{} // the client's
	want   chan int        // how many bytes at most
	got    chan piece
	bytes  []byte // the rest of the last piece
	ended  error
}

// errLeft ends a read when the client was closed, errExited when the reader ended its goroutine, errWriterExited when a writer did.
var (
	errLeft         = errors.New("the client is closed")
	errExited       = errors.New("the reader has ended its goroutine")
	errWriterExited = errors.New("the writer has ended its goroutine")
)

type piece struct {
	bytes    []byte
	err      error
	panicked any
}

// impossibleCount is the panic of a reader that breaks the rules of io.Reader.
const impossibleCount = "ocireg: a reader returned an impossible count"

// pumpSize is the most that is read at once.
const pumpSize = 256 << 10

func newPump(ctx context.Context, closed <-chan struct{}, reader io.Reader) *pump {
	made := &pump{ctx: ctx, closed: closed, want: make(chan int, 1), got: make(chan piece, 1)}
	go made.run(reader)
	return made
}

// run reads a piece whenever one is requested, and no more: the reader may contain more than the blob. Its buffer is
// used by only one side at a time.
func (p *pump) run(reader io.Reader) {
	defer close(p.got) // also when the reader calls runtime.Goexit
	defer ownThread()()
	buffer := make([]byte, pumpSize)
	for most := range p.want {
		p.got <- readPiece(reader, buffer[:most:most])
	}
}

// readPiece passes a panic on to the caller's goroutine; on this one it would end the process.
func readPiece(reader io.Reader, buffer []byte) (read piece) {
	defer func() {
		if panicked := recover(); panicked != nil {
			read = piece{panicked: panicked}
		}
	}()
	count, err := reader.Read(buffer)
	if count < 0 || count > len(buffer) {
		panic(impossibleCount)
	}
	return piece{bytes: buffer[:count], err: err}
}

// Read returns what the reader returned, or why it was abandoned.
func (p *pump) Read(into []byte) (int, error) {
	if len(p.bytes) == 0 && p.ended == nil {
		p.want <- min(len(into), pumpSize)
		select {
		case read, ok := <-p.got:
			if !ok {
				read.err = errExited
			}
			if read.panicked != nil {
				panic(read.panicked)
			}
			p.bytes, p.ended = read.bytes, read.err
		case <-p.ctx.Done():
			p.ended = p.ctx.Err()
		case <-p.closed:
			p.ended = errLeft
		}
	}
	count := copy(into, p.bytes)
	p.bytes = p.bytes[count:]
	if len(p.bytes) > 0 {
		return count, nil
	}
	return count, p.ended
}

// close lets the goroutine end when the reader returns.
func (p *pump) close() { close(p.want) }
