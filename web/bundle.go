package web

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/js"
)

// A bundler makes one script of a module and all that it imports: on a slow line 40 requests,
// of which each waits for the one that names it, take longer than what they bring. Each module
// is a function that gives what it exports, those it imports before it. It takes what the
// page's modules have: named imports and exports of functions, classes and constants, each
// exported by itself, and no cycle.
type bundler struct {
	files fs.FS
	names map[string]string // of what a module exports, by its file; "": it is being added
	given map[string]bool   // what modules export: NAME.EXPORT
	made  int
	out   bytes.Buffer
}

var (
	imported = regexp.MustCompile(`(?m)^import \{([^}]*)\} from "([^"]+)";$`)
	exported = regexp.MustCompile(`(?m)^export ((?:async )?(?:function\*?|class|const) (\w+))`)
	beyondUs = regexp.MustCompile(`(?m)^(?:import|export)\b.*`)
)

// bundle makes the script of a module, and makes that small.
func bundle(files fs.FS, module string) ([]byte, error) {
	b := bundler{files: files, names: map[string]string{}, given: map[string]bool{}}
	if _, err := b.add(module); err != nil {
		return nil, err
	}
	var small bytes.Buffer
	if err := js.Minify(minify.New(), &small, &b.out, nil); err != nil {
		return nil, fmt.Errorf("the scripts of %s: %w", module, err)
	}
	return small.Bytes(), nil
}

// add adds a module, if it is not there, and returns the name of what it exports.
func (b *bundler) add(file string) (name string, err error) {
	if name, ok := b.names[file]; ok {
		if name == "" {
			return "", fmt.Errorf("%s imports what imports it", file)
		}
		return name, nil
	}
	b.names[file] = ""
	source, err := fs.ReadFile(b.files, file)
	if err != nil {
		return "", err
	}
	text := imported.ReplaceAllStringFunc(string(source), func(line string) string {
		part := imported.FindStringSubmatch(line)
		from, failed := b.add(path.Join(path.Dir(file), part[2]))
		if failed != nil {
			err = failed
			return line
		}
		for want := range strings.SplitSeq(part[1], ",") {
			want, _, _ = strings.Cut(strings.TrimSpace(want), " as ")
			if want != "" && !b.given[from+"."+want] {
				err = fmt.Errorf("%s imports %s, which %s does not export by itself", file, want, part[2])
			}
		}
		return "const {" + strings.ReplaceAll(part[1], " as ", ": ") + "} = " + from + ";"
	})
	var exports []string
	text = exported.ReplaceAllStringFunc(text, func(line string) string {
		part := exported.FindStringSubmatch(line)
		exports = append(exports, part[2])
		return part[1]
	})
	if line := beyondUs.FindString(text); line != "" && err == nil {
		err = fmt.Errorf("%s: %q is more than the bundler takes", file, line)
	}
	if err != nil {
		return "", err
	}
	name = fmt.Sprintf("m%d", b.made)
	b.made++
	b.names[file] = name
	for _, export := range exports {
		b.given[name+"."+export] = true
	}
	fmt.Fprintf(&b.out, "const %s = (() => {\n%s\nreturn {%s};\n})();\n", name, text, strings.Join(exports, ", "))
	return name, nil
}
