package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/js"
)

// A bundler makes one script of a module and all that it imports: on a slow line 40 requests,
// of which each waits for the one that names it, take longer than what they bring. Each module
// is a function that gives what it exports, those it imports before it. It takes what the
// page's modules have: named imports and exports of functions, classes and constants, each
// exported by itself, no cycle, and the address of one module more, which is
// loaded later and has a script of its own.
type bundler struct {
	files  fs.FS
	names  map[string]string // of what a module exports, by its file; "": it is being added
	given  map[string]bool   // what modules export: NAME.EXPORT
	made   int
	out    bytes.Buffer
	shared []string        // names of modules of the first script, as the other one imports them
	before map[string]bool // names of all modules of the first script, while the other one is made
}

var (
	imported = regexp.MustCompile(`(?m)^import \{([^}]*)\} from "([^"]+)";$`)
	exported = regexp.MustCompile(`(?m)^export ((?:async )?(?:function\*?|class|const) (\w+))`)
	beyondUs = regexp.MustCompile(`(?m)^(?:import|export)\b.*`)
	loaded   = regexp.MustCompile(`new URL\("\./(\w+)\.js", import\.meta\.url\)`)
)

// A script is a file of the page.
type script struct {
	name string
	text []byte
}

// bundle makes the script of a module, and of the one that it loads later if there is one,
// and makes them small. The second takes from the first what both have. Its name has a
// hash of both: it fits no other first one.
func bundle(files fs.FS, module string) ([]script, error) {
	b := bundler{files: files, names: map[string]string{}, given: map[string]bool{}}
	if _, err := b.add(module); err != nil {
		return nil, err
	}
	main := bytes.Clone(b.out.Bytes())
	wanted := loaded.FindAllSubmatch(main, -1)
	if len(wanted) == 0 {
		scripts := []script{{module, main}}
		return scripts, makeSmall(scripts)
	}
	name := string(wanted[0][1])
	for _, other := range wanted {
		if string(other[1]) != name {
			return nil, fmt.Errorf("%s loads %s.js and %s.js: one script is all that the bundler takes", module, name, other[1])
		}
	}
	b.out.Reset()
	b.before = map[string]bool{}
	for _, made := range b.names {
		b.before[made] = true
	}
	entry, err := b.add(name + ".js")
	if err != nil {
		return nil, err
	}
	main = fmt.Appendf(main, "export {%s};\n", strings.Join(b.shared, ", "))
	later := fmt.Appendf(nil, "import {%s} from \"./%s\";\n%sexport const {%s} = %s;\n",
		strings.Join(b.shared, ", "), module, b.out.Bytes(), strings.Join(b.exports(entry), ", "), entry)
	sum := sha256.Sum256(append(bytes.Clone(main), later...))
	versioned := name + "-" + hex.EncodeToString(sum[:8]) + ".js"
	main = loaded.ReplaceAll(main, []byte(`new URL("./`+versioned+`", import.meta.url)`))
	scripts := []script{{module, main}, {versioned, later}}
	return scripts, makeSmall(scripts)
}

// makeSmall makes scripts small.
func makeSmall(scripts []script) (err error) {
	for i, s := range scripts {
		if scripts[i].text, err = small(js.Minify, s.text); err != nil {
			return fmt.Errorf("the scripts of %s: %w", s.name, err)
		}
	}
	return nil
}

// small is a script or a style sheet made small.
func small(as minify.MinifierFunc, text []byte) ([]byte, error) {
	var out bytes.Buffer
	err := as(minify.New(), &out, bytes.NewReader(text), nil)
	return out.Bytes(), err
}

// exports are what a module exports.
func (b *bundler) exports(name string) (all []string) {
	for given := range b.given {
		if export, ok := strings.CutPrefix(given, name+"."); ok {
			all = append(all, export)
		}
	}
	slices.Sort(all)
	return all
}

// share notes that the second script takes a module from the first one.
func (b *bundler) share(name string) {
	if b.before[name] && !slices.Contains(b.shared, name) {
		b.shared = append(b.shared, name)
	}
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
		b.share(from)
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
