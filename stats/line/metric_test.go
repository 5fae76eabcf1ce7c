package line

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestNextMetric(t *testing.T) {
	for text, want := range map[string]string{
		"count#orders=3": "count orders 3",
		"measure#db.query=1.2s sample#memory_total=384.3MB count#x=-2":       "measure db.query 1200; sample memory_total 384300000; count x -2",
		`{"msg":"count#signups=1 measure#signup-controller=50ms"}`:           "count signups 1; measure signup-controller 50",
		"2012-11-22T09:31:34Z app[web.1]: sample#load-avg-1m=0.25, at=info":  "sample load-avg-1m 0.25",
		`sample#a="7" count#beers=1bottle count#n=2e3`:                       "sample a 7; count beers 1; count n 2000",
		"measure#x=5m sample#y=513M measure#z=1h2m":                          "measure x not a number; sample y not a number; measure z 3720000",
		`measure#n="1.5 s" measure#n=1.5 s, measure#n="2"`:                   "measure n 1500; measure n 1500; measure n 2",
		`{"msg":"measure#n=\"1.5 s\" count#m=\"2"}`:                          "measure n 1500; count m not a number",
		"sample#k=1,234 sample#k=1'234 sample#k=1;5 count#a=1,count#b=2":     "sample k not a number; sample k not a number; sample k not a number; count a 1; count b 2",
		"sample#k=10Mbps sample#k=5 MB/s sample#k=2hours sample#k=3 days":    "sample k not a number; sample k not a number; sample k not a number; sample k not a number",
		"sample#k=0x1F sample#k=1_000 sample#k=1e3s sample#k=.5 sample#k=5.": "sample k not a number; sample k not a number; sample k not a number; sample k not a number; sample k not a number",
		"sample#k=NaN sample#k=+5 sample#k=5 % sample#k=3 items":             "sample k not a number; sample k not a number; sample k 5; sample k 3",
		`count#x="5 count#y=1`:                                         "count x not a number; count y 1",
		"count#x=many count#y= count#z":                                "count x not a number; count y not a number",
		"account#x=1 re-count#x=1 count##x=1 #x=1 color=#fff count=#1": "",
		"count# =1 count#é=1 count#a b=1":                              "",
		"count#" + strings.Repeat("x", 101) + "=1":                     "",
		"count#count#x=1":                                              "",
		"":                                                             "",
	} {
		var got []string
		for rest := []byte(text); ; {
			m, after, ok := NextMetric(rest)
			if !ok {
				break
			}
			number := "not a number"
			if m.Valid {
				number = m.Number.String()
			}
			got = append(got, fmt.Sprintf("%s %s %s", metricWords[m.Kind], m.Name, number))
			rest = after
		}
		if all := strings.Join(got, "; "); all != want {
			t.Errorf("%s has %q, want %q", text, all, want)
		}
	}
}

// FuzzNextMetric: what is found is in the text, and what is after it is shorter.
func FuzzNextMetric(f *testing.F) {
	for _, text := range []string{"count#a=1", "measure#a=1.2s sample#b=3kB", "count#count#a=1", "#=#", `sample#a="`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for rest := text; ; {
			m, after, ok := NextMetric(rest)
			if !ok {
				return
			}
			if len(m.Name) == 0 || !bytes.Contains(rest, m.Name) || len(after) >= len(rest) {
				t.Fatalf("%q has %+v, and %q after it", rest, m, after)
			}
			rest = after
		}
	})
}
