package alerting

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/cmd/dev/testkit"
	"pulse/stats"
	"pulse/stats/alert"
	"pulse/topics"
)

const lawAlerts = `lateness: 3s
stats:
- {name: errors, count: lines, over: 1s}
- {name: by, count: lines, by: x, over: 1s}
alerts:
- {name: a, when: errors > 5, clear: errors < 3, for: 3s, keep: 2s, unknown: fire after 4s}
- {name: b, when: errors > 5, on: final}
- {name: c, when: any key of by > 5, for: 2s, unknown: clear}
`

func parse(t testing.TB, text string) *stats.Definitions {
	t.Helper()
	d, err := stats.Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// published is what a merger publishes of some seconds: each stat's points as they close,
// with some amended, and final in the end; and, as mergers that restart and zombies do it,
// stretches of it once more, from somewhere before.
func published(chance *rand.Rand, version string) (log []stats.Snapshot, final map[string][]stats.Snapshot) {
	const lateness, seconds = 3, 40
	final = map[string][]stats.Snapshot{}
	value := func(stat string) json.RawMessage {
		n := []int{1, 4, 9}[chance.IntN(3)]
		if stat == "errors" {
			return json.RawMessage(fmt.Sprint(n))
		}
		return json.RawMessage(fmt.Sprintf(`{"top":[{"key":"x","value":%d},{"key":"y","value":%d}],"other":0,"distinct":2}`, n, []int{1, 9}[chance.IntN(2)]))
	}
	held := map[string]json.RawMessage{}
	revision := map[string]int{}
	unknown := map[string]bool{}
	for second := int64(1000); second < 1000+seconds+lateness; second++ {
		for _, stat := range []string{"errors", "by"} {
			put := func(at int64, isFinal bool) {
				id := fmt.Sprint(stat, at)
				s := stats.Snapshot{Stat: stat, Time: at, Value: held[id], Revision: revision[id], Final: isFinal, Version: version}
				if unknown[id] {
					s.Of = 1 // and none of them covered
				}
				revision[id]++
				log = append(log, s)
				if isFinal {
					final[stat] = append(final[stat], s)
				}
			}
			if second < 1000+seconds {
				id := fmt.Sprint(stat, second)
				if held[id] = value(stat); chance.IntN(3) > 0 && second > 1000 {
					held[id] = held[fmt.Sprint(stat, second-1)]
				}
				unknown[id] = chance.IntN(8) == 0
				put(second, false)
			}
			if late := second - 1 - chance.Int64N(lateness-1); late >= 1000 && late < 1000+seconds && chance.IntN(3) == 0 {
				held[fmt.Sprint(stat, late)] = value(stat)
				put(late, false)
			}
			if done := second - lateness; done >= 1000 {
				put(done, true)
			}
		}
	}
	for range chance.IntN(6) {
		at := chance.IntN(len(log))
		from := max(0, at-chance.IntN(40))
		log = slices.Insert(log, at, slices.Clone(log[from:from+chance.IntN(at-from+1)])...)
	}
	return log, final
}

// A kafka is what is in Kafka of a partition: what was committed, and who may commit.
type kafkaFake struct {
	epoch    int
	told     []string
	memories map[string]topics.AlertMemory
}

// commit is a transaction; that of one who is fenced off, or whose records are lost, is not
// committed.
func (k *kafkaFake) commit(epoch int, lost bool, told []string, memories []topics.AlertMemory) bool {
	if epoch != k.epoch || lost {
		return false
	}
	k.told = append(k.told, told...)
	for _, m := range memories {
		k.memories[string(m.Key())] = m
	}
	return true
}

// A member is a process that has the partition, or believes so.
type member struct {
	epoch int
	*partition
	told []string
	from int64
}

func join(t *testing.T, k *kafkaFake, d *stats.Definitions) *member {
	var all []topics.AlertMemory
	for _, m := range k.memories {
		all = append(all, m)
	}
	b := begin(d.Alerts, func(string) bool { return true }, d.Version(), "id", all)
	if len(b.ended)+len(b.unread) > 0 {
		t.Fatalf("%v, %v", b.ended, b.unread)
	}
	k.epoch++
	return &member{epoch: k.epoch, partition: b.partition, from: max(b.from, 0)}
}

func (m *member) step(t *testing.T, log []stats.Snapshot) bool {
	if m.from >= int64(len(log)) {
		return false
	}
	s := log[m.from]
	r := &kgo.Record{Key: []byte(s.Stat), Value: s.AppendJSON(nil), Offset: m.from, Timestamp: time.Unix(s.Time, 0)}
	for _, one := range m.take(r) {
		line, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		m.told = append(m.told, string(line))
	}
	m.from++
	return true
}

// TestLaws: members that crash before and after a commit, that go on as zombies, and
// whose transactions are lost, write the very bytes that one does to which nothing happens
// and to which nothing is repeated; and what holds in the end is what follows from the final
// points alone.
func TestLaws(t *testing.T) {
	d := parse(t, lawAlerts)
	chance := rand.New(rand.NewPCG(7, 18))
	rounds := testkit.Size(20, 600)
	crashes, transitions := 0, 0
	for round := range rounds {
		log, final := published(chance, d.Version())
		quiet := &kafkaFake{memories: map[string]topics.AlertMemory{}}
		calm := join(t, quiet, d)
		for calm.step(t, log) {
		}
		k := &kafkaFake{memories: map[string]topics.AlertMemory{}}
		members := []*member{join(t, k, d)}
		for len(members) > 0 {
			i := chance.IntN(len(members))
			m := members[i]
			more := true
			for range 1 + chance.IntN(9) {
				more = m.step(t, log)
			}
			memories, err := m.memories()
			if err != nil {
				t.Fatal(err)
			}
			if len(m.told) > 0 || chance.IntN(4) == 0 || !more {
				switch {
				case chance.IntN(12) == 0: // it dies before it commits
					more = false
				case k.commit(m.epoch, chance.IntN(12) == 0, m.told, memories):
					m.told = nil
					if more && chance.IntN(12) > 0 {
						continue
					}
				}
				crashes++
				members = slices.Delete(members, i, i+1)
			}
			// Another one gets the partition; the one before may not know it yet.
			if last := len(members) == 0 || members[len(members)-1].epoch != k.epoch; (last || chance.IntN(20) == 0) && !(len(members) == 0 && m.from >= int64(len(log)) && m.epoch == k.epoch && m.told == nil) {
				members = append(members, join(t, k, d))
			}
		}
		if !slices.Equal(k.told, calm.told) {
			t.Fatalf("round %d: crashes changed what is told\ngot  %v\nwant %v", round, k.told, calm.told)
		}
		transitions += len(k.told)
		compareWithFinal(t, d, k.told, final)
	}
	if crashes < rounds || transitions < 10*rounds {
		t.Errorf("only %d crashes and %d transitions in %d rounds", crashes, transitions, rounds)
	}
}

// compareWithFinal works the states out again, by the final points alone.
func compareWithFinal(t *testing.T, d *stats.Definitions, told []string, final map[string][]stats.Snapshot) {
	t.Helper()
	type id struct {
		alert.Subject
		second int64
	}
	held, want := map[id]alert.State{}, map[id]alert.State{}
	for _, line := range told { // of one identity the revisions ascend
		var one alert.Transition
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		if held[id{one.Subject, one.Second}] = one.State; one.Withdrawn {
			delete(held, id{one.Subject, one.Second})
		}
		if one.Withdrawn != (one.By != alert.Amendment{}) {
			t.Fatalf("%s does not say by what it is withdrawn", line)
		}
	}
	engine := alert.NewEngine(d.Alerts)
	for _, stat := range []string{"errors", "by"} {
		for _, s := range final[stat] {
			transitions, err := s.Alert(engine)
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range transitions {
				want[id{one.Subject, one.Second}] = one.State
			}
		}
	}
	for one, state := range want {
		if held[one] != state {
			t.Fatalf("%+v is %q, want %q", one, held[one], state)
		}
	}
	if len(held) != len(want) {
		t.Fatalf("%d transitions hold, want %d", len(held), len(want))
	}
}

// TestRollout: definitions that change go on from what was remembered.
func TestRollout(t *testing.T) {
	here := func(string) bool { return true }
	old := parse(t, lawAlerts)
	b := begin(old.Alerts, here, "v1", "id", nil)
	if b.from != lastHour {
		t.Fatalf("it begins at %d", b.from)
	}
	for second := range int64(5) {
		for _, stat := range []string{"errors", "by"} {
			s := stats.Snapshot{Stat: stat, Time: 1000 + second, Value: json.RawMessage("9"), Final: true, Version: "v1"}
			if stat == "by" {
				s.Value = json.RawMessage(`{"top":[{"key":"x","value":9}],"other":0,"distinct":1}`)
			}
			b.take(&kgo.Record{Key: []byte(stat), Value: s.AppendJSON(nil), Offset: second, Timestamp: time.Unix(s.Time, 0)})
		}
	}
	memories, err := b.memories()
	if err != nil {
		t.Fatal(err)
	}
	again := begin(old.Alerts, here, "v1", "id", memories)
	if again.from != 5 || again.ended != nil || again.gone != nil {
		t.Fatalf("the same definitions: from %d, ended %v", again.from, again.ended)
	}
	// One that cannot be read is as if it were not there, and is told.
	for i := range memories {
		if memories[i].Alert == "c" {
			continue
		}
		forged := slices.Clone(memories)
		forged[i].Tracker, forged[i].Version = json.RawMessage(`{"open":[{"second":9},{"second":3}]}`), "v0"
		if b := begin(old.Alerts, here, "v1", "id", append(forged, memories[i])); len(b.unread) != 1 || b.from != 5 {
			t.Errorf("beside a memory that makes no sense it begins at %d, and says %v", b.from, b.unread)
		}
	}
	if other := begin(old.Alerts, here, "v1", "another topic", memories); other.from != lastHour {
		t.Errorf("of another topic the offset %d counts", other.from)
	}
	changed := parse(t, `stats:
- {name: errors, count: lines, over: 1s}
- {name: other, count: lines, over: 1s}
alerts:
- {name: a, when: errors > 7}
- {name: b, when: other > 5}
`)
	next := begin(changed.Alerts, here, "v2", "id", memories)
	if next.from != lastHour {
		t.Fatalf("other definitions: from %d", next.from)
	}
	var ended []string
	for _, e := range next.ended {
		ended = append(ended, fmt.Sprint(e.Alert, e.Key, " ", e.Second, " ", e.Was, " to ", e.State))
	}
	// c is gone, b is of another stat now, and a goes on.
	if want := []string{"b 1005 firing to ok", "cx 1005 firing to ok"}; !slices.Equal(ended, want) || len(next.gone) != 2 {
		t.Errorf("ended: %q, %d memories gone; want %q", ended, len(next.gone), want)
	}
	point := func(stat string, second int64, value string) (said []string) {
		s := stats.Snapshot{Stat: stat, Time: second, Value: json.RawMessage(value), Final: true, Version: "v2"}
		for _, one := range next.take(&kgo.Record{Key: []byte(stat), Value: s.AppendJSON(nil), Timestamp: time.Unix(s.Time, 0)}) {
			said = append(said, fmt.Sprint(one.Alert, " ", one.Second, " ", one.State))
		}
		return said
	}
	if said := slices.Concat(point("errors", 1004, "1"), point("errors", 1005, "6"), point("other", 1005, "9"), point("other", 1006, "9")); !slices.Equal(said, []string{"a 1005 ok", "b 1006 firing"}) {
		t.Errorf("then: %q", said)
	}
}

// TestLargeMemory: with a lateness of an hour a memory still is a record.
func TestLargeMemory(t *testing.T) {
	d := parse(t, lawAlerts)
	tracker := alert.NewTracker(d.Alerts[0])
	tracker.Open = nil
	b := begin(d.Alerts, func(string) bool { return true }, "v", "id", nil)
	value := json.RawMessage(`{"top":[{"key":"x","value":9}` + func() (more string) {
		for i := range 49 {
			more += fmt.Sprintf(`,{"key":"/a/path/of/some/length/%d","value":3}`, i)
		}
		return more
	}() + `],"other":0,"distinct":50}`)
	for second := range int64(testkit.Size(300, 3600)) {
		s := stats.Snapshot{Stat: "by", Time: 1000 + second, Value: value, Version: "v"}
		b.take(&kgo.Record{Key: []byte("by"), Value: s.AppendJSON(nil), Timestamp: time.Unix(s.Time, 0)})
	}
	memories, err := b.memories()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range memories {
		text, err := json.Marshal(topics.AlertState{Memory: &m})
		if err != nil || len(text) > 900_000 {
			t.Errorf("%s: %d bytes, %v", m.Alert, len(text), err)
		}
		state, err := topics.ParseAlertState(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(d.Alerts[2], *state.Memory)
		if err != nil || m.Alert == "c" && again.Last() != b.newest {
			t.Errorf("%s: read again it is of %d, not %d; %v", m.Alert, again.Last(), b.newest, err)
		}
	}
}
