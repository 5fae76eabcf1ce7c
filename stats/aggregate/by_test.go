package aggregate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"pulse/cmd/dev/testkit"
	"pulse/stats/line"
)

func TestBy(t *testing.T) {
	lines := []string{
		"level=info key=b x=1", "level=info key=a x=2.5", "level=info key=b x=4", "level=info key=c x=-7",
		"level=info key=a x=2.5", "level=info key=d x=word", "level=info x=100", `level=info key="\"\n\\<ß" x=2.5`,
	}
	for _, test := range []struct {
		name string
		kind Kind
		want string
	}{
		{"rate", newKeyed(newRate(60), byOne, 2, 30), `{"top":[{"key":"a","value":120},{"key":"b","value":120}],"other":180,"distinct":5}`},
		{"rate, all keys", newKeyed(newRate(1), byOne, 9, 1), `{"top":[{"key":"a","value":2},{"key":"b","value":2},{"key":"\"\u000a\\<ß","value":1},{"key":"c","value":1},{"key":"d","value":1}],"other":0,"distinct":5}`},
		{"sum", newKeyed(newSum(x), byOne, 2, 1), `{"top":[{"key":"a","value":5},{"key":"b","value":5}],"other":-4.5,"distinct":4}`},
		{"mean", newKeyed(newMean(x), byOne, 2, 1), `{"top":[{"key":"\"\u000a\\<ß","value":2.5},{"key":"a","value":2.5}],"other":-0.6666666666666666,"distinct":4}`},
		{"min", newKeyed(newMin(x), byOne, 1, 1), `{"top":[{"key":"\"\u000a\\<ß","value":2.5}],"other":-7,"distinct":4}`},
		{"max", newKeyed(newMax(x), byOne, 1, 1), `{"top":[{"key":"b","value":4}],"other":2.5,"distinct":4}`},
		{"quantiles", newKeyed(newQuantiles(x, []float64{0.5, 1}), byOne, 1, 1), `{"top":[{"key":"a","value":{"0.5":2.5,"1":2.5}}],"other":{"0.5":1,"1":4},"distinct":4}`},
		{"two fields", newKeyed(newRate(1), []line.Slot{key, x}, 1, 1), `{"top":[{"key":"a,2.5","value":2}],"other":5,"distinct":6}`},
	} {
		p := test.kind.NewPartial()
		newFolder(t).fold(p, lines...)
		got := valueOf(test.kind, p)
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: %s is no JSON", test.name, got)
		}
	}
}

// Long keys that begin alike stay apart, and are cut between characters.
func TestLongKeys(t *testing.T) {
	k := newKeyed(newRate(1), byOne, 5, 1)
	p := k.NewPartial()
	long := strings.Repeat("ä", 500)
	newFolder(t).fold(p, "level=info key="+long+"1", "level=info key="+long+"2", "level=info key="+long+"2")
	var v struct {
		Top []struct {
			Key   string
			Value float64
		}
	}
	if err := json.Unmarshal([]byte(valueOf(k, p)), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Top) != 2 || v.Top[0].Value != 2 || v.Top[1].Value != 1 {
		t.Fatalf("%+v", v)
	}
	for _, e := range v.Top {
		if len(e.Key) > maxKey || !strings.HasPrefix(e.Key, "äää") || strings.ContainsRune(e.Key, '\ufffd') {
			t.Errorf("the key %q", e.Key)
		}
	}
}

// TestByBeyondItsRoom has far more keys than there is room for, in several
// partials: totals stay exact, no key has too much, none lacks more than
// N / (k + 1), and a key that is heavier is there.
func TestByBeyondItsRoom(t *testing.T) {
	const over, top = 3000, 20
	room := capacity(over)
	for seed := range uint64(testkit.Size(2, 6)) {
		r := rand.New(rand.NewPCG(seed, 5))
		k := newKeyed(newRate(1), byOne, top, over)
		f := newFolder(t)
		counts := make(map[string]int)
		n := 20_000
		lines := make([]string, n)
		for i := range lines {
			// Half are of some heavy keys, which come in bursts, half are new.
			name := fmt.Sprintf("new%d", i)
			if r.IntN(2) == 0 {
				name = fmt.Sprintf("heavy%d", min(r.IntN(30), r.IntN(30))+i/5000)
			}
			counts[name]++
			lines[i] = "level=info key=" + name
		}
		p := joinSplit(t, r, f, k, lines).(*keyed)
		if len(p.keys.entries) != room {
			t.Fatalf("seed %d: %d keys, there is room for %d", seed, len(p.keys.entries), room)
		}
		var v struct {
			Top []struct {
				Key   string
				Value int
			}
			Other, Distinct int
		}
		if err := json.Unmarshal([]byte(valueOf(k, p)), &v); err != nil {
			t.Fatal(err)
		}
		total, most := v.Other, n/(room+1)
		shown := make(map[string]bool)
		for _, e := range v.Top {
			total += e.Value
			shown[e.Key] = true
			if e.Value > counts[e.Key] || e.Value < counts[e.Key]-most {
				t.Errorf("seed %d: %s has %d, it is %d and may lack %d", seed, e.Key, e.Value, counts[e.Key], most)
			}
		}
		if total != n {
			t.Errorf("seed %d: the total is %d, want %d", seed, total, n)
		}
		least := v.Top[len(v.Top)-1].Value
		for name, count := range counts {
			if count > least+most && !shown[name] {
				t.Errorf("seed %d: %s is missing, with %d lines", seed, name, count)
			}
		}
		known, w := 0, k.NewWindow().(Bounded)
		for i := range p.keys.entries {
			known += int(*p.keys.entries[i].value.partial.(*count))
		}
		w.Add(p)
		w.Value(Span{Covered: 1})
		if want := (Beyond{uint64(v.Distinct - room), thousandths(float64(n-known) / float64(n))}); w.BeyondRoom() != want {
			t.Errorf("seed %d: beyond its room is %+v, want %+v", seed, w.BeyondRoom(), want)
		}
		w.Sub(p)
		if w.Value(Span{Covered: 1}); w.BeyondRoom() != (Beyond{}) {
			t.Errorf("seed %d: beyond an empty window's room is %+v", seed, w.BeyondRoom())
		}
		if d := float64(v.Distinct)/float64(len(counts)) - 1; d < -0.04 || d > 0.04 {
			t.Errorf("seed %d: %d distinct, there are %d", seed, v.Distinct, len(counts))
		}
	}
}

// Any two partials join to the same bytes either way, beyond their room too.
func TestJoinCommutes(t *testing.T) {
	f := newFolder(t)
	for _, k := range []Kind{newKeyed(newSum(x), byOne, 3, 3000), newKeyed(newMean(x), byOne, 3, 3000), newLastSum(x, byOne, 3000)} {
		for seed := range uint64(5) {
			r := rand.New(rand.NewPCG(seed, 6))
			bytesOf := func(n int) []byte {
				p := k.NewPartial()
				for range n {
					f.fold(p, fmt.Sprintf("level=info key=k%d x=%d", r.IntN(600), r.IntN(50)-25))
				}
				return p.AppendTo(nil)
			}
			a, b := bytesOf(2000), bytesOf([]int{50, 3000}[seed%2])
			ab, ba := k.NewPartial(), k.NewPartial()
			join(t, k, ab, a)
			join(t, k, ab, b)
			join(t, k, ba, b)
			join(t, k, ba, a)
			if string(ab.AppendTo(nil)) != string(ba.AppendTo(nil)) {
				t.Errorf("%T, seed %d: the order shows", k, seed)
			}
		}
	}
}

func TestByRefuses(t *testing.T) {
	k := newKeyed(newRate(1), byOne, 3, 3000)
	entry := func(b []byte, key string, weight, n byte) []byte {
		return append(appendChunk(b, []byte(key)), weight, 1, n)
	}
	many := []byte{keysExact}
	for i := range capacity(3000) + 1 {
		many = entry(many, fmt.Sprintf("%05d", i), 1, 1)
	}
	for name, b := range map[string][]byte{
		"another form":           {2},
		"no keys":                {keysExact},
		"a key twice":            entry(entry([]byte{keysExact}, "a", 1, 1), "a", 1, 1),
		"keys out of order":      entry(entry([]byte{keysExact}, "b", 1, 1), "a", 1, 1),
		"a key without weight":   entry([]byte{keysExact}, "a", 0, 1),
		"a key without a count":  append(appendChunk([]byte{keysExact}, []byte("a")), 1, 0),
		"a count of 0":           entry([]byte{keysExact}, "a", 1, 0),
		"a key that is too long": entry([]byte{keysExact}, strings.Repeat("x", maxKey+1), 1, 1),
		"too many keys":          many,
		"a cut key":              {keysExact, 5, 'a'},
		"nothing dropped":        append(entry([]byte{keysDropped, 0}, "a", 1, 1), make([]byte, registersLen)...),
		"no registers":           {keysDropped, 1, 1, 1, 0},
	} {
		p := k.NewPartial()
		if p.Join(b) == nil || k.Check(b) == nil || !p.Empty() {
			t.Errorf("%s is taken", name)
		}
	}
}

// Different keys are different texts, whatever their bytes: here all of up to
// five bytes of those that mean something.
func TestKeysStayDistinct(t *testing.T) {
	const bytes = "\\x,f\xff\xc3\xa9\x00\x01\x02"
	for _, fields := range []int{1, 2} {
		var tokens []string // bytes, as they are in a key
		for i := range len(bytes) {
			tokens = append(tokens, bytes[i:i+1])
			if fields > 1 {
				tokens[i] = string(appendKeyValue(nil, []byte(tokens[i])))
			}
		}
		if fields > 1 {
			tokens = append(tokens, string(rune(keySeparator)))
		}
		keys := map[string]string{}
		var try func(key string, length int)
		try = func(key string, length int) {
			text := keyText(key, fields)
			if !utf8.ValidString(text) {
				t.Fatalf("the key %q of %d fields is %q", key, fields, text)
			}
			if other, ok := keys[text]; ok {
				t.Fatalf("the keys %q and %q of %d fields are both %s", key, other, fields, text)
			}
			keys[text] = key
			if length < 5 {
				for _, token := range tokens {
					try(key+token, length+1)
				}
			}
		}
		try("", 0)
	}
}

// What is between the values of two fields can be in one of them too.
func TestKeysOfSeveralFields(t *testing.T) {
	f := newFolder(t)
	k := newKeyed(newRate(1), []line.Slot{key, x}, 10, 1)
	p := k.NewPartial()
	f.fold(p, `{"key":"a\u0000b","x":"c"}`, `{"key":"a","x":"b\u0000c"}`, `{"key":"a\u0001\u0002b","x":"c"}`, `{"key":"a","x":"b\u0000c"}`)
	const want = `{"top":[{"key":"a,b\\x00c","value":2},{"key":"a\u0001\u0002b,c","value":1},{"key":"a\\x00b,c","value":1}],"other":0,"distinct":3}`
	if got := valueOf(k, p); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKeyText(t *testing.T) {
	for _, c := range []struct {
		key    string
		fields int
		want   string
	}{
		{"/a\xffb", 1, `/a\xffb`},
		{`/a\xffb`, 1, `/a\\xffb`},
		{"\\\xff", 1, `\\\xff`},
		{`\\x`, 1, `\\\\x`},
		{`DOMAIN\user\`, 1, `DOMAIN\user\`},
		{"a\x00b\n", 1, "a\\x00b\n"},
		{"a,b", 1, "a,b"},
		{"a\x00b", 2, "a,b"},
		{"a,b\x00c", 2, `a\,b,c`},
		{"a\\\x00b", 2, `a\\,b`},
		{"a\x01\x02b\x00c", 2, `a\x00b,c`},
		{"a\x01\x01\x00\x02", 2, "a\x01,\x02"},
		{"\ufffd€", 1, "\ufffd€"},
	} {
		if got := keyText(c.key, c.fields); got != c.want {
			t.Errorf("the key %q of %d fields is %q, want %q", c.key, c.fields, got, c.want)
		}
	}
}
