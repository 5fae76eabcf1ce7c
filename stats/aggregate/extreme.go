package aggregate

import (
	"slices"

	"pulse/stats/fixed"
	"pulse/stats/line"
	"pulse/stats/value"
)

// extreme is the kinds min and max. A number beats another if it compares to it as sign
// says.
type extreme struct {
	field line.Slot
	sign  int
}

func (k extreme) beats(n, m fixed.Number) bool { return n.Cmp(m) == k.sign }

func (k extreme) NewPartial() Partial { return &peak{extreme: k} }
func (k extreme) NewWindow() Window {
	return &extremeWindow{added: heap{kind: k}, taken: heap{kind: k}}
}
func (k extreme) Check(b []byte) error { return (&peak{extreme: k}).Join(b) }
func (k extreme) measured() line.Slot  { return k.field }

// peak is the number that beats all others.
type peak struct {
	extreme
	some   bool
	number fixed.Number
}

func (p *peak) Fold(ev *line.Event) bool {
	n, ok := ev.Number(p.field)
	if ok {
		p.Observe(n)
	}
	return ok
}

// Observe adds a number.
func (p *peak) Observe(n fixed.Number) {
	if !p.some || p.beats(n, p.number) {
		p.some, p.number = true, n
	}
}

// FoldBatch and ByHash implement BatchFolder.
func (p *peak) FoldBatch(units []uint64) {
	most := slices.Max(units)
	if p.sign < 0 {
		most = slices.Min(units)
	}
	p.Observe(fixed.Number{Lo: most})
}

func (p *peak) ByHash() bool { return false }

func (p *peak) Empty() bool { return !p.some }
func (p *peak) Reset()      { p.some, p.number = false, fixed.Number{} }

func (p *peak) AppendTo(b []byte) []byte {
	if !p.some {
		return b
	}
	return p.number.AppendBinary(b)
}

func (p *peak) Join(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, size := fixed.DecodeBinary(b)
	if size == 0 || size < len(b) {
		return ErrMalformed
	}
	p.Observe(n)
	return nil
}

// extremeWindow is the multiset of its seconds' peaks, as two heaps: those that
// were added and those that were taken out. Where the tops are equal they
// cancel; so the top of the first is the window's peak.
type extremeWindow struct{ added, taken heap }

func (w *extremeWindow) Add(p Partial) {
	if p := p.(*peak); p.some {
		w.added.push(p.number)
		w.cancel()
	}
}

func (w *extremeWindow) Sub(p Partial) {
	if p := p.(*peak); p.some {
		w.taken.push(p.number)
		w.cancel()
	}
}

func (w *extremeWindow) cancel() {
	for len(w.taken.numbers) > 0 && w.added.numbers[0] == w.taken.numbers[0] {
		w.added.pop()
		w.taken.pop()
	}
	// Seconds that left under a peak that stays must not pile up.
	if left := len(w.added.numbers) - len(w.taken.numbers); len(w.taken.numbers) > 64+left {
		w.compact()
	}
}

// compact cancels everything that was taken out, wherever it is in the heaps.
func (w *extremeWindow) compact() {
	w.added.sort()
	w.taken.sort()
	taken := w.taken.numbers
	kept := w.added.numbers[:0]
	for _, n := range w.added.numbers {
		if len(taken) > 0 && n == taken[0] {
			taken = taken[1:]
			continue
		}
		kept = append(kept, n)
	}
	w.added.numbers = kept // sorted, so a heap
	w.taken.numbers = w.taken.numbers[:0]
}

func (w *extremeWindow) Value(Span) value.Value {
	if len(w.added.numbers) == 0 {
		return nil
	}
	return decimal(w.added.numbers[0])
}

func (w *extremeWindow) compare(other Window) int {
	return w.added.numbers[0].Cmp(other.(*extremeWindow).added.numbers[0])
}

func (w *extremeWindow) absorb(other Window) {
	if numbers := other.(*extremeWindow).added.numbers; len(numbers) > 0 {
		w.added.push(numbers[0])
	}
}

// heap is a binary heap with the number that beats all others on top.
type heap struct {
	kind    extreme
	numbers []fixed.Number
}

func (h *heap) push(n fixed.Number) {
	i := len(h.numbers)
	h.numbers = append(h.numbers, n)
	for i > 0 {
		parent := (i - 1) / 2
		if !h.kind.beats(n, h.numbers[parent]) {
			break
		}
		h.numbers[i] = h.numbers[parent]
		i = parent
	}
	h.numbers[i] = n
}

func (h *heap) pop() {
	last := len(h.numbers) - 1
	n := h.numbers[last]
	h.numbers = h.numbers[:last]
	if last == 0 {
		return
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if right := child + 1; right < last && h.kind.beats(h.numbers[right], h.numbers[child]) {
			child = right
		}
		if !h.kind.beats(h.numbers[child], n) {
			break
		}
		h.numbers[i] = h.numbers[child]
		i = child
	}
	h.numbers[i] = n
}

func (h *heap) sort() {
	slices.SortFunc(h.numbers, func(n, m fixed.Number) int { return -h.kind.sign * n.Cmp(m) })
}
