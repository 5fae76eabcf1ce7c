// Package topics has what crosses Kafka: the names of topics and groups, which
// key goes to which partition, the clients' settings, the codec of each topic,
// and how topics are created and checked.
package topics

import (
	"fmt"
	"hash"
	"hash/fnv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Names gives the topics and groups their names. Teams that share a cluster set
// a Prefix, which goes before every one. The Version, stats.Definitions'
// own, keeps the numbers of two definitions apart.
type Names struct {
	Prefix  string // as it is written before a name, a dot included if one is wanted
	Version string
}

// Raw is the topic of packs of lines and of ticks.
func (n Names) Raw() string { return n.Prefix + "events.raw" }

// Positions is the compacted topic of where ingesters go on in what they read.
func (n Names) Positions() string { return n.Prefix + "ingest.positions" }

// Fragments is the topic of partial rollups and their covers.
func (n Names) Fragments() string { return n.Prefix + "stats.fragments." + n.Version }

// Seconds is the topic of seconds that are complete, all fragments joined, for
// mergers that restart.
func (n Names) Seconds() string { return n.Prefix + "stats.seconds." + n.Version }

// LongMinutes is the topic of what minutes that are complete add to stats of long windows,
// all fragments joined, for mergers that restart. It is there where there are such stats.
func (n Names) LongMinutes() string { return n.Prefix + "stats.long-minutes." + n.Version }

// Savepoints is the topic of where the source partitions can be begun, as receivers of all
// definitions versions have written it, for as long as Raw has records.
func (n Names) Savepoints() string { return n.Prefix + "stats.savepoints" }

// Incidents begins the topics of incidents; their ids follow.
func (n Names) Incidents() string { return n.Prefix + "incident." }

// Merged is the topic of snapshots.
func (n Names) Merged() string { return n.Prefix + "stats.merged" }

// Table is the compacted topic of the snapshots that were released last.
func (n Names) Table() string { return n.Prefix + "merger-table" }

// Alerts is the compacted topic of the transitions of alerts.
func (n Names) Alerts() string { return n.Prefix + "stats.alerts" }

// AlertState is the compacted topic of what those who follow alerts remember, and of how
// receivers stand.
func (n Names) AlertState() string { return n.Prefix + "alerts.state" }

// Silences is the compacted topic of silences.
func (n Names) Silences() string { return n.Prefix + "alerts.silences" }

// Own reports whether a topic is one of Pulse's, under whatever prefix.
func Own(topic string) bool {
	n := Names{}
	for _, name := range []string{n.Raw(), n.Positions(), n.Merged(), n.Minutes(), n.Marks(), n.Table(), n.Savepoints(), n.History(), n.Alerts(), n.AlertState(), n.Silences()} {
		if strings.HasSuffix(topic, name) {
			return true
		}
	}
	return ofVersion(topic)
}

// ReceiverGroup is the group that reads Raw.
func (n Names) ReceiverGroup() string { return n.Prefix + "receiver." + n.Version }

// MergerGroup is the group that reads Fragments.
func (n Names) MergerGroup() string { return n.Prefix + "merger." + n.Version }

// EmitGroup is the group that reads Merged and sends it to other systems.
func (n Names) EmitGroup() string { return n.Prefix + "emit." + n.Version }

// AlertGroup is the group that reads Merged and writes Alerts.
func (n Names) AlertGroup() string { return n.Prefix + "alert." + n.Version }

// NotifyGroup is the group that reads Alerts and sends them.
func (n Names) NotifyGroup() string { return n.Prefix + "notify" }

// maxPrefix keeps every name within the 249 bytes that Kafka allows.
const maxPrefix = 200

// CheckPrefix says what is wrong with a prefix that cannot begin a topic's name.
func CheckPrefix(prefix string) error {
	if len(prefix) > maxPrefix {
		return fmt.Errorf("--prefix is too long: it has %d characters, at most %d fit in Kafka's names", len(prefix), maxPrefix)
	}
	for _, c := range prefix {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", c) {
			return fmt.Errorf("--prefix %q has the character %q: use only letters, digits, dots, - and _", prefix, c)
		}
	}
	return nil
}

// Hasher hashes the keys of every topic that goka reads or writes: FNV-1a.
func Hasher() hash.Hash32 { return fnv.New32a() }

// Partition is where a key goes, of a topic with so many partitions. Partitioner, which
// all producers have, agrees with it.
func Partition(key string, partitions int32) int32 {
	p := int32(hash32(key)) % partitions
	if p < 0 {
		p = -p
	}
	return p
}

// Partitioner makes franz-go put keys where goka does. Its own default is
// another hash, and a table written through both looks right until the first
// restart.
func Partitioner() kgo.Partitioner {
	return kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(hash32[[]byte]))
}

// hash32 is what Hasher makes of a key, without an allocation for each.
func hash32[T string | []byte](key T) uint32 {
	h := uint32(2166136261)
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return h
}

// PartitionKeys returns for each of so many partitions a key that goes there.
func PartitionKeys(partitions int32) []string {
	keys := make([]string, partitions)
	for i, left := 0, partitions; left > 0; i++ {
		key := fmt.Sprintf("pulse.cover.%d", i)
		if p := Partition(key, partitions); keys[p] == "" {
			keys[p] = key
			left--
		}
	}
	return keys
}
