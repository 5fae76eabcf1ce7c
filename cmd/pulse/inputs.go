package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"pulse/ingest"
)

// maxInputs bounds the inputs of an inputs file.
const maxInputs = 100

// An asked is an input that flags or an inputs file ask for.
type asked struct {
	kind   *ingest.Kind
	name   string // the field input of its lines
	config ingest.Config
}

// inputFlags are the flags of all inputs: one of each kind, and a file of more.
type inputFlags struct {
	flags  *flags
	byFlag []asked
	users  map[string][]string // flag -> the flags that ask for the inputs that it is for
	file   string
}

func (i *inputFlags) add(f *flags) {
	i.flags, i.users = f, map[string][]string{}
	values := map[string]sharedValue{}
	for _, kind := range ingest.Kinds {
		a := asked{kind: kind, name: kind.Name, config: kind.New()}
		i.byFlag = append(i.byFlag, a)
		settings := a.config.Settings()
		for _, s := range settings {
			i.users[s.Flag] = append(i.users[s.Flag], "--"+settings[0].Flag)
			if values[s.Flag] = append(values[s.Flag], s.Value); len(values[s.Flag]) > 1 {
				f.Lookup(s.Flag).Value = values[s.Flag]
				continue
			}
			f.Var(s.Value, s.Flag, s.Help)
			if s.Variable != "" {
				f.vars[s.Flag] = s.Variable
			}
		}
	}
	f.StringVar(&i.file, "inputs", "", "a YAML `file` with more inputs; see docs/inputs.md")
}

// A sharedValue is a flag that inputs of several kinds have.
type sharedValue []flag.Value

func (s sharedValue) String() string {
	if len(s) == 0 { // package flag asks a zero value
		return ""
	}
	return s[0].String()
}

func (s sharedValue) IsBoolFlag() bool {
	b, ok := s[0].(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

func (s sharedValue) Set(v string) error {
	for _, value := range s {
		if err := value.Set(v); err != nil {
			return err
		}
	}
	return nil
}

// given reports whether anything is asked for.
func (i *inputFlags) given() bool {
	return i.file != "" || slices.ContainsFunc(i.byFlag, func(a asked) bool { return ingest.Asked(a.config) })
}

// asked returns the inputs that the flags and the file ask for.
func (i *inputFlags) asked(e *environment) ([]asked, error) {
	var all []asked
	used := map[string]bool{}
	for _, a := range i.byFlag {
		if !ingest.Asked(a.config) {
			continue
		}
		all = append(all, a)
		for _, s := range a.config.Settings() {
			used[s.Flag] = true
		}
	}
	for _, a := range i.byFlag {
		for _, s := range a.config.Settings() {
			if f := i.flags.Lookup(s.Flag); !used[s.Flag] && f.Value.String() != f.DefValue {
				return nil, usagef("--%s is for %s", s.Flag, strings.Join(i.users[s.Flag], ", "))
			}
		}
	}
	if i.file != "" {
		listed, err := readInputs(i.file, e.LookupEnv)
		if err != nil {
			return nil, usageError{err}
		}
		all = append(all, listed...)
	}
	names := map[string]bool{}
	for _, a := range all {
		if names[a.name] {
			return nil, usagef("two inputs are named %s: give one of them another name in the --inputs file", a.name)
		}
		names[a.name] = true
		if a.kind.Past != all[0].kind.Past {
			return nil, usagef("%s may send lines of the past and %s sends current lines, which cannot share a clock: run a separate pulse ingest for each",
				all[0].pick(a, true).name, all[0].pick(a, false).name)
		}
	}
	return all, nil
}

// nothing says what can be asked for.
func (i *inputFlags) nothing() error {
	var ask []string
	for _, a := range i.byFlag {
		ask = append(ask, "--"+a.config.Settings()[0].Flag)
	}
	return usagef("there is nothing to read: give one of %s and --inputs", strings.Join(ask, ", "))
}

// pick is a or b, whichever may have lines of the past, or has not.
func (a asked) pick(b asked, past bool) asked {
	if a.kind.Past == past {
		return a
	}
	return b
}

// readInputs reads an inputs file:
//
//	inputs:
//	  - drain: :8443
//	    cert: drain.crt
//	    key: drain.key
//	    sources:
//	      - {name: shop, token: "${SHOP_TOKEN}", fields: {app: shop}}
//	      - {name: blog, user: logs, password: "${BLOG_PASSWORD}"}
//	  - syslog-tcp: :514
//	    name: routers
//
// No error tells what a variable has.
func readInputs(name string, lookup func(string) (string, bool)) ([]asked, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the --inputs file: %w", err)
	}
	var file map[string][]yaml.Node
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for key := range file {
		if key != "inputs" {
			return nil, fmt.Errorf("%s: unknown key %q: the only key is inputs", name, key)
		}
	}
	items := file["inputs"]
	if len(items) == 0 || len(items) > maxInputs {
		return nil, fmt.Errorf("%s has %d inputs: write 1 to %d", name, len(items), maxInputs)
	}
	var all []asked
	var wrong []error
	for n := range items {
		var missing []error
		expand(&items[n], lookup, &missing)
		a, err := readInput(&items[n])
		if err != nil && len(missing) == 0 {
			missing = append(missing, fmt.Errorf("input number %d: %w", n+1, err))
		}
		for _, err := range missing {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}
		all = append(all, a)
	}
	return all, errors.Join(wrong...)
}

// readInput reads one item of an inputs file.
func readInput(item *yaml.Node) (asked, error) {
	if item.Kind != yaml.MappingNode {
		return asked{}, fmt.Errorf("line %d: write an input as key: value", item.Line)
	}
	var keys []*yaml.Node
	values := map[string]*yaml.Node{}
	for i := 0; i+1 < len(item.Content); i += 2 {
		keys = append(keys, item.Content[i])
		values[item.Content[i].Value] = item.Content[i+1]
	}
	var a asked
	var kinds []string
	for _, kind := range ingest.Kinds {
		config := kind.New()
		key := config.Settings()[0].InFile()
		kinds = append(kinds, key)
		if values[key] == nil {
			continue
		}
		if a.kind != nil {
			return a, fmt.Errorf("line %d: an input has one kind: write either %s or %s", item.Line, a.kind.Name, kind.Name)
		}
		a = asked{kind: kind, name: kind.Name, config: config}
	}
	if a.kind == nil {
		first := ""
		if len(keys) > 0 {
			first = keys[0].Value
		}
		return a, fmt.Errorf("line %d: %q is not a kind of input: write one of %s", item.Line, first, strings.Join(kinds, ", "))
	}
	known := []string{"name"}
	for _, s := range a.config.Settings() {
		known = append(known, s.InFile())
		if node := values[s.InFile()]; node != nil {
			if err := set(s.Value, node); err != nil {
				return a, fmt.Errorf("line %d: %s: %w", node.Line, s.InFile(), err)
			}
		}
	}
	for _, key := range keys {
		if !slices.Contains(known, key.Value) {
			return a, fmt.Errorf("line %d: %s has no setting %q: its settings are %s", key.Line, a.kind.Name, key.Value, strings.Join(known, ", "))
		}
	}
	if !ingest.Asked(a.config) {
		return a, fmt.Errorf("line %d: %s is empty: write its value, or delete the line", item.Line, a.kind.Name)
	}
	if node := values["name"]; node != nil {
		a.name = cmp.Or(node.Value, a.name)
	}
	return a, nil
}

// set gives a setting what an inputs file has: a value, or a list of them.
func set(value flag.Value, node *yaml.Node) error {
	if u, ok := value.(yaml.Unmarshaler); ok && node.Kind != yaml.ScalarNode {
		return u.UnmarshalYAML(node)
	}
	switch node.Kind {
	case yaml.ScalarNode:
		return value.Set(node.Value)
	case yaml.SequenceNode:
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return errors.New("write a list of values")
			}
			if err := value.Set(item.Value); err != nil {
				return err
			}
		}
		return nil
	default:
		return errors.New("write a value, or a list of them")
	}
}

// expand puts the environment's variables into all values of a node.
func expand(node *yaml.Node, lookup func(string) (string, bool), missing *[]error) {
	if node.Kind == yaml.ScalarNode {
		node.Value = inputVariable.ReplaceAllStringFunc(node.Value, func(text string) string {
			name := text[2 : len(text)-1]
			value, ok := lookup(name)
			if !ok || value == "" {
				*missing = append(*missing, fmt.Errorf("line %d: the environment variable %s is not set: set it, or write the value here", node.Line, name))
			}
			return value
		})
	}
	for _, part := range node.Content {
		expand(part, lookup, missing)
	}
}

// inputVariable is a variable of the environment in an inputs file.
var inputVariable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// openInputs opens what was asked for and shows what it counts. Those that listen
// do so from now on.
func openInputs(e *environment, role *role, all []asked, progress func(done, total, lines int64)) ([]*ingest.Opened, error) {
	var opened []*ingest.Opened
	for _, a := range all {
		o := ingest.Opening{
			Name: a.name, Stdin: e.Stdin, Cluster: &role.cluster, Names: role.names, Progress: progress, Log: role.log,
			Lateness: role.definitions.Lateness, Formats: role.definitions.Dating(),
		}
		input, err := a.config.Open(o)
		if wrong := (ingest.AskedError{}); errors.As(err, &wrong) {
			return nil, usagef("input %s: %w", a.name, err)
		}
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", a.name, err)
		}
		if len(all) > 1 && input.Input == nil {
			return nil, usagef("input %s keeps its own position or clock and cannot be combined with others: run a separate pulse ingest for it", a.name)
		}
		if input.Addr != nil {
			role.log.Info("accepting lines", "input", a.name, "address", input.Addr.String(), "kind", a.kind.Name)
		}
		shown := labeled{role.metrics, prometheus.Labels{"input": a.name}}
		for _, c := range input.Counters {
			shown.counter(c.Name, c.Help, c.Value)
		}
		for _, g := range input.Gauges {
			shown.gauge(g.Name, g.Help, g.Value)
		}
		opened = append(opened, input)
	}
	return opened, nil
}

// reloading reads the certificates of inputs again at each hangup, until ctx ends.
func (i *inputFlags) reloading(ctx context.Context, e *environment, log *slog.Logger, opened []*ingest.Opened) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.Hangup:
			reloadInputs(log, opened)
		}
	}
}

// reloadInputs reads the certificates of inputs again. One that is wrong changes nothing.
func reloadInputs(log *slog.Logger, opened []*ingest.Opened) {
	for _, o := range opened {
		if o.Reload == nil {
			continue
		}
		if err := o.Reload(); err != nil {
			log.Error("a certificate is not reloaded: the input goes on with the one that it has", "address", o.Addr.String(), "because", err)
		} else {
			log.Info("reloaded a certificate", "address", o.Addr.String())
		}
	}
}

// allReady reports whether all that was asked for is read.
func allReady(opened []*ingest.Opened) bool {
	return !slices.ContainsFunc(opened, func(o *ingest.Opened) bool { return o.Ready != nil && !o.Ready() })
}

// runInputs runs opened inputs as one ingester until they end, or ctx does.
func (r *role) runInputs(ctx context.Context, id string, past bool, opened []*ingest.Opened) error {
	if play := opened[0].Play; play != nil {
		return r.produce(ctx, play)
	}
	live := ingest.Live{Ingester: id, Backlog: past, Lateness: r.definitions.Lateness, Formats: r.definitions.Dating()}
	x := &ingest.Transactional{Cluster: r.cluster, Names: r.names, ID: id, Log: r.log}
	if resume := opened[0].Resume; resume != nil {
		x.ID = cmp.Or(id, opened[0].ID)
		x.Live = func(p ingest.Positions) ingest.Live {
			live.Inputs = []ingest.Input{resume(p)}
			return live
		}
		return r.produceExactly(ctx, x)
	}
	var restore []func(ingest.Positions)
	for _, o := range opened {
		live.Inputs = append(live.Inputs, o.Input)
		if o.Restore != nil {
			restore = append(restore, o.Restore)
		}
	}
	if id == "" || restore == nil {
		return r.produce(ctx, live.Run)
	}
	// What was taken is known again by the next ingester with the id.
	x.Once = true
	x.Live = func(p ingest.Positions) ingest.Live {
		for _, f := range restore {
			f(p)
		}
		return live
	}
	return r.produceExactly(ctx, x)
}
