package stats

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"
)

var updateSchema = flag.Bool("update-schema", false, "write schema.json anew")

// An object is a part of a JSON Schema.
type object = map[string]any

func text(description string, most int) object {
	return object{"type": "string", "description": description, "minLength": 1, "maxLength": most}
}

func number(description string) object { return object{"type": "number", "description": description} }

func field(description string) object { return text(description, MaxName) }

func duration(description string) object {
	return object{
		"type": "string", "description": description, "examples": []string{"10s", "5m", "1h"},
		"pattern": `^([0-9.]+(ms|s|m|h))+$|\$\{`,
	}
}

// listOf has elements; of texts it may be one text with commas.
func listOf(description string, items object, least, most int) object {
	o := object{"type": "array", "description": description, "items": items, "minItems": least}
	if most > 0 {
		o["maxItems"] = most
	}
	return o
}

func oneOf(description string, schemas ...object) object {
	return object{"description": description, "anyOf": schemas}
}

// mapping has properties in no order, of which some are required, and no other.
func mapping(description string, properties object, required ...string) object {
	o := object{"type": "object", "description": description, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// schema is the JSON Schema of a definitions file, for editors that complete
// and check as one types. What it cannot say, such as which options go with
// which kind, `pulse validate` does.
func schema() object {
	any := object{}
	word := object{"type": []string{"string", "number", "boolean"}}
	words := oneOf("a list, or a text with commas", listOf("", word, 1, 0), object{"type": "string"})
	statProperties := object{
		"name": text("Its name: letters, digits and . _ - /, and what each names in braces.", MaxName),

		"rate":       object{"enum": []string{"second", "minute"}, "description": "Lines per second over the last 10 s, or per minute over the last 70 s."},
		"mean":       field("The mean of a field's numbers."),
		"max":        field("The greatest of a field's numbers."),
		"min":        field("The least of a field's numbers."),
		"sum":        field("The sum of a field's numbers."),
		"quantiles":  field("Quantiles of a field's numbers; see at."),
		"unique":     field("How many different values a field has."),
		"histogram":  field("How many of a field's numbers there are by buckets."),
		"last":       field("The newest of a field's numbers."),
		"last-sum":   field("The sum of the newest number of each part; see by and expire."),
		"last-mean":  field("The mean of the newest number of each part; see by and expire."),
		"last-count": field("How many parts have a number; see by and expire."),
		"last-max":   field("The greatest of the newest number of each part; see by and expire."),
		"delta":      field("By how much a counter grew; of several parts with by."),
		"ratio":      listOf("One stat by another: their names. Both have the same over.", text("", MaxName), 2, 2),

		"at":       listOf("Which quantiles; 0.5, 0.95 and 0.99 if not given.", object{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, 1, MaxAt),
		"buckets":  listOf("The bounds of a histogram, ascending. What is equal to one is below it.", object{"type": "number"}, 1, MaxBuckets),
		"by":       oneOf("A field, or several, whose texts are the key of the value or name a part.", field(""), listOf("", field(""), 1, MaxBy)),
		"top":      object{"type": "integer", "minimum": 1, "maximum": MaxTop, "description": "How many keys the value has; 10 if not given."},
		"over":     duration("The trailing window, whole seconds; 60 s if not said otherwise."),
		"expire":   duration("How long a part's newest number counts; 300 s if not given."),
		"where":    text("Which lines count: an expression over their fields.", 8<<10),
		"each":     object{"type": "object", "description": "Makes a family: names with lists of values, which {name}, {name:lower} and {name:dashes} stand for.", "additionalProperties": words, "minProperties": 1},
		"scope":    object{"type": "boolean", "description": "false: there is one of it, whatever the file's scope is."},
		"title":    text("Shown instead of the name.", MaxName),
		"unit":     text("Shown after the value.", MaxUnit),
		"warn":     number("From here on it is shown as a warning."),
		"crit":     number("From here on it is shown as critical."),
		"reversed": object{"type": "boolean", "description": "true: low values are the bad ones."},
		"help":     text("What it means, for those who look at it.", MaxHelp),
		"link":     object{"type": "string", "format": "uri", "maxLength": MaxLink, "description": "Where its panel leads."},
	}
	stat := mapping("A stat.", statProperties, "name")
	var kinds []object
	for _, kind := range Kinds {
		kinds = append(kinds, object{"required": []string{kind}})
	}
	stat["oneOf"] = kinds
	s := mapping("What Pulse counts, and how it shows it.", object{
		"lateness": duration("How long a second waits for its lines, whole seconds; 2 s if not given."),
		"define":   object{"type": "object", "description": "Conditions by name, for use in others.", "additionalProperties": text("", 8<<10)},
		"scope": mapping("Each stat once for each value of a field, which meets only lines with that value.", object{
			"field":   field("The field."),
			"values":  words,
			"default": object{"type": "string", "description": "The value whose stats keep their plain names; the first if not given."},
			"prefix":  object{"type": "string", "description": "Stands before the names of all."},
			"strip":   object{"type": "string", "description": "A suffix of values that names do without."},
		}, "field", "values"),
		"stats": listOf("The stats.", stat, 1, MaxStats),
		"pages": listOf("The pages of the dashboard.", mapping("A page.", object{
			"title": text("Its title.", MaxName),
			"rows":  listOf("Its rows: names of stats, or of families.", listOf("", text("", MaxName), 0, 0), 0, 0),
			"scope": object{"type": "boolean", "description": "false: there is one of it; otherwise each value of the file's scope has one, with its own stats."},
		}, "title", "rows"), 0, 0),
		"tests": listOf("Cases that pulse test runs.", mapping("A case.", object{
			"name":  text("Its name.", MaxName),
			"lines": text("The lines that come in.", maxTestLines),
			"expect": listOf("The final values of stats.", mapping("A value.", object{
				"stat":  text("The stat's name.", MaxName),
				"time":  object{"type": "string", "format": "date-time", "description": "The second; the last one if not given."},
				"value": any,
			}, "stat", "value"), 0, maxExpected),
		}, "name", "lines", "expect"), 0, maxTests),
	}, "stats")
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Pulse definitions"
	return s
}

// schema.json is the schema, and the schema has the keys that Parse takes.
func TestSchemaIsCurrent(t *testing.T) {
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema()); err != nil {
		t.Fatal(err)
	}
	if *updateSchema {
		if err := os.WriteFile("schema.json", got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), kept) {
		t.Error("schema.json is not current: go test ./stats -run Schema -update-schema")
	}

	properties := func(o any) object { return o.(object)["properties"].(object) }
	items := func(o any) object { return o.(object)["items"].(object) }
	s := schema()
	stat := items(properties(s)["stats"])
	test := items(properties(s)["tests"])
	for name, c := range map[string]struct {
		schema any
		keys   []string
	}{
		"file":        {s, fileKeys},
		"stat":        {stat, statKeys},
		"scope":       {properties(s)["scope"], scopeKeys},
		"page":        {items(properties(s)["pages"]), pageKeys},
		"test":        {test, testKeys},
		"expectation": {items(properties(test)["expect"]), expectationKeys},
	} {
		var has []string
		for key := range properties(c.schema) {
			has = append(has, key)
		}
		slices.Sort(has)
		want := slices.Sorted(slices.Values(c.keys))
		if !slices.Equal(has, want) {
			t.Errorf("%s: the schema has the keys %s, Parse takes %s", name, has, want)
		}
	}
}
