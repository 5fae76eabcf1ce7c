package broker

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/cmd/dev/testkit"
)

// fill writes a topic's partitions as a broker would leave them that is killed: each
// batch in a transaction, the last of which is open.
func fill(t testing.TB, dir string, partitions int, size, segment int64) {
	t.Helper()
	b, err := Start("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	policy := "delete"
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), int32(partitions), 1, map[string]*string{"cleanup.policy": &policy}, "t"); err != nil {
		t.Fatal(err)
	}
	client.Close()
	b.Close()
	records := make([]byte, 5000)
	for i := 0; i < len(records); i += 8 {
		binary.LittleEndian.PutUint64(records[i:], rand.Uint64())
	}
	for n := range partitions {
		p := partition{dir: filepath.Join(dir, partitionsDir, folder("t", int32(n)))}
		if err := os.MkdirAll(p.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		var data, entries *bufio.Writer
		var files []*os.File
		create := func(name string) *bufio.Writer {
			f, err := os.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
			return bufio.NewWriterSize(f, 1<<20)
		}
		end := func() {
			if data != nil {
				data.Flush()
				entries.Flush()
			}
			for _, f := range files {
				if err := f.Close(); err != nil {
					t.Fatal(err)
				}
			}
			files = nil
		}
		var written, offset int64
		put := func(raw []byte) {
			b, ok := whole(raw)
			if !ok {
				t.Fatal("a batch is not whole")
			}
			data.Write(raw)
			entries.Write(index(b, b.maxTime))
			offset = b.last + 1
		}
		for written < size {
			if written%segment < 6000 && (data == nil || written > 6000) {
				end()
				data, entries = create(p.path(offset, ".dat")), create(p.path(offset, ".idx"))
			}
			now := time.Now().UnixMilli()
			of := producer{1000 + offset/20000, int16(offset % 20000)}
			raw := (&kmsg.RecordBatch{
				FirstOffset: offset, Magic: 2, Attributes: 0x10, LastOffsetDelta: 49, FirstTimestamp: now, MaxTimestamp: now,
				ProducerID: of.id, ProducerEpoch: of.epoch, NumRecords: 50, Records: records,
			}).AppendTo(nil)
			binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
			binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], castagnoli))
			put(raw)
			written += int64(len(raw))
			if written < size {
				put(control(offset, offset, now, of, true))
			}
		}
		end()
	}
}

// TestLargeFolder: a start takes as much memory as the segments that it looks at, and
// not as there is data.
func TestLargeFolder(t *testing.T) {
	testkit.Long(t)
	const size = 512 << 20
	dir := t.TempDir()
	fill(t, dir, 8, size/8, 4<<20)
	for _, how := range []string{"killed", "closed"} {
		runtime.GC()
		debug.FreeOSMemory()
		stop, most := make(chan struct{}), make(chan uint64)
		go func() {
			sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
			var peak uint64
			for {
				metrics.Read(sample)
				peak = max(peak, sample[0].Value.Uint64()+sample[1].Value.Uint64())
				select {
				case <-stop:
					most <- peak
					return
				case <-time.After(time.Millisecond):
				}
			}
		}()
		began := time.Now()
		b, err := Start("127.0.0.1:0", dir)
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		close(stop)
		peak := <-most
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		t.Logf("%s: %d MB: ready after %v, at most %d MB, then %d MB", how, size>>20, took, peak>>20, m.HeapAlloc>>20)
		if peak > 300_000_000 {
			t.Errorf("%s: a start with %d MB took %d MB", how, size>>20, peak>>20)
		}
		b.Close()
	}
}
