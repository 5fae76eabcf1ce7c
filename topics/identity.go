package topics

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"pulse/topics/retry"
)

// ErrReplaced is in every error that says that a topic is not the one any more that it
// was: it was deleted and created again, or partitions were added to it. Offsets, positions
// and clocks that are known of it are wrong, so that nobody can go on.
var ErrReplaced = errors.New("a topic has been replaced")

// A ReplacedError is an ErrReplaced, in two parts.
type ReplacedError struct {
	Topic string
	What  string // happened to it
	Do    string // about it
}

func (e *ReplacedError) Error() string {
	return e.What + ". Nothing can go on from what was known of it: " + e.Do
}

func (e *ReplacedError) Unwrap() error { return ErrReplaced }

func replaced(topic, how string) error {
	return &ReplacedError{
		Topic: topic,
		What:  fmt.Sprintf("%v: %s %s", ErrReplaced, topic, how),
		Do:    "start all roles with a new --prefix, after `pulse topics --create` with it (docs/operate.md, Partitions, topics, retention)",
	}
}

const (
	recreated = "was deleted and created again"
	grown     = "has another number of partitions than before"
)

// An Identity is what tells a topic from another one of its name.
type Identity struct {
	ID         string // 22 characters; "": the broker does not tell
	Partitions int
}

// Identities asks for those of topics. Topics that the broker does not know now are not
// among them.
func Identities(ctx context.Context, client *kgo.Client, names ...string) (map[string]Identity, error) {
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		request.Topics = append(request.Topics, topic)
	}
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	found := map[string]Identity{}
	for _, topic := range response.Topics {
		if topic.Topic == nil || topic.ErrorCode != 0 {
			continue
		}
		id := Identity{Partitions: len(topic.Partitions)}
		if topic.TopicID != [16]byte{} {
			id.ID = base64.RawURLEncoding.EncodeToString(topic.TopicID[:])
		}
		found[*topic.Topic] = id
	}
	return found, nil
}

// watchEvery is how often Watch looks.
const watchEvery = time.Second

// Watch returns an error with ErrReplaced when one of some topics is replaced, and nil
// when ctx ends. That brokers do not answer, or do not know a topic, it outlives.
func Watch(ctx context.Context, client *kgo.Client, names ...string) error {
	was := map[string]Identity{}
	for {
		found, _ := Identities(ctx, client, names...)
		for name, is := range found {
			switch before, ok := was[name]; {
			case !ok:
				was[name] = is
			case before.ID != is.ID:
				return replaced(name, recreated)
			case before.Partitions != is.Partitions:
				return replaced(name, grown)
			}
		}
		if retry.Wait(ctx, watchEvery) != nil {
			return nil
		}
	}
}

// IDs are those of topics, that a commit may be of: joined, or "" if the broker does not
// tell them. That one is not there is an error.
func IDs(ctx context.Context, client *kgo.Client, names ...string) (string, error) {
	found, err := Identities(ctx, client, names...)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, name := range names {
		id, ok := found[name]
		if !ok {
			return "", fmt.Errorf("topic %s: %w", name, kerr.UnknownTopicOrPartition)
		}
		if id.ID == "" {
			return "", nil
		}
		ids = append(ids, id.ID)
	}
	return strings.Join(ids, ","), nil
}

// IDs is the same of an Admin's cluster.
func (a *Admin) IDs(ctx context.Context, names ...string) (string, error) {
	return IDs(ctx, a.kafka, names...)
}

// CheckIDs is an error with ErrReplaced if a commit is of other topics of these names than
// those of the ids.
func (c Commit) CheckIDs(ids string, names ...string) error {
	if c.Offset < 0 || c.Topics == "" || ids == "" {
		return nil
	}
	was, is := strings.Split(c.Topics, ","), strings.Split(ids, ",")
	for i, name := range names {
		if i < len(was) && i < len(is) && was[i] != is[i] {
			return replaced(name, recreated)
		}
	}
	return nil
}

// CheckReceivers is an error with ErrReplaced if receivers have committed for other topics
// than there are: a broker forgets the mergers' commits with the fragments topic, and they
// would wait for a beginning that no receiver writes again.
func (a *Admin) CheckReceivers(ctx context.Context, n Names) error {
	ids, err := a.IDs(ctx, n.Raw(), n.Fragments())
	if err != nil {
		return err
	}
	commits, err := a.Commits(ctx, n.ReceiverGroup(), n.Raw())
	if err != nil {
		return err
	}
	for _, c := range commits {
		if err := c.CheckIDs(ids, n.Raw(), n.Fragments()); err != nil {
			return err
		}
	}
	return nil
}

// CheckCovered is an error with ErrReplaced if mergers have taken more of a partition of
// raw records than it has: a broker forgets the receivers' commits with a topic, and they
// would begin anew.
func (a *Admin) CheckCovered(ctx context.Context, n Names) error {
	commits, err := a.Commits(ctx, n.MergerGroup(), n.Fragments())
	if err != nil {
		return err
	}
	raw, err := a.Whole(ctx, n.Raw())
	if err != nil {
		return err
	}
	ids, err := a.IDs(ctx, n.Fragments(), n.Raw())
	if err != nil {
		return err
	}
	for _, c := range commits {
		if c.Topics != "" && ids != "" { // which say it better
			if err := c.CheckIDs(ids, n.Fragments(), n.Raw()); err != nil {
				return err
			}
			continue
		}
		state, err := DecodeMergerState(c.Metadata)
		if err != nil {
			continue // its merger will say so
		}
		for p, source := range state.Sources {
			if span, ok := raw[int32(p)]; ok && source.Covered >= span.To {
				return replaced(n.Raw(), recreated)
			}
		}
	}
	return nil
}

// CheckMergerCommit is an error with ErrReplaced if a merger's commit knows another number
// of partitions of raw records than there are: it would refuse all covers.
func CheckMergerCommit(n Names, c Commit, raw int32) error {
	if c.Offset < 0 {
		return nil
	}
	if state, err := DecodeMergerState(c.Metadata); err == nil && len(state.Sources) != int(raw) {
		return replaced(n.Raw(), grown)
	}
	return nil
}

// How many of the newest records of each partition are read for ticks; and how many of the
// last partition's oldest and newest, if no tick says how many partitions there are.
const (
	ticksRead = 4
	proofRead = 64
)

// checkTold is an error if all ingesters write for another number of partitions of raw
// records than there are: partitions were added, and no second closes any more.
func (a *Admin) checkTold(ctx context.Context, n Names) error {
	all, err := a.Readable(ctx, n.Raw())
	if err != nil {
		return err
	}
	told, by := 0, ""
	look := func(r *kgo.Record) bool {
		if h, err := ParseRawHeader(Lookup(r.Headers)); err == nil && h.Tick != nil && told != len(all) {
			told, by = int(h.Tick.Partitions), fmt.Sprintf("%s (partition %d, offset %d)", h.Ingester, r.Partition, r.Offset)
		}
		return true
	}
	err = a.Read(ctx, n.Raw(), all.Newest(ticksRead), look)
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return nil // not every role may read these records, and need not
	}
	if err != nil || told == 0 || told == len(all) {
		return err
	}
	// Somebody else may have written the newest. Of partitions that were added the last one has
	// no tick of when there were as many, and it has had them from its first record on.
	last := int32(len(all) - 1)
	oldest := Span{all[last].From, min(all[last].From+proofRead, all[last].To)}
	for _, s := range []Section{{last: oldest}, all.Newest(proofRead).Of(last)} {
		if err := a.Read(ctx, n.Raw(), s, look); err != nil || told == len(all) {
			return err
		}
	}
	return fmt.Errorf("%w:\ntopic %s has %d partitions, and its ingesters write to %d, the last one is %s. Partitions cannot be added to a topic in use: choose another --prefix and create new topics with `pulse topics --create` (docs/operate.md, Partitions, topics, retention)",
		ErrTopics, n.Raw(), len(all), told, by)
}
