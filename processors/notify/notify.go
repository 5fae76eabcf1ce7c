// Package notify sends what alerts say to those who are to know: to Alertmanager, webhooks,
// PagerDuty and Slack.
//
// It is a consumer group on stats.alerts. Whoever gets a partition reads it from its
// beginning, for what is going on, and sends what was not sent: up to where each route
// had come is in the topic of the alerts' state. What is sent twice, after a crash, does no
// harm, since receivers tell incidents apart by the alert, its key and when it began.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
	"pulse/topics/retry"
	"pulse/topics/throttle"
)

const (
	retryAfter = time.Second
	tellEvery  = time.Second
	remembered = 64 // transitions of each subject
)

// Config is of a Notifier.
type Config struct {
	Cluster     topics.Cluster
	Names       topics.Names
	Definitions *stats.Definitions
	LookupEnv   func(string) (string, bool) // for targets that are $NAME
	Logger      *slog.Logger                // nil: slog.Default
}

// A Notifier is one member of the group.
type Notifier struct {
	config   Config
	log      *slog.Logger
	notices  throttle.Logger
	queues   []*queue
	rules    map[string]*alert.Rule
	silences topics.Silences
	behind   sync.Map // alerts whose followers are catching up
	bad      atomic.Int64

	mu     sync.Mutex // the group assigns beside what takes records
	boards map[int32]*board
	told   map[string]string // how routes stand, by key, as written last
}

// A board is what is going on in a partition.
type board struct {
	*alert.Board
	next int64
}

// New returns a Notifier. A route that leads nowhere is an error.
func New(c Config) (*Notifier, error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	log := c.Logger.With("role", "alert")
	n := &Notifier{config: c, log: log, notices: throttle.Logger{Log: log}, rules: map[string]*alert.Rule{}, told: map[string]string{}}
	var wrong []error
	for _, route := range c.Definitions.Routes {
		r, err := NewReceiver(route, c.LookupEnv)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		q := newQueue(route, r, log, func(s alert.Subject, at time.Time) bool {
			_, silenced := n.silences.Of(s, at)
			return silenced
		})
		q.behind = func(alert string) bool { _, behind := n.behind.Load(alert); return behind }
		n.queues = append(n.queues, q)
	}
	for _, r := range c.Definitions.Alerts {
		n.rules[r.Name] = r
	}
	return n, errors.Join(wrong...)
}

func newQueue(route alert.Route, r receiver, log *slog.Logger, silenced func(alert.Subject, time.Time) bool) *queue {
	return &queue{route: route, receiver: r, log: log, now: time.Now, silenced: silenced, behind: func(string) bool { return false }, wake: make(chan struct{}, 1), loading: map[int32]bool{}}
}

// Each calls f with each route's counts.
func (n *Notifier) Each(f func(route alert.Route, c *Counts)) {
	for _, q := range n.queues {
		f(q.route, &q.counts)
	}
}

// Run sends until ctx ends. Whatever fails is tried again.
func (n *Notifier) Run(ctx context.Context) {
	if len(n.queues) == 0 {
		return
	}
	var running sync.WaitGroup
	defer running.Wait()
	loaded := make(chan struct{})
	var once sync.Once
	running.Go(func() {
		for ctx.Err() == nil {
			names := []string{n.config.Names.Silences(), n.config.Names.AlertState()}
			err := topics.Tail(ctx, n.config.Cluster, "pulse-alert", names, n.note, func() { once.Do(func() { close(loaded) }) })
			n.again(ctx, "cannot read silences; retrying", err)
		}
	})
	select {
	case <-loaded: // who is silenced must not be woken at a start
	case <-ctx.Done():
		return
	}
	for _, q := range n.queues {
		running.Go(func() { q.run(ctx) })
	}
	for ctx.Err() == nil {
		n.again(ctx, "cannot read alerts; retrying", topics.LeaveWithin(ctx, n.log, n.run))
	}
}

// note takes a silence, or that the follower of an alert is catching up or is not any more.
func (n *Notifier) note(r *kgo.Record) {
	if r.Topic == n.config.Names.Silences() {
		n.silences.Put(r)
	} else if name := topics.MemoryOf(r.Key); name != "" && topics.Transactional(r) {
		if slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == topics.BehindHeader }) {
			n.behind.Store(name, true)
		} else {
			n.behind.Delete(name)
		}
	}
}

// again waits before what has failed is tried again.
func (n *Notifier) again(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		n.notices.Warn(what, "error", err)
		retry.Wait(ctx, retryAfter)
	}
}

func (n *Notifier) run(ctx context.Context) error {
	alerts := n.config.Names.Alerts()
	n.forget(nil) // what a run before this one left behind
	forget := func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { n.forget(lost[alerts]) }
	client, err := kgo.NewClient(append(n.config.Cluster.GroupOptions("pulse-alert", n.config.Names.NotifyGroup()),
		kgo.ConsumeTopics(alerts),
		kgo.Balancers(kgo.StickyBalancer()), // who keeps a partition is told of it too
		kgo.AdjustFetchOffsetsFn(n.assigned),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.OnPartitionsRevoked(forget), kgo.OnPartitionsLost(forget))...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	defer func() { n.forget(nil) }()
	for {
		waiting, cancel := context.WithTimeout(ctx, tellEvery)
		fetches := client.PollFetches(waiting)
		cancel()
		if ctx.Err() != nil {
			// The other half is for leaving the group.
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), topics.LeaveTimeout/2)
			defer cancel()
			return n.tell(last, client)
		}
		if err := fetches.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		astray := false
		n.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			if b := n.boards[r.Partition]; b != nil {
				n.take(b, r, nil)
			} else {
				astray = true
			}
		})
		n.mu.Unlock()
		if astray {
			return errors.New("records came of a partition that was taken away")
		}
		if !fetches.Empty() {
			for _, q := range n.queues {
				q.awake()
			}
		}
		if err := n.tell(ctx, client); err != nil {
			return err
		}
		client.AllowRebalance()
	}
}

// forget drops partitions; nil: all.
func (n *Notifier) forget(lost []int32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if lost == nil {
		n.boards, n.told = map[int32]*board{}, map[string]string{}
	}
	for _, partition := range lost {
		delete(n.boards, partition)
	}
	for _, q := range n.queues {
		for _, key := range q.forget(lost) {
			delete(n.told, string(key)) // another process may write it meanwhile
		}
	}
}

// assigned reads what is going on in partitions that the group has given to this process.
func (n *Notifier) assigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	names := n.config.Names
	admin, err := n.config.Cluster.Admin(kgo.ClientID("pulse-alert"))
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	states, err := admin.AlertStates(ctx, names, admin.Whole)
	if err != nil {
		return nil, err
	}
	standing := states.Receivers()
	readable, err := admin.Readable(ctx, names.Alerts())
	if err != nil {
		return nil, err
	}
	for partition := range offsets[names.Alerts()] {
		b := &board{alert.NewBoard(remembered), readable[partition].To}
		from := map[string]reached{}
		for _, q := range n.queues {
			// Of a partition that nobody has told of, all is to be sent; but a route that
			// comes beside others gets only what goes on.
			if len(standing) == 0 || slices.ContainsFunc(standing, func(s topics.AlertReceiver) bool { return s.Route == q.route.Name }) {
				from[q.route.Name] = reached{}
			}
		}
		for _, s := range standing {
			if s.Partition == partition {
				from[s.Route] = reached{s.Offset, s.Held}
			}
		}
		for _, q := range n.queues {
			q.load(partition, true)
		}
		err := admin.Read(ctx, names.Alerts(), readable.Of(partition), func(r *kgo.Record) bool {
			n.take(b, r, from)
			return true
		})
		if err != nil {
			return nil, err
		}
		for _, q := range n.queues {
			if _, known := from[q.route.Name]; !known {
				q.renew(partition)
			}
			q.load(partition, false)
		}
		b.next = readable[partition].To
		n.mu.Lock()
		n.boards[partition] = b
		n.mu.Unlock()
		offsets[names.Alerts()][partition] = kgo.NewOffset().At(b.next)
	}
	return offsets, nil
}

// reached is up to where a route has come: what is before the offset is sent, but for what is held.
type reached struct {
	offset int64
	held   []string // ids of notices
}

// take gives the routes what a record begins or ends. From, unless nil, is up to where
// each route has come.
func (n *Notifier) take(b *board, r *kgo.Record, from map[string]reached) {
	b.next = r.Offset + 1
	if r.Value == nil {
		return
	}
	t, err := topics.TransitionOf(r)
	if err != nil {
		n.bad.Add(1)
		n.notices.Warn("skipped a record that is not a transition; check which programs write to the topic", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset)
		return
	}
	missed := b.Missed()
	changed := b.Put(t)
	if b.Missed() > missed {
		n.notices.Warn("left out what an alert says of a key: too many are not ok at a time", "alert", t.Alert, "at most", alert.MaxSubjects)
	}
	for _, i := range changed {
		notice := Notice{Incident: i, Over: i.Until != 0}
		rule := n.rules[i.Alert]
		if rule != nil {
			notice.Runbook, notice.Help, notice.When = rule.Runbook, rule.Help, rule.When.String()
		}
		for _, q := range n.queues {
			if rule != nil && rule.To != nil && !slices.Contains(rule.To, q.route.Name) {
				continue
			}
			until, known := from[q.route.Name]
			past := from != nil && (!known || r.Offset < until.offset && !slices.Contains(until.held, notice.id()))
			q.put(notice, origin{r.Partition, r.Offset, r.Timestamp}, past)
		}
	}
}

// tell writes how the routes stand, where that has changed.
func (n *Notifier) tell(ctx context.Context, client *kgo.Client) error {
	n.mu.Lock()
	var all []topics.AlertReceiver
	reached := map[int32]kgo.EpochOffset{}
	for partition, b := range n.boards {
		reached[partition] = kgo.EpochOffset{Epoch: -1, Offset: b.next}
		for _, q := range n.queues {
			all = append(all, q.standing(partition, b.next))
		}
	}
	n.mu.Unlock()
	var records []*kgo.Record
	for _, s := range all {
		key := s.Key()
		value, err := json.Marshal(topics.AlertState{Receiver: &s})
		if err != nil {
			return err
		}
		if n.said(string(key)) == string(value) {
			continue
		}
		records = append(records, &kgo.Record{Topic: n.config.Names.AlertState(), Key: key, Value: value})
	}
	if len(records) == 0 {
		return nil
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return err
	}
	n.mu.Lock()
	for _, r := range records {
		n.told[string(r.Key)] = string(r.Value)
	}
	n.mu.Unlock()
	client.CommitOffsets(ctx, map[string]map[int32]kgo.EpochOffset{n.config.Names.Alerts(): reached}, nil)
	return nil
}

func (n *Notifier) said(key string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.told[key]
}
