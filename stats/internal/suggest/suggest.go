// Package suggest finds the word that a misspelled one was meant to be.
package suggest

import (
	"iter"
	"strings"
)

// Nearest gives the known word nearest to word, of equals the first, or "" if
// none is near: at most a third of word's letters, and at most three, are
// wrong, missing, too many or swapped with their neighbor, capital or small.
func Nearest(word string, known iter.Seq[string]) string {
	w := []rune(strings.ToLower(word))
	limit := min(3, (len(w)+1)/3)
	nearest := ""
	for k := range known {
		if d := distance(w, []rune(strings.ToLower(k)), limit); d <= limit {
			nearest, limit = k, d-1
		}
		if limit < 0 {
			break // word itself, or but for capitals
		}
	}
	return nearest
}

// distance is the optimal string alignment distance of a and b (Levenshtein's
// with the swap of two neighbors as one edit), or limit+1 if it is greater.
func distance(a, b []rune, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var before, last, row []int // rows i-2, i-1 and i of the table
	row = make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return limit + 1 // no later row has less, by a swap neither: row i is at most one more than row i-1
		}
	}
	return row[len(b)]
}
