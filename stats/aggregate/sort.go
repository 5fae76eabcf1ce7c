package aggregate

import "slices"

// sortCodes sorts values by the codes that they are above shift bits, with as much scratch
// memory. Where there are many it is a radix sort of two digits, from the lower one on.
func sortCodes[T uint32 | uint64](all, scratch []T, shift uint) {
	const few, lowBits = 128, 10
	if len(all) < few {
		slices.Sort(all)
		return
	}
	var low [1 << lowBits]uint32
	var high [codes>>lowBits + 1]uint32
	for _, v := range all {
		code := uint32(v >> shift)
		low[code&(1<<lowBits-1)]++
		high[code>>lowBits]++
	}
	starts(low[:])
	starts(high[:])
	for _, v := range all {
		at := &low[uint32(v>>shift)&(1<<lowBits-1)]
		scratch[*at] = v
		*at++
	}
	for _, v := range scratch[:len(all)] {
		at := &high[uint32(v>>shift)>>lowBits]
		all[*at] = v
		*at++
	}
}

// starts makes counts positions: of how many come before.
func starts(counts []uint32) {
	sum := uint32(0)
	for i, n := range counts {
		counts[i] = sum
		sum += n
	}
}
