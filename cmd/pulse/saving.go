package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"pulse/stats"
	"pulse/stats/program"
	"pulse/web"
)

// A definitionsFile is the file of a process's definitions, as its page saves it.
type definitionsFile struct {
	flag    *statsFlag
	at      *stats.Definitions // at work
	unfit   func(context.Context, *stats.Definitions) error
	waiting func(context.Context, *stats.Definitions) error
	mu      sync.Mutex
}

// saved is the file as a page of definitions at work saves it; nil: they are built in. Those
// for which unfit has an error are not saved. With those for which waiting has one this
// process does not go on yet.
func (s *statsFlag) saved(at *stats.Definitions, unfit, waiting func(context.Context, *stats.Definitions) error) web.DefinitionsFile {
	if s.file == "" {
		return nil
	}
	return &definitionsFile{flag: s, at: at, unfit: unfit, waiting: waiting}
}

// none is an unfit, or a waiting, for which all definitions will do.
func none(context.Context, *stats.Definitions) error { return nil }

func tagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Read implements web.DefinitionsFile.
func (f *definitionsFile) Read() (text, tag string, err error) {
	b, err := os.ReadFile(f.flag.file)
	return string(b), tagOf(b), err
}

// Save implements web.DefinitionsFile.
func (f *definitionsFile) Save(ctx context.Context, text, tag string) (web.SavedDefinitions, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	saved := web.SavedDefinitions{}
	before, err := os.ReadFile(f.flag.file)
	if err != nil {
		return saved, err
	}
	if tagOf(before) != tag {
		return saved, web.ErrDefinitionsChanged
	}
	text = endedAs(text, before)
	d, err := f.at.Source.Revise(text)
	if err == nil {
		err = d.CheckSamples(f.flag.file)
	}
	if err == nil {
		err = f.flag.live(d)
	}
	if err == nil {
		_, err = program.Compile(d)
	}
	if err == nil {
		err = f.unfit(ctx, d)
	}
	if err != nil {
		return saved, web.UnusableError{Err: err}
	}
	if err := replace(f.flag.file, before, []byte(text)); err != nil {
		return saved, err
	}
	saved.Definitions, saved.Tag = d, tagOf([]byte(text))
	if err := f.waiting(ctx, d); err != nil {
		saved.Waits = err.Error()
	}
	f.flag.tellSaved()
	return saved, nil
}

// endedAs gives text's lines the ends of another text's, if those are all CR LF: a browser
// has LF alone.
func endedAs(text string, other []byte) string {
	n := bytes.Count(other, []byte("\n"))
	if n == 0 || bytes.Count(other, []byte("\r\n")) != n || strings.Contains(text, "\r\n") {
		return text
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// replace writes a file that has a text anew, all at once: who reads it, or a machine that
// goes down, has the one or the other. Links lead to the file that they are of.
func replace(name string, before, after []byte) (err error) {
	if name, err = filepath.EvalSymlinks(name); err != nil {
		return err
	}
	old, err := os.Open(name)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := lockFile(old); err != nil {
		return err
	}
	info, err := old.Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(name)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if !os.SameFile(info, now) || !bytes.Equal(text, before) {
		return web.ErrDefinitionsChanged // by another process that had the lock
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	next, err := os.CreateTemp(filepath.Dir(name), ".pulse-*.yaml")
	if err != nil {
		return fmt.Errorf("%w; Pulse needs to write in the folder of the file: copy the definitions, and save them where the file comes from", err)
	}
	defer os.Remove(next.Name()) //nolint:errcheck // it has another name by then
	_, err = next.Write(after)
	if err = errors.Join(err, next.Chmod(info.Mode().Perm()), keepOwner(next, info), next.Sync(), next.Close()); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), name); err != nil {
		return fmt.Errorf("%w; a file that is mounted by itself cannot be replaced: mount its folder", err)
	}
	return syncFolder(filepath.Dir(name))
}
