package stats

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"pulse/cmd/dev/testkit"
	"pulse/stats/aggregate"
	"pulse/stats/alert"
	"pulse/stats/condition"
	"pulse/stats/derive"
	"pulse/stats/format"
	"pulse/stats/formula"
	"pulse/stats/line"
)

// An object is a part of a JSON Schema.
type object = map[string]any

// Patterns of texts. A duration is what time.ParseDuration takes, without a
// sign; what a variable or a value of each gives is not known to the schema.
const (
	somePattern     = `\S`
	variablePattern = `\$\{|\{[a-z]`
	namePattern     = `^([A-Za-z0-9._/-]|\$?\{[^}]*\})+$`
	durationPattern = `^([0-9]+d)?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h))*$`
)

// scalars are what a text may look like to YAML: title: 5 is a text.
var scalars = []string{"string", "number", "boolean"}

func described(description string, o object) object {
	if description != "" {
		o["description"] = description
	}
	return o
}

// anyOf is a value of one of several schemas.
func anyOf(description string, schemas ...any) object {
	return described(description, object{"anyOf": schemas})
}

// orVariable is a value, or a text with a variable or a value of each in it.
func orVariable(description string, o object) object {
	return anyOf(description, o, object{"$ref": "#/definitions/variable"})
}

func text(description string, most int) object {
	return orVariable(description, object{"type": scalars, "pattern": somePattern, "maxLength": most})
}

func conditionText(description string) object {
	return orVariable(description, object{"type": []string{"string", "boolean"}, "pattern": somePattern, "maxLength": condition.MaxLength})
}

func number(description string) object { return orVariable(description, object{"type": "number"}) }

func boolean(description string) object { return orVariable(description, object{"type": "boolean"}) }

// field is the name of a field, which is as it is in lines.
func field(description string) object {
	return orVariable(description, object{
		"type": "string", "pattern": somePattern, "not": object{"pattern": `^\$env`}, "maxLength": MaxName,
	})
}

func duration(description string) object {
	o := orVariable(description, object{"type": "string", "pattern": durationPattern})
	o["examples"] = []string{"10s", "5m", "1h", "30d"}
	return o
}

// listOf has from least to most elements; 0: as many as there are.
func listOf(description string, items object, least, most int) object {
	o := object{"type": "array", "items": items}
	if least > 0 {
		o["minItems"] = least
	}
	if most > 0 {
		o["maxItems"] = most
	}
	return described(description, o)
}

// setOf is a list of different elements.
func setOf(description string, items object, least, most int) object {
	o := listOf(description, items, least, most)
	o["uniqueItems"] = true
	return o
}

// words are a list of different texts, which may be one text with commas.
func words(description string) object {
	return anyOf(description, setOf("", text("", MaxName), 1, 0), object{"type": scalars, "pattern": `[^\s,]`})
}

// mapping has properties in no order, of which some are required, and no other.
func mapping(description string, properties object, required ...string) object {
	o := object{"type": "object", "description": description, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// named has values of one schema by names of a pattern, none of them one of
// others.
func named(description string, values object, pattern string, others ...string) object {
	names := object{"pattern": pattern}
	if len(others) > 0 {
		names["not"] = object{"enum": others}
	}
	return object{"type": "object", "description": description, "additionalProperties": values, "propertyNames": names}
}

// kindDependencies says what each kind wants and what it does not take.
func kindDependencies() object {
	all := object{"top": object{"required": []string{"by"}}, "rank": object{"required": []string{"by"}}}
	for _, kind := range Kinds {
		d := aggregate.Describe(kind)
		not := object{}
		if d.OfStats() {
			not["where"] = false
		}
		var required []string
		for _, o := range options {
			switch its := d.Option(o.Name); {
			case its == nil:
				not[o.Name] = false
			case its.Type == aggregate.Ranking:
				not[o.Name] = rankingProperty("", *its)
			case its.Required != "":
				required = append(required, o.Name)
			}
		}
		says := object{"properties": not}
		if required != nil {
			says["required"] = required
		}
		all[kind] = says
	}
	return all
}

// kindProperty is what is written behind a kind's name.
func kindProperty(d *aggregate.Description) object {
	switch d.Takes {
	case aggregate.TakesWord:
		var words []string
		for _, w := range d.Words {
			words = append(words, w.Text)
		}
		return orVariable(d.Doc, object{"enum": words})
	case aggregate.TakesStats:
		return listOf(d.Doc, text("", MaxName), 2, 2)
	case aggregate.TakesObjective:
		return mapping(d.Doc, object{
			"good":   text("The stat that counts the good lines: a count or a rate.", MaxName),
			"total":  text("The stat that counts all lines.", MaxName),
			"target": number("Which percentage of them is to be good, above 0 and below 100."),
			"over":   duration("Over what window, at most 30 d; 30 d if not given."),
		}, "good", "total", "target")
	case aggregate.TakesFormula:
		return text(d.Doc, formula.MaxText)
	}
	return field(d.Doc)
}

// optionProperty is what is written behind an option's name.
func optionProperty(o aggregate.Option) object {
	doc := o.Doc + defaultsOf(o.Name)
	switch o.Type {
	case aggregate.Whole:
		return orVariable(doc, object{"type": "integer", "minimum": o.Least, "maximum": o.Most})
	case aggregate.Amount:
		return orVariable(doc, object{"type": "number", "minimum": o.Least, "maximum": o.Most})
	case aggregate.Numbers:
		return setOf(doc, orVariable("", object{"type": "number", "minimum": o.Least, "maximum": o.Most}), 1, o.Elements)
	case aggregate.Ranking:
		return rankingProperty(doc, aggregate.Option{Words: []string{aggregate.RankValue, aggregate.RankCount}, Least: o.Least, Most: 1})
	case aggregate.Fields:
		return anyOf(doc, field(""), setOf("", field(""), 1, o.Elements))
	}
	return duration(doc)
}

// rankingProperty is by what keys are the greatest.
func rankingProperty(doc string, o aggregate.Option) object {
	of := []any{object{"enum": o.Words}, object{"$ref": "#/definitions/variable"}}
	if o.Most > 0 {
		of = append(of, object{"type": "number", "minimum": o.Least, "maximum": o.Most})
	}
	return anyOf(doc, of...)
}

// defaultsOf says what an option is where it is not given: what it mostly is, then
// what it is of some kinds.
func defaultsOf(option string) string {
	var values []string
	kinds := map[string][]string{} // by value
	note := func(value, kind string) {
		if kinds[value] == nil {
			values = append(values, value)
		}
		kinds[value] = append(kinds[value], kind)
	}
	for _, name := range Kinds {
		d := aggregate.Describe(name)
		o := d.Option(option)
		if o == nil || o.Default == nil {
			continue
		}
		words := false
		for _, w := range d.Words {
			if option == "over" && w.Over > 0 {
				note(fmt.Sprintf("%d s", w.Over), name+": "+w.Text)
				words = true
			}
		}
		if words {
			continue
		}
		var numbers []string
		for _, n := range o.Default {
			numbers = append(numbers, plain(n))
		}
		value := list(numbers)
		if o.Type == aggregate.Seconds {
			value += " s"
		}
		note(value, name)
	}
	if len(values) == 0 {
		return ""
	}
	slices.SortStableFunc(values, func(a, b string) int { return len(kinds[b]) - len(kinds[a]) })
	said := " " + values[0] + " if not given"
	for _, value := range values[1:] {
		said += "; " + value + " of " + strings.Join(kinds[value], ", ")
	}
	return said + "."
}

// schema is the JSON Schema of a definitions file, for editors that complete
// and check as one types. What it cannot say, such as whether a stat that a page
// names is there, `pulse validate` does. It is of draft 7, which is what the
// editors' language server for YAML knows.
func schema() []byte {
	statProperties := object{
		"name": orVariable("Its name: letters, digits and . _ - /, and what each names in braces.",
			object{"type": scalars, "pattern": namePattern, "not": object{"type": "string", "pattern": `^pulse\.`}, "maxLength": MaxName}),

		"where":    conditionText("Which lines count: an expression over their fields."),
		"each":     named("Makes a family: names with lists of values, which {name}, {name:lower} and {name:dashes} stand for.", words("a list, or a text with commas"), placeholderName.String()),
		"scope":    boolean("false: there is one of it, whatever the file's scope is."),
		"title":    text("Shown instead of the name.", MaxName),
		"unit":     text("Shown after the value.", MaxUnit),
		"warn":     number("From here on it is shown as a warning."),
		"crit":     number("From here on it is shown as critical."),
		"reversed": boolean("true: low values are bad."),
		"help":     text("What it means, for those who look at it.", MaxHelp),
		"link":     orVariable("Where its panel leads.", object{"type": "string", "pattern": "^https?://", "maxLength": MaxLink}),
	}
	statProperties["each"].(object)["minProperties"] = 1
	for _, kind := range Kinds {
		statProperties[kind] = kindProperty(aggregate.Describe(kind))
	}
	for _, o := range options {
		statProperties[o.Name] = optionProperty(o)
	}
	stat := mapping("A stat.", statProperties, "name")
	var kinds []object
	for _, kind := range Kinds {
		kinds = append(kinds, object{"required": []string{kind}})
	}
	stat["oneOf"] = kinds
	stat["dependencies"] = kindDependencies()

	empty := object{"type": append([]string{"null"}, scalars...)} // or a text
	optional := func(description string) object { return described(description, maps.Clone(empty)) }
	s := mapping("What Pulse counts, and how it shows it.", object{
		"lateness": anyOf("How long a second waits for its lines, whole seconds; 2 s if not given.", duration(""), object{"const": 0}),
		"define": named("Conditions by name, for use in others.", conditionText(""),
			`^[^0-9\s-][^\s-]*$`, slices.Concat(headerFields, condition.Words())...),
		"formats": listOf("Formats of lines, which are tried before those of Pulse.", formatSchema(), 0, format.MaxFormats),
		"derive":  named("Fields made of others: expressions by name.", text("", derive.MaxText), `^[^0-9\s-][^\s-]*$`, condition.Words()...),
		"scope": mapping("Each stat once for each value of a field, which meets only lines with that value.", object{
			"field":   field("The field."),
			"values":  words("The values: a list, or a text with commas."),
			"default": optional("The value whose stats keep their plain names; the first if not given."),
			"prefix":  optional("Stands before the names of all."),
			"strip":   optional("A suffix of values that names do without."),
		}, "field", "values"),
		"inlog": boolean("true: metrics that lines name themselves, count#x=3, measure#db=1.2s and sample#memory=384.3MB, are in the stats logs.count, logs.measure and logs.sample, by name."),
		"stats": listOf("The stats.", stat, 1, MaxStats),
		"pages": listOf("The pages of the dashboard.", mapping("A page.", object{
			"title": text("Its title.", MaxName),
			"rows":  listOf("Its rows: names of stats, or of families.", listOf("", text("", MaxName), 0, 0), 0, 0),
			"scope": boolean("false: there is one of it; otherwise each value of the file's scope has one, with its internal stats."),
		}, "title", "rows"), 0, 0),
		"marks": listOf("What stands on every chart at the second in which lines say so.", mapping("A mark.", object{
			"name":  orVariable("Its name: letters, digits and . _ - /.", object{"type": scalars, "pattern": namePattern, "maxLength": MaxName}),
			"where": conditionText("What holds for the lines that say so."),
			"text":  field("The field whose value it tells, such as a release."),
			"link":  text("Where it leads: an address, in which {text} stands for that value.", MaxLink),
		}, "name", "where"), 0, MaxMarks),
		"alerts": listOf("When something is wrong.", alertSchema(), 0, alert.MaxRules),
		"routes": named("Where alerts are sent, by name.", routeSchema(), namePattern),
		"tests": listOf("Cases that pulse test runs.", mapping("A case.", object{
			"name":   text("Its name.", MaxName),
			"lines":  text("The lines that come in.", maxTestLines),
			"expect": listOf("Final values of stats, and states of alerts.", expectationSchema(), 0, maxExpected),
		}, "name", "lines", "expect"), 0, maxTests),
	}, "stats")
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = "Pulse definitions"
	s["definitions"] = object{"variable": object{
		"type": "string", "pattern": variablePattern,
		"description": "A text with ${NAME}, or with {name} of each, which stands for the value.",
	}}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		panic(err) // it has texts, numbers and maps
	}
	return b.Bytes()
}

func expectationSchema() object {
	e := mapping("The value of a stat, or the state of an alert.", object{
		"stat":  text("The stat's name.", MaxName),
		"value": object{},
		"alert": text("The alert's name.", MaxName),
		"key":   text("A key of the alert; without it its worst state counts.", MaxName),
		"state": orVariable("The alert's state.", object{"enum": alert.States}),
		"time":  orVariable("The second; the last one if not given.", object{"type": "string", "format": "date-time"}),
	})
	e["oneOf"] = []object{{"required": []string{"stat", "value"}}, {"required": []string{"alert", "state"}}}
	return e
}

func alertSchema() object {
	threshold := func(description string) object { return text(description, alert.MaxThreshold) }
	return mapping("An alert.", object{
		"name":    orVariable("Its name: letters, digits and . _ - /.", object{"type": scalars, "pattern": namePattern, "maxLength": MaxName}),
		"when":    threshold("What is bad: a stat, compared with a number, such as errors > 5, p99 of service-ms > 500 or any key of requests > 100."),
		"clear":   threshold("What is good again; by default, the opposite of when."),
		"for":     duration("How long when holds before the alert fires; at once if not given."),
		"keep":    duration("How long clear holds before the alert is over; at once if not given."),
		"unknown": orVariable("What becomes of it while the stat is not known: it holds (by default), clears, or is an alert of its own after a while.", object{"type": "string", "pattern": "^(hold|clear|fire after .+)$"}),
		"on":      orVariable("Whether it goes by seconds that just closed (by default), or by final ones.", object{"enum": []string{"closed", "final"}}),
		"to":      described("By which routes it is sent: a name or a list; by default, by all.", object{"anyOf": []object{{"type": scalars}, listOf("", text("", MaxName), 0, 0)}}),
		"runbook": text("Where it says what to do: an address.", MaxLink),
		"help":    text("A text about it.", MaxHelp),
	}, "name", "when")
}

func routeSchema() object {
	target := func(description string) object {
		return text(description+"; $NAME stands for an environment variable of pulse alert that has it.", MaxLink)
	}
	r := mapping("A receiver.", object{
		alert.Alertmanager: target("The address of an Alertmanager, such as http://alertmanager:9093"),
		alert.Webhook:      target("A URL that gets a POST of JSON"),
		alert.PagerDuty:    target("The integration key of a PagerDuty service, Events API v2"),
		alert.Slack:        target("The URL of an incoming webhook of Slack"),
	})
	r["minProperties"], r["maxProperties"] = 1, 1
	return r
}

// formatSchema is a line format.
func formatSchema() object {
	f := mapping("A format: a pattern, a regular expression, or columns.", object{
		"name":    orVariable("Its name: letters, digits and . _ - /.", object{"type": scalars, "pattern": namePattern, "maxLength": MaxName}),
		"pattern": text("Literals, and a hole for each part that changes: <name>, <_>, <name:number>, <name:json>, <name:logfmt>.", format.MaxText),
		"regexp":  text("A regular expression of Go's, whose named groups are the fields.", format.MaxText),
		"columns": orVariable("Columns of one of these forms.", object{"enum": columns}),
		"names":   listOf("The columns' names; _ skips one.", text("", MaxName), 1, format.MaxCaptures),
		"in":      field("A field whose text it reads, instead of the line."),
		"time":    text("How <time> is written: a layout of Go's, iso, unix, unixms, unixus or unixns; by default in any way that Pulse knows.", MaxName),
		"zone":    text("The zone of times that have none: UTC, +02:00 or Europe/Berlin.", MaxName),
		"where":   conditionText("What holds for the fields of the lines' origin."),
		"samples": listOf("Lines that it must read.", mapping("A line.", object{
			"line":   text("The line.", line.MaxLen),
			"time":   orVariable("Its time.", object{"type": "string", "format": "date-time"}),
			"fields": object{"type": "object", "description": "Some of its fields; one without a value is missing.", "additionalProperties": object{"type": append([]string{"null"}, scalars...)}},
		}, "line"), 0, maxSamples),
	}, "name")
	var forms []object
	for _, key := range formKeys {
		forms = append(forms, object{"required": []string{key}})
	}
	f["oneOf"] = forms
	f["dependencies"] = object{"names": []string{"columns"}}
	return f
}

func TestDocs(t *testing.T) { testkit.GeneratedFile(t, "schema.json", schema()) }

// The schema has the keys that Parse takes.
func TestSchemaHasTheKeys(t *testing.T) {
	var s object
	if err := json.Unmarshal(schema(), &s); err != nil {
		t.Fatal(err)
	}
	properties := func(o any) object { return o.(object)["properties"].(object) }
	items := func(o any) object { return o.(object)["items"].(object) }
	stat := items(properties(s)["stats"])
	test := items(properties(s)["tests"])
	formats := items(properties(s)["formats"])
	for name, c := range map[string]struct {
		schema any
		keys   []string
	}{
		"file":        {s, fileKeys},
		"stat":        {stat, statKeys},
		"scope":       {properties(s)["scope"], scopeKeys},
		"format":      {formats, formatKeys},
		"sample":      {items(properties(formats)["samples"]), sampleKeys},
		"page":        {items(properties(s)["pages"]), pageKeys},
		"test":        {test, testKeys},
		"expectation": {items(properties(test)["expect"]), expectationKeys},
		"alert":       {items(properties(s)["alerts"]), alertKeys},
		"route":       {properties(s)["routes"].(object)["additionalProperties"], alert.Receivers},
		"mark":        {items(properties(s)["marks"]), markKeys},
	} {
		has := slices.Sorted(maps.Keys(properties(c.schema)))
		want := slices.Sorted(slices.Values(c.keys))
		if !slices.Equal(has, want) {
			t.Errorf("%s: the schema has the keys %s, Parse takes %s", name, has, want)
		}
	}
}

// compiled is the schema as an editor reads it.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// jsonOf gives a node as an editor compares it with the schema: every scalar is
// a number, a boolean, null or a text, of which a time is one.
func jsonOf(t *testing.T, n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return jsonOf(t, n.Content[0])
	case yaml.AliasNode:
		return jsonOf(t, n.Alias)
	case yaml.MappingNode:
		m := make(map[string]any)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = jsonOf(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		l := make([]any, len(n.Content))
		for i, c := range n.Content {
			l[i] = jsonOf(t, c)
		}
		return l
	}
	var v any = n.Value
	if n.Tag != "!!timestamp" {
		if err := n.Decode(&v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// bySchema is what the schema says of a file.
func bySchema(t *testing.T, s *jsonschema.Schema, data []byte) error {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		t.Fatalf("%v\nin %s", err, data)
	}
	return s.Validate(jsonOf(t, &n))
}

// The schema takes what Parse takes.
func TestSchemaTakesFiles(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, "builtin.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := bySchema(t, s, data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaAndParse(t *testing.T) {
	const (
		both    = iota // take it
		neither        // takes it
		parse          // alone refuses it: the schema cannot say that
	)
	s := compiled(t)
	const other = "{name: x, mean: v}"
	for _, test := range []struct {
		src  string
		want int
	}{
		{"stats: [{name: a, rate: second}]", both},
		{"stats: [{name: a, rate: hour}]", neither},
		{"stats: [{name: a, rate: '${X:-minute}'}]", both},
		{"stats: [{name: a, count: lines, by: x, top: 3}]", both},
		{"stats: [{name: a, count: x}]", neither},
		{"stats: [{name: a, stddev: x, by: y, over: 5m}]", both},
		{"stats: [{name: a}]", neither},
		{"stats: [{name: a, rate: second, mean: x}]", neither},
		{"stats: [{rate: second}]", neither},
		{"stats: []", neither},
		{"{}", neither},
		{"stat: []", neither},
		{"stats: [{name: a, rate: second, color: red}]", neither},

		{"stats: [{name: 5, rate: second}]", both},
		{"stats: [{name: a b, rate: second}]", neither},
		{"stats: [{name: '', rate: second}]", neither},
		{"stats: [{name: pulse.lines, rate: second}]", neither},
		{"stats: [{name: 'a-${X:-b}/{c:lower}', each: {c: [1]}, rate: second}]", both},

		{"stats: [{name: a, mean: 5}]", neither},
		{"stats: [{name: a, mean: [x]}]", neither},
		{"stats: [{name: a, mean: }]", neither},
		{"stats: [{name: a, mean: 'two words'}]", both},
		{"stats: [{name: a, mean: '$env[\"x\"]'}]", neither},
		{"stats: [{name: a, mean: '${X:-x}'}]", both},

		{"stats: [{name: a, quantiles: x, at: [0.5, 1]}]", both},
		{"stats: [{name: a, quantiles: x, at: ['${X:-0.5}']}]", both},
		{"stats: [{name: a, quantiles: x, at: 0.5}]", neither},
		{"stats: [{name: a, quantiles: x, at: [0]}]", neither},
		{"stats: [{name: a, quantiles: x, at: [0.5, 0.5]}]", neither},
		{"stats: [{name: a, quantiles: x, at: [0.1234567]}]", parse},
		{"stats: [{name: a, mean: x, at: [0.5]}]", neither},
		{"stats: [{name: a, quantiles: x, by: y, rank: 0.99}]", both},
		{"stats: [{name: a, quantiles: x, rank: 0.99}]", neither},
		{"stats: [{name: a, quantiles: x, by: y, rank: 2}]", neither},
		{"stats: [{name: a, mean: x, by: y, rank: 0.99}]", neither},
		{"stats: [{name: a, mean: x, by: y, rank: count}]", both},
		{"stats: [{name: a, mean: x, by: y, rank: most}]", neither},
		{"stats: [{name: a, quantiles: x, by: y, rank: count}]", both},
		{"stats: [{name: a, quantiles: x, by: y, rank: value}]", neither},
		{"stats: [{name: a, apdex: x, satisfied: 0.5, tolerated: 2, by: y}]", both},
		{"stats: [{name: a, apdex: x, satisfied: 0.5}]", neither},
		{"stats: [{name: a, apdex: x, satisfied: -1, tolerated: 2}]", neither},
		{"stats: [{name: a, apdex: x, satisfied: 2, tolerated: 1}]", parse},
		{"stats: [{name: a, mean: x, satisfied: 2}]", neither},

		{"stats: [{name: a, histogram: x, buckets: [1, 2]}]", both},
		{"stats: [{name: a, histogram: x, buckets: ['${X:-1}']}]", both},
		{"stats: [{name: a, histogram: x}]", neither},
		{"stats: [{name: a, histogram: x, buckets: []}]", neither},
		{"stats: [{name: a, histogram: x, buckets: [1, 1]}]", neither},
		{"stats: [{name: a, histogram: x, buckets: [2, 1]}]", parse},
		{"stats: [{name: a, histogram: x, buckets: [1e18]}]", both},
		{"stats: [{name: a, histogram: x, buckets: [2e18]}]", neither},
		{"stats: [{name: a, histogram: x, buckets: [1], by: y}]", neither},
		{"stats: [{name: a, sum: x, buckets: [1]}]", neither},

		{"stats: [{name: a, rate: second, by: x}]", both},
		{"stats: [{name: a, rate: second, by: [x, y], top: 100}]", both},
		{"stats: [{name: a, rate: second, by: x, top: '${X:-10}'}]", both},
		{"stats: [{name: a, rate: second, by: x, top: '{n}', each: {n: 3}}]", both},
		{"stats: [{name: a, rate: second, by: x, top: '5'}]", neither},
		{"stats: [{name: a, rate: second, by: x, top: 101}]", neither},
		{"stats: [{name: a, rate: second, by: x, top: 1.5}]", neither},
		{"stats: [{name: a, rate: second, top: 5}]", neither},
		{"stats: [{name: a, rate: second, by: []}]", neither},
		{"stats: [{name: a, rate: second, by: [x, x]}]", neither},
		{"stats: [{name: a, rate: second, by: [1]}]", neither},
		{"stats: [{name: a, rate: second, by: [a, b, c, d, e]}]", neither},
		{"stats: [{name: a, unique: x, by: y}]", both},
		{"stats: [{name: a, last: x, by: y}]", both},
		{"stats: [{name: a, delta: x, by: y, top: 5}]", neither},

		{"stats: [{name: a, last-sum: x, by: y, expire: 10s}]", both},
		{"stats: [{name: a, last-sum: x}]", neither},
		{"stats: [{name: a, last-count: x, by: y, over: 10s}]", neither},
		{"stats: [{name: a, last-max: x, by: y, top: 3}]", neither},
		{"stats: [{name: a, rate: second, expire: 10s}]", neither},
		{"stats: [{name: a, max: x, by: y, expire: 10s}]", neither},
		{"stats: [{name: a, delta: x, by: y, over: 10s, expire: 20s}]", both},

		{"stats: [{name: a, ratio: [x, x]}, " + other + "]", both},
		{"stats: [{name: a, slo: {good: b, total: b, target: 99.9}}, {name: b, count: lines}]", both},
		{"stats: [{name: a, slo: {good: b, total: b}}, {name: b, count: lines}]", neither},
		{"stats: [{name: a, slo: {good: b, total: b, target: 101}}, {name: b, count: lines}]", parse},
		{"inlog: true\nstats: [" + other + "]\npages: [{title: P, rows: [[logs.count]]}]", both},
		{"inlog: all\nstats: [" + other + "]", neither},
		{"inlog: true\nstats: [{name: logs.count, rate: second}]", parse},
		{"stats: [{name: a, ratio: [x]}, " + other + "]", neither},
		{"stats: [{name: a, ratio: [x, x], over: 10s}, " + other + "]", neither},
		{"stats: [{name: a, ratio: [x, x], where: y}, " + other + "]", neither},
		{"stats: [{name: a, ratio: [x, y]}, " + other + "]", parse},
		{"stats: [{name: a, value: 2 * (x - x)}, " + other + "]", both},
		{"stats: [{name: a, value: 2 *}, " + other + "]", parse},
		{"stats: [{name: a, value: [x]}, " + other + "]", neither},
		{"stats: [{name: a, value: x, where: y}, " + other + "]", neither},

		{"stats: [{name: a, mean: x, over: 1h30m}]", both},
		{"stats: [{name: a, mean: x, over: .5m}]", both},
		{"stats: [{name: a, mean: x, over: '${X:-10}s'}]", both},
		{"stats: [{name: a, mean: x, over: 10}]", neither},
		{"stats: [{name: a, mean: x, over: soon}]", neither},
		{"stats: [{name: a, mean: x, over: 10d}]", both},
		{"stats: [{name: a, mean: x, over: 1d12h}]", both},
		{"stats: [{name: a, mean: x, over: 1h1d}]", neither},
		{"stats: [{name: a, mean: x, over: 1.5d}]", neither},
		{"stats: [{name: a, mean: x, over: 31d}]", parse},
		{"stats: [{name: a, max: x, over: 25h}]", parse},
		{"stats: [{name: a, mean: x, by: y, over: 25h}]", parse},
		{"formats: [{name: a, pattern: '<time> <msg>', time: iso, zone: UTC, where: input == 1, in: x}]\nstats: [" + other + "]", both},
		{"formats: [{name: a, columns: csv, names: [a, _], samples: [{line: x, time: 2012-11-22T09:31:34Z, fields: {a: 1, b: }}]}]\nstats: [" + other + "]", both},
		{"formats: [{name: a, pattern: <a>, regexp: b}]\nstats: [" + other + "]", neither},
		{"formats: [{name: a}]\nstats: [" + other + "]", neither},
		{"formats: [{name: a, columns: xml}]\nstats: [" + other + "]", neither},
		{"formats: [{name: a, pattern: <a>, names: [b]}]\nstats: [" + other + "]", neither},
		{"formats: [{name: a, pattern: <a>, samples: [{fields: {}}]}]\nstats: [" + other + "]", neither},
		{"formats: [{name: a, pattern: <a><b>}]\nstats: [" + other + "]", parse},

		{"derive: {a: route(path), b: a}\nstats: [{name: x, mean: 'ms / 1000', by: 'split(a, \"/\")[1]'}]", both},
		{"derive: [a]\nstats: [" + other + "]", neither},
		{"derive: {a-b: x}\nstats: [" + other + "]", neither},
		{"derive: {a: b, b: a}\nstats: [" + other + "]", parse},

		{"lateness: 0\nstats: [" + other + "]", both},
		{"lateness: 2\nstats: [" + other + "]", neither},

		{"stats: [{name: a, mean: x, where: true}]", both},
		{"stats: [{name: a, mean: x, where: 5}]", neither},
		{"stats: [{name: a, mean: x, where: '5'}]", parse},
		{"define: {a: true, größe: x == 1}\nstats: [" + other + "]", both},
		{"define: {a-b: y}\nstats: [" + other + "]", neither},
		{"define: {1: y}\nstats: [" + other + "]", neither},
		{"define: {level: y}\nstats: [" + other + "]", neither},
		{"define: {in: y}\nstats: [" + other + "]", neither},
		{"define: {a: 5}\nstats: [" + other + "]", neither},

		{"stats: [{name: 'a{b}', mean: x, each: {b: 1}}]", both},
		{"stats: [{name: 'a{b}', mean: x, each: {b: '1, 2'}}]", both},
		{"stats: [{name: 'a{b}', mean: x, each: {b: [1, x, true]}}]", both},
		{"stats: [{name: 'a{b}', mean: x, each: {b: []}}]", neither},
		{"stats: [{name: 'a{b}', mean: x, each: {b: ','}}]", neither},
		{"stats: [{name: 'a{b}', mean: x, each: {b: [1, 1]}}]", neither},
		{"stats: [{name: 'a{b}', mean: x, each: {b: }}]", neither},
		{"stats: [{name: 'a', mean: x, each: {}}]", neither},
		{"stats: [{name: 'a', mean: x, each: {B: 1}}]", neither},
		{"stats: [{name: 'a', mean: x, each: {b: [1, 2]}}]", parse},

		{"stats: [{name: a, mean: x, title: 5, unit: true, help: 1.5}]", both},
		{"stats: [{name: a, mean: x, title: 2012-11-22}]", both},
		{"stats: [{name: a, mean: x, title: ' '}]", neither},
		{"stats: [{name: a, mean: x, title: }]", neither},
		{"stats: [{name: a, mean: x, unit: a unit that is far too long}]", neither},
		{"stats: [{name: a, mean: x, unit: '${SOME_VERY_LONG_VARIABLE:-ms}'}]", both},
		{"stats: [{name: a, mean: x, warn: 1e3, crit: '${X:-2000}'}]", both},
		{"stats: [{name: a, mean: x, warn: high}]", neither},
		{"stats: [{name: a, mean: x, warn: '5'}]", neither},
		{"stats: [{name: a, mean: x, warn: 5, crit: 1}]", parse},
		{"stats: [{name: a, mean: x, reversed: true, scope: '${X:-false}'}]", both},
		{"stats: [{name: a, mean: x, reversed: 'yes'}]", neither},
		{"stats: [{name: a, mean: x, link: 'https://example.com/{b}', each: {b: 1}}]", both},
		{"stats: [{name: a, mean: x, link: 'ftp://example.com'}]", neither},

		{"scope: {field: f, values: '${X:-a}', default: , prefix: 5, strip: ''}\nstats: [" + other + "]", both},
		{"scope: {field: f, values: 5}\nstats: [" + other + "]", both},
		{"scope: {values: a}\nstats: [" + other + "]", neither},
		{"scope: {field: f, values: []}\nstats: [" + other + "]", neither},
		{"scope: {field: f, values: a, default: b}\nstats: [" + other + "]", parse},

		{"stats: [" + other + "]\npages: [{title: 5, rows: [[x], []]}]", both},
		{"stats: [" + other + "]\npages: [{title: P, rows: [x]}]", neither},
		{"stats: [" + other + "]\npages: [{rows: []}]", neither},
		{"stats: [" + other + "]\npages: [{title: P, rows: [[y]]}]", parse},
		{"stats: [" + other + "]\ntests: [{name: 5, lines: 5, expect: [{stat: x, value: , time: 2012-11-22T09:31:34Z}]}]", both},
		{"stats: [" + other + "]\ntests: [{name: t, lines: y, expect: [{stat: x}]}]", neither},
		{"stats: [" + other + "]\ntests: [{name: t, lines: y, expect: [{stat: x, value: 1, time: noon}]}]", neither},
	} {
		_, errParse := Parse("f.yaml", []byte(test.src))
		errSchema := bySchema(t, s, []byte(test.src))
		if (errParse == nil) != (test.want == both) {
			t.Errorf("Parse says %v\nof %s", errParse, test.src)
		}
		if (errSchema == nil) != (test.want != neither) {
			t.Errorf("the schema says %v\nof %s", errSchema, test.src)
		}
	}
}
