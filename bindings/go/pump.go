package ocireg

import (
	"context"
	"io"
)

// pump reads from a reader that may block on a goroutine of its own, so that an upload can be left.
type pump struct {
	ctx   context.Context
	want  chan struct{}
	got   chan piece
	bytes []byte // what is left of the last piece
	ended error
}

type piece struct {
	bytes    []byte
	err      error
	panicked any
}

// pumpSize is how much is read at once.
const pumpSize = 256 << 10

func newPump(ctx context.Context, reader io.Reader) *pump {
	made := &pump{ctx: ctx, want: make(chan struct{}, 1), got: make(chan piece, 1)}
	go made.run(reader)
	return made
}

// run reads a piece whenever one is wanted. Its buffer is in use by one side at a time.
func (p *pump) run(reader io.Reader) {
	buffer := make([]byte, pumpSize)
	for range p.want {
		p.got <- readPiece(reader, buffer)
	}
}

// readPiece takes a panic along, which would end the process on this goroutine.
func readPiece(reader io.Reader, buffer []byte) (read piece) {
	defer func() {
		if panicked := recover(); panicked != nil {
			read = piece{panicked: panicked}
		}
	}()
	count, err := reader.Read(buffer)
	return piece{bytes: buffer[:count], err: err}
}

// Read gives what the reader gave, or the context's error.
func (p *pump) Read(into []byte) (int, error) {
	if len(p.bytes) == 0 && p.ended == nil {
		p.want <- struct{}{}
		select {
		case read := <-p.got:
			if read.panicked != nil {
				panic(read.panicked)
			}
			p.bytes, p.ended = read.bytes, read.err
		case <-p.ctx.Done():
			p.ended = p.ctx.Err()
		}
	}
	count := copy(into, p.bytes)
	p.bytes = p.bytes[count:]
	if len(p.bytes) > 0 {
		return count, nil
	}
	return count, p.ended
}

// close lets the goroutine end, when the reader does.
func (p *pump) close() { close(p.want) }
