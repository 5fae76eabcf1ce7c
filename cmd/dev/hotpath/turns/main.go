// Turns folds logs when it is told to, and says how much CPU time each took. Of each
// input, NAME.yaml and NAME.log in a folder, it folds all lines once for each line NAME on
// standard input, and answers with nanoseconds. So two builds of it can take turns. It
// is built of the commit before too, and uses nothing but what that has.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"pulse/stats"
	"pulse/stats/program"
)

// Lines by pack, and packs by second, as a busy ingester sends them.
const (
	packLines   = 500
	secondPacks = 40
	firstSecond = 1353574800 // of the logs
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: turns DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "turns:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	inputs := make(map[string]*input, len(files))
	for _, file := range files {
		name := filepath.Base(file[:len(file)-len(".yaml")])
		if inputs[name], err = newInput(dir, name); err != nil {
			return err
		}
	}
	runtime.LockOSThread() // whose time is taken
	turns := bufio.NewScanner(os.Stdin)
	for turns.Scan() {
		in := inputs[turns.Text()]
		if in == nil {
			return fmt.Errorf("there is no input %q", turns.Text())
		}
		begun := threadTime()
		in.fold()
		if _, err := fmt.Println(threadTime() - begun); err != nil {
			return err
		}
	}
	return turns.Err()
}

// An input is a log, and what folds it.
type input struct {
	folder *program.Folder
	packs  []program.Pack
}

func newInput(dir, name string) (*input, error) {
	file := filepath.Join(dir, name+".yaml")
	text, err := os.ReadFile(file) // #nosec G703 -- the user names the folder
	if err != nil {
		return nil, err
	}
	definitions, err := stats.ParseEnv(file, text, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	p, err := program.Compile(definitions)
	if err != nil {
		return nil, err
	}
	log, err := os.ReadFile(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	in := &input{folder: p.NewFolder()}
	for len(log) > 0 {
		end := 0
		for range packLines {
			next := bytes.IndexByte(log[end:], '\n')
			if next < 0 {
				end = len(log)
				break
			}
			end += next + 1
		}
		second := int64(firstSecond + len(in.packs)/secondPacks)
		in.packs = append(in.packs, program.Pack{Lines: bytes.TrimSuffix(log[:end], []byte{'\n'}), Second: second, Floor: second})
		log = log[end:]
	}
	in.fold() // learns, and grows what it needs
	return in, nil
}

// fold folds the log, second by second.
func (in *input) fold() {
	for i, p := range in.packs {
		if i > 0 && p.Second != in.packs[i-1].Second {
			in.folder.Flush(func(int, []byte) {})
		}
		in.folder.Fold(p)
	}
	in.folder.Flush(func(int, []byte) {})
}

// threadTime is the CPU time that this thread has spent, in nanoseconds.
func threadTime() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // there is no other clock here
	}
	return t.Nano()
}
