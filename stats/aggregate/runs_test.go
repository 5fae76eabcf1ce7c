package aggregate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pulse/cmd/dev/testkit"
)

// randomRun is a run of about so many codes below most, and what it counts.
func randomRun(r *rand.Rand, n int, most uint32) ([]byte, map[uint32]uint64) {
	counts := map[uint32]uint64{}
	for range n {
		counts[r.Uint32N(most)] = 1 + r.Uint64N(1<<r.IntN(40))>>20
	}
	return runOf(counts), counts
}

func runOf(counts map[uint32]uint64) (run []byte) {
	var all []uint32
	for code := range counts {
		all = append(all, code)
	}
	slices.Sort(all)
	before := uint32(0)
	for _, code := range all {
		run = binary.AppendUvarint(binary.AppendUvarint(run, uint64(code-before)), counts[code])
		before = code
	}
	return run
}

// However runs are joined, and whatever is folded and asked between, a partial has the bytes
// of all counts together, and a histogram what it had before when they are taken out.
func TestRunsMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for range testkit.Size(100, 2000) {
		p, all := new(values), map[uint32]uint64{}
		var h histogram
		for range r.IntN(70) {
			most := []uint32{1, 100, 5000, codes}[r.IntN(4)]
			run, counts := randomRun(r, r.IntN(400), most)
			if err := checkRun(run); err != nil {
				t.Fatal(err)
			}
			if err := p.Join(run); err != nil {
				t.Fatal(err)
			}
			clear(run) // it is not kept
			for code, n := range counts {
				all[code] += n
			}
			switch r.IntN(10) {
			case 0:
				p.AppendTo(nil)
			case 1:
				p.Slim()
			case 2:
				code := r.Uint32N(codes)
				p.recent = append(p.recent, code)
				all[code]++
			}
		}
		run := runOf(all)
		if !bytes.Equal(p.AppendTo(nil), run) {
			t.Fatal("the bytes are not those of all counts")
		}
		if p.different() != len(all) {
			t.Fatalf("%d different codes, want %d", p.different(), len(all))
		}
		h.addRun(run)
		h.addRun(run)
		h.subRun(run)
		rank := uint64(0)
		eachOf(run, func(code uint32, n uint64) {
			for _, rank := range []uint64{rank + 1, rank + n} {
				if got := h.rank(rank); got != code {
					t.Fatalf("rank %d is %d, want %d", rank, got, code)
				}
			}
			rank += n
		})
		if h.subRun(run); h.total != 0 {
			t.Fatalf("%d are left", h.total)
		}
	}
}

// checkRun takes what a slower reader takes, wherever a byte is wrong.
func TestCheckRun(t *testing.T) {
	slow := func(b []byte) bool {
		code := uint64(0)
		for first := true; len(b) > 0; first = false {
			step, rest, ok := uvarint(b, codes-1)
			if !ok {
				return false
			}
			n, rest, ok := uvarint(rest, maxCount)
			code += step
			if !ok || n == 0 || code >= codes || step == 0 && !first {
				return false
			}
			b = rest
		}
		return true
	}
	r := rand.New(rand.NewPCG(4, 2))
	wrong := 0
	for range testkit.Size(20_000, 500_000) {
		b, _ := randomRun(r, r.IntN(30), []uint32{100, 5000, codes}[r.IntN(3)])
		if len(b) > 0 && r.IntN(4) > 0 {
			b[r.IntN(len(b))] = []byte{0, 1, 0x7f, 0x80, 0xff, byte(r.Uint32())}[r.IntN(6)]
		}
		if r.IntN(4) == 0 {
			b = b[:r.IntN(len(b)+1)]
		}
		if !slow(b) {
			wrong++
		}
		if got := checkRun(b) == nil; got != slow(b) {
			t.Fatalf("%x: taken is %v", b, got)
		}
	}
	if wrong == 0 {
		t.Error("none was wrong")
	}
}

// A run's last codes are checked also where the fast way reads them: beyond them is nothing.
func TestCheckRunEnds(t *testing.T) {
	for first, fits := range map[uint64]bool{codes - 5: true, codes - 4: false, codes - 2: false} {
		b := append(binary.AppendUvarint(nil, first), 1)
		b = append(b, 1, 1, 1, 1, 1, 1, 1, 1)
		if got := checkRun(b) == nil; got != fits {
			t.Errorf("four codes after %d of %d are taken: %v", first, codes, got)
		}
	}
}

func BenchmarkRuns(b *testing.B) {
	r := rand.New(rand.NewPCG(4, 3))
	for _, most := range []uint32{5_000, 30_000} {
		var runs [64][]byte
		n := 0
		for i := range runs {
			counts := map[uint32]uint64{}
			for range 200 {
				counts[r.Uint32N(most)]++
			}
			runs[i] = runOf(counts)
			n += len(counts)
		}
		b.Run(fmt.Sprint(most), func(b *testing.B) {
			b.ReportAllocs()
			p := new(values)
			for b.Loop() {
				p.Reset()
				for _, run := range runs {
					if err := p.Join(run); err != nil {
						b.Fatal(err)
					}
				}
				p.settled()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/code")
		})
	}
}
