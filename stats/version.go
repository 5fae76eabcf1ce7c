package stats

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"pulse/stats/condition"
)

// valueVersion is the version of what definitions mean: of how lines are
// parsed, of the kinds' values and of the partials' bytes. It changes when one
// of them does, so that two versions of Pulse do not mix their fragments.
const valueVersion = 4

// Version is the name, six hexadecimal digits, of all that the definitions
// say about values: definitions whose values can differ have different ones.
// How stats look (titles, units, thresholds, pages), the order in which they
// stand and how their conditions are written make no difference.
func (d *Definitions) Version() string {
	h := sha256.New()
	d.writeMeaning(h)
	stats := slices.SortedFunc(slices.Values(d.Stats), func(a, b *Stat) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range stats {
		d.writeStat(h, s)
	}
	return hex.EncodeToString(h.Sum(nil)[:3])
}

// writeMeaning writes what the values of all stats depend on.
func (d *Definitions) writeMeaning(w io.Writer) {
	fmt.Fprintf(w, "%d %d\n", valueVersion, d.Lateness)
	for _, f := range d.Formats {
		fmt.Fprintf(w, "%q\n", f.Text)
	}
}

// writeStat writes all of a stat that its values depend on.
func (d *Definitions) writeStat(w io.Writer, s *Stat) {
	d.writeDerived(w, s)
	if s.Rank > 0 {
		fmt.Fprintf(w, "rank %v ", s.Rank)
	}
	if s.RankLines {
		io.WriteString(w, "rank count ")
	}
	if s.Formula != nil {
		fmt.Fprintf(w, "value %s %q ", s.Formula, s.Of)
	}
	var of [2]string // of none they are empty
	copy(of[:], s.Of)
	fmt.Fprintf(w, "%q %q %q %d %v %v %q %d %q %d %d %q\n",
		s.Name, s.Kind, s.Field, s.Per, s.Quantiles, s.Buckets, s.GroupBy, s.Top, of, s.Window, s.Expire, condition.Format(s.Cond))
}

// StatHashes names what each stat of All means, by the stat's name: sixteen
// hexadecimal digits. A stat with the same meaning in two definitions versions has the
// same final values in both.
func (d *Definitions) StatHashes() map[string]string {
	all := map[string]*Stat{}
	for _, s := range d.All() {
		all[s.Name] = s
	}
	meanings := map[string]string{}
	for name, s := range all {
		h := sha256.New()
		d.writeMeaning(h)
		d.writeStat(h, s)
		for _, of := range s.Of {
			if of := all[of]; of != nil {
				d.writeStat(h, of)
			}
		}
		meanings[name] = hex.EncodeToString(h.Sum(nil)[:8])
	}
	return meanings
}
