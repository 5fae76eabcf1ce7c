package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/topics/retry"
)

// cleanEvery is how often what has outlived its retention is deleted, and what is
// compacted.
const cleanEvery = time.Minute

// maxBatches bounds the batches of all partitions: kfake keeps 72 bytes in memory
// for each.
const maxBatches = 2_500_000

// defaultRetention is a topic's that has none of its own, as Kafka's.
const defaultRetention = 7 * 24 * time.Hour

// A cleaner deletes and compacts. kfake's own begins when a topic is made or changed,
// so that after a restart there was none; and it takes all segments of a partition,
// whose offsets begin anew then after a kill.
type cleaner struct {
	cluster *kfake.Cluster
	client  *kgo.Client
	dir     string // "": in memory
	max     int64  // bytes of records; 0: no bound
	log     *slog.Logger

	stop  context.CancelFunc
	ended chan struct{}

	mu  sync.Mutex // held while files are written
	due bool       // the next request of our own cleans
	off bool       // closed: the folder may be gone
}

func startCleaner(c *cleaner, every time.Duration) *cleaner {
	ctx, stop := context.WithCancel(context.Background())
	c.stop, c.ended = stop, make(chan struct{})
	// While it handles a request kfake does nothing else but what the handler asks
	// for. Of this kind clients of Pulse send none.
	c.cluster.ControlKey(int16(kmsg.DescribeLogDirs), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.due && !c.off {
			c.due = false
			c.clean()
		}
		return nil, nil, false
	})
	c.cluster.ControlKey(int16(kmsg.DeleteRecords), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.off {
			c.keepDeleted(request.(*kmsg.DeleteRecordsRequest))
		}
		return nil, nil, false
	})
	c.copyTopics()
	go c.run(ctx, every)
	return c
}

func (c *cleaner) run(ctx context.Context, every time.Duration) {
	defer close(c.ended)
	for retry.Wait(ctx, every) == nil {
		c.copyTopics()
		if err := c.once(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("cannot delete or compact old records", "error", err)
		}
	}
}

func (c *cleaner) copyTopics() {
	if c.dir == "" {
		return
	}
	if err := copyTopics(c.dir); err != nil {
		c.log.Warn("cannot back up the broker's list of topics", "error", err)
	}
}

func (c *cleaner) once(ctx context.Context) error {
	c.mu.Lock()
	c.due = true
	c.mu.Unlock()
	admin := kadm.NewClient(c.client)
	if _, err := admin.DescribeAllLogDirs(ctx, nil); err != nil || c.max == 0 {
		return err
	}
	return c.bound(ctx, admin)
}

// close ends it. The cluster must still be there: it would wait for it forever. A
// request that is no longer waited for may still be cleaning.
func (c *cleaner) close() {
	c.stop()
	<-c.ended
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = true
}

// clean compacts, and deletes what has outlived its retention.
func (c *cleaner) clean() {
	var list topicList
	if c.dir != "" {
		if ok, err := readJSON(filepath.Join(c.dir, topicsFile), &list); err != nil || !ok {
			c.log.Warn("cannot read the broker's list of topics: no old record is deleted", "file", topicsFile, "error", err)
			return
		}
	}
	var backups []string
	defer func() { removeBackups(backups) }()
	for _, t := range list.Topics {
		for _, info := range c.cluster.PartitionInfos(t.Name) {
			switch {
			case t.compacted() && info.LastStableOffset < info.HighWatermark:
				// kfake would drop a record for a newer one that may be aborted.
				return
			case t.compacted():
				backups = append(backups, c.backup(t.Name, info.Partition))
			case time.Since(time.UnixMilli(info.MaxTimestamp)) > t.retention():
				c.keepEnd(t.Name, info)
			}
		}
	}
	c.cluster.Compact() // and retention
}

func (t topic) compacted() bool { return strings.Contains(t.Configs["cleanup.policy"], "compact") }

func (t topic) retention() time.Duration {
	if ms, err := strconv.ParseInt(t.Configs["retention.ms"], 10, 64); err == nil {
		if ms < 0 {
			return math.MaxInt64 // forever
		}
		return time.Duration(ms) * time.Millisecond
	}
	return defaultRetention
}

// keepEnd notes the offsets of a partition that is about to have no records, since
// then nothing else says them.
func (c *cleaner) keepEnd(topic string, info *kfake.PartitionInfo) {
	name := filepath.Join(c.dir, partitionsDir, folder(topic, info.Partition), snapshotFile)
	if c.dir == "" || info.HighWatermark == 0 {
		return
	}
	var s snapshot
	readJSON(name, &s) //nolint:errcheck // all else in it is in the segments
	s.Version = formatVersion
	s.HighWatermark, s.LastStableOffset, s.LogStartOffset = info.HighWatermark, info.LastStableOffset, info.HighWatermark
	if err := writeJSON(name, s); err != nil {
		c.log.Warn("cannot save a partition's offsets: after a crash they may start at 0 again", "topic", topic, "partition", info.Partition, "error", err)
	}
}

// keepDeleted does so for a request to delete all records.
func (c *cleaner) keepDeleted(r *kmsg.DeleteRecordsRequest) {
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			info := c.cluster.PartitionInfo(t.Topic, p.Partition)
			if info != nil && (p.Offset == -1 || p.Offset == info.HighWatermark) {
				c.keepEnd(t.Topic, info)
			}
		}
	}
}

// backup keeps the segments of a partition that is to be compacted, by their inodes,
// and returns where: kfake removes all of them before it writes new ones.
func (c *cleaner) backup(topic string, partition int32) string {
	if c.dir == "" {
		return ""
	}
	from := partitionIn(c.dir, topic, partition)
	to := filepath.Join(c.dir, backupDir, folder(topic, partition))
	if err := linkSegments(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.log.Warn("cannot back up a partition before it is compacted: a crash now may lose it", "topic", topic, "partition", partition, "error", err)
	}
	return to
}

func removeBackups(dirs []string) {
	for _, dir := range dirs {
		if dir != "" {
			os.RemoveAll(dir) //nolint:errcheck // a start does it again
		}
	}
}

// linkSegments makes a folder with the same segments, the last one last.
func linkSegments(from *partition, to string) error {
	bases, err := from.bases()
	if err != nil || len(bases) == 0 {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, base := range bases {
		for _, extension := range []string{".idx", ".dat"} {
			name := from.path(base, extension)
			if err := os.Link(name, filepath.Join(to, filepath.Base(name))); err != nil && !errors.Is(err, fs.ErrExist) && extension == ".dat" {
				return err
			}
		}
	}
	return nil
}

// usage is what a partition takes up.
type usage struct {
	topic      string
	partition  int32
	start, end int64   // offsets
	bytes      float64 // of records
	batches    float64
}

// bound deletes the oldest records while there are more than is allowed for, from the
// partition that has most.
func (c *cleaner) bound(ctx context.Context, admin *kadm.Client) error {
	metadata, err := admin.Metadata(ctx)
	if err != nil {
		return err
	}
	configs, err := admin.DescribeTopicConfigs(ctx, metadata.Topics.Names()...)
	if err != nil {
		return err
	}
	var all usage
	var partitions []usage
	for _, config := range configs {
		deletes := true // rather than to be compacted, or kept forever
		for _, v := range config.Configs {
			if v.Key == "cleanup.policy" && strings.Contains(v.MaybeValue(), "compact") || v.Key == "retention.ms" && v.MaybeValue() == "-1" {
				deletes = false
			}
		}
		for _, info := range c.cluster.PartitionInfos(config.Name) {
			u := usage{config.Name, info.Partition, info.LogStartOffset, info.HighWatermark, float64(info.NumBytes), c.batches(config.Name, info.Partition)}
			all.bytes += u.bytes
			all.batches += u.batches
			if deletes {
				partitions = append(partitions, u)
			}
		}
	}
	deletes := kadm.Offsets{}
	limit := float64(c.max) * 15 / 16 // the rest is for indexes, and files of which a part is deleted
	for range 100 {
		beyond := max(1-limit/all.bytes, 1-maxBatches/all.batches)
		if !(beyond > 0) || len(partitions) == 0 {
			break
		}
		most := &partitions[0]
		for i := range partitions {
			if u := &partitions[i]; u.share(all) > most.share(all) {
				most = u
			}
		}
		offsets := float64(most.end - most.start)
		part := min(beyond/most.share(all), 1./2) // then another may be larger
		to := min(most.start+int64(math.Ceil(part*offsets)), most.end-1)
		if to <= most.start {
			break // what is left is the newest of each
		}
		part = float64(to-most.start) / offsets
		all.bytes, all.batches = all.bytes-part*most.bytes, all.batches-part*most.batches
		most.start, most.bytes, most.batches = to, (1-part)*most.bytes, (1-part)*most.batches
		deletes.Add(kadm.Offset{Topic: most.topic, Partition: most.partition, At: to})
	}
	if len(deletes) == 0 {
		return nil
	}
	names := make([]string, 0, len(deletes))
	for name := range deletes {
		names = append(names, name)
	}
	slices.Sort(names)
	c.log.Warn("the broker's data has reached --data-max, or its memory for batches: deleting the oldest records",
		"topics", strings.Join(names, ", "), "max", fmt.Sprintf("%d MiB", c.max>>20))
	_, err = admin.DeleteRecords(ctx, deletes)
	return err
}

// share is how much of all it is.
func (u *usage) share(all usage) float64 {
	return max(u.bytes/all.bytes, u.batches/max(all.batches, 1))
}

// batches counts those of a partition, by the sizes of its indexes.
func (c *cleaner) batches(topic string, partition int32) float64 {
	if c.dir == "" {
		return 0
	}
	files, err := os.ReadDir(partitionIn(c.dir, topic, partition).dir)
	if err != nil {
		return 0
	}
	var size int64
	for _, f := range files {
		if info, err := f.Info(); err == nil && filepath.Ext(f.Name()) == ".idx" {
			size += info.Size()
		}
	}
	return float64(size / indexEntry)
}
