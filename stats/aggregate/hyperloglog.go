package aggregate

import (
	"math"
	"math/bits"
)

// HyperLogLog (Flajolet et al. 2007) with 64-bit hashes: each hash belongs to a
// register and has a rank there, and a register's value is the greatest rank.
// The relative standard error is 1.04 / sqrt(registers), 0.57 %.
const (
	registerBits = 15
	registers    = 1 << registerBits
	maxRank      = 64 - registerBits + 1
)

// registersError is the standard error of estimate, rounded up: 1.04 / sqrt(registers).
const registersError = 0.006

// place returns a hash's register and its rank in it, 1 to maxRank.
func place(hash uint64) (register int, rank uint8) {
	// All bits of the hash decide (the finalizer of MurmurHash3), so that the
	// estimate does not depend on how good the lines' hash is in its high bits.
	hash ^= hash >> 33
	hash *= 0xff51afd7ed558ccd
	hash ^= hash >> 33
	hash *= 0xc4ceb9fe1a85ec53
	hash ^= hash >> 33
	const lowest = 1 << (registerBits - 1) // ends the search for a bit
	return int(hash >> (64 - registerBits)), uint8(bits.LeadingZeros64(hash<<registerBits|lowest) + 1)
}

// addRanks enters hashes into registers.
func addRanks(ranks []uint8, hashes []uint64) {
	all := (*[registers]uint8)(ranks)
	for _, hash := range hashes {
		register, rank := place(hash)
		all[register] = max(all[register], rank)
	}
}

// A union is the registers of what can be taken out again: for each rank of each register it
// counts what has it. It begins with begin.
type union struct {
	places    table // register and rank -> how many have it
	ranks     []uint8
	histogram [maxRank + 1]int // rank -> registers with that value
}

func (u *union) begin() {
	if u.ranks == nil {
		u.ranks = make([]uint8, registers)
	}
	u.histogram[0] = registers
}

func (u *union) end() {
	u.places.reset()
	clear(u.ranks)
	clear(u.histogram[:])
}

func placeKey(register int, rank uint8) uint64 {
	return uint64(register)<<rankBits | uint64(rank)
}

// raise enters that one more has this rank in a register.
func (u *union) raise(register int, rank uint8) {
	u.places.add(placeKey(register, rank), 1)
	if old := u.ranks[register]; rank > old {
		u.ranks[register] = rank
		u.histogram[old]--
		u.histogram[rank]++
	}
}

// lower enters that one less has this rank in a register.
func (u *union) lower(register int, rank uint8) {
	if u.places.sub(placeKey(register, rank), 1) > 0 || rank < u.ranks[register] {
		return
	}
	next := rank - 1
	for next > 0 && u.places.count(placeKey(register, next)) == 0 {
		next--
	}
	u.ranks[register] = next
	u.histogram[rank]--
	u.histogram[next]++
}

// maxEstimate is the estimate where all registers are full.
const maxEstimate = 1 << 63

// estimate returns how many different hashes there were, given how many
// registers have each value, with the improved raw estimator of Otmar Ertl,
// "New cardinality estimation algorithms for HyperLogLog sketches" (2017),
// algorithm 6. Products are converted to float64 so that no processor fuses
// them with the addition that follows: the result is the same on all.
func estimate(histogram *[maxRank + 1]int) uint64 {
	const m = registers
	z := float64(m * tau(1-float64(histogram[maxRank])/m))
	for rank := maxRank - 1; rank >= 1; rank-- {
		z = 0.5 * (z + float64(histogram[rank]))
	}
	z += float64(m * sigma(float64(histogram[0])/m))
	const alpha = 1 / (2 * math.Ln2)
	return uint64(min(math.Round(alpha*m*m/z), maxEstimate))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += float64(x * y)
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= float64((1 - x) * (1 - x) * y)
		if z == before {
			return z / 3
		}
	}
}

// Registers on the wire have 6 bits each, four in three bytes.
const (
	rankBits     = 6
	registersLen = registers * rankBits / 8
)

// appendRegisters appends registers in their wire form.
func appendRegisters(b []byte, ranks []uint8) []byte {
	for i := 0; i < len(ranks); i += 4 {
		four := uint32(ranks[i]) | uint32(ranks[i+1])<<6 | uint32(ranks[i+2])<<12 | uint32(ranks[i+3])<<18
		b = append(b, byte(four), byte(four>>8), byte(four>>16))
	}
	return b
}

// checkRegisters reports whether b is the wire form of registers of which one
// at least has a value.
func checkRegisters(b []byte) bool {
	if len(b) != registersLen {
		return false
	}
	some := false
	for i := 0; i < len(b); i += 3 {
		for four := fourRegisters(b[i:]); four != 0; four >>= rankBits {
			if four&(1<<rankBits-1) > maxRank {
				return false
			}
			some = true
		}
	}
	return some
}

// joinRegisters raises ranks to those of b, which checkRegisters has approved.
func joinRegisters(ranks []uint8, b []byte) {
	for i := range registers / 4 {
		four := fourRegisters(b[3*i:])
		for j := range 4 {
			rank := uint8(four & (1<<rankBits - 1))
			ranks[4*i+j] = max(ranks[4*i+j], rank)
			four >>= rankBits
		}
	}
}

func fourRegisters(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
}
