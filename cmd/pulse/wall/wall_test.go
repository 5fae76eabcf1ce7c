package wall

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
)

const config = `{"type":"config","now":1010,"clocks":[],"pages":[{"title":"One","rows":[["errors","ms"]]},{"title":"Two","rows":[["keys","nothing"]]}],
"stats":[{"name":"errors","title":"Errors","unit":"/min","kind":"rate","over":60,"crit":5},{"name":"ms","title":"Service time","unit":"ms","kind":"quantiles","over":10},
{"name":"keys","title":"Keys","kind":"count","over":10},{"name":"share","title":"Share","unit":"%","scale":100,"kind":"ratio","over":10,"warn":0.5}]}`

func tell(t *testing.T, w *wall, text string) {
	t.Helper()
	m := &message{}
	if err := json.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	w.Update(said{m})
}

func filled(t *testing.T) *wall {
	w := &wall{board: &board{}}
	w.Update(tea.WindowSizeMsg{Width: 80, Height: 16})
	tell(t, w, config)
	tell(t, w, `{"type":"history","now":1010,"clocks":[],"history":[[0,1000,1,2,3,4,5,6],[1,1005,{"0.5":12,"0.99":null}],[3,1000,{"stale":990}]],"last":true}`)
	tell(t, w, `{"type":"points","now":1010,"clocks":[],"points":[[0,1006,8.25],[1,1006,{"0.5":12,"0.99":1234.5}],[2,1006,{"top":[{"key":"/a\u001b[31m\u202e","value":7}],"other":1,"distinct":2}],[3,1009,0.612]]}`)
	return w
}

func press(w *wall, keys ...string) string {
	w.Update(drawing{})
	for _, key := range keys {
		m := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}
		switch key {
		case "enter":
			m = tea.KeyMsg{Type: tea.KeyEnter}
		case "esc":
			m = tea.KeyMsg{Type: tea.KeyEsc}
		case "down":
			m = tea.KeyMsg{Type: tea.KeyDown}
		case "right":
			m = tea.KeyMsg{Type: tea.KeyRight}
		}
		w.Update(m)
	}
	return w.View()
}

func TestWall(t *testing.T) {
	w := filled(t)
	for _, step := range []struct {
		keys []string
		has  []string
		not  []string
	}{
		{nil, []string{"1 ", "One", "2 Two", "3 All stats", "Errors", "8.25 /min", "▲", "Service time", "p50 12  p99 1.23k ms", "▁▂▃▄▅▆█"}, []string{"Keys", "/a"}},
		{[]string{"2"}, []string{"Keys", "/a·[31m· 7"}, []string{"Errors"}},
		{[]string{"3"}, []string{"Share", "△", "61.2 %"}, nil},
		{[]string{"right"}, []string{"Errors"}, []string{"Share"}},
		{[]string{"down", "enter"}, []string{"quantiles, over 10 s", "1.23k  0.99"}, []string{"Errors"}},
		{[]string{"esc", "/", "s", "h", "a", "enter"}, []string{"“sha”", "Share"}, []string{"Service"}},
		{[]string{"esc"}, []string{"Service time"}, nil},
		{[]string{"9", "x"}, []string{"Service time"}, nil},
	} {
		view := press(w, step.keys...)
		for _, want := range step.has {
			if !strings.Contains(view, want) {
				t.Errorf("after %v there is no %q in\n%s", step.keys, want, view)
			}
		}
		for _, not := range step.not {
			if strings.Contains(view, not) {
				t.Errorf("after %v there is %q in\n%s", step.keys, not, view)
			}
		}
		if n := strings.Count(view, "\n") + 1; n != 16 {
			t.Errorf("after %v there are %d lines, the terminal has 16", step.keys, n)
		}
	}
	w.Update(alerts{[]alertNow{{Alert: "many", Kind: "firing", Since: "1970-01-01T00:15:00Z"}, {Alert: "quiet", Kind: "firing", Since: "1970-01-01T00:15:00Z", Silence: json.RawMessage(`{}`)}}})
	w.Update(lost{"refused"})
	view := press(w)
	if !strings.Contains(view, "● many for 1m50s") || !strings.Contains(view, "1 silenced") || !strings.Contains(view, "not connected: refused") || strings.Contains(view, "quiet") {
		t.Errorf("the view is\n%s", view)
	}
	w.Update(alerts{[]alertNow{{Alert: "many", Kind: "firing", Since: "1970-01-01T00:15:00Z", Value: "7", Now: "9"}, {Alert: "quiet", Kind: "unknown", Since: "x", Silence: json.RawMessage(`{}`)}}})
	view = press(w, "a")
	if !strings.Contains(view, "firing     many  for 1m50s, now 9, it began with 7") || !strings.Contains(view, "silenced   quiet") || strings.Contains(view, "Service time") {
		t.Errorf("the list of alerts is\n%s", view)
	}
	if view = press(w, "esc"); strings.Contains(view, "began with") {
		t.Errorf("after esc there is\n%s", view)
	}
	if _, quit := w.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q")}); quit == nil {
		t.Error("q does not leave")
	}
}

// A recording of another time is as old as its newest second, while it goes on; when it has
// ended, values have its date.
func TestRecording(t *testing.T) {
	w := filled(t)
	at := time.Date(2012, 11, 22, 9, 7, 8, 0, time.UTC).Unix()
	tell(t, w, `{"type":"config","now":2e9,"pages":[{"title":"One","rows":[["a"]]}],"stats":[{"name":"a","title":"A","kind":"count","over":1}]}`)
	tell(t, w, fmt.Sprintf(`{"type":"points","now":2000000000,"clocks":[%d,%d],"points":[[0,%d,7]]}`, at-1, at, at-2))
	if view := press(w); strings.Contains(view, "ago") || strings.Contains(view, "7 (") || !strings.Contains(view, "recording of 2012-11-22 09:07:08") {
		t.Errorf("a recording is\n%s", view)
	}
	tell(t, w, fmt.Sprintf(`{"type":"points","now":2000000004,"clocks":[%d],"points":[]}`, at))
	if view := press(w); strings.Contains(view, "recording") || !strings.Contains(view, "7 (2012-11-22 09:07:06)") {
		t.Errorf("one that has ended is\n%s", view)
	}
}

// While stats come one after the other to the end of a recording that is dated ahead, and no
// clock moves any more, those that are behind have the date of what is shown.
func TestRecordingWhoseStatsAreBehind(t *testing.T) {
	w := filled(t)
	const end = 2_000_090_000
	tell(t, w, `{"type":"config","now":2e9,"pages":[{"title":"One","rows":[["a","b"]]}],"stats":[{"name":"a","title":"A","kind":"count","over":1},{"name":"b","title":"B","kind":"count","over":1}]}`)
	tell(t, w, fmt.Sprintf(`{"type":"points","now":2000000000,"clocks":[%d],"points":[[0,%d,7],[1,%d,8]]}`, end+1, end, end-8000))
	tell(t, w, fmt.Sprintf(`{"type":"points","now":2000000010,"clocks":[%d],"points":[[1,%d,9]]}`, end+1, end-7000))
	if view, want := press(w), time.Unix(end-7000, 0).UTC().Format("9 (2006-01-02 15:04:05)"); !strings.Contains(view, want) || strings.Contains(view, "7 (") {
		t.Errorf("a recording whose stats are behind lacks %q:\n%s", want, view)
	}
}

// However small the terminal is and whatever logs say, no line is too long and nothing in it
// is for the terminal.
func TestNothingForTheTerminal(t *testing.T) {
	w := filled(t)
	bad := "\x1b]0;owned\x07\x1b[2J\u009b31m\u202eevil\r\n世界" + strings.Repeat("x", 500)
	text, err := json.Marshal(bad)
	if err != nil {
		t.Fatal(err)
	}
	tell(t, w, fmt.Sprintf(`{"type":"config","now":1,"pages":[{"title":%s,"rows":[["a"]]}],"stats":[{"name":"a","title":%[1]s,"unit":%[1]s,"help":%[1]s,"where":%[1]s,"kind":"count","over":1}]}`, text))
	tell(t, w, fmt.Sprintf(`{"type":"points","now":1,"points":[[0,1,{"top":[{"key":%s,"value":7}],"other":0,"distinct":1}],[9,1,1],[-1,1,1]]}`, text))
	w.Update(alerts{[]alertNow{{Alert: bad, Key: &bad, Kind: bad, Since: bad}}})
	w.Update(lost{clean(bad)})
	for _, size := range []struct{ width, height int }{{80, 24}, {20, 6}, {1, 1}, {0, 0}, {300, 3}} {
		w.Update(tea.WindowSizeMsg{Width: size.width, Height: size.height})
		for _, keys := range [][]string{{"1"}, {"enter"}, {"/", "世", "\x1b"}} {
			view := press(w, keys...)
			for line := range strings.Lines(view) {
				line = strings.TrimSuffix(line, "\n")
				if n := lipgloss.Width(line); n > max(size.width, 20) {
					t.Errorf("at %v a line has %d columns: %q", size, n, line)
				}
				for _, r := range line {
					if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
						t.Fatalf("at %v there is %U in %q", size, r, line)
					}
				}
			}
		}
	}
}

// With ASCII alone, and without colors, the wall says the same in as many columns.
func TestPlain(t *testing.T) {
	w := filled(t)
	rich := press(w)
	w.plain, w.fresh = true, false
	view := press(w)
	if strings.ContainsFunc(view, func(r rune) bool { return r > unicode.MaxASCII }) || !strings.Contains(view, ">Errors") || !strings.Contains(view, "!") || !strings.Contains(view, "_.:") {
		t.Errorf("the view is\n%s", view)
	}
	if lipgloss.Width(view) != lipgloss.Width(rich) || strings.Count(view, "\n") != strings.Count(rich, "\n") {
		t.Errorf("it has another size than\n%s", rich)
	}
	if got := ascii("世…é"); got != "??~?" {
		t.Errorf("got %q", got)
	}
}

func FuzzMessages(f *testing.F) {
	f.Add(config, `{"type":"points","points":[[0,1,{"top":[]}]]}`)
	f.Add(`{"type":"history","history":[[0]]}`, `{"type":"points","points":[7,[1,2,3,4]]}`)
	f.Fuzz(func(_ *testing.T, one, other string) {
		w := &wall{board: &board{}}
		w.Update(tea.WindowSizeMsg{Width: 80, Height: 10})
		for _, text := range []string{config, one, other} {
			m := &message{}
			if json.Unmarshal([]byte(text), m) == nil {
				w.Update(said{m})
			}
			press(w, "3", "enter")
		}
	})
}

func TestBrief(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 12: "12", 8.994: "8.99", 82.24: "82.2", 15300: "15.3k", 0.0041: "0.0041", -1234567: "-1.23M", 1e20: "1.0e+20", 999.9: "1.00k", 0.25: "0.250"} {
		if got := brief(v); got != want {
			t.Errorf("%v is %s, want %s", v, got, want)
		}
	}
}
