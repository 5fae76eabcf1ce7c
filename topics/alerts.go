package topics

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"pulse/stats"
	"pulse/stats/alert"
	"pulse/stats/timing"
)

// AlertKey is the key of a transition in the topic of alerts: JSON, so that kcat shows it.
func AlertKey(t alert.Transition) []byte {
	key := struct {
		Alert string    `json:"alert"`
		Key   *string   `json:"key,omitempty"`
		Time  time.Time `json:"time"`
	}{t.Alert, nil, time.Unix(t.Second, 0).UTC()}
	if t.Keyed {
		key.Key = &t.Key
	}
	b, _ := json.Marshal(key) // texts and a time of the years that Pulse knows
	return b
}

// Bounds on the records of the topics of alerts, in bytes.
const (
	maxAlertValue = 1 << 20
	maxAlertName  = stats.MaxName // of an alert, a key, a route
	maxAlertText  = 4 << 10       // of what a receiver answered
	maxNumber     = 512
)

// Bounds on what is remembered of alerts and receivers: beyond them new ones are passed over.
const (
	maxMemories  = 2 * alert.MaxRules
	maxRemember  = 256 << 20 // bytes
	maxReceivers = alert.MaxRoutes * MaxPartitions
)

// ParseTransition reads a record of the topic of alerts.
func ParseTransition(value []byte) (t alert.Transition, err error) {
	if len(value) > maxAlertValue {
		return t, fmt.Errorf("a transition has %d bytes, more than %d", len(value), maxAlertValue)
	}
	if err = json.Unmarshal(value, &t); err == nil && (len(t.Alert) > maxAlertName || len(t.Key) > maxAlertName || len(t.Number) > maxNumber) {
		err = fmt.Errorf("a transition whose alert, key or value is too long: %.200q", value)
	}
	return t, err
}

// TransitionOf reads a record of the topic of alerts: of those that the alert role wrote.
func TransitionOf(r *kgo.Record) (t alert.Transition, err error) {
	if !Transactional(r) {
		return t, ErrForeign
	}
	return ParseTransition(r.Value)
}

// An AlertState is a record of the topic of that name: either what is remembered of an
// alert, or how a receiver stands.
type AlertState struct {
	Memory   *AlertMemory   `json:"memory,omitempty"`
	Receiver *AlertReceiver `json:"receiver,omitempty"`
}

// An AlertMemory is what a follower of an alert goes on from.
type AlertMemory struct {
	Version string          `json:"definitions"`
	Since   time.Time       `json:"since"` // since when processes of that version write
	Alert   string          `json:"alert"`
	Stat    string          `json:"stat"`
	AnyKey  bool            `json:"any_key,omitempty"`
	Topic   string          `json:"topic"`  // the id of the topic of snapshots that Offset is of; "": not known
	Offset  int64           `json:"offset"` // of the first snapshot that is not in Tracker
	Tracker json.RawMessage `json:"tracker,omitempty"`
	Packed  []byte          `json:"packed,omitempty"` // the tracker in gzip's format, where it is large
}

// packFrom is from how many bytes on a tracker is packed: with a lateness of an hour it
// has what each second of it said.
const packFrom = 64 << 10

// NewMemory returns m with what a tracker knows.
func NewMemory(m AlertMemory, t *alert.Tracker) (AlertMemory, error) {
	known, err := json.Marshal(t)
	if err != nil || len(known) < packFrom {
		m.Tracker = known
		return m, err
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(known) //nolint:errcheck // a buffer takes all
	w.Close()      //nolint:errcheck
	m.Packed = b.Bytes()
	return m, nil
}

// Load gives a tracker what is remembered.
func (m *AlertMemory) Load(t *alert.Tracker) error {
	if m.Packed == nil {
		return json.Unmarshal(m.Tracker, t)
	}
	r, err := gzip.NewReader(bytes.NewReader(m.Packed))
	if err != nil {
		return err
	}
	return json.NewDecoder(io.LimitReader(r, maxUnpacked)).Decode(t)
}

// BehindHeader is on memories of a follower that is catching up: what it says goes on may be over.
const BehindHeader = "behind"

// Key is that of the record.
func (m *AlertMemory) Key() []byte { return stateKey("memory", m.Version, m.Alert) }

// An AlertReceiver is how a receiver stands, by who sends it what is in a partition of the
// topic of alerts.
type AlertReceiver struct {
	Route     string    `json:"route"`
	Kind      string    `json:"kind"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`            // all before it is delivered, or refused for good; but Held
	Held      []string  `json:"held,omitempty"`    // ids of incidents from before it that were not sent, since they are silenced
	Waiting   int       `json:"waiting"`           // not delivered yet
	Silenced  int       `json:"silenced"`          // not sent for as long as a silence lasts
	Refused   int64     `json:"refused,omitempty"` // for good
	Since     time.Time `json:"since"`             // since when sending fails, or has worked
	Error     string    `json:"error,omitempty"`   // the last, without secrets; "": the last try worked
}

// Key is that of the record.
func (r *AlertReceiver) Key() []byte { return stateKey("receiver", r.Route, fmt.Sprint(r.Partition)) }

func stateKey(words ...string) []byte {
	b, _ := json.Marshal(words) // texts
	return b
}

// MemoryOf is the alert that the memory with a record's key is of; "": it is not a memory's.
func MemoryOf(key []byte) string {
	var words []string
	if json.Unmarshal(key, &words) != nil || len(words) != 3 || words[0] != "memory" {
		return ""
	}
	return words[2]
}

// ParseAlertState reads a record of the topic of the alerts' state.
func ParseAlertState(value []byte) (s AlertState, err error) {
	if len(value) > 16*maxAlertValue {
		return s, fmt.Errorf("a record of an alert's state has %d bytes, more than %d", len(value), 16*maxAlertValue)
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return s, err
	}
	if m := s.Memory; m != nil && (m.Alert == "" || m.Offset < 0 || len(m.Alert) > maxAlertName || len(m.Stat) > maxAlertName || len(m.Version) > maxAlertName) {
		return s, errors.New("an alert's memory without a name, with one that is too long, or with an offset below 0")
	}
	if r := s.Receiver; r != nil && (r.Route == "" || len(r.Route) > maxAlertName || len(r.Kind) > maxAlertName || len(r.Error) > maxAlertText || r.Offset < 0 || r.Partition < 0 || r.Partition >= MaxPartitions) {
		return s, errors.New("a receiver without a name, with texts that are too long, or with an offset or a partition out of bounds")
	}
	return s, nil
}

// AlertStateOf reads a record of the topic of the alerts' state. Memories are written in
// transactions. It is an error if the key is not that of what the record says.
func AlertStateOf(r *kgo.Record) (s AlertState, err error) {
	if s, err = ParseAlertState(r.Value); err != nil {
		return s, err
	}
	switch {
	case s.Memory != nil && !Transactional(r):
		return AlertState{}, ErrForeign
	case s.Memory != nil && string(r.Key) != string(s.Memory.Key()), s.Receiver != nil && string(r.Key) != string(s.Receiver.Key()):
		return AlertState{}, errors.New("its key is not that of what it says")
	}
	return s, nil
}

// AlertStates are what is remembered of alerts, and how receivers stand, by the records of
// their topic.
type AlertStates struct {
	memories  map[string]AlertMemory // by key
	receivers map[string]AlertReceiver
	bytes     int // of memories
}

// Put takes a record of the topic. What no role of Pulse wrote, or has no room, is passed over.
func (a *AlertStates) Put(r *kgo.Record) {
	if a.memories == nil {
		a.memories, a.receivers = map[string]AlertMemory{}, map[string]AlertReceiver{}
	}
	key := string(r.Key)
	if r.Value == nil {
		delete(a.receivers, key)
		if old, ok := a.memories[key]; ok && Transactional(r) {
			a.bytes -= old.size()
			delete(a.memories, key)
		}
		return
	}
	s, err := AlertStateOf(r)
	if err != nil {
		return
	}
	if m := s.Memory; m != nil {
		old, known := a.memories[key]
		if bytes := a.bytes - old.size() + m.size(); (known || len(a.memories) < maxMemories) && bytes <= maxRemember {
			a.memories[key], a.bytes = *m, bytes
		}
	}
	if s.Receiver != nil {
		if _, known := a.receivers[key]; known || len(a.receivers) < maxReceivers {
			a.receivers[key] = *s.Receiver
		}
	}
}

func (m *AlertMemory) size() int { return len(m.Tracker) + len(m.Packed) }

// Memories are what is remembered of alerts, in order.
func (a *AlertStates) Memories() []AlertMemory { return inOrder(a.memories) }

// Receivers are how receivers stand, in order.
func (a *AlertStates) Receivers() []AlertReceiver { return inOrder(a.receivers) }

func inOrder[V any](byKey map[string]V) (all []V) {
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		all = append(all, byKey[key])
	}
	return all
}

// AlertStates reads what is remembered of alerts, and how receivers stand. Of Whole it waits
// for open transactions, of Readable it does not.
func (a *Admin) AlertStates(ctx context.Context, n Names, section func(context.Context, string) (Section, error)) (*AlertStates, error) {
	s, err := section(ctx, n.AlertState())
	if err != nil {
		return nil, err
	}
	states := &AlertStates{}
	err = a.Read(ctx, n.AlertState(), s, func(r *kgo.Record) bool { states.Put(r); return true })
	return states, err
}

// A Silence is that alerts are not sent for a while. It names alerts and not other
// silences, so that none can depend on another one.
type Silence struct {
	ID    string    `json:"id"`
	Alert string    `json:"alert"`         // the name, in which * stands for any text
	Key   *string   `json:"key,omitempty"` // of one key only, with * as well; nil: the alert and all its keys
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Who   string    `json:"who"`
	Why   string    `json:"why"`
}

// Bounds on silences.
const (
	MaxSilences    = 1_000
	MaxSilence     = 30 * 24 * time.Hour
	maxSilenceText = 500
)

// Check says what is wrong with a silence.
func (s *Silence) Check() error {
	long := func(what, text string) error {
		if len(text) > maxSilenceText {
			return fmt.Errorf("%s has %d bytes, at most %d are allowed", what, len(text), maxSilenceText)
		}
		return nil
	}
	switch {
	case s.ID == "" || len(s.ID) > 64:
		return errors.New("a silence has an id of up to 64 bytes")
	case s.Alert == "":
		return errors.New("say which alert is silenced: a name, in which * stands for any text")
	case s.Who == "":
		return errors.New("say who silences it")
	case s.Why == "":
		return errors.New("say why it is silenced")
	case !s.Until.After(s.From):
		return errors.New("a silence ends after it begins")
	case s.Until.Sub(s.From) > MaxSilence:
		return fmt.Errorf("a silence lasts %d days at most: choose an earlier end, and renew it", MaxSilence/(24*time.Hour))
	case s.From.Unix() < 0 || s.Until.Unix() > timing.LastSecond:
		return errors.New("a silence is of the years 1970 to 9999")
	}
	if s.Key != nil {
		if err := long("the key", *s.Key); err != nil {
			return err
		}
	}
	return errors.Join(long("the alert's name", s.Alert), long("who", s.Who), long("why", s.Why))
}

// Names reports whether the silence is of an alert, or of keys of it.
func (s *Silence) Names(alert string) bool { return globs(s.Alert, alert) }

// Holds reports whether the silence is of a subject at a time.
func (s *Silence) Holds(of alert.Subject, at time.Time) bool {
	if at.Before(s.From) || !at.Before(s.Until) || !s.Names(of.Alert) {
		return false
	}
	return s.Key == nil || of.Keyed && globs(*s.Key, of.Key)
}

// globs reports whether a text is as a pattern, in which * stands for any text, / included.
func globs(pattern, text string) bool {
	// Greedy matching with one way back, to the last *: Kirk Krauss, "Matching Wildcards".
	p, t, star, back := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			back++
			p, t = star+1, back
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// ParseSilence reads a record of the topic of silences.
func ParseSilence(value []byte) (s Silence, err error) {
	if len(value) > maxAlertValue {
		return s, fmt.Errorf("a silence has %d bytes, more than %d", len(value), maxAlertValue)
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return s, err
	}
	return s, s.Check()
}
