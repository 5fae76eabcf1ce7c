package broker

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sessions ends the sessions that kfake forgets: a member of a group whose
// connection breaks while it waits in a JoinGroup has none there, so that a
// process that is killed just then would keep its partitions forever.
type sessions struct {
	client *kgo.Client
	quota  *quota // which is told what there is
	stop   context.CancelFunc
	ended  chan struct{}

	mu    sync.Mutex
	heard map[member]time.Time     // when a member was heard of last, or seen first
	limit map[string]time.Duration // of each group: the longest session of its members
}

// A member is one of a group.
type member struct{ group, id string }

// Times of sessions.
const (
	sessionsEvery  = time.Second
	defaultSession = 45 * time.Second // of a group that no member has joined since the start: Kafka's own
)

// maxLimits is about how many groups' sessions are known when those of groups that
// there are not are forgotten.
const maxLimits = 1000

func watchSessions(c *kfake.Cluster, q *quota) (*sessions, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ClientID("pulse-broker"))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &sessions{client: client, quota: q, stop: stop, ended: make(chan struct{}), heard: map[member]time.Time{}, limit: map[string]time.Duration{}}
	for _, request := range []kmsg.Request{&kmsg.JoinGroupRequest{}, &kmsg.SyncGroupRequest{}, &kmsg.HeartbeatRequest{}} {
		c.ControlKey(request.Key(), func(request kmsg.Request) (kmsg.Response, error, bool) {
			s.hear(request, time.Now())
			return nil, nil, false // it only listens
		})
	}
	go s.run(ctx)
	return s, nil
}

func (s *sessions) close() {
	s.stop()
	<-s.ended
	s.client.Close()
}

// hear notes who has said something.
func (s *sessions) hear(request kmsg.Request, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r := request.(type) {
	case *kmsg.JoinGroupRequest:
		s.heard[member{r.Group, r.MemberID}] = now
		s.limit[r.Group] = max(s.limit[r.Group], time.Duration(r.SessionTimeoutMillis)*time.Millisecond)
	case *kmsg.SyncGroupRequest:
		s.heard[member{r.Group, r.MemberID}] = now
	case *kmsg.HeartbeatRequest:
		s.heard[member{r.Group, r.MemberID}] = now
	}
}

func (s *sessions) run(ctx context.Context) {
	defer close(s.ended)
	ticker := time.NewTicker(sessionsEvery)
	defer ticker.Stop()
	admin := kadm.NewClient(s.client)
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if first || s.quota.full() {
			if topics, err := admin.ListTopics(ctx); err == nil {
				s.quota.listed(topics)
			}
		}
		groups, err := admin.DescribeGroups(ctx)
		if err != nil {
			continue // the broker is about to end
		}
		s.quota.counted(groups)
		for _, m := range s.silent(groups, time.Now()) {
			leave := kmsg.NewLeaveGroupRequest()
			leave.Group = m.group
			leaving := kmsg.NewLeaveGroupRequestMember()
			leaving.MemberID = m.id
			leave.Members = append(leave.Members, leaving)
			leave.RequestWith(ctx, s.client) //nolint:errcheck // it is tried again
		}
	}
}

// silent returns the members of stable groups whose session is over: while a
// group waits for its members to join these are silent and well.
func (s *sessions) silent(groups kadm.DescribedGroups, now time.Time) (over []member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := map[member]time.Time{}
	for _, g := range groups {
		limit, known := s.limit[g.Group]
		if !known {
			limit = defaultSession
		}
		for _, described := range g.Members {
			m := member{g.Group, described.MemberID}
			last, known := s.heard[m]
			if !known || g.State != "Stable" {
				last = now
			}
			heard[m] = last
			if now.Sub(last) > limit {
				over = append(over, m)
			}
		}
	}
	s.heard = heard // of nobody else
	if len(s.limit) > maxLimits {
		maps.DeleteFunc(s.limit, func(group string, _ time.Duration) bool { _, ok := groups[group]; return !ok })
	}
	return over
}
