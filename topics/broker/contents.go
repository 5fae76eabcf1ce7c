package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxUnpacked bounds what a batch decompresses to. Batches of Pulse's are of 1 MiB.
const maxUnpacked = 64 << 20

var errContents = errors.New("a batch does not have the records that it says")

// checkContents reads the records of a batch as it was produced. kfake stores them as they
// are, and readers would come to a halt at what they cannot read, pass over what a record's
// offset leaves out, or run out of memory where little decompresses to much. A batch whose
// header is wrong is kfake's to refuse.
func checkContents(raw []byte) error {
	if len(raw) < batchHeader || raw[16] != 2 {
		return nil
	}
	records := int32(binary.BigEndian.Uint32(raw[57:]))
	if records < 1 {
		return errContents
	}
	codec := kgo.CompressionCodecType(raw[22] & 7)
	unpacked, done, err := unpack(codec, raw[batchHeader:])
	if err != nil {
		return err
	}
	defer done()
	r := contents{r: bufio.NewReader(io.LimitReader(unpacked, maxUnpacked+1))}
	for i := int64(0); i < int64(records) && r.err == nil; i++ {
		r.record(i)
	}
	if r.err == nil && r.at <= maxUnpacked {
		if _, err := r.r.ReadByte(); err == io.EOF {
			return nil
		}
	}
	return errContents
}

var (
	lz4Readers  = sync.Pool{New: func() any { return lz4.NewReader(nil) }}
	zstdReaders = sync.Pool{New: func() any {
		r, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxUnpacked)) // these are valid
		return r
	}}
)

// unpack gives what a batch has behind its header, decompressed as it is read. done is to
// be called after that.
func unpack(codec kgo.CompressionCodecType, packed []byte) (r io.Reader, done func(), err error) {
	done = func() {}
	switch codec {
	case kgo.CodecNone:
		return bytes.NewReader(packed), done, nil
	case kgo.CodecGzip:
		r, err := gzip.NewReader(bytes.NewReader(packed))
		return r, done, err
	case kgo.CodecSnappy:
		r, err := unpackSnappy(packed)
		return r, done, err
	case kgo.CodecLz4:
		r := lz4Readers.Get().(*lz4.Reader)
		r.Reset(bytes.NewReader(packed))
		return r, func() { r.Reset(nil); lz4Readers.Put(r) }, nil
	case kgo.CodecZstd:
		r := zstdReaders.Get().(*zstd.Decoder)
		return r, func() { r.Reset(nil); zstdReaders.Put(r) }, r.Reset(bytes.NewReader(packed))
	}
	return nil, nil, errContents
}

// xerial begins blocks of Snappy with their lengths, as Java's clients and sarama write them;
// others write a single block.
var xerial = []byte("\x82SNAPPY\x00")

func unpackSnappy(packed []byte) (io.Reader, error) {
	blocks := [][]byte{packed}
	if bytes.HasPrefix(packed, xerial) && len(packed) >= 16 {
		blocks = nil
		for rest := packed[16:]; len(rest) > 0; {
			if len(rest) < 4 || int64(binary.BigEndian.Uint32(rest)) > int64(len(rest)-4) {
				return nil, errContents
			}
			size := binary.BigEndian.Uint32(rest)
			blocks, rest = append(blocks, rest[4:4+size]), rest[4+size:]
		}
	}
	var all []io.Reader
	left := maxUnpacked
	for _, block := range blocks {
		size, err := s2.DecodedLen(block)
		if err != nil || size > left {
			return nil, errContents
		}
		left -= size
		unpacked, err := s2.Decode(nil, block)
		if err != nil {
			return nil, err
		}
		all = append(all, bytes.NewReader(unpacked))
	}
	return io.MultiReader(all...), nil
}

// contents are records that are read one after the other. After an error it reads nothing.
type contents struct {
	r   *bufio.Reader
	at  int64
	err error
}

// record reads the i-th record of a batch.
func (c *contents) record(i int64) {
	size := c.varint()
	end := c.at + size
	c.skip(1) // attributes
	c.varint()
	if c.varint() != i {
		c.fail()
	}
	c.bytes(-1)
	c.bytes(-1)
	for headers := c.varint(); headers != 0 && c.err == nil; headers-- {
		if headers < 0 {
			c.fail()
		}
		c.bytes(0)
		c.bytes(-1)
	}
	if c.at != end {
		c.fail()
	}
}

// bytes reads bytes behind their length, which -1 stands for where there are none.
func (c *contents) bytes(least int64) {
	n := c.varint()
	if n < least {
		c.fail()
	}
	c.skip(max(n, 0))
}

func (c *contents) varint() int64 {
	if c.err != nil {
		return 0
	}
	n, err := binary.ReadVarint(byteCounter{c})
	if err != nil {
		c.err = err
	}
	return n
}

func (c *contents) skip(n int64) {
	if c.err != nil {
		return
	}
	if n > maxUnpacked {
		c.fail()
		return
	}
	skipped, err := c.r.Discard(int(n))
	c.at += int64(skipped)
	c.err = err
}

func (c *contents) fail() { c.err = errContents }

// byteCounter reads bytes of contents.
type byteCounter struct{ c *contents }

func (b byteCounter) ReadByte() (byte, error) {
	next, err := b.c.r.ReadByte()
	if err == nil {
		b.c.at++
	}
	return next, err
}
