package ingest

import (
	"bytes"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// packing is the option of a producer that compresses as one of topics.Compressions says. By
// default that is LZ4: writing less costs both sides less than compressing does, and it costs a
// broker, which looks into each batch, half of what snappy does.
func packing(name string) kgo.Opt {
	switch name {
	case "none":
		return kgo.ProducerBatchCompression(kgo.NoCompression())
	case "snappy":
		return kgo.ProducerBatchCompression(kgo.SnappyCompression())
	case "zstd":
		return kgo.ProducerBatchCompression(kgo.ZstdCompression().WithLevel(int(zstd.SpeedFastest)))
	}
	return kgo.WithCompressor(newCompressor())
}

// A compressor makes LZ4 frames of blocks of 64 KiB, without checksums: a record
// batch has its own. What franz-go's own makes has a checksum and blocks of 4 MiB,
// which costs an ingester and a receiver a tenth of their time.
type compressor struct {
	writers sync.Pool // of *lz4.Writer
}

func newCompressor() *compressor {
	return &compressor{writers: sync.Pool{New: func() any {
		w := lz4.NewWriter(nil)
		if err := w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1)); err != nil {
			panic(err) // of constants
		}
		return w
	}}}
}

// Compress implements kgo.Compressor.
func (c *compressor) Compress(dst *bytes.Buffer, src []byte, _ ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	w := c.writers.Get().(*lz4.Writer)
	defer c.writers.Put(w)
	w.Reset(dst)
	if _, err := w.Write(src); err != nil {
		return nil, kgo.CodecError
	}
	if err := w.Close(); err != nil {
		return nil, kgo.CodecError
	}
	return dst.Bytes(), kgo.CodecLz4
}
