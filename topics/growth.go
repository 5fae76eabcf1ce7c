package topics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats/watermark"
	"pulse/topics/retry"
)

// Layout is how many partitions the log has, and which of them are at work.
type Layout struct {
	All     int32    // that there are
	Used    int32    // the first of them: ingesters write to these, and numbers wait for no others
	Growths []Growth // whose records the log still has, ascending
}

// Added is how many partitions there are that nobody writes to: somebody added them, and not
// by Grow.
func (l Layout) Added() int32 { return l.All - l.Used }

// Notice says what to do about partitions that were added; "" if there are none.
func (l Layout) Notice(n Names) string {
	if l.Added() == 0 {
		return ""
	}
	what, do := l.Advice(n)
	return "topic " + what + ". To use them, " + do
}

// Advice says what is known of partitions that were added, and how they come to be used.
func (l Layout) Advice(n Names) (what, do string) {
	return fmt.Sprintf("%s has %d partitions, of which Pulse uses the first %d: all numbers are right without the others", n.Raw(), l.All, l.Used),
		fmt.Sprintf("run `pulse topics --grow %d`, unless that is under way", l.All)
}

// growth is the last growth before which a partition was not there; nil: it is not known.
func (l Layout) growth(partition int32) *Growth {
	for i := range l.Growths {
		if l.Growths[i].Begins(partition) {
			return &l.Growths[i]
		}
	}
	return nil
}

// Layout looks at the log. Who may not read it learns how many partitions there are.
func (a *Admin) Layout(ctx context.Context, n Names) (Layout, error) {
	all, err := a.Readable(ctx, n.Raw())
	if err != nil {
		return Layout{}, err
	}
	return a.layout(ctx, n, all)
}

func (a *Admin) layout(ctx context.Context, n Names, all Section) (l Layout, err error) {
	l.All = int32(len(all))
	l.Used = l.All
	fetcher, err := a.Fetcher(ctx, n.Raw())
	if err != nil {
		return l, err
	}
	for next := l.All; next > 0; {
		g, err := growthOf(ctx, fetcher, next-1, all[next-1])
		if errors.Is(err, kerr.TopicAuthorizationFailed) {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		switch {
		case g != nil:
			l.Growths = append(l.Growths, *g)
			next = g.From
		case next == l.All:
			written, err := a.written(ctx, n, all)
			if errors.Is(err, kerr.TopicAuthorizationFailed) {
				return l, nil
			}
			if err != nil {
				return l, err
			}
			if written == l.All {
				next = 0
				break
			}
			l.Used, next = written, written
		default:
			next = 0
		}
	}
	slices.Reverse(l.Growths)
	return l, nil
}

// Layouts says how the log is laid out, as far as is known. Where that many partitions are not
// known to be used, it looks again.
type Layouts func(used int32) (Layout, error)

// FixedLayout is that of a log with so many partitions, all of them used.
func FixedLayout(partitions int32) Layouts {
	return func(int32) (Layout, error) { return Layout{All: partitions, Used: partitions}, nil }
}

// A LayoutWatch keeps what is known of a log's layout. It is for many goroutines.
type LayoutWatch struct {
	admin *Admin
	names Names
	log   *slog.Logger

	mu    sync.Mutex
	known Layout
	said  string
}

// WatchLayout returns one that has not looked yet. What an operator has to do goes to log.
func (a *Admin) WatchLayout(n Names, log *slog.Logger) *LayoutWatch {
	return &LayoutWatch{admin: a, names: n, log: log}
}

// Look looks again.
func (w *LayoutWatch) Look(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	known, err := w.admin.Layout(ctx, w.names)
	if err != nil {
		return err
	}
	w.known = known
	if notice := known.Notice(w.names); notice != w.said {
		w.said = notice
		if notice != "" {
			w.log.Warn(notice)
		}
	}
	return nil
}

// Layouts looks again when it has to.
func (w *LayoutWatch) Layouts(ctx context.Context) Layouts {
	known := func() Layout {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.known
	}
	return func(used int32) (Layout, error) {
		if l := known(); used <= l.Used {
			return l, nil
		}
		err := w.Look(ctx)
		return known(), err
	}
}

// growthRead is how many of a partition's first records are looked at for a growth: others
// may have written before it.
const growthRead = 64

// growthOf returns the growth that a partition began with; nil if the log has it no more, or
// never had.
func growthOf(ctx context.Context, f *Fetcher, partition int32, all Span) (*Growth, error) {
	for span := (Span{all.From, min(all.From+growthRead, all.To)}); span.From < span.To; {
		records, next, err := f.Fetch(ctx, partition, span, 1<<10)
		if TooLarge(err) != nil {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			h, err := ParseRawHeader(Lookup(r.Headers))
			if err == nil && h.Growth != nil && h.Growth.Begins(partition) && Transactional(r) {
				return h.Growth, nil
			}
		}
		span.From = next
	}
	return nil, nil
}

// ticksRead is how many of the newest records are read for ticks: more if there are none. Of
// all partitions, and then of the first alone, since every ingester ticks in it.
var ticksRead = []int64{4, 64, 1024, 16 << 10}

// proofRead is how many of the last partition's oldest and newest records are read, if no
// tick says that it is used.
const proofRead = 64

// readAround is Read of the partitions that have no batch that nobody can read.
func (a *Admin) readAround(ctx context.Context, topic string, s Section, do func(*kgo.Record) bool) error {
	err := a.Read(ctx, topic, s, do)
	if TooLarge(err) == nil {
		return err
	}
	for p := range s {
		if err := a.Read(ctx, topic, s.Of(p), do); err != nil && TooLarge(err) == nil {
			return err
		}
	}
	return nil
}

// newestTicks calls do with the ticks among the newest records of the log, of some seconds.
func (a *Admin) newestTicks(ctx context.Context, n Names, all Section, least int, do func(RawHeader)) error {
	found := 0
	for i, count := range ticksRead[least:] {
		s := all.Newest(count)
		if i > 0 {
			s = s.Of(0)
		}
		err := a.readAround(ctx, n.Raw(), s, func(r *kgo.Record) bool {
			if h, err := ParseRawHeader(Lookup(r.Headers)); err == nil && h.Tick != nil {
				found++
				do(h)
			}
			return true
		})
		if err != nil || found > 0 {
			return err
		}
	}
	return nil
}

// written returns how many partitions the ingesters write to.
func (a *Admin) written(ctx context.Context, n Names, all Section) (int32, error) {
	count := int32(len(all))
	told := int32(0)
	look := func(h RawHeader) {
		if h.Tick.Partitions <= count {
			told = max(told, h.Tick.Partitions)
		}
	}
	err := a.newestTicks(ctx, n, all, 0, look)
	if err != nil || told == 0 || told == count {
		return cmp.Or(told, count), err
	}
	// Somebody else may have written the newest. Of partitions that were added the last one has
	// no tick of when there were as many, and it has had them from its first record on.
	last := count - 1
	oldest := Span{all[last].From, min(all[last].From+proofRead, all[last].To)}
	for _, s := range []Section{{last: oldest}, all.Newest(proofRead).Of(last)} {
		err := a.readAround(ctx, n.Raw(), s, func(r *kgo.Record) bool {
			if h, err := ParseRawHeader(Lookup(r.Headers)); err == nil && h.Tick != nil {
				look(h)
			}
			return true
		})
		if err != nil || told == count {
			return told, err
		}
	}
	return told, nil
}

// RawSection is all of the log that can be read now, without the partitions that are not used.
func (a *Admin) RawSection(ctx context.Context, n Names) (Section, error) {
	all, err := a.Readable(ctx, n.Raw())
	if err != nil {
		return nil, err
	}
	l, err := a.layout(ctx, n, all)
	for p := l.Used; p < l.All; p++ {
		delete(all, p)
	}
	return all, err
}

// ErrCannotGrow is in every error that says why the log cannot get more partitions.
var ErrCannotGrow = errors.New("the partitions cannot grow")

func cannotGrow(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrCannotGrow, fmt.Errorf(format, args...))
}

// A GrowthPlan is what Grow does.
type GrowthPlan struct {
	Layout
	To    int32
	Clock *watermark.Watermark // of those that are writing; nil: nobody has written yet
}

// Done reports whether nothing is left to do.
func (p *GrowthPlan) Done() bool { return p.Used == p.To }

// GrowthAfter is how long after the newest clock ingesters begin with new partitions: until
// then they have learned of it.
const GrowthAfter = 6 * time.Second

const growAfter = int64(GrowthAfter / time.Second)

// growWithin is how long after the newest clock was read the growth has to be written. It is
// less than growAfter, so that its second is still to come.
const growWithin = 3 * time.Second

// At is the second from which on the new partitions are used; 0: at once.
func (p *GrowthPlan) At() int64 {
	if p.Clock == nil {
		return 0
	}
	at := p.Clock.Second()
	for _, m := range p.Clock.Members() {
		if !m.Doubted {
			at = max(at, m.Clock)
		}
	}
	return at + growAfter
}

// PlanGrowth says how the log comes to use so many partitions. It changes nothing, and has
// Kafka say whether it would add them.
func (a *Admin) PlanGrowth(ctx context.Context, n Names, to int32) (*GrowthPlan, error) {
	all, err := a.Readable(ctx, n.Raw())
	if err != nil {
		return nil, a.cluster.Unreachable(err)
	}
	layout, err := a.layout(ctx, n, all)
	if err != nil {
		return nil, err
	}
	p := &GrowthPlan{Layout: layout, To: to}
	switch {
	case to < p.Used:
		return nil, cannotGrow("topic %s uses %d partitions, and Kafka cannot take any away: to use %d, start all roles with a new --prefix, after `pulse topics --create --partitions %d` with it", n.Raw(), p.Used, to, to)
	case to < p.All:
		return nil, cannotGrow("topic %s has %d partitions already, and Kafka cannot take any away: run `pulse topics --grow %d`", n.Raw(), p.All, p.All)
	case to > MaxPartitions:
		return nil, cannotGrow("Pulse uses at most %d partitions, not %d", MaxPartitions, to)
	case p.Done():
		return p, nil
	}
	domain := ""
	if p.Clock, domain, err = a.clocks(ctx, n, all); err != nil {
		return nil, err
	}
	if domain != "" && domain != WallDomain {
		return nil, cannotGrow("topic %s holds a recording with its original times: read it again under a new --prefix, after `pulse topics --create --partitions %d` with it", n.Raw(), to)
	}
	if len(layout.Growths) > 0 && p.Clock != nil {
		if last := layout.Growths[len(layout.Growths)-1]; last.To == p.Used && last.At()+growAfter > p.At()-growAfter {
			return nil, cannotGrow("a growth to %d partitions is under way, or was a moment ago: run this again in %d s", last.To, last.At()+2*growAfter-p.At()+1)
		}
	}
	if p.All < to {
		answers, err := a.ValidateUpdatePartitions(ctx, int(to), n.Raw())
		if err == nil {
			err = answers.Error()
		}
		if err != nil {
			return nil, explainGrowth(n, to, err)
		}
	}
	return p, nil
}

func explainGrowth(n Names, to int32, err error) error {
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return cannotGrow("Kafka does not allow it: grant this user Alter, Read and Write on topic %s: %w", n.Raw(), err)
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return cannotGrow("Kafka does not allow the transactional id %s: grant this user Write and Describe on it: %w", growerID(n), err)
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch):
		return cannotGrow("another `pulse topics --grow` has begun: see how that one ends")
	case errors.Is(err, kerr.InvalidReplicationFactor), errors.Is(err, kerr.BrokerNotAvailable), errors.Is(err, kerr.InvalidReplicaAssignment):
		return cannotGrow("too few brokers are there for the replicas of %d more partitions: start those that are missing, and run this again: %w", to, err)
	case errors.Is(err, kerr.ReassignmentInProgress):
		return cannotGrow("the partitions of topic %s are being moved between brokers: run this again when kafka-reassign-partitions says that it is done: %w", n.Raw(), err)
	case errors.Is(err, kerr.NotEnoughReplicas), errors.Is(err, kerr.NotEnoughReplicasAfterAppend):
		return cannotGrow("topic %s has fewer replicas in sync than its min.insync.replicas: start the brokers that are missing, and run this again: %w", n.Raw(), err)
	}
	return cannotGrow("topic %s, to %d partitions: %w; nothing is lost, run this again", n.Raw(), to, err)
}

// clocks returns the watermark of all whose ticks are among the newest of the log, and their
// domain; nil if there is no tick.
func (a *Admin) clocks(ctx context.Context, n Names, all Section) (*watermark.Watermark, string, error) {
	newest, domain := map[string]RawHeader{}, ""
	err := a.newestTicks(ctx, n, all, 1, func(h RawHeader) {
		domain = h.Domain
		if last, ok := newest[h.Ingester]; !ok || h.Clock >= last.Clock {
			newest[h.Ingester] = h
		}
	})
	if err != nil || len(newest) == 0 {
		return nil, domain, err
	}
	ticks := make([]RawHeader, 0, len(newest))
	for _, h := range newest {
		ticks = append(ticks, h)
	}
	slices.SortFunc(ticks, func(a, b RawHeader) int {
		return cmp.Or(cmp.Compare(a.Clock, b.Clock), cmp.Compare(a.Ingester, b.Ingester))
	})
	w := watermark.New()
	for _, h := range ticks {
		w.Tick(watermark.Tick{Ingester: h.Ingester, Clock: h.Second(), Since: h.Tick.Since, Leaving: h.Tick.Leaving})
	}
	return w, domain, nil
}

// AddPartitions adds those that are missing; nobody uses them before Grow.
func (a *Admin) AddPartitions(ctx context.Context, n Names, p *GrowthPlan) error {
	if p.All >= p.To {
		return nil
	}
	answers, err := a.UpdatePartitions(ctx, int(p.To), n.Raw())
	if err == nil {
		err = answers.Error()
	}
	if err != nil && !errors.Is(err, kerr.InvalidPartitions) { // somebody else was quicker
		return explainGrowth(n, p.To, err)
	}
	return nil
}

// growerID is the transactional id of Grow: of two at a time the second fences off the first.
func growerID(n Names) string { return n.Prefix + "topics.grow" }

// Grow lets the log begin with the partitions that were added: one transaction writes into all
// of them that they are used, and from which second on, which it returns; 0: nobody writes, so
// that whoever begins will use all. It looks again at what has changed since the plan.
func (a *Admin) Grow(ctx context.Context, n Names, to int32) (at int64, err error) {
	client, err := kgo.NewClient(append(a.cluster.ClientOptions("pulse-topics"),
		kgo.TransactionalID(growerID(n)), kgo.TransactionTimeout(10*time.Second),
		kgo.DefaultProduceTopic(n.Raw()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RetryTimeout(adminTimeout), kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(adminTimeout))...)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	if _, _, err := client.ProducerID(ctx); err != nil {
		return 0, explainGrowth(n, to, err)
	}
	if err := a.awaitLeaders(ctx, n.Raw(), to); err != nil {
		return 0, explainGrowth(n, to, err)
	}
	for {
		at, err := a.tryGrow(ctx, client, n, to)
		if errors.Is(err, errSlow) {
			continue
		}
		return at, err
	}
}

// errSlow says that a growth took so long that its second may be over; it was not written.
var errSlow = errors.New("it took too long")

func (a *Admin) tryGrow(ctx context.Context, client *kgo.Client, n Names, to int32) (at int64, err error) {
	started := time.Now()
	plan, err := a.PlanGrowth(ctx, n, to)
	if err != nil || plan.Done() || plan.Clock == nil {
		return 0, err
	}
	at = plan.At()
	header := RawHeader{Ingester: "pulse-topics", Domain: WallDomain, Clock: at * 1000,
		Growth: &Growth{From: plan.Used, To: to, Clock: plan.Clock.BeginningAt(at)}}
	if err := client.BeginTransaction(); err != nil {
		return 0, explainGrowth(n, to, err)
	}
	var records []*kgo.Record
	for p := range to {
		records = append(records, &kgo.Record{Partition: p, Headers: header.Headers()})
	}
	err = client.ProduceSync(ctx, records...).FirstErr()
	commit := kgo.TryCommit
	if err == nil && time.Since(started) > growWithin {
		err = errSlow
	}
	if err != nil {
		commit = kgo.TryAbort
	}
	if ended := client.EndTransaction(ctx, commit); err == nil {
		err = ended
	}
	if err != nil && !errors.Is(err, errSlow) {
		err = explainGrowth(n, to, err)
	}
	return at, err
}

// awaitLeaders waits until the brokers know a topic's partitions and who leads them.
func (a *Admin) awaitLeaders(ctx context.Context, topic string, partitions int32) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	for {
		found, err := a.Metadata(ctx, topic)
		if err != nil {
			return err
		}
		led := int32(0)
		for _, p := range found.Topics[topic].Partitions {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		}
		if led >= partitions {
			return nil
		}
		if err := retry.Wait(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d partitions have a leader: %w", led, partitions, kerr.LeaderNotAvailable)
		}
	}
}
