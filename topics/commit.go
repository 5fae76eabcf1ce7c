package topics

import (
	"context"
	"encoding/ascii85"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"pulse/stats/cursor"
	"pulse/stats/timing"
	"pulse/stats/watermark"
)

// A Commit is what a group has committed of a partition: the next offset to read,
// and what a successor needs to go on from there.
type Commit struct {
	Offset   int64 // -1: nothing has been committed
	Metadata []byte
	Topics   string // the IDs of the topics that all of that is of; "": they are not known
	Foreign  error  // why it is another program's: nobody goes on from it; nil: it may be Pulse's
}

// CommitOf reads what Kafka has of a group's commit.
func CommitOf(o kadm.Offset) Commit {
	metadata, ids, err := DecodeMetadata(o.Metadata)
	switch {
	case err != nil:
	case o.Metadata == "":
		err = errors.New("a commit's metadata is not Pulse's: there is none")
	case ids != "":
		for id := range strings.SplitSeq(ids, ",") {
			if b, bad := base64.RawURLEncoding.DecodeString(id); bad != nil || len(b) != 16 {
				err = fmt.Errorf("a commit's metadata is not Pulse's: %.40q does not name a topic", id)
			}
		}
	}
	if err != nil {
		return Commit{Offset: o.At, Foreign: err}
	}
	return Commit{Offset: o.At, Metadata: metadata, Topics: ids}
}

// CommitMetadata is how many bytes of metadata an offset commit may have by a
// broker's default.
const CommitMetadata = 4096

// topicsMark stands between a commit's metadata and the ids of its topics. It is not among
// the characters of ascii85.
const topicsMark = "|"

// EncodeMetadata writes a commit's metadata, and which topics it is of, as the text that
// Kafka takes: a broker keeps a string, and what is not UTF-8 does not come back.
func EncodeMetadata(b []byte, ids string) (string, error) {
	text := make([]byte, ascii85.MaxEncodedLen(len(b)))
	text = text[:ascii85.Encode(text, b)]
	if ids != "" {
		text = append(append(text, topicsMark...), ids...)
	}
	if len(text) > CommitMetadata {
		return "", fmt.Errorf("a commit's metadata has %d characters, a broker takes %d", len(text), CommitMetadata)
	}
	return string(text), nil
}

// DecodeMetadata reads what EncodeMetadata wrote.
func DecodeMetadata(text string) (b []byte, ids string, err error) {
	text, ids, _ = strings.Cut(text, topicsMark)
	b = make([]byte, len(text)*4) // "z" stands for four bytes
	n, used, err := ascii85.Decode(b, []byte(text), true)
	if err != nil {
		return nil, "", fmt.Errorf("a commit's metadata is not Pulse's: %w", err)
	}
	if used != len(text) {
		return nil, "", fmt.Errorf("a commit's metadata is not Pulse's: it ends after %d of %d characters", used, len(text))
	}
	return b[:n], ids, nil
}

// Commits reads what a group has committed of a topic, by partition, without
// being a member of it. Partitions without a commit are not there.
func (a *Admin) Commits(ctx context.Context, group, topic string) (map[int32]Commit, error) {
	responses, err := a.FetchOffsetsForTopics(ctx, group, topic)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil // nobody has been a member yet
	}
	if err != nil {
		return nil, err
	}
	commits := map[int32]Commit{}
	for partition, response := range responses[topic] {
		if response.Err != nil {
			return nil, fmt.Errorf("partition %d: %w", partition, response.Err)
		}
		if response.At < 0 {
			continue
		}
		commits[partition] = CommitOf(response.Offset)
	}
	return commits, nil
}

// ErrJoined says that a group has members, who alone may commit.
var ErrJoined = errors.New("the group has members")

// CommitFirst commits, for a group without members, where these are to begin: all
// partitions of a topic or none. Their state is of other topics too.
func (a *Admin) CommitFirst(ctx context.Context, group, topic string, begin map[int32]Commit, others ...string) error {
	ids, err := IDs(ctx, a.kafka, append([]string{topic}, others...)...)
	if err != nil {
		return err
	}
	offsets := kadm.Offsets{}
	for partition, c := range begin {
		metadata, err := EncodeMetadata(c.Metadata, ids)
		if err != nil {
			return fmt.Errorf("partition %d: %w", partition, err)
		}
		offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: c.Offset, LeaderEpoch: -1, Metadata: metadata})
	}
	answer, err := a.CommitOffsets(ctx, group, offsets)
	if err == nil {
		err = answer.Error()
	}
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) {
		return ErrJoined
	}
	return err
}

// A ReceiverState is the metadata of a receiver's commit, which is of a tick: what
// its successor needs to go on from there. It is a Savepoint's State too.
type ReceiverState struct {
	Domain string               // of the source partition's clock
	Clock  *watermark.Watermark // after the tick; it has a second

	// First, unless 0, is of a commit with which a definitions version begins behind a
	// savepoint of another one: the first second that it publishes.
	First int64
}

// First bytes of a ReceiverState: of one without a First, and of one with it.
const (
	receiverVersion       = 1
	receiverFromSavepoint = 2
)

// Append appends the binary form. Equal states have equal bytes.
func (s ReceiverState) Append(b []byte) []byte {
	if s.First > 0 {
		b = append(b, receiverFromSavepoint)
		b = binary.AppendUvarint(b, uint64(s.First))
	} else {
		b = append(b, receiverVersion)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Domain)))
	b = append(b, s.Domain...)
	return s.Clock.AppendBinary(b)
}

// DecodeReceiverState reads what Append appended.
func DecodeReceiverState(b []byte) (ReceiverState, error) {
	if len(b) == 0 || b[0] != receiverVersion && b[0] != receiverFromSavepoint {
		return ReceiverState{}, fmt.Errorf("the metadata of a receiver's commit is not of form %d or %d, which this program reads; was it written by another version?", receiverVersion, receiverFromSavepoint)
	}
	d := cursor.New(b[1:])
	var s ReceiverState
	if b[0] == receiverFromSavepoint {
		if s.First = d.Uint(timing.LastSecond); s.First == 0 {
			d.Fail()
		}
	}
	s.Domain = string(d.Bytes(MaxDomain))
	clock := d.Rest()
	if !d.OK() {
		return ReceiverState{}, errors.New("the metadata of a receiver's commit is damaged")
	}
	var err error
	if s.Clock, err = watermark.Decode(clock); err != nil {
		return ReceiverState{}, fmt.Errorf("the metadata of a receiver's commit is damaged: %w", err)
	}
	if s.Clock.Second() < 0 {
		return ReceiverState{}, errors.New("the metadata of a receiver's commit is damaged: a tick without a clock")
	}
	return s, nil
}

// A MergerState is the metadata of a merger's commit: with the offset to read from
// it makes a checkpoint.
type MergerState struct {
	Final   int64         // the first second that is not known to be published as final
	Ahead   int64         // the checkpoint's offset less the one to read from
	First   int64         // the stream's first second, as far as was known at the checkpoint; -1: not at all
	Sources []SourceState // by source partition, as they were at the checkpoint

	// Seconds before Complete are kept in the topic of seconds, but for those in
	// which nothing was; Kept is the last of them, -1 if there is none.
	Complete, Kept int64
}

// A SourceState is how far a merger has come in what a source partition gave.
type SourceState struct {
	Covered int64 // the offset that ended the last segment that was applied
	Second  int64 // its watermark
}

// mergerVersion is the first byte of a MergerState.
const mergerVersion = 3

// Append appends the binary form. Equal states have equal bytes.
func (s MergerState) Append(b []byte) []byte {
	b = append(b, mergerVersion)
	b = binary.AppendUvarint(b, uint64(s.Final))
	b = binary.AppendUvarint(b, uint64(s.Ahead))
	b = binary.AppendUvarint(b, uint64(s.First+1))
	b = binary.AppendUvarint(b, uint64(s.Complete))
	b = binary.AppendUvarint(b, uint64(s.Kept+1))
	b = binary.AppendUvarint(b, uint64(len(s.Sources)))
	for _, src := range s.Sources {
		b = binary.AppendUvarint(b, uint64(src.Covered))
		b = binary.AppendVarint(b, src.Second-s.Final)
	}
	return b
}

// DecodeMergerState reads what Append appended.
func DecodeMergerState(b []byte) (MergerState, error) {
	if len(b) == 0 || b[0] != mergerVersion {
		return MergerState{}, fmt.Errorf("the metadata of a merger's commit is not of form %d, which this program reads; was it written by another version?", mergerVersion)
	}
	d := cursor.New(b[1:])
	s := MergerState{Final: d.Uint(timing.LastSecond), Ahead: d.Uint(maxOffset), First: d.Uint(timing.LastSecond+1) - 1}
	s.Complete, s.Kept = d.Uint(timing.LastSecond+1), d.Uint(timing.LastSecond+1)-1
	sources := d.Uint(MaxPartitions)
	for range sources {
		src := SourceState{Covered: d.Uint(maxOffset), Second: s.Final + d.Int(timing.LastSecond)}
		if src.Second < 0 || src.Second > timing.LastSecond {
			d.Fail()
		}
		s.Sources = append(s.Sources, src)
	}
	if !d.Done() || sources == 0 {
		return MergerState{}, errors.New("the metadata of a merger's commit is damaged")
	}
	return s, nil
}
