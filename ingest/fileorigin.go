package ingest

import (
	"path"
	"path/filepath"
	"regexp"

	"pulse/stats/line"
)

// What an origin says of lines that were read from a file.
const (
	fieldFile      = "file" // its name, before rotation
	fieldNamespace = "namespace"
	fieldPod       = "pod"
	fieldContainer = "container"
)

// Kubernetes keeps a container's log as
//
//	/var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log
//
// and links to it from /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log.
var (
	podFolder     = regexp.MustCompile(`^([^_]+)_([^_]+)_[0-9a-f-]{32,36}$`)
	containerLink = regexp.MustCompile(`^([^_]+)_([^_]+)_(.+)-[0-9a-f]{64}\.log$`)
)

// fileFields are the keys and values of the origin of a file's lines.
func fileFields(name string) []string {
	fields := []string{fieldFile, name}
	name = filepath.ToSlash(name)
	folder, base := path.Split(name)
	if m := containerLink.FindStringSubmatch(base); m != nil {
		return append(fields, fieldNamespace, m[2], fieldPod, m[1], fieldContainer, m[3])
	}
	folder = path.Clean(folder)
	if m := podFolder.FindStringSubmatch(path.Base(path.Dir(folder))); m != nil {
		return append(fields, fieldNamespace, m[1], fieldPod, m[2], fieldContainer, path.Base(folder))
	}
	return fields
}

// originOf is the origin of a file's lines. Where a name is too long for one, the fields
// of the file are left out.
func (f Files) originOf(name string) line.Origin {
	origin, err := f.Reading.Origin(append([]string{fieldInput, f.Name}, fileFields(name)...)...)
	if err != nil {
		f.Log.Warn("lines of a file do not have its name as a field: it is too long", "file", name)
		origin, _ = f.Reading.Origin(fieldInput, f.Name) // Run has checked it
	}
	return origin
}
