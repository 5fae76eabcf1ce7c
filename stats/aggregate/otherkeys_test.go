package aggregate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// A key's value is that of its own lines, other that of the lines of all keys that are not
// in the top, and the top has the greatest numbers, in order: whatever a kind does to
// compare windows and to absorb one.
func TestKeysAndOther(t *testing.T) {
	const keys, top, seconds = 6, 2, 3
	for _, d := range Kinds {
		if d.Option("top") == nil || d.OfStats() || missing(d) != "" {
			continue
		}
		words := d.Words
		if words == nil {
			words = []Word{{}}
		}
		for _, w := range words {
			t.Run(strings.TrimSpace(d.Name+" "+w.Text), func(t *testing.T) {
				f, p := newFolder(t), parameters(w)
				plain := d.New(p)
				p.By, p.Top = byOne, top
				byKey := d.Make(p)
				for seed := range uint64(20) {
					r := rand.New(rand.NewPCG(seed, 7))
					lines := make([]map[string][]string, seconds) // by key
					var all []Partial
					for s := range lines {
						lines[s] = map[string][]string{}
						partial := byKey.NewPartial()
						for range 1 + r.IntN(30) {
							key := fmt.Sprint("k", r.IntN(keys))
							text := fmt.Sprintf("x=%d key=%s", r.IntN(40)-10, key)
							lines[s][key] = append(lines[s][key], text)
							f.fold(partial, text)
						}
						all = append(all, partial)
					}
					of := func(belongs func(key string) bool) string {
						var partials []Partial
						for s := range lines {
							partial := plain.NewPartial()
							for key, texts := range lines[s] {
								if belongs(key) {
									f.fold(partial, texts...)
								}
							}
							partials = append(partials, partial)
						}
						return valueOf(plain, partials...)
					}
					var got struct {
						Top []struct {
							Key   string
							Value json.RawMessage
						}
						Other json.RawMessage
					}
					if err := json.Unmarshal([]byte(valueOf(byKey, all...)), &got); err != nil {
						t.Fatal(err)
					}
					shown := map[string]bool{}
					last := 0.
					for i, k := range got.Top {
						shown[k.Key] = true
						if want := of(func(key string) bool { return key == k.Key }); string(k.Value) != want {
							t.Errorf("seed %d: %s has %s, want %s", seed, k.Key, k.Value, want)
						}
						n, err := strconv.ParseFloat(string(k.Value), 64)
						if err == nil && i > 0 && n > last {
							t.Errorf("seed %d: %v comes after %v", seed, n, last)
						}
						last = n
					}
					if want := of(func(key string) bool { return !shown[key] }); string(got.Other) != want {
						t.Errorf("seed %d: other is %s, want %s", seed, got.Other, want)
					}
					for i := range keys {
						key := fmt.Sprint("k", i)
						n, err := strconv.ParseFloat(of(func(k string) bool { return k == key }), 64)
						if err == nil && !shown[key] && len(got.Top) == top && n > last {
							t.Errorf("seed %d: %s has %v and is not shown, and %v is", seed, key, n, last)
						}
					}
				}
			})
		}
	}
}
