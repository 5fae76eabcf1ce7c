package window

import (
	"fmt"

	"pulse/stats/aggregate"
	"pulse/stats/value"
)

// A Total joins what lines add to one stat in any seconds, however many: those of
// a minute, of an hour, of a whole log. What it holds is a single partial, of which
// delta and what is made of it tell nothing: their windows need each second's. A
// Total is for one goroutine.
type Total struct {
	kind    aggregate.Kind
	partial aggregate.Partial
	window  aggregate.Window // empty; nil before the first Value
	approx  float64
	beyond  aggregate.Beyond
}

// NewTotal returns an empty Total of a stat that aggregates as kind does.
func NewTotal(kind aggregate.Kind) *Total { return &Total{kind: kind, partial: kind.NewPartial()} }

// Reset empties a Total.
func (t *Total) Reset() { t.partial.Reset() }

// Join adds what a fragment has of the seconds [from, to). On an error it adds
// nothing.
func (t *Total) Join(fragment []byte, from, to int64) error {
	if err := check(t.kind, fragment); err != nil {
		return err
	}
	for r := newFragmentReader(fragment); r.next(); {
		if r.second < from || r.second >= to {
			continue
		}
		if err := t.partial.Join(r.partial); err != nil {
			return err // cannot be: check would have found it
		}
	}
	if k, ok := t.kind.(aggregate.Limiter); ok {
		k.Limit(t.partial)
	}
	return nil
}

// Value is the value of all that was joined, of so many covered seconds.
func (t *Total) Value(covered int64) value.Value {
	if t.window == nil {
		t.window = t.kind.NewWindow()
	}
	t.window.Add(t.partial)
	defer t.window.Sub(t.partial)
	v := t.window.Value(aggregate.Span{Covered: covered})
	if e, ok := t.window.(aggregate.Estimator); ok {
		t.approx = e.StandardError()
	}
	t.beyond = beyondRoom(t.window)
	return v
}

// Approx is the standard error of what Value returned last, as a share of it; 0: it is
// exact.
func (t *Total) Approx() float64 { return t.approx }

// Beyond is what there was no room for of what Value returned last.
func (t *Total) Beyond() aggregate.Beyond { return t.beyond }

// Digests reports whether a Total of a kind has digests.
func Digests(kind aggregate.Kind) bool {
	_, ok := kind.(aggregate.Digester)
	return ok
}

// Digest returns a digest (see aggregate.Digester) of all that was joined and how
// many numbers that is, and empties the Total. A digest of nothing has no bytes.
func (t *Total) Digest() (digest []byte, numbers uint64) {
	numbers = t.kind.(aggregate.Digester).Digest(t.partial)
	digest = t.partial.AppendTo(nil)
	t.Reset()
	return digest, numbers
}

// JoinDigest adds a digest of the same kind. On an error it adds nothing.
func (t *Total) JoinDigest(digest []byte) error {
	if err := t.partial.Join(digest); err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	return nil
}
