package ingest

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A compression is a format of compressed files. They are told by how they begin, not by
// their names, which rotation chooses.
type compression struct {
	name  string
	ext   string // usual ending of its files' names
	magic string // how they begin
	// open unpacks one; nil if such files are not read.
	open func(io.Reader) (io.ReadCloser, error)
}

// compressions are those that rotation uses. xz is not read because a file of it says
// itself how much memory its reader has to take, up to 4 GiB.
var compressions = []*compression{
	{name: "gzip", ext: ".gz", magic: "\x1f\x8b\x08", open: func(r io.Reader) (io.ReadCloser, error) {
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(unpacked), nil
	}},
	{name: "zstd", ext: ".zst", magic: "\x28\xb5\x2f\xfd", open: func(r io.Reader) (io.ReadCloser, error) {
		unpacked, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxArchiveWindow))
		if err != nil {
			return nil, err
		}
		return unpacked.IOReadCloser(), nil
	}},
	{name: "bzip2", ext: ".bz2", magic: "BZh", open: func(r io.Reader) (io.ReadCloser, error) {
		return io.NopCloser(bzip2.NewReader(r)), nil
	}},
	{name: "lz4", ext: ".lz4", magic: "\x04\x22\x4d\x18", open: func(r io.Reader) (io.ReadCloser, error) {
		return io.NopCloser(lz4.NewReader(r)), nil
	}},
	{name: "xz", ext: ".xz", magic: "\xfd7zXZ\x00"},
	{name: "compress", ext: ".Z", magic: "\x1f\x9d"},
	{name: "zip", ext: ".zip", magic: "PK\x03\x04"},
}

const (
	// maxArchiveWindow bounds the memory that a zstd file may ask for: that of zstd --long.
	maxArchiveWindow = 128 << 20

	// magicSize is how many bytes of a file tell its compression.
	magicSize = 10
)

// compressionOf tells how a file is compressed by its first magicSize bytes; nil if it is
// not. A bzip2 stream goes on with the digits of π, or of its root if it is empty:
// a line may begin with BZh too.
func compressionOf(begin []byte) *compression {
	for _, c := range compressions {
		if !bytes.HasPrefix(begin, []byte(c.magic)) {
			continue
		}
		if c.name == "bzip2" && (len(begin) < magicSize || string(begin[4:10]) != "1AY&SY" && string(begin[4:10]) != "\x17\x72\x45\x38\x50\x90") {
			continue
		}
		return c
	}
	return nil
}

// mayBeCompressed reports whether a file has less than tells its compression, and begins as
// compressed ones do.
func mayBeCompressed(begin []byte) bool {
	for _, c := range compressions {
		if len(begin) < len(c.magic) && bytes.HasPrefix([]byte(c.magic), begin) {
			return true
		}
	}
	return false
}

// unpack unpacks what r reads.
func (c *compression) unpack(r io.Reader) (io.ReadCloser, error) {
	if c.open == nil {
		return nil, fmt.Errorf("files compressed by %s cannot be read: decompress it first", c.name)
	}
	unpacked, err := c.open(bufio.NewReaderSize(r, 64<<10))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // it has a magic, so there is to be more
	}
	return unpacked, err
}

// asPlain reads a file, and unpacks it if it is compressed. The name is in errors.
func asPlain(name string, r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	if _, err := buffered.Peek(1); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	begin, _ := buffered.Peek(min(magicSize, buffered.Buffered())) // a pipe's writer is not waited for
	c := compressionOf(begin)
	if c == nil {
		return io.NopCloser(buffered), nil
	}
	unpacked, err := c.unpack(buffered)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return namedReader{unpacked, name}, nil
}

// A namedReader names what is read in its errors.
type namedReader struct {
	io.ReadCloser
	name string
}

func (r namedReader) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errShorter) {
		err = fmt.Errorf("%s: %w", r.name, err)
	}
	return n, err
}

// isCompressed reports whether a file is compressed. One that cannot be opened is not.
func isCompressed(name string) bool {
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	begin := make([]byte, magicSize)
	n, _ := io.ReadFull(file, begin)
	return compressionOf(begin[:n]) != nil
}
