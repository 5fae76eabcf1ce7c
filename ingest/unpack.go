package ingest

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxWindow is the greatest window of zstd, that of the usual levels, and
	// the most that one body takes up before it is seen to be too large.
	maxWindow = 8 << 20

	// maxUnpackers bounds how many bodies are unpacked at a time.
	maxUnpackers = 4
)

var (
	errEncoding = errors.New("unknown Content-Encoding: use gzip, zstd or snappy")
	errTooLarge = errors.New("the body is too large")
	errPacked   = errors.New("the body cannot be decompressed: it does not match its Content-Encoding")
)

// unpackers are the means to unpack, with their bound.
type unpackers struct {
	most int // what a body unpacks to at most, in bytes
	room chan struct{}
	zstd *zstd.Decoder
}

// roomFor bounds the memory that a body of most bytes takes up, which grows by doubling.
func roomFor(most int) int { return 2*most + bytes.MinRead }

func newUnpackers(most int) *unpackers {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(maxUnpackers),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(uint64(max(most, maxWindow))), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		panic(err) // the options are wrong
	}
	return &unpackers{most: most, room: make(chan struct{}, maxUnpackers), zstd: decoder}
}

// isPlainBody tells whether a body of an encoding is as it was before.
func isPlainBody(encoding string) bool { return encoding == "" || encoding == "identity" }

// unpack unpacks a whole body. What it returns is taken from the memory, in which there
// has to be room for the most that it may be: unpacking in vain would cost more time
// than anything else that can happen to a request. It holds maxWindow bytes beside it
// at most.
func (u *unpackers) unpack(encoding string, body []byte, memory *budget) ([]byte, error) {
	switch encoding {
	case "gzip", "x-gzip", "zstd", "snappy", "x-snappy-framed":
	default:
		return nil, errEncoding
	}
	u.room <- struct{}{}
	defer func() { <-u.room }()
	if !memory.take(roomFor(u.most)) {
		return nil, errBusy
	}
	out, err := u.unpackAny(encoding, body)
	memory.give(roomFor(u.most) - cap(out))
	return out, err
}

// unpackAny unpacks by an encoding that is known. What it returns has roomFor(u.most) at
// most, and is nil with an error.
func (u *unpackers) unpackAny(encoding string, body []byte) ([]byte, error) {
	switch encoding {
	case "gzip", "x-gzip":
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, errPacked
		}
		return u.readUnpacked(r)
	case "zstd":
		out, err := u.zstd.DecodeAll(body, nil)
		switch {
		case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
			return nil, errTooLarge
		case err != nil:
			return nil, errPacked
		case len(out) > u.most:
			return nil, errTooLarge
		}
		return out, nil
	}
	// Snappy has two forms: one block, and a stream of them, which shows itself.
	if bytes.HasPrefix(body, []byte("\xff\x06\x00\x00sNaPpY")) {
		return u.readUnpacked(snappy.NewReader(bytes.NewReader(body)))
	}
	n, err := snappy.DecodedLen(body)
	switch {
	case err != nil:
		return nil, errPacked
	case n > u.most:
		return nil, errTooLarge
	case n > 64*len(body): // more than a block can unpack to
		return nil, errPacked
	}
	out, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, errPacked
	}
	return out, nil
}

// readUnpacked reads to the end, but not beyond the most.
func (u *unpackers) readUnpacked(r io.Reader) ([]byte, error) {
	var out bytes.Buffer
	n, err := out.ReadFrom(io.LimitReader(r, int64(u.most)+1))
	switch {
	case n > int64(u.most):
		return nil, errTooLarge
	case err != nil:
		return nil, errPacked
	}
	return out.Bytes(), nil
}
