package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"pulse/ingest"
	"pulse/stats/line"
)

// definitions have each kind of stat. The lateness and the long windows are in
// seconds: in a short form the long ones are not, so that mergers commit, and
// what they do when they begin at a commit is tried too.
func definitions(lateness, long int64) string {
	return fmt.Sprintf(`
lateness: %[1]ds
define:
  router: source == "heroku"
stats:
  - {name: events, rate: second, over: 3s}
  - {name: unparsed, rate: minute, where: unparsed, over: %[2]ds}
  - {name: requests, rate: second, where: router}
  - {name: errors, rate: minute, where: router && status >= 500, over: %[2]ds}
  - {name: h12, rate: minute, where: router && code == "H12", over: 3s}
  - {name: bytes, sum: bytes, where: router, over: %[2]ds}
  - {name: bytes-now, sum: bytes, where: router, over: 1s}
  - {name: service-mean, mean: service, where: router, over: 2s}
  - {name: service-max, max: service, where: router, over: %[2]ds}
  - {name: service-min, min: service, where: router, over: 5s}
  - {name: service, quantiles: service, at: [0.5, 0.95, 0.99], where: router, over: %[2]ds}
  - {name: hosts, unique: host, where: router, over: 3s}
  - {name: paths, unique: path, where: router, over: %[2]ds}
`, lateness, long)
}

// longStats have windows that know less than others where the log does not begin with the
// definitions, or lost something: they are for scenarios where it does.
const longStats = `  - {name: bytes-30d, sum: bytes, where: router, over: 30d}
  - {name: events-25h, rate: minute, over: 25h}
  - {name: hosts-25h, unique: host, where: router, over: 25h}
`

// A load is an input that makes lines. Each has a number at its end, by which
// it is found again in events.raw.
type load struct {
	tag   string // of the numbers: an ingester's name and life
	rate  int    // lines per second
	seed  uint64
	now   func() time.Time                 // the ingester's clock
	end   <-chan struct{}                  // closed when there are to be no more lines
	acked func(first, last int, err error) // what became of a batch
}

// lineMark begins a line's number, which ends with the line or a space.
const lineMark = " n="

// Run implements ingest.Input.
func (l *load) Run(ctx context.Context, take func(context.Context, ingest.Batch) error) error {
	const pause = 20 * time.Millisecond
	chance := rand.New(rand.NewPCG(l.seed, 2))
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	start, sent := time.Now(), 0
	var batch bytes.Buffer
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.end:
			return nil
		case <-ticker.C:
		}
		batch.Reset()
		first := sent
		// After a standstill there is no rush: a second's worth at most.
		due := min(int(time.Since(start).Seconds()*float64(l.rate)), sent+l.rate)
		for now := l.now(); sent < due; sent++ {
			l.write(&batch, chance, now, sent)
		}
		if sent == first {
			continue
		}
		last := sent - 1
		err := take(ctx, ingest.Batch{Lines: batch.Bytes(), Acked: func(err error) { l.acked(first, last, err) }})
		if err != nil {
			return err
		}
		if behind := int(time.Since(start).Seconds()*float64(l.rate)) - sent; behind > l.rate {
			start = start.Add(time.Duration(behind) * time.Second / time.Duration(l.rate))
		}
	}
}

// tooLong is a line that cannot be read, and longEvery how often one comes.
var tooLong = strings.Repeat("x", line.MaxLen+1)

const longEvery = 5000

// write writes a line. Of a hundred some are a second or two old, one is
// hopelessly late, and one is no log line.
func (l *load) write(out *bytes.Buffer, chance *rand.Rand, now time.Time, i int) {
	if i%longEvery == longEvery-1 {
		fmt.Fprintf(out, "too long%s%s.%d %s\n", lineMark, l.tag, i, tooLong)
		return
	}
	at := now
	switch n := chance.IntN(100); {
	case n < 10:
		at = now.Add(-time.Second)
	case n < 13:
		at = now.Add(-2 * time.Second)
	case n == 13:
		at = now.Add(-time.Duration(5+chance.IntN(60)) * time.Second)
	case n == 14:
		fmt.Fprintf(out, "panic: something%s%s.%d\n", lineMark, l.tag, i)
		return
	}
	status, code := 200, ""
	switch chance.IntN(20) {
	case 0:
		status, code = 503, " code=H12"
	case 1:
		status = 404
	}
	fmt.Fprintf(out, "%s heroku[router]: at=info%s method=GET path=\"/p/%d\" host=h%d.example.com dyno=web.%d connect=%dms service=%d.%dms status=%d bytes=%d%s%s.%d\n",
		at.UTC().Format("2006-01-02T15:04:05.000000+00:00"), code, chance.IntN(5000), chance.IntN(300), chance.IntN(9),
		chance.IntN(5), chance.IntN(2000), chance.IntN(10), status, chance.IntN(100000), lineMark, l.tag, i)
}

// numberOf finds a line's number, and the tag that it belongs to.
func numberOf(text []byte) (tag string, n int, ok bool) {
	i := bytes.LastIndex(text, []byte(lineMark))
	if i < 0 {
		return "", 0, false
	}
	text, _, _ = bytes.Cut(text[i+len(lineMark):], []byte(" "))
	dot := bytes.LastIndexByte(text, '.')
	if dot < 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(string(text[dot+1:]))
	return string(text[:dot]), n, err == nil
}
