package merger

import (
	"cmp"
	"slices"
)

// touched are seconds of which fragments came, ascending, each with the offset of the first
// cover that said so. A source partition that is ahead of the others touches many thousands
// before they close, so that no closing walks over all of them.
type touched []touch

type touch struct{ second, offset int64 }

// search is where a second is, or would be, and whether it is there. The last one is what most
// ask for.
func (t touched) search(second int64) (int, bool) {
	if n := len(t); n == 0 || t[n-1].second < second {
		return n, false
	}
	return slices.BinarySearchFunc(t, second, func(one touch, second int64) int { return cmp.Compare(one.second, second) })
}

// add notes that a cover at an offset touched a second, unless one did before.
func (t *touched) add(second, offset int64) {
	if i, found := t.search(second); !found {
		*t = slices.Insert(*t, i, touch{second, offset})
	}
}

// between are those in [from, to).
func (t touched) between(from, to int64) touched {
	i, _ := t.search(from)
	j, _ := t[i:].search(to)
	return t[i : i+j]
}

// forget drops those before a second.
func (t *touched) forget(second int64) {
	i, _ := t.search(second)
	*t = (*t)[i:]
}
