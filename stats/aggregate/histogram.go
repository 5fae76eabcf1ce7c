package aggregate

import "math"

// A histogram counts codes so that the one at a rank is found without sorting:
// a tree of three levels, each with the sums of the level below. Its memory
// grows with the intervals of codes in use, to 4 MB at most, and is kept.
type histogram struct {
	total    uint64
	branches [branches]*branch
}

const (
	leafBits   = 7
	branchBits = 6
	branches   = codes>>(leafBits+branchBits) + 1
)

type (
	branch struct {
		sum    uint64
		sums   [1 << branchBits]uint64
		leaves [1 << branchBits]*leaf
	}
	leaf [1 << leafBits]uint64
)

// leafOf returns the branch and the number in it of the leaf that has a code.
func (h *histogram) leafOf(code uint32) (b *branch, i uint32) {
	b = h.branches[code>>(leafBits+branchBits)]
	if b == nil {
		b = new(branch)
		h.branches[code>>(leafBits+branchBits)] = b
	}
	i = code >> leafBits & (1<<branchBits - 1)
	if b.leaves[i] == nil {
		b.leaves[i] = new(leaf)
	}
	return b, i
}

// addRun counts the codes of a run.
func (h *histogram) addRun(run []byte) { h.count(run, 1) }

// subRun takes out a run that was added.
func (h *histogram) subRun(run []byte) { h.count(run, math.MaxUint64) }

// count adds the counts of a run, each so many times; the greatest number is once less.
func (h *histogram) count(run []byte, times uint64) {
	const none = math.MaxUint32
	at, l, sum := uint32(none), (*leaf)(nil), uint64(0)
	var b *branch
	var i uint32
	for code := uint32(0); len(run) > 0; {
		var n uint64
		code, n, run = nextOf(code, run)
		if code>>leafBits != at {
			if l != nil {
				b.sums[i] += sum
				b.sum += sum
			}
			at, sum = code>>leafBits, 0
			b, i = h.leafOf(code)
			l = b.leaves[i]
		}
		n *= times
		l[code&(1<<leafBits-1)] += n
		sum += n
		h.total += n
	}
	if l != nil {
		b.sums[i] += sum
		b.sum += sum
	}
}

// rank returns the code of the value with this rank, 1 to total.
func (h *histogram) rank(rank uint64) uint32 {
	for i, b := range h.branches {
		if b == nil {
			continue
		}
		if rank > b.sum {
			rank -= b.sum
			continue
		}
		for j, sum := range b.sums {
			if rank > sum {
				rank -= sum
				continue
			}
			for k, n := range b.leaves[j] {
				if rank <= n {
					return uint32(i<<(leafBits+branchBits) | j<<leafBits | k)
				}
				rank -= n
			}
		}
	}
	return codes - 1
}
