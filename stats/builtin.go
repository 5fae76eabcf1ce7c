package stats

import (
	_ "embed"
	"sync"
)

//go:embed builtin.yaml
var builtinYAML []byte

// Builtin gives the definitions that serve where no file is given: what can be
// said of any log, by the fields that its lines have. They must not be changed.
var Builtin = sync.OnceValue(func() *Definitions {
	d, err := Parse("builtin.yaml", builtinYAML)
	if err != nil {
		panic(err) // a test parses the file
	}
	return d
})
