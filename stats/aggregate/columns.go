package aggregate

import (
	"encoding/binary"
)

// RegistersLen is how many bytes of a partial its registers are, where it has some.
const RegistersLen = registersLen

// RegistersAt says where the bytes of a partial have registers, with these or without them.
// Not ok: they have none, or are not the bytes of a partial.
func RegistersAt(k Kind, b []byte) (at int, ok bool) {
	if k, is := k.(interface{ registersAt(b []byte) (int, bool) }); is {
		return k.registersAt(b)
	}
	return 0, false
}

// AppendColumns appends the registers of some seconds, RegistersLen bytes of each, in a form
// that compresses well: a key that comes again has the same register and rank again. It is
// three chunks. Of the registers that have a rank in any second the first has how many
// without one are before each; the second a bit for each second, whether it has one; the
// third these ranks, or 0 for the same as the one before.
func AppendColumns(b []byte, seconds [][]byte) []byte {
	var gaps, bits, ranks []byte
	next := 0
	for i := 0; i < registersLen; i += 3 {
		any := uint32(0)
		for _, s := range seconds {
			any |= fourRegisters(s[i:])
		}
		for j := 0; any != 0; j, any = j+1, any>>rankBits {
			if any&(1<<rankBits-1) == 0 {
				continue
			}
			register := i/3*4 + j
			gaps = binary.AppendUvarint(gaps, uint64(register-next))
			next = register + 1
			row := len(bits)
			bits = append(bits, make([]byte, (len(seconds)+7)/8)...)
			last := byte(0)
			for n, s := range seconds {
				rank := byte(fourRegisters(s[i:]) >> (rankBits * j) & (1<<rankBits - 1))
				if rank == 0 {
					continue
				}
				bits[row+n/8] |= 1 << (n % 8)
				if rank == last {
					ranks = append(ranks, 0)
				} else {
					ranks, last = append(ranks, rank), rank
				}
			}
		}
	}
	for _, part := range [][]byte{gaps, bits, ranks} {
		b = appendChunk(b, part)
	}
	return b
}

// CutColumns takes what AppendColumns appended of so many seconds from the beginning of b.
func CutColumns(b []byte, n int) (seconds [][]byte, rest []byte) {
	all := make([]byte, n*registersLen)
	for i := range n {
		seconds = append(seconds, all[i*registersLen:(i+1)*registersLen:(i+1)*registersLen])
	}
	var parts [3][]byte // bytes that AppendColumns made
	for i := range parts {
		parts[i], b, _ = chunk(b, uint64(len(b)))
	}
	gaps, bits, ranks := parts[0], parts[1], parts[2]
	for register := 0; len(gaps) > 0; register++ {
		gap, size := binary.Uvarint(gaps)
		gaps = gaps[size:]
		register += int(gap)
		last := byte(0)
		for n := range seconds {
			if bits[n/8]>>(n%8)&1 == 0 {
				continue
			}
			if ranks[0] != 0 {
				last = ranks[0]
			}
			ranks = ranks[1:]
			orRegister(seconds[n], register, last)
		}
		bits = bits[(n+7)/8:]
	}
	return seconds, b
}

// orRegister sets a register that is 0 in the wire form.
func orRegister(b []byte, register int, rank byte) {
	four := b[register/4*3:]
	r := uint32(rank) << (rankBits * (register % 4))
	four[0] |= byte(r)
	four[1] |= byte(r >> 8)
	four[2] |= byte(r >> 16)
}
