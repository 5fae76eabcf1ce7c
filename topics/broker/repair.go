package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// formatVersion is that of kfake's files.
const formatVersion = 1

// A DamageError says what of a broker's folder is lost. Nothing has been dropped.
type DamageError struct {
	Dir  string
	Lost []string // a file each, and what was in it
}

// maxLost bounds how much of a list of losses an error shows.
const maxLost = 20

func (e *DamageError) Error() string {
	lost := e.Lost
	more := ""
	if len(lost) > maxLost {
		more = fmt.Sprintf("\n  and %d more", len(lost)-maxLost)
		lost = lost[:maxLost]
	}
	return fmt.Sprintf("%s is damaged, and nothing of it has been dropped:\n  %s%s", e.Dir, strings.Join(lost, "\n  "), more)
}

// repair makes a folder one that kfake loads as what it was when the last broker
// there ended, however that ended. It returns what it did.
//
// Transactions that were open are ended: kfake itself gives them up in memory, and
// forgets that at the next start. Checksums are checked. If something is lost it
// changes nothing and returns a DamageError, unless it is to drop what is damaged.
func repair(dir string, drop bool) (done []string, err error) {
	r := &repairs{dir: dir}
	topics, err := r.readState()
	if err != nil || topics == nil {
		return nil, err
	}
	if err := r.endCompaction(topics); err != nil {
		return nil, err
	}
	if err := r.readLogs(); err != nil {
		return nil, err
	}
	if err := r.readPartitions(topics); err != nil {
		return nil, err
	}
	if len(r.lost) > 0 && !drop {
		return nil, &DamageError{dir, r.lost}
	}
	for _, lost := range r.lost {
		r.note("dropped: %s", lost)
	}
	committed := r.committed()
	for _, p := range r.partitions {
		for _, t := range p.open {
			r.note("%s: topic %s, partition %d, from offset %d", ended(committed[t.producer]), p.topic, p.number, t.first)
		}
	}
	return r.done, r.write(committed)
}

type repairs struct {
	dir        string
	partitions []*partition
	groups     entryLog
	pids       entryLog
	lost, done []string
	changes    []func() error // of files beside the partitions'
}

// later has a change made when it is known that there are to be any.
func (r *repairs) later(do func() error) { r.changes = append(r.changes, do) }

func (r *repairs) note(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}

func (r *repairs) path(name string) string { return filepath.Join(r.dir, name) }

func (r *repairs) readLogs() error {
	for name, log := range map[string]*entryLog{"groups.log": &r.groups, "pids.log": &r.pids} {
		if err := log.read(r.path(name)); err != nil {
			return err
		}
		if log.damaged > 0 {
			r.lost = append(r.lost, fmt.Sprintf("%s: %d bytes in the middle are damaged: some consumer groups, their offsets, or producers are lost", log.name, log.damaged))
		}
		if log.unwhole > 0 {
			r.note("removed an incomplete write: %s: %d bytes", log.name, log.unwhole)
		}
	}
	return nil
}

// endCompaction restores the partitions whose segments were being written anew. What
// is newest is kept by that and written last.
func (r *repairs) endCompaction(topics []topic) error {
	for _, t := range topics {
		for n := range t.Partitions {
			p, old := partitionIn(r.dir, t.Name, n), partitionIn(r.dir, t.Name, n)
			old.dir = r.path(filepath.Join(backupDir, folder(t.Name, n)))
			if _, err := os.Stat(old.dir); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			p.compacted, old.compacted = true, true
			var buffer []byte
			if err := errors.Join(p.read(&buffer, nil), old.read(&buffer, nil)); err != nil {
				return err
			}
			if p.end < old.end {
				p.segments = nil
				if err := errors.Join(p.removeOthers(), linkSegments(old, p.dir)); err != nil {
					return err
				}
				r.note("restored topic %s, partition %d, which was being compacted", t.Name, n)
			}
			if err := os.RemoveAll(old.dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *repairs) readPartitions(topics []topic) error {
	for _, t := range topics {
		for n := range t.Partitions {
			p := partitionIn(r.dir, t.Name, n)
			p.compacted = t.compacted()
			if _, err := os.Stat(p.dir); errors.Is(err, fs.ErrNotExist) {
				continue // nothing has been written to it
			}
			r.partitions = append(r.partitions, p)
		}
	}
	if err := r.each(func(p *partition, buffer *[]byte) error { return p.read(buffer, nil) }); err != nil {
		return err
	}
	asked := map[producer]bool{}
	for _, p := range r.partitions {
		for _, t := range p.left {
			asked[t.producer] = true
		}
	}
	if len(asked) > 0 { // which a broker never leaves that starts like this
		if err := r.each(func(p *partition, buffer *[]byte) error { return p.read(buffer, asked) }); err != nil {
			return err
		}
	}
	for _, p := range r.partitions {
		r.lost = append(r.lost, p.damage...)
		for _, text := range p.unwhole {
			r.note("removed an incomplete write: %s", text)
		}
	}
	return nil
}

// each calls do with each partition, and with a buffer for its segments.
func (r *repairs) each(do func(*partition, *[]byte) error) error {
	next := make(chan *partition, len(r.partitions))
	for _, p := range r.partitions {
		next <- p
	}
	close(next)
	var group errgroup.Group
	for range min(runtime.GOMAXPROCS(0), 4) {
		group.Go(func() error {
			var buffer []byte
			for p := range next {
				if err := do(p, &buffer); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// committed returns the producers of transactions without an end in some partition
// that were committed in another: the broker was killed while it wrote that to all.
func (r *repairs) committed() map[producer]bool {
	committed := map[producer]bool{}
	note := func(t transaction) {
		committed[t.producer] = slices.ContainsFunc(r.partitions, func(p *partition) bool {
			end, ok := p.ends[t.producer.id]
			return ok && end.producer == t.producer && end.commit || p.commits[t.producer]
		})
	}
	for _, p := range r.partitions {
		for _, t := range p.open {
			note(t)
		}
		for _, t := range p.left {
			note(t)
		}
	}
	return committed
}

// write writes what is to be different. Killed at any step, it does the same once
// more at the next start.
func (r *repairs) write(committed map[producer]bool) error {
	for _, change := range r.changes {
		if err := change(); err != nil {
			return err
		}
	}
	if err := r.groups.write(); err != nil {
		return err
	}
	if err := r.fence(committed); err != nil {
		return err
	}
	if err := r.closeSession(); err != nil {
		return err
	}
	if err := r.writeSequences(); err != nil {
		return err
	}
	return r.each(func(p *partition, buffer *[]byte) error { return p.write(buffer, committed) })
}

func ended(commit bool) string {
	if commit {
		return "finished the commit of a transaction"
	}
	return "aborted a transaction that was open"
}

// fence notes how each transaction ended that was open, or whose end the broker has
// not noted, and gives its producer a new epoch: whoever goes on with it is refused,
// and who asks once more for its end is told the truth.
func (r *repairs) fence(committed map[producer]bool) error {
	type entry struct {
		Type   string `json:"type"`
		ID     int64  `json:"pid"`
		Epoch  int16  `json:"epoch"`
		Commit *bool  `json:"commit,omitempty"`
	}
	known := map[int64]entry{}
	for _, text := range r.pids.entries {
		var e entry
		if json.Unmarshal(text, &e) == nil {
			known[e.ID] = e
		}
	}
	ended := map[int64]entry{}
	end := func(of producer, commit bool) {
		if e, ok := ended[of.id]; !ok || e.Epoch <= of.epoch {
			ended[of.id] = entry{"endtx", of.id, of.epoch, &commit}
		}
	}
	for _, p := range r.partitions {
		for _, t := range p.open {
			end(t.producer, committed[t.producer])
		}
		for id, b := range p.ends {
			if e := known[id]; b.producer.epoch > e.Epoch || b.producer.epoch == e.Epoch && e.Commit == nil {
				end(b.producer, b.commit)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ended)) {
		e := ended[id]
		if _, ok := known[id]; !ok {
			continue // kfake does not know it either
		}
		e.Epoch = min(max(e.Epoch, known[id].Epoch), math.MaxInt16-1) + 1
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		r.pids.add(text)
	}
	return r.pids.write()
}

// closeSession takes the transactions that were open from what kfake goes on with
// after an end that was no kill: they are ended.
func (r *repairs) closeSession() error {
	name := r.path(sessionFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var state map[string]json.RawMessage
	if json.Unmarshal(text, &state) != nil {
		r.note("removed %s, which was damaged: consumer group members will join again", name)
		return os.Remove(name)
	}
	if state["inProgressTxns"] == nil {
		return nil
	}
	delete(state, "inProgressTxns")
	return writeJSON(name, state)
}

// writeSequences brings the producers' sequence numbers up to date, which kfake
// writes only when it is closed: those of the partitions that have grown since.
func (r *repairs) writeSequences() error {
	type list struct {
		Version int               `json:"version"`
		Windows []json.RawMessage `json:"windows"`
	}
	name := r.path(sequencesFile)
	var kept list
	ok, err := r.readable(sequencesFile, &kept)
	if err != nil {
		return err
	}
	if !ok {
		kept = list{} // of logs that have not grown: what was being sent at the last end may be there twice
	}
	type key struct {
		topic     string
		partition int32
	}
	same := map[key]bool{}
	current := list{Version: formatVersion}
	for _, p := range r.partitions {
		if p.end == p.kept.HighWatermark {
			same[key{p.topic, p.number}] = true
			continue
		}
		for id, w := range p.windows {
			w.PID, w.Topic, w.Partition = id, p.topic, p.number
			text, err := json.Marshal(w)
			if err != nil {
				return err
			}
			current.Windows = append(current.Windows, text)
		}
	}
	for _, w := range kept.Windows {
		var of sequence
		if json.Unmarshal(w, &of) == nil && same[key{of.Topic, of.Partition}] {
			current.Windows = append(current.Windows, w)
		}
	}
	return writeJSON(name, current)
}

// writeJSON writes a file anew, if it is to be different.
func writeJSON(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return replace(name, text)
}

// replace writes a file so that at each moment it has its old data or all of the new.
func replace(name string, data []byte) error {
	f, err := os.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
