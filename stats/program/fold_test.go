package program

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"pulse/cmd/dev/testkit"
	"pulse/cmd/dev/traffic"
	"pulse/stats"
	"pulse/stats/aggregate"
	"pulse/stats/condition"
	"pulse/stats/condition/conditiontest"
	"pulse/stats/fixed"
	"pulse/stats/internal/statstest"
	"pulse/stats/line"
	"pulse/stats/timing"
	"pulse/stats/window"
)

// flush gives the fragments of a Folder by stat, and checks their order.
func flush(t testing.TB, f *Folder) map[int][]byte {
	t.Helper()
	got := make(map[int][]byte)
	last := -1
	f.Flush(func(stat int, fragment []byte) {
		if stat <= last {
			t.Errorf("stat %d after stat %d", stat, last)
		}
		last = stat
		got[stat] = bytes.Clone(fragment)
	})
	return got
}

// slowFold is the obvious way: each line against each stat, one by one.
type slowFold struct {
	program  *Program
	defs     []*stats.Stat
	scanner  *line.Scanner
	partials map[int]map[int64]aggregate.Partial
}

func newSlowFold(p *Program, d *stats.Definitions) *slowFold {
	return &slowFold{p, d.Stats, p.schema.NewScanner(), make(map[int]map[int64]aggregate.Partial)}
}

func (s *slowFold) fold(text string, at int64) {
	ev := new(line.Event)
	buf := append([]byte(text), make([]byte, line.Padding)...)
	s.scanner.Parse(ev, buf, 0, len(text))
	second := at
	if own, _, ok := ev.Time(); ok && own <= at+5 {
		second = own
	}
	lookup := func(field string) (condition.Constant, bool) {
		slot := s.program.schema.Slot(field)
		if !ev.Has(slot) {
			return condition.Constant{}, false
		}
		c := condition.Constant{Type: ev.Type(slot)}
		switch c.Type {
		case condition.Text:
			c.Text = string(ev.Bytes(slot))
		case condition.Num:
			c.Num, _ = ev.Number(slot)
		case condition.Bool:
			c.Bool = string(ev.Bytes(slot)) == "true"
		}
		return c, true
	}
	for i, stat := range s.defs {
		if !conditiontest.Eval(stat.Cond, lookup) {
			continue
		}
		if s.partials[i] == nil {
			s.partials[i] = make(map[int64]aggregate.Partial)
		}
		p := s.partials[i][second]
		if p == nil {
			p = s.program.kinds[i].NewPartial()
			s.partials[i][second] = p
		}
		p.Fold(ev)
	}
}

// check compares what a Folder flushed.
func (s *slowFold) check(t *testing.T, name string, got map[int][]byte) {
	t.Helper()
	for i, stat := range s.defs {
		want := make(map[int64]string)
		for second, p := range s.partials[i] {
			if !p.Empty() {
				want[second] = string(p.AppendTo(nil))
			}
		}
		have := partials(t, got[i])
		for second := range want {
			if have[second] != want[second] {
				t.Errorf("%s: %s %s where %s, second %d: %x, want %x", name, stat.Kind, stat.Field, condition.Format(stat.Cond), second, have[second], want[second])
				return
			}
		}
		if len(have) != len(want) {
			t.Errorf("%s: %s where %s: %d seconds, want %d", name, stat.Kind, condition.Format(stat.Cond), len(have), len(want))
			return
		}
	}
}

// randomCondition makes a condition of fields and constants that lines have.
func randomCondition(r *rand.Rand, depth int) condition.Node {
	if depth > 0 {
		switch r.IntN(6) {
		case 0, 1:
			return &condition.And{Nodes: randomConditions(r, depth)}
		case 2, 3:
			return &condition.Or{Nodes: randomConditions(r, depth)}
		case 4:
			return &condition.Not{Node: randomCondition(r, depth-1)}
		}
	}
	if r.IntN(12) == 0 {
		n, err := condition.Parse(statstest.Pick(r, `len(host) > 6`, `service + status > 300`, `upper(level) == "ERR"`, `(redis ?? 1) > 9`,
			`code == $env["status"]`, `status % 2 == 0`, `any(split(msg, " "), # == "publish")`, `let s = status; s > 200 && s < 500`), nil)
		if err != nil {
			panic(err)
		}
		return n
	}
	field := statstest.Pick(r, "source", "level", "cloud", "http.method", "cached", "error_type", "mod", "code", "at", "action", "amqp_message", "http_status", "http_host", "redis", "service", "method", "status", "unparsed", "msg", "line", "host", "instance_id", "callback")
	c := &condition.Compare{Field: field, Op: condition.Op(r.IntN(int(condition.Matches) + 1))}
	switch c.Op {
	case condition.Has, condition.Missing:
	case condition.Eq, condition.Ne:
		switch r.IntN(4) {
		case 0:
			n, _ := fixed.Parse([]byte(statstest.Pick(r, "200", "404", "500", "503", "7", "10.5", "0")))
			c.Const = condition.Constant{Type: condition.Num, Num: n}
		case 1:
			c.Const = condition.Constant{Type: condition.Bool, Bool: r.IntN(2) == 0}
		default:
			c.Const = condition.Constant{Type: condition.Text, Text: statstest.Pick(r, "nginx", "hermes", "heroku", "info", "err", "example.com", "cloud-b.com", "hermes_proxy", "OK", "H10", "H99", "publish", "GET", "POST", "error", "200", "true", "msg", "procs_callback")}
		}
	case condition.Lt, condition.Le, condition.Gt, condition.Ge:
		n, _ := fixed.Parse([]byte(statstest.Pick(r, "200", "300", "500", "10", "25.5", "-1", "100")))
		c.Const = condition.Constant{Type: condition.Num, Num: n}
	case condition.Matches:
		c.Const = condition.Constant{Type: condition.Text, Text: statstest.Pick(r, "^h", "H1[0-3]", "e.*o", "5")}
	default:
		c.Const = condition.Constant{Type: condition.Text, Text: statstest.Pick(r, "h", "H1", "heroku", "5", "o", "e", "GET /p")}
	}
	return c
}

func randomConditions(r *rand.Rand, depth int) []condition.Node {
	nodes := make([]condition.Node, r.IntN(4))
	for i := range nodes {
		nodes[i] = randomCondition(r, depth-1)
	}
	return nodes
}

func randomDefinitions(r *rand.Rand) *stats.Definitions {
	d := &stats.Definitions{Lateness: 2}
	for i := range 1 + r.IntN(30) {
		s := &stats.Stat{Name: fmt.Sprint("stat", i), Kind: "rate", Per: 1, Window: 10, Cond: randomCondition(r, r.IntN(4))}
		switch r.IntN(6) {
		case 0:
			s.Kind, s.Field = "sum", statstest.Pick(r, "service", "http_bytes", "bytes", "redis")
		case 1:
			s.Kind, s.Field = "unique", statstest.Pick(r, "app_id", "http_domain", "host", "code", "http.host")
		case 2:
			s.Cond = nil
		}
		d.Stats = append(d.Stats, s)
	}
	return d
}

// Random conditions on random lines: the memo, the index without it, and the
// memo that is full give what evaluating each condition gives.
func TestMatchProperty(t *testing.T) {
	var lines []string
	for _, kind := range []string{"mixed", "pulse", "json", "router"} {
		lines = append(lines, statstest.Record(t, kind, 3000, 300)...) // of ten seconds
	}
	for seed := range uint64(testkit.Size(8, 100)) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := randomDefinitions(r)
		p, err := Compile(d)
		if err != nil {
			t.Fatal(err)
		}
		slow := newSlowFold(p, d)
		folders := map[string]*Folder{"memo": p.NewFolder(), "index": p.NewFolder(), "memo that fills": p.NewFolder()}
		folders["index"].memo.entries = memoSlots
		folders["memo that fills"].memo.cells = memoCells - 500
		for range 20 {
			var pack strings.Builder
			second := statstest.FirstSecond + r.Int64N(12)
			for range 20 {
				text := lines[r.IntN(len(lines))]
				switch r.IntN(20) {
				case 0:
					text += strings.Repeat(" code=H10 mod=x", r.IntN(60)) // too many codes
				case 1, 2:
					text = traffic.HostileLine(r, second)
				}
				if n := len(strings.TrimSuffix(text, "\r")); n > 0 && n <= line.MaxLen {
					slow.fold(text, second)
				}
				pack.WriteString(text + "\n")
			}
			for _, f := range folders {
				f.Fold(Pack{Lines: []byte(pack.String()), Second: second})
			}
		}
		for name, f := range folders {
			slow.check(t, fmt.Sprintf("seed %d, %s", seed, name), flush(t, f))
			if more := flush(t, f); len(more) > 0 {
				t.Errorf("seed %d, %s: %d fragments after a flush", seed, name, len(more))
			}
		}
		if t.Failed() {
			return
		}
	}
}

// However lines are split into packs, the fragments are the same.
func TestFoldPacking(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	p := compile(t, statstest.PulseYAML(100))
	lines := append(statstest.Record(t, "pulse", 1000, 400), statstest.Record(t, "mixed", 1000, 400)...)
	text := strings.Join(lines, "\n")
	whole := p.NewFolder()
	whole.Fold(Pack{Lines: []byte(text), Second: statstest.FirstSecond + 2, Floor: statstest.FirstSecond + 2})
	want := flush(t, whole)

	f := p.NewFolder()
	for range 20 {
		for i := 0; i < len(lines); {
			n := min(1+r.IntN(1+r.IntN(300)), len(lines)-i)
			text := strings.Join(lines[i:i+n], statstest.Pick(r, "\n", "\r\n", "\n\n"))
			if r.IntN(2) == 0 {
				text += "\n"
			}
			pack := []byte(text)
			f.Fold(Pack{Lines: pack[:len(pack):len(pack)], Second: statstest.FirstSecond + 2, Floor: statstest.FirstSecond + 2})
			i += n
		}
		got := flush(t, f)
		if len(got) != len(want) {
			t.Errorf("%d fragments, want %d", len(got), len(want))
		}
		for stat := range want {
			if !bytes.Equal(got[stat], want[stat]) {
				t.Errorf("stat %s differs: %x, want %x", p.stats[stat].Name, got[stat], want[stat])
			}
		}
	}
}

// at gives a line of a second.
func at(second int64, text string) string {
	return time.Unix(second, 0).UTC().Format(time.RFC3339) + " app[web.1]: " + text
}

func TestFoldSeconds(t *testing.T) {
	const s = statstest.FirstSecond
	long := strings.Repeat("x", line.MaxLen-len(at(s, "")))
	tests := []struct {
		name    string
		pack    Pack
		seconds map[int64]uint64     // lines counted, by second
		counts  aggregate.LineCounts // Bytes are not compared
	}{
		{"in time", Pack{Lines: []byte(at(s, "a") + "\n" + at(s, "b")), Second: s, Floor: s}, map[int64]uint64{s: 2}, aggregate.LineCounts{Lines: 2, Counted: 2}},
		{"last in time", Pack{Lines: []byte(at(s-2, "a")), Second: s, Floor: s}, map[int64]uint64{s - 2: 1}, aggregate.LineCounts{Lines: 1, Counted: 1}},
		{"first late", Pack{Lines: []byte(at(s-3, "a")), Second: s, Floor: s}, nil, aggregate.LineCounts{Lines: 1, Late: 1}},
		{"late by the floor", Pack{Lines: []byte(at(s-2, "a")), Second: s, Floor: s + 1}, nil, aggregate.LineCounts{Lines: 1, Late: 1}},
		{"no time", Pack{Lines: []byte("a"), Second: s, Floor: s}, map[int64]uint64{s: 1}, aggregate.LineCounts{Lines: 1, Counted: 1}},
		{"no time and late", Pack{Lines: []byte("a"), Second: s, Floor: s + 3}, nil, aggregate.LineCounts{Lines: 1, Late: 1}},
		{"not too far ahead", Pack{Lines: []byte(at(s+5, "a")), Second: s, Floor: s}, map[int64]uint64{s + 5: 1}, aggregate.LineCounts{Lines: 1, Counted: 1}},
		{"ahead", Pack{Lines: []byte(at(s+6, "a")), Second: s, Floor: s}, map[int64]uint64{s: 1}, aggregate.LineCounts{Lines: 1, Counted: 1, Ahead: 1}},
		{"2038", Pack{Lines: []byte("2038-01-19T03:14:07Z x"), Second: s, Floor: s}, map[int64]uint64{s: 1}, aggregate.LineCounts{Lines: 1, Counted: 1, Ahead: 1}},
		{"ahead and late", Pack{Lines: []byte(at(s+6, "a")), Second: s, Floor: s + 3}, nil, aggregate.LineCounts{Lines: 1, Late: 1, Ahead: 1}},
		{"empty lines", Pack{Lines: []byte("\n\r\n\na\n\n"), Second: s, Floor: s}, map[int64]uint64{s: 1}, aggregate.LineCounts{Lines: 1, Counted: 1}},
		{"no lines", Pack{Second: s, Floor: s}, nil, aggregate.LineCounts{}},
		{"longest line", Pack{Lines: []byte(at(s, long) + "\r\nb"), Second: s, Floor: s}, map[int64]uint64{s: 2}, aggregate.LineCounts{Lines: 2, Counted: 2}},
		{"too long", Pack{Lines: []byte("a\n" + at(s, long) + "x\nb\n"), Second: s, Floor: s}, map[int64]uint64{s: 2}, aggregate.LineCounts{Lines: 3, Counted: 2, Unreadable: 1}},
		{"many seconds at once", Pack{Lines: []byte(strings.Join([]string{at(s-2, ""), at(s+5, ""), at(s-1, ""), at(s+5, ""), at(s-2, "")}, "\n")), Second: s, Floor: s},
			map[int64]uint64{s - 2: 2, s - 1: 1, s + 5: 2}, aggregate.LineCounts{Lines: 5, Counted: 5}},
		{"mapped", Pack{Lines: []byte(at(1000, "a") + "\n" + at(1003, "a") + "\n" + at(1004, "b")), Second: s, Floor: s, Map: line.Mapping{From: 1000e9, To: s * 1e9, Milli: 2000}},
			map[int64]uint64{s: 1, s + 1: 1, s + 2: 1}, aggregate.LineCounts{Lines: 3, Counted: 3}},
		{"mapped to before 1970", Pack{Lines: []byte(at(1000, "a")), Map: line.Mapping{From: 2000e9}}, nil, aggregate.LineCounts{Lines: 1, Late: 1}},
	}
	p := compile(t, "stats:\n  - {name: all, rate: second}\n")
	f := p.NewFolder()
	for _, test := range tests {
		before := f.Counts()
		f.Fold(test.pack)
		got := flush(t, f)
		counts := f.Counts().Sub(before)
		counts.Bytes, counts.Undated, counts.Unparsed, counts.Half = 0, 0, 0, 0
		if counts != test.counts {
			t.Errorf("%s: %+v, want %+v", test.name, counts, test.counts)
		}
		seconds := make(map[int64]uint64)
		for second, partial := range partials(t, got[0]) {
			seconds[second], _ = binary.Uvarint([]byte(partial))
		}
		if fmt.Sprint(seconds) != fmt.Sprint(test.seconds) && len(seconds)+len(test.seconds) > 0 {
			t.Errorf("%s: counted %v, want %v", test.name, seconds, test.seconds)
		}
		own := new(aggregate.LinesPartial)
		for second, partial := range partials(t, got[int(p.internal[stats.SubjectAccount])]) {
			if second != test.pack.Floor || own.Join([]byte(partial)) != nil {
				t.Errorf("%s: the internal stat is %x, at second %d", test.name, partial, second)
			}
		}
		want := new(aggregate.LinesPartial)
		want.Add(f.Counts().Sub(before))
		if !bytes.Equal(own.AppendTo(nil), want.AppendTo(nil)) {
			t.Errorf("%s: the internal stat has %x, want %x", test.name, own.AppendTo(nil), want.AppendTo(nil))
		}
	}
}

func TestUndecodable(t *testing.T) {
	f := compile(t, "stats:\n  - {name: all, rate: second}\n").NewFolder()
	f.Undecodable([]byte("a\n\r\nbcd\r\n\nx"), statstest.FirstSecond)
	if got, want := f.Counts(), (aggregate.LineCounts{Lines: 3, Unreadable: 3, Bytes: 5}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	f.Undecodable(nil, statstest.FirstSecond)
	got := flush(t, f)
	internal := &f.program.internal
	if len(got) != 2 || got[int(internal[stats.SubjectAccount])] == nil || got[int(internal[stats.SubjectBytes])] == nil {
		t.Errorf("fragments %x", got)
	}
}

// A source that invents values, keys and their order does not grow a Folder.
func TestHostileInputIsBounded(t *testing.T) {
	testkit.Long(t)
	p := compile(t, strings.ReplaceAll(statstest.PulseYAML(100), "unique: app_id", "rate: second"))
	f := p.NewFolder()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	lines := packs(statstest.Hostile(50_000, 20_000), 20_000)
	before := heap()
	for _, pack := range lines {
		f.Fold(pack)
	}
	if f.memo.entries > memoSlots/2 || f.memo.cells > memoCells+len(p.stats)+64 {
		t.Errorf("the memo has %d entries of %d cells", f.memo.entries, f.memo.cells)
	}
	if f.memo.missed == 0 {
		t.Error("the lines are not hostile enough to fill the memo")
	}
	if grown := int64(heap() - before); grown > 16<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	flush(t, f)
	runtime.KeepAlive(lines)
}

// The memo begins anew when most of the lines find no room in it.
func TestMemoRelearns(t *testing.T) {
	f := compile(t, statstest.RouterYAML).NewFolder()
	f.memo.entries = memoSlots / 2
	f.memo.missed = memoRelearn - 1
	pack := Pack{Lines: []byte(at(statstest.FirstSecond, "at=error")), Second: statstest.FirstSecond, Floor: statstest.FirstSecond}
	f.Fold(pack)
	flush(t, f)
	if f.memo.entries != 0 {
		t.Fatalf("%d entries after %d lines without room", f.memo.entries, f.memo.missed)
	}
	f.Fold(pack)
	if f.memo.entries != 1 {
		t.Errorf("%d entries, want 1", f.memo.entries)
	}
}

func TestFoldAllocates(t *testing.T) {
	for kind, yaml := range map[string]string{"pulse": statstest.PulseYAML(100), "router": statstest.RouterYAML, "combined": statstest.AccessYAML, "json": statstest.JSONYAML} {
		in := packs(statstest.Record(t, kind, 500, 1000), 1000)
		f := compile(t, yaml).NewFolder()
		fold := func() {
			for _, p := range in {
				f.Fold(p)
			}
			f.Flush(func(int, []byte) {})
		}
		fold()
		if n := testing.AllocsPerRun(5, fold); n != 0 {
			t.Errorf("%s: %v allocations", kind, n)
		}
	}
}

func TestCompileBounds(t *testing.T) {
	d := &stats.Definitions{}
	for i := range line.MaxFields + 1 {
		d.Stats = append(d.Stats, &stats.Stat{Name: fmt.Sprint("s", i), Kind: "sum", Field: fmt.Sprint("f", i), Window: 10})
	}
	if _, err := Compile(d); err == nil || !strings.Contains(err.Error(), "at most 512") {
		t.Errorf("too many fields: %v", err)
	}
	for _, c := range []*condition.Compare{
		{Field: "a", Op: condition.Matches, Const: condition.Constant{Text: "("}},
		{Field: "a", Op: condition.Lt, Const: condition.Constant{Text: "x"}},
		{Field: "a", Op: condition.Contains, Const: condition.Constant{Type: condition.Num}},
		{Field: "a", Op: condition.Matches + 1},
	} {
		if _, err := Compile(&stats.Definitions{Stats: []*stats.Stat{{Name: "s", Kind: "rate", Per: 1, Window: 10, Cond: c}}}); err == nil || !strings.Contains(err.Error(), "stat s: field a") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// FuzzFold checks of any pack that each of its lines is accounted for, and that
// the fragments can be joined.
func FuzzFold(f *testing.F) {
	for _, kind := range traffic.Kinds() {
		for _, text := range statstest.Record(f, kind, 5, 1) {
			f.Add([]byte(text+"\n\r\n"+text), int64(2000), uint16(0))
		}
	}
	f.Add([]byte(strings.Repeat("x", line.MaxLen+1)+"\n2012-11-22T09:31:34Z h l.info x - y - code=H10"), int64(statstest.FirstSecond), uint16(1500))
	p := compile(f, statstest.PulseYAML(100))
	folder := p.NewFolder()
	f.Fuzz(func(t *testing.T, lines []byte, second int64, milli uint16) {
		if second < 0 || second > timing.LastSecond {
			return
		}
		before := folder.Counts()
		folder.Fold(Pack{Lines: lines, Second: second, Floor: second + int64(milli%7), Map: line.Mapping{From: int64(milli), Milli: uint32(milli)}})
		counts := folder.Counts().Sub(before)
		var want aggregate.LineCounts
		for _, text := range bytes.Split(lines, []byte("\n")) {
			if text = bytes.TrimSuffix(text, []byte("\r")); len(text) > 0 {
				want.Lines++
				want.Bytes += uint64(len(text))
				if len(text) > line.MaxLen {
					want.Unreadable++
				}
			}
		}
		if counts.Lines != want.Lines || counts.Bytes != want.Bytes || counts.Unreadable != want.Unreadable || counts.Counted+counts.Late+counts.Unreadable != counts.Lines {
			t.Errorf("%+v, want %+v", counts, want)
		}
		folder.Flush(func(stat int, fragment []byte) {
			if err := window.NewSeries(p.kinds[stat], p.stats[stat]).Join(fragment, nil); err != nil {
				t.Errorf("stat %s: %v", p.stats[stat].Name, err)
			}
		})
	})
}
