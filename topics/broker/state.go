package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Files of kfake's. It writes each anew and whole, so that a kill damages none of
// them, but a disk may; then it does not start, or starts with nothing.
const (
	metaFile      = "meta.json"
	topicsFile    = "topics.json"
	topicsCopy    = "topics.json.copy" // ours, of the last minute
	sequencesFile = "seq_windows.json"
	sessionFile   = "session_state.json"
	partitionsDir = "partitions"
	backupDir     = "compacting" // the segments of partitions while kfake writes them anew
	lostDir       = "lost"       // what of partitions cannot be used
)

// unused are those of what this broker does not have, or sets at each start.
var unused = []string{"acls.json", "sasl.json", "quotas.json", "broker_configs.json"}

// A topic is what matters here of one.
type topic struct {
	Name       string            `json:"name"`
	Partitions int32             `json:"partitions"`
	Configs    map[string]string `json:"configs"`
}

type topicList struct {
	Topics []topic `json:"topics"`
}

// readState reads the topics, and notes which files are to be different. It returns
// nil if there is nothing in the folder yet.
func (r *repairs) readState() (topics []topic, err error) {
	var list topicList
	ok, err := r.readable(topicsFile, &list)
	if err != nil {
		return nil, err
	}
	metaOK, err := r.readable(metaFile, &struct{}{})
	if err != nil {
		return nil, err
	}
	folders, err := os.ReadDir(r.path(partitionsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	copied := false
	if !ok {
		copied, err = r.readable(topicsCopy, &list)
		switch {
		case err != nil:
			return nil, err
		case copied:
			r.note("%s is damaged: restored from %s", r.path(topicsFile), topicsCopy)
		case len(folders) == 0 && !metaOK:
			return nil, nil
		case len(folders) > 0:
			r.lost = append(r.lost, fmt.Sprintf("%s, and there is no copy of it: lost are all topics and their records", r.path(topicsFile)))
		}
		r.later(func() error {
			if !copied {
				return replace(r.path(topicsFile), []byte(`{"version":1,"topics":null}`))
			}
			text, err := os.ReadFile(r.path(topicsCopy))
			return errors.Join(err, replace(r.path(topicsFile), text))
		})
	}
	if !metaOK { // without it kfake takes the folder for an empty one
		r.note("%s is damaged: written anew", r.path(metaFile))
		r.later(func() error { return replace(r.path(metaFile), []byte(`{"version":1,"cluster_id":"kfake"}`)) })
	}
	for _, name := range unused {
		if ok, err := r.readable(name, &struct{}{}); err != nil {
			return nil, err
		} else if !ok {
			r.later(func() error { return os.RemoveAll(r.path(name)) })
		}
	}
	var known []string
	for _, t := range list.Topics {
		for n := range t.Partitions {
			known = append(known, folder(t.Name, n))
		}
	}
	for _, f := range folders {
		if slices.Contains(known, f.Name()) {
			continue
		}
		// A topic of that name that is made anew would be written behind it.
		from := r.path(filepath.Join(partitionsDir, f.Name()))
		if ok || copied {
			r.lost = append(r.lost, fmt.Sprintf("%s: no topic is known that it is of: lost are its records, and it is moved to the folder %s", from, lostDir))
		}
		r.later(func() error {
			to := r.path(filepath.Join(lostDir, f.Name()))
			return errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.RemoveAll(to), os.Rename(from, to))
		})
	}
	return append([]topic{}, list.Topics...), nil
}

// partitionIn is one of a folder, of which nothing is known yet.
func partitionIn(dir, topic string, number int32) *partition {
	return &partition{topic: topic, number: number, dir: filepath.Join(dir, partitionsDir, folder(topic, number))}
}

// folder is the name of that of a partition.
func folder(topic string, partition int32) string {
	return url.PathEscape(topic) + "-" + strconv.Itoa(int(partition))
}

func (r *repairs) readable(name string, v any) (bool, error) { return readJSON(r.path(name), v) }

// readJSON reads a file, and reports whether it is there and is JSON.
func readJSON(name string, v any) (bool, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && json.Unmarshal(text, v) == nil, err
}

// copyTopics copies the list of topics, if it has changed and is whole.
func copyTopics(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, topicsFile))
	if err != nil {
		return err
	}
	name := filepath.Join(dir, topicsCopy)
	if old, err := os.ReadFile(name); !json.Valid(text) || err == nil && bytes.Equal(old, text) {
		return nil
	}
	return replace(name, text)
}
