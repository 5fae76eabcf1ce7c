// Replayed measures how long a recording that is replayed at full speed takes until all of it is
// on the page, and what that costs:
//
//	replayed [flags] RECORDING BINARY [BINARY...]
//
// Each binary runs with all roles and an empty folder, by turns. The page is what /api/stats
// says, asked ten times a second: when that has not changed for -still, the last change was the
// end.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"pulse/cmd/dev/testkit"
)

const within = 10 * time.Minute // for a recording to be on the page

func main() {
	turns := flag.Int("turns", 2, "how often each binary replays the recording")
	definitions := flag.String("stats", filepath.Join("testdata", "demo.yaml"), "the definitions `file`")
	still := flag.Duration("still", 5*time.Second, "how long nothing changes after the end; ten seconds after it Pulse tells of itself that it has ended")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if flag.NArg() < 2 || *turns < 1 {
		fmt.Fprintln(os.Stderr, "replayed: say which recording, which binaries, and at least one turn")
		os.Exit(2)
	}
	for turn := range *turns {
		for _, binary := range flag.Args()[1:] {
			m, err := replay(ctx, binary, flag.Arg(0), *definitions, *still)
			if err != nil {
				fmt.Fprintf(os.Stderr, "replayed: %s: %v\n", binary, err)
				os.Exit(1)
			}
			fmt.Printf("%d %s: on the page after %.1f s, %.1f s of CPU until the end was sure, %d MiB at most\n",
				turn+1, binary, m.took.Seconds(), m.cpu.Seconds(), m.most>>20)
		}
	}
}

// measured is what one replay took.
type measured struct {
	took, cpu time.Duration
	most      int64 // greatest resident memory, in bytes
}

func replay(ctx context.Context, binary, recording, definitions string, still time.Duration) (measured, error) {
	dir, err := os.MkdirTemp("", "replayed-")
	if err != nil {
		return measured{}, err
	}
	defer os.RemoveAll(dir)
	web, err := testkit.FreeAddress()
	if err != nil {
		return measured{}, err
	}
	broker, err := testkit.FreeAddress()
	if err != nil {
		return measured{}, err
	}
	var said bytes.Buffer
	run := exec.CommandContext(ctx, binary, "run", "--stats", definitions, "--replay", recording, "--speed", "max",
		"--data-dir", dir, "--http", web, "--kafka-listen", broker)
	run.Stderr = &said
	begun := time.Now()
	if err := run.Start(); err != nil {
		return measured{}, err
	}
	took, err := lastChange(ctx, "http://"+web+"/api/stats", begun, still)
	_ = run.Process.Signal(syscall.SIGTERM)
	_ = run.Wait() // ended by the signal, or what it said tells why
	if err != nil {
		return measured{}, fmt.Errorf("%w; it said: %s", err, said.Bytes())
	}
	m := measured{took: took, cpu: run.ProcessState.UserTime() + run.ProcessState.SystemTime()}
	if usage, ok := run.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.most = usage.Maxrss << 10 // Linux has KiB
	}
	return m, nil
}

// lastChange is how long after begun what the address answers changed last, once it has not for still.
func lastChange(ctx context.Context, address string, begun time.Time, still time.Duration) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var before []byte
	var changed time.Time
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			return 0, errors.New("the page has not come to rest")
		case <-tick.C:
		}
		now, err := get(ctx, address)
		if err != nil {
			continue // it does not listen yet
		}
		if !bytes.Equal(now, before) {
			before, changed = now, time.Now()
		} else if before != nil && time.Since(changed) >= still {
			return changed.Sub(begun), nil
		}
	}
}

func get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}
