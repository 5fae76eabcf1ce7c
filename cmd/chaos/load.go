package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// definitions have each kind of stat, over short and long windows.
const definitions = `
lateness: 2s
define:
  router: source == "heroku"
stats:
  - {name: events, rate: second}
  - {name: unparsed, rate: minute, where: unparsed}
  - {name: requests, rate: second, where: router}
  - {name: errors, rate: minute, where: router && status >= 500}
  - {name: h12, rate: minute, where: router && code == "H12"}
  - {name: bytes, sum: bytes, where: router}
  - {name: bytes-now, sum: bytes, where: router, over: 1s}
  - {name: service-mean, mean: service, where: router}
  - {name: service-max, max: service, where: router}
  - {name: service-min, min: service, where: router, over: 5s}
  - {name: service, quantiles: service, at: [0.5, 0.95, 0.99], where: router}
  - {name: hosts, unique: host, where: router}
  - {name: paths, unique: path, where: router}
`

// load writes lines at o.Rate a second until ctx ends and returns how many. Of
// a hundred lines some are a second or two old, one is hopelessly late, and one
// is no log line.
func load(ctx context.Context, w io.Writer, o options) (sent int, err error) {
	const tick = 20 * time.Millisecond
	chance := rand.New(rand.NewPCG(o.Seed, 2))
	out := bufio.NewWriterSize(w, 64<<10)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	start := time.Now()
	for {
		select {
		case <-ctx.Done():
			return sent, out.Flush()
		case now := <-ticker.C:
			for due := int(now.Sub(start).Seconds() * float64(o.Rate)); sent < due; sent++ {
				writeLine(out, chance, now, sent)
			}
			if err := out.Flush(); err != nil {
				return sent, err
			}
		}
	}
}

func writeLine(out *bufio.Writer, chance *rand.Rand, now time.Time, i int) {
	at := now
	switch n := chance.IntN(100); {
	case n < 10:
		at = now.Add(-time.Second)
	case n < 13:
		at = now.Add(-2 * time.Second)
	case n == 13:
		at = now.Add(-time.Duration(5+chance.IntN(60)) * time.Second)
	case n == 14:
		fmt.Fprintf(out, "panic: something %d\n", i)
		return
	}
	status, code := 200, ""
	switch chance.IntN(20) {
	case 0:
		status, code = 503, " code=H12"
	case 1:
		status = 404
	}
	fmt.Fprintf(out, "%s heroku[router]: at=info%s method=GET path=\"/p/%d\" host=h%d.example.com dyno=web.%d connect=%dms service=%d.%dms status=%d bytes=%d\n",
		at.UTC().Format("2006-01-02T15:04:05.000000+00:00"), code, chance.IntN(5000), chance.IntN(300), chance.IntN(9),
		chance.IntN(5), chance.IntN(2000), chance.IntN(10), status, chance.IntN(100000))
}
