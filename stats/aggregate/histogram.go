package aggregate

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

// add counts a code n more times.
func (h *histogram) add(code uint32, n uint64) {
	b := h.branches[code>>(leafBits+branchBits)]
	if b == nil {
		b = new(branch)
		h.branches[code>>(leafBits+branchBits)] = b
	}
	i := code >> leafBits & (1<<branchBits - 1)
	l := b.leaves[i]
	if l == nil {
		l = new(leaf)
		b.leaves[i] = l
	}
	l[code&(1<<leafBits-1)] += n
	b.sums[i] += n
	b.sum += n
	h.total += n
}

// sub counts a code that was added n times less.
func (h *histogram) sub(code uint32, n uint64) {
	b := h.branches[code>>(leafBits+branchBits)]
	i := code >> leafBits & (1<<branchBits - 1)
	b.leaves[i][code&(1<<leafBits-1)] -= n
	b.sums[i] -= n
	b.sum -= n
	h.total -= n
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
