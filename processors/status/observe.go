package status

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/timing"
	"pulse/topics"
	"pulse/topics/retry"
)

// An observation is what Kafka says about Pulse at one moment. Seconds are Unix
// time; -1 says that it is not known.
type observation struct {
	now          time.Time
	names        topics.Names
	others       []OtherVersion
	filled       *Filled    // of the definitions version; nil: it has filled nothing
	first        *time.Time // the first second of the definitions version; read if another one is alive
	domain       string     // of the clock of events.raw; "" before a record
	receivers    Group
	mergers      Group
	sources      []sourcePartition
	fragments    []fragmentsPartition
	ingesters    map[string]int64 // the clocks of those that the receivers hold to be running
	ahead        map[string]int64 // by how many seconds the clock of one that is doubted is ahead of those that count
	layout       topics.Layout    // of events.raw
	transactions []openTransaction
	alerts       *Alerts                      // nil: definitions have none
	commits      []foreignCommit              // that are not Pulse's
	members      []foreignMember              // the same, of groups
	replaced     error                        // that topics are not those any more that commits are of
	tooLarge     []*kgo.ErrDecompressTooLarge // batches at which readers stand still
	lines        Lines
	points       map[string]stats.Snapshot   // the newest of each stat
	notOurs      []Garbage                   // the newest of each partition
	hour         map[stats.TypedField]uint64 // how many lines of the last hour had a field
}

// A group is a consumer group.
type Group struct {
	Name    string `json:"group"`
	State   string `json:"state"`
	Members int    `json:"members"`
}

// String is the number of members, and whether they share partitions out just
// now.
func (g Group) String() string {
	if strings.HasSuffix(g.State, "Rebalance") {
		return fmt.Sprintf("%d, rebalancing", g.Members)
	}
	return strconv.Itoa(g.Members)
}

// offsets are those of a partition and of the group that reads it.
type offsets struct {
	start, end int64
	committed  int64 // -1: nothing yet
	owner      string
}

// lag is how many records there are that the group has not committed.
func (o offsets) lag() int64 { return max(o.end-max(o.committed, o.start), 0) }

// lost is how many records retention took before the group had read them.
func (o offsets) lost() int64 {
	if o.committed < 0 {
		return 0
	}
	return max(o.start-o.committed, 0)
}

// A sourcePartition is one of events.raw.
type sourcePartition struct {
	offsets
	written  int64  // the greatest clock of the newest records
	ingester string // whose it is
	clock    int64  // all before it is rolled up, by the receiver's commit
}

// A fragmentsPartition is one of the fragments topic.
type fragmentsPartition struct {
	offsets
	closed     int64   // the last second that closed
	stats      bool    // whether that is from a stat's snapshots; the clocks' records are a second behind
	checkpoint int64   // the clock at which a merger that restarts begins
	told       int     // how many partitions of events.raw its merger knows; 0: not known
	seconds    []int64 // how far it has taken what receivers made of each of them
}

// stands is the clock that closed the last second.
func (p fragmentsPartition) stands() int64 {
	if p.closed < 0 {
		return -1
	}
	return p.closed + 1
}

// Lines are sums over the newest minute of the stat pulse.lines.
type Lines struct {
	In         int64 `json:"in"`
	Counted    int64 `json:"counted"`
	Late       int64 `json:"late"`
	Unreadable int64 `json:"unreadable"`
	Ahead      int64 `json:"ahead"`
	Undated    int64 `json:"undated"`
	Unparsed   int64 `json:"unparsed"`
	Half       int64 `json:"half"`
	Bytes      int64 `json:"bytes"`
}

func (c *Lines) add(d Lines) {
	c.In += d.In
	c.Counted += d.Counted
	c.Late += d.Late
	c.Unreadable += d.Unreadable
	c.Ahead += d.Ahead
	c.Undated += d.Undated
	c.Unparsed += d.Unparsed
	c.Half += d.Half
	c.Bytes += d.Bytes
}

// Bounds on what an observation reads.
const (
	linesOver     = time.Minute
	valuesWithin  = 10 * time.Second // of snapshots
	linesRead     = 100_000          // records of stats.merged
	newestRecords = 32               // of each partition of events.raw

	// stuckRaw and stuckFragments are the records after a commit that are looked at of who
	// is behind: those of a second or some, since a commit is at a tick.
	stuckRaw       = 64
	stuckFragments = 2_000
)

// clocksRead is how many of the newest records of the table are read for the
// clocks, which are written once a second: more if they are not among them.
var clocksRead = []int64{256, 16_384}

// An observer reads the topics and groups of one Pulse.
type observer struct {
	names  topics.Names
	admin  *topics.Admin
	starts kadm.ListedOffsets
	ends   kadm.ListedOffsets

	readable kadm.ListedOffsets // where what can be read ends: a transaction may be open
}

// Look says how the Pulse of these names stands at the time now. Its topics must
// be there: see topics.Admin.Check.
func Look(ctx context.Context, admin *topics.Admin, names topics.Names, d *stats.Definitions, now time.Time, l Limits) (*Status, error) {
	seen, err := observe(ctx, admin, names, now, d)
	if err != nil {
		return nil, err
	}
	return judge(seen, d, l), nil
}

func observe(ctx context.Context, admin *topics.Admin, names topics.Names, now time.Time, d *stats.Definitions) (*observation, error) {
	o := &observer{names: names, admin: admin}
	seen := &observation{now: now, names: names, points: map[string]stats.Snapshot{}, ingesters: map[string]int64{}, ahead: map[string]int64{}}
	all := []string{names.Raw(), names.Fragments(), names.Merged(), names.Table(), names.Savepoints(), names.Positions(), names.Marks()}
	if len(d.Alerts) > 0 {
		all = append(all, names.Alerts(), names.AlertState(), names.Silences())
	}
	var err error
	if o.starts, err = admin.ListStartOffsets(ctx, all...); err == nil {
		err = o.starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the topics' first offsets: %w", err)
	}
	if o.ends, err = admin.ListEndOffsets(ctx, all...); err == nil {
		err = o.ends.Error()
	}
	if err == nil {
		if o.readable, err = admin.ListCommittedOffsets(ctx, all...); err == nil {
			err = o.readable.Error()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the topics' last offsets: %w", err)
	}
	for _, step := range []func(context.Context, *observation) error{o.raw, o.fragments, o.stuck, o.transactions, o.strangers, o.newest, o.closed, o.lines, o.values, o.fields, o.others, o.history} {
		if err := step(ctx, seen); err != nil {
			return nil, err
		}
	}
	if len(d.Alerts) > 0 {
		if seen.alerts, err = lookAtAlerts(ctx, o, seen, d); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// group reads who works on a topic, and what has been committed of it.
func (o *observer) group(ctx context.Context, seen *observation, name, topic string) (Group, []offsets, map[int32]topics.Commit, error) {
	var described kadm.DescribedGroups
	err := patiently(ctx, func() (err error) {
		if described, err = o.admin.DescribeGroups(ctx, name); err == nil {
			err = described.Error()
		}
		return err
	})
	// What a broker says of a group without members or offsets depends on its age.
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return Group{}, nil, nil, fmt.Errorf("cannot describe the group %s: %w", name, err)
	}
	var commits map[int32]topics.Commit
	err = patiently(ctx, func() (err error) {
		commits, err = o.admin.Commits(ctx, name, topic)
		return err
	})
	if err != nil {
		return Group{}, nil, nil, fmt.Errorf("cannot read the offsets of the group %s: %w", name, err)
	}
	partitions := make([]offsets, len(o.ends[topic]))
	for i := range partitions {
		start, _ := o.starts.Lookup(topic, int32(i))
		end, _ := o.ends.Lookup(topic, int32(i))
		partitions[i] = offsets{start: start.Offset, end: end.Offset, committed: -1}
		if c, ok := commits[int32(i)]; ok {
			partitions[i].committed = c.Offset
		}
	}
	d := described[name]
	for _, m := range d.Members {
		other := foreignMember{name, m.ClientID, strings.TrimPrefix(m.ClientHost, "/"), 0}
		assigned, _ := m.Assigned.AsConsumer()
		for _, t := range assigned.Topics {
			for _, p := range t.Partitions {
				if t.Topic == topic && int(p) < len(partitions) {
					partitions[p].owner = memberName(m)
					other.partitions++
				}
			}
		}
		if !strings.HasPrefix(m.ClientID, name) && m.ClientID != "pulse-alert" {
			seen.members = append(seen.members, other)
		}
	}
	return Group{name, cmp.Or(d.State, "Dead"), len(d.Members)}, partitions, commits, nil
}

// patiently asks again while a broker says that it will know in a moment: one that has
// just started makes the topic of the groups' offsets at the first question.
func patiently(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if !kerr.IsRetriable(err) {
			return err
		}
		if retry.Wait(ctx, 200*time.Millisecond) != nil {
			return err
		}
	}
}

// memberName is what tells the members of a group apart: the instance id, or the
// host and the end of the id that Kafka gave.
func memberName(m kadm.DescribedGroupMember) string {
	if m.InstanceID != nil && *m.InstanceID != "" {
		return *m.InstanceID
	}
	return strings.TrimPrefix(m.ClientHost, "/") + "#" + m.MemberID[max(len(m.MemberID)-4, 0):]
}

// compare notes if commits of a group are of other topics than there are now.
func (o *observer) compare(ctx context.Context, seen *observation, commits map[int32]topics.Commit, names ...string) error {
	ids, err := o.admin.IDs(ctx, names...)
	if err != nil {
		return fmt.Errorf("cannot read the ids of topics: %w", err)
	}
	for _, c := range commits {
		seen.replaced = cmp.Or(seen.replaced, c.CheckIDs(ids, names...))
	}
	return nil
}

// raw reads how far the receivers are.
func (o *observer) raw(ctx context.Context, seen *observation) error {
	g, partitions, commits, err := o.group(ctx, seen, o.names.ReceiverGroup(), o.names.Raw())
	if err != nil {
		return err
	}
	seen.receivers = g
	if err := o.compare(ctx, seen, commits, o.names.Raw(), o.names.Fragments()); err != nil {
		return err
	}
	if seen.layout, err = o.admin.Layout(ctx, o.names); err != nil {
		return err
	}
	for i, p := range partitions[:min(int(seen.layout.Used), len(partitions))] {
		s := sourcePartition{offsets: p, written: -1, clock: -1}
		if c, ok := commits[int32(i)]; ok {
			state, err := topics.DecodeReceiverState(c.Metadata)
			if seen.foreign(g.Name, o.names.Raw(), int32(i), c, err, p) {
				seen.sources = append(seen.sources, s)
				continue
			}
			seen.domain, s.clock = state.Domain, state.Clock.Second()
			for _, m := range state.Clock.Members() {
				seen.ingesters[m.Ingester] = max(seen.ingesters[m.Ingester], m.Clock)
				if m.Doubted {
					seen.ahead[m.Ingester] = max(seen.ahead[m.Ingester], m.Clock-s.clock)
				}
			}
		}
		seen.sources = append(seen.sources, s)
	}
	return nil
}

// fragments reads how far the mergers are.
func (o *observer) fragments(ctx context.Context, seen *observation) error {
	g, partitions, commits, err := o.group(ctx, seen, o.names.MergerGroup(), o.names.Fragments())
	if err != nil {
		return err
	}
	seen.mergers = g
	if err := o.compare(ctx, seen, commits, o.names.Fragments(), o.names.Raw()); err != nil {
		return err
	}
	if err := o.admin.CheckCovered(ctx, o.names); errors.Is(err, topics.ErrReplaced) {
		seen.replaced = cmp.Or(seen.replaced, err)
	} else if err != nil {
		return err
	}
	for i, p := range partitions {
		f := fragmentsPartition{offsets: p, closed: -1, checkpoint: -1}
		if c, ok := commits[int32(i)]; ok {
			state, err := topics.DecodeMergerState(c.Metadata)
			if seen.foreign(g.Name, o.names.Fragments(), int32(i), c, err, p) {
				seen.fragments = append(seen.fragments, f)
				continue
			}
			f.told = len(state.Sources)
			f.checkpoint = state.Sources[0].Second
			for _, src := range state.Sources {
				f.checkpoint = min(f.checkpoint, src.Second)
			}
		}
		seen.fragments = append(seen.fragments, f)
	}
	return nil
}

// newest reads the last records of events.raw, for their clocks. One that is ahead of
// the time now is left out if there are others: it may be of an ingester whose clock
// does not count.
func (o *observer) newest(ctx context.Context, seen *observation) error {
	ahead := seen.now.Unix() + timing.ClockAhead
	err := o.read(ctx, seen, o.names.Raw(), o.section(o.names.Raw()).Newest(newestRecords), func(r *kgo.Record) {
		h, err := topics.ParseRawHeader(topics.Lookup(r.Headers))
		if err != nil {
			seen.garbage(r, err)
			return
		}
		if seen.domain == "" {
			seen.domain = h.Domain
		}
		if h.Tick != nil && int(h.Tick.Partitions) > len(seen.sources) {
			seen.garbage(r, fmt.Errorf("a tick of the ingester %s for %d partitions, of which there are %d", h.Ingester, h.Tick.Partitions, len(seen.sources)))
		}
		if int(r.Partition) >= len(seen.sources) {
			return
		}
		s := &seen.sources[r.Partition]
		better := h.Second() > s.written
		if h.Domain == topics.WallDomain && (h.Second() > ahead || s.written > ahead) {
			better = s.written < 0 || h.Second() < s.written
		}
		if h.Domain == seen.domain && better {
			s.written, s.ingester = h.Second(), h.Ingester
		}
	})
	return err
}

// closed reads the newest snapshots and the clocks in the merger's table.
func (o *observer) closed(ctx context.Context, seen *observation) error {
	table := o.names.Table()
	tablePartitions := int32(len(o.ends[table]))
	for _, n := range clocksRead {
		newest, missing := o.section(table).Newest(n), topics.Section{}
		for i, f := range seen.fragments {
			if p := topics.Partition(topics.ClocksKey(int32(i)), tablePartitions); f.closed < 0 {
				missing[p] = newest[p]
			}
		}
		clocks, points := make([]int64, len(seen.fragments)), make([][]int64, len(seen.fragments))
		err := o.read(ctx, seen, table, missing, func(r *kgo.Record) {
			entry := topics.DecodeTableEntry(string(r.Key), r.Value)
			if entry.Bad != nil && len(r.Value) > 0 { // else it is deleted
				seen.garbage(r, entry.Bad)
			}
			if c := entry.Clocks; c != nil && c.Version == o.names.Version && c.Partition >= 0 && int(c.Partition) < len(seen.fragments) {
				f := &seen.fragments[c.Partition]
				f.closed = timing.Forward(f.closed, c.Closed)
				if len(c.Seconds) > 0 { // the newest counts: one that stands still may be far behind
					clocks[c.Partition] = timing.Forward(clocks[c.Partition], slices.Max(c.Seconds))
					f.seconds = c.Seconds
				}
			}
			for _, s := range entry.Snapshots {
				if topics.Ahead(r, s) {
					seen.garbage(r, errAhead)
				}
				if s.Version == o.names.Version {
					p := topics.Partition(s.Stat, int32(len(seen.fragments)))
					points[p] = append(points[p], s.Time)
				}
			}
		})
		for p := range points {
			for _, second := range points[p] {
				// What is beyond the clocks no merger has published.
				if f := &seen.fragments[p]; clocks[p] == 0 || second <= clocks[p]+timing.Beyond {
					f.closed, f.stats = max(f.closed, second), true
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lines sums the newest minute of the internal stat.
func (o *observer) lines(ctx context.Context, seen *observation) error {
	merged := o.names.Merged()
	p := topics.Partition(stats.LinesStat, int32(len(o.ends[merged])))
	written, err := o.admin.Written(ctx, merged, seen.now.Add(-linesOver-10*time.Second), time.Time{})
	if err != nil {
		return fmt.Errorf("cannot find the newest minute: %w", err)
	}
	type point struct {
		revision int
		counts   Lines
	}
	points := map[int64]point{}
	newest := int64(-1)
	err = o.read(ctx, seen, merged, written.Of(p).Newest(linesRead), func(r *kgo.Record) {
		if string(r.Key) != stats.LinesStat {
			return
		}
		s, err := stats.ParseSnapshot(r.Value)
		if err != nil || s.Version != o.names.Version || topics.Ahead(r, s) {
			return
		}
		var counts Lines
		if old, ok := points[s.Time]; ok && old.revision > s.Revision || json.Unmarshal(s.Value, &counts) != nil {
			return
		}
		points[s.Time] = point{s.Revision, counts}
		newest = max(newest, s.Time)
	})
	for second, p := range points {
		if second > newest-int64(linesOver/time.Second) {
			seen.lines.add(p.counts)
		}
	}
	return err
}

// values reads the newest values of all stats.
func (o *observer) values(ctx context.Context, seen *observation) error {
	merged := o.names.Merged()
	written, err := o.admin.Written(ctx, merged, seen.now.Add(-valuesWithin), time.Time{})
	if err != nil {
		return fmt.Errorf("cannot find the newest values: %w", err)
	}
	read := topics.Section{}
	for p := range int32(len(o.ends[merged])) {
		read[p] = written.Of(p).Newest(linesRead)[p]
	}
	return o.read(ctx, seen, merged, read, func(r *kgo.Record) {
		s, err := stats.ParseSnapshot(r.Value)
		if err != nil {
			seen.garbage(r, err)
			return
		}
		if topics.Ahead(r, s) {
			seen.garbage(r, errAhead)
			return
		}
		if s.Version != o.names.Version {
			return
		}
		if old, ok := seen.points[s.Stat]; !ok || s.Time >= old.Time {
			seen.points[s.Stat] = s
		}
	})
}

// section is what can be read of a topic, as it was when the observation began.
func (o *observer) section(topic string) topics.Section {
	s := topics.Section{}
	for p, to := range o.readable[topic] {
		start, _ := o.starts.Lookup(topic, p)
		s[p] = topics.Span{From: min(start.Offset, to.Offset), To: to.Offset}
	}
	return s
}

// read calls do with the records of a section of a topic. Batches that are too large it
// passes over.
func (o *observer) read(ctx context.Context, seen *observation, topic string, s topics.Section, do func(*kgo.Record)) error {
	for {
		err := o.admin.Read(ctx, topic, s, func(r *kgo.Record) bool {
			s[r.Partition] = topics.Span{From: r.Offset + 1, To: s[r.Partition].To}
			do(r)
			return true
		})
		batch := topics.TooLarge(err)
		if batch == nil || batch.Topic != topic || batch.NextOffset <= s[batch.Partition].From {
			return err
		}
		if !slices.ContainsFunc(seen.tooLarge, func(b *kgo.ErrDecompressTooLarge) bool { return *b == *batch }) {
			seen.tooLarge = append(seen.tooLarge, batch)
		}
		s[batch.Partition] = topics.Span{From: batch.NextOffset, To: max(batch.NextOffset, s[batch.Partition].To)}
	}
}

// stuck reads what comes after the commits of those who are behind: there may be a batch
// that they cannot read.
func (o *observer) stuck(ctx context.Context, seen *observation) error {
	raw, fragments := topics.Section{}, topics.Section{}
	look := func(to topics.Section, partition int, p offsets, most int64) {
		if p.committed >= p.start && p.end-p.committed > most {
			to[int32(partition)] = topics.Span{From: p.committed, To: p.committed + most}
		}
	}
	for i, p := range seen.sources {
		look(raw, i, p.offsets, stuckRaw)
	}
	for i, p := range seen.fragments {
		look(fragments, i, p.offsets, stuckFragments)
	}
	none := func(*kgo.Record) {}
	return cmp.Or(o.read(ctx, seen, o.names.Raw(), raw, none), o.read(ctx, seen, o.names.Fragments(), fragments, none))
}
