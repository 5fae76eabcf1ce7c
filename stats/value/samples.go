package value

import "iter"

// Samples are the numbers of a value as Prometheus has them: the count of a histogram's
// bucket is of all that is below its bound, and what keys without a value of their own come
// to, and how many keys there are, is left out. Labels are valid until the next number.
func Samples(v Value) iter.Seq2[[]Label, float64] {
	return func(yield func([]Label, float64) bool) {
		below, key := 0.0, ""
		for labels, n := range Numbers(v) {
			number := n.Float64()
			for _, l := range labels {
				switch l.Name {
				case LabelKey:
					if l.Text != key {
						below, key = 0, l.Text
					}
				case LabelBucket:
					below += number
					number = below
				}
			}
			if len(labels) > 0 && labels[0].Name == LabelKeys {
				continue
			}
			if !yield(labels, number) {
				return
			}
		}
	}
}
