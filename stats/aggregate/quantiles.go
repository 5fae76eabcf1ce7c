package aggregate

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

var quantilesKind = Description{
	Name:    "quantiles",
	Aliases: []string{"quantile", "percentile", "percentiles"},
	Doc:     "Nearest ranks of the field's numbers. They count with four significant digits; quantile q of n numbers is the ceil(q n)-th smallest.",
	Example: []string{"quantiles: ms, at: [0.5, 0.99]"},
	Options: append(keys(), rankBy(1, RankCount), over(60), Option{
		Name: "at", Doc: "Which quantiles.",
		Type: Numbers, Least: 0.000001, Most: 1, Elements: 20, Decimals: 6, Element: "quantile",
		Default: []float64{0.5, 0.95, 0.99},
	}),
	Shape: value.ShapeQuantiles,
	Null:  true,
	New: func(p Parameters) Kind {
		k := newQuantiles(p.Field, p.At).(*quantiles)
		if p.Rank > 0 {
			k.ranked = quantileOf(p.Rank)
		}
		return k
	},
}

// newQuantiles has quantiles in the order of at: {"0.5":18,"0.95":90}. Numbers are
// counted by codes, so that integers up to 9,999 are themselves (see code.go). A
// window has 450,000 different ones at most.
func newQuantiles(field line.Slot, at []float64) Kind {
	k := &quantiles{field: field}
	for _, q := range at {
		k.at = append(k.at, quantileOf(q))
	}
	return k
}

func quantileOf(q float64) quantile {
	text := value.Float(q)
	units, _ := fixed.Parse([]byte(text))
	return quantile{min(units.Lo, 1e9), string(text)}
}

type quantiles struct {
	field  line.Slot
	at     []quantile
	ranked quantile // by which keys are the greatest; none: by how many numbers they have
}

type quantile struct {
	units uint64 // the quantile as the decimal that was written, times 10^9
	text  string // that decimal
}

// rank is the quantile times n, rounded up, and 1 at least.
func (q quantile) rank(n uint64) uint64 {
	const unit = 1e9
	hi, lo := bits.Mul64(q.units, n)
	rank, rest := bits.Div64(hi, lo, unit)
	if rest > 0 {
		rank++
	}
	return max(rank, 1)
}

func (k *quantiles) NewPartial() Partial { return &values{field: k.field} }
func (k *quantiles) NewWindow() Window   { return &quantilesWindow{quantiles: k} }
func (*quantiles) packable() bool        { return true }
func (k *quantiles) measured() line.Slot { return k.field }

func (k *quantiles) Check(b []byte) error { return checkRun(b) }

// values is how often each code is there. Its bytes are a run: see runs.go.
//
// What is joined is kept as the runs that it came in, until somebody asks or they are many: to
// merge all of a second's at once costs a tenth of looking up each code as it comes.
type values struct {
	field  line.Slot
	recent []uint32 // codes in the order of their lines: to sort them costs less than to look each up
	runs   []byte   // a run, and behind it others, chunks
	first  int      // how long the first one is

	scratch []uint32 // to sort recent, kept for its memory
}

// Bounds on what is not in the first run yet. It may be more where that is long, so that
// a code costs no more where there are many.
const (
	maxRecent = 8 << 10  // codes
	maxRuns   = 32 << 10 // bytes
)

func (p *values) Fold(ev *line.Event) bool {
	n, ok := ev.Number(p.field)
	if ok {
		if len(p.recent) >= max(maxRecent, p.first/2) {
			p.settled()
		}
		p.recent = append(p.recent, code(n))
	}
	return ok
}

// FoldBatch and ByHash implement BatchFolder.
func (p *values) FoldBatch(units []uint64) {
	if len(p.recent) >= max(maxRecent, p.first/2) {
		p.settled()
	}
	p.recent = appendCodes(p.recent, units)
}

func (p *values) ByHash() bool { return false }

// settled gives all codes as one run. It is valid until more is added.
func (p *values) settled() []byte {
	if len(p.recent) == 0 && len(p.runs) == p.first {
		return p.runs
	}
	if len(p.runs) == 0 {
		p.runs = p.appendRecent(p.runs)
	} else {
		c := codeCounters.Get().(*codeCounter)
		c.addRun(p.runs[:p.first])
		for more := p.runs[p.first:]; len(more) > 0; {
			var run []byte
			run, more, _ = chunk(more, maxCount)
			c.addRun(run)
		}
		for _, code := range p.recent {
			c.add(code, 1)
		}
		p.runs = c.appendRun(p.runs[:0])
		codeCounters.Put(c)
		p.leaveRoom()
	}
	p.first, p.recent = len(p.runs), p.recent[:0]
	return p.runs
}

// rooms are for runs that will be merged soon, so that not each second's grow anew.
var rooms = sync.Pool{New: func() any { return new([roomLen]byte) }}

const (
	roomLen   = maxRuns + leastRoom
	leastRoom = 4 << 10 // fewer bytes have no room
)

// makeRoom makes room for more bytes.
func (p *values) makeRoom(more int) {
	if n := len(p.runs) + more; n > cap(p.runs) && n > leastRoom && n <= roomLen {
		p.runs = append(rooms.Get().(*[roomLen]byte)[:0], p.runs...)
	}
}

// leaveRoom gives back a room that has become too large.
func (p *values) leaveRoom() {
	if cap(p.runs) == roomLen && len(p.runs) < roomLen/2 {
		room := (*[roomLen]byte)(p.runs[:roomLen])
		p.runs = slices.Clone(p.runs)
		rooms.Put(room)
	}
}

// appendRecent appends the run of the recent codes, and sorts them.
func (p *values) appendRecent(b []byte) []byte {
	p.scratch = slices.Grow(p.scratch[:0], len(p.recent))[:len(p.recent)]
	sortCodes(p.recent, p.scratch, 0)
	before := uint32(0)
	for i := 0; i < len(p.recent); {
		code, first := p.recent[i], i
		for i++; i < len(p.recent) && p.recent[i] == code; i++ {
		}
		b = binary.AppendUvarint(b, uint64(code-before))
		b = binary.AppendUvarint(b, uint64(i-first))
		before = code
	}
	return b
}

// Slim implements Slimmer.
func (p *values) Slim() {
	p.scratch = nil
	if cap(p.runs) > len(p.runs)+len(p.runs)/4 {
		p.runs = slices.Clone(p.runs)
	}
}

func (p *values) Empty() bool { return len(p.runs) == 0 && len(p.recent) == 0 }

func (p *values) Reset() { p.runs, p.first, p.recent = p.runs[:0], 0, p.recent[:0] }

func (p *values) AppendTo(b []byte) []byte {
	if len(p.runs) == 0 {
		return p.appendRecent(b)
	}
	return append(b, p.settled()...)
}

func (p *values) Join(b []byte) error {
	if err := checkRun(b); err != nil || len(b) == 0 {
		return err
	}
	if len(p.runs) == 0 {
		p.runs = append(p.runs, b...)
		p.first = len(b)
		return nil
	}
	p.makeRoom(binary.MaxVarintLen64 + len(b))
	p.runs = appendChunk(p.runs, b)
	if len(p.runs) > max(maxRuns, 2*p.first) {
		p.settled()
	}
	return nil
}

type quantilesWindow struct {
	*quantiles
	counts histogram
}

func (w *quantilesWindow) Add(p Partial) { w.counts.addRun(p.(*values).settled()) }
func (w *quantilesWindow) Sub(p Partial) { w.counts.subRun(p.(*values).settled()) }

func (w *quantilesWindow) Value(Span) value.Value {
	if w.counts.total == 0 {
		return nil
	}
	all := make(value.Quantiles, len(w.at))
	for i, q := range w.at {
		all[i] = value.Quantile{At: q.text, Number: decimal(decode(w.counts.rank(q.rank(w.counts.total))))}
	}
	return all
}
