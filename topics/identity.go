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

// added is the error that partitions were added to a topic whose records' keys lead to them.
func added(topic string, from, to int) error {
	do := "start this process again, which goes on with all of them (docs/operate.md, Partitions, topics, retention)"
	if ofVersion(topic) {
		do = newVersion
	}
	return &ReplacedError{Topic: topic, What: fmt.Sprintf("%s had %d partitions and has %d, and keys lead to others now", topic, from, to), Do: do}
}

// ofVersion reports whether a topic is of one definitions version alone.
func ofVersion(topic string) bool {
	n := Names{}
	return strings.Contains(topic, n.Fragments()) || strings.Contains(topic, n.Seconds()) || strings.Contains(topic, n.LongMinutes())
}

// newVersion is what to do where a topic has partitions that is of one definitions version.
const newVersion = "change the definitions so that they have another version, as by one more stat, and start the roles with them, after `pulse topics --create`: its topics are made anew, and its numbers go on from a savepoint (docs/operate.md, Partitions, topics, retention)"

const recreated = "was deleted and created again"

func shrunk(from, to int) string {
	return fmt.Sprintf("had %d partitions and has %d: it %s with fewer", from, to, recreated)
}

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
	response, err := answer(ctx, func() (*kmsg.MetadataResponse, error) { return request.RequestWith(ctx, client) })
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

// answer is what ask returns, or ctx's error where that comes first: a client that greets a
// broker which says nothing waits for ten seconds, whatever the context of the request says.
func answer[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	type answered struct {
		response T
		err      error
	}
	done := make(chan answered, 1)
	go func() {
		response, err := ask()
		done <- answered{response, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case a := <-done:
		return a.response, a.err
	}
}

// watchEvery is how often Watch looks.
const watchEvery = time.Second

// Watch returns an error with ErrReplaced when one of some topics is replaced, and nil
// when ctx ends. One of them, grows, may get partitions: grown is called with their number
// whenever that has grown, and at the first look. That brokers do not answer, or do not
// know a topic, it outlives.
func Watch(ctx context.Context, client *kgo.Client, grows string, grown func(partitions int), names ...string) error {
	was := map[string]Identity{}
	for {
		found, _ := Identities(ctx, client, names...)
		for name, is := range found {
			before, ok := was[name]
			switch {
			case ok && before.ID != is.ID:
				return replaced(name, recreated)
			case ok && is.Partitions < before.Partitions:
				continue // a broker that has just started does not know all
			case name == grows:
				if is.Partitions > before.Partitions {
					grown(is.Partitions)
				}
			case ok && is.Partitions > before.Partitions:
				return added(name, before.Partitions, is.Partitions)
			}
			was[name] = is
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
	return JoinIDs(found, names...)
}

// JoinIDs is IDs of topics whose identities are known.
func JoinIDs(found map[string]Identity, names ...string) (string, error) {
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

// CheckMergerCommit is an error with ErrReplaced if a merger's commit knows more partitions of
// raw records than there are: it would wait for covers that nobody writes.
func CheckMergerCommit(n Names, c Commit, raw int32) error {
	if c.Offset < 0 {
		return nil
	}
	if state, err := DecodeMergerState(c.Metadata); err == nil && len(state.Sources) > int(raw) {
		return replaced(n.Raw(), shrunk(len(state.Sources), int(raw)))
	}
	return nil
}
