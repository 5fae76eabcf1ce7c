package processors_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/processors/status"
	"pulse/topics"
	"pulse/topics/topicstest"
)

// TestForeign: covers of raw records that there are not, and offsets that another program has
// committed for the groups, end no role and change no number; status says where they are.
func TestForeign(t *testing.T) {
	t.Parallel()
	cluster, prefix := topicstest.Cluster(t)
	p := newPipeline(t, cluster, prefix)
	admin := topicstest.Admin(t, cluster)
	r, m := p.receiver(""), p.merger("")
	p.wait(r, m)
	look := func() *status.Status {
		t.Helper()
		s, err := status.Look(t.Context(), admin, p.names, p.definitions, time.Unix(p.clock, 0), status.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	commit := func(group, topic string, at map[int32]kadm.Offset) {
		t.Helper()
		offsets := kadm.Offsets{}
		for partition, o := range at {
			o.Topic, o.Partition, o.LeaderEpoch = topic, partition, -1
			offsets.Add(o)
		}
		testkit.Eventually(t, "the group takes a commit of another program", func() error {
			answer, err := admin.CommitOffsets(t.Context(), group, offsets)
			return errors.Join(err, answer.Error())
		})
	}
	p.replay(1, 30, func(second int) {
		if second != 20 {
			return
		}
		p.flush()
		ends, err := admin.ListEndOffsets(t.Context(), p.names.Raw())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "receivers have taken all", func() error {
			commits, err := admin.Commits(t.Context(), p.names.ReceiverGroup(), p.names.Raw())
			for q := range int32(partitions) {
				if end, _ := ends.Lookup(p.names.Raw(), q); err == nil && commits[q].Offset != end.Offset {
					err = fmt.Errorf("of partition %d to %d, not %d", q, commits[q].Offset, end.Offset)
				}
			}
			return err
		})
		for q := range int32(partitions) {
			for source := range int32(partitions) {
				end, _ := ends.Lookup(p.names.Raw(), source)
				c := topics.Cover{Partition: source, Partitions: partitions, Start: end.Offset - 1, End: 1 << 40, Before: p.clock, After: p.clock}
				topicstest.Produce(t, p.client, &kgo.Record{Topic: p.names.Fragments(), Partition: q, Key: []byte("x"), Value: c.Append(nil)})
			}
		}
		garbage := look().Garbage
		if len(garbage) != partitions {
			t.Errorf("status says %+v", garbage)
		}
		for q, g := range garbage {
			if g.Topic != p.names.Fragments() || g.Partition != q || !strings.Contains(g.Error, "up to offset 1099511627776, which is not written") {
				t.Errorf("status says %+v", g)
			}
		}
		r.stop()
		m.stop()
		valid, err := admin.Commits(t.Context(), p.names.ReceiverGroup(), p.names.Raw())
		if err != nil {
			t.Fatal(err)
		}
		beyond, err := topics.EncodeMetadata(valid[2].Metadata, valid[2].Topics)
		if err != nil {
			t.Fatal(err)
		}
		commit(p.names.ReceiverGroup(), p.names.Raw(), map[int32]kadm.Offset{0: {At: 1, Metadata: "\x1b[31m"}, 1: {At: 1 << 40}, 2: {At: 1 << 40, Metadata: beyond}})
		commit(p.names.MergerGroup(), p.names.Fragments(), map[int32]kadm.Offset{0: {At: 3, Metadata: "hello|world"}, 1: {At: 2, Metadata: "hello"}})
		text := look().Text()
		for _, want := range []string{
			p.names.Raw() + " partition 0, at offset 1, is not", p.names.Raw() + " partition 1, at offset 1099511627776, is not", p.names.Raw() + " partition 2, at offset 1099511627776, is not",
			p.names.Fragments() + " partition 0, at offset 3, is not", p.names.Fragments() + " partition 1, at offset 2, is not",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("status does not say %q:\n%s", want, text)
			}
		}
		r, m = p.receiver(""), p.merger("")
		p.wait(r, m)
	})
	p.check()
	testkit.Eventually(t, "status has nothing to say of commits", func() error {
		p.tick(p.clock + 1)
		p.flush()
		if text := look().Text(); strings.Contains(text, "is not one to go on from") {
			return errors.New(text)
		}
		return nil
	})

	// A member that takes all partitions and does nothing.
	r.stop()
	topicstest.Client(t, cluster, kgo.ClientID("evil"), kgo.ConsumerGroup(p.names.ReceiverGroup()), kgo.ConsumeTopics(p.names.Raw()), kgo.DisableAutoCommit())
	want := fmt.Sprintf(`, is a member of the group %s and has %d partitions`, p.names.ReceiverGroup(), partitions)
	testkit.Eventually(t, "status names the member", func() error {
		text := look().Text()
		if !strings.Contains(text, `with the client id "evil" at 127.0.0.1`) || !strings.Contains(text, want) {
			return errors.New(text)
		}
		return nil
	})
	m.stop()
}
